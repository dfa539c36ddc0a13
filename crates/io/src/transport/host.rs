//! What all requests to one host share.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, MutexGuard as TurnGuard, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::options::ClientOptions;

/// What one retry costs.
const COST: u32 = 2;
/// What one answer brings back: in the long run there is one retry to two answers at most.
const REFUND: u32 = 1;
/// Requests to a host that asked one of them to come back later wait for that, but not longer: it
/// may have meant only that one.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// The cap on requests under way, the budget for retries, and the pause that a host asked for.
///
/// The budget keeps thousands of failing requests from each being repeated to the end: a host
/// that is down is soon asked no more. The pause keeps those that wait for their turn from running
/// into the same refusal.
#[derive(Debug)]
pub(crate) struct Host {
    permits: Semaphore,
    full: u32,
    tokens: AtomicU32,
    held_until: Mutex<Option<Instant>>,
    redirects: AtomicBool,
    /// Held by the one request that the host has sent to log in.
    log_in: Turn<()>,
}

impl Host {
    pub(crate) fn new(options: &ClientOptions) -> Self {
        let full = options.retry_budget.saturating_mul(COST);
        Self {
            permits: Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            full,
            tokens: AtomicU32::new(full),
            held_until: Mutex::default(),
            redirects: AtomicBool::new(false),
            log_in: Turn::new(()),
        }
    }

    /// Waits for a place; `None` only if the semaphore were closed, which it never is.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.permits.acquire().await.ok();
        loop {
            let held = *self.held();
            match held {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return permit,
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Instant>> {
        self.held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets no request go out for so long, as the host has too many.
    pub(crate) fn hold(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait.min(LONGEST_HOLD));
        let mut held = self.held();
        *held = (*held).max(until);
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
        let earn = |tokens: u32| Some(tokens.saturating_add(REFUND).min(self.full));
        let _ = self
            .tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, earn);
    }

    /// Whether this host has redirected a request for an object.
    pub(crate) fn redirects(&self) -> bool {
        self.redirects.load(Ordering::Relaxed)
    }

    /// Waits until no other request of this host is logging in.
    pub(crate) async fn log_in(&self) -> TurnGuard<'_, ()> {
        self.log_in.lock().await
    }

    pub(crate) fn set_redirects(&self) {
        self.redirects.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, LONGEST_HOLD};
    use crate::options::ClientOptions;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn the_budget_is_spent_and_comes_back() {
        let host = Host::new(&ClientOptions::default().with_retry_budget(100));
        let spent = (0..1000).take_while(|_| host.spend()).count();
        assert_eq!(spent, 100);
        host.refund();
        assert!(!host.spend());
        host.refund();
        assert!(host.spend());
    }

    #[tokio::test]
    async fn a_pause_is_kept_and_bounded() {
        let host = Host::new(&ClientOptions::default().with_concurrency(2));
        let started = Instant::now();
        host.hold(Duration::from_millis(60));
        // A shorter one does not end it.
        host.hold(Duration::from_millis(1));
        host.enter().await;
        assert!(started.elapsed() >= Duration::from_millis(60));
        host.hold(Duration::MAX);
        let until = host.held().unwrap();
        assert!(until <= Instant::now() + LONGEST_HOLD);
    }
}
