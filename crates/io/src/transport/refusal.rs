//! Answers that refuse: what a server says of the reason.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use http::StatusCode;
use http::header::{CONTENT_RANGE, HeaderName};
use url::Url;

use super::attempt::{Exchange, Failure, Seen};
use super::part::{pin, text};
use super::retry::retry_after;
use crate::error::Error;
use crate::region::is_region;

/// Where S3 names the region of a bucket.
pub(crate) const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// Of the body of an error so much is read, to find the store's error code.
pub(super) const ERROR_BODY: usize = 16 << 10;

/// What S3 says of temporary keys that are no longer good.
const KEYS_REFUSED: [&str; 4] = [
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "TokenRefreshRequired",
];

/// 416: the range starts at or past the end.
pub(super) fn unsatisfiable(exchange: &Exchange<'_>, response: &reqwest::Response) -> Error {
    let asked = &exchange.ticket.range;
    let said = text(response.headers(), &CONTENT_RANGE);
    let said = said.and_then(|value| value.trim().strip_prefix("bytes */")?.parse().ok());
    // Only of an empty object no byte can be had from 0 on.
    let size = said.or((asked.start == 0).then_some(0));
    match size {
        Some(size) if size <= asked.start => {
            match exchange.ticket.target.agree(pin(response.headers(), size)) {
                Ok(()) => past_end(exchange, size),
                Err(changed) => changed,
            }
        }
        _ => exchange.response_error("the server can't satisfy this range (416)"),
    }
}

pub(super) fn past_end(exchange: &Exchange<'_>, size: u64) -> Error {
    Error::PastEnd {
        url: exchange.ticket.target.name.clone(),
        range: exchange.ticket.range.clone(),
        size,
    }
}

/// Any other status.
pub(super) async fn refused(
    exchange: &Exchange<'_>,
    place: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Failure {
    let status = response.status();
    let headers = response.headers().clone();
    let mut reason = format!("status {status}");
    if place.origin() != exchange.url.origin() {
        let host = place.host_str().unwrap_or_default();
        reason = format!("{reason} from {host}, after a redirect");
    }
    let mut region = text(&headers, &BUCKET_REGION);
    // Of a long one what came.
    let _ = seen.read(response, ERROR_BODY).await;
    let body = seen.take();
    let target = &exchange.ticket.target;
    let code = element(&body, "Code");
    if let Some(code) = code {
        reason = format!("{reason} ({code})");
    }
    region = region.or_else(|| element(&body, "Region").map(str::to_owned));
    if let Some(region) = region.filter(|region| is_region(region))
        && target.in_bucket
        && place.origin() == exchange.url.origin()
    {
        target.set_region(&region);
        if status.is_redirection() || status == StatusCode::BAD_REQUEST {
            reason = format!("{reason}; the bucket is in region {region}: set AWS_REGION to it");
        }
    }
    if target.in_bucket && code.is_some_and(|code| KEYS_REFUSED.contains(&code)) {
        exchange.ticket.keys_refused.store(true, Ordering::Relaxed);
        let url = target.name.clone();
        return Error::Denied { url, reason }.into();
    }
    if code == Some("RequestTimeTooSkewed") {
        reason = format!("{reason}; set this machine's clock");
    }
    if matches!(status.as_u16(), 401 | 403) {
        reason = exchange
            .net
            .advised(reason, place, Some(status.as_u16()), &body);
    }
    let url = exchange.ticket.target.name.clone();
    match status.as_u16() {
        404 | 410 => Error::NotFound { url }.into(),
        401 | 403 | 407 => Error::Denied { url, reason }.into(),
        501 | 505 => exchange.response_error(reason).into(),
        408 | 425 | 429 | 500..=599 => Failure::Transient {
            reason,
            retry_after: retry_after(&headers, SystemTime::now()),
            connect: false,
            busy: matches!(status.as_u16(), 429 | 503),
            kept: None,
        },
        _ => exchange.response_error(reason).into(),
    }
}

/// The text of an element of an error of S3, GCS or Azure, if it is a plain word.
pub(crate) fn element<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let body = std::str::from_utf8(body).ok()?;
    let text = body.split_once(&format!("<{name}>"))?.1;
    let text = text.split_once(&format!("</{name}>"))?.0;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (text.len() <= 64 && text.bytes().all(plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn only_plain_words_of_errors_are_repeated() {
        let code = |body| element(body, "Code");
        assert_eq!(code(b"<Error><Code>NoSuchKey</Code>"), Some("NoSuchKey"));
        assert_eq!(code(b"<Code>a b</Code>"), None);
        assert_eq!(code(b"<html>"), None);
        assert_eq!(
            element(b"<Region>eu-x-1</Region>", "Region"),
            Some("eu-x-1")
        );
    }
}
