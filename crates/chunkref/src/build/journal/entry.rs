//! What the entries of a journal say.

use std::collections::BTreeSet;

use chunkref_io::Pin;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::build::source::Source;
use crate::build::taking_in::Digests;

/// The head of an entry, as it is written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Head {
    /// The first one.
    Journal {
        version: u32,
        /// Those that change what a scan gives.
        options: Value,
    },
    /// A file was scanned; its manifest is the body.
    Done { source: Source, done: Box<Done> },
    /// A file could not be scanned.
    Failed { source: Source, reason: String },
    /// The record of a file that is done is another now.
    Record { source: Source },
    /// A search found all these; their keys are the body.
    Listing { query: String },
    /// What all scans so far took.
    Effort { effort: Effort },
}

/// What is known of a file that was scanned.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Done {
    /// The address in its manifest.
    pub(crate) file: String,
    /// What pinned it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<String>,
    /// Digests of the values of coordinates that must be equal in all granules.
    #[serde(default, skip_serializing_if = "Digests::is_empty")]
    pub(crate) coordinates: Digests,
    /// Datasets that references lack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<LeftOut>,
}

/// A dataset that references lack.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) path: String,
    pub(crate) reason: String,
    /// Whether chunkref's store reads it nevertheless.
    #[serde(default)]
    pub(crate) decoded: bool,
}

impl Done {
    /// Whether an object that is seen so now is another one than that which was scanned: what both know
    /// is compared, times only where there is no `ETag`.
    pub(crate) fn is_contradicted(&self, now: &Pin) -> bool {
        fn differ<T: PartialEq>(before: Option<T>, now: Option<T>) -> Option<bool> {
            before.zip(now).map(|(before, now)| before != now)
        }
        let etags = differ(
            self.etag.as_deref().map(bare),
            now.etag.as_deref().map(bare),
        );
        let times = differ(self.last_modified.as_deref(), now.last_modified.as_deref());
        differ(self.size, now.size) == Some(true) || etags.or(times) == Some(true)
    }

    /// Whether it is known to be the one that was scanned.
    pub(crate) fn is_confirmed(&self, now: &Pin) -> bool {
        let known = self.etag.is_some() && now.etag.is_some()
            || self.last_modified.is_some() && now.last_modified.is_some();
        known && self.size.is_some() && self.size == now.size && !self.is_contradicted(now)
    }
}

/// Some listings have an `ETag` without its quotes.
fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

/// Where the body of an entry lies in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    pub(super) at: u64,
    pub(super) length: u32,
}

/// What is known of a file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) source: Source,
    pub(crate) state: State,
    /// Bytes of the log that it takes.
    pub(super) size: u64,
}

impl Entry {
    pub(crate) fn done(&self) -> Option<&Done> {
        match &self.state {
            State::Done(done, _) => Some(done),
            State::Failed(_) => None,
        }
    }
}

/// How a file ended.
#[derive(Debug)]
pub(crate) enum State {
    Done(Done, Body),
    Failed(String),
}

/// All that a search found, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// What names the search.
    pub(crate) query: String,
    pub(crate) keys: BTreeSet<String>,
}

impl Listing {
    /// About how many bytes of the log it takes.
    pub(super) fn size(&self) -> u64 {
        let sizes = self.keys.iter().map(|key| key.len().saturating_add(3));
        let all = sizes.fold(self.query.len(), usize::saturating_add);
        u64::try_from(all).unwrap_or(u64::MAX)
    }
}

/// What scans took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Effort {
    pub(crate) scanned: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

impl Effort {
    pub(crate) fn and(self, more: Self) -> Self {
        Self {
            scanned: self.scanned.saturating_add(more.scanned),
            requests: self.requests.saturating_add(more.requests),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }

    /// How many requests so many more scans take, judged by these.
    pub(crate) fn requests_for(self, scans: u64) -> Option<u64> {
        self.requests
            .saturating_mul(scans)
            .checked_div(self.scanned)
    }

    /// How many bytes.
    pub(crate) fn bytes_for(self, scans: u64) -> Option<u64> {
        self.bytes.saturating_mul(scans).checked_div(self.scanned)
    }
}

/// The options that are others, with both values, if there are any.
pub(super) fn differing(before: &Value, now: &Value) -> Option<String> {
    if before == now {
        return None;
    }
    let names = |value: &Value| -> BTreeSet<String> {
        let map = value.as_object();
        map.map(|map| map.keys().cloned().collect())
            .unwrap_or_default()
    };
    let all = names(before).into_iter().chain(names(now));
    let all: BTreeSet<String> = all.collect();
    let differing: Vec<_> = all
        .iter()
        .filter(|name| before.get(name.as_str()) != now.get(name.as_str()))
        .map(|name| {
            let (before, now) = (before.get(name.as_str()), now.get(name.as_str()));
            format!("{}: {}, now {}", option(name), shown(before), shown(now))
        })
        .collect();
    Some(differing.join("; "))
}

/// An option as users give it.
fn option(name: &str) -> String {
    match name {
        "variables" => "--variable".to_owned(),
        "trusted" => "--trust".to_owned(),
        name => format!("--{}", name.replace('_', "-")),
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(all)) if all.is_empty() => "none".to_owned(),
        Some(Value::Array(all)) => {
            let all: Vec<_> = all.iter().map(|one| shown(Some(one))).collect();
            all.join(", ")
        }
        Some(value) => value.to_string(),
    }
}
