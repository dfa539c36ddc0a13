//! The scan of a file: what to read next, and what has been read.
//!
//! A scan is a set of *jobs* (an object header, the links of a group, the chunk index of a
//! dataset, ...), each a [`Walk`] over one structure. All jobs go on at once, so one round of
//! wants serves the whole breadth of the file. A job that ends may start others:
//!
//! ```text
//! superblock -> root header -> links -> headers of the members -> ...
//!                           -> dense attributes, shared messages, committed datatypes
//!                           -> chunk index
//!                           -> where soft links lead, and what is on the way there
//! at the end: the global heap objects that attributes refer to
//! ```

mod assemble;
mod attributes;
mod building;
mod early;
mod hints;
mod intake;
mod job;
mod narrow;
mod options;
mod shared;
mod soft_links;
mod state;

use std::ops::Range;

use bytes::Bytes;

use crate::address::Address;
use crate::dataspace::Dataspace;
use crate::driver;
use crate::error::{Error, Place, Result};
use crate::heap::HeapId;
use crate::held::{Held, Stop, apart};
use crate::object::{File, ObjectKind};
use crate::superblock::{self, Opening, Search};
use crate::walk::Wants;

pub use hints::Hint;
pub use narrow::Narrow;
pub use options::{Limits, ScanOptions};
use state::State;

/// How far a scan is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// These byte ranges of the file (absolute, sorted, apart) are wanted to go on.
    Wants(Vec<Range<u64>>),
    /// All has been read.
    Done,
}

/// A scan of one file, without I/O.
///
/// # Examples
///
/// ```
/// use chunkref_hdf5::{Progress, Scan, ScanOptions};
///
/// # fn main() -> Result<(), chunkref_hdf5::Error> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/granules/atl03_like.h5");
/// # let Ok(file) = std::fs::read(path) else { return Ok(()) };
/// # let file = bytes::Bytes::from(file);
/// let mut scan = Scan::new(ScanOptions::default());
/// scan.set_file_size(file.len() as u64);
/// while let Progress::Wants(ranges) = scan.poll()? {
///     for range in ranges {
///         scan.supply(range.start, file.slice(range.start as usize..range.end as usize));
///     }
/// }
/// println!("{} objects", scan.file()?.objects.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scan {
    options: ScanOptions,
    held: Held,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Search(Search),
    Opening(Box<Opening>),
    Objects(Box<State>),
    Done(Box<State>, Box<File>),
    Failed(Error),
}

impl Scan {
    /// Starts a scan.
    pub fn new(options: ScanOptions) -> Self {
        let mut held = Held::default();
        held.file_size = options.file_size;
        held.limits = options.limits;
        held.decoder.clone_from(&options.decoder);
        if options.hints {
            held.note_used();
        }
        Self {
            options,
            held,
            stage: Stage::Search(Search::default()),
        }
    }

    /// Says how large the file is, in bytes. Until that is known, wants may reach over its end.
    pub fn set_file_size(&mut self, size: u64) {
        self.held.file_size = Some(size);
    }

    /// Hands over bytes of the file, starting at `offset` (absolute); any order, any split.
    /// Bytes that were not asked for are dropped at the next poll.
    pub fn supply(&mut self, offset: u64, bytes: Bytes) {
        self.held.insert(offset, bytes);
    }

    /// Goes as far as the bytes supplied allow.
    ///
    /// # Errors
    /// When the file is not HDF5, is truncated, or contradicts the specification. The scan is
    /// over then, and every later poll gives the same error.
    pub fn poll(&mut self) -> Result<Progress> {
        let mut wants = Wants::new();
        if let Err(error) = self.advance(&mut wants) {
            self.stage = Stage::Failed(error.clone());
            return Err(error);
        }
        if matches!(self.stage, Stage::Done(..)) {
            self.held.retain(&[]);
            return Ok(Progress::Done);
        }
        let wants = apart(wants);
        self.held.retain(&wants);
        let missing: Vec<_> = wants
            .into_iter()
            .flat_map(|want| self.held.missing(want))
            .collect();
        if missing.is_empty() {
            return Err(Place::new("scan", 0).malformed("nothing is wanted, yet it is not done"));
        }
        Ok(Progress::Wants(missing))
    }

    /// Takes what is likely to be wanted later, as far as that was seen since the last call: in no
    /// order, and with no promise. Nothing but when it is wanted depends on whether it is supplied
    /// then. Only with [`ScanOptions::hints`].
    pub fn take_hints(&mut self) -> Vec<Hint> {
        match &mut self.stage {
            Stage::Objects(state) | Stage::Done(state, _) => state.hints.take(&self.held),
            _ => Vec::new(),
        }
    }

