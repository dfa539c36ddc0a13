//! The columnar table of an array's chunks.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::location::LocationId;

/// Where one chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkRef<'a> {
    /// In an object.
    Range {
        /// The object.
        location: LocationId,
        /// First byte within it.
        offset: u64,
        /// Stored size in bytes.
        length: u64,
    },
    /// Here, encoded as the array's codecs say.
    Inline(&'a Bytes),
}

/// Where the chunks of an array lie: columns, 12 bytes a chunk with one location, 16 with several.
///
/// A chunk's number is its place in the grid in C order. A table that holds every chunk of the
/// grid is *dense* and has no column of numbers; otherwise it is *sparse* and has one, ascending.
/// Lengths take 4 bytes until one needs more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkTable {
    grid: Vec<u64>,
    /// Numbers of the chunks; `None` when dense.
    indices: Option<Vec<u64>>,
    offsets: Vec<u64>,
    lengths: Lengths,
    locations: LocationColumn,
    inline: BTreeMap<u64, Bytes>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Lengths {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Default for Lengths {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum LocationColumn {
    One(LocationId),
    Many(Vec<LocationId>),
}

impl Default for LocationColumn {
    fn default() -> Self {
        Self::One(LocationId(0))
    }
}

/// Builds a [`ChunkTable`] from chunks given in ascending order.
#[derive(Clone, Debug, Default)]
pub struct ChunkTableBuilder {
    table: ChunkTable,
}
