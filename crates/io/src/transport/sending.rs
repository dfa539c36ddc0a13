//! Requests of a store that is written to: puts, parts of uploads, removals, listings.
//!
//! All of them may be sent again: what they ask for is the same however often it is done. Only the
//! request that begins an upload may leave a second one behind, if its answer is lost.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use object_store::client::{HttpRequestBody, HttpResponse};
use url::Url;

use super::attempt::{read_body, transport_reason};
use super::part::text;
use super::refusal::{BUCKET_REGION, element};
use super::retry::{self, retry_after};
use super::{METADATA_TIMEOUT, Net};
use crate::error::Error;
use crate::log::RequestRecord;
use crate::region::is_region;

/// Answers are no longer: a page of a listing, the receipt of a removal.
const MAX_ANSWER: usize = 16 << 20;
/// Bytes a second that a body may go at the least before an attempt is given up.
const SLOWEST: u64 = 64 << 10;
/// Attempts at a host with which no connection comes about: its name may be wrong.
const CONNECT_ATTEMPTS: u32 = 3;
/// What S3 says with status 200 or 400 though the request failed for a while only.
const PASSING: [&str; 3] = ["InternalError", "SlowDown", "RequestTimeout"];

/// What is found out about a bucket while writing to it.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    region: Mutex<Option<String>>,
}

impl Writing {
    /// The region that the server has named as the bucket's.
    pub(crate) fn region(&self) -> Option<String> {
        let region = self.region.lock();
        region.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_region(&self, region: &str) {
        let mut known = self.region.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(region.to_owned());
    }
}

/// One request, from first attempt to last.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    net: &'a Net,
    writing: &'a Writing,
    url: Url,
    method: Method,
    headers: HeaderMap,
    /// `None` for a body in several parts, which no store of ours makes.
    body: Option<Bytes>,
}

/// Why an attempt had no success.
enum Failure {
    Final(Error),
    Passing {
        reason: String,
        retry_after: Option<Duration>,
        connect: bool,
        busy: bool,
    },
}

impl Failure {
    fn passing(reason: impl Into<String>) -> Self {
        Self::Passing {
            reason: reason.into(),
            retry_after: None,
            connect: false,
            busy: false,
        }
    }
}

impl<'a> Sending<'a> {
    pub(crate) fn new(
        net: &'a Net,
        writing: &'a Writing,
        url: Url,
        parts: http::request::Parts,
        body: &HttpRequestBody,
    ) -> Self {
        let empty = (body.content_length() == 0).then(Bytes::new);
        let mut headers = parts.headers;
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Self {
            net,
            writing,
            url,
            method: parts.method,
            headers,
            body: empty.or_else(|| one_piece(body)),
        }
    }

    /// Sends until there is an answer, a failure that stays, or no more patience.
    pub(crate) async fn run(&self) -> Result<HttpResponse, Error> {
        let Some(body) = &self.body else {
            return Err(self.error("its body is in several parts", 0));
        };
        let started = Instant::now();
        let host = self.net.host(&self.url);
        let options = &self.net.options;
        let mut attempts: u32 = 0;
        loop {
            attempts = attempts.saturating_add(1);
            let (reason, after, connect) = match self.attempt(body, attempts).await {
                Ok(response) => {
                    host.refund();
                    return Ok(response);
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing {
                    reason,
                    retry_after,
                    connect,
                    busy,
                }) => {
                    if busy {
                        host.hold(retry_after.unwrap_or(options.backoff));
                    }
                    (reason, retry_after, connect)
                }
            };
            if connect && attempts >= CONNECT_ATTEMPTS {
                return Err(self.error(reason, attempts));
            }
            let Some(wait) = retry::wait(options, attempts, started.elapsed(), after) else {
                let asked =
                    after.map(|after| format!("{reason}, asked to wait {} s", after.as_secs()));
                return Err(self.error(asked.unwrap_or(reason), attempts));
            };
            if !host.spend() {
                let reason =
                    format!("{reason}; too many requests to this host have failed to go on");
                return Err(self.error(reason, attempts));
            }
            tracing::debug!(
                url = %crate::address::printable(self.url.as_str()),
                method = %self.method,
                wait_ms = wait.as_millis(),
                "{reason}; will be sent again"
            );
            self.net.log.retry();
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, body: &Bytes, attempts: u32) -> Result<HttpResponse, Failure> {
        let http = self.net.patient().map_err(|reason| {
            Failure::Final(Error::Store {
                url: self.name(),
                reason,
            })
        })?;
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let request = http
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone())
            .body(body.clone());
        let host = self.net.host(&self.url);
        let permit = host.enter().await;
        let timeout = self.timeout(length);
        let mut came = BytesMut::new();
        let mut status = None;
        let answered = tokio::time::timeout(timeout, async {
            let response = request.send().await.map_err(|error| Failure::Passing {
                connect: error.is_connect() && !error.is_timeout(),
                retry_after: None,
                busy: false,
                reason: transport_reason(error),
            })?;
            let (code, headers) = (response.status(), response.headers().clone());
            status = Some(code.as_u16());
            match read_body(response, MAX_ANSWER, &mut came).await {
                Ok(()) => Ok((code, headers)),
                Err(failure) if failure.too_long => {
                    Err(Failure::Final(self.error(failure.reason(), attempts)))
                }
                Err(failure) => Err(Failure::passing(failure.reason())),
            }
        })
        .await;
        drop(permit);
        let received = u64::try_from(came.len()).unwrap_or(u64::MAX);
        self.net.log.sent(length);
        self.net.log.request(received, || RequestRecord {
            url: self.name(),
            range: 0..0,
            bytes: received,
            wave: 0,
            status,
        });
        let late = || Failure::passing(format!("no answer within {} s", timeout.as_secs()));
        let (status, headers) = answered.map_err(|_| late())??;
        self.judge(status, headers, came.freeze(), attempts)
    }

