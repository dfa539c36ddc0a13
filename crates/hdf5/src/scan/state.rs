//! The jobs under way and the objects being put together.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;

use super::job::{Job, Output, Reading};
use super::narrow::Narrow;
use super::options::ScanOptions;
use crate::address::Address;
use crate::attribute::{Attribute, AttributeMessage};
use crate::chunk_index::Chunks;
use crate::cursor::Cursor;
use crate::error::{Error, Place, Result};
use crate::group::{DenseAttributes, DenseLinks, SymbolTable};
use crate::heap::{DataSegment, GlobalHeap, HeapId, SharedMessages};
use crate::held::Held;
use crate::link::{Link, LinkTarget};
use crate::message::{
    AttributeInfo, Embedded, FileSpaceInfo, LinkInfo, Message, Shared, SharedMessageTable,
    SymbolTableMessage, kind,
};
use crate::object::File;
use crate::object_header::ObjectHeader;
use crate::superblock::{Opening, Superblock};
use crate::walk::Wants;

/// All that a scan has read and has still to read, once the superblock is known.
#[derive(Debug)]
pub(super) struct State {
    pub(super) superblock: Superblock,
    narrow: Narrow,
    jobs: Vec<Job>,
    pub(super) objects: BTreeMap<Address, Building>,
    /// Where shared messages are, if the file has any.
    shared_table: Option<SharedMessageTable>,
    shared_wanted: HashSet<(u16, [u8; 8])>,
    pub(super) shared: HashMap<(u16, [u8; 8]), Bytes>,
    /// Datasets whose chunk index can't be begun before shared messages are there.
    pub(super) deferred: Vec<Address>,
    pub(super) heap: BTreeMap<HeapId, Bytes>,
    pub(super) stage: Stage,
    /// The file as it was put together, when more is read after that.
    pub(super) assembled: Option<File>,
}

/// What is left to do when no job is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Objects,
    /// Values of variable length, and how deeply they are nested.
    Heap(u8),
    Done,
}

/// An object whose parts are still coming in.
#[derive(Debug, Default)]
pub(super) struct Building {
    pub(super) path: Vec<String>,
    pub(super) messages: Vec<Message>,
    pub(super) links: Vec<Link>,
    pub(super) listed: bool,
    pub(super) creation_order_tracked: bool,
    pub(super) dense_attributes: Vec<Message>,
    pub(super) external_names: Option<DataSegment>,
    pub(super) chunks: Option<Chunks>,
    pub(super) refused: Option<Error>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) refused_attributes: Vec<(String, Error)>,
}

impl Building {
    /// The first message of a type.
    pub(super) fn message(&self, kind: u16) -> Option<&Message> {
        self.messages.iter().find(|message| message.kind == kind)
    }
}

impl State {
    pub(super) fn new(opening: &Opening, options: &ScanOptions) -> Result<Self> {
        let mut state = Self {
            superblock: opening.superblock.clone(),
            narrow: Narrow::new(options),
            jobs: Vec::new(),
            objects: BTreeMap::new(),
            shared_table: None,
            shared_wanted: HashSet::new(),
            shared: HashMap::new(),
            deferred: Vec::new(),
            heap: BTreeMap::new(),
            stage: Stage::Objects,
            assembled: None,
        };
        if let Some(extension) = opening.extension {
            let walk = Reading::Extension(ObjectHeader::new(extension));
            state.jobs.push(Job {
                object: Address::UNDEFINED,
                walk,
            });
        }
        state.visit(opening.superblock.root, Vec::new(), options)?;
        Ok(state)
    }

    pub(super) fn is_done(&self) -> bool {
        self.jobs.is_empty() && self.stage == Stage::Done
    }

    /// Whether messages are under way that attributes may depend on.
    pub(super) fn is_waiting(&self) -> bool {
        !self.shared_wanted.is_empty() || !self.jobs.is_empty()
    }

    pub(super) fn start(&mut self, object: Address, walk: Reading) {
        self.jobs.push(Job { object, walk });
    }