    /// What the last poll wanted: kinds of structures, each with how many of them and how many
    /// bytes. Only with [`ScanOptions::hints`].
    pub fn wanted(&self) -> Vec<(&'static str, u64, u64)> {
        match &self.stage {
            Stage::Objects(state) => {
                let wanted = state.wanted.iter();
                wanted
                    .map(|(&name, &(count, bytes))| (name, count, bytes))
                    .collect()
            }
            Stage::Search(_) | Stage::Opening(_) => vec![("superblock", 1, 0)],
            _ => Vec::new(),
        }
    }

    /// Bytes per page, while what is wanted lies in pages that hold nothing but metadata (file space
    /// info message, 0x0017). Not so the global heap, which lies among raw data.
    pub fn page_size(&self) -> Option<u64> {
        match &self.stage {
            Stage::Objects(state) if !state.is_at_heap() => state.superblock.page_size,
            _ => None,
        }
    }

    /// Takes what structures have read of the file since the last call: what was needed of it, sorted
    /// and apart. Only with [`ScanOptions::hints`].
    pub fn take_used(&mut self) -> Vec<Range<u64>> {
        self.held.take_used()
    }

    fn advance(&mut self, wants: &mut Wants) -> Result<()> {
        loop {
            match &mut self.stage {
                Stage::Search(search) => match search.advance(&self.held) {
                    Ok(opening) => {
                        self.held.base = opening.superblock.offset;
                        self.held.sizes = opening.superblock.sizes;
                        self.held.group_nodes = opening.group_nodes;
                        self.stage = Stage::Opening(Box::new(opening));
                    }
                    Err(stop) => return wait(stop, wants),
                },
                Stage::Opening(opening) => {
                    if let Some(driver) = opening.driver
                        && let Err(stop) =
                            driver::check_block(&self.held, driver, opening.superblock.end_of_file)
                    {
                        return wait(stop, wants);
                    }
                    // The extension may say that the file is one of several: then it is shorter.
                    if opening.extension.is_none() {
                        superblock::check_end(&opening.superblock, self.held.file_size)?;
                    }
                    let state = State::new(opening, &self.held, &self.options)?;
                    self.stage = Stage::Objects(Box::new(state));
                }
                Stage::Objects(state) => {
                    state.advance(&self.held, &self.options, wants)?;
                    if let Some(image) = state.cache_image.take() {
                        self.held.lay_over(image);
                        state.begin_root(&self.held, &self.options)?;
                        continue;
                    }
                    if !state.is_done() {
                        return Ok(());
                    }
                    let file = state.assemble(&self.held)?;
                    let Stage::Objects(state) =
                        std::mem::replace(&mut self.stage, Stage::Search(Search::default()))
                    else {
                        return Ok(());
                    };
                    self.stage = Stage::Done(state, Box::new(file));
                }
                Stage::Done(..) => return Ok(()),
                Stage::Failed(error) => return Err(error.clone()),
            }
        }
    }

    /// Asks for objects of the global heap, such as the elements of a dataset of strings whose
    /// references were read elsewhere; poll on, and find them in [`File::heap`]. Only once done.
    pub fn request_heap_objects(&mut self, ids: &[HeapId]) {
        match std::mem::replace(&mut self.stage, Stage::Search(Search::default())) {
            Stage::Done(mut state, file) => {
                self.held.forget_charges();
                state.reopen(*file, ids);
                self.stage = Stage::Objects(state);
            }
            other => self.stage = other,
        }
    }

    /// Says that a dataset has other lengths than its dataspace: those of a virtual dataset may
    /// follow from its sources. Nothing is changed where the rank differs. Only once done.
    pub fn set_shape(&mut self, dataset: Address, lengths: &[u64]) {
        let Stage::Done(_, file) = &mut self.stage else {
            return;
        };
        let object = file
            .objects
            .get_mut(&dataset)
            .map(|object| &mut object.kind);
        if let Some(ObjectKind::Dataset(dataset)) = object
            && let Dataspace::Simple { shape, .. } = &mut dataset.dataspace
            && shape.len() == lengths.len()
        {
            *shape = lengths.to_vec();
        }
    }

    /// The metadata that was read.
    ///
    /// # Errors
    /// When the scan is not done, or the error with which it ended.
    pub fn file(&self) -> Result<&File> {
        match &self.stage {
            Stage::Done(_, file) => Ok(file),
            Stage::Failed(error) => Err(error.clone()),
            _ => Err(Place::new("scan", 0).malformed("the scan is not done")),
        }
    }

    /// The metadata that was read, without a copy. See [`Scan::file`].
    ///
    /// # Errors
    /// As [`Scan::file`].
    pub fn into_file(self) -> Result<File> {
        match self.stage {
            Stage::Done(_, file) => Ok(*file),
            Stage::Failed(error) => Err(error),
            _ => Err(Place::new("scan", 0).malformed("the scan is not done")),
        }
    }
}

/// Turns a need into a want; an error stays one.
fn wait(stop: Stop, wants: &mut Wants) -> Result<()> {
    match stop {
        Stop::Need(range) => {
            wants.push(range);
            Ok(())
        }
        Stop::Error(error) => Err(error),
    }
}
