//! What a scan is to read.

use std::sync::Arc;

use crate::decode::Decode;

/// What a scan is to read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanOptions {
    /// Only this group and what is below it, as a path from the root; `None`: the whole file.
    pub group: Option<String>,
    /// Only these datasets, as names or paths from the group; empty: all.
    pub variables: Vec<String>,
    /// Further objects, as paths from the root, each with what is below it. Without a group and
    /// variables, only these; empty: none.
    pub trees: Vec<String>,
    /// Of what is asked for with all that is below it, links are followed so many levels down. 1: the
    /// groups in a group are begun, and their links listed, but not followed. `None`: all levels.
    pub depth: Option<usize>,
    /// Whether all attributes are wanted; if not, only those that give dimensions their names.
    pub attributes: bool,
    /// Whether the places of chunks are wanted.
    pub chunks: bool,
    /// Size of the file in bytes, if known.
    pub file_size: Option<u64>,
    /// Bounds on memory.
    pub limits: Limits,
    /// What undoes the I/O filters of a heap; without it, such heaps are not supported.
    pub decoder: Option<Arc<dyn Decode>>,
    /// Whether to look out for what is likely to be wanted later ([`Scan::take_hints`]): for
    /// drivers whose reads take long.
    ///
    /// [`Scan::take_hints`]: crate::Scan::take_hints
    pub hints: bool,
    /// The stored bytes of a dataset are likely to be wanted as well if they are no more than this.
    pub small_data: u64,
    /// The same for a paged file, in which data does not lie near metadata.
    pub small_data_of_pages: u64,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            group: None,
            variables: Vec::new(),
            trees: Vec::new(),
            depth: None,
            attributes: true,
            chunks: true,
            file_size: None,
            limits: Limits::default(),
            decoder: None,
            hints: false,
            small_data: 0,
            small_data_of_pages: 0,
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
    /// Bytes in memory for what a file of any size holds, about.
    pub memory: u64,
    /// Further bytes in memory for each byte of the file, if its size is known.
    pub memory_per_byte: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            objects: 10_000_000,
            chunks: 1 << 32,
            memory: 48 << 20,
            memory_per_byte: 12,
        }
    }
}
