//! Requests under way, so that no byte is asked for twice at one time.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, Shared, WeakShared};

use crate::error::Result;
use crate::plan::{length, merge, outside};

/// A span being fetched; it goes on while anyone waits for it.
pub(crate) type Fetch = Shared<BoxFuture<'static, Result<(u64, Bytes)>>>;

/// The spans of one object that are being fetched.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    flights: Mutex<Vec<Flight>>,
    /// Held from looking up what is under way to adding to it.
    planning: Mutex<()>,
}

#[derive(Debug)]
struct Flight {
    range: Range<u64>,
    fetch: WeakShared<BoxFuture<'static, Result<(u64, Bytes)>>>,
}

/// What a read can wait for that was asked for by others.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// Each with its length.
    pub(crate) fetches: Vec<(u64, Fetch)>,
    /// What none of them brings; `None`: all that is wanted.
    pub(crate) left: Option<Vec<Range<u64>>>,
}

impl Flights {
    fn flights(&self) -> MutexGuard<'_, Vec<Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one read plan at a time.
    pub(crate) fn planning(&self) -> MutexGuard<'_, ()> {
        self.planning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a span is being fetched.
    pub(crate) fn add(&self, range: Range<u64>, fetch: &Fetch) {
        if let Some(fetch) = fetch.downgrade() {
            self.flights().push(Flight { range, fetch });
        }
    }

    /// Finds those under way that bring parts of what is wanted. Those that have ended, or that
    /// nobody waits for any more, are forgotten.
    pub(crate) fn join(&self, wants: &[Range<u64>]) -> Joined {
        let mut joined = Vec::new();
        let mut ranges = Vec::new();
        self.flights().retain(|flight| {
            let Some(fetch) = flight.fetch.upgrade() else {
                return false;
            };
            if fetch.peek().is_some() {
                return false;
            }
            let Range { start, end } = flight.range;
            if wants
                .iter()
                .any(|want| want.start < end && start < want.end)
            {
                ranges.push(flight.range.clone());
                joined.push((length(&flight.range), fetch));
            }
            true
        });
        if joined.is_empty() {
            return Joined::default();
        }
        let wants = merge(wants.to_vec(), 0, u64::MAX);
        let left = outside(&wants, &merge(ranges, 0, u64::MAX));
        Joined {
            fetches: joined,
            left: Some(left),
        }
    }
}
