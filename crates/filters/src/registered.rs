//! The filters that are known by their number in the HDF5 registry, and what undoes each.

use std::fmt;

use crate::{bitshuffle, blosc, bzip2, lz4, lzf, lzo, nbit, scaleoffset, szip, zstd};

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
        id: 305,
        name: "lzo",
        decode: lzo::decode,
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

/// The filters that only round values when they write, so that nothing is to be undone, by number.
const IDENTITIES: &[(u16, &str)] = &[(32022, "bitgroom"), (32023, "granular bitround")];

/// Whether chunks are read as they are behind filter `id`.
pub(crate) fn is_identity(id: u16) -> bool {
    IDENTITIES.iter().any(|&(number, _)| number == id)
}

/// What undoes filter `id`.
pub(crate) fn decoder(id: u16) -> Option<&'static Decoder> {
    DECODERS.iter().find(|decoder| decoder.id == id)
}

/// The name of filter `id`, where it is known.
pub(crate) fn name(id: u16) -> &'static str {
    if let Some(decoder) = decoder(id) {
        return decoder.name;
    }
    let named = IDENTITIES.iter().chain(UNDECODED);
    named
        .copied()
        .find_map(|(number, name)| (number == id).then_some(name))
        .unwrap_or("unknown")
}

/// Filters that are known by name alone.
const UNDECODED: &[(u16, &str)] = &[
    (1, "deflate"), // these three have variants of their own
    (2, "shuffle"),
    (3, "fletcher32"),
    (257, "hzip"),
    (258, "fpzip"),
    (32002, "mafisc"),
    (32003, "snappy"),
    (32005, "apax"),
    (32006, "cbf"),
    (32007, "jpeg-xr"),
    (32009, "spdp"),
    (32010, "lpc-rice"),
    (32011, "ccsds-123"),
    (32012, "jpeg-ls"),
    (32013, "zfp"),
    (32014, "fpzip"),
    (32016, "b3d"),
    (32017, "sz"),
    (32018, "fcidecomp"),
    (32019, "jpeg"),
    (32020, "vbz"),
    (32021, "fapec"),
    (32024, "sz3"),
    (32025, "delta-rice"),
    (32027, "flac"),
    (32028, "sperr"),
    (32029, "terse/prolix"),
    (32030, "ffmpeg"),
];

/// The most bytes that such a filter makes of `plain` bytes: an eighth more (compressors store what
/// they can't compress with a few bytes for each block) and a header.
pub(crate) fn longest(id: u16, plain: usize) -> usize {
    if is_identity(id) {
        return plain;
    }
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
        let named = IDENTITIES.iter().chain(UNDECODED);
        assert!(named.clone().all(|&(id, _)| decoder(id).is_none()));
    }
}
