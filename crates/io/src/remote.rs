//! Objects behind a server.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use object_store::path::Path;
use object_store::{GetOptions, GetRange};

use crate::cache::{Cache, Cover};
use crate::error::{Error, Result, chain};
use crate::flight::{Fetch, Flights};
use crate::hint::Hint;
use crate::log::WaveRecord;
use crate::object::check_within;
use crate::pieces::{Pieces, end};
use crate::plan::{Means, length, merge, outside, plan};
use crate::store::Store;
use crate::transport::{Net, Target, Ticket, Whole};
use crate::wave::{Ask, Piece, RemoteWave};

/// One remote object.
pub(crate) struct Remote {
    pub(crate) net: Arc<Net>,
    pub(crate) cache: Arc<Mutex<Cache>>,
    /// The object's number in the cache.
    pub(crate) id: u64,
    pub(crate) store: Store,
    pub(crate) path: Path,
    pub(crate) target: Arc<Target>,
    /// Held by the read that is to find out the size.
    pub(crate) first: Arc<tokio::sync::Mutex<()>>,
    pub(crate) flights: Flights,
    /// Up to here the object was read from its start without a gap.
    pub(crate) head: AtomicU64,
    /// What was needed of it, sorted and apart.
    pub(crate) needed: Mutex<Vec<Range<u64>>>,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.cache().forget(self.id);
        self.net.heads.learn(&self.target.used());
    }
}

