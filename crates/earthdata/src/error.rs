//! What can go wrong, and what to do next.

use crate::files::Unfit;
use crate::system::System;

/// The result of a search.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a search has no result. Each message is one line, and says what to do where something can be
/// done. None holds a token or a query.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The search itself is not right; nothing was asked.
    #[error("{reason}")]
    Query {
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// There is no connection to CMR.
    #[error(
        "{source}: check the network, the name of the host, and HTTPS_PROXY if there is a proxy"
    )]
    Unreachable {
        /// How the last attempt failed.
        source: chunkref_io::Error,
    },
    /// CMR gave no answer that could be used.
    #[error(transparent)]
    Io(#[from] chunkref_io::Error),
    /// CMR refused the search.
    #[error("{url}: CMR refused the search (status {status}): {words}")]
    Refused {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// CMR's own words.
        words: String,
    },
    /// CMR does not know who asks.
    #[error(
        "{url}: CMR did not accept the token (status 401): {words}; get a new one from Earthdata \
         Login, or search without one"
    )]
    Unauthorized {
        /// What was asked.
        url: String,
        /// CMR's own words.
        words: String,
    },
    /// Who asks may not see what was asked for.
    #[error(
        "{url}: access to CMR was denied (status 403): {words}; a token of a user who may see the \
         collection is needed, or a proxy on the way refuses"
    )]
    Forbidden {
        /// What was asked.
        url: String,
        /// CMR's own words.
        words: String,
    },
    /// CMR is busy or out of order, and stayed so.
    #[error("{url}: CMR is not available (status {status}): {words}; try again later{}", after(*.retry_after))]
    Unavailable {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// CMR's own words.
        words: String,
        /// What it asked to wait, in seconds.
        retry_after: Option<u64>,
    },
    /// CMR had not enough time, and sent a part of what fits as if it were all.
    #[error(
        "{url}: the search took CMR too long, and only a part of what fits came: ask for less at once (a \
         shorter time, a smaller box, fewer on a page), or try again later"
    )]
    TimedOut {
        /// What was asked.
        url: String,
    },
    /// The answer is not one of CMR's.
    #[error("{url}: not an answer of CMR: {reason}")]
    Answer {
        /// What was asked.
        url: String,
        /// What was found in it, and what was expected.
        reason: String,
    },
    /// No collection has this name.
    #[error("no collection has {asked} in CMR ({system}){}", similar_names(.similar))]
    UnknownCollection {
        /// What was asked for.
        asked: String,
        /// Where.
        system: System,
        /// Short names that have the one asked for in them.
        similar: Vec<String>,
    },
    /// Several collections fit where one is meant.
    #[error("{asked} fits {} collections: add the version, provider or concept id of one: {}", .collections.len(), .collections.join("; "))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// Those that fit: short name, version, provider and concept id.
        collections: Vec<String>,
    },
    /// A granule has no file that can be read.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl Error {
    pub(crate) fn query(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Query { reason }
    }

    /// An error of the connection, told from others.
    pub(crate) fn of_io(error: chunkref_io::Error) -> Self {
        match error {
            source @ chunkref_io::Error::Service {
                connected: false, ..
            } => Self::Unreachable { source },
            error => Self::Io(error),
        }
    }
}

fn after(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| {
        format!(", it asks for {seconds} s of patience")
    })
}

fn similar_names(names: &[String]) -> String {
    if names.is_empty() {
        return ": check its spelling, version and provider, or use another --system".to_owned();
    }
    format!(": did you mean {}?", names.join(", "))
}
