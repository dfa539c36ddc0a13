//! The login service: tokens are found or created, and shared by all tasks.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chunkref_io::{
    Client, ClientOptions, HeaderValue, Request, Response, Url, basic_authorization,
};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

use super::source::{Credentials, NETRC};
use super::token::{self, Token};
use super::{LoginError, LoginService, LoginSources, Secret, Source, netrc};
use crate::answer::{without, words};

/// After a failure the service is asked again when so much time has passed, and not by each task.
const PAUSE: Duration = Duration::from_secs(30);
/// A token that is refused so soon after the one before it will not be bettered by another.
const FRESH: Duration = Duration::from_secs(10);

/// Who asks, as the login service of one of Earthdata's systems knows them. Clones are cheap and share
/// the token.
///
/// Nothing is read or asked for before it is needed. A token is found or created through the one call
/// that the service has for that; none is ever revoked.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use chunkref_earthdata::{EarthdataAuthority, Login, LoginSources, System};
/// use chunkref_io::{Client, ClientOptions};
///
/// let sources = LoginSources::environment();
/// let login = Login::new(System::Prod, sources, ClientOptions::default());
/// let authority = Arc::new(EarthdataAuthority::new(login));
/// let client = Client::new(ClientOptions::default().with_authority(authority));
/// let object = client.open("https://data.nsidc.earthdatacloud.nasa.gov/a.h5").await?;
/// println!("{} bytes", object.size().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Login(Arc<Inner>);

struct Inner {
    service: LoginService,
    sources: LoginSources,
    found: OnceLock<Result<(Credentials, Source), Option<String>>>,
    client: Client,
    held: Mutex<Held>,
}

/// What has come of asking.
#[derive(Default)]
struct Held {
    token: Option<Token>,
    /// When the service was last asked.
    asked: Option<Instant>,
    /// Why it gave no token.
    failed: Option<LoginError>,
    /// When a token was last asked for in place of one that was not accepted.
    replaced: Option<Instant>,
}

/// What the login service calls a token.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    expiration_date: Option<String>,
}

/// A login that was tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The user's name, if it is known.
    pub user: Option<String>,
    /// Where the login is from.
    pub source: Source,
    /// When the token ends, as far as is known (RFC 3339).
    pub token_ends: Option<String>,
    /// A warning about how the login is kept.
    pub warning: Option<String>,
}

impl Login {
    /// The login at a service: that of a [`System`](crate::System), or another one. It is asked with
    /// these options.
    pub fn new(
        service: impl Into<LoginService>,
        sources: LoginSources,
        mut options: ClientOptions,
    ) -> Self {
        // It is this login that says who asks.
        options.authority = None;
        Self(Arc::new(Inner {
            service: service.into(),
            sources,
            found: OnceLock::new(),
            client: Client::new(options),
            held: Mutex::default(),
        }))
    }

    /// The host of the login service: that of its entry in `.netrc`.
    pub fn host(&self) -> &str {
        &self.0.service.host
    }

