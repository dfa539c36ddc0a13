//! Requests that are not for bytes of an object: a search, a login.

use std::fmt;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use url::Url;

use crate::address::printable;
use crate::authority::basic_authorization;
use crate::error::{Error, Result};

/// Answers are not longer unless [`Request::with_max_answer`] says so: 16 MiB.
const MAX_ANSWER: usize = 16 << 20;

/// A request to a service, for [`Client::request`](crate::Client::request).
///
/// It may be sent several times, so it must be one that does no harm when it is.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) max_answer: usize,
    /// Whether the client's authority says who asks, and redirects are followed.
    pub(crate) logs_in: bool,
}

impl Request {
    /// A `GET` of an `http` or `https` URL.
    ///
    /// # Errors
    ///
    /// If it is no such URL.
    pub fn get(url: &str) -> Result<Self> {
        Self::new(Method::GET, url)
    }

    /// A `POST` of a body of this media type.
    ///
    /// # Errors
    ///
    /// If it is no `http` or `https` URL, or the media type no text for a header.
    pub fn post(url: &str, content_type: &str, body: impl Into<Bytes>) -> Result<Self> {
        let mut request = Self::new(Method::POST, url)?;
        request.body = body.into();
        request.with_header(CONTENT_TYPE.as_str(), content_type)
    }

    fn new(method: Method, url: &str) -> Result<Self> {
        let fail = |reason: String| Error::Address {
            url: printable(url),
            reason,
        };
        let parsed = Url::parse(url).map_err(|error| fail(format!("not a URL: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(fail("expected a URL of http or https".to_owned()));
        }
        Ok(Self {
            method,
            url: parsed,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_answer: MAX_ANSWER,
            logs_in: false,
        })
    }

    /// Adds a header, or replaces the one of that name.
    ///
    /// # Errors
    ///
    /// If name or value can't be in a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self> {
        let (name, value) = self.header(name, value)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Says who asks: `Authorization: Bearer` with this token. It is printed nowhere, and is sent over
    /// `https` only, or to this machine itself.
    ///
    /// # Errors
    ///
    /// If the URL is one of `http` and of another machine, or the token can't be in a header.
    pub fn with_bearer(mut self, token: &str) -> Result<Self> {
        self.check_safe("a token")?;
        let (_, mut value) = self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Says who asks: `Authorization: Basic` with this user and password. They are printed nowhere, and
    /// are sent over `https` only, or to this machine itself.
    ///
    /// # Errors
    ///
    /// If the URL is one of `http` and of another machine.
    pub fn with_basic(mut self, user: &str, password: &str) -> Result<Self> {
        self.check_safe("a password")?;
        let value = basic_authorization(user, password);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Lets the client's [`Authority`](crate::Authority) say who asks, as for objects: cookies are kept
    /// where it says so, and redirects of a `GET` are followed. Without an authority they are as well.
    #[must_use]
    pub fn with_login(mut self) -> Self {
        self.logs_in = true;
        self
    }

    /// Takes answers of at most so many bytes, compressed or not (default 16 MiB).
    #[must_use]
    pub fn with_max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    fn check_safe(&self, what: &str) -> Result<()> {
        if self.url.scheme() == "https" || is_this_machine(&self.url) {
            return Ok(());
        }
        Err(Error::Address {
            url: printable(self.url.as_str()),
            reason: format!("{what} is not sent over http: expected https"),
        })
    }

    fn header(&self, name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
        let fail = |what: &str| Error::Address {
            url: printable(self.url.as_str()),
            // Without the value, which may be secret.
            reason: format!("{what} of the header {name:?} can't be sent"),
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fail("the name"))?;
        let value = HeaderValue::from_str(value).map_err(|_| fail("the value"))?;
        Ok((name, value))
    }
}

/// Whether a URL leads to the machine that this runs on.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Without query, headers and body, which may be secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &printable(self.url.as_str()))
            .finish_non_exhaustive()
    }
}

/// An answer to a [`Request`], whatever its status; redirects are followed only
/// [with a login](Request::with_login).
#[derive(Clone)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, no longer compressed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Without headers and body, which may be secret.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn what_is_sent_is_not_printed() {
        let request = Request::get("https://a.example/search?token=secret").unwrap();
        let request = request.with_bearer("secret").unwrap();
        let shown = format!("{request:?} {:?}", request.headers);
        assert!(!shown.contains("secret"), "{shown}");
        let error = Request::get("https://a.example").unwrap();
        let error = error.with_bearer("sec\nret").unwrap_err().to_string();
        assert!(!error.contains("ret"), "{error}");
    }

    #[test]
    fn tokens_travel_over_tls_or_not_at_all() {
        let bearer = |url| Request::get(url).unwrap().with_bearer("token");
        assert!(bearer("http://a.example/search").is_err());
        assert!(bearer("http://127.0.0.1.example/search").is_err());
        assert!(bearer("http://127.0.0.1:8080/search").is_ok());
        assert!(bearer("http://[::1]:8080/search").is_ok());
        assert!(bearer("https://a.example/search").is_ok());
        assert!(Request::get("s3://bucket/key").is_err());
        assert!(Request::get("search").is_err());
    }
}
