//! Messages that say no more than where something is: of groups (IV.A.2.c, IV.A.2.r), of
//! attributes (IV.A.2.v), of object headers (IV.A.2.q) and of the file (IV.A.2.p, IV.A.2.x).

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::Result;

/// The link info message: where a group of the new style keeps its links.
///
/// | bytes | field |
/// |---|---|
/// | 1 | version, 0 |
/// | 1 | flags: bit 0, creation order is tracked; bit 1, it is indexed |
/// | 8 | greatest creation order, if tracked |
/// | address | fractal heap of the links |
/// | address | version 2 B-tree by name |
/// | address | version 2 B-tree by creation order, if indexed |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkInfo {
    pub(crate) max_creation_order: Option<i64>,
    /// Undefined when the links are messages of the header.
    pub(crate) heap: Address,
    pub(crate) name_index: Address,
    pub(crate) creation_order_index: Option<Address>,
    pub(crate) tracked: bool,
}

impl LinkInfo {
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        cursor.version(0)?;
        let (tracked, indexed) = creation_order_flags(cursor)?;
        let max_creation_order = if tracked {
            Some(cursor.u64()?.cast_signed())
        } else {
            None
        };
        if let Some(negative @ ..0) = max_creation_order {
            return Err(cursor.malformed(format!("greatest creation order is {negative}")));
        }
        Ok(Self {
            max_creation_order,
            heap: cursor.address()?,
            name_index: cursor.address()?,
            creation_order_index: optional_address(cursor, indexed)?,
            tracked,
        })
    }
}

/// The attribute info message: where an object keeps attributes that are not in its header.
///
/// As [`LinkInfo`], but the greatest creation order takes 2 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttributeInfo {
    pub(crate) max_creation_order: Option<u16>,
    /// Undefined when the attributes are messages of the header.
    pub(crate) heap: Address,
    pub(crate) name_index: Address,
    pub(crate) creation_order_index: Option<Address>,
    pub(crate) tracked: bool,
}

impl AttributeInfo {
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        cursor.version(0)?;
        let (tracked, indexed) = creation_order_flags(cursor)?;
        let max_creation_order = if tracked { Some(cursor.u16()?) } else { None };
        Ok(Self {
            max_creation_order,
            heap: cursor.address()?,
            name_index: cursor.address()?,
            creation_order_index: optional_address(cursor, indexed)?,
            tracked,
        })
    }
}

/// Whether the creation order is tracked, and whether it is indexed.
fn creation_order_flags(cursor: &mut Cursor) -> Result<(bool, bool)> {
    let flags = cursor.u8()?;
    if flags & !0x03 != 0 {
        return Err(cursor.place().unsupported(format!("flags {flags:#04x}")));
    }
    Ok((flags & 0x01 != 0, flags & 0x02 != 0))
}

fn optional_address(cursor: &mut Cursor, stored: bool) -> Result<Option<Address>> {
    if stored {
        cursor.address().map(Some)
    } else {
        Ok(None)
    }
}

/// The symbol table message: where a group of the old style keeps its links.
///
/// | bytes | field |
/// |---|---|
/// | address | version 1 B-tree |
/// | address | local heap of the names |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SymbolTableMessage {
    pub(crate) btree: Address,
    pub(crate) heap: Address,
}

impl SymbolTableMessage {
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        Ok(Self {
            btree: cursor.address()?,
            heap: cursor.address()?,
        })
    }
}

/// The object header continuation message: where more messages are.
///
/// | bytes | field |
/// |---|---|
/// | address | the block |
/// | length | its size in bytes |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Continuation {
    pub(crate) address: Address,
    pub(crate) length: u64,
}

impl Continuation {
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let address = cursor.address()?;
        let length = cursor.length()?;
        if address.defined().is_none() || length == 0 {
            return Err(cursor.malformed(format!("points to {length} bytes at {address}")));
        }
        Ok(Self { address, length })
    }
}

/// How a file manages its space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSpaceStrategy {
    /// Free-space managers, aggregators, driver.
    FreeSpaceManagers,
    /// In pages: metadata and raw data lie in pages of their own.
    Page,
    /// Aggregators and driver.
    Aggregators,
    /// Driver only.
    None,
}

