//! The jobs under way and the objects being put together.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use super::building::Building;
use super::early::EarlyTables;
use super::hints::Hints;
use super::job::{Job, Output, Reading};
use super::narrow::Narrow;
use super::options::ScanOptions;
use super::soft_links::{LinkId, SoftLink, Task};
use crate::address::Address;
use crate::error::{Error, Result};
use crate::heap::{GlobalHeap, HeapId, HeapObjects};
use crate::held::Held;
use crate::message::SharedMessageTable;
use crate::object::{ExternalLink, File};
use crate::object_header::ObjectHeader;
use crate::superblock::{Opening, Superblock};
use crate::walk::Wants;

/// Bytes in memory for an object without messages: its parts while they come in, the walk over
/// its header, and what is made of it.
const OBJECT: u64 = 1000;

/// All that a scan has read and has still to read, once the superblock is known.
#[derive(Debug)]
pub(super) struct State {
    pub(super) superblock: Superblock,
    pub(super) narrow: Narrow,
    jobs: Vec<Job>,
    pub(super) objects: BTreeMap<Address, Building>,
    pub(super) soft_links: BTreeMap<LinkId, SoftLink>,
    pub(super) external_links: BTreeSet<ExternalLink>,
    /// Where shared messages are, if the file has any.
    pub(super) shared_table: Option<SharedMessageTable>,
    pub(super) shared_wanted: HashSet<(u16, [u8; 8])>,
    pub(super) shared: HashMap<(u16, [u8; 8]), Bytes>,
    /// Datasets whose chunk index can't be begun before shared messages are there.
    pub(super) deferred: Vec<Address>,
    pub(super) heap: HeapObjects,
    pub(super) stage: Stage,
    /// Roots of structures that belong to one object each.
    claimed: HashSet<Address>,
    /// A metadata cache image that was read and is to be laid over the file.
    pub(super) cache_image: Option<Vec<(u64, Bytes)>>,
    /// The file as it was put together, when more is read after that.
    pub(super) assembled: Option<File>,
    pub(super) hints: Hints,
    pub(super) early: EarlyTables,
    /// What was wanted at the last poll: by structure, how often and how many bytes.
    pub(super) wanted: BTreeMap<&'static str, (u64, u64)>,
}

/// What is left to do when no job is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Objects,
    /// Values of variable length, and how deeply they are nested.
    Heap(u8),
    Done,
}

impl State {
    pub(super) fn new(opening: &Opening, held: &Held, options: &ScanOptions) -> Result<Self> {
        let mut state = Self {
            superblock: opening.superblock.clone(),
            narrow: Narrow::new(options),
            jobs: Vec::new(),
            objects: BTreeMap::new(),
            soft_links: BTreeMap::new(),
            external_links: BTreeSet::new(),
            shared_table: None,
            shared_wanted: HashSet::new(),
            shared: HashMap::new(),
            deferred: Vec::new(),
            heap: HeapObjects::default(),
            stage: Stage::Objects,
            claimed: HashSet::new(),
            cache_image: None,
            assembled: None,
            hints: Hints::new(options),
            early: EarlyTables::new(),
            wanted: BTreeMap::new(),
        };
        match opening.extension {
            // It says what may stand in the way of reading anything else.
            Some(extension) => {
                let walk = Reading::Extension(ObjectHeader::new(extension));
                state.start(Address::UNDEFINED, walk);
            }
            None => state.begin_root(held, options)?,
        }
        Ok(state)
    }

    /// Begins with the objects: all that can stand in their way was read.
    pub(super) fn begin_root(&mut self, held: &Held, options: &ScanOptions) -> Result<()> {
        self.visit(self.superblock.root, Some(Vec::new()), held, options)
    }

    pub(super) fn is_done(&self) -> bool {
        self.jobs.is_empty() && self.stage == Stage::Done
    }

    /// Whether all but the global heap was read.
    pub(super) fn is_at_heap(&self) -> bool {
        matches!(self.stage, Stage::Heap(_))
    }

    /// Whether messages are under way that attributes may depend on.
    pub(super) fn is_waiting(&self) -> bool {
        !self.shared_wanted.is_empty() || !self.jobs.is_empty()
    }

    pub(super) fn start(&mut self, object: Address, walk: Reading) {
        self.jobs.push(Job { object, walk });
    }

    /// Notes that a structure belongs to an object. Refuses a second owner: no valid file shares
    /// one, and each owner would read it anew, at a cost out of proportion to the file.
    pub(super) fn claim(
        &mut self,
        held: &Held,
        structure: &'static str,
        address: Address,
    ) -> Result<()> {
        if address.defined().is_none() || self.claimed.insert(address) {
            return Ok(());
        }
        Err(held
            .place(structure, address)
            .malformed("belongs to two objects"))
    }

