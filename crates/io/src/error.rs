//! What can go wrong.

use std::ops::Range;
use std::sync::Arc;

/// The result of reading.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why bytes could not be read. URLs are given without credentials and query.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is not one that can be opened.
    #[error("{url}: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such object.
    #[error("{url}: not found")]
    NotFound {
        /// The object.
        url: String,
    },
    /// The object may not be read.
    #[error("{url}: access was denied: {reason}")]
    Denied {
        /// The object.
        url: String,
        /// What was answered.
        reason: String,
    },
    /// The range asked for ends before it starts.
    #[error("{url}: bytes {}..{}: the range ends before it starts", range.start, range.end)]
    Reversed {
        /// The object.
        url: String,
        /// Bytes asked for.
        range: Range<u64>,
    },
    /// The range asked for does not lie within the object.
    #[error("{url}: bytes {}..{} reach past the end of the object, which has {size} bytes", range.start, range.end)]
    PastEnd {
        /// The object.
        url: String,
        /// Bytes asked for.
        range: Range<u64>,
        /// The object's size in bytes.
        size: u64,
    },
    /// The object is no longer the one that was read, or known, before.
    #[error("{url}: changed since it was first read: {what} was {before}, now {now}")]
    Changed {
        /// The object.
        url: String,
        /// What differs: `size`, `ETag`, `Last-Modified`.
        what: &'static str,
        /// Its value before.
        before: String,
        /// Its value now.
        now: String,
    },
    /// The server's answer can't be used; asking again would not help.
    #[error("{url}: bytes {}..{}: {reason}", range.start, range.end)]
    Response {
        /// The object.
        url: String,
        /// Bytes asked for.
        range: Range<u64>,
        /// What was answered, and what was expected.
        reason: String,
    },
    /// The server could not be reached, or went on failing.
    #[error("{url}: bytes {}..{}: {reason} (attempts: {attempts})", range.start, range.end)]
    Unavailable {
        /// The object.
        url: String,
        /// Bytes asked for.
        range: Range<u64>,
        /// How the last attempt failed.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The store could not be set up, or has no credentials.
    #[error("{url}: {reason}")]
    Store {
        /// The object.
        url: String,
        /// What the store said.
        reason: String,
    },
    /// An object could not be written, removed or listed.
    #[error("{url}: {reason} (attempts: {attempts})")]
    Write {
        /// The object.
        url: String,
        /// How the last attempt failed.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// A service gave no answer that could be used.
    #[error("{url}: {reason} (attempts: {attempts})")]
    Service {
        /// The service.
        url: String,
        /// How the last attempt failed.
        reason: String,
        /// Whether there was a connection at all; there is none without a network, or to a host of
        /// a wrong name.
        connected: bool,
        /// How often it was tried.
        attempts: u32,
    },
    /// A local file could not be read.
    #[error("{url}: local file could not be read")]
    File {
        /// The path or URL.
        url: String,
        /// The system's error.
        source: Arc<std::io::Error>,
    },
}

/// What all errors have: the object, of an error that is borrowed in one way or the other.
macro_rules! url {
    ($error:expr) => {
        match $error {
            Self::Address { url, .. }
            | Self::NotFound { url }
            | Self::Denied { url, .. }
            | Self::Reversed { url, .. }
            | Self::PastEnd { url, .. }
            | Self::Changed { url, .. }
            | Self::Response { url, .. }
            | Self::Unavailable { url, .. }
            | Self::Store { url, .. }
            | Self::Write { url, .. }
            | Self::Service { url, .. }
            | Self::File { url, .. } => url,
        }
    };
}

impl Error {
    /// The object that could not be read, without credentials and query.
    pub fn url(&self) -> &str {
        url!(self)
    }

    /// The same error, of the object as its user names it.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(url!(&mut self));
        self
    }

    /// The system's error for a local file, by its kind.
    pub(crate) fn file(url: &str, source: std::io::Error) -> Self {
        let url = url.to_owned();
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound { url },
            std::io::ErrorKind::PermissionDenied => Self::Denied {
                url,
                reason: "the file's permissions do not allow reading".to_owned(),
            },
            _ => Self::File {
                url,
                source: Arc::new(source),
            },
        }
    }
}

/// An error and its sources in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}
