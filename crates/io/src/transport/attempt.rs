//! One request sent once.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderValue, RANGE, USER_AGENT};
use object_store::client::HttpResponse;
use url::Url;

use super::answer::{self, Answer};
use super::part::Part;
use super::{Net, Ticket};
use crate::authority::basic_authorization;
use crate::error::{Error, chain};
use crate::log::RequestRecord;

/// One ranged GET, from first attempt to last.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) net: &'a Net,
    pub(crate) ticket: &'a Ticket,
    /// The URL that was asked for, before redirects.
    pub(crate) url: Url,
    /// The headers, signature included.
    pub(crate) headers: HeaderMap,
}

/// Why an attempt brought no bytes.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Asking again does not help.
    Final(Error),
    /// Asking again may help.
    Transient {
        reason: String,
        retry_after: Option<Duration>,
        /// No connection came about: the host may well not exist.
        connect: bool,
        /// The host has too many requests.
        busy: bool,
        /// An answer with the first bytes of the range, where enough came to go on from there.
        kept: Option<Box<HttpResponse>>,
    },
}

impl Failure {
    pub(crate) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            retry_after: None,
            connect: false,
            busy: false,
            kept: None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Names an error of the connection, without the URL, which may be signed.
pub(crate) fn transport_reason(error: reqwest::Error) -> String {
    let reason = chain(&error.without_url());
    let of_time = ["certificate expired", "certificate not valid yet"];
    if of_time.iter().any(|words| reason.contains(words)) {
        return format!("{reason}; is this machine's clock right?");
    }
    reason
}

fn transport_failure(error: reqwest::Error) -> Failure {
    Failure::Transient {
        connect: error.is_connect() && !error.is_timeout(),
        retry_after: None,
        busy: false,
        kept: None,
        reason: transport_reason(error),
    }
}

/// Reads a body of at most `limit` bytes into `body`; a longer one is a final failure that says so.
pub(crate) async fn read_body(
    mut response: reqwest::Response,
    limit: usize,
    body: &mut BytesMut,
) -> Result<(), BodyFailure> {
    let expected = response.content_length().unwrap_or(0);
    body.reserve(usize::try_from(expected).unwrap_or(usize::MAX).min(limit));
    while let Some(piece) = response.chunk().await.map_err(|error| BodyFailure {
        reason: format!(
            "body broke off after {} bytes: {}",
            body.len(),
            transport_reason(error)
        ),
        too_long: false,
    })? {
        if piece.len() > limit.saturating_sub(body.len()) {
            return Err(BodyFailure {
                reason: format!("body is longer than the {limit} bytes expected"),
                too_long: true,
            });
        }
        body.extend_from_slice(&piece);
    }
    Ok(())
}

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) struct BodyFailure {
    reason: String,
    /// The server sends more than it should; otherwise the connection failed.
    pub(crate) too_long: bool,
}

impl BodyFailure {
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

impl Exchange<'_> {
    /// Sends the request to `url`, which may be a redirect's target, and reads the answer. Where what
    /// was sent of who asks is not accepted, and something else may be, it is sent once more.
    pub(crate) async fn attempt(&self, url: &Url) -> Result<Answer, Failure> {
        let (answered, sent) = self.identified(url).await?;
        if let Some(sent) = sent
            && self.net.refused(url, &sent).await
        {
            tracing::debug!(url = %self.ticket.target.name, "asked again, as the login is renewed");
            self.net.log.retry();
            let (answered, sent) = self.identified(url).await?;
            if let Some(sent) = sent {
                self.net.refused(url, &sent).await;
            }
            return answered;
        }
        answered
    }

    /// Sends the request once, as whoever asks. With the answer comes what the authority gave, if that
    /// is what the server did not accept.
    async fn identified(
        &self,
        url: &Url,
    ) -> Result<(Result<Answer, Failure>, Option<HeaderValue>), Failure> {
        let mut headers = self.headers_for(url);
        let target = &self.ticket.target;
        let at_home = url.origin() == self.url.origin();
        if target.in_bucket || (at_home && headers.contains_key(AUTHORIZATION)) {
            return Ok((self.send(url, headers).await.0, None));
        }
        let mut sent = None;
        match &target.login {
            Some((user, password)) if at_home => {
                headers.insert(AUTHORIZATION, basic_authorization(user, password));
            }
            _ => {
                let identified = self.net.identify(url, &mut headers).await;
                sent = identified.map_err(|reason| Error::Denied {
                    url: target.name.clone(),
                    reason,
                })?;
            }
        }
        let (answered, status) = self.send(url, headers).await;
        Ok((answered, sent.filter(|_| status == Some(401))))
    }

