//! What can be wrong with a file.

use std::borrow::Cow;

/// A result of parsing.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file, or an object of it, could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No HDF5 signature where one may stand.
    #[error("not an HDF5 file: {what}")]
    NotHdf5 {
        /// What was found in its place.
        what: String,
    },
    /// The file ends before a structure does.
    #[error(
        "{structure} at {at:#x}: needs bytes up to {end}, but the file ends at {file_size} (truncated file?)"
    )]
    Truncated {
        /// Name of the structure, as in the specification.
        structure: &'static str,
        /// Where it starts, in bytes from the start of the file.
        at: u64,
        /// One past the last byte it needs.
        end: u64,
        /// Size of the file in bytes.
        file_size: u64,
    },
    /// The bytes contradict the specification.
    #[error("{structure} at {at:#x}: {what}")]
    Malformed {
        /// Name of the structure, as in the specification.
        structure: &'static str,
        /// Where it starts, in bytes from the start of the file.
        at: u64,
        /// What was found and what was expected.
        what: Cow<'static, str>,
    },
    /// The bytes are (or may be) valid, but this version does not read them.
    #[error("{structure} at {at:#x}: {what} is not supported")]
    Unsupported {
        /// Name of the structure, as in the specification.
        structure: &'static str,
        /// Where it starts, in bytes from the start of the file.
        at: u64,
        /// The feature, as a noun ("filter 32020").
        what: Cow<'static, str>,
    },
    /// Reading on would take more memory or time than [`crate::Limits`] allows.
    #[error("{structure} at {at:#x}: {what} exceeds the limit of {limit}")]
    Limit {
        /// Name of the structure, as in the specification.
        structure: &'static str,
        /// Where it starts, in bytes from the start of the file.
        at: u64,
        /// What was counted, with its number.
        what: Cow<'static, str>,
        /// The limit.
        limit: u64,
    },
}

impl Error {
    /// Whether the file may be valid and only this version cannot read it.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. })
    }

    /// Whether the file asks for more than is allowed.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::Limit { .. })
    }
}

/// Where an error is reported: the structure and its place from the start of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) structure: &'static str,
    pub(crate) at: u64,
}

impl Place {
    pub(crate) fn new(structure: &'static str, at: u64) -> Self {
        Self { structure, at }
    }

    pub(crate) fn malformed(self, what: impl Into<Cow<'static, str>>) -> Error {
        Error::Malformed {
            structure: self.structure,
            at: self.at,
            what: what.into(),
        }
    }

    pub(crate) fn unsupported(self, what: impl Into<Cow<'static, str>>) -> Error {
        Error::Unsupported {
            structure: self.structure,
            at: self.at,
            what: what.into(),
        }
    }

    pub(crate) fn limit(self, what: impl Into<Cow<'static, str>>, limit: u64) -> Error {
        Error::Limit {
            structure: self.structure,
            at: self.at,
            what: what.into(),
            limit,
        }
    }
}
