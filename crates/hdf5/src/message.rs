//! Messages of an object header (IV.A.2), cut out but not yet read.

use bytes::Bytes;

use crate::address::{Address, Sizes};
use crate::cursor::Cursor;
use crate::error::{Place, Result};

mod info;

pub(crate) use info::{
    AttributeInfo, CacheImageMessage, Continuation, FileSpaceInfo, LinkInfo, SharedMessageTable,
    SymbolTableMessage,
};

/// Message types (IV.A.2).
pub(crate) mod kind {
    pub(crate) const DATASPACE: u16 = 0x01;
    pub(crate) const LINK_INFO: u16 = 0x02;
    pub(crate) const DATATYPE: u16 = 0x03;
    pub(crate) const FILL_VALUE_OLD: u16 = 0x04;
    pub(crate) const FILL_VALUE: u16 = 0x05;
    pub(crate) const LINK: u16 = 0x06;
    pub(crate) const EXTERNAL_FILES: u16 = 0x07;
    pub(crate) const LAYOUT: u16 = 0x08;
    pub(crate) const FILTER_PIPELINE: u16 = 0x0B;
    pub(crate) const ATTRIBUTE: u16 = 0x0C;
    pub(crate) const SHARED_MESSAGE_TABLE: u16 = 0x0F;
    pub(crate) const CONTINUATION: u16 = 0x10;
    pub(crate) const SYMBOL_TABLE: u16 = 0x11;
    pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;
    pub(crate) const FILE_SPACE_INFO: u16 = 0x17;
    pub(crate) const CACHE_IMAGE: u16 = 0x18;
}

/// A message: its type, its flags and its body.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) kind: u16,
    /// Bit 1: shared; bit 3: refuse if unknown and writing; bit 7: refuse if unknown.
    pub(crate) flags: u8,
    /// Where the body starts, in bytes from the start of the file.
    pub(crate) at: u64,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn is_shared(&self) -> bool {
        self.flags & 0x02 != 0
    }

    pub(crate) fn cursor(&self, structure: &'static str, sizes: Sizes) -> Cursor {
        Cursor::new(self.body.clone(), sizes, Place::new(structure, self.at))
    }
}

/// Where the body of a shared message is (IV.A.2, "Shared Message").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shared {
    /// In the object header at this address (a committed datatype).
    Header(Address),
    /// In the shared message heap of the file, under this fractal heap ID.
    Heap([u8; 8]),
}

impl Shared {
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let version = cursor.u8()?;
        let location = cursor.u8()?;
        match (version, location) {
            (1, _) => {
                // A symbol table entry follows (the specification shows only its address): the
                // offset of the name in a local heap, then the address of the header.
                cursor.skip(6)?;
                cursor.skip(usize::from(cursor.sizes().lengths))?;
                cursor.address().map(Self::Header)
            }
            (2, _) | (3, 2) => cursor.address().map(Self::Header),
            (3, 1) => Ok(Self::Heap(cursor.u64()?.to_le_bytes())),
            (3, other) => {
                Err(cursor.malformed(format!("shared message of type {other}, 1 or 2 expected")))
            }
            (other, _) => Err(cursor
                .place()
                .unsupported(format!("shared message version {other}"))),
        }
    }
}

/// A datatype or dataspace inside of an attribute: its body, or where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Embedded {
    Here(Bytes),
    Shared(Shared),
}
