//! Why a build ended early, and what to do next.

use std::path::PathBuf;

use chunkref_earthdata::Found;

use crate::write::WriteError;

/// Why nothing was written. What was scanned before is in the journal all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The search has no result.
    #[error(transparent)]
    Search(#[from] chunkref_earthdata::Error),
    /// No granule fits the search.
    #[error("no granule fits the search")]
    NoGranules {
        /// What was found instead.
        found: Box<Found>,
    },
    /// The files that were named are not right.
    #[error("{reason}")]
    Sources {
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A bucket could not be listed.
    #[error(transparent)]
    Io(chunkref_io::Error),
    /// The journal can't be used.
    #[error("journal {}: {reason}", path.display())]
    Journal {
        /// Its folder.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// Files could not be scanned, or granules have none that can be; each was told as an event.
    #[error("{failed} of {of} files could not be scanned{}", advice(*.journaled))]
    Failed {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
        /// Whether others were scanned, and are in the journal.
        journaled: bool,
    },
    /// One file could not be scanned, and that ends the build.
    #[error("{file}: {reason}")]
    Scan {
        /// The file or granule.
        file: String,
        /// Why not.
        reason: String,
    },
    /// Granules are not alike.
    #[error("{unlike}; --on-unlike skip leaves out those that are unlike the others")]
    Unlike {
        /// What is unlike.
        unlike: chunkref_combine::Error,
    },
    /// The granules can't be joined.
    #[error(transparent)]
    Join(chunkref_combine::Error),
    /// One value of the joined coordinate is in several granules.
    #[error("{reason}")]
    Twice {
        /// Which, and what to do.
        reason: String,
    },
    /// Where it would be written is something that no build wrote.
    #[error("{path}: {reason}; name another folder, or move it away")]
    Foreign {
        /// What is there.
        path: String,
        /// Why it is not a build's.
        reason: String,
    },
    /// The output could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl BuildError {
    pub(crate) fn sources(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Sources { reason }
    }
}

fn advice(journaled: bool) -> &'static str {
    if journaled {
        ": run again to try those alone, as the others are in the journal, or leave them out with \
         --on-error skip"
    } else {
        ""
    }
}
