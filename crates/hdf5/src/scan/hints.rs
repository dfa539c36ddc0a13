//! What is likely to be wanted later, seen before it is wanted: so that a driver may have it ride
//! along with what is wanted now. Nothing that is read depends on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::early::Table;
use super::job::{Job, Reading};
use super::options::ScanOptions;
use super::state::State;
use crate::address::Address;
use crate::attribute::AttributeMessage;
use crate::chunk_index::{ChunkIndex, Chunks};
use crate::heap::HeapId;
use crate::held::Held;
use crate::layout::Layout;
use crate::message::{
    AttributeInfo, Embedded, LinkInfo, Message, Shared, SymbolTableMessage, kind,
};
use crate::walk::Walk;

/// Of any kind, no more than so many are kept.
const MOST: usize = 1 << 16;
/// A local heap with its first data segment.
const LOCAL_HEAP: u64 = 512;
/// An object header.
const OBJECT: u64 = 1024;
/// The headers of what else there is, and what mostly follows them.
const HEADER: u64 = 512;
/// The least that a global heap collection takes.
const COLLECTION: u64 = 4096;
/// More than this is not expected of one collection.
const MAX_COLLECTION: u64 = 1 << 20;
/// Of a collection, more than this is not read that may be unused.
const MOST_UNUSED: u64 = 64 << 10;
/// Class of a datatype of variable length.
const VARIABLE: u8 = 9;

/// A range of the file (absolute) in which something is likely to be wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hint {
    /// Where.
    pub range: Range<u64>,
    /// In so many places, spread over the range; 1: all of it.
    pub places: u64,
}

/// The hints of a scan.
#[derive(Debug, Default)]
pub(super) struct Hints {
    pub(super) are_wanted: bool,
    small_data: u64,
    chunks: bool,
    attributes: bool,
    /// B-tree and local heap of groups not yet begun, by the address of their header.
    groups: HashMap<Address, Table>,
    /// Bytes that are known to be used of global heap collections.
    collections: BTreeMap<Address, u64>,
    /// Those of which more is known than was said.
    grown: BTreeSet<Address>,
    found: Vec<Hint>,
}

/// The likely size of a global heap collection of which so many bytes are used: libhdf5 doubles
/// it when it is full.
fn collection(used: u64) -> u64 {
    let doubled = used.clamp(COLLECTION, MAX_COLLECTION).next_power_of_two();
    doubled.min(used.saturating_add(MOST_UNUSED))
}

impl Hints {
    pub(super) fn new(options: &ScanOptions) -> Self {
        Self {
            are_wanted: options.hints,
            small_data: options.small_data,
            chunks: options.chunks,
            attributes: options.attributes,
            ..Self::default()
        }
    }

    /// The file has pages, of metadata or of data.
    pub(super) fn expect_pages(&mut self, options: &ScanOptions) {
        self.small_data = options.small_data_of_pages;
    }

    /// Takes what was found since the last call.
    pub(super) fn take(&mut self, held: &Held) -> Vec<Hint> {
        for address in std::mem::take(&mut self.grown) {
            let used = self.collections.get(&address).copied().unwrap_or(0);
            self.add(held, address, collection(used));
        }
        std::mem::take(&mut self.found)
    }

    fn add(&mut self, held: &Held, address: Address, length: u64) {
        let Some(Address(address)) = address.defined() else {
            return;
        };
        let start = held.base.saturating_add(address);
        self.add_range(held, start..start.saturating_add(length), 1);
    }

    fn add_range(&mut self, held: &Held, range: Range<u64>, places: u64) {
        let end = range.end.min(held.file_size.unwrap_or(u64::MAX));
        let range = range.start..end;
        if !range.is_empty() && self.found.len() < MOST {
            self.found.push(Hint { range, places });
        }
    }

    /// Notes where groups have their links, as a symbol table says: not yet a hint, as not all
    /// groups may be asked for.
    pub(super) fn note_groups(&mut self, groups: impl Iterator<Item = (Address, Table)>) {
        if self.are_wanted {
            let room = MOST.saturating_sub(self.groups.len());
            self.groups.extend(groups.take(room));
        }
    }

    /// Where an object that is begun has its links, if that is known.
    pub(super) fn begin(&mut self, object: Address) -> Option<Table> {
        self.groups.remove(&object)
    }

    /// An object will be begun.
    pub(super) fn expect(&mut self, object: Address, table: Option<Table>, held: &Held) {
        self.add(held, object, OBJECT);
        if let Some((btree, heap)) = table {
            self.add(held, btree, held.group_nodes.tree);
            self.add(held, heap, LOCAL_HEAP);
        }
    }

