//! One wave: what is wanted at one time, handed over as it comes.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::OwnedMutexGuard;

use crate::cache::Cover;
use crate::error::{Error, Result};
use crate::flight::Fetch;
use crate::hint::Hint;
use crate::local::Local;
use crate::log::WaveRecord;
use crate::object::check_within;
use crate::plan::{Means, around, head, in_pages, length, merge};
use crate::remote::Remote;

/// What is asked for in one wave. Only the ranges wanted are sure to come.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// Ranges of the object; they may overlap.
    pub wants: &'a [Range<u64>],
    /// What is likely to be wanted later: it comes along if that is cheap. Of no use with local
    /// files.
    pub hints: Vec<Hint>,
    /// What lies around it.
    pub around: Around,
    /// What is wanted, in words, for the log.
    pub what: String,
}

/// What lies around that which is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Around {
    /// Nothing that is likely to be wanted.
    #[default]
    Nothing,
    /// What belongs to it, often.
    More,
    /// Pages of so many bytes that hold nothing else, filled from their start.
    Pages(u64),
}

/// A span of the object: where it starts, and its bytes.
pub type Piece = (u64, Bytes);

/// A wave under way. Dropped early, it gives up what has not come.
pub struct Wave(Inner);

enum Inner {
    Local(Arc<Local>, Vec<Range<u64>>),
    Remote(Box<RemoteWave>),
    Done,
}

impl Wave {
    pub(crate) fn local(local: Arc<Local>, wants: &[Range<u64>]) -> Self {
        Self(Inner::Local(local, wants.to_vec()))
    }

    pub(crate) fn remote(wave: RemoteWave) -> Self {
        Self(Inner::Remote(Box::new(wave)))
    }

    /// The next spans that have come, in no order; `None` once all that is wanted has. Together
    /// they hold all that is wanted, and more; no byte comes twice, except where a server ignores
    /// ranges.
    ///
    /// # Errors
    ///
    /// If any range can't be read, or shows that the object has changed since it was first read.
    pub async fn next(&mut self) -> Result<Option<Vec<Piece>>> {
        match &mut self.0 {
            Inner::Local(local, wants) => {
                let wants = std::mem::take(wants);
                let read = local.read(&wants).await?;
                self.0 = Inner::Done;
                let pieces = wants.iter().zip(read);
                Ok(Some(
                    pieces.map(|(want, bytes)| (want.start, bytes)).collect(),
                ))
            }
            Inner::Remote(wave) => wave.next().await,
            Inner::Done => Ok(None),
        }
    }

    /// What is fetched for it; nothing of a local file.
    pub fn fetched(&self) -> &[Range<u64>] {
        match &self.0 {
            Inner::Remote(wave) => &wave.fetched,
            Inner::Local(..) | Inner::Done => &[],
        }
    }

    /// The hints that did not come along.
    pub fn hints_left(&mut self) -> Vec<Hint> {
        match &mut self.0 {
            Inner::Remote(wave) => std::mem::take(&mut wave.hints),
            Inner::Local(..) | Inner::Done => Vec::new(),
        }
    }
}

impl fmt::Debug for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wave").finish_non_exhaustive()
    }
}

fn total(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(length).fold(0, u64::saturating_add)
}

/// The spans in the cache that have some of what is wanted, and what none of them has.
fn look_up(remote: &Remote, wants: &[Range<u64>]) -> (Vec<Piece>, Vec<Range<u64>>) {
    let mut cover = Cover::default();
    let mut found = 0_u64;
    let mut cache = remote.cache();
    for want in wants.iter().filter(|want| !want.is_empty()) {
        let is_there = cache.cover(remote.id, want, &mut cover);
        found = found.saturating_add(u64::from(is_there));
    }
    drop(cache);
    remote.net.log.cache_hits(found);
    let mut pieces = cover.pieces;
    pieces.sort_unstable_by_key(|(start, _)| *start);
    pieces.dedup_by_key(|(start, _)| *start);
    (pieces, merge(cover.missing, 0, u64::MAX))
}

/// The requests for what is missing, and for what comes along.
fn spans(
    remote: &Remote,
    missing: &[Range<u64>],
    hints: &mut Vec<Hint>,
    lies_around: Around,
) -> Vec<Range<u64>> {
    let (options, cost) = (&remote.net.options, &remote.net.cost);
    let wider = match (lies_around, remote.target.size()) {
        (Around::More, Some(size)) => {
            let head = head(missing, remote.head.load(Ordering::Relaxed), size);
            let mut wider = around(missing, cost.around(options), size);
            wider.extend(head);
            merge(wider, 0, u64::MAX)
        }
        (Around::Pages(page), Some(size)) => in_pages(missing, page, size),
        _ => Vec::new(),
    };
    let mut wanted = missing.to_vec();
    let size = remote.target.size().unwrap_or(0);
    let mut cache = remote.cache();
    // A hint may be wrong, and what is not there can't be read.
    hints.retain(|hint| {
        let known = hint.places <= 1 && cache.holds(remote.id, &hint.range);
        !known && hint.range.end <= size
    });
    // Only by what is not held yet.
    let mut cover = Cover::default();
    for range in &wider {
        cache.cover(remote.id, range, &mut cover);
    }
    drop(cache);
    wanted.extend(cover.missing);
    let means = Means {
        gap: cost.gap(options),
        max_span: options.max_span,
        part: cost.part(options),
        concurrency: options.concurrency.max(1),
        hint_bytes: options.head_read.max(total(missing)),
    };
    remote.spans(wanted, hints, means)
}

