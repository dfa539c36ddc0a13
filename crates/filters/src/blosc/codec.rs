//! What compressed the blocks of a Blosc chunk.

use super::blosclz;
use crate::registered::Fault;
use crate::{deflate, lz4, zstd};

/// A codec, with what it keeps from block to block.
pub(super) enum Codec {
    BloscLz,
    Lz4,
    Snappy(snap::raw::Decoder),
    Zlib,
    Zstd(zstd::Decoder),
}

impl Codec {
    /// By its number, which is bits 5 to 7 of a chunk's flags.
    pub(super) fn new(number: u8) -> Result<Self, Fault> {
        match number {
            0 => Ok(Self::BloscLz),
            1 => Ok(Self::Lz4),
            2 => Ok(Self::Snappy(snap::raw::Decoder::new())),
            3 => Ok(Self::Zlib),
            4 => Ok(Self::Zstd(zstd::Decoder::new())),
            6 => Err(Fault::Unsupported("a codec defined by a user".to_owned())),
            number => Err(Fault::Unsupported(format!("codec {number}"))),
        }
    }

    /// Undoes a block that gives exactly as many bytes as `plain` has.
    pub(super) fn decode_block(&mut self, stored: &[u8], plain: &mut [u8]) -> Result<(), Fault> {
        match self {
            Self::BloscLz => blosclz::decode_block(stored, plain),
            Self::Lz4 => lz4::decode_block(stored, plain),
            Self::Snappy(decoder) => match decoder.decompress(stored, plain) {
                Ok(length) if length == plain.len() => Ok(()),
                Ok(length) => Err(Fault::Malformed(format!(
                    "a Snappy block gives {length} bytes, expected {}",
                    plain.len()
                ))),
                Err(error) => Err(Fault::Malformed(format!("Snappy block: {error}"))),
            },
            Self::Zlib => match deflate::zlib(stored, plain) {
                Ok(length) if length == plain.len() => Ok(()),
                Ok(length) => Err(Fault::Malformed(format!(
                    "a zlib stream gives {length} bytes, expected {}",
                    plain.len()
                ))),
                Err(error) => Err(Fault::Malformed(format!("zlib stream: {error}"))),
            },
            Self::Zstd(decoder) => decoder.decode_block(stored, plain),
        }
    }
}