    /// Sends the request once, with these headers. Gives the status as well.
    async fn send(&self, url: &Url, headers: HeaderMap) -> (Result<Answer, Failure>, Option<u16>) {
        let http = match self.net.http() {
            Ok(http) => http,
            Err(reason) => {
                let url = self.ticket.target.name.clone();
                return (Err(Error::Store { url, reason }.into()), None);
            }
        };
        let request = http.get(url.clone()).headers(headers);
        let host = self.net.host(url);
        let permit = host.enter().await;
        let timeout = self.net.options.attempt_timeout;
        let mut seen = Seen::default();
        let asked = Instant::now();
        let answered = tokio::time::timeout(timeout, async {
            let response = request.send().await.map_err(transport_failure)?;
            seen.status = Some(response.status().as_u16());
            self.net.take_cookies(url, response.headers());
            answer::read(self, url, response, &mut seen).await
        })
        .await;
        drop(permit);
        let bytes = seen
            .bytes
            .max(u64::try_from(seen.body.len()).unwrap_or(u64::MAX));
        if let Ok(Ok(Answer::Bytes(_))) = &answered {
            self.net.cost.note(bytes, asked.elapsed());
        }
        self.net.log.came(self.ticket.target.in_bucket, bytes);
        self.net.log.request(bytes, || RequestRecord {
            url: if url == &self.url {
                self.ticket.target.name.clone()
            } else {
                crate::address::printable(url.as_str())
            },
            range: self.ticket.range.clone(),
            bytes,
            wave: self.ticket.wave,
            status: seen.status,
        });
        let late = format!("no complete answer within {} s", timeout.as_secs());
        let status = seen.status;
        let answered = match answered.unwrap_or_else(|_| Err(Failure::transient(late))) {
            Err(Failure::Transient {
                reason,
                retry_after,
                connect,
                busy,
                kept: _,
            }) => {
                if busy {
                    host.hold(retry_after.unwrap_or(self.net.options.backoff));
                }
                Err(Failure::Transient {
                    reason,
                    retry_after,
                    connect,
                    busy,
                    kept: seen.kept().map(Box::new),
                })
            }
            answered => answered,
        };
        (answered, status)
    }

    /// The headers for a host: where it is not the one that was asked for, only those that say
    /// what is wanted, and none that says who asks.
    fn headers_for(&self, url: &Url) -> HeaderMap {
        let mut headers = if url.origin() == self.url.origin() {
            self.headers.clone()
        } else {
            [RANGE, ACCEPT, USER_AGENT]
                .into_iter()
                .filter_map(|name| Some((name.clone(), self.headers.get(&name)?.clone())))
                .collect()
        };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers
    }
}

/// What is known of an attempt, also when it was given up.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    status: Option<u16>,
    /// Bytes of a body that was taken whole.
    bytes: u64,
    /// The body, as far as it came.
    body: BytesMut,
    /// What the headers of a partial answer say, once they were found right.
    part: Option<Part>,
}

/// Fewer bytes are not worth keeping: the request is sent again as it was.
const KEPT: usize = 16 << 10;

impl Seen {
    /// Reads a body of at most `limit` bytes.
    pub(crate) async fn read(
        &mut self,
        response: reqwest::Response,
        limit: usize,
    ) -> Result<(), BodyFailure> {
        read_body(response, limit, &mut self.body).await
    }

    /// How much of the body has come.
    pub(crate) fn length(&self) -> usize {
        self.body.len()
    }

    /// The body, as far as it came.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as it is.
    pub(crate) fn take(&mut self) -> Bytes {
        let body = std::mem::take(&mut self.body).freeze();
        self.bytes = crate::pieces::end(0, &body);
        body
    }

    pub(crate) fn set_part(&mut self, part: &Part) {
        self.part = Some(part.clone());
    }

    /// An answer of what came, under the headers of all.
    fn kept(self) -> Option<HttpResponse> {
        let part = self.part.filter(|_| self.body.len() >= KEPT)?;
        Some(part.response(self.body.freeze(), None))
    }
}
