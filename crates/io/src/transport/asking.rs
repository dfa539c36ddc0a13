//! Requests to services: sent again where that may help, and answered with whatever status is left.

use std::io::Read as _;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderValue, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::attempt::{read_body, transport_reason};
use super::part::text;
use super::retry::{self, retry_after};
use super::{Net, redirect};
use crate::error::Error;
use crate::log::RequestRecord;
use crate::request::{Request, Response};

/// Attempts at a host with which no connection comes about: its name may be wrong.
const CONNECT_ATTEMPTS: u32 = 3;

/// Why an attempt brought no answer that ends the matter.
enum Failure {
    Final(String),
    Passing {
        reason: String,
        retry_after: Option<Duration>,
        /// No connection came about.
        connect: bool,
        /// The host has too many requests.
        busy: bool,
        /// The answer, where the status was all that was wrong with it.
        response: Option<Box<Response>>,
    },
}

impl Failure {
    fn passing(reason: String) -> Self {
        Self::Passing {
            reason,
            retry_after: None,
            connect: false,
            busy: false,
            response: None,
        }
    }
}

impl Net {
    /// Sends until there is an answer that asking again would not change, or no more patience.
    ///
    /// A server that goes on with a status that says to come back later has, in the end, answered
    /// with that status.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Response, Error> {
        let started = Instant::now();
        let host = self.host(&request.url);
        let mut attempts: u32 = 0;
        loop {
            attempts = attempts.saturating_add(1);
            let error = |reason, connected| Error::Service {
                url: name(request),
                reason,
                connected,
                attempts,
            };
            let (reason, after, connect, response) = match self.attempt(request).await {
                Ok(response) => {
                    host.refund();
                    return Ok(response);
                }
                Err(Failure::Final(reason)) => return Err(error(reason, true)),
                Err(Failure::Passing {
                    reason,
                    retry_after,
                    connect,
                    busy,
                    response,
                }) => {
                    if busy {
                        host.hold(retry_after.unwrap_or(self.options.backoff));
                    }
                    (reason, retry_after, connect, response)
                }
            };
            let wait = retry::wait(&self.options, attempts, started.elapsed(), after);
            let wait = wait.filter(|_| !connect || attempts < CONNECT_ATTEMPTS);
            let Some(wait) = wait.filter(|_| host.spend()) else {
                let response = response.map(|response| *response);
                return response.ok_or_else(|| error(reason, !connect));
            };
            tracing::debug!(
                url = %name(request),
                wait_ms = wait.as_millis(),
                "{reason}; will be asked again"
            );
            self.log.retry();
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends once; with a login, as whoever asks, and through redirects.
    async fn attempt(&self, request: &Request) -> Result<Response, Failure> {
        if !request.logs_in {
            return self
                .send(request, &request.url, request.headers.clone())
                .await;
        }
        let mut url = request.url.clone();
        for _ in 0..=self.options.max_redirects {
            let response = self.send_identified(request, &url).await?;
            let leads_on = response.status.is_redirection() && request.method == Method::GET;
            let location = text(&response.headers, &LOCATION).filter(|_| leads_on);
            let Some(location) = location else {
                return Ok(response);
            };
            url = redirect::next(&url, &location).map_err(Failure::Final)?;
            self.log.redirect();
        }
        let max = self.options.max_redirects;
        Err(Failure::Final(format!(
            "more than {max} redirects in a row"
        )))
    }

    /// Sends once to `url`, which may be a redirect's target, as whoever asks; once more where that is
    /// not accepted, and something else may be.
    async fn send_identified(&self, request: &Request, url: &Url) -> Result<Response, Failure> {
        let at_home = url.origin() == request.url.origin();
        let mut is_last = false;
        loop {
            let mut headers = HeaderMap::new();
            if at_home {
                headers.clone_from(&request.headers);
            }
            let sent = if headers.contains_key(AUTHORIZATION) {
                None
            } else {
                let identified = self.identify(url, &mut headers).await;
                identified.map_err(Failure::Final)?
            };
            let response = self.send(request, url, headers).await?;
            let Some(sent) = sent.filter(|_| response.status == StatusCode::UNAUTHORIZED) else {
                return Ok(response);
            };
            if !self.refused(url, &sent).await || is_last {
                return Ok(response);
            }
            is_last = true;
            self.log.retry();
        }
    }

    async fn send(
        &self,
        request: &Request,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Response, Failure> {
        let http = self.http().map_err(Failure::Final)?;
        let sent = http
            .request(request.method.clone(), url.clone())
            .headers(headers)
            .header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
            .body(request.body.clone());
        let host = self.host(url);
        let permit = host.enter().await;
        let timeout = self.options.attempt_timeout;
        let mut came = BytesMut::new();
        let mut status = None;
        let answered = tokio::time::timeout(timeout, async {
            let response = sent.send().await.map_err(|error| Failure::Passing {
                connect: error.is_connect() && !error.is_timeout(),
                retry_after: None,
                busy: false,
                response: None,
                reason: transport_reason(error),
            })?;
            let (code, headers) = (response.status(), response.headers().clone());
            status = Some(code.as_u16());
            if request.logs_in {
                self.take_cookies(url, &headers);
            }
            match read_body(response, request.max_answer, &mut came).await {
                Ok(()) => Ok((code, headers)),
                Err(failure) if failure.too_long => {
                    Err(Failure::Final(failure.reason().to_owned()))
                }
                Err(failure) => Err(Failure::passing(failure.reason().to_owned())),
            }
        })
        .await;
        drop(permit);
        let bytes = u64::try_from(came.len()).unwrap_or(u64::MAX);
        self.log.request(bytes, || RequestRecord {
            url: crate::address::printable(url.as_str()),
            range: 0..0,
            bytes,
            wave: 0,
            status,
        });
        let late = || Failure::passing(format!("no answer within {} s", timeout.as_secs()));
        let (status, headers) = answered.map_err(|_| late())??;
        let is_gzip = headers
            .get(CONTENT_ENCODING)
            .is_some_and(|value| value == "gzip");
        let body = came.freeze();
        let body = if is_gzip {
            expanded(&body, request.max_answer)?
        } else {
            body
        };
        let after = retry_after(&headers, SystemTime::now());
        let response = Response {
            status,
            headers,
            body,
        };
        if matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504) {
            return Err(Failure::Passing {
                reason: format!("status {status}"),
                retry_after: after,
                connect: false,
                busy: matches!(status.as_u16(), 429 | 503),
                response: Some(Box::new(response)),
            });
        }
        Ok(response)
    }
}

/// What a gzip body holds, of at most so many bytes.
fn expanded(body: &Bytes, limit: usize) -> Result<Bytes, Failure> {
    let mut out = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(body.as_ref())
        .take(bound)
        .read_to_end(&mut out);
    read.map_err(|error| Failure::passing(format!("the body is not gzip as it says: {error}")))?;
    if out.len() > limit {
        return Err(Failure::Final(format!(
            "body is longer than the {limit} bytes expected"
        )));
    }
    Ok(out.into())
}

fn name(request: &Request) -> String {
    crate::address::printable(request.url.as_str())
}