    /// The URL of a page of the login service.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}/{path}", self.0.service.base)
    }

    /// Whether a URL is one of the login service.
    pub(crate) fn is_at(&self, url: &Url) -> bool {
        url.origin().ascii_serialization() == self.0.service.base
    }

    /// Whether there is a login, good or not.
    pub fn is_found(&self) -> bool {
        self.credentials().is_ok()
    }

    /// What is wrong where there is none.
    pub(crate) fn missing(&self) -> LoginError {
        LoginError::Missing {
            host: self.host().to_owned(),
            remark: self.credentials().err().cloned().flatten(),
        }
    }

    /// Where the login is from, if there is one.
    pub fn source(&self) -> Option<Source> {
        self.credentials().ok().map(|(_, source)| *source)
    }

    /// Whether it is a user with a password, who can be asked for another token.
    pub(crate) fn has_password(&self) -> bool {
        matches!(self.credentials(), Ok((Credentials::User { .. }, _)))
    }

    fn credentials(&self) -> Result<&(Credentials, Source), &Option<String>> {
        let find = || self.0.sources.find(self.host());
        self.0.found.get_or_init(find).as_ref()
    }

    /// The token that is sent to archives; `None` without a login, and where the service gives none.
    pub(crate) async fn token(&self) -> Result<Option<HeaderValue>, LoginError> {
        let Ok((credentials, source)) = self.credentials() else {
            return Ok(None);
        };
        match credentials {
            Credentials::Token(text) => {
                let token = self.own_token(text, *source)?;
                Ok(Some(token.header().clone()))
            }
            Credentials::User { name, password } => {
                let mut held = self.0.held.lock().await;
                if let Some(token) = held.token.as_ref().filter(|token| !token.is_due()) {
                    return Ok(Some(token.header().clone()));
                }
                self.renew(&mut held, name, password, *source).await?;
                Ok(held.token.as_ref().map(|token| token.header().clone()))
            }
        }
    }

    /// A token that was given, not asked for.
    fn own_token(&self, text: &Secret, source: Source) -> Result<Token, LoginError> {
        Token::new(text).ok_or_else(|| self.bad_token(source, "is no token".to_owned()))
    }

    fn bad_token(&self, source_: Source, reason: String) -> LoginError {
        LoginError::Token {
            source_,
            reason,
            page: self.page("profile"),
        }
    }

    /// The `Authorization` for the login service itself: user and password, else the token.
    pub(crate) async fn for_service(&self) -> Result<Option<HeaderValue>, LoginError> {
        let Ok((credentials, source)) = self.credentials() else {
            return Ok(None);
        };
        match credentials {
            Credentials::Token(text) => {
                let token = self.own_token(text, *source)?;
                Ok(Some(token.header().clone()))
            }
            Credentials::User { name, password } => {
                let held = self.0.held.lock().await;
                // A wrong password is not tried again: the service locks out those who do.
                match &held.failed {
                    Some(refused @ LoginError::Refused { .. }) => Err(refused.clone()),
                    _ => Ok(Some(basic_authorization(name, password.expose()))),
                }
            }
        }
    }

    /// Takes note that the service did not accept user and password.
    pub(crate) async fn refused_by_service(&self) {
        if let Ok((Credentials::User { .. }, source)) = self.credentials() {
            let mut held = self.0.held.lock().await;
            held.failed = Some(self.refused_user(*source));
            held.token = None;
        }
    }

    fn refused_user(&self, source_: Source) -> LoginError {
        LoginError::Refused {
            host: self.host().to_owned(),
            source_,
        }
    }

    /// Takes note that an archive did not accept this token, and asks for another, unless that was done
    /// since. `Some(true)`: there is another; `Some(false)`: the service gives the same one, so it is
    /// the archive that takes none; `None`: nothing can be done.
    pub(crate) async fn refused_by_archive(&self, sent: &HeaderValue) -> Option<bool> {
        let Ok((Credentials::User { name, password }, source)) = self.credentials() else {
            return None;
        };
        let mut held = self.0.held.lock().await;
        let is_held = held.token.as_ref().is_some_and(|one| one.header() == sent);
        if !is_held {
            return Some(true);
        }
        let now = Instant::now();
        let replaced = held.replaced.replace(now);
        if replaced.is_some_and(|before| now.duration_since(before) < FRESH) {
            return Some(false);
        }
        // What fails is told by the next who asks for the token.
        let token = held.token.take();
        if self
            .renew(&mut held, name, password, *source)
            .await
            .is_err()
        {
            return Some(true);
        }
        let is_same = held.token.as_ref().map(Token::header) == token.as_ref().map(Token::header);
        Some(!is_same)
    }

    /// Asks for a token, unless that has failed a short while ago.
    async fn renew(
        &self,
        held: &mut MutexGuard<'_, Held>,
        name: &str,
        password: &Secret,
        source: Source,
    ) -> Result<(), LoginError> {
        let is_recent = held.asked.is_some_and(|asked| asked.elapsed() < PAUSE);
        let failed = match &held.failed {
            Some(refused @ LoginError::Refused { .. }) => refused.clone(),
            Some(failed) if is_recent => failed.clone(),
            _ => {
                let asked = self.ask(name, password, source).await;
                held.asked = Some(Instant::now());
                match asked {
                    Ok(token) => {
                        tracing::debug!(host = %self.host(), "Earthdata Login gave a token");
                        held.token = Some(token);
                        held.failed = None;
                        return Ok(());
                    }
                    Err(failed) => {
                        tracing::debug!("{failed}");
                        held.failed = Some(failed.clone());
                        failed
                    }
                }
            }
        };
        match failed {
            LoginError::Refused { .. } => Err(failed),
            // The one that is to be renewed may be good for a while.
            _ if held.token.is_some() => Ok(()),
            // Without a token there is still the way through the login service.
            LoginError::Service { status, .. } if status < 500 => Ok(()),
            failed => Err(failed),
        }
    }

    async fn ask(
        &self,
        name: &str,
        password: &Secret,
        source: Source,
    ) -> Result<Token, LoginError> {
        let url = self.page("api/users/find_or_create_token");
        let of_io = unreachable("Earthdata Login");
        let request = Request::post(&url, "application/x-www-form-urlencoded", "")
            .and_then(|request| request.with_header("Accept", "application/json"))
            .and_then(|request| request.with_basic(name, password.expose()))
            .map_err(&of_io)?
            .with_max_answer(64 << 10);
        let response = self.0.client.request(&request).await.map_err(&of_io)?;
        match response.status() {
            200..=299 => {
                let given: Option<Given> = serde_json::from_slice(response.body()).ok();
                let given = given.and_then(|given| {
                    let token = Token::new(&Secret::new(given.access_token))?;
                    let expiration = given.expiration_date.as_deref();
                    Some(token.given(expiration, response.header("date")))
                });
                given.ok_or_else(|| self.odd(&response, "the answer has no token"))
            }
            401 => Err(self.refused_user(source)),
            _ => {
                let is_page = response.body().trim_ascii_start().starts_with(b"<");
                let said = if is_page {
                    "a page of HTML".to_owned()
                } else {
                    words(response.body())
                };
                // A service that repeats what it was told is not to be repeated.
                let said = without(&said, &[password.expose()]);
                Err(self.odd(&response, &said))
            }
        }
    }

    fn odd(&self, response: &Response, words: &str) -> LoginError {
        LoginError::Service {
            host: self.host().to_owned(),
            status: response.status(),
            words: words.to_owned(),
        }
    }

    /// Tries the login: asks the service for a token, or, where a token is all there is, the CMR at
    /// this URL whether it knows it.
    ///
    /// # Errors
    ///
    /// If there is no login, or it is not accepted.
    pub async fn check(&self, cmr_url: &str) -> Result<Checked, LoginError> {
        let Ok((credentials, source)) = self.credentials() else {
            return Err(self.missing());
        };
        let checked = |user: Option<String>, token: &Token| Checked {
            user,
            source: *source,
            token_ends: token
                .ends()
                .map(|ends| ends.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            warning: self.warning(*source),
        };
        match credentials {
            Credentials::User { name, password } => {
                let token = self.ask(name, password, *source).await?;
                let checked = checked(Some(name.clone()), &token);
                let mut held = self.0.held.lock().await;
                held.asked = Some(Instant::now());
                held.token = Some(token);
                Ok(checked)
            }
            Credentials::Token(text) => {
                let token = self.own_token(text, *source)?;
                self.ask_cmr(cmr_url, *source, &token).await?;
                Ok(checked(token.user().map(str::to_owned), &token))
            }
        }
    }

    async fn ask_cmr(
        &self,
        cmr_url: &str,
        source: Source,
        token: &Token,
    ) -> Result<(), LoginError> {
        let of_io = unreachable("CMR");
        let url = format!("{cmr_url}/collections.umm_json?page_size=0");
        let request = Request::get(&url)
            .and_then(|request| request.with_bearer(token.text()))
            .map_err(&of_io)?;
        let response = self.0.client.request(&request).await.map_err(&of_io)?;
        match response.status() {
            200..=299 => Ok(()),
            401 => Err(self.bad_token(source, refusal(token))),
            status => Err(LoginError::Service {
                host: "through CMR".to_owned(),
                status,
                words: without(&words(response.body()), &[token.text()]),
            }),
        }
    }

    fn warning(&self, source: Source) -> Option<String> {
        let path = self.0.sources.netrc().filter(|_| source == Source::Netrc)?;
        netrc::is_open_to_others(path).then(|| {
            format!(
                "{NETRC} can be read by others than its user: chmod 600 it, and change the password"
            )
        })
    }

    /// The token that [`check`](Self::check) has found or that was given.
    ///
    /// # Errors
    ///
    /// If there is none, or the service gives none.
    pub async fn bearer(&self) -> Result<Secret, LoginError> {
        if let Some(header) = self.token().await? {
            return Ok(Secret::new(token::text(&header)));
        }
        let held = self.0.held.lock().await;
        Err(held.failed.clone().unwrap_or_else(|| self.missing()))
    }

    /// Stores user and password as the entry of this service in `.netrc`, and leaves all else there as
    /// it is.
    ///
    /// # Errors
    ///
    /// If the file is not understood, or can't be written.
    pub fn store(&self, user: &str, password: &Secret) -> Result<(), LoginError> {
        let fail = |reason: String| LoginError::Store {
            file: NETRC.to_owned(),
            reason,
        };
        let Some(path) = self.0.sources.netrc() else {
            return Err(fail("no folder for it is known: set NETRC".to_owned()));
        };
        netrc::store(path, self.host(), user, password).map_err(fail)
    }

    /// What is the matter with a token that an archive did not accept.
    pub(crate) fn refused_token(&self) -> Option<LoginError> {
        let Ok((Credentials::Token(text), source)) = self.credentials() else {
            return None;
        };
        let token = self.own_token(text, *source).ok()?;
        Some(self.bad_token(*source, refusal(&token)))
    }
}

fn unreachable(what: &'static str) -> impl Fn(chunkref_io::Error) -> LoginError {
    move |error| LoginError::Unreachable {
        what,
        reason: error.to_string(),
    }
}

/// Why a token was not accepted, as far as it tells.
fn refusal(token: &Token) -> String {
    match token.ends() {
        Some(ends) if ends < chrono::Utc::now() => format!(
            "was not accepted; by this machine's clock it ended on {}",
            ends.format("%Y-%m-%d")
        ),
        _ => "was not accepted".to_owned(),
    }
}

/// Without the login.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}