/// The file space info message, of the superblock extension; only its beginning is read.
///
/// | bytes | field |
/// |---|---|
/// | 1 | version, 0 or 1 |
/// | 1 | strategy |
/// | 1 | whether free space is tracked (version 1) |
/// | length | threshold |
/// | length | page size in bytes (version 1) |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSpaceInfo {
    pub(crate) strategy: FileSpaceStrategy,
    /// Bytes per page, where the strategy is [`FileSpaceStrategy::Page`].
    pub(crate) page_size: Option<u64>,
}

impl FileSpaceInfo {
    /// Least and greatest page size that libhdf5 allows.
    const PAGE_SIZES: std::ops::RangeInclusive<u64> = 512..=1 << 30;

    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let version = cursor.u8()?;
        let strategy = cursor.u8()?;
        let strategy = match (version, strategy) {
            (0, 1 | 2) | (1, 0) => FileSpaceStrategy::FreeSpaceManagers,
            (1, 1) => FileSpaceStrategy::Page,
            (0, 3) | (1, 2) => FileSpaceStrategy::Aggregators,
            (0, 4) | (1, 3) => FileSpaceStrategy::None,
            (0 | 1, other) => {
                return Err(cursor
                    .place()
                    .unsupported(format!("file space strategy {other}")));
            }
            (other, _) => {
                return Err(cursor
                    .place()
                    .unsupported(format!("file space info version {other}")));
            }
        };
        if version == 1 {
            cursor.skip(1)?;
        }
        cursor.length()?;
        let page_size = match version {
            1 => Some(cursor.length()?),
            _ => None,
        };
        let page_size = page_size.filter(|_| strategy == FileSpaceStrategy::Page);
        if let Some(size) = page_size
            && !Self::PAGE_SIZES.contains(&size)
        {
            return Err(cursor.malformed(format!(
                "pages of {size} bytes, {:?} expected",
                Self::PAGE_SIZES
            )));
        }
        Ok(Self {
            strategy,
            page_size,
        })
    }
}

/// The shared message table message, of the superblock extension.
///
/// | bytes | field |
/// |---|---|
/// | 1 | version, 0 |
/// | address | the master table |
/// | 1 | number of its indexes |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedMessageTable {
    /// Version of the table itself.
    pub(crate) version: u8,
    pub(crate) address: Address,
    pub(crate) indexes: u8,
}

impl SharedMessageTable {
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        cursor.version(0)?;
        let address = cursor.address()?;
        let indexes = cursor.u8()?;
        if address.defined().is_none() || !(1..=8).contains(&indexes) {
            return Err(cursor.malformed(format!(
                "{indexes} indexes at {address}, 1 to 8 at a defined address expected"
            )));
        }
        Ok(Self {
            version: 0,
            address,
            indexes,
        })
    }
}

/// The metadata cache image message, of the superblock extension.
///
/// | bytes | field |
/// |---|---|
/// | 1 | version, 0 |
/// | address | the block |
/// | length | its size in bytes |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheImageMessage {
    pub(crate) address: Address,
    pub(crate) length: u64,
}

