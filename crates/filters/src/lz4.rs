//! HDF5 filter 32004: LZ4 blocks in a framing of their own.
//!
//! | bytes | meaning |
//! |---|---|
//! | 8 | plain size, big-endian |
//! | 4 | plain size of a block, big-endian; the last block may be smaller |
//! | 4 | of each block: stored size, big-endian; equal to the plain size if it is not compressed |
//! | .. | of each block: an LZ4 block |

use crate::cursor::{Cursor, size};
use crate::registered::Fault;

/// The most plain bytes that a stored byte can give: it adds at most 255 to a length.
const BEST_RATIO: usize = 255;

/// Undoes the filter. Its parameter (the block size) is repeated in the chunk.
pub(crate) fn decode(stored: &[u8], _: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut cursor = Cursor::new(stored);
    let whole = size(u64::from_be_bytes(cursor.array("plain size")?));
    let block = size(u32::from_be_bytes(cursor.array("block size")?)).min(whole);
    if whole > limit {
        return Err(Fault::TooLong);
    }
    if whole > stored.len().saturating_mul(BEST_RATIO) {
        return Err(Fault::Malformed(format!(
            "claims {whole} plain bytes, more than {} stored bytes can give",
            stored.len()
        )));
    }
    if block == 0 && whole > 0 {
        return Err("blocks of no bytes".into());
    }
    let mut plain = vec![0; whole];
    for place in plain.chunks_mut(block.max(1)) {
        let length = size(u32::from_be_bytes(cursor.array("stored size of a block")?));
        let bytes = cursor.take(length, "block")?;
        if length == place.len() {
            place.copy_from_slice(bytes);
        } else {
            decode_block(bytes, place)?;
        }
    }
    Ok(plain)
}

/// Undoes an LZ4 block that gives exactly as many bytes as `plain` has.
pub(crate) fn decode_block(stored: &[u8], plain: &mut [u8]) -> Result<(), Fault> {
    match lz4_flex::block::decompress_into(stored, plain) {
        Ok(length) if length == plain.len() => Ok(()),
        Ok(length) => Err(Fault::Malformed(format!(
            "an LZ4 block gives {length} bytes, expected {}",
            plain.len()
        ))),
        Err(error) => Err(Fault::Malformed(format!("LZ4 block: {error}"))),
    }
}
