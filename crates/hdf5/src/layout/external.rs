//! Reading of the external data files message.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 1 |
//! | 3 | reserved |
//! | 2 | slots there is room for |
//! | 2 | slots in use |
//! | address | local heap of the names |
//! | 3 lengths per slot | offset of the name in the heap, offset in the file, size |

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::Result;

/// The external data files message, with the names still in their heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExternalFileList {
    /// The local heap of the names.
    pub(crate) heap: Address,
    /// The files, in the order in which they hold the data.
    pub(crate) entries: Vec<ExternalFileSlot>,
}

/// An entry of the external data files message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExternalFileSlot {
    /// Where the name starts, in bytes within the heap's data segment.
    pub(crate) name_offset: u64,
    /// First byte within the file.
    pub(crate) offset: u64,
    /// Bytes of the dataset that the file holds; `None` for unlimited.
    pub(crate) size: Option<u64>,
}

impl ExternalFileList {
    /// Reads an external data files message; bytes may follow it.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        cursor.version(1)?;
        cursor.skip(3)?;
        let room = cursor.u16()?;
        let used = cursor.u16()?;
        if used > room {
            return Err(cursor.malformed(format!("{used} of {room} slots are in use")));
        }
        let heap = cursor.address()?;
        if heap.defined().is_none() {
            return Err(cursor.malformed("address of the heap of file names is undefined"));
        }
        let entries = (0..used)
            .map(|_| ExternalFileSlot::parse(cursor))
            .collect::<Result<_>>()?;
        Ok(Self { heap, entries })
    }
}

impl ExternalFileSlot {
    fn parse(cursor: &mut Cursor) -> Result<Self> {
        let name_offset = cursor.length()?;
        let offset = cursor.length()?;
        let size = cursor.length()?;
        Ok(Self {
            name_offset,
            offset,
            size: (size != u64::MAX).then_some(size),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::{cursor, never_panics, parse_whole};

    fn bytes(room: u8, used: u8, heap: u64, slots: &[[u64; 3]]) -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, 0, room, 0, used, 0];
        bytes.extend(heap.to_le_bytes());
        bytes.extend(slots.iter().flatten().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    #[test]
    fn reads_the_slots_in_use() {
        let bytes = bytes(3, 2, 0x400, &[[8, 0, 100], [16, 50, u64::MAX]]);
        let list = parse_whole(&bytes, ExternalFileList::parse);
        assert_eq!(list.heap, Address(0x400));
        let slot = |name_offset, offset, size| ExternalFileSlot {
            name_offset,
            offset,
            size,
        };
        assert_eq!(
            list.entries,
            [slot(8, 0, Some(100)), slot(16, 50, None)].to_vec()
        );
        never_panics(&bytes, ExternalFileList::parse);
    }

    #[test]
    fn refuses_more_slots_than_there_is_room_for_and_no_heap() {
        for bytes in [
            bytes(1, 2, 0x400, &[[8, 0, 100]; 2]),
            bytes(1, 1, u64::MAX, &[[8, 0, 100]]),
        ] {
            let error = ExternalFileList::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(!error.is_unsupported(), "{error}");
        }
        let error = ExternalFileList::parse(&mut cursor(&[2, 0, 0, 0])).unwrap_err();
        assert!(error.is_unsupported());
    }
}
