//! The keys of one endpoint: held, renewed by one task at a time, and shared by all.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chunkref_io::{AwsCredential, BucketKeys, Client, Url};

use super::answer::{self, Answer};
use super::lifetime::{Lifetime, jitter};

/// An endpoint that gave no keys is not asked again before this.
const PATIENCE: Duration = Duration::from_secs(10);
/// Keys that are refused though they should be good are renewed at once, and then only after a wait
/// that doubles up to this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Keys that are good for less are not taken to have ended, but to be no good.
const SHORTEST: Duration = Duration::from_secs(2);

/// Asks an endpoint for keys.
#[async_trait]
pub(super) trait Ask: Send + Sync {
    async fn ask(&self, endpoint: &Url) -> Result<Answer, String>;

    /// The moment, by a clock that only goes forward.
    fn now(&self) -> Instant {
        Instant::now()
    }
}

#[async_trait]
impl Ask for Client {
    async fn ask(&self, endpoint: &Url) -> Result<Answer, String> {
        answer::ask(self, endpoint).await
    }
}

/// The keys of an endpoint.
pub(super) struct EndpointKeys {
    endpoint: Url,
    asker: Arc<dyn Ask>,
    region: Mutex<Option<String>>,
    state: Mutex<State>,
    /// Held by the one task that renews.
    turn: tokio::sync::Mutex<()>,
    jitter: f64,
    renewals: AtomicU64,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// When the endpoint last gave none, and why.
    failed: Option<(Instant, String)>,
    /// How often in a row keys were renewed because they were refused though they should be good.
    refused_early: u32,
    /// How long keys were found to be good whose lifetime could only be guessed.
    observed: Option<Duration>,
}

struct Held {
    keys: Arc<AwsCredential>,
    /// When they were asked for.
    since: Instant,
    renewal: Instant,
    end: Instant,
    is_assumed: bool,
}

/// What is held at a moment.
enum Now {
    Good(Arc<AwsCredential>),
    /// Still good, but to be renewed.
    Due(Arc<AwsCredential>),
    None,
}

impl EndpointKeys {
    pub(super) fn new(endpoint: Url, asker: Arc<dyn Ask>) -> Self {
        Self {
            endpoint,
            asker,
            region: Mutex::default(),
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            jitter: jitter(),
            renewals: AtomicU64::new(0),
        }
    }

    /// How often keys were had from it.
    pub(super) fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// Takes note of the region of its buckets. What was said first stays.
    pub(super) fn set_region(&self, region: &str) {
        let mut known = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| region.to_owned());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Now {
        let now = self.asker.now();
        match &self.state().held {
            Some(held) if now < held.renewal => Now::Good(Arc::clone(&held.keys)),
            Some(held) if now < held.end => Now::Due(Arc::clone(&held.keys)),
            _ => Now::None,
        }
    }

    /// Why it gave no keys a moment ago.
    fn failed(&self) -> Option<String> {
        let state = self.state();
        let (at, reason) = state.failed.as_ref()?;
        let waited = self.asker.now().saturating_duration_since(*at);
        (waited < PATIENCE).then(|| reason.clone())
    }

    /// Asks for keys. Only who has the turn does this.
    async fn renew(&self) -> Result<Arc<AwsCredential>, String> {
        let since = self.asker.now();
        let answered = self.asker.ask(&self.endpoint).await;
        let answered = answered.and_then(|answer| {
            let now = DateTime::<Utc>::from(SystemTime::now());
            let lifetime = Lifetime::new(answer.expiration, answer.date, now)?;
            Ok((answer.keys, lifetime))
        });
        let mut state = self.state();
        match answered {
            Ok((keys, mut lifetime)) => {
                if let (true, Some(observed)) = (lifetime.is_assumed, state.observed) {
                    lifetime.length = lifetime.length.min(observed);
                }
                let keys = Arc::new(keys);
                let after = |wait| since.checked_add(wait).unwrap_or(since);
                state.held = Some(Held {
                    keys: Arc::clone(&keys),
                    since,
                    renewal: after(lifetime.renewal(self.jitter)),
                    end: after(lifetime.length),
                    is_assumed: lifetime.is_assumed,
                });
                state.failed = None;
                drop(state);
                self.renewals.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(
                    endpoint = %self.endpoint,
                    seconds = lifetime.length.as_secs(),
                    "temporary keys were had"
                );
                Ok(keys)
            }
            Err(reason) => {
                let reason = format!("no temporary keys from {}: {reason}", self.endpoint);
                state.failed = Some((self.asker.now(), reason.clone()));
                Err(reason)
            }
        }
    }

