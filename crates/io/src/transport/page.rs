//! Pages of HTML that come in place of data.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use url::Url;

use super::attempt::{Exchange, Failure, Seen};
use super::part::text;
use super::refusal::ERROR_BODY;
use crate::error::Error;

pub(super) fn is_html(headers: &HeaderMap) -> bool {
    let media_type = text(headers, &CONTENT_TYPE).unwrap_or_default();
    media_type.to_ascii_lowercase().starts_with("text/html")
}

/// Whether a body begins as a page of HTML does, and as no data do.
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let start = start.trim_ascii_start();
    ["<!doctype", "<html", "<head", "<!--", "<body", "<script"]
        .iter()
        .any(|tag| {
            let start = start.get(..tag.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
        })
}

/// A page of HTML came from where a redirect has led.
pub(super) async fn page(
    exchange: &Exchange<'_>,
    url: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Failure {
    // As much as comes of its beginning: it may say what is the matter.
    let _ = seen.read(response, ERROR_BODY).await;
    page_in_place(exchange, url, seen.body())
}

/// A page of HTML in place of data: one to log in, or terms to agree to.
pub(super) fn page_in_place(exchange: &Exchange<'_>, url: &Url, body: &[u8]) -> Failure {
    let host = url.host_str().unwrap_or_default();
    let reason = if url.origin() == exchange.url.origin() {
        format!("{host} answered with an HTML page in place of data")
    } else {
        format!("redirected to {host}, which answered with an HTML page: a login is needed")
    };
    let beginning = body.get(..ERROR_BODY.min(body.len())).unwrap_or_default();
    Failure::Final(Error::Denied {
        url: exchange.ticket.target.name.clone(),
        reason: exchange.net.advised(reason, url, None, beginning),
    })
}
