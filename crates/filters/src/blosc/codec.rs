//! What compressed the blocks of a Blosc chunk.

use flate2::{Decompress, FlushDecompress, Status};

use super::blosclz;
use crate::registered::Fault;
use crate::{lz4, zstd};

/// A codec, with what it keeps from block to block.
pub(super) enum Codec {
    BloscLz,
    Lz4,
    Snappy(snap::raw::Decoder),
    Zlib(Decompress),
    Zstd(zstd::Decoder),
}

impl Codec {
    /// By its number, which is bits 5 to 7 of a chunk's flags.
    pub(super) fn new(number: u8) -> Result<Self, Fault> {
        match number {
            0 => Ok(Self::BloscLz),
            1 => Ok(Self::Lz4),
            2 => Ok(Self::Snappy(snap::raw::Decoder::new())),
            3 => Ok(Self::Zlib(Decompress::new(true))),
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
            Self::Zlib(stream) => {
                stream.reset(true);
                match stream.decompress(stored, plain, FlushDecompress::Finish) {
                    Ok(Status::StreamEnd) if stream.total_out() == length(plain) => Ok(()),
                    Ok(_) => Err(Fault::Malformed(format!(
                        "a zlib stream of {} bytes does not end after {} plain bytes",
                        stored.len(),
                        plain.len()
                    ))),
                    Err(error) => Err(Fault::Malformed(format!("zlib stream: {error}"))),
                }
            }
            Self::Zstd(decoder) => decoder.decode_block(stored, plain),
        }
    }
}

fn length(plain: &[u8]) -> u64 {
    u64::try_from(plain.len()).unwrap_or(u64::MAX)
}
