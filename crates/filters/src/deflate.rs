//! HDF5 filter 1: deflate in a zlib container.

use std::cell::RefCell;
use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use libdeflater::{DecompressionError, Decompressor};

use crate::error::{Error, Result};
use crate::room;

/// The most plain bytes that a stored byte can give: a repeat of 258 takes at least two bits.
const BEST_RATIO: usize = 1032;

/// Most bytes for which room is made before it is known that there are as many.
const LARGEST_AT_ONCE: usize = 256 << 20;

/// Decoded bytes expected per stored byte before anything is known; more room is made as it fills.
const USUAL_RATIO: usize = 8;

/// Undoes the filter, giving no more than `limit` bytes. Bytes after the stream are ignored, as
/// libhdf5 does.
pub(crate) fn inflate(stored: &[u8], limit: usize, index: usize) -> Result<Vec<u8>> {
    let most = stored.len().saturating_mul(BEST_RATIO);
    let room = limit.min(most);
    if room <= LARGEST_AT_ONCE {
        let mut plain = room::take(room);
        match zlib(stored, &mut plain) {
            Ok(length) => {
                plain.truncate(length);
                return Ok(plain);
            }
            Err(DecompressionError::InsufficientSpace) if room == limit => {
                return Err(Error::TooLong { index, limit });
            }
            Err(_) => {} // the other decoder says why, and where
        }
    }
    inflate_stepwise(stored, limit, index)
}

/// Undoes a zlib stream if it fits; its checksum is compared. Gives the number of plain bytes.
pub(crate) fn zlib(
    stored: &[u8],
    plain: &mut [u8],
) -> std::result::Result<usize, DecompressionError> {
    thread_local! {
        /// Kept: making one takes longer than a small chunk.
        static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    }
    DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.zlib_decompress(stored, plain))
}

/// Room is made as it fills.
fn inflate_stepwise(stored: &[u8], limit: usize, index: usize) -> Result<Vec<u8>> {
    let ceiling = limit.saturating_add(1); // the byte too many tells an overlong stream
    let first = stored.len().saturating_mul(USUAL_RATIO).saturating_add(64);
    let mut decoded = Vec::with_capacity(first.min(ceiling));
    let mut stream = Decompress::new(true);
    loop {
        let at = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let input = stored.get(at..).unwrap_or(&[]);
        let before = (stream.total_in(), decoded.len());
        let status = stream
            .decompress_vec(input, &mut decoded, FlushDecompress::None)
            .map_err(|error| Error::Deflate {
                index,
                stored: stored.len(),
                reason: error.to_string(),
            })?;
        if decoded.len() > limit {
            return Err(Error::TooLong { index, limit });
        }
        if status == Status::StreamEnd {
            return Ok(decoded);
        }
        if decoded.len() == decoded.capacity() {
            let room = ceiling.saturating_sub(decoded.len());
            decoded.reserve_exact(room.min(decoded.len()));
        } else if before == (stream.total_in(), decoded.len()) {
            return Err(Error::Truncated {
                index,
                stored: stored.len(),
                decoded: decoded.len(),
            });
        }
    }
}

/// Applies the filter.
pub(crate) fn deflate(plain: &[u8], level: u8, index: usize) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(level.min(9))));
    encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .map_err(|error| Error::Encode {
            index,
            length: plain.len(),
            reason: error.to_string(),
        })
}

/// The most bytes that `plain` bytes can become: nine bits each, as fixed Huffman codes give (the
/// quickest level of zlib-ng never stores bytes as they are), and headers.
pub(crate) fn longest(plain: usize) -> usize {
    plain.saturating_add(plain >> 3).saturating_add(64)
}