    /// Looks at messages of a header, of which others may still be missing; gives where a group
    /// has its links, if one of them says that.
    pub(super) fn look_at<'a>(
        &mut self,
        messages: impl Iterator<Item = &'a Message>,
        held: &Held,
    ) -> Option<Table> {
        let mut table = None;
        for message in messages {
            // What is wrong with it is reported by who reads it.
            table = self.look_at_one(message, held).ok().flatten().or(table);
        }
        table
    }

    fn look_at_one(
        &mut self,
        message: &Message,
        held: &Held,
    ) -> crate::error::Result<Option<Table>> {
        let mut cursor = message.cursor("message", held.sizes);
        if message.is_shared() {
            if let Shared::Header(address) = Shared::parse(&mut cursor)? {
                self.add(held, address, OBJECT);
            }
            return Ok(None);
        }
        match message.kind {
            kind::SYMBOL_TABLE => {
                let table = SymbolTableMessage::parse(&mut cursor)?;
                return Ok(Some((table.btree, table.heap)));
            }
            kind::LINK_INFO => {
                let info = LinkInfo::parse(&mut cursor)?;
                self.add(held, info.heap, HEADER);
                self.add(held, info.name_index, HEADER);
            }
            kind::ATTRIBUTE_INFO => {
                let info = AttributeInfo::parse(&mut cursor)?;
                self.add(held, info.heap, HEADER);
                self.add(held, info.name_index, HEADER);
            }
            kind::LAYOUT => self.look_at_layout(&Layout::parse(&mut cursor)?, held),
            kind::ATTRIBUTE if self.attributes => {
                self.look_at_attribute(&AttributeMessage::parse(&mut cursor)?, held);
            }
            _ => {}
        }
        Ok(None)
    }

    fn look_at_layout(&mut self, layout: &Layout, held: &Held) {
        match layout {
            Layout::Contiguous {
                address: Some(address),
                size: Some(size),
            } if *size <= self.small_data => self.add(held, *address, *size),
            Layout::Chunked {
                chunk_shape, index, ..
            } if self.chunks => match index {
                ChunkIndex::BTreeV1 { address } => {
                    let rank = u64::try_from(chunk_shape.len()).unwrap_or(0);
                    // 64 entries of a key and an address, and a key.
                    let node = rank.saturating_add(3).saturating_mul(8 * 65);
                    self.add(held, *address, node);
                }
                ChunkIndex::FixedArray { address }
                | ChunkIndex::ExtensibleArray { address }
                | ChunkIndex::BTreeV2 { address } => self.add(held, *address, HEADER),
                ChunkIndex::SingleChunk { .. } | ChunkIndex::Implicit { .. } => {}
            },
            Layout::Virtual {
                mapping: Some(mapping),
            } => self.use_heap(*mapping, 0),
            _ => {}
        }
    }

    /// Notes which collections the elements of an attribute lie in.
    fn look_at_attribute(&mut self, attribute: &AttributeMessage, held: &Held) {
        let Embedded::Here(datatype) = &attribute.datatype else {
            return;
        };
        if datatype
            .first()
            .is_none_or(|first| first & 0x0F != VARIABLE)
        {
            return;
        }
        // The size of the type that it is a sequence of.
        let size = datatype.get(12..16).and_then(|size| size.try_into().ok());
        let size = u64::from(size.map_or(1, u32::from_le_bytes));
        let element = usize::from(held.sizes.offsets).saturating_add(8);
        for element in attribute.data.chunks_exact(element) {
            if let Some((length, Some(id))) = HeapId::from_element(element, held.sizes) {
                self.use_heap(id, size.saturating_mul(u64::from(length)));
            }
        }
    }

    fn use_heap(&mut self, id: HeapId, bytes: u64) {
        if self.collections.len() >= MOST || id.collection.defined().is_none() {
            return;
        }
        let used = self.collections.entry(id.collection).or_insert(16);
        // With the header of the object, and padded.
        *used = used.saturating_add(bytes.saturating_add(23) & !7);
        self.grown.insert(id.collection);
    }

    /// The chunks of a dataset are known.
    pub(super) fn look_at_chunks(&mut self, chunks: &Chunks, held: &Held) {
        if !self.are_wanted {
            return;
        }
        let lengths = chunks.lengths.iter();
        let total = lengths.fold(0_u64, |all, &length| all.saturating_add(length));
        if total <= self.small_data {
            for (&offset, &length) in chunks.offsets.iter().zip(&chunks.lengths) {
                self.add_range(held, offset..offset.saturating_add(length), 1);
            }
        }
    }

    /// The nodes of an index lie about here.
    pub(super) fn look_at_index(&mut self, spread: Vec<(Range<u64>, u64)>, held: &Held) {
        for (range, nodes) in spread {
            self.add_range(held, range, nodes);
        }
    }
}

impl State {
    /// Looks at what a job has read since the last time, for what is likely to be wanted later.
    pub(super) fn look_ahead(&mut self, job: &mut Job, held: &Held) {
        match &mut job.walk {
            Reading::Header(walk) => {
                let table = self.hints.look_at(walk.fresh(), held);
                if let Some(table) = table.filter(|_| !walk.is_done()) {
                    self.start_early(job.object, table);
                }
            }
            Reading::SymbolTable(walk) if walk.is_done() => self.hints.note_groups(walk.groups()),
            Reading::Chunks(walk) => self.hints.look_at_index(walk.take_spread(), held),
            _ => {}
        }
    }

    /// Counts what a job wants.
    pub(super) fn note_wants(&mut self, job: &Job, wants: &[Range<u64>]) {
        if wants.is_empty() {
            return;
        }
        let (count, bytes) = self.wanted.entry(job.walk.name()).or_default();
        for want in wants {
            *count = count.saturating_add(1);
            *bytes = bytes.saturating_add(want.end.saturating_sub(want.start));
        }
    }
}
