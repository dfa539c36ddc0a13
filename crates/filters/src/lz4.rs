//! HDF5 filter 32004: LZ4 blocks in a framing of their own.
//!
//! | bytes | meaning |
//! |---|---|
//! | 8 | plain size, big-endian |
//! | 4 | plain size of a block, big-endian; the last block may be smaller |
//! | 4 | of each block: stored size, big-endian; equal to the plain size if it is not compressed |
//! | .. | of each block: an LZ4 block |
//!
//! An LZ4 block is sequences: a byte with two lengths of 4 bits, those literal bytes, the distance
//! of a repeat (2 bytes, little-endian). The length of the repeat is 4 more than stated; the last
//! sequence has none.

use crate::cursor::{Cursor, size};
use crate::lz::Window;
use crate::registered::Fault;

/// The most plain bytes that a stored byte can give: it adds at most 255 to a length.
const BEST_RATIO: usize = 255;

/// The length of the shortest repeat.
const SHORTEST: usize = 4;

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
    let expected = plain.len();
    let mut window = Window::new(plain);
    let mut rest = stored;
    while let Some((&token, after)) = rest.split_first() {
        // Nearly all sequences are short: one look at lengths and room is enough for those.
        let length = usize::from(token >> 4);
        if let Some(literals) = after.first_chunk::<16>()
            && length < 15
            && token & 15 < 15
            && let [.., near, far] = after.get(..length.wrapping_add(2)).unwrap_or_default()
        {
            let distance = usize::from(u16::from_le_bytes([*near, *far]));
            let repeat = usize::from(token & 15).wrapping_add(SHORTEST);
            if window.both(*literals, length, distance, repeat) {
                rest = after.get(length.wrapping_add(2)..).unwrap_or_default();
                continue;
            }
        }
        let (length, after) = extended(token >> 4, after)?;
        window.literals(after, length)?;
        rest = after.get(length..).unwrap_or_default();
        let Some((&distance, after)) = rest.split_first_chunk::<2>() else {
            break; // the last sequence repeats nothing
        };
        let (length, after) = extended(token & 15, after)?;
        let distance = usize::from(u16::from_le_bytes(distance));
        window.repeat(distance, length.saturating_add(SHORTEST))?;
        rest = after;
    }
    if rest.is_empty() && window.len() == expected {
        return Ok(());
    }
    Err(Fault::Malformed(format!(
        "an LZ4 block of {} bytes gives {} bytes, expected {expected}",
        stored.len(),
        window.len()
    )))
}

/// A length of 4 bits, to which bytes are added if they are all set: up to the first below 255.
#[inline]
fn extended(bits: u8, mut rest: &[u8]) -> Result<(usize, &[u8]), Fault> {
    let mut length = usize::from(bits);
    if bits == 15 {
        loop {
            let (&more, after) = rest
                .split_first()
                .ok_or("an LZ4 block ends within a length")?;
            rest = after;
            length = length.saturating_add(usize::from(more));
            if more != 255 {
                break;
            }
        }
    }
    Ok((length, rest))
}