impl Remote {
    pub(crate) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, start: u64, bytes: Bytes) {
        let end = end(start, &bytes);
        if start <= self.head.load(Ordering::Relaxed) {
            self.head.fetch_max(end, Ordering::Relaxed);
        }
        self.cache().insert(self.id, start, bytes);
    }

    /// The size in bytes, from the first ranged GET.
    pub(crate) async fn size(&self) -> Result<u64> {
        if let Some(size) = self.target.size() {
            return Ok(size);
        }
        let first = self.first.lock().await;
        if let Some(size) = self.target.size() {
            return Ok(size);
        }
        let head = 0..self.net.heads.length();
        let size = self.read_first(head, self.net.log.wave()).await;
        drop(first);
        size
    }

    /// Asks for one byte, unless something was read before.
    pub(crate) async fn probe(&self) -> Result<()> {
        let first = self.first.lock().await;
        if self.target.is_seen() {
            return Ok(());
        }
        let asked = self.fetch(0..1, self.net.log.wave()).await;
        drop(first);
        match asked {
            Ok((start, bytes)) => {
                self.keep(start, bytes);
                Ok(())
            }
            // An empty object has no first byte.
            Err(Error::PastEnd { size: 0, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads the first bytes of an object of unknown size, which gives the size.
    async fn read_first(&self, range: Range<u64>, wave: u64) -> Result<u64> {
        let started = Instant::now();
        match self.fetch(range.clone(), wave).await {
            Ok((start, bytes)) => {
                self.net.log.wave_ended(WaveRecord {
                    number: wave,
                    url: self.target.name.clone(),
                    what: if range.start == 0 {
                        "start of the file".to_owned()
                    } else {
                        "size of the file".to_owned()
                    },
                    wanted: end(0, &bytes),
                    missing: end(0, &bytes),
                    requests: std::iter::once(start..end(start, &bytes)).collect(),
                    took: started.elapsed(),
                });
                self.keep(start, bytes);
            }
            Err(Error::PastEnd { size, .. }) => return Ok(size),
            Err(error) => return Err(error),
        }
        self.target.size().ok_or_else(|| Error::Response {
            url: self.target.name.clone(),
            range,
            reason: "the answer did not tell the object's size".to_owned(),
        })
    }

    /// Reads one wave whole, in the order asked.
    pub(crate) async fn read(self: &Arc<Self>, wants: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut wave = self
            .wave(Ask {
                wants,
                what: "data".to_owned(),
                ..Ask::default()
            })
            .await?;
        let mut pieces = Vec::new();
        while let Some(more) = wave.next().await? {
            pieces.extend(more);
        }
        let pieces = Pieces::new(pieces);
        let bytes = wants.iter().map(|want| {
            pieces.get(want).ok_or_else(|| Error::PastEnd {
                url: self.target.name.clone(),
                range: want.clone(),
                size: self.target.size().unwrap_or_default(),
            })
        });
        bytes.collect()
    }

    /// Begins one wave.
    pub(crate) async fn wave(self: &Arc<Self>, ask: Ask<'_>) -> Result<RemoteWave> {
        let wants = ask.wants;
        self.net.heads.note(&mut self.target.used(), wants);
        let mut wave = None;
        let mut first = None;
        if self.target.size().is_none() && wants.iter().any(|want| !want.is_empty()) {
            first = Some(Arc::clone(&self.first).lock_owned().await);
        }
        if self.target.size().is_none() && first.is_some() {
            // Before much is asked for on the word of a file that may lie, its size must be known.
            let total = wants.iter().map(length).fold(0, u64::saturating_add);
            let some = wants.iter().find(|want| !want.is_empty());
            if let Some(some) = some.filter(|_| total > self.net.options.max_span) {
                let number = self.net.log.wave();
                // Of what is wanted anyway; what came is kept for this wave.
                let most = some.start.saturating_add(self.net.heads.length());
                self.read_first(some.start..some.end.min(most), number)
                    .await?;
                wave = Some(number);
            }
        }
        if let Some(size) = self.target.size() {
            // Nothing is left for this read to find out: others may go on.
            first = None;
            check_within(&self.target.name, wants, size)?;
        }
        Ok(RemoteWave::new(self, ask, wave, first))
    }

    /// Counts what was needed and has not been counted yet.
    pub(crate) fn note_needed(&self, ranges: &[Range<u64>]) {
        self.net.heads.note(&mut self.target.used(), ranges);
        let mut needed = self.needed.lock().unwrap_or_else(PoisonError::into_inner);
        let new = outside(&merge(ranges.to_vec(), 0, u64::MAX), &needed);
        let bytes = new.iter().map(length).fold(0, u64::saturating_add);
        self.net.log.needed(bytes);
        needed.extend(new);
        *needed = merge(std::mem::take(&mut *needed), 0, u64::MAX);
    }

    /// What the cache has of these ranges, of those that it has whole.
    pub(crate) fn kept(&self, ranges: &[Range<u64>]) -> Vec<Piece> {
        let mut cache = self.cache();
        let mut cover = Cover::default();
        for range in ranges {
            if cache.holds(self.id, range) {
                cache.cover(self.id, range, &mut cover);
            }
        }
        let mut pieces = cover.pieces;
        pieces.sort_unstable_by_key(|(start, _)| *start);
        pieces.dedup_by_key(|(start, _)| *start);
        pieces
    }

    /// The requests for what is missing.
    pub(crate) fn spans(
        &self,
        mut missing: Vec<Range<u64>>,
        hints: &mut Vec<Hint>,
        means: Means,
    ) -> Vec<Range<u64>> {
        if self.target.ignores_range() {
            // Each answer is the whole object.
            missing.truncate(1);
            return missing;
        }
        let unknown = self.target.size().is_none();
        let head = self.net.heads.length();
        if unknown && missing.iter().any(|range| range.start < head) {
            missing.push(0..head);
        }
        plan(missing, hints, means)
    }

    /// Fetches one span, and keeps it if it is to be kept.
    pub(crate) fn fetch_once(self: Arc<Self>, span: Range<u64>, wave: u64, is_kept: bool) -> Fetch {
        let fetch = async move {
            let (start, bytes) = self.fetch(span, wave).await?;
            // All of an object that came in place of a part is never asked for again.
            if is_kept || self.target.ignores_range() {
                self.keep(start, bytes.clone());
            }
            Ok((start, bytes))
        };
        fetch.boxed().shared()
    }

    /// Fetches one span; at the end of the object it may come shorter. A server that ignores
    /// ranges gives all of the object.
    async fn fetch(&self, span: Range<u64>, wave: u64) -> Result<(u64, Bytes)> {
        let ticket = Ticket {
            target: Arc::clone(&self.target),
            range: span.clone(),
            wave,
            keys_refused: Arc::default(),
        };
        let mut options = GetOptions::new().with_range(Some(GetRange::Bounded(span.clone())));
        options.extensions.insert(ticket);
        let answered = self.store.get_opts(&self.path, options).await;
        let result = answered.map_err(|error| self.error(&error))?;
        if let Some(Whole(bytes)) = result.extensions.get() {
            return Ok((0, bytes.clone()));
        }
        let bytes = result.bytes().await.map_err(|error| self.error(&error))?;
        Ok((span.start, bytes))
    }

    /// The error of ours that came through `object_store`; any other is about credentials or
    /// the way the store is set up.
    fn error(&self, error: &object_store::Error) -> Error {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = source {
            if let Some(ours) = error.downcast_ref::<Error>() {
                return match ours {
                    Error::Store { url, reason } if *url != self.target.name => Error::Store {
                        url: self.target.name.clone(),
                        reason: format!("no credentials from {url}: {reason}"),
                    },
                    ours => ours.clone(),
                };
            }
            source = error.source();
        }
        Error::Store {
            url: self.target.name.clone(),
            reason: crate::address::printable_message(&chain(error)),
        }
    }
}
