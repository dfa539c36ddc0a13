//! Doors to single structures for the fuzz targets; only there when built for fuzzing.
//!
//! Checksums are not compared then (see [`crate::checksum`]). What a function gives is of no
//! interest: it must return, and not take memory or time out of proportion to its input.

use bytes::Bytes;

use crate::address::{Address, Sizes};
use crate::btree::v2::Records;
use crate::chunk_index::{ChunkIndex, ChunkWalk, Grid};
use crate::cursor::Cursor;
use crate::dataspace::Dataspace;
use crate::datatype::{Datatype, Reference};
use crate::error::{Place, Result};
use crate::filter::Filter;
use crate::group::SymbolTable;
use crate::heap::fractal::FractalHeap;
use crate::heap::{GlobalHeap, HeapId};
use crate::held::Held;
use crate::layout::{Layout, VirtualMapping};
use crate::object_header::ObjectHeader;
use crate::scan::Limits;
use crate::walk::{Walk, Wants};

mod structures;

pub use structures::{
    attribute, cache_image, dense_attributes, dense_links, fill_value, info_messages, link,
    local_heap, shared_messages, superblock, symbol_table,
};

/// An input for a structure: its address and seven numbers (8 bytes each, little-endian), then
/// the file.
struct Input {
    address: Address,
    numbers: [u64; 7],
    file: Bytes,
}

impl Input {
    fn new(data: &[u8]) -> Option<Self> {
        let mut cursor = message(data);
        let address = Address(cursor.u64().ok()?);
        let mut numbers = [0; 7];
        for number in &mut numbers {
            *number = cursor.u64().ok()?;
        }
        let file = cursor.rest();
        Some(Self {
            address,
            numbers,
            file,
        })
    }

    fn drive<W: Walk>(&self, mut walk: W) -> Option<W::Output> {
        let mut held = structures::held();
        let size = u64::try_from(self.file.len()).ok()?;
        held.file_size = Some(size);
        loop {
            let mut wants = Wants::new();
            walk.advance(&held, &mut wants).ok()?;
            if walk.is_done() {
                return walk.finish().ok();
            }
            let mut grew = false;
            for want in wants {
                grew |= !held.missing(want.clone()).is_empty();
                let range = usize::try_from(want.start).ok()?..usize::try_from(want.end).ok()?;
                held.insert(want.start, self.file.slice(range));
            }
            assert!(grew, "stuck: neither done nor wanting more");
        }
    }

    /// A dataset of two axes, as the numbers tell.
    fn grid(&self) -> Grid {
        let [
            rows,
            columns,
            chunk_rows,
            chunk_columns,
            max_rows,
            element,
            flags,
        ] = self.numbers;
        let limited = |shape| (flags & 2 == 0).then_some(shape);
        Grid {
            shape: vec![rows, columns],
            max_shape: vec![limited(max_rows), Some(columns)],
            chunk_shape: vec![chunk_rows, chunk_columns],
            element_size: u32::try_from(element).unwrap_or(1),
            filtered: flags & 1 != 0,
            place: Place::new("dataset", 0),
        }
    }

    fn chunks(&self, index: &ChunkIndex) {
        let walk = ChunkWalk::new(index, self.grid(), Limits::default());
        if let Ok(walk) = walk {
            self.drive(walk);
        }
    }
}

fn message(data: &[u8]) -> Cursor {
    let bytes = Bytes::copy_from_slice(data);
    Cursor::new(bytes, Sizes::default(), Place::new("fuzzing", 0))
}

/// A datatype message.
pub fn datatype(data: &[u8]) {
    if let Ok(datatype) = Datatype::parse(&mut message(data)) {
        let size = datatype.size();
        assert!(size > 0, "{datatype:?} has no size");
    }
}

/// A dataspace message.
pub fn dataspace(data: &[u8]) {
    let _ = Dataspace::parse(&mut message(data));
}

/// A data layout message.
pub fn layout(data: &[u8]) {
    let _ = Layout::parse(&mut message(data));
}

/// The mappings of a virtual dataset.
pub fn virtual_mappings(data: &[u8]) {
    let _ = VirtualMapping::parse_all(&mut message(data));
}

/// A stored reference of 18 bytes, as each kind, and the heap object that it needs.
pub fn references(data: &[u8]) {
    let (element, heap) = data.split_at(data.len().min(18));
    let heap = Bytes::copy_from_slice(heap);
    for kind in [Reference::Object, Reference::Region, Reference::Standard(2)] {
        let _ = kind.heap_id(element, Sizes::default());
        let _ = kind.resolve(element, Some(&heap), Sizes::default());
    }
}

/// A filter pipeline message.
pub fn filter_pipeline(data: &[u8]) {
    let _ = Filter::parse_pipeline(&mut message(data));
}

/// An object header.
pub fn object_header(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        input.drive(ObjectHeader::new(input.address));
    }
}

/// A fractal heap; the numbers are heap IDs, of 7 or 8 bytes.
pub fn fractal_heap(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let mut heap = FractalHeap::new(input.address);
        for (tag, number) in (0..).zip(input.numbers) {
            let id = Bytes::copy_from_slice(&number.to_le_bytes());
            let length = if number >> 56 == 0 { 7 } else { 8 };
            heap.request(tag, id.slice(..length));
        }
        input.drive(heap);
    }
}

/// A group: a version 1 B-tree of names; the first number is the address of the local heap.
pub fn btree_v1(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [heap, ..] = input.numbers;
        input.drive(SymbolTable::new(input.address, Address(heap)));
        input.chunks(&ChunkIndex::BTreeV1 {
            address: input.address,
        });
    }
}

/// Counts the records of a version 2 B-tree.
struct Counted(Records, u64);

impl Walk for Counted {
    type Output = u64;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        let Self(records, count) = self;
        records.advance(held, wants, &mut |_, _| {
            *count = count.saturating_add(1);
            Ok(())
        })
    }

    fn is_done(&self) -> bool {
        self.0.is_done()
    }

    fn finish(self) -> Result<u64> {
        Ok(self.1)
    }
}

/// A version 2 B-tree of any type, then as a chunk index.
pub fn btree_v2(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        input.drive(Counted(Records::new(input.address), 0));
        input.chunks(&ChunkIndex::BTreeV2 {
            address: input.address,
        });
    }
}

/// A fixed array.
pub fn fixed_array(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        input.chunks(&ChunkIndex::FixedArray {
            address: input.address,
        });
    }
}

/// An extensible array.
pub fn extensible_array(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        input.chunks(&ChunkIndex::ExtensibleArray {
            address: input.address,
        });
    }
}

/// A global heap; the numbers are indexes in the collection.
pub fn global_heap(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let mut heap = GlobalHeap::default();
        for number in input.numbers {
            let index = u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0);
            let collection = input.address;
            heap.request(HeapId { collection, index });
        }
        input.drive(heap);
    }
}
