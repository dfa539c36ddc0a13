//! The filter pipeline message (IV.A.2.l), versions 1 and 2.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version |
//! | 1 | number of filters |
//! | 6 | reserved (version 1) |
//! | … | the filters |
//!
//! Each filter (version 2 has neither length nor name for identifiers below 256):
//!
//! | bytes | field |
//! |---|---|
//! | 2 | identifier |
//! | 2 | length of the name, NULs included |
//! | 2 | flags: bit 0, optional |
//! | 2 | number of client data values |
//! | length | name, filled up with NULs; a multiple of 8 in version 1 |
//! | 4 each | client data values |
//! | 4 | padding, if their number is odd (version 1) |

use crate::cursor::Cursor;
use crate::error::Result;
use crate::text::utf8_or_latin1;

/// Greatest number of filters (`H5Z_MAX_NFILTERS`).
const MAX_FILTERS: u8 = 32;
/// Identifiers below are The HDF Group's own (`H5Z_FILTER_RESERVED`).
const FIRST_REGISTERED: u16 = 256;

/// The number of a filter, as registered with The HDF Group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(pub u16);

impl FilterId {
    /// Deflate (zlib).
    pub const DEFLATE: Self = Self(1);
    /// Byte shuffle.
    pub const SHUFFLE: Self = Self(2);
    /// Fletcher-32 checksum.
    pub const FLETCHER32: Self = Self(3);
    /// Szip.
    pub const SZIP: Self = Self(4);
    /// N-bit packing.
    pub const NBIT: Self = Self(5);
    /// Scale-offset.
    pub const SCALEOFFSET: Self = Self(6);
    /// LZF (h5py).
    pub const LZF: Self = Self(32000);
    /// Blosc.
    pub const BLOSC: Self = Self(32001);
    /// LZ4 with HDF5's own framing.
    pub const LZ4: Self = Self(32004);
    /// Bitshuffle.
    pub const BITSHUFFLE: Self = Self(32008);
    /// Zstandard.
    pub const ZSTD: Self = Self(32015);
    /// Blosc 2.
    pub const BLOSC2: Self = Self(32026);
    /// Bzip2.
    pub const BZIP2: Self = Self(307);
}

/// One filter of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Which filter.
    pub id: FilterId,
    /// Its name, if the file gives one.
    pub name: Option<String>,
    /// Whether a chunk may go without it when it fails (flag bit 0).
    pub optional: bool,
    /// Parameters ("client data values").
    pub parameters: Vec<u32>,
}

impl Filter {
    /// Reads a filter pipeline message: filters in the order in which a writer applies them.
    /// Bytes may follow it.
    pub(crate) fn parse_pipeline(cursor: &mut Cursor) -> Result<Vec<Self>> {
        let version = cursor.u8()?;
        let count = cursor.u8()?;
        match version {
            1 => cursor.skip(6)?,
            2 => {}
            other => {
                return Err(cursor
                    .place()
                    .unsupported(format!("filter pipeline version {other}")));
            }
        }
        if count > MAX_FILTERS {
            return Err(
                cursor.malformed(format!("{count} filters, at most {MAX_FILTERS} expected"))
            );
        }
        (0..count).map(|_| Self::parse(cursor, version)).collect()
    }

    fn parse(cursor: &mut Cursor, version: u8) -> Result<Self> {
        let id = FilterId(cursor.u16()?);
        let name_length = if version == 1 || id.0 >= FIRST_REGISTERED {
            usize::from(cursor.u16()?)
        } else {
            0
        };
        if version == 1 && !name_length.is_multiple_of(8) {
            return Err(cursor.malformed(format!(
                "name of filter {} has {name_length} bytes, a multiple of 8 expected",
                id.0
            )));
        }
        let flags = cursor.u16()?;
        let count = cursor.u16()?;
        let name = cursor.take(name_length)?;
        let end = name.iter().position(|&byte| byte == 0);
        let name = name.slice(..end.unwrap_or(name.len()));
        let parameters = (0..count)
            .map(|_| cursor.u32())
            .collect::<Result<Vec<u32>>>()?;
        if version == 1 && !count.is_multiple_of(2) {
            cursor.skip(4)?;
        }
        Ok(Self {
            id,
            name: (!name.is_empty()).then(|| utf8_or_latin1(&name)),
            optional: flags & 0x01 != 0,
            parameters,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::{cursor, never_panics, parse_whole};

    #[test]
    fn reads_version_1() {
        let mut bytes = vec![1, 2, 0, 0, 0, 0, 0, 0];
        bytes.extend([2, 0, 8, 0, 1, 0, 1, 0]);
        bytes.extend(b"shuffle\0");
        bytes.extend([4, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([1, 0, 0, 0, 0, 0, 2, 0, 6, 0, 0, 0, 7, 0, 0, 0]);
        let expected = vec![
            Filter {
                id: FilterId::SHUFFLE,
                name: Some("shuffle".to_owned()),
                optional: true,
                parameters: vec![4],
            },
            Filter {
                id: FilterId::DEFLATE,
                name: None,
                optional: false,
                parameters: vec![6, 7],
            },
        ];
        assert_eq!(parse_whole(&bytes, Filter::parse_pipeline), expected);
        never_panics(&bytes, Filter::parse_pipeline);
        bytes[10] = 7;
        assert!(Filter::parse_pipeline(&mut cursor(&bytes)).is_err());
    }

    #[test]
    fn reads_version_2() {
        let mut bytes = vec![2, 2];
        bytes.extend([1, 0, 0, 0, 1, 0, 6, 0, 0, 0]);
        bytes.extend([0, 125, 4, 0, 1, 0, 3, 0]);
        bytes.extend(b"lzf\0");
        bytes.extend([4, 0, 0, 0, 5, 1, 0, 0, 0, 1, 0, 0]);
        let expected = vec![
            Filter {
                id: FilterId::DEFLATE,
                name: None,
                optional: false,
                parameters: vec![6],
            },
            Filter {
                id: FilterId::LZF,
                name: Some("lzf".to_owned()),
                optional: true,
                parameters: vec![4, 261, 256],
            },
        ];
        assert_eq!(parse_whole(&bytes, Filter::parse_pipeline), expected);
        never_panics(&bytes, Filter::parse_pipeline);
    }

    #[test]
    fn refuses_too_many_filters_and_other_versions() {
        let many = Filter::parse_pipeline(&mut cursor(&[2, 33, 0, 0])).unwrap_err();
        assert!(!many.is_unsupported());
        for version in [0, 3] {
            let other = Filter::parse_pipeline(&mut cursor(&[version, 0])).unwrap_err();
            assert!(other.is_unsupported());
        }
    }
}
