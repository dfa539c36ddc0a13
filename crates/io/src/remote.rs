//! Objects behind a server.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange};

use crate::cache::{Cache, Cover};
use crate::error::{Error, Result, chain};
use crate::object::check_within;
use crate::pieces::Pieces;
use crate::plan::{merge, split};
use crate::store::Store;
use crate::transport::{Net, Target, Ticket, Whole};

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
    pub(crate) first: tokio::sync::Mutex<()>,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.cache().forget(self.id);
        self.net.heads.learn(&self.target.used());
    }
}

impl Remote {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
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
        let size = self.read_head(self.net.log.wave()).await;
        drop(first);
        size
    }

    /// Reads the start of an object of unknown size, which gives the size.
    async fn read_head(&self, wave: u64) -> Result<u64> {
        let head = 0..self.net.heads.length();
        match self.fetch(head.clone(), wave).await {
            Ok((start, bytes)) => self.cache().insert(self.id, start, bytes),
            Err(Error::PastEnd { size, .. }) => return Ok(size),
            Err(error) => return Err(error),
        }
        self.target.size().ok_or_else(|| Error::Response {
            url: self.target.name.clone(),
            range: head,
            reason: "the answer did not tell the object's size".to_owned(),
        })
    }

    /// Reads one wave.
    pub(crate) async fn read(&self, wants: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.net.heads.note(&mut self.target.used(), wants);
        let mut wave = None;
        let mut first = None;
        if self.target.size().is_none() && wants.iter().any(|want| !want.is_empty()) {
            first = Some(self.first.lock().await);
        }
        if self.target.size().is_none() && first.is_some() {
            // Before much is asked for on the word of a file that may lie, its size must be known.
            let lengths = wants.iter().map(|want| want.end.saturating_sub(want.start));
            let total = lengths.fold(0, u64::saturating_add);
            if total > self.net.options.max_span {
                let number = self.net.log.wave();
                self.read_head(number).await?;
                wave = Some(number);
            }
        }
        if let Some(size) = self.target.size() {
            // Nothing is left for this read to find out: others may go on.
            first = None;
            check_within(&self.target.name, wants, size)?;
        }
        let pieces = self.fill(wants, wave).await?;
        drop(first);
        let bytes = wants.iter().map(|want| {
            pieces.get(want).ok_or_else(|| Error::PastEnd {
                url: self.target.name.clone(),
                range: want.clone(),
                size: self.target.size().unwrap_or_default(),
            })
        });
        bytes.collect()
    }

    /// All that is wanted, from the cache and from the server.
    async fn fill(&self, wants: &[Range<u64>], wave: Option<u64>) -> Result<Pieces> {
        let mut cover = Cover::default();
        let mut hits = 0_u64;
        {
            let mut cache = self.cache();
            for want in wants.iter().filter(|want| !want.is_empty()) {
                let hit = cache.cover(self.id, want, &mut cover);
                hits = hits.saturating_add(u64::from(hit));
            }
        }
        self.net.log.cache_hits(hits);
        let Cover {
            mut pieces,
            missing,
        } = cover;
        if missing.is_empty() {
            return Ok(Pieces::new(pieces));
        }
        let wave = wave.unwrap_or_else(|| self.net.log.wave());
        let spans = self.plan(missing);
        let requests = spans.into_iter().map(|span| self.fetch(span, wave));
        let fetched: Result<Vec<_>> = futures::stream::iter(requests)
            .buffer_unordered(self.net.options.concurrency.max(1))
            .try_collect()
            .await;
        let fetched = match (fetched, self.target.size()) {
            (Ok(fetched), _) => fetched,
            // Named by what was asked for, not by what the plan made of it.
            (Err(past @ Error::PastEnd { .. }), Some(size)) => {
                check_within(&self.target.name, wants, size)?;
                return Err(past);
            }
            (Err(error), _) => return Err(error),
        };
        let mut cache = self.cache();
        for (start, bytes) in fetched {
            cache.insert(self.id, start, bytes.clone());
            pieces.push((start, bytes));
        }
        Ok(Pieces::new(pieces))
    }

    /// The requests for what is missing.
    fn plan(&self, mut missing: Vec<Range<u64>>) -> Vec<Range<u64>> {
        let options = &self.net.options;
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
        let spans = merge(missing, options.merge_gap, options.max_span);
        split(spans, options.max_span)
    }

    /// Fetches one span; at the end of the object it may come shorter. A server that ignores
    /// ranges gives all of the object.
    async fn fetch(&self, span: Range<u64>, wave: u64) -> Result<(u64, Bytes)> {
        let ticket = Ticket {
            target: Arc::clone(&self.target),
            range: span.clone(),
            wave,
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
