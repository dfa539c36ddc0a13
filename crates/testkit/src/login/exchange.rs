//! Requests and answers, as far as they matter.

use bytes::Bytes;
use http::StatusCode;

use crate::serving::header;

/// One request, as far as it matters.
pub(super) struct Asked {
    pub(super) method: http::Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) authorization: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) range: Option<String>,
}

impl Asked {
    pub(super) fn of(parts: &http::request::Parts) -> Self {
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            authorization: header(&parts.headers, "authorization"),
            cookie: header(&parts.headers, "cookie"),
            range: header(&parts.headers, "range"),
        }
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        let mut fitting = pairs.filter(|(key, _)| key == name);
        fitting.next().map(|(_, value)| value.into_owned())
    }
}

/// Status, headers and body.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn new(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", kind.to_owned())],
            body: body.into(),
        }
    }

    pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
    }

    pub(super) fn html(status: StatusCode, title: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>\n"
        );
        Self::new(status, "text/html; charset=utf-8", page)
    }

    pub(super) fn redirect(status: StatusCode, location: String) -> Self {
        let mut answered = Self::new(status, "text/plain", "");
        answered.headers.push(("location", location));
        answered
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}