    /// For one attempt: the longer the body, the longer.
    fn timeout(&self, length: u64) -> Duration {
        if super::on_link(&self.url) {
            return METADATA_TIMEOUT;
        }
        let for_body = Duration::from_secs(length / SLOWEST);
        self.net.options.attempt_timeout.saturating_add(for_body)
    }

    /// What an answer means.
    fn judge(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        attempts: u32,
    ) -> Result<HttpResponse, Failure> {
        let code = element(&body, "Code");
        // The contents of a listing are the bucket's: nothing in them is an error.
        let passing = code.is_some_and(|code| PASSING.contains(&code))
            && (self.method != Method::GET || !status.is_success());
        if status.is_success() && !passing {
            let mut response = HttpResponse::new(body.into());
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            return Ok(response);
        }
        let mut reason = format!("status {status}");
        if let Some(code) = code {
            reason = format!("{reason} ({code})");
        }
        let region = text(&headers, &BUCKET_REGION);
        let region = region.or_else(|| element(&body, "Region").map(str::to_owned));
        if let Some(region) = region.filter(|region| is_region(region))
            && (status.is_redirection() || status.is_client_error())
        {
            self.writing.set_region(&region);
            if status.is_redirection() || status == StatusCode::BAD_REQUEST {
                reason =
                    format!("{reason}; the bucket is in region {region}: set AWS_REGION to it");
            }
        }
        let url = self.name();
        Err(match status.as_u16() {
            _ if passing => Failure::passing(reason),
            // The upload is not there any more, which some servers call denied.
            403 | 404 if self.ends_upload() && attempts > 1 => Failure::Final(self.error(
                format!("{reason}; an answer before was lost, so the object may have been written"),
                attempts,
            )),
            401 | 403 | 407 => Failure::Final(Error::Denied { url, reason }),
            404 | 410 if self.method == Method::DELETE => Failure::Final(Error::NotFound { url }),
            408 | 409 | 425 | 429 | 500 | 502..=504 | 506..=599 => Failure::Passing {
                reason,
                retry_after: retry_after(&headers, SystemTime::now()),
                connect: false,
                busy: matches!(status.as_u16(), 429 | 503),
            },
            _ => Failure::Final(self.error(reason, attempts)),
        })
    }

    /// Whether this puts an object together from its parts.
    fn ends_upload(&self) -> bool {
        let id = |(name, _): (std::borrow::Cow<'_, str>, _)| name == "uploadId";
        self.method == Method::POST && self.url.query_pairs().any(id)
    }

    fn name(&self) -> String {
        crate::address::printable(self.url.as_str())
    }

    fn error(&self, reason: impl Into<String>, attempts: u32) -> Error {
        Error::Write {
            url: self.name(),
            reason: reason.into(),
            attempts,
        }
    }
}

/// A body that lies in one piece.
fn one_piece(body: &HttpRequestBody) -> Option<Bytes> {
    use futures::FutureExt as _;
    use http_body_util::BodyExt as _;

    if let Some(bytes) = body.as_bytes() {
        return Some(bytes.clone());
    }
    // It is all there: nothing is waited for.
    let collected = body.clone().collect().now_or_never()?.ok()?;
    Some(collected.to_bytes())
}