    /// Puts off the renewal of keys that are still good: a quarter of the time that is left.
    fn put_off(&self) {
        let now = self.asker.now();
        if let Some(held) = &mut self.state().held {
            let left = held.end.saturating_duration_since(now);
            let quarter = left.checked_div(4).unwrap_or_default();
            let wait = quarter.max(Duration::from_secs(1));
            held.renewal = now.checked_add(wait).unwrap_or(held.end).min(held.end);
        }
    }

    /// Whether keys that are refused may be renewed now; takes note if it is too early for them to be.
    fn may_renew(&self) -> bool {
        let mut state = self.state();
        let State {
            held: Some(held),
            refused_early,
            observed,
            ..
        } = &mut *state
        else {
            return true;
        };
        let lived = self.asker.now().saturating_duration_since(held.since);
        if held.is_assumed && lived >= SHORTEST {
            // Now it is known how long they are good.
            *observed = Some(lived);
            *refused_early = 0;
            return true;
        }
        let should = held.end.saturating_duration_since(held.since);
        if lived >= should.checked_div(2).unwrap_or_default() {
            *refused_early = 0;
            return true;
        }
        let wait = match *refused_early {
            0 => Duration::ZERO,
            times => Duration::from_secs(1_u64.checked_shl(times).unwrap_or(u64::MAX)),
        };
        if lived < wait.min(LONGEST_WAIT) {
            return false;
        }
        *refused_early = refused_early.saturating_add(1);
        true
    }
}

#[async_trait]
impl BucketKeys for EndpointKeys {
    async fn get(&self) -> Result<Arc<AwsCredential>, String> {
        match self.now() {
            Now::Good(keys) => return Ok(keys),
            Now::Due(keys) => {
                // One renews; the others go on with those that are still good.
                let Ok(_turn) = self.turn.try_lock() else {
                    return Ok(keys);
                };
                if let Now::Good(keys) = self.now() {
                    return Ok(keys);
                }
                return match self.renew().await {
                    Ok(keys) => Ok(keys),
                    Err(reason) => {
                        tracing::debug!("{reason}; those that are held are still good");
                        self.put_off();
                        Ok(keys)
                    }
                };
            }
            Now::None => {}
        }
        let _turn = self.turn.lock().await;
        match self.now() {
            Now::Good(keys) | Now::Due(keys) => Ok(keys),
            Now::None => match self.failed() {
                // Who waited for one that was refused is refused with it.
                Some(reason) => Err(reason),
                None => self.renew().await,
            },
        }
    }

    async fn refused(&self, keys: &AwsCredential) -> bool {
        let _turn = self.turn.lock().await;
        let is_held = {
            let state = self.state();
            let held = state.held.as_ref();
            held.is_some_and(|held| *held.keys == *keys)
        };
        if !is_held {
            // They were renewed while others waited, or will be.
            return true;
        }
        if !self.may_renew() || self.failed().is_some() {
            return false;
        }
        if self.renew().await.is_err() {
            // Who asks once more is told why there are none.
            self.state().held = None;
        }
        true
    }

    fn region(&self) -> Option<String> {
        let known = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

/// Without the keys.
impl fmt::Debug for EndpointKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointKeys")
            .field("endpoint", &self.endpoint.as_str())
            .field("region", &self.region())
            .field("renewals", &self.renewals())
            .finish_non_exhaustive()
    }
}
