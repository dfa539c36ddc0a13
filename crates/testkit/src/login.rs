//! A login service like NASA's Earthdata Login, an archive behind it, and the cloud that holds its
//! data.
//!
//! The whole way of a request: the archive sends those that it does not know to the login service
//! (`/oauth/authorize`), which sends whom it knows back with a code (`/login?code=`), for which the
//! archive sets a cookie and sends them to the data; these lie elsewhere, at a signed address that does
//! not want to hear who asks.

mod archive;
mod builder;
mod exchange;
mod service;
mod state;
mod token;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use crate::content::Content;
use crate::serving::Running;
pub use builder::LoginServerBuilder;
use builder::Rules;
use exchange::Asked;
use state::State;

pub use state::{LoginPlace, LoginRefusal, LoginRequest};

/// What the three servers share.
struct Shared {
    addresses: [SocketAddr; 3],
    rules: Rules,
    content: Content,
    state: State,
}

impl Shared {
    /// `http://127.0.0.1:port` of a server.
    fn url(&self, place: LoginPlace) -> String {
        let at = match place {
            LoginPlace::Login => 0,
            LoginPlace::Archive => 1,
            LoginPlace::Cloud => 2,
        };
        format!("http://{}", self.addresses[at])
    }

    /// Seconds since 1970, as the servers' clock has it.
    fn now(&self) -> i64 {
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
        let asked = Asked::of(&parts);
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
