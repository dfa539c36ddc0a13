//! HDF5 filter 32008: bits of equal significance together, in blocks that may be compressed.
//!
//! The parameters: version (2), element size, elements in a block (0: as many as make 8 KiB, but
//! at least 128), codec (0 none, 2 LZ4, 3 Zstandard). Without a codec the chunk holds the bits
//! alone; with one:
//!
//! | bytes | meaning |
//! |---|---|
//! | 8 | plain size, big-endian |
//! | 4 | plain size of a block, big-endian |
//! | 4 | of each block: stored size, big-endian |
//! | .. | of each block: its bits, compressed |
//! | .. | the last elements, less than 8, as they are |
//!
//! The last block has as many elements as are left, without those beyond a multiple of 8.

use crate::cursor::{Cursor, size};
use crate::registered::Fault;
use crate::{bitplanes, lz4, zstd};

/// Bytes that a block should have.
const TARGET: usize = 8192;
/// The fewest elements of a block whose size is left to the filter.
const FEWEST: usize = 128;
/// The most plain bytes that a stored byte can give, with the better of the codecs.
const BEST_RATIO: usize = 1 << 15;

/// What compressed the blocks.
enum Codec {
    Lz4,
    Zstd(zstd::Decoder),
}

/// Undoes the filter.
pub(crate) fn decode(stored: &[u8], parameters: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let parameter = |index: usize| parameters.get(index).map(|&value| size(value));
    let element_size = match parameter(2) {
        Some(1..) => parameter(2).unwrap_or(1),
        _ => return Err(format!("element size {:?} in {parameters:?}", parameter(2)).into()),
    };
    let elements = parameter(3).unwrap_or(0);
    let mut codec = match parameter(4) {
        None | Some(0) => return uncompressed(stored, element_size, elements, limit),
        Some(2) => Codec::Lz4,
        Some(3) => Codec::Zstd(zstd::Decoder::new()),
        Some(other) => return Err(Fault::Unsupported(format!("bitshuffle codec {other}"))),
    };
    let mut cursor = Cursor::new(stored);
    let whole = size(u64::from_be_bytes(cursor.array("plain size")?));
    let block = size(u32::from_be_bytes(cursor.array("block size")?));
    if whole > limit {
        return Err(Fault::TooLong);
    }
    if whole > stored.len().saturating_mul(BEST_RATIO) {
        return Err(Fault::Malformed(format!(
            "claims {whole} plain bytes, more than {} stored bytes can give",
            stored.len()
        )));
    }
    let blocks = Blocks::new(
        whole,
        element_size,
        block.checked_div(element_size).unwrap_or(0),
    )?;
    let mut plain = vec![0; whole];
    let (shuffled, rest) = blocks.split(&mut plain);
    let (mut block, mut scratch) = (Vec::new(), Vec::new());
    for place in shuffled.chunks_mut(blocks.bytes) {
        let length = size(u32::from_be_bytes(cursor.array("stored size of a block")?));
        let bytes = cursor.take(length, "block")?;
        block.resize(place.len(), 0);
        match &mut codec {
            Codec::Lz4 => lz4::decode_block(bytes, &mut block)?,
            Codec::Zstd(decoder) => decoder.decode_block(bytes, &mut block)?,
        }
        bitplanes::unshuffle(&block, element_size, place, &mut scratch);
    }
    rest.copy_from_slice(cursor.take(rest.len(), "last elements")?);
    Ok(plain)
}

/// Undoes the filter where there is no codec.
fn uncompressed(
    stored: &[u8],
    element_size: usize,
    elements: usize,
    limit: usize,
) -> Result<Vec<u8>, Fault> {
    if stored.len() > limit {
        return Err(Fault::TooLong);
    }
    let blocks = Blocks::new(stored.len(), element_size, elements)?;
    let mut plain = stored.to_vec();
    let (shuffled, _) = blocks.split(&mut plain);
    let mut scratch = Vec::new();
    for (place, bytes) in shuffled
        .chunks_mut(blocks.bytes)
        .zip(stored.chunks(blocks.bytes))
    {
        let bytes = bytes.get(..place.len()).unwrap_or_default();
        bitplanes::unshuffle(bytes, element_size, place, &mut scratch);
    }
    Ok(plain)
}

/// How a chunk is cut into blocks.
struct Blocks {
    /// Bytes of all blocks together.
    shuffled: usize,
    /// Bytes of a block but perhaps the last; at least 1.
    bytes: usize,
}

impl Blocks {
    /// Of a chunk of `whole` bytes, with so many elements in a block; 0 where the filter chooses.
    fn new(whole: usize, element_size: usize, elements: usize) -> Result<Self, Fault> {
        if whole.checked_rem(element_size) != Some(0) {
            return Err(Fault::Malformed(format!(
                "{whole} bytes are no whole number of elements of {element_size}"
            )));
        }
        let elements = match elements {
            0 => (TARGET.checked_div(element_size).unwrap_or(0) & !7).max(FEWEST),
            stated if stated.is_multiple_of(8) => stated,
            stated => {
                return Err(Fault::Malformed(format!(
                    "blocks of {stated} elements, expected a multiple of 8"
                )));
            }
        };
        let eight = element_size.saturating_mul(8);
        let rest = whole.checked_rem(eight).unwrap_or(0);
        Ok(Self {
            shuffled: whole.saturating_sub(rest),
            bytes: elements.saturating_mul(element_size).max(1),
        })
    }

    /// The blocks, and the last elements.
    fn split<'a>(&self, plain: &'a mut [u8]) -> (&'a mut [u8], &'a mut [u8]) {
        plain
            .split_at_mut_checked(self.shuffled)
            .unwrap_or_default()
    }
}