    /// Goes as far as the bytes held allow.
    pub(super) fn advance(
        &mut self,
        held: &Held,
        options: &ScanOptions,
        wants: &mut Wants,
    ) -> Result<()> {
        let mut waiting = Vec::new();
        loop {
            for mut job in std::mem::take(&mut self.jobs) {
                match job.advance(held, wants) {
                    Ok(()) if job.is_done() => self.take(job, held, options)?,
                    Ok(()) => waiting.push(job),
                    Err(error) => self.refuse(&job, error)?,
                }
            }
            if self.jobs.is_empty() && waiting.is_empty() {
                self.next_stage(held, options)?;
            }
            if self.jobs.is_empty() {
                self.jobs = waiting;
                return Ok(());
            }
        }
    }

    /// What can only begin when all before it is there.
    fn next_stage(&mut self, held: &Held, options: &ScanOptions) -> Result<()> {
        while self.jobs.is_empty() && self.stage != Stage::Done {
            if !self.shared_wanted.is_empty() {
                return self.start_shared(held);
            }
            if !self.deferred.is_empty() {
                for object in std::mem::take(&mut self.deferred) {
                    self.start_dataset(object, held, options)?;
                }
                continue;
            }
            self.stage = match self.stage {
                Stage::Objects => {
                    self.read_attributes(held, options)?;
                    // Whole attributes may be shared messages, which share their types in turn.
                    if self.is_waiting() {
                        continue;
                    }
                    self.request_heap(0)
                }
                Stage::Heap(depth) => self.request_heap(depth.saturating_add(1)),
                Stage::Done => Stage::Done,
            };
        }
        Ok(())
    }

    fn start_shared(&mut self, held: &Held) -> Result<()> {
        let Some(table) = &self.shared_table else {
            return Err(held
                .place("shared message", Address(0))
                .malformed("a message is shared, but the file has no shared message table"));
        };
        let mut walk = SharedMessages::new(table.address, table.indexes);
        for (kind, id) in self.shared_wanted.drain() {
            walk.request(kind, id);
        }
        self.start(Address::UNDEFINED, Reading::Shared(walk));
        Ok(())
    }