    /// Goes as far as the bytes held allow.
    pub(super) fn advance(
        &mut self,
        held: &Held,
        options: &ScanOptions,
        wants: &mut Wants,
    ) -> Result<()> {
        let mut waiting = Vec::new();
        self.wanted.clear();
        loop {
            for mut job in std::mem::take(&mut self.jobs) {
                let before = wants.len();
                let advanced = job.advance(held, wants);
                if self.hints.are_wanted {
                    self.look_ahead(&mut job, held);
                    self.note_wants(&job, wants.get(before..).unwrap_or_default());
                }
                match advanced {
                    Ok(()) if job.is_done() => self.take(job, held, options)?,
                    Ok(()) => waiting.push(job),
                    Err(error) => self.refuse(&job, error)?,
                }
            }
            if self.jobs.is_empty() && waiting.is_empty() && self.cache_image.is_none() {
                self.next_stage(held, options)?;
            }
            if self.jobs.is_empty() {
                self.jobs = waiting;
                if !self.early.is_empty() {
                    self.advance_early(held, wants);
                }
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

    fn refuse(&mut self, job: &Job, error: Error) -> Result<()> {
        if !error.is_unsupported() {
            return Err(error);
        }
        match self.objects.get_mut(&job.object) {
            Some(building) if job.walk.is_local() => building.refused.keep(error),
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
            Output::Extension(messages) => return self.take_extension(&messages, held, options),
            Output::CacheImage(entries) => {
                self.cache_image = Some(entries);
                return Ok(());
            }
            Output::Shared(bodies) => {
                self.shared.extend(bodies);
                return Ok(());
            }
            Output::GlobalHeap(mut objects) => {
                self.heap.append(&mut objects);
                return Ok(());
            }
            Output::Header(messages) => return self.take_header(object, messages, held, options),
            Output::Links(links) => return self.take_links(object, links, held, options),
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
                    building.external_names = Some(Box::new(names));
                }
            }
            Output::Chunks(chunks) => {
                self.hints.look_at_chunks(&chunks, held);
                if let Some(building) = self.objects.get_mut(&object) {
                    building.chunks = Some(Box::new(chunks));
                }
            }
        }
        Ok(())
    }

    /// Begins an object, unless it was met before. Without a path it is not reached by a link that
    /// was asked for, and none of its own are followed.
    pub(super) fn visit(
        &mut self,
        address: Address,
        path: Option<Vec<String>>,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        self.run(vec![Task::Visit(address, path)], held, options)
    }

    /// Follows links as far as the groups that were read allow.
    pub(super) fn run(
        &mut self,
        mut tasks: Vec<Task>,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        while let Some(task) = tasks.pop() {
            match task {
                Task::Visit(address, path) => {
                    if !self.objects.contains_key(&address) {
                        self.begin(address, held, options)?;
                    }
                    let (Some(building), Some(path)) = (self.objects.get_mut(&address), path)
                    else {
                        continue;
                    };
                    // Reached by another path, other links of it may be wanted.
                    if !building.paths.contains(&path) {
                        building.paths.push(path.clone());
                        tasks.extend(self.members(address, &path, held)?);
                    }
                }
                Task::Follow(link) => self.follow(link, held, options, &mut tasks)?,
            }
        }
        Ok(())
    }

    pub(super) fn begin(
        &mut self,
        address: Address,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        let place = held.place("object header", address);
        let count = u64::try_from(self.objects.len()).unwrap_or(u64::MAX);
        if count >= options.limits.objects {
            let what = format!("{} objects", count.saturating_add(1));
            return Err(place.limit(what, options.limits.objects));
        }
        held.charge_memory(place, OBJECT)?;
        self.objects.insert(address, Building::default());
        if let Some(table) = self.hints.begin(address) {
            self.start_early(address, table);
        }
        self.start(address, Reading::Header(ObjectHeader::new(address)));
        Ok(())
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
        self.start(Address::UNDEFINED, Reading::GlobalHeap(Box::new(walk)));
    }

    /// Goes on after the end, for more objects of the global heap.
    pub(super) fn reopen(&mut self, file: File, ids: &[HeapId]) {
        let wanted: Vec<_> = ids
            .iter()
            .copied()
            .filter(|&id| !file.heap.is_settled(id))
            .collect();
        self.assembled = Some(file);
        self.start_heap(&wanted);
    }
}
