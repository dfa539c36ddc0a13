//! What the requests of one object share.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use url::Url;

use crate::error::Result;
use crate::head::Used;
use crate::pin::Pin;

/// One remote object: its pin, where it was redirected to, and the login of its URL.
pub(crate) struct Target {
    /// The URL as it may be printed.
    pub(crate) name: String,
    /// User and password that the URL held.
    pub(crate) login: Option<(String, String)>,
    /// Whether it lies in a bucket, whose store signs requests.
    pub(crate) in_bucket: bool,
    state: Mutex<State>,
    used: Mutex<Used>,
    /// Held by the one request that finds out where the object is redirected to.
    pub(crate) resolving: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    pin: Pin,
    /// Whether an answer was compared with the pin.
    is_seen: bool,
    route: Option<Url>,
    ignores_range: bool,
    region: Option<String>,
}

impl Target {
    /// An object of which so much is known.
    pub(crate) fn new(name: String, login: Option<(String, String)>, pin: Pin) -> Self {
        let state = State {
            pin,
            ..State::default()
        };
        Self {
            name,
            login,
            in_bucket: false,
            state: Mutex::new(state),
            used: Mutex::default(),
            resolving: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn in_bucket(name: String, pin: Pin) -> Self {
        Self {
            in_bucket: true,
            ..Self::new(name, None, pin)
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pin(&self) -> Pin {
        self.state().pin.clone()
    }

    pub(crate) fn size(&self) -> Option<u64> {
        self.state().pin.size
    }

    /// Takes in what an answer says of the object, or finds that the object has changed.
    pub(crate) fn agree(&self, now: Pin) -> Result<()> {
        let mut state = self.state();
        state.pin.agree(&self.name, now)?;
        state.is_seen = true;
        Ok(())
    }

    /// Whether any answer has told of the object.
    pub(crate) fn is_seen(&self) -> bool {
        self.state().is_seen
    }

    /// Where the object was last found, after redirects if there were any.
    pub(crate) fn route(&self) -> Option<Url> {
        self.state().route.clone()
    }

    pub(crate) fn remember(&self, url: &Url) {
        self.state().route = Some(url.clone());
    }

    /// Forgets this route, unless another has come in its place.
    pub(crate) fn forget(&self, url: &Url) {
        let mut state = self.state();
        if state.route.as_ref() == Some(url) {
            state.route = None;
        }
    }

    /// Whether the server was seen to answer with the whole object.
    pub(crate) fn ignores_range(&self) -> bool {
        self.state().ignores_range
    }

    pub(crate) fn set_ignores_range(&self) {
        self.state().ignores_range = true;
    }

    /// What was used of the object's start.
    pub(crate) fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The region that a server has named as the bucket's.
    pub(crate) fn region(&self) -> Option<String> {
        self.state().region.clone()
    }

    pub(crate) fn set_region(&self, region: &str) {
        self.state().region = Some(region.to_owned());
    }
}

/// Without the login and the redirect, which may be signed.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("pin", &self.pin())
            .finish_non_exhaustive()
    }
}
