//! The fractal heap header "FRHP" (III.G), and the heap IDs that it gives meaning to.

use bytes::Bytes;

use super::block::Stored;
use super::table::{DoublingTable, Shape};
use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Place, Result};
use crate::filter::Filter;
use crate::held::{Held, Step};

const HEADER: &str = "fractal heap header";

/// Longest tiny object whose length is written in four bits.
const SHORT_TINY: usize = 16;

/// What of the header is needed to find objects.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) place: Place,
    /// Length in bytes of the heap's IDs.
    id_length: usize,
    /// The I/O filters of direct blocks and huge objects.
    pub(super) filters: Vec<Filter>,
    /// Whether direct blocks have a checksum.
    pub(super) checksums: bool,
    /// Width in bytes of the length of a managed object.
    length_width: usize,
    /// The version 2 B-tree of huge objects.
    pub(super) huge: Address,
    pub(super) table: DoublingTable,
    pub(super) root: Address,
    pub(super) root_shape: Shape,
    /// How the root block is stored, if it is a direct block and filtered.
    pub(super) root_stored: Option<Stored>,
}

/// An object, as its ID tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// In a direct block, at an offset into the heap.
    Managed { offset: u64, length: u64 },
    /// In the file, on its own.
    Huge(HugeObject),
    /// On its own too; the B-tree of huge objects tells where.
    HugeIndexed { key: u64 },
    /// In the ID itself.
    Tiny(Bytes),
}

/// Where a huge object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HugeObject {
    pub(super) address: Address,
    /// Bytes in the file.
    pub(super) length: u64,
    /// Filters skipped and decoded size in bytes, where the heap has filters.
    pub(super) filtered: Option<(u32, u64)>,
}

impl HugeObject {
    /// Reads what ids and records of the B-tree of huge objects have in common.
    pub(super) fn parse(cursor: &mut Cursor, filtered: bool) -> Result<Self> {
        let address = cursor.address()?;
        let length = cursor.length()?;
        let filtered = if filtered {
            Some((cursor.u32()?, cursor.length()?))
        } else {
            None
        };
        Ok(Self {
            address,
            length,
            filtered,
        })
    }
}

impl Header {
    pub(super) fn read(held: &Held, address: Address) -> Step<Self> {
        let lengths = u64::from(held.sizes.lengths);
        let offsets = u64::from(held.sizes.offsets);
        let fixed = lengths
            .saturating_mul(12)
            .saturating_add(offsets.saturating_mul(3))
            .saturating_add(26);
        let mut cursor = held.cursor(HEADER, address, fixed)?;
        cursor.signature(*b"FRHP")?;
        cursor.version(0)?;
        cursor.skip(2)?;
        let more = match u64::from(cursor.u16()?) {
            0 => 0,
            // Size and filter mask of the root block, then the filter pipeline message.
            filters => lengths.saturating_add(4).saturating_add(filters),
        };
        let mut cursor = held.cursor(HEADER, address, fixed.saturating_add(more))?;
        Ok(Self::parse(&mut cursor, held)?)
    }

    fn parse(cursor: &mut Cursor, held: &Held) -> Result<Self> {
        cursor.verify_checksum()?;
        cursor.skip(5)?;
        let id_length = usize::from(cursor.u16()?);
        let filters = cursor.u16()?;
        let flags = cursor.u8()?;
        let max_managed = u64::from(cursor.u32()?);
        cursor.length()?;
        let huge = cursor.address()?;
        cursor.length()?;
        cursor.address()?;
        for _ in 0..8 {
            cursor.length()?;
        }
        let table = DoublingTable::parse(cursor)?;
        cursor.skip(2)?;
        let root = cursor.address()?;
        let rows = u32::from(cursor.u16()?);
        if rows > table.max_rows() {
            let most = table.max_rows();
            let what = format!("root block of {rows} rows, at most {most} expected");
            return Err(cursor.malformed(what));
        }
        if !(1..=4096).contains(&id_length) {
            let what = format!("heap ids of {id_length} bytes, 1 to 4096 expected");
            return Err(cursor.malformed(what));
        }
        let mut root_stored = None;
        let mut pipeline = Vec::new();
        if filters > 0 {
            // They are kept, and each client data value is four bytes of the header.
            held.charge_memory(cursor.place(), u64::from(filters).saturating_mul(16))?;
            root_stored = Some(Stored::parse(cursor)?);
            pipeline = Filter::parse_pipeline(cursor)?;
        }
        Ok(Self {
            place: cursor.place(),
            id_length,
            filters: pipeline,
            checksums: flags & 0x02 != 0,
            length_width: table.direct_offset_width().min(width_of(max_managed)),
            huge,
            table,
            root,
            root_shape: match rows {
                0 => Shape::Direct(table.start),
                rows => Shape::Indirect(rows),
            },
            root_stored: root_stored.filter(|_| rows == 0),
        })
    }

    /// What `id` stands for.
    pub(super) fn object(&self, id: &Bytes, held: &Held) -> Result<Object> {
        if id.len() != self.id_length {
            let (found, expected) = (id.len(), self.id_length);
            return Err(self
                .place
                .malformed(format!("id of {found} bytes, {expected} expected")));
        }
        let mut cursor = Cursor::new(id.clone(), held.sizes, self.place);
        let first = cursor.u8()?;
        match first >> 4 {
            0 => self.managed(&mut cursor),
            1 => self.huge(&mut cursor),
            2 => self.tiny(first, &mut cursor),
            other => Err(self.place.malformed(format!(
                "id of version {} and type {}, version 0 and type 0 to 2 expected",
                other >> 2,
                other & 0x03
            ))),
        }
    }

    fn managed(&self, cursor: &mut Cursor) -> Result<Object> {
        let offset = cursor.uint(self.table.offset_width())?;
        let length = cursor.uint(self.length_width)?;
        Ok(Object::Managed { offset, length })
    }

    fn huge(&self, cursor: &mut Cursor) -> Result<Object> {
        let (sizes, filtered) = (cursor.sizes(), self.is_filtered());
        let (offsets, lengths) = (usize::from(sizes.offsets), usize::from(sizes.lengths));
        let direct = if filtered {
            lengths.saturating_mul(2).saturating_add(4)
        } else {
            lengths
        };
        if cursor.remaining() >= direct.saturating_add(offsets) {
            return HugeObject::parse(cursor, filtered).map(Object::Huge);
        }
        let width = cursor.remaining().min(8);
        let key = cursor.uint(width)?;
        Ok(Object::HugeIndexed { key })
    }

    fn tiny(&self, first: u8, cursor: &mut Cursor) -> Result<Object> {
        let mut length = usize::from(first & 0x0F);
        // Longer ids have 12 bits for the length.
        if self.id_length > SHORT_TINY.saturating_add(2) {
            length = (length << 8) | usize::from(cursor.u8()?);
        }
        cursor.take(length.saturating_add(1)).map(Object::Tiny)
    }

    pub(super) fn is_filtered(&self) -> bool {
        !self.filters.is_empty()
    }
}

/// Bytes in which `limit` can be written: at least one.
fn width_of(limit: u64) -> usize {
    let bits = limit.checked_ilog2().unwrap_or(0);
    usize::try_from(bits / 8).map_or(8, |bytes| bytes.saturating_add(1))
}
