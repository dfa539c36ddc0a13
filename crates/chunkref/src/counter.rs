//! How far long work is.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what is done of a whole, for those who show it while the work goes on.
#[derive(Debug, Default)]
pub struct Counter {
    done: AtomicU64,
    total: AtomicU64,
}

impl Counter {
    /// Nothing done, of a whole that is not known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is done, and of how many.
    pub fn get(&self) -> (u64, u64) {
        (
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
        )
    }

    pub(crate) fn add(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
    }

    pub(crate) fn expect(&self, more: u64) {
        self.total.fetch_add(more, Ordering::Relaxed);
    }
}
