//! Blocks of a fractal heap (III.G): "FHDB" with objects, "FHIB" with the addresses of blocks.

use bytes::Bytes;

use super::header::Header;
use super::table::Shape;
use crate::address::Address;
use crate::checksum::{self, lookup3};
use crate::cursor::Cursor;
use crate::error::{Place, Result};
use crate::held::{Held, Step};

const DIRECT: &str = "fractal heap direct block";
const INDIRECT: &str = "fractal heap indirect block";

/// Bytes in memory for a child, while their list grows.
const CHILD: u64 = 64;

/// Bytes in which an indirect block says how its filtered direct blocks are stored.
fn stored_sizes(held: &Held, header: &Header, rows: u32) -> u64 {
    if !header.is_filtered() {
        return 0;
    }
    let each = u64::from(held.sizes.lengths).saturating_add(4);
    header.table.direct_entries(rows).saturating_mul(each)
}

/// Where a block is and what it is to be. A block's shape is part of what it is known by, so
/// that an address cannot pass for a block inside of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockRef {
    pub(super) address: Address,
    /// Where it starts, in bytes into the heap.
    pub(super) offset: u64,
    pub(super) shape: Shape,
    /// For a direct block of a heap with filters.
    pub(super) stored: Option<Stored>,
}

/// How a filtered direct block is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stored {
    /// Bytes in the file.
    size: u64,
    /// Filters that were skipped.
    mask: u32,
}

impl Stored {
    pub(super) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let (size, mask) = (cursor.length()?, cursor.u32()?);
        Ok(Self { size, mask })
    }
}

/// Where a child of an indirect block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) address: Address,
    pub(super) stored: Option<Stored>,
}

/// A block that was read.
#[derive(Debug)]
pub(super) enum Block {
    Direct {
        place: Place,
        /// All of it, decoded, with its header, which offsets count.
        bytes: Bytes,
        header_length: usize,
    },
    Indirect {
        place: Place,
        children: Vec<Child>,
    },
}

impl BlockRef {
    /// Bytes that the block takes in the file.
    pub(super) fn size(&self, held: &Held, header: &Header) -> u64 {
        match self.shape {
            Shape::Direct(size) => self.stored.map_or(size, |stored| stored.size),
            // The addresses of the children and of the heap, the block offset, signature,
            // version and checksum.
            Shape::Indirect(rows) => header
                .table
                .entries(rows)
                .saturating_add(1)
                .saturating_mul(u64::from(held.sizes.offsets))
                .saturating_add(stored_sizes(held, header, rows))
                .saturating_add(u64::try_from(header.table.offset_width()).unwrap_or(8))
                .saturating_add(9),
        }
    }

    /// Reads the block of the heap whose header is at `heap`.
    pub(super) fn read(&self, held: &Held, header: &Header, heap: Address) -> Step<Block> {
        let size = self.size(held, header);
        match self.shape {
            Shape::Direct(decoded_size) => {
                let mut cursor = held.cursor(DIRECT, self.address, size)?;
                if let Some(stored) = self.stored {
                    let (place, bytes) = (cursor.place(), cursor.rest());
                    let filters = &header.filters;
                    let bytes = held.decode(place, filters, stored.mask, bytes, decoded_size)?;
                    cursor = Cursor::new(bytes, held.sizes, place);
                }
                Ok(self.parse_direct(&mut cursor, header, heap)?)
            }
            Shape::Indirect(rows) => {
                let mut cursor = held.cursor(INDIRECT, self.address, size)?;
                held.charge_memory(
                    cursor.place(),
                    header.table.entries(rows).saturating_mul(CHILD),
                )?;
                Ok(self.parse_indirect(&mut cursor, header, heap, rows)?)
            }
        }
    }

    fn parse_direct(&self, cursor: &mut Cursor, header: &Header, heap: Address) -> Result<Block> {
        let bytes = cursor.clone().rest();
        cursor.signature(*b"FHDB")?;
        self.parse_start(cursor, header, heap)?;
        if header.checksums {
            let at = cursor.position();
            let stored = cursor.u32()?;
            // It covers the block with zeros in its own place.
            let mut covered = bytes.to_vec();
            for byte in covered.iter_mut().skip(at).take(4) {
                *byte = 0;
            }
            let computed = lookup3(&covered);
            if !checksum::agree(stored, computed) {
                return Err(cursor.malformed(format!(
                    "checksum {computed:#010x} does not match {stored:#010x}"
                )));
            }
        }
        Ok(Block::Direct {
            place: cursor.place(),
            bytes,
            header_length: cursor.position(),
        })
    }

    fn parse_indirect(
        &self,
        cursor: &mut Cursor,
        header: &Header,
        heap: Address,
        rows: u32,
    ) -> Result<Block> {
        cursor.verify_checksum()?;
        cursor.signature(*b"FHIB")?;
        self.parse_start(cursor, header, heap)?;
        let mut children = Vec::new();
        let direct = header.table.direct_entries(rows);
        for number in 0..header.table.entries(rows) {
            let address = cursor.address()?;
            let is_stored = header.is_filtered() && number < direct;
            let stored = is_stored.then(|| Stored::parse(cursor)).transpose()?;
            children.push(Child { address, stored });
        }
        Ok(Block::Indirect {
            place: cursor.place(),
            children,
        })
    }

    /// Version, heap header address and block offset, which both kinds have.
    fn parse_start(&self, cursor: &mut Cursor, header: &Header, heap: Address) -> Result<()> {
        cursor.version(0)?;
        let found = cursor.address()?;
        if found != heap {
            let what = format!("belongs to the heap at {found}, {heap} expected");
            return Err(cursor.malformed(what));
        }
        let found = cursor.uint(header.table.offset_width())?;
        if found != self.offset {
            let expected = self.offset;
            let what = format!("block offset {found} in the heap, {expected} expected");
            return Err(cursor.malformed(what));
        }
        Ok(())
    }
}

impl Block {
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Direct { place, .. } | Self::Indirect { place, .. } => *place,
        }
    }
}
