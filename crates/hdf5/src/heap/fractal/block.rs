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

/// Where a block is and what it is to be. A block's shape is part of what it is known by, so
/// that an address cannot pass for a block inside of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockRef {
    pub(super) address: Address,
    /// Where it starts, in bytes into the heap.
    pub(super) offset: u64,
    pub(super) shape: Shape,
}

/// A block that was read.
#[derive(Debug)]
pub(super) enum Block {
    Direct {
        place: Place,
        /// All of it, with its header, which offsets count.
        bytes: Bytes,
        header_length: usize,
    },
    Indirect {
        place: Place,
        children: Vec<Address>,
    },
}

impl BlockRef {
    /// Bytes that the block takes in the file.
    pub(super) fn size(&self, held: &Held, header: &Header) -> u64 {
        match self.shape {
            Shape::Direct(size) => size,
            // The addresses of the children and of the heap, the block offset, signature,
            // version and checksum.
            Shape::Indirect(rows) => header
                .table
                .entries(rows)
                .saturating_add(1)
                .saturating_mul(u64::from(held.sizes.offsets))
                .saturating_add(u64::try_from(header.table.offset_width()).unwrap_or(8))
                .saturating_add(9),
        }
    }

    /// Reads the block of the heap whose header is at `heap`.
    pub(super) fn read(&self, held: &Held, header: &Header, heap: Address) -> Step<Block> {
        let size = self.size(held, header);
        match self.shape {
            Shape::Direct(_) => {
                let mut cursor = held.cursor(DIRECT, self.address, size)?;
                Ok(self.parse_direct(&mut cursor, header, heap)?)
            }
            Shape::Indirect(rows) => {
                let entries = header.table.entries(rows);
                let mut cursor = held.cursor(INDIRECT, self.address, size)?;
                Ok(self.parse_indirect(&mut cursor, header, heap, entries)?)
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
        entries: u64,
    ) -> Result<Block> {
        cursor.verify_checksum()?;
        cursor.signature(*b"FHIB")?;
        self.parse_start(cursor, header, heap)?;
        let mut children = Vec::new();
        for _ in 0..entries {
            children.push(cursor.address()?);
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
