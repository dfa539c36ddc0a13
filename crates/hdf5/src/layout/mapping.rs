//! The mappings of a virtual dataset, an object of the global heap.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 0 or 1 |
//! | length | number of mappings |
//! | 1 | of each, version 1: flags; bit 0, the file name is that of an earlier mapping; bit 1, so is the dataset name; bit 2, the source is in this file |
//! | … | file name, ended by a NUL; or the number of the mapping that has it, of a length's width; or nothing (bit 2) |
//! | … | dataset name, likewise |
//! | … | selection in the source, see [`crate::selection`] |
//! | … | selection in the virtual dataset |
//! | 4 | lookup3 checksum of all before it |

use std::sync::Arc;

use crate::cursor::Cursor;
use crate::error::Result;
use crate::selection::Selection;

const FILE_SHARED: u8 = 1;
const DATASET_SHARED: u8 = 2;
const SAME_FILE: u8 = 4;

/// What a part of a virtual dataset stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualMapping {
    /// The source's file, as the writer gave it; `.` is this file. May hold `%b`, which stands for
    /// the number of a block, and `%%`.
    pub source_file: Arc<str>,
    /// The path of the dataset there, which may hold the same.
    pub source_dataset: Arc<str>,
    /// The elements of the source.
    pub source_selection: Selection,
    /// The elements of the virtual dataset that they are, one by one in C order.
    pub selection: Selection,
}

impl VirtualMapping {
    /// Reads all mappings; nothing follows them.
    pub(crate) fn parse_all(cursor: &mut Cursor) -> Result<Vec<Self>> {
        let version = cursor.peek(1).first().copied();
        if version.is_some_and(|version| version <= 1) {
            cursor.verify_checksum()?;
            cursor.drop_last(4);
        }
        let version = match cursor.u8()? {
            version @ (0 | 1) => version,
            other => {
                return Err(cursor
                    .place()
                    .unsupported(format!("virtual dataset mappings of version {other}")));
            }
        };
        let count = cursor.length()?;
        let mut mappings: Vec<Self> = Vec::new();
        // Every mapping takes bytes, so that these bound their number.
        for _ in 0..count {
            let mapping = Self::parse(cursor, version, &mappings)?;
            mappings.push(mapping);
        }
        match cursor.remaining() {
            0 => Ok(mappings),
            left => Err(cursor.malformed(format!("{left} bytes after {count} mappings"))),
        }
    }

    fn parse(cursor: &mut Cursor, version: u8, before: &[Self]) -> Result<Self> {
        let flags = if version == 0 { 0 } else { cursor.u8()? };
        if flags & !(FILE_SHARED | DATASET_SHARED | SAME_FILE) != 0 {
            return Err(cursor
                .place()
                .unsupported(format!("flags {flags:#x} of a virtual dataset mapping")));
        }
        let source_file = if flags & SAME_FILE != 0 {
            Arc::from(".")
        } else if flags & FILE_SHARED != 0 {
            Arc::clone(&earlier(cursor, before)?.source_file)
        } else {
            name(cursor)?
        };
        let source_dataset = if flags & DATASET_SHARED != 0 {
            Arc::clone(&earlier(cursor, before)?.source_dataset)
        } else {
            name(cursor)?
        };
        Ok(Self {
            source_file,
            source_dataset,
            source_selection: Selection::parse(cursor)?,
            selection: Selection::parse(cursor)?,
        })
    }
}

fn name(cursor: &mut Cursor) -> Result<Arc<str>> {
    let name = cursor.terminated_string()?;
    if name.is_empty() {
        return Err(cursor.malformed("an empty name of a source"));
    }
    Ok(String::from_utf8_lossy(&name).into())
}

fn earlier<'m>(cursor: &mut Cursor, before: &'m [VirtualMapping]) -> Result<&'m VirtualMapping> {
    let number = cursor.length()?;
    usize::try_from(number)
        .ok()
        .and_then(|number| before.get(number))
        .ok_or_else(|| {
            cursor.malformed(format!(
                "mapping {} has the name of mapping {number}",
                before.len()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::lookup3;
    use crate::hostile::{cursor, never_panics, parse_whole};

    const ALL: [u8; 16] = [3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    fn block(version: u8, count: u64, mappings: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![version];
        bytes.extend(count.to_le_bytes());
        bytes.extend(mappings.concat());
        let checksum = lookup3(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    fn mapping(file: &str, dataset: &str) -> VirtualMapping {
        VirtualMapping {
            source_file: file.into(),
            source_dataset: dataset.into(),
            source_selection: Selection::All,
            selection: Selection::All,
        }
    }

    #[test]
    fn reads_version_0() {
        let bytes = block(0, 2, &[b"a.h5\0x\0", &ALL, &ALL, b".\0y\0", &ALL, &ALL]);
        let found = parse_whole(&bytes, VirtualMapping::parse_all);
        assert_eq!(found, [mapping("a.h5", "x"), mapping(".", "y")]);
        never_panics(&bytes, VirtualMapping::parse_all);
    }

    #[test]
    fn reads_the_shared_names_of_version_1() {
        let first = 0_u64.to_le_bytes();
        let bytes = block(
            1,
            3,
            &[
                b"\0a.h5\0x\0",
                &ALL,
                &ALL,
                b"\x03",
                &first,
                &first,
                &ALL,
                &ALL,
                b"\x04y\0",
                &ALL,
                &ALL,
            ],
        );
        let found = parse_whole(&bytes, VirtualMapping::parse_all);
        let expected = [
            mapping("a.h5", "x"),
            mapping("a.h5", "x"),
            mapping(".", "y"),
        ];
        assert_eq!(found, expected);
        assert!(Arc::ptr_eq(&found[0].source_file, &found[1].source_file));
        never_panics(&bytes, VirtualMapping::parse_all);
    }

    #[test]
    fn refuses_contradictions() {
        let later = 1_u64.to_le_bytes();
        let mut wrong = block(0, 1, &[b"a\0x\0", &ALL, &ALL]);
        wrong[9] ^= 1;
        for bytes in [
            wrong,
            block(0, 2, &[b"a\0x\0", &ALL, &ALL]),
            block(0, u64::MAX, &[b"a\0x\0", &ALL, &ALL]),
            block(0, 0, &[b"a\0x\0", &ALL, &ALL]),
            block(0, 1, &[b"\0x\0", &ALL, &ALL]),
            block(1, 1, &[b"\x01", &later, b"x\0", &ALL, &ALL]),
        ] {
            let error = VirtualMapping::parse_all(&mut cursor(&bytes)).unwrap_err();
            assert!(!error.is_unsupported(), "{error}");
        }
        for bytes in [block(2, 0, &[]), block(1, 1, &[b"\x08a\0x\0", &ALL, &ALL])] {
            let error = VirtualMapping::parse_all(&mut cursor(&bytes)).unwrap_err();
            assert!(error.is_unsupported(), "{error}");
        }
    }
}
