//! A login that is tried, handed on, or stored.

use std::time::Instant;

use chunkref_io::Request;

use super::asking::unreachable;
use super::service::Asker;
use super::source::NETRC;
use super::token::{self, Token};
use super::{Login, LoginError, Secret, Source, netrc};
use crate::answer::{without, words};

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
    /// Tries the login: asks the service for a token, or, where a token is all there is, the CMR at
    /// this URL whether it knows it.
    ///
    /// # Errors
    ///
    /// If there is no login, or it is not accepted.
    pub async fn check(&self, cmr_url: &str) -> Result<Checked, LoginError> {
        let checked = |user: Option<String>, source: Source, token: &Token| Checked {
            user,
            source,
            token_ends: token
                .ends()
                .map(|ends| ends.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            warning: self.warning(source),
        };
        match self.asker()?.ok_or_else(|| self.missing())? {
            Asker::User(user) => {
                let token = self.ask(user).await?;
                let checked = checked(Some(user.name.to_owned()), user.source, &token);
                let mut held = self.0.held.lock().await;
                held.asked = Some(Instant::now());
                held.token = Some(token);
                Ok(checked)
            }
            Asker::Token(token, source) => {
                self.ask_cmr(cmr_url, source, &token).await?;
                Ok(checked(token.user().map(str::to_owned), source, &token))
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
        match self.asker() {
            Ok(Some(Asker::Token(token, source))) => Some(self.bad_token(source, refusal(&token))),
            _ => None,
        }
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