    fn refuse(&mut self, job: &Job, error: Error) -> Result<()> {
        if !error.is_unsupported() {
            return Err(error);
        }
        match self.objects.get_mut(&job.object) {
            Some(building) if job.walk.is_local() => {
                building.refused.get_or_insert(error);
                Ok(())
            }
            Some(building) if matches!(job.walk, Reading::DenseAttributes(_)) => {
                building.refused_attributes.push(("*".to_owned(), error));
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Takes what a job that ended has read.
    fn take(&mut self, job: Job, held: &Held, options: &ScanOptions) -> Result<()> {
        let object = job.object;
        let output = job.walk.finish()?;
        match output {
            Output::Extension(messages) => return self.take_extension(&messages, held),
            Output::Shared(bodies) => {
                self.shared.extend(bodies);
                return Ok(());
            }
            Output::GlobalHeap(objects) => {
                self.heap.extend(objects);
                return Ok(());
            }
            Output::Header(messages) => return self.take_header(object, messages, held, options),
            Output::Links(links) => return self.take_links(object, links, options),
            Output::Attributes(messages) => {
                for message in &messages {
                    self.want_shared(message, held, options)?;
                }
                if let Some(building) = self.objects.get_mut(&object) {
                    building.dense_attributes = messages;
                }
            }
            Output::ExternalNames(names) => {
                if let Some(building) = self.objects.get_mut(&object) {
                    building.external_names = Some(names);
                }
            }
            Output::Chunks(chunks) => {
                if let Some(building) = self.objects.get_mut(&object) {
                    building.chunks = Some(chunks);
                }
            }
        }
        Ok(())
    }

    fn take_extension(&mut self, messages: &[Message], held: &Held) -> Result<()> {
        for message in messages {
            match message.kind {
                kind::FILE_SPACE_INFO => {
                    let mut cursor = message.cursor("file space info message", held.sizes);
                    // A hint for reading only: libhdf5 opens files whose message it can't read.
                    self.superblock.page_size = FileSpaceInfo::parse(&mut cursor)
                        .ok()
                        .and_then(|info| info.page_size);
                }
                kind::SHARED_MESSAGE_TABLE => {
                    let mut cursor = message.cursor("shared message table message", held.sizes);
                    self.shared_table = Some(SharedMessageTable::parse(&mut cursor)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn take_header(
        &mut self,
        object: Address,
        messages: Vec<Message>,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        for message in &messages {
            self.want_shared(message, held, options)?;
        }
        let sizes = held.sizes;
        let mut links = Vec::new();
        let mut tracked = false;
        let mut elsewhere = false;
        for message in &messages {
            match message.kind {
                kind::SYMBOL_TABLE => {
                    let mut cursor = message.cursor("symbol table message", sizes);
                    let table = SymbolTableMessage::parse(&mut cursor)?;
                    let walk = SymbolTable::new(table.btree, table.heap);
                    self.start(object, Reading::SymbolTable(walk));
                    elsewhere = true;
                }
                kind::LINK_INFO => {
                    let info = LinkInfo::parse(&mut message.cursor("link info message", sizes))?;
                    tracked |= info.tracked;
                    if info.heap.defined().is_some() {
                        let walk = DenseLinks::new(info.heap, info.name_index);
                        self.start(object, Reading::DenseLinks(walk));
                        elsewhere = true;
                    }
                }
                kind::LINK => {
                    links.push(Link::parse(&mut message.cursor("link message", sizes))?);
                }
                kind::ATTRIBUTE_INFO => {
                    let mut cursor = message.cursor("attribute info message", sizes);
                    let info = AttributeInfo::parse(&mut cursor)?;
                    if info.heap.defined().is_some() {
                        let walk = DenseAttributes::new(info.heap, info.name_index);
                        self.start(object, Reading::DenseAttributes(walk));
                    }
                }
                kind if message.flags & 0x80 != 0 && kind > 0x18 => {
                    let place = Place::new("object header", message.at);
                    let what = format!("message type {kind:#x} (marked as indispensable)");
                    if let Some(building) = self.objects.get_mut(&object) {
                        building.refused = Some(place.unsupported(what));
                    }
                }
                _ => {}
            }
        }
        let is_dataset = messages.iter().any(|message| message.kind == kind::LAYOUT);
        if let Some(building) = self.objects.get_mut(&object) {
            building.messages = messages;
            building.creation_order_tracked = tracked;
        }
        if is_dataset {
            self.begin_dataset(object, held, options)
        } else if elsewhere {
            Ok(())
        } else {
            self.take_links(object, links, options)
        }
    }

    fn take_links(
        &mut self,
        object: Address,
        mut links: Vec<Link>,
        options: &ScanOptions,
    ) -> Result<()> {
        let Some(building) = self.objects.get_mut(&object) else {
            return Ok(());
        };
        links.sort_by(|a, b| a.name.cmp(&b.name));
        let path = building.path.clone();
        let members: Vec<_> = links
            .iter()
            .filter(|link| self.narrow.follows(&path, &link.name))
            .filter_map(|link| match link.target {
                LinkTarget::Hard(address) => Some((address, link.name.clone())),
                _ => None,
            })
            .collect();
        building.links = links;
        building.listed = true;
        for (address, name) in members {
            let mut path = path.clone();
            path.push(name);
            self.visit(address, path, options)?;
        }
        Ok(())
    }

    /// Begins an object, unless it was met before.
    fn visit(&mut self, address: Address, path: Vec<String>, options: &ScanOptions) -> Result<()> {
        if self.objects.contains_key(&address) {
            return Ok(());
        }
        let count = u64::try_from(self.objects.len()).unwrap_or(u64::MAX);
        if count >= options.limits.objects {
            let place = Place::new("object header", address.0);
            let what = format!("{} objects", count.saturating_add(1));
            return Err(place.limit(what, options.limits.objects));
        }
        self.objects.insert(
            address,
            Building {
                path,
                ..Building::default()
            },
        );
        self.start(address, Reading::Header(ObjectHeader::new(address)));
        Ok(())
    }

    /// Asks for the bodies of shared messages that this one refers to.
    pub(super) fn want_shared(
        &mut self,
        message: &Message,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        if message.kind == kind::ATTRIBUTE && !message.is_shared() {
            let mut cursor = message.cursor("attribute message", held.sizes);
            // What is wrong with an attribute is reported when all of them are read.
            let Ok(attribute) = AttributeMessage::parse(&mut cursor) else {
                return Ok(());
            };
            for (kind, part) in [
                (kind::DATATYPE, attribute.datatype),
                (kind::DATASPACE, attribute.dataspace),
            ] {
                if let Embedded::Shared(shared) = part {
                    self.want_body(kind, shared, options)?;
                }
            }
        } else if message.is_shared() {
            let shared = Shared::parse(&mut message.cursor("shared message", held.sizes))?;
            self.want_body(message.kind, shared, options)?;
        }
        Ok(())
    }

    fn want_body(&mut self, kind: u16, shared: Shared, options: &ScanOptions) -> Result<()> {
        match shared {
            Shared::Header(address) => self.visit(address, Vec::new(), options),
            Shared::Heap(id) => {
                if !self.shared.contains_key(&(kind, id)) {
                    self.shared_wanted.insert((kind, id));
                }
                Ok(())
            }
        }
    }

    /// The body of a shared message; `None` when it has not been read (yet).
    pub(super) fn shared_body(&self, kind: u16, shared: Shared) -> Option<Bytes> {
        match shared {
            Shared::Header(address) => {
                let message = self.objects.get(&address)?.message(kind)?;
                (!message.is_shared()).then(|| message.body.clone())
            }
            Shared::Heap(id) => self.shared.get(&(kind, id)).cloned(),
        }
    }

    /// A cursor over the body of an object's message, wherever that is; `None` when the object
    /// has no such message, an error when its shared body is missing.
    pub(super) fn body(
        &self,
        building: &Building,
        kind: u16,
        structure: &'static str,
        held: &Held,
    ) -> Result<Option<Cursor>> {
        let Some(message) = building.message(kind) else {
            return Ok(None);
        };
        self.message_body(message, structure, held).map(Some)
    }

    pub(super) fn message_body(
        &self,
        message: &Message,
        structure: &'static str,
        held: &Held,
    ) -> Result<Cursor> {
        if !message.is_shared() {
            return Ok(message.cursor(structure, held.sizes));
        }
        let place = Place::new(structure, message.at);
        let shared = Shared::parse(&mut message.cursor("shared message", held.sizes))?;
        let body = self.shared_body(message.kind, shared).ok_or_else(|| {
            place.malformed(format!("is shared, but nothing is stored at {shared:?}"))
        })?;
        Ok(Cursor::new(body, held.sizes, place))
    }

    /// Asks for objects of the global heap; gives the stage that follows.
    fn request_heap(&mut self, depth: u8) -> Stage {
        // Types nest at most as deeply as their messages allow; this bounds what they may cost.
        const MAX_DEPTH: u8 = 32;
        let wanted = self.missing_heap_objects();
        if wanted.is_empty() || depth > MAX_DEPTH {
            return Stage::Done;
        }
        self.start_heap(&wanted);
        Stage::Heap(depth)
    }

    pub(super) fn start_heap(&mut self, ids: &[HeapId]) {
        let mut walk = GlobalHeap::default();
        for &id in ids {
            walk.request(id);
        }
        self.start(Address::UNDEFINED, Reading::GlobalHeap(walk));
    }

    /// Goes on after the end, for more objects of the global heap.
    pub(super) fn reopen(&mut self, file: File, ids: &[HeapId]) {
        let wanted: Vec<_> = ids
            .iter()
            .copied()
            .filter(|id| !file.heap.contains_key(id))
            .collect();
        self.assembled = Some(file);
        self.start_heap(&wanted);
    }
}
