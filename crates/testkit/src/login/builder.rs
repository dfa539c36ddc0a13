//! How the servers are built, and how they behave.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::state::State;
use super::{LoginPlace, LoginRefusal, LoginServer, Shared};
use crate::content::Content;
use crate::serving::{self, Running};

/// Answers whom the archive knows: with a status and a body, for the name of a user.
type Guarded = Arc<dyn Fn(&str) -> (u16, String) + Send + Sync>;

/// How the servers behave.
pub(super) struct Rules {
    pub(super) takes_tokens: bool,
    pub(super) redirect: StatusCode,
    pub(super) token_lifetime: Duration,
    pub(super) cookie_lifetime: Duration,
    pub(super) signature_lifetime: Duration,
    /// How far its clock is before (or behind) the machine's, in seconds.
    pub(super) clock: i64,
    pub(super) latency: Duration,
    pub(super) guarded: Vec<(String, Guarded)>,
}

/// Builds a [`LoginServer`].
#[must_use]
pub struct LoginServerBuilder {
    users: Vec<(String, String)>,
    content: Content,
    root: Option<PathBuf>,
    refusal: Option<LoginRefusal>,
    rules: Rules,
}

impl Default for LoginServerBuilder {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self {
            users: Vec::new(),
            content: Content::default(),
            root: None,
            refusal: None,
            rules: Rules {
                takes_tokens: true,
                redirect: StatusCode::SEE_OTHER,
                token_lifetime: day.saturating_mul(60),
                cookie_lifetime: day,
                signature_lifetime: day,
                clock: 0,
                latency: Duration::ZERO,
                guarded: Vec::new(),
            },
        }
    }
}

impl LoginServerBuilder {
    /// Knows this user.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// Has these bytes under this name in the archive.
    pub fn object(mut self, name: &str, bytes: impl Into<Bytes>) -> Self {
        self.content.put(name, bytes.into());
        self
    }

    /// Has the files under this folder in the archive.
    pub fn root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.root = Some(folder.into());
        self
    }

    /// Answers at this path of the archive whom it knows: as an endpoint for credentials of S3 does.
    pub fn guarded(
        mut self,
        path: &str,
        answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        self.rules.guarded.push((path.to_owned(), Arc::new(answer)));
        self
    }

    /// Whether the archive takes tokens, or sends everybody to the login service (default yes).
    pub fn takes_tokens(mut self, takes: bool) -> Self {
        self.rules.takes_tokens = takes;
        self
    }

    /// The status of the archive's redirects to the login service and to the data (default 303).
    ///
    /// # Panics
    ///
    /// If this is no status.
    pub fn redirect(mut self, status: u16) -> Self {
        self.rules.redirect = StatusCode::from_u16(status).expect("a status");
        self
    }

    /// How long tokens are good (default 60 days).
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.rules.token_lifetime = lifetime;
        self
    }

    /// How long cookies are good (default a day).
    pub fn cookie_lifetime(mut self, lifetime: Duration) -> Self {
        self.rules.cookie_lifetime = lifetime;
        self
    }

    /// How long signed addresses are good (default a day).
    pub fn signature_lifetime(mut self, lifetime: Duration) -> Self {
        self.rules.signature_lifetime = lifetime;
        self
    }

    /// Sets the servers' clock so many seconds before this machine's (negative: behind it).
    pub fn clock(mut self, seconds: i64) -> Self {
        self.rules.clock = seconds;
        self
    }

    /// Waits this long before each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.rules.latency = latency;
        self
    }

    /// Refuses whom it knows.
    pub fn refusal(mut self, refusal: LoginRefusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// Starts the servers from async code.
    ///
    /// # Panics
    ///
    /// As [`start_blocking`](Self::start_blocking).
    pub async fn start(self) -> LoginServer {
        serving::from_async(|| self.start_blocking()).await
    }

    /// Starts the servers on threads of their own; they stop when the handle is dropped.
    ///
    /// # Panics
    ///
    /// If no ports can be had, or the root is not a folder.
    pub fn start_blocking(mut self) -> LoginServer {
        if let Some(root) = &self.root {
            assert!(self.content.set_root(root), "{}: no folder", root.display());
        }
        let places = [LoginPlace::Login, LoginPlace::Archive, LoginPlace::Cloud];
        let listening = places.map(|place| (place, serving::listen(0)));
        let shared = Arc::new(Shared {
            addresses: listening.each_ref().map(|(_, (_, address))| *address),
            rules: self.rules,
            content: self.content,
            state: State::new(self.users, self.refusal),
        });
        let running = Running::start("login-server", {
            let shared = Arc::clone(&shared);
            move || async move {
                for (place, (listener, _)) in listening {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(serving::answer(listener, move |request| {
                        let shared = Arc::clone(&shared);
                        async move { shared.answer(place, request).await }
                    }));
                }
                std::future::pending::<()>().await;
            }
        });
        LoginServer {
            shared,
            _running: running,
        }
    }
}

/// Without users and passwords.
impl fmt::Debug for LoginServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginServerBuilder").finish_non_exhaustive()
    }
}
