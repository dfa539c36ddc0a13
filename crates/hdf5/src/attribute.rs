//! The attribute message (IV.A.2.m), versions 1 to 3.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version |
//! | 1 | reserved (version 1); flags: bit 0, datatype is shared; bit 1, dataspace is |
//! | 2, 2, 2 | sizes of name (with its NUL), datatype and dataspace |
//! | 1 | character set of the name (version 3) |
//! | sizes | name, datatype, dataspace; each filled up to a multiple of 8 bytes in version 1 |
//! | rest | data |

use bytes::Bytes;

use crate::cursor::Cursor;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::error::{Place, Result};
use crate::message::{Embedded, Shared};
use crate::text::utf8_or_latin1;

/// An attribute, with any sharing resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub datatype: Datatype,
    /// Its extent.
    pub dataspace: Dataspace,
    /// The elements in C order, as stored; variable-length ones refer to the global heap
    /// (see [`crate::File::heap_object`]).
    pub data: Bytes,
}

/// An attribute whose datatype and dataspace are not yet read, because they may lie elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttributeMessage {
    pub(crate) name: String,
    pub(crate) datatype: Embedded,
    pub(crate) dataspace: Embedded,
    /// The elements, and any padding of the message.
    pub(crate) data: Bytes,
}

impl Attribute {
    /// Bytes in memory besides data and datatype, about.
    pub(crate) fn memory(&self) -> u64 {
        let rank = u64::try_from(self.dataspace.shape().len()).unwrap_or(u64::MAX);
        let name = u64::try_from(self.name.len()).unwrap_or(u64::MAX);
        // Twice itself, as lists of attributes grow; three allocations.
        320_u64
            .saturating_add(name)
            .saturating_add(rank.saturating_mul(24))
    }
}

impl AttributeMessage {
    /// Reads an attribute message; takes all bytes.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let version = cursor.u8()?;
        let flags = cursor.u8()?;
        let flags = match version {
            1 => 0,
            2 | 3 if flags & !0x03 == 0 => flags,
            2 | 3 => {
                return Err(cursor
                    .place()
                    .unsupported(format!("attribute flags {flags:#04x}")));
            }
            other => {
                return Err(cursor
                    .place()
                    .unsupported(format!("attribute version {other}")));
            }
        };
        let [name, datatype, dataspace] = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
        if version == 3 {
            // ASCII names hold Latin-1 and UTF-8 in practice, so the character set is no help.
            cursor.skip(1)?;
        }
        let name = part(cursor, version, name)?;
        let name = name_of(cursor, &name)?;
        let datatype = part(cursor, version, datatype)?;
        let dataspace = part(cursor, version, dataspace)?;
        Ok(Self {
            name,
            datatype: embedded(cursor, datatype, flags & 0x01 != 0)?,
            dataspace: embedded(cursor, dataspace, flags & 0x02 != 0)?,
            data: cursor.rest(),
        })
    }

    /// Joins the message with its datatype and dataspace, and cuts the data to their size.
    pub(crate) fn resolve(
        self,
        place: Place,
        datatype: Datatype,
        dataspace: Dataspace,
    ) -> Result<Attribute> {
        let size = dataspace
            .elements()
            .and_then(|elements| elements.checked_mul(u64::from(datatype.size())))
            .and_then(|size| usize::try_from(size).ok())
            .filter(|&size| size <= self.data.len());
        let Some(size) = size else {
            return Err(place.malformed(format!(
                "attribute \"{}\" has {} bytes of data, shape {:?} of {} bytes each needs more",
                self.name,
                self.data.len(),
                dataspace.shape(),
                datatype.size()
            )));
        };
        Ok(Attribute {
            name: self.name,
            datatype,
            dataspace,
            data: self.data.slice(..size),
        })
    }
}

/// The next `size` bytes, without the padding of version 1 that follows.
fn part(cursor: &mut Cursor, version: u8, size: u16) -> Result<Bytes> {
    let size = usize::from(size);
    let part = cursor.take(size)?;
    if version == 1 {
        cursor.skip(size.next_multiple_of(8).saturating_sub(size))?;
    }
    Ok(part)
}

/// A name must end with its only NUL.
fn name_of(cursor: &Cursor, name: &Bytes) -> Result<String> {
    let end = name.iter().position(|&byte| byte == 0);
    match end {
        Some(end) if end > 0 && end.saturating_add(1) == name.len() => {
            Ok(utf8_or_latin1(&name.slice(..end)))
        }
        _ => Err(cursor.malformed(format!(
            "name \"{}\" is empty or does not end with its only NUL",
            name.escape_ascii()
        ))),
    }
}

