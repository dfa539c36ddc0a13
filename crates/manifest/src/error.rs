//! What can go wrong.

use std::io;

use crate::location::LocationId;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a manifest can't be built, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Chunks did not come in ascending order.
    #[error("chunk {index} after chunk {previous}: expected ascending numbers")]
    ChunkOrder {
        /// The chunk.
        index: u64,
        /// The one before it.
        previous: u64,
    },
    /// A chunk lies outside the grid.
    #[error("chunk {index}: outside the grid {grid:?}, which has {cells} cells")]
    ChunkOutside {
        /// The chunk.
        index: u64,
        /// Chunks along each axis.
        grid: Vec<u64>,
        /// Their product.
        cells: u64,
    },
    /// A filter mask is given for a chunk that is absent.
    #[error("chunk {index}: has a filter mask, but is not in the table")]
    MaskOfAbsent {
        /// The chunk.
        index: u64,
    },
    /// A grid has more cells than a 64-bit number counts.
    #[error("chunk grid {grid:?}: more than 2^64 - 1 cells")]
    GridTooLarge {
        /// Chunks along each axis.
        grid: Vec<u64>,
    },
    /// Columns of a chunk table have unequal lengths.
    #[error(
        "chunk table columns: {indices} indices, {offsets} offsets, {lengths} lengths, expected equal numbers"
    )]
    Columns {
        /// Rows of the column of chunk numbers.
        indices: usize,
        /// Rows of the column of offsets.
        offsets: usize,
        /// Rows of the column of lengths.
        lengths: usize,
    },
    /// An array has not one dimension name, or not one chunk length, for each axis.
    #[error("{what}: {found} for {axes} axes")]
    Axes {
        /// What there should be one of for each axis.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many axes there are.
        axes: usize,
    },
    /// The parts of a join do not fit one another.
    #[error("concat: {reason}")]
    Concat {
        /// What was found and expected.
        reason: String,
    },
    /// The format that is written can't say this.
    #[error("not supported: {what}")]
    Unsupported {
        /// What it can't say.
        what: String,
    },
    /// A name can't be a part of a key.
    #[error("name {name:?}: {reason}")]
    Name {
        /// The name of a group or an array.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A chunk refers to a location that is not in the dictionary.
    #[error("location {}: not among the {known} of the manifest", id.0)]
    UnknownLocation {
        /// The number.
        id: LocationId,
        /// How many locations there are.
        known: usize,
    },
    /// Something about one node of the tree.
    #[error("{path}")]
    At {
        /// Its path from the root.
        path: String,
        /// What.
        #[source]
        source: Box<Error>,
    },
    /// A reference set that is being read is malformed at one key.
    #[error("key {key:?}: {reason}")]
    Malformed {
        /// The key within the set, empty for the whole.
        key: String,
        /// What was found and expected.
        reason: String,
    },
    /// The output could not be written.
    #[error("writing {what}")]
    Io {
        /// What was being written.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of a set could not be read.
    #[error("reading {what}")]
    Unread {
        /// What was being read.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A Parquet file could not be encoded.
    #[error("encoding {path}")]
    Parquet {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(crate) fn at(self, path: &str) -> Self {
        Self::At {
            path: path.to_owned(),
            source: Box::new(self),
        }
    }
}
