//! Who asks, and the token that all tasks share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chunkref_io::{Client, ClientOptions, HeaderValue, Url, basic_authorization};
use tokio::sync::{Mutex, MutexGuard};

use super::source::Credentials;
use super::token::Token;
use super::{LoginError, LoginService, LoginSources, Secret, Source};

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
pub struct Login(pub(super) Arc<Inner>);

pub(super) struct Inner {
    service: LoginService,
    pub(super) sources: LoginSources,
    found: OnceLock<Result<(Credentials, Source), Option<String>>>,
    pub(super) client: Client,
    pub(super) held: Mutex<Held>,
    /// Whether the service has taken user and password.
    pub(super) is_accepted: AtomicBool,
}

/// What has come of asking.
#[derive(Default)]
pub(super) struct Held {
    pub(super) token: Option<Token>,
    /// When the service was last asked.
    pub(super) asked: Option<Instant>,
    /// Why it gave no token.
    pub(super) failed: Option<LoginError>,
    /// When a token was last asked for in place of one that was not accepted.
    replaced: Option<Instant>,
}

/// Who asks.
pub(super) enum Asker<'a> {
    /// Whoever has this token, which was given.
    Token(Token, Source),
    User(User<'a>),
}

/// A user, who can be asked for a token.
#[derive(Clone, Copy)]
pub(super) struct User<'a> {
    pub(super) name: &'a str,
    pub(super) password: &'a Secret,
    pub(super) source: Source,
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
            is_accepted: AtomicBool::new(false),
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

    /// Whether the service has taken user and password: then it is not for them that something is refused.
    pub(crate) fn is_accepted(&self) -> bool {
        self.0.is_accepted.load(Ordering::Relaxed)
    }

    fn credentials(&self) -> Result<&(Credentials, Source), &Option<String>> {
        let find = || self.0.sources.find(self.host());
        self.0.found.get_or_init(find).as_ref()
    }

    /// Who asks; `None` without a login.
    pub(super) fn asker(&self) -> Result<Option<Asker<'_>>, LoginError> {
        let Ok((credentials, source)) = self.credentials() else {
            return Ok(None);
        };
        let source = *source;
        Ok(Some(match credentials {
            Credentials::Token(text) => {
                let token = Token::new(text);
                let bad = || self.bad_token(source, "is no token".to_owned());
                Asker::Token(token.ok_or_else(bad)?, source)
            }
            Credentials::User { name, password } => Asker::User(User {
                name,
                password,
                source,
            }),
        }))
    }

    /// The token that is sent to archives; `None` without a login, and where the service gives none.
    pub(crate) async fn token(&self) -> Result<Option<HeaderValue>, LoginError> {
        let user = match self.asker()? {
            None => return Ok(None),
            Some(Asker::Token(token, _)) => return Ok(Some(token.header().clone())),
            Some(Asker::User(user)) => user,
        };
        let mut held = self.0.held.lock().await;
        if held.token.as_ref().is_none_or(Token::is_due) {
            self.renew(&mut held, user).await?;
        }
        Ok(held.token.as_ref().map(|token| token.header().clone()))
    }

    pub(super) fn bad_token(&self, source_: Source, reason: String) -> LoginError {
        LoginError::Token {
            source_,
            reason,
            page: self.page("profile"),
        }
    }

    /// The `Authorization` for the login service itself: user and password, else the token.
    pub(crate) async fn for_service(&self) -> Result<Option<HeaderValue>, LoginError> {
        let user = match self.asker()? {
            None => return Ok(None),
            Some(Asker::Token(token, _)) => return Ok(Some(token.header().clone())),
            Some(Asker::User(user)) => user,
        };
        let held = self.0.held.lock().await;
        // A wrong password is not tried again: the service locks out those who do.
        if let Some(refused @ LoginError::Refused { .. }) = &held.failed {
            return Err(refused.clone());
        }
        let authorization = basic_authorization(user.name, user.password.expose());
        Ok(Some(authorization))
    }

    /// Takes note that the service did not accept user and password. Where it has accepted them before, it
    /// is something else that it refuses: the application of an archive.
    pub(crate) async fn refused_by_service(&self) {
        if self.is_accepted() {
            return;
        }
        if let Ok((Credentials::User { .. }, source)) = self.credentials() {
            let mut held = self.0.held.lock().await;
            held.failed = Some(self.refused_user(*source));
            held.token = None;
        }
    }

    pub(super) fn refused_user(&self, source_: Source) -> LoginError {
        LoginError::Refused {
            host: self.host().to_owned(),
            source_,
        }
    }

    /// Takes note that an archive did not accept this token, and asks for another, unless that was done
    /// since. `Some(true)`: there is another; `Some(false)`: the service gives the same one, so it is
    /// the archive that takes none; `None`: nothing can be done.
    pub(crate) async fn refused_by_archive(&self, sent: &HeaderValue) -> Option<bool> {
        let Ok(Some(Asker::User(user))) = self.asker() else {
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
        if self.renew(&mut held, user).await.is_err() {
            return Some(true);
        }
        let is_same = held.token.as_ref().map(Token::header) == token.as_ref().map(Token::header);
        Some(!is_same)
    }

    /// Asks for a token, unless that has failed a short while ago.
    async fn renew(
        &self,
        held: &mut MutexGuard<'_, Held>,
        user: User<'_>,
    ) -> Result<(), LoginError> {
        let is_recent = held.asked.is_some_and(|asked| asked.elapsed() < PAUSE);
        let failed = match &held.failed {
            Some(refused @ LoginError::Refused { .. }) => refused.clone(),
            Some(failed) if is_recent => failed.clone(),
            _ => {
                let asked = self.ask(user).await;
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
}

/// Without the login.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("service", &self.0.service)
            .finish_non_exhaustive()
    }
}
