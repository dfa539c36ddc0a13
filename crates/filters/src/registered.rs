//! The filters that are known by their number in the HDF5 registry, and what undoes each.

use std::fmt;

use crate::{bitshuffle, blosc, bzip2, lz4, lzf, nbit, scaleoffset, szip, zstd};

/// Why a filter could not be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes or the parameters contradict the format.
    Malformed(String),
    /// They use a feature that is not supported.
    Unsupported(String),
    /// They give more bytes than allowed.
    TooLong,
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Malformed(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Malformed(reason.to_owned())
    }
}

/// Undoes a filter: stored bytes, the filter's parameters, the most bytes that it may give and hold.
pub(crate) type Decode = fn(&[u8], &[u32], usize) -> Result<Vec<u8>, Fault>;

/// A filter that can be undone.
#[derive(Clone, Copy)]
pub(crate) struct Decoder {
    /// Its number.
    pub(crate) id: u16,
    /// Its name.
    pub(crate) name: &'static str,
    /// What undoes it.
    pub(crate) decode: Decode,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.id, self.name)
    }
}

/// The number of Blosc2.
const BLOSC2: u16 = 32026;

/// All of them, by number.
const DECODERS: &[Decoder] = &[
    Decoder {
        id: 4,
        name: "szip",
        decode: szip::decode,
    },
    Decoder {
        id: 5,
        name: "nbit",
        decode: nbit::decode,
    },
    Decoder {
        id: 6,
        name: "scaleoffset",
        decode: scaleoffset::decode,
    },
    Decoder {
        id: 307,
        name: "bzip2",
        decode: bzip2::decode,
    },
    Decoder {
        id: 32000,
        name: "lzf",
        decode: lzf::decode,
    },
    Decoder {
        id: 32001,
        name: "blosc",
        decode: blosc::decode,
    },
    Decoder {
        id: 32004,
        name: "lz4",
        decode: lz4::decode,
    },
    Decoder {
        id: 32008,
        name: "bitshuffle",
        decode: bitshuffle::decode,
    },
    Decoder {
        id: 32015,
        name: "zstd",
        decode: zstd::decode,
    },
    Decoder {
        id: BLOSC2,
        name: "blosc2",
        decode: blosc::decode2,
    },
];

/// What undoes filter `id`.
pub(crate) fn decoder(id: u16) -> Option<&'static Decoder> {
    DECODERS.iter().find(|decoder| decoder.id == id)
}

/// The name of filter `id`, where it is known.
pub(crate) fn name(id: u16) -> &'static str {
    match id {
        1 => "deflate",
        2 => "shuffle",
        3 => "fletcher32",
        id => decoder(id).map_or("unknown", |decoder| decoder.name),
    }
}

/// The most bytes that such a filter makes of `plain` bytes: an eighth more (compressors store what
/// they can't compress with a few bytes for each block) and a header.
pub(crate) fn longest(id: u16, plain: usize) -> usize {
    // Blosc2 fills up the blocks that jut out of the data: each dimension to less than twice, and
    // more than four hardly at once.
    let plain = match id {
        BLOSC2 => plain.saturating_mul(16),
        _ => plain,
    };
    plain.saturating_add(plain >> 3).saturating_add(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_there_once_and_is_no_variant_of_its_own() {
        assert!(DECODERS.is_sorted_by(|one, next| one.id < next.id));
        assert!(DECODERS.iter().all(|decoder| decoder.id > 3));
    }
}
