//! Doors to single structures for the fuzz targets; only there when built for fuzzing.
//!
//! Checksums are not compared then (see [`crate::checksum`]). What a function gives is of no
//! interest: it must return, and not take memory or time out of proportion to its input.

use std::sync::Arc;

use bytes::Bytes;

use crate::address::{Address, Sizes};
use crate::attribute::AttributeMessage;
use crate::btree::v2::Records;
use crate::cache_image::CacheImage;
use crate::chunk_index::{ChunkIndex, ChunkWalk, Grid};
use crate::cursor::Cursor;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::decode::Decode;
use crate::error::{Place, Result};
use crate::fill_value::FillValue;
use crate::filter::Filter;
use crate::group::{DenseAttributes, DenseLinks, SymbolTable};
use crate::heap::fractal::FractalHeap;
use crate::heap::{GlobalHeap, HeapId, LocalHeap, SharedMessages};
use crate::held::{Held, Stop};
use crate::layout::{ExternalFileList, Layout};
use crate::link::Link;
use crate::message::{
    AttributeInfo, CacheImageMessage, Continuation, Embedded, FileSpaceInfo, LinkInfo, Shared,
    SharedMessageTable, SymbolTableMessage,
};
use crate::object_header::ObjectHeader;
use crate::scan::Limits;
use crate::superblock::Search;
use crate::walk::{Walk, Wants};

/// An input for a structure: its address and seven numbers (8 bytes each, little-endian), then
/// the file.
struct Input {
    address: Address,
    numbers: [u64; 7],
    file: Bytes,
}

/// Takes filtered bytes for decoded ones, cut or filled up to their size.
#[derive(Debug)]
struct Plain;

impl Decode for Plain {
    fn knows(&self, filter: &Filter) -> bool {
        filter.id.0 < 1000
    }

    fn decode(&self, _: &[Filter], _: u32, stored: Bytes, size: usize) -> Result<Bytes, String> {
        let mut decoded = stored.to_vec();
        decoded.resize(size, 0);
        Ok(decoded.into())
    }
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
        let mut held = Held::default();
        held.decoder = Some(Arc::new(Plain));
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

/// A filter pipeline message.
pub fn filter_pipeline(data: &[u8]) {
    let _ = Filter::parse_pipeline(&mut message(data));
}

/// A superblock, at any offset where one may be.
pub fn superblock(data: &[u8]) {
    let mut held = Held::default();
    held.file_size = u64::try_from(data.len()).ok();
    held.insert(0, Bytes::copy_from_slice(data));
    match Search::default().advance(&held) {
        Ok(opening) => assert!(opening.superblock.version <= 3),
        Err(Stop::Need(range)) => panic!("wants {range:?} though all is held"),
        Err(Stop::Error(_)) => {}
    }
}

/// A metadata cache image; the first number is its length.
pub fn cache_image(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [length, ..] = input.numbers;
        let address = input.address;
        let entries = input.drive(CacheImage::new(CacheImageMessage { address, length }));
        let mut last = 0;
        for (offset, bytes) in entries.unwrap_or_default() {
            assert!(offset >= last, "entries overlap");
            last = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            assert!(last <= u64::try_from(input.file.len()).unwrap_or(0));
        }
    }
}

/// A local heap; the numbers are offsets of strings.
pub fn local_heap(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let mut heap = LocalHeap::new(input.address);
        let mut held = Held::default();
        held.file_size = u64::try_from(input.file.len()).ok();
        held.insert(0, input.file.clone());
        if heap.advance(&held, &mut Wants::new()).is_err() {
            return;
        }
        if let Ok(segment) = heap.into_segment() {
            for number in input.numbers {
                let _ = segment.string(number);
            }
        }
    }
}

/// A group of the old style: tree, leaf nodes, and local heap, whose address is the first number.
pub fn symbol_table(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [heap, ..] = input.numbers;
        let links = input.drive(SymbolTable::new(input.address, Address(heap)));
        for pair in links.unwrap_or_default().windows(2) {
            if let [first, second] = pair {
                assert!(first.name < second.name);
            }
        }
    }
}

/// A group with dense links; the first number is the address of their index.
pub fn dense_links(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [index, ..] = input.numbers;
        input.drive(DenseLinks::new(input.address, Address(index)));
    }
}

/// An object with dense attributes; the first number is the address of their index.
pub fn dense_attributes(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [index, ..] = input.numbers;
        input.drive(DenseAttributes::new(input.address, Address(index)));
    }
}

/// A shared message table; the numbers are how many indexes it has, and heap IDs of messages of
/// the first types that may be shared.
pub fn shared_messages(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [indexes, ids @ ..] = input.numbers;
        let indexes = u8::try_from(indexes & 0xFF).unwrap_or(0);
        let mut walk = SharedMessages::new(input.address, indexes);
        for (kind, id) in [1, 3, 5, 11, 12, 4].into_iter().zip(ids) {
            walk.request(kind, id.to_le_bytes());
        }
        input.drive(walk);
    }
}

/// An attribute message, with its datatype and dataspace.
pub fn attribute(data: &[u8]) {
    let mut cursor = message(data);
    let Ok(attribute) = AttributeMessage::parse(&mut cursor) else {
        return;
    };
    let part = |part: &Embedded| match part {
        Embedded::Here(body) => Some(message(body)),
        Embedded::Shared(_) => None,
    };
    let datatype = part(&attribute.datatype).and_then(|mut body| Datatype::parse(&mut body).ok());
    let dataspace =
        part(&attribute.dataspace).and_then(|mut body| Dataspace::parse(&mut body).ok());
    if let (Some(datatype), Some(dataspace)) = (datatype, dataspace) {
        let _ = attribute.resolve(cursor.place(), datatype, dataspace);
    }
}

/// A link message.
pub fn link(data: &[u8]) {
    if let Ok(link) = Link::parse(&mut message(data)) {
        assert!(!link.name.is_empty());
    }
}

/// A fill value message, old or new.
pub fn fill_value(data: &[u8]) {
    let _ = FillValue::parse_new(&mut message(data));
    let _ = FillValue::parse_old(&mut message(data));
}

/// The messages that say no more than where something is.
pub fn info_messages(data: &[u8]) {
    let _ = LinkInfo::parse(&mut message(data));
    let _ = AttributeInfo::parse(&mut message(data));
    let _ = SymbolTableMessage::parse(&mut message(data));
    let _ = Continuation::parse(&mut message(data));
    let _ = FileSpaceInfo::parse(&mut message(data));
    let _ = SharedMessageTable::parse(&mut message(data));
    let _ = CacheImageMessage::parse(&mut message(data));
    let _ = Shared::parse(&mut message(data));
    let _ = ExternalFileList::parse(&mut message(data));
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
