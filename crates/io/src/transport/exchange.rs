//! One ranged GET through redirects and retries.

use std::time::Instant;

use object_store::client::HttpResponse;

use super::answer::Answer;
use super::attempt::{Exchange, Failure};
use super::{redirect, retry};
use crate::error::Error;

/// Attempts at a host with which no connection comes about: its name may be wrong.
const CONNECT_ATTEMPTS: u32 = 3;

impl Exchange<'_> {
    /// Asks until there is an answer, a failure that stays, or no more patience. An answer that broke
    /// off late is given as it is: under the headers of the whole range its body is shorter.
    pub(crate) async fn run(&self) -> Result<HttpResponse, Error> {
        let started = Instant::now();
        let host = self.net.host(&self.url);
        let mut attempts = 0;
        loop {
            attempts = u32::saturating_add(attempts, 1);
            let (reason, retry_after, connect, kept) = match self.follow().await {
                Ok(response) => {
                    host.refund();
                    return Ok(response);
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Transient {
                    reason,
                    retry_after,
                    connect,
                    kept,
                    busy: _,
                }) => (reason, retry_after, connect, kept),
            };
            let unavailable = |reason| Error::Unavailable {
                url: self.ticket.target.name.clone(),
                range: self.ticket.range.clone(),
                reason,
                attempts,
            };
            if connect && attempts >= CONNECT_ATTEMPTS {
                // A question about the clock is enough.
                let hint = if reason.ends_with('?') {
                    ""
                } else {
                    "; check the network, the name of the host, and HTTPS_PROXY if there is a proxy"
                };
                return Err(unavailable(format!("{reason}{hint}")));
            }
            let options = &self.net.options;
            let elapsed = started.elapsed();
            let Some(wait) = retry::wait(options, attempts, elapsed, retry_after) else {
                let asked = retry_after
                    .map(|after| format!("{reason}, asked to wait {} s", after.as_secs()));
                return Err(unavailable(asked.unwrap_or(reason)));
            };
            if !host.spend() {
                return Err(unavailable(format!(
                    "{reason}; too many requests to this host have failed to go on"
                )));
            }
            tracing::debug!(
                url = %self.ticket.target.name,
                range = ?self.ticket.range,
                wait_ms = wait.as_millis(),
                "{reason}; will be asked again"
            );
            self.net.log.retry();
            tokio::time::sleep(wait).await;
            if let Some(kept) = kept {
                // What is missing is asked for by itself.
                return Ok(*kept);
            }
        }
    }

    /// Asks once: where the object was last found, or from the start.
    async fn follow(&self) -> Result<HttpResponse, Failure> {
        let target = &self.ticket.target;
        let mut known = target.route();
        // Where the host is known to redirect, one request finds out where to, the others wait.
        if known.is_none() && self.net.host(&self.url).redirects() {
            let resolving = target.resolving.lock().await;
            known = target.route();
            if known.is_none() {
                let found = self.resolve().await;
                drop(resolving);
                return found;
            }
        }
        let Some(url) = known else {
            return self.resolve().await;
        };
        match self.attempt(&url).await {
            Ok(Answer::Bytes(response)) => return Ok(response),
            // What the right bytes say of the object is not the redirect's fault.
            Err(Failure::Final(error @ (Error::Changed { .. } | Error::PastEnd { .. }))) => {
                return Err(error.into());
            }
            Err(failure) if url == self.url => return Err(failure),
            Err(failure @ Failure::Transient { .. }) => {
                target.forget(&url);
                return Err(failure);
            }
            // A signed redirect ends some day: it is asked for anew.
            Ok(Answer::Redirect(_)) | Err(Failure::Final(_)) => target.forget(&url),
        }
        let resolving = target.resolving.lock().await;
        if let Some(fresh) = target.route() {
            drop(resolving);
            if let Ok(Answer::Bytes(response)) = self.attempt(&fresh).await {
                return Ok(response);
            }
            target.forget(&fresh);
            return self.resolve().await;
        }
        let found = self.resolve().await;
        drop(resolving);
        found
    }

    /// Asks from the start, and follows redirects.
    async fn resolve(&self) -> Result<HttpResponse, Failure> {
        let host = self.net.host(&self.url);
        let mut turn = None;
        let mut has_waited = false;
        let mut url = self.url.clone();
        for _ in 0..=self.net.options.max_redirects {
            let before = self.net.cookies_for(&self.url);
            match self.attempt(&url).await? {
                Answer::Bytes(response) => {
                    self.ticket.target.remember(&url);
                    return Ok(response);
                }
                Answer::Redirect(location) => {
                    let next = redirect::next(&url, &location);
                    url = next.map_err(|reason| self.response_error(reason))?;
                    host.set_redirects();
                    self.net.log.redirect();
                }
            }
            if turn.is_none() && self.net.is_login(&url) {
                // One logs in; those that waited for it ask again, with the cookie that it got.
                turn = Some(host.log_in().await);
                if !has_waited && self.net.cookies_for(&self.url) != before {
                    has_waited = true;
                    turn = None;
                    url = self.url.clone();
                }
            }
        }
        let max = self.net.options.max_redirects;
        Err(self
            .response_error(format!("more than {max} redirects in a row"))
            .into())
    }

    /// An answer that can't be used.
    pub(crate) fn response_error(&self, reason: impl Into<String>) -> Error {
        Error::Response {
            url: self.ticket.target.name.clone(),
            range: self.ticket.range.clone(),
            reason: reason.into(),
        }
    }
}
