//! Reading a chunk index, of whatever kind.

use std::ops::Range;

use super::btree_v1::BTreeV1;
use super::columns::{Columns, Stored};
use super::elements::check_size_width;
use super::extensible_array::ExtensibleArray;
use super::fixed_array::FixedArray;
use super::grid::{Cells, Grid, Order};
use super::{ChunkIndex, Chunks};
use crate::address::Address;
use crate::btree::v2::Records;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::held::Held;
use crate::scan::Limits;
use crate::walk::{Walk, Wants};

/// Finds the chunks of a dataset.
#[derive(Debug)]
pub(crate) struct ChunkWalk {
    cells: Cells,
    columns: Columns,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Nothing is left to read.
    Done,
    SingleChunk(Stored),
    Implicit(Address, Order),
    BTreeV1(BTreeV1),
    FixedArray(FixedArray),
    ExtensibleArray(ExtensibleArray),
    BTreeV2(Records),
}

impl ChunkWalk {
    pub(crate) fn new(index: &ChunkIndex, grid: Grid, limits: Limits) -> Result<Self> {
        let cells = Cells::new(grid)?;
        let kind = match *index {
            ChunkIndex::BTreeV1 { address } => Kind::BTreeV1(BTreeV1::new(address)),
            ChunkIndex::SingleChunk { address, .. } if address.defined().is_none() => Kind::Done,
            ChunkIndex::SingleChunk { address, filtered } => {
                Kind::SingleChunk(single(&cells, address, filtered)?)
            }
            ChunkIndex::Implicit { .. } if cells.filtered => {
                let what = "an implicit chunk index, but the dataset has filters";
                return Err(cells.place.malformed(what));
            }
            ChunkIndex::Implicit { address } => Kind::Implicit(address, cells.fixed_order()?),
            ChunkIndex::FixedArray { address } => {
                Kind::FixedArray(FixedArray::new(address, &cells)?)
            }
            ChunkIndex::ExtensibleArray { address } => {
                Kind::ExtensibleArray(ExtensibleArray::new(address, &cells)?)
            }
            ChunkIndex::BTreeV2 { address } if address.defined().is_none() => Kind::Done,
            ChunkIndex::BTreeV2 { address } => Kind::BTreeV2(Records::new(address)),
        };
        Ok(Self {
            columns: Columns::new(&cells, limits),
            cells,
            kind,
        })
    }

    /// Takes the ranges in which nodes not yet read are spread, each with how many there may be.
    pub(crate) fn take_spread(&mut self) -> Vec<(Range<u64>, u64)> {
        match &mut self.kind {
            Kind::BTreeV1(tree) => tree.take_spread(),
            _ => Vec::new(),
        }
    }
}

impl Walk for ChunkWalk {
    type Output = Chunks;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        let (cells, columns) = (&self.cells, &mut self.columns);
        match &mut self.kind {
            Kind::Done => Ok(()),
            Kind::SingleChunk(stored) => {
                if cells.total() > 0 {
                    columns.push(held, 0, *stored)?;
                }
                self.kind = Kind::Done;
                Ok(())
            }
            Kind::Implicit(address, order) => {
                implicit(held, *address, order, cells, columns)?;
                self.kind = Kind::Done;
                Ok(())
            }
            Kind::BTreeV1(tree) => tree.advance(held, wants, cells, columns),
            Kind::FixedArray(array) => array.advance(held, wants, cells, columns),
            Kind::ExtensibleArray(array) => array.advance(held, wants, cells, columns),
            Kind::BTreeV2(records) => records.advance(held, wants, &mut |kind, record| {
                read_record(held, kind, record, cells, columns)
            }),
        }
    }

    fn is_done(&self) -> bool {
        match &self.kind {
            Kind::Done => true,
            Kind::SingleChunk(_) | Kind::Implicit(..) => false,
            Kind::BTreeV1(tree) => tree.is_done(),
            Kind::FixedArray(array) => array.is_done(),
            Kind::ExtensibleArray(array) => array.is_done(),
            Kind::BTreeV2(records) => records.is_done(),
        }
    }

    fn finish(self) -> Result<Chunks> {
        self.columns.finish()
    }
}

fn single(cells: &Cells, address: Address, filtered: Option<(u64, u32)>) -> Result<Stored> {
    if cells.counts.iter().any(|&count| count > 1) {
        return Err(cells.place.malformed(format!(
            "a grid of {:?} chunks, but the chunk index is of a single one",
            cells.counts
        )));
    }
    let (length, filter_mask) = match (filtered, cells.filtered) {
        (Some(filtered), true) => filtered,
        (None, false) => (cells.chunk_bytes, 0),
        (Some(_), false) => {
            let what = "the single chunk is filtered, but the dataset has no filter";
            return Err(cells.place.malformed(what));
        }
        (None, true) => {
            let what = "the dataset has filters, but the single chunk is not filtered";
            return Err(cells.place.malformed(what));
        }
    };
    Ok(Stored {
        address,
        length,
        filter_mask,
    })
}

/// Adds the chunks of an implicit index: all of them, in the order of the maximum shape.
fn implicit(
    held: &Held,
    start: Address,
    order: &Order,
    cells: &Cells,
    columns: &mut Columns,
) -> Result<()> {
    if start.defined().is_none() {
        return Ok(());
    }
    let bytes = cells.chunk_bytes.saturating_mul(cells.total());
    held.check_size(cells.place, bytes)?;
    for number in 0..cells.total() {
        let address = order
            .slot(number)
            .and_then(|slot| slot.checked_mul(cells.chunk_bytes))
            .and_then(|skip| start.0.checked_add(skip))
            .map_or(Address::UNDEFINED, Address);
        if address.defined().is_none() {
            let what = format!("chunk {number} overflows the address space");
            return Err(cells.place.malformed(what));
        }
        let stored = Stored {
            address,
            length: cells.chunk_bytes,
            filter_mask: 0,
        };
        columns.push(held, number, stored)?;
    }
    Ok(())
}

/// Reads a record of a version 2 B-tree: type 10 (address, scaled offsets) or 11 (address,
/// chunk size, filter mask, scaled offsets).
fn read_record(
    held: &Held,
    kind: u8,
    mut record: Cursor,
    cells: &Cells,
    columns: &mut Columns,
) -> Result<()> {
    let expected = if cells.filtered { 11 } else { 10 };
    if kind != expected {
        let filters = if cells.filtered { "has" } else { "has no" };
        return Err(record.malformed(format!(
            "records of type {kind}, {expected} expected as the dataset {filters} filters"
        )));
    }
    let coordinates = cells.rank().saturating_mul(8);
    let address = record.address()?;
    let mut stored = Stored {
        address,
        length: cells.chunk_bytes,
        filter_mask: 0,
    };
    if cells.filtered {
        let width = record
            .remaining()
            .checked_sub(coordinates.saturating_add(4));
        let checked = width.and_then(|width| u64::try_from(width).ok());
        check_size_width(record.place(), record.sizes(), checked, cells.chunk_bytes)?;
        stored.length = record.wide(width.unwrap_or(0))?;
        stored.filter_mask = record.u32()?;
    }
    if record.remaining() != coordinates {
        return Err(record.malformed(format!(
            "records with {} bytes of offsets, {coordinates} expected for {} axes",
            record.remaining(),
            cells.rank()
        )));
    }
    let offsets = record.rest();
    let scaled = offsets.chunks_exact(8).map(super::elements::uint);
    match cells.number(scaled) {
        Some(number) => columns.push(held, number, stored),
        None => Ok(()),
    }
}
