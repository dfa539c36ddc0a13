//! What all requests to one host share.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Tokens at the start, and the most that are held.
const FULL: u32 = 1000;
/// What one retry costs.
const COST: u32 = 10;
/// What one answer brings back: in the long run there is one retry to two answers at most.
const REFUND: u32 = 5;

/// The cap on requests under way, and the budget for retries.
///
/// The budget keeps thousands of failing requests from each being repeated to the end: a host
/// that is down is soon asked no more.
#[derive(Debug)]
pub(crate) struct Host {
    permits: Semaphore,
    tokens: AtomicU32,
    redirects: AtomicBool,
}

impl Host {
    pub(crate) fn new(concurrency: usize) -> Self {
        Self {
            permits: Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            tokens: AtomicU32::new(FULL),
            redirects: AtomicBool::new(false),
        }
    }

    /// Waits for a place; `None` only if the semaphore were closed, which it never is.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// Pays for a retry; `false` if the budget is spent.
    pub(crate) fn spend(&self) -> bool {
        let pay = |tokens: u32| tokens.checked_sub(COST);
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay)
            .is_ok()
    }

    /// Takes note of an answer that could be used.
    pub(crate) fn refund(&self) {
        let earn = |tokens: u32| Some(tokens.saturating_add(REFUND).min(FULL));
        let _ = self
            .tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, earn);
    }

    /// Whether this host has redirected a request for an object.
    pub(crate) fn redirects(&self) -> bool {
        self.redirects.load(Ordering::Relaxed)
    }

    pub(crate) fn set_redirects(&self) {
        self.redirects.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn the_budget_is_spent_and_comes_back() {
        let host = Host::new(1);
        let spent = (0..1000).take_while(|_| host.spend()).count();
        assert_eq!(spent, 100);
        host.refund();
        assert!(!host.spend());
        host.refund();
        assert!(host.spend());
    }
}
