//! Why a key can't be answered.

use std::error::Error as _;
use std::fmt::Write as _;

use zarrs_storage::StorageError;
use zarrs_storage::byte_range::InvalidByteRangeError;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a key can't be answered. A key that is not there is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document of a group or an array can't be written.
    #[error("{path}: no document in this version of Zarr: {reason}")]
    Document {
        /// The path of the group or array from the root.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A group or an array is there, but left out of the manifest.
    #[error("{path}: refused: {reason}")]
    Refused {
        /// The path of the group or array from the root.
        path: String,
        /// Why.
        reason: String,
    },
    /// The bytes of a chunk can't be read.
    #[error("{key}")]
    Read {
        /// The chunk.
        key: String,
        /// The object, the bytes, and why not.
        #[source]
        source: chunkref_io::Error,
    },
    /// The object is no longer the one that the manifest describes.
    #[error("{key}: {url}: changed since it was scanned: {what} was {before}, now {now}")]
    Changed {
        /// The chunk.
        key: String,
        /// The object.
        url: String,
        /// What differs: `size`, `ETag`, `Last-Modified`.
        what: &'static str,
        /// Its value in the manifest.
        before: String,
        /// Its value now.
        now: String,
    },
    /// The reader of an object gave another number of bytes than it was asked for.
    #[error("{key}: {found} bytes read, expected {expected}")]
    Short {
        /// The chunk.
        key: String,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: u64,
    },
    /// A chunk can't be decoded.
    #[error("{key}: chunk")]
    Decode {
        /// The chunk.
        key: String,
        /// Why not.
        #[source]
        source: chunkref_filters::Error,
    },
    /// An element of a chunk can't be converted.
    #[error("{key}: chunk: {reason}")]
    Convert {
        /// The chunk.
        key: String,
        /// Why not.
        reason: String,
    },
    /// The decoding of a chunk did not finish.
    #[error("{key}: decoding was cancelled")]
    Cancelled {
        /// The chunk.
        key: String,
    },
    /// Where groups, arrays or references are asked for, they can't be told.
    #[error("{path}")]
    References {
        /// The path of the group or array from the root.
        path: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The manifest contradicts itself.
    #[error("{key}: {reason}")]
    Manifest {
        /// The key.
        key: String,
        /// What was found and expected.
        reason: String,
    },
    /// A chunk that several wanted at one time can't be read or decoded.
    #[error(transparent)]
    Shared(std::sync::Arc<Error>),
    /// A part is asked for that the value does not have.
    #[error("{key}")]
    Range {
        /// The key.
        key: String,
        /// The part, and the length of the value in bytes.
        #[source]
        source: InvalidByteRangeError,
    },
    /// The manifest has no array of this path.
    #[error("{path}: no such array")]
    NoArray {
        /// The path from the root.
        path: String,
    },
    /// The elements of an array have no fixed size.
    #[error("{path}: elements of variable length have no plain bytes")]
    VariableLength {
        /// The path of the array from the root.
        path: String,
    },
    /// An array, or one of its chunks, is larger than the caller allows.
    #[error("{path}: {what} of {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// The path of the array from the root.
        path: String,
        /// What is too large: `an array`, `a chunk`.
        what: &'static str,
        /// Its size in bytes, not stored but in memory.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// There is no memory for what is read.
    #[error("{path}: no memory for {bytes} bytes: read a part of it")]
    NoMemory {
        /// The path of the array from the root.
        path: String,
        /// The size in bytes of what was to be read.
        bytes: u64,
    },
    /// What is asked for is not understood.
    #[error("{reason}")]
    Query {
        /// What was found and expected.
        reason: String,
    },
    /// A selection does not fit its array.
    #[error("{path}: {reason}")]
    Selection {
        /// The path of the array from the root.
        path: String,
        /// Where it does not.
        reason: String,
    },
    /// An array does not lie along what is selected along.
    #[error("{path}: {reason}")]
    NotAlong {
        /// The path of the array from the root.
        path: String,
        /// What it lacks.
        reason: String,
    },
    /// There are more keys than can be listed.
    #[error("{path}: {keys} chunks, can't list more than {limit}")]
    TooManyKeys {
        /// The path of the array from the root.
        path: String,
        /// How many chunks it has.
        keys: u64,
        /// How many are listed at most.
        limit: u64,
    },
    /// The runtime of a blocking store can't be started, or has gone.
    #[error("runtime of the blocking store: {reason}")]
    Runtime {
        /// Why.
        reason: String,
    },
}

impl From<Error> for StorageError {
    /// The whole chain of causes as text: `zarrs` prints the outermost only.
    fn from(error: Error) -> Self {
        if let Error::Range { source, .. } = error {
            return Self::InvalidByteRangeError(source);
        }
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            // Writing to a string does not fail.
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        Self::Other(text)
    }
}
