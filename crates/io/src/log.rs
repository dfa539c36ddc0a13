//! The request log: what was asked of files and servers.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests sent, repeated and redirected ones and those for credentials included; for local
    /// files, reads.
    pub requests: u64,
    /// Bytes of body that came.
    pub bytes: u64,
    /// Of those, bytes of objects that came from buckets, by their own protocol.
    pub direct_bytes: u64,
    /// Of those, bytes of objects that came over http or https.
    pub external_bytes: u64,
    /// Calls of `Object::read` and `Object::size` for which something had to be fetched.
    pub waves: u64,
    /// Requests that were sent again after a failure.
    pub retries: u64,
    /// Redirects that were followed.
    pub redirects: u64,
    /// Ranges that were answered from what had been fetched before.
    pub cache_hits: u64,
    /// Bytes of remote objects that turned out to be needed, as told by
    /// [`Object::note_needed`](crate::Object::note_needed).
    pub needed: u64,
    /// Bytes of body that were sent to be written, repeated ones included.
    pub sent: u64,
}

/// One request and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The URL or path, without credentials and query; that of the redirect's target, where one
    /// was followed.
    pub url: String,
    /// Bytes asked for; empty for a request that is not for bytes of an object.
    pub range: Range<u64>,
    /// Bytes of body that came.
    pub bytes: u64,
    /// The number of the wave, from 1; 0 for a request that is in none.
    pub wave: u64,
    /// The status; `None` if there was no answer, or the file is local.
    pub status: Option<u16>,
}

/// One wave: what was wanted, and what was fetched for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaveRecord {
    /// Its number, from 1.
    pub number: u64,
    /// The URL, without credentials and query.
    pub url: String,
    /// What was wanted, in words.
    pub what: String,
    /// Bytes wanted.
    pub wanted: u64,
    /// Bytes of those that had not been fetched before.
    pub missing: u64,
    /// Ranges fetched, ascending.
    pub requests: Vec<Range<u64>>,
    /// From the first request to the last answer.
    pub took: Duration,
}

/// The requests of one client.
#[derive(Debug, Default)]
pub struct RequestLog {
    requests: AtomicU64,
    bytes: AtomicU64,
    direct_bytes: AtomicU64,
    external_bytes: AtomicU64,
    waves: AtomicU64,
    retries: AtomicU64,
    redirects: AtomicU64,
    cache_hits: AtomicU64,
    needed: AtomicU64,
    sent: AtomicU64,
    records: Option<Mutex<Vec<RequestRecord>>>,
    wave_records: Mutex<Vec<WaveRecord>>,
}

impl RequestLog {
    pub(crate) fn new(keep_records: bool) -> Self {
        Self {
            records: keep_records.then(Mutex::default),
            ..Self::default()
        }
    }

    /// The counts at this moment.
    pub fn snapshot(&self) -> Stats {
        Stats {
            requests: self.requests.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            direct_bytes: self.direct_bytes.load(Ordering::Relaxed),
            external_bytes: self.external_bytes.load(Ordering::Relaxed),
            waves: self.waves.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            redirects: self.redirects.load(Ordering::Relaxed),
            cache_hits: self.cache_hits.load(Ordering::Relaxed),
            needed: self.needed.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        }
    }

    /// All requests, in the order in which they ended; empty unless
    /// [`keep_records`](crate::ClientOptions::keep_records) is set.
    pub fn entries(&self) -> Vec<RequestRecord> {
        self.records.as_ref().map_or_else(Vec::new, |records| {
            records
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        })
    }

    /// All waves that have ended; empty unless [`keep_records`](crate::ClientOptions::keep_records)
    /// is set. Of local files there are none.
    pub fn waves(&self) -> Vec<WaveRecord> {
        let records = self.wave_records.lock();
        records.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note that so many bytes of what was read were needed.
    pub(crate) fn needed(&self, bytes: u64) {
        self.needed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes note that so many bytes were sent to be written.
    pub(crate) fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn wave_ended(&self, record: WaveRecord) {
        if self.records.is_some() {
            let mut records = self
                .wave_records
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            records.push(record);
        }
    }

    /// The number of a new wave, from 1.
    pub(crate) fn wave(&self) -> u64 {
        self.waves.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Counts one request; `record` is made only if records are kept.
    pub(crate) fn request(&self, bytes: u64, record: impl FnOnce() -> RequestRecord) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(records) = &self.records {
            records
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(record());
        }
    }

    /// Takes note of where so many bytes of an object came from, which are counted already.
    pub(crate) fn came(&self, is_direct: bool, bytes: u64) {
        let count = if is_direct {
            &self.direct_bytes
        } else {
            &self.external_bytes
        };
        count.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn redirect(&self) {
        self.redirects.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cache_hits(&self, hits: u64) {
        self.cache_hits.fetch_add(hits, Ordering::Relaxed);
    }
}
