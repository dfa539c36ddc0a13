//! HDF5 filters 32001 (Blosc) and 32026 (Blosc2).
//!
//! A Blosc chunk is cut into blocks, each filtered and compressed alone ([`chunk`], [`block`]). A
//! Blosc2 filter puts one such chunk into a frame ([`frame`]) and, where the data has several
//! dimensions, its blocks are small boxes of the data ([`boxes`]).

mod block;
mod blosclz;
mod boxes;
mod chunk;
mod codec;
mod frame;

use crate::registered::Fault;

/// Undoes filter 32001. Its parameters (element size, level, shuffle, codec) are repeated in the
/// chunk.
pub(crate) fn decode(stored: &[u8], _: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    chunk::Chunk::parse(stored)?.decode(limit)
}

/// Undoes filter 32026.
pub(crate) fn decode2(stored: &[u8], parameters: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let Some(frame) = frame::Frame::parse(stored)? else {
        return decode(stored, parameters, limit);
    };
    match frame.boxes(parameters)? {
        Some(boxes) => boxes.decode(&frame.chunk, limit),
        None => frame.chunk.decode(limit),
    }
}