fn embedded(cursor: &Cursor, bytes: Bytes, shared: bool) -> Result<Embedded> {
    if !shared {
        return Ok(Embedded::Here(bytes));
    }
    let mut inner = Cursor::new(bytes, cursor.sizes(), cursor.place());
    Shared::parse(&mut inner).map(Embedded::Shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::hostile::{cursor, never_panics};

    const INT16: [u8; 12] = [0x10, 8, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0];
    const PAIR: [u8; 12] = [2, 1, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0];

    fn parse(bytes: &[u8]) -> Result<AttributeMessage> {
        AttributeMessage::parse(&mut cursor(bytes))
    }

    fn here(bytes: &'static [u8]) -> Embedded {
        Embedded::Here(Bytes::from_static(bytes))
    }

    /// All before the data must be there; how long that is only its datatype and dataspace tell.
    fn check_truncations(bytes: &[u8], data: usize) {
        for length in 0..bytes.len() - data {
            let error = parse(&bytes[..length]).unwrap_err();
            assert!(!error.is_unsupported(), "{error}");
        }
        never_panics(bytes, AttributeMessage::parse);
    }

    fn version_1() -> Vec<u8> {
        let mut bytes = vec![1, 99, 3, 0, 12, 0, 12, 0];
        bytes.extend(b"ab\0\0\0\0\0\0");
        bytes.extend(INT16);
        bytes.extend([0; 4]);
        bytes.extend(PAIR);
        bytes.extend([0; 4]);
        bytes.extend([1, 0, 2, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn reads_version_1() {
        let bytes = version_1();
        let expected = AttributeMessage {
            name: "ab".to_owned(),
            datatype: here(&INT16),
            dataspace: here(&PAIR),
            data: Bytes::from_static(&[1, 0, 2, 0, 0, 0, 0, 0]),
        };
        assert_eq!(parse(&bytes).unwrap(), expected);
        check_truncations(&bytes, 8);
    }

    #[test]
    fn reads_versions_2_and_3() {
        let mut v2 = vec![2, 1, 2, 0, 10, 0, 12, 0];
        v2.extend(b"a\0");
        v2.extend([2, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]);
        v2.extend(PAIR);
        v2.extend([7, 8]);
        let expected = AttributeMessage {
            name: "a".to_owned(),
            datatype: Embedded::Shared(Shared::Header(Address(0x40))),
            dataspace: here(&PAIR),
            data: Bytes::from_static(&[7, 8]),
        };
        assert_eq!(parse(&v2).unwrap(), expected);
        check_truncations(&v2, 2);

        let mut v3 = vec![3, 2, 3, 0, 12, 0, 10, 0, 1];
        v3.extend(b"\xE9a\0");
        v3.extend(INT16);
        v3.extend([3, 1, 1, 2, 3, 4, 5, 6, 7, 8]);
        let expected = AttributeMessage {
            name: "éa".to_owned(),
            datatype: here(&INT16),
            dataspace: Embedded::Shared(Shared::Heap([1, 2, 3, 4, 5, 6, 7, 8])),
            data: Bytes::new(),
        };
        assert_eq!(parse(&v3).unwrap(), expected);
        check_truncations(&v3, 0);
    }

    #[test]
    fn data_is_cut_to_the_elements() {
        let message = parse(&version_1()).unwrap();
        let datatype = Datatype::parse(&mut cursor(&INT16)).unwrap();
        let dataspace = Dataspace::parse(&mut cursor(&PAIR)).unwrap();
        let place = Place::new("attribute message", 0);
        let attribute = message
            .clone()
            .resolve(place, datatype.clone(), dataspace)
            .unwrap();
        assert_eq!(attribute.data, Bytes::from_static(&[1, 0, 2, 0]));
        let more = Dataspace::Simple {
            shape: vec![5],
            max_shape: vec![None],
        };
        let error = message.resolve(place, datatype, more).unwrap_err();
        assert_eq!(
            error.to_string(),
            "attribute message at 0x0: attribute \"ab\" has 8 bytes of data, \
             shape [5] of 2 bytes each needs more"
        );
    }

    #[test]
    fn refuses_bad_names_and_the_unknown() {
        for name in [b"a\0\0", b"\0ab", b"abc"] {
            let mut bytes = vec![2, 0, 3, 0, 0, 0, 0, 0];
            bytes.extend(name);
            assert!(!parse(&bytes).unwrap_err().is_unsupported());
        }
        assert!(
            !parse(&[2, 0, 0, 0, 0, 0, 0, 0])
                .unwrap_err()
                .is_unsupported()
        );
        for head in [[0, 0], [4, 0], [2, 4], [3, 8]] {
            let mut bytes = head.to_vec();
            bytes.extend([2, 0, 0, 0, 0, 0, 0, b'a', 0, 0]);
            assert!(parse(&bytes).unwrap_err().is_unsupported());
        }
    }
}