/// Whether a span shares a byte with any of these, which are sorted and apart.
fn overlaps(ranges: &[Range<u64>], span: &Range<u64>) -> bool {
    let first = ranges.partition_point(|range| range.end <= span.start);
    ranges
        .get(first)
        .is_some_and(|range| range.start < span.end)
}

/// A wave of a remote object.
pub(crate) struct RemoteWave {
    remote: Arc<Remote>,
    wants: Vec<Range<u64>>,
    hints: Vec<Hint>,
    fetched: Vec<Range<u64>>,
    /// What was in the cache.
    at_hand: Vec<Piece>,
    waiting: VecDeque<(u64, Fetch)>,
    running: FuturesUnordered<BoxFuture<'static, (u64, Result<Piece>)>>,
    in_flight: u64,
    /// Held while this wave finds out the size.
    first: Option<OwnedMutexGuard<()>>,
    started: Instant,
    record: WaveRecord,
}

impl RemoteWave {
    /// Looks up what is in the cache and plans the rest. `number` is that of the wave, if it has
    /// fetched something already.
    pub(crate) fn new(
        remote: &Arc<Remote>,
        ask: Ask<'_>,
        number: Option<u64>,
        first: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        // Until what is planned here is known to be under way.
        let planning = remote.flights.planning();
        let joined = remote.flights.join(ask.wants);
        // What has just come is no longer under way, but in the cache.
        let (at_hand, missing) = look_up(remote, joined.left.as_deref().unwrap_or(ask.wants));
        let mut hints = ask.hints;
        let spans = if missing.is_empty() {
            Vec::new()
        } else {
            spans(remote, &missing, &mut hints, ask.around)
        };
        let number = match number {
            None if !spans.is_empty() => remote.net.log.wave(),
            number => number.unwrap_or(0),
        };
        let record = WaveRecord {
            number,
            url: remote.target.name.clone(),
            what: ask.what,
            wanted: total(ask.wants),
            missing: total(&missing),
            requests: spans.clone(),
            took: Duration::ZERO,
        };
        // What others depend on comes first.
        let mut order = spans.clone();
        order.sort_by_key(|span| !overlaps(&missing, span));
        let mut waiting: VecDeque<_> = joined.fetches.into();
        for span in order {
            let fetch = Arc::clone(remote).fetch_once(span.clone(), number);
            remote.flights.add(span.clone(), &fetch);
            waiting.push_back((length(&span), fetch));
        }
        drop(planning);
        Self {
            remote: Arc::clone(remote),
            wants: ask.wants.to_vec(),
            hints,
            fetched: spans,
            at_hand,
            waiting,
            running: FuturesUnordered::new(),
            in_flight: 0,
            first,
            started: Instant::now(),
            record,
        }
    }

    /// Starts as many requests as may be under way.
    fn start(&mut self) {
        let options = &self.remote.net.options;
        while let Some((bytes, fetch)) = self.waiting.pop_front() {
            let total = self.in_flight.saturating_add(bytes);
            let full =
                self.running.len() >= options.concurrency.max(1) || total > options.in_flight_bytes;
            if full && !self.running.is_empty() {
                self.waiting.push_front((bytes, fetch));
                return;
            }
            self.in_flight = total;
            self.running
                .push(fetch.map(move |fetched| (bytes, fetched)).boxed());
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Piece>>> {
        self.start();
        let mut pieces = std::mem::take(&mut self.at_hand);
        if pieces.is_empty() {
            let Some(done) = self.running.next().await else {
                self.end();
                return Ok(None);
            };
            pieces.push(self.take(done)?);
        }
        // What else has come by now; this also sets going what was started.
        while let Some(Some(done)) = self.running.next().now_or_never() {
            pieces.push(self.take(done)?);
        }
        Ok(Some(pieces))
    }

    fn take(&mut self, (bytes, fetched): (u64, Result<Piece>)) -> Result<Piece> {
        self.in_flight = self.in_flight.saturating_sub(bytes);
        self.start();
        fetched.map_err(|error| self.named(error))
    }

    /// The error, named by what was asked for, not by what the plan made of it.
    fn named(&self, error: Error) -> Error {
        match (&error, self.remote.target.size()) {
            (Error::PastEnd { .. }, Some(size)) => {
                let within = check_within(&self.remote.target.name, &self.wants, size);
                within.err().unwrap_or(error)
            }
            _ => error,
        }
    }

    fn end(&mut self) {
        self.first = None;
        if !self.record.requests.is_empty() {
            self.record.took = self.started.elapsed();
            let record = std::mem::take(&mut self.record);
            self.remote.net.log.wave_ended(record);
        }
    }
}
