//! Why a scan failed as a whole.

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file could not be scanned. What only one dataset lacks is in the [`crate::Report`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] chunkref_io::Error),
    /// The file is not HDF5, is truncated, contradicts the specification, or is past a limit.
    #[error(transparent)]
    Hdf5(#[from] chunkref_hdf5::Error),
    /// The file is a part of a set, and by itself no HDF5 file.
    #[error("{error}; {part}")]
    Part {
        /// What is wrong with it by itself.
        error: chunkref_hdf5::Error,
        /// What it is a part of, and what to do.
        part: String,
    },
    /// The metadata is sound by itself, but can't be true of this file.
    #[error("{path}: {what}")]
    Malformed {
        /// The object, as a path from the root.
        path: String,
        /// What was found, and what was expected.
        what: String,
    },
    /// The group asked for is not in the file.
    #[error("group {group:?}: not in the file")]
    NoSuchGroup {
        /// The path asked for.
        group: String,
    },
    /// A dataset asked for is not there.
    #[error(
        "variable {variable:?}: not in {scope}, where a name or a path such as \"group/name\" is looked for"
    )]
    NoSuchVariable {
        /// The name or path asked for.
        variable: String,
        /// The group in which it was looked for.
        scope: String,
    },
    /// What was asked for lies beyond a link that was not followed.
    #[error("{path}: {reason}")]
    Unreached {
        /// The path asked for.
        path: String,
        /// Why it was not followed.
        reason: String,
    },
    /// Bytes were supplied, and the parser asks for the same again.
    #[error("bytes {start} to {end}: the parser asks for them twice")]
    Stuck {
        /// First byte asked for.
        start: u64,
        /// One past the last.
        end: u64,
    },
}
