//! The scan of a file: what to read next, and what has been read.

use std::ops::Range;

use bytes::Bytes;

use crate::error::Result;
use crate::heap::HeapId;
use crate::object::File;

/// What a scan is to read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanOptions {
    /// Only this group and what is below it, as a path from the root; `None`: the whole file.
    pub group: Option<String>,
    /// Only datasets of these names (within the group); empty: all.
    pub variables: Vec<String>,
    /// Whether attributes are wanted.
    pub attributes: bool,
    /// Whether the places of chunks are wanted.
    pub chunks: bool,
    /// Size of the file in bytes, if known.
    pub file_size: Option<u64>,
    /// Bounds on memory and depth.
    pub limits: Limits,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            group: None,
            variables: Vec::new(),
            attributes: true,
            chunks: true,
            file_size: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds that no valid granule comes near.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Objects in a file.
    pub objects: u64,
    /// Chunks of one dataset.
    pub chunks: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            objects: 10_000_000,
            chunks: 1 << 32,
        }
    }
}

/// How far a scan is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// These byte ranges of the file (absolute, sorted, apart) are wanted to go on.
    Wants(Vec<Range<u64>>),
    /// All has been read.
    Done,
}

/// A scan of one file, without I/O.
#[derive(Debug)]
pub struct Scan {}

impl Scan {
    /// Starts a scan.
    pub fn new(_options: ScanOptions) -> Self {
        Self {}
    }

    /// Goes as far as the bytes supplied allow.
    ///
    /// # Errors
    /// When the file is not HDF5, is truncated, or contradicts the specification.
    pub fn poll(&mut self) -> Result<Progress> {
        Ok(Progress::Done)
    }

    /// Hands over bytes of the file, starting at `offset` (absolute); any order, any split.
    pub fn supply(&mut self, _offset: u64, _bytes: Bytes) {}

    /// Says how large the file is, as soon as that is known.
    pub fn set_file_size(&mut self, _size: u64) {}

    /// Asks for objects of the global heap (elements of variable length); poll on to get them.
    pub fn request_heap_objects(&mut self, _ids: &[HeapId]) {}

    /// The metadata that was read. Only complete after [`Progress::Done`].
    ///
    /// # Errors
    /// When the scan is not done.
    pub fn file(&self) -> Result<&File> {
        Err(crate::error::Place::new("scan", 0).malformed("stub"))
    }
}
