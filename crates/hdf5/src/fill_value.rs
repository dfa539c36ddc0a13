//! The fill value messages, old (IV.A.2.e) and new (IV.A.2.f).
//!
//! The new message, versions 1 and 2 (left) and 3 (right):
//!
//! | bytes | field | | bytes | field |
//! |---|---|---|---|---|
//! | 1 | version | | 1 | version |
//! | 1 | space allocation time | | 1 | flags: allocation and write time (bits 0 to 3), undefined (4), stored (5) |
//! | 1 | fill value write time | | 4 | size, if stored |
//! | 1 | whether it is defined | | size | the value |
//! | 4 | size, signed, if defined | | | |
//! | size | the value | | | |

use bytes::Bytes;

use crate::cursor::Cursor;
use crate::error::Result;

/// What elements hold that were never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FillValue {
    /// Nothing was said: zeros.
    #[default]
    Default,
    /// The writer chose to leave them undefined; libhdf5 reads zeros.
    Undefined,
    /// One element, in the dataset's datatype.
    Value(Bytes),
}

impl FillValue {
    /// Reads an old fill value message (type 0x04); bytes may follow it.
    pub(crate) fn parse_old(cursor: &mut Cursor) -> Result<Self> {
        match cursor.u32()? {
            // Here no bytes mean undefined, not default, to libhdf5.
            0 => Ok(Self::Undefined),
            size => value(cursor, size),
        }
    }

    /// Reads a fill value message (type 0x05), versions 1 to 3; bytes may follow it.
    pub(crate) fn parse_new(cursor: &mut Cursor) -> Result<Self> {
        match cursor.u8()? {
            1 | 2 => {
                cursor.skip(2)?;
                // libhdf5 reads the size only if defined, in version 1 too (where it is stored).
                if cursor.u8()? == 0 {
                    return Ok(Self::Undefined);
                }
                match cursor.u32()? {
                    u32::MAX => Ok(Self::Undefined),
                    0 => Ok(Self::Default),
                    size => value(cursor, size),
                }
            }
            3 => {
                let flags = cursor.u8()?;
                match (flags & 0x10 != 0, flags & 0x20 != 0) {
                    _ if flags & 0xC0 != 0 => Err(cursor
                        .place()
                        .unsupported(format!("fill value flags {flags:#04x}"))),
                    (true, true) => {
                        Err(cursor.malformed("fill value is both undefined and stored"))
                    }
                    (true, false) => Ok(Self::Undefined),
                    (false, false) => Ok(Self::Default),
                    (false, true) => match cursor.u32()? {
                        0 => Ok(Self::Default),
                        size => value(cursor, size),
                    },
                }
            }
            other => Err(cursor
                .place()
                .unsupported(format!("fill value version {other}"))),
        }
    }
}

/// Whether chunks are filled when they are made, by the write time in a fill value message (type
/// 0x05) that was parsed: "never" is 1. An old message has none, and libhdf5 fills.
pub(crate) fn fills_chunks(cursor: &mut Cursor) -> Result<bool> {
    const NEVER: u8 = 1;
    let write_time = match cursor.u8()? {
        1 | 2 => {
            cursor.skip(1)?;
            cursor.u8()?
        }
        _ => cursor.u8()? >> 2 & 3,
    };
    Ok(write_time != NEVER)
}

/// The value; a size that is negative as a signed number can't be held by any message.
fn value(cursor: &mut Cursor, size: u32) -> Result<FillValue> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    cursor.take(size).map(FillValue::Value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::{cursor, never_panics, parse_whole};

    fn stored(value: &'static [u8]) -> FillValue {
        FillValue::Value(Bytes::from_static(value))
    }

    #[test]
    fn reads_the_old_message() {
        let bytes = [2, 0, 0, 0, 7, 8];
        assert_eq!(parse_whole(&bytes, FillValue::parse_old), stored(&[7, 8]));
        assert_eq!(
            parse_whole(&[0; 4], FillValue::parse_old),
            FillValue::Undefined
        );
        never_panics(&bytes, FillValue::parse_old);
    }

    #[test]
    fn reads_versions_1_and_2() {
        for version in [1, 2] {
            let cases: [(&[u8], FillValue); 4] = [
                (&[version, 2, 2, 1, 2, 0, 0, 0, 7, 8], stored(&[7, 8])),
                (&[version, 2, 2, 1, 0, 0, 0, 0], FillValue::Default),
                (
                    &[version, 2, 2, 1, 255, 255, 255, 255],
                    FillValue::Undefined,
                ),
                (&[version, 2, 2, 0], FillValue::Undefined),
            ];
            for (bytes, expected) in cases {
                assert_eq!(parse_whole(bytes, FillValue::parse_new), expected);
                never_panics(bytes, FillValue::parse_new);
            }
        }
    }

    #[test]
    fn reads_version_3() {
        let cases: [(&[u8], FillValue); 4] = [
            (&[3, 0x2A, 2, 0, 0, 0, 7, 8], stored(&[7, 8])),
            (&[3, 0x2A, 0, 0, 0, 0], FillValue::Default),
            (&[3, 0x0A], FillValue::Default),
            (&[3, 0x1A], FillValue::Undefined),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse_whole(bytes, FillValue::parse_new), expected);
            never_panics(bytes, FillValue::parse_new);
        }
    }

    #[test]
    fn tells_when_chunks_are_not_filled() {
        // Written at allocation, never, and if the value is set.
        for (time, filled) in [(0, true), (1, false), (2, true)] {
            for bytes in [[2, 3, time, 0], [1, 2, time, 0], [3, time << 2 | 2, 0, 0]] {
                assert_eq!(fills_chunks(&mut cursor(&bytes)).unwrap(), filled);
            }
        }
        never_panics(&[2, 3, 1, 0], fills_chunks);
    }

    #[test]
    fn refuses_contradictions_and_the_unknown() {
        let both = FillValue::parse_new(&mut cursor(&[3, 0x30, 0, 0, 0, 0])).unwrap_err();
        assert!(!both.is_unsupported());
        let negative = [2, 2, 2, 1, 254, 255, 255, 255, 0];
        let negative = FillValue::parse_new(&mut cursor(&negative)).unwrap_err();
        assert!(!negative.is_unsupported());
        for bytes in [&[0, 0, 0, 0], &[4, 0, 0, 0], &[3, 0x40, 0, 0]] {
            let error = FillValue::parse_new(&mut cursor(bytes)).unwrap_err();
            assert!(error.is_unsupported(), "{error}");
        }
    }
}