impl CacheImageMessage {
    /// `None` when the message tells of no image, as once the image was taken.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Option<Self>> {
        cursor.version(0)?;
        let address = cursor.address()?;
        let length = cursor.length()?;
        Ok((address.defined().is_some() && length > 0).then_some(Self { address, length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::{cursor, never_panics, parse_whole};
    use crate::message::Shared;

    fn words(head: &[u8], words: &[u64]) -> Vec<u8> {
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        head.iter().copied().chain(words).collect()
    }

    #[test]
    fn reads_link_info() {
        let plain = words(&[0, 0], &[0x10, 0x20]);
        let expected = LinkInfo {
            max_creation_order: None,
            heap: Address(0x10),
            name_index: Address(0x20),
            creation_order_index: None,
            tracked: false,
        };
        assert_eq!(parse_whole(&plain, LinkInfo::parse), expected);
        let full = words(&[0, 3], &[5, u64::MAX, 0x20, 0x30]);
        let expected = LinkInfo {
            max_creation_order: Some(5),
            heap: Address::UNDEFINED,
            name_index: Address(0x20),
            creation_order_index: Some(Address(0x30)),
            tracked: true,
        };
        assert_eq!(parse_whole(&full, LinkInfo::parse), expected);
        never_panics(&full, LinkInfo::parse);
        let negative = words(&[0, 1], &[u64::MAX, 1, 1]);
        let error = LinkInfo::parse(&mut cursor(&negative)).unwrap_err();
        assert!(!error.is_unsupported());
        for bytes in [words(&[1, 0], &[1, 1]), words(&[0, 4], &[1, 1])] {
            let error = LinkInfo::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(error.is_unsupported());
        }
    }

    #[test]
    fn reads_attribute_info() {
        let full = words(&[0, 3, 9, 0], &[0x10, 0x20, 0x30]);
        let expected = AttributeInfo {
            max_creation_order: Some(9),
            heap: Address(0x10),
            name_index: Address(0x20),
            creation_order_index: Some(Address(0x30)),
            tracked: true,
        };
        assert_eq!(parse_whole(&full, AttributeInfo::parse), expected);
        never_panics(&full, AttributeInfo::parse);
        let plain = words(&[0, 0], &[0x10, 0x20]);
        let plain = parse_whole(&plain, AttributeInfo::parse);
        assert_eq!(plain.max_creation_order, None);
        assert_eq!(plain.creation_order_index, None);
    }

    #[test]
    fn reads_symbol_table_and_continuation() {
        let bytes = words(&[], &[0x10, 0x20]);
        let table = parse_whole(&bytes, SymbolTableMessage::parse);
        assert_eq!((table.btree, table.heap), (Address(0x10), Address(0x20)));
        never_panics(&bytes, SymbolTableMessage::parse);
        let more = parse_whole(&bytes, Continuation::parse);
        assert_eq!((more.address, more.length), (Address(0x10), 0x20));
        never_panics(&bytes, Continuation::parse);
        for bytes in [words(&[], &[u64::MAX, 8]), words(&[], &[8, 0])] {
            assert!(Continuation::parse(&mut cursor(&bytes)).is_err());
        }
    }

    #[test]
    fn reads_file_space_info() {
        let paged = words(&[1, 1, 0], &[1, 4096]);
        let info = parse_whole(&paged, FileSpaceInfo::parse);
        assert_eq!(info.strategy, FileSpaceStrategy::Page);
        assert_eq!(info.page_size, Some(4096));
        never_panics(&paged, FileSpaceInfo::parse);
        let old = parse_whole(&words(&[0, 3], &[1]), FileSpaceInfo::parse);
        assert_eq!(old.strategy, FileSpaceStrategy::Aggregators);
        assert_eq!(old.page_size, None);
        let other = parse_whole(&words(&[1, 0, 1], &[1, 0]), FileSpaceInfo::parse);
        assert_eq!(other.page_size, None);
        for size in [0, 511, (1 << 30) + 1] {
            let bytes = words(&[1, 1, 0], &[1, size]);
            let error = FileSpaceInfo::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(!error.is_unsupported());
        }
        for head in [&[0, 0, 0], &[1, 4, 0], &[2, 1, 0]] {
            let bytes = words(head, &[1, 4096]);
            let error = FileSpaceInfo::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(error.is_unsupported());
        }
    }

    #[test]
    fn reads_shared_message_table() {
        let mut bytes = words(&[0], &[0x10]);
        bytes.push(2);
        let table = parse_whole(&bytes, SharedMessageTable::parse);
        assert_eq!((table.address, table.indexes), (Address(0x10), 2));
        never_panics(&bytes, SharedMessageTable::parse);
        bytes[9] = 9;
        assert!(SharedMessageTable::parse(&mut cursor(&bytes)).is_err());
    }

    #[test]
    fn reads_shared_messages() {
        let v1 = words(&[1, 0, 0, 0, 0, 0, 0, 0], &[0x99, 0x40]);
        let cases = [
            (v1, Shared::Header(Address(0x40))),
            (words(&[2, 0], &[0x40]), Shared::Header(Address(0x40))),
            (words(&[3, 2], &[0x40]), Shared::Header(Address(0x40))),
            (
                words(&[3, 1], &[0x0102]),
                Shared::Heap([2, 1, 0, 0, 0, 0, 0, 0]),
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse_whole(&bytes, Shared::parse), expected);
            never_panics(&bytes, Shared::parse);
        }
    }
}
