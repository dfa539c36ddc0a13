//! A login service like NASA's Earthdata Login, an archive behind it, and the cloud that holds its
//! data.
//!
//! The whole way of a request: the archive sends those that it does not know to the login service
//! (`/oauth/authorize`), which sends whom it knows back with a code (`/login?code=`), for which the
//! archive sets a cookie and sends them to the data; these lie elsewhere, at a signed address that does
//! not want to hear who asks.

mod archive;
mod service;
mod state;
mod token;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use crate::content::Content;
use crate::serving::{self, Running, header};
use state::State;

pub use state::{LoginPlace, LoginRefusal, LoginRequest};

/// Answers whom the archive knows: with a status and a body, for the name of a user.
type Guarded = Arc<dyn Fn(&str) -> (u16, String) + Send + Sync>;

/// How the servers behave.
pub(crate) struct Rules {
    pub(crate) takes_tokens: bool,
    pub(crate) redirect: StatusCode,
    pub(crate) token_lifetime: Duration,
    pub(crate) cookie_lifetime: Duration,
    pub(crate) signature_lifetime: Duration,
    /// How far its clock is before (or behind) the machine's, in seconds.
    pub(crate) clock: i64,
    pub(crate) latency: Duration,
    pub(crate) guarded: Vec<(String, Guarded)>,
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

/// What the three servers share.
pub(crate) struct Shared {
    addresses: [SocketAddr; 3],
    pub(crate) rules: Rules,
    pub(crate) content: Content,
    pub(crate) state: State,
}

/// One request, as far as it matters.
pub(crate) struct Asked {
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) range: Option<String>,
}

impl Asked {
    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        let mut fitting = pairs.filter(|(key, _)| key == name);
        fitting.next().map(|(_, value)| value.into_owned())
    }
}

/// Status, headers and body.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn new(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", kind.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
    }

    pub(crate) fn html(status: StatusCode, title: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n"
        );
        Self::new(status, "text/html; charset=utf-8", page)
    }

    pub(crate) fn redirect(status: StatusCode, location: String) -> Self {
        let mut answered = Self::new(status, "text/plain", "");
        answered.headers.push(("location", location));
        answered
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Shared {
    /// `http://127.0.0.1:port` of a server.
    pub(crate) fn url(&self, place: LoginPlace) -> String {
        let at = match place {
            LoginPlace::Login => 0,
            LoginPlace::Archive => 1,
            LoginPlace::Cloud => 2,
        };
        format!("http://{}", self.addresses[at])
    }

    /// Seconds since 1970, as the servers' clock has it.
    pub(crate) fn now(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = now.map_or(0, |now| now.as_secs());
        i64::try_from(seconds).unwrap_or(i64::MAX) + self.rules.clock
    }

    async fn answer(
        &self,
        place: LoginPlace,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, http::Error> {
        tokio::time::sleep(self.rules.latency).await;
        let (parts, body) = request.into_parts();
        let _ = body.collect().await;
        let asked = Asked {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            authorization: header(&parts.headers, "authorization"),
            cookie: header(&parts.headers, "cookie"),
            range: header(&parts.headers, "range"),
        };
        let answered = match place {
            LoginPlace::Login => self.login(&asked),
            LoginPlace::Archive => self.archive(&asked),
            LoginPlace::Cloud => self.cloud(&asked),
        };
        self.state.note(LoginRequest {
            place,
            method: asked.method.to_string(),
            path: asked.path,
            query: asked.query,
            authorization: asked.authorization,
            cookie: asked.cookie,
            status: answered.status.as_u16(),
        });
        let seconds = Duration::from_secs(u64::try_from(self.now()).unwrap_or(0));
        let date = crate::date::http_date(std::time::UNIX_EPOCH + seconds);
        let mut response = Response::builder()
            .status(answered.status)
            .header("date", date);
        for (name, value) in answered.headers {
            response = response.header(name, value);
        }
        response.body(Full::new(answered.body))
    }
}

/// A login service, an archive and a cloud, each on a loopback port of its own.
///
/// Tokens, codes, cookies and signatures that they hand out have `s3cr3t` in them, so that a test can
/// look for them wherever they must not be.
///
/// ```
/// use chunkref_testkit::{LoginPlace, LoginServer};
///
/// let server = LoginServer::builder()
///     .user("someone", "s3cr3t-password")
///     .object("a.h5", vec![7; 1000])
///     .start_blocking();
/// assert!(server.data_url("a.h5").starts_with(&server.url(LoginPlace::Archive)));
/// assert!(server.log().is_empty());
/// ```
pub struct LoginServer {
    shared: Arc<Shared>,
    _running: Running,
}

impl LoginServer {
    /// Servers to be built.
    pub fn builder() -> LoginServerBuilder {
        LoginServerBuilder::default()
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn url(&self, place: LoginPlace) -> String {
        self.shared.url(place)
    }

    /// `127.0.0.1:port`.
    pub fn host(&self, place: LoginPlace) -> String {
        self.url(place).replace("http://", "")
    }

    /// Where an object is asked for.
    pub fn data_url(&self, name: &str) -> String {
        let name = name.trim_start_matches('/');
        format!("{}/{name}", self.url(LoginPlace::Archive))
    }

    /// All requests since the start or the last [`reset`](Self::reset), in the order in which they were
    /// answered.
    pub fn log(&self) -> Vec<LoginRequest> {
        self.shared.state.log()
    }

    /// The requests to one server.
    pub fn log_of(&self, place: LoginPlace) -> Vec<LoginRequest> {
        let mut log = self.log();
        log.retain(|request| request.place == place);
        log
    }

    /// Forgets the log.
    pub fn reset(&self) {
        self.shared.state.reset();
    }

    /// A token of a user, as if it had been made by hand.
    pub fn token(&self, user: &str) -> String {
        self.shared.create_token(user)
    }

    /// All tokens that were handed out, good or not.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.state.tokens()
    }

    /// Makes all tokens so far bad.
    pub fn revoke_tokens(&self) {
        self.shared.state.revoke_tokens();
    }

    /// Makes all cookies so far bad.
    pub fn end_sessions(&self) {
        self.shared.state.end_sessions();
    }

    /// Makes all signed addresses so far bad.
    pub fn end_signatures(&self) {
        self.shared.state.end_signatures();
    }

    /// Refuses whom it knows, or no longer.
    pub fn set_refusal(&self, refusal: Option<LoginRefusal>) {
        self.shared.state.set_refusal(refusal);
    }
}

impl fmt::Debug for LoginServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginServer")
            .field("addresses", &self.shared.addresses)
            .finish_non_exhaustive()
    }
}

/// Without users and passwords.
impl fmt::Debug for LoginServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginServerBuilder").finish_non_exhaustive()
    }
}
