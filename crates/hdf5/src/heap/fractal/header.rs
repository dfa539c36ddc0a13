//! The fractal heap header "FRHP" (III.G), and the heap IDs that it gives meaning to.

use bytes::Bytes;

use super::table::{DoublingTable, Shape};
use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Error, Place, Result};
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
    /// The first I/O filter, if blocks and huge objects are filtered.
    filter: Option<u16>,
    /// Whether direct blocks have a checksum.
    pub(super) checksums: bool,
    /// Width in bytes of the length of a managed object.
    length_width: usize,
    /// The version 2 B-tree of huge objects.
    pub(super) huge: Address,
    pub(super) table: DoublingTable,
    pub(super) root: Address,
    pub(super) root_shape: Shape,
}

/// An object, as its ID tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// In a direct block, at an offset into the heap.
    Managed { offset: u64, length: u64 },
    /// In the file, on its own.
    Huge { address: Address, length: u64 },
    /// On its own too; the B-tree of huge objects tells where.
    HugeIndexed { key: u64 },
    /// In the ID itself.
    Tiny(Bytes),
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
        Ok(Self::parse(&mut cursor)?)
    }

    fn parse(cursor: &mut Cursor) -> Result<Self> {
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
        Ok(Self {
            place: cursor.place(),
            id_length,
            filter: (filters > 0).then(|| first_filter(cursor)).transpose()?,
            checksums: flags & 0x02 != 0,
            length_width: table.direct_offset_width().min(width_of(max_managed)),
            huge,
            table,
            root,
            root_shape: match rows {
                0 => Shape::Direct(table.start),
                rows => Shape::Indirect(rows),
            },
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
        self.refuse_filter()?;
        let offset = cursor.uint(self.table.offset_width())?;
        let length = cursor.uint(self.length_width)?;
        Ok(Object::Managed { offset, length })
    }

    fn huge(&self, cursor: &mut Cursor) -> Result<Object> {
        self.refuse_filter()?;
        let sizes = cursor.sizes();
        let direct = usize::from(sizes.offsets).saturating_add(usize::from(sizes.lengths));
        if cursor.remaining() >= direct {
            let address = cursor.address()?;
            let length = cursor.length()?;
            return Ok(Object::Huge { address, length });
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

    fn refuse_filter(&self) -> Result<()> {
        match self.filter {
            Some(filter) => Err(self.filtered(filter)),
            None => Ok(()),
        }
    }

    fn filtered(&self, filter: u16) -> Error {
        self.place
            .unsupported(format!("a heap with I/O filters (first: filter {filter})"))
    }
}

/// The id of the first filter, from the pipeline message (IV.A.2.l) in the header.
fn first_filter(cursor: &mut Cursor) -> Result<u16> {
    cursor.length()?;
    cursor.skip(4)?;
    let version = cursor.u8()?;
    cursor.skip(if version == 1 { 7 } else { 1 })?;
    cursor.u16()
}

/// Bytes in which `limit` can be written: at least one.
fn width_of(limit: u64) -> usize {
    let bits = limit.checked_ilog2().unwrap_or(0);
    usize::try_from(bits / 8).map_or(8, |bytes| bytes.saturating_add(1))
}
