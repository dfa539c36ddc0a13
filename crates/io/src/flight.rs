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
pub(crate) struct Flights(Mutex<Vec<Flight>>);

#[derive(Debug)]
struct Flight {
    range: Range<u64>,
    fetch: WeakShared<BoxFuture<'static, Result<(u64, Bytes)>>>,
}

impl Flights {
    fn flights(&self) -> MutexGuard<'_, Vec<Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a span is being fetched.
    pub(crate) fn add(&self, range: Range<u64>, fetch: &Fetch) {
        if let Some(fetch) = fetch.downgrade() {
            self.flights().push(Flight { range, fetch });
        }
    }

    /// Those under way that bring parts of `missing`, and what none of them brings. Those that
    /// have ended, or that nobody waits for any more, are forgotten.
    pub(crate) fn join(&self, missing: Vec<Range<u64>>) -> (Vec<(u64, Fetch)>, Vec<Range<u64>>) {
        let mut joined = Vec::new();
        let mut ranges = Vec::new();
        let mut flights = self.flights();
        flights.retain(|flight| {
            let Some(fetch) = flight.fetch.upgrade() else {
                return false;
            };
            if fetch.peek().is_some() {
                return false;
            }
            let overlaps = |range: &Range<u64>| {
                range.start < flight.range.end && flight.range.start < range.end
            };
            if missing.iter().any(overlaps) {
                ranges.push(flight.range.clone());
                joined.push((length(&flight.range), fetch));
            }
            true
        });
        drop(flights);
        if joined.is_empty() {
            return (joined, missing);
        }
        let left = outside(&merge(missing, 0, u64::MAX), &merge(ranges, 0, u64::MAX));
        (joined, left)
    }
}
