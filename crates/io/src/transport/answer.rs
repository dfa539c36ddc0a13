//! What an answer says, and whether it is the one that was asked for.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    LAST_MODIFIED, LOCATION,
};
use http::{HeaderMap, StatusCode};
use object_store::client::HttpResponse;
use url::Url;

use super::attempt::{Exchange, Failure, Seen};
use super::retry::retry_after;
use crate::error::Error;
use crate::pin::Pin;

/// An answer that leads on.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The bytes asked for: 206, with what `object_store` needs to see, and no more.
    Bytes(HttpResponse),
    /// A redirect to this `Location`.
    Redirect(String),
}

/// The whole object, where the server ignored the range; an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct Whole(pub(crate) Bytes);

/// Where S3 names the region of a bucket.
pub(crate) const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// Of the body of an error so much is read, to find the store's error code.
const ERROR_BODY: usize = 16 << 10;

/// What S3 says of temporary keys that are no longer good.
const KEYS_REFUSED: [&str; 4] = [
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "TokenRefreshRequired",
];

/// Reads an answer. What came of its body is in `seen` also if that fails.
pub(crate) async fn read(
    exchange: &Exchange<'_>,
    url: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Result<Answer, Failure> {
    let status = response.status();
    match status {
        StatusCode::PARTIAL_CONTENT => partial(exchange, url, response, seen).await,
        StatusCode::OK => whole(exchange, url, response, seen).await,
        StatusCode::RANGE_NOT_SATISFIABLE => Err(unsatisfiable(exchange, &response).into()),
        _ if leads_on(exchange, &response) => {
            let location = text(response.headers(), &LOCATION);
            let location = location.ok_or_else(|| {
                exchange.response_error("redirect to a location that is not ASCII")
            })?;
            Ok(Answer::Redirect(location))
        }
        _ => Err(refused(exchange, url, response, seen).await),
    }
}

/// Whether an answer is a redirect to follow. Where a bucket's region is another, the request must
/// be signed anew.
fn leads_on(exchange: &Exchange<'_>, response: &reqwest::Response) -> bool {
    let headers = response.headers();
    let other_region = exchange.ticket.target.in_bucket && headers.contains_key(&BUCKET_REGION);
    response.status().is_redirection() && headers.contains_key(LOCATION) && !other_region
}

/// A header as text; `None` if absent or not visible ASCII.
pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// `bytes first-last/size`, as a range and the size.
fn content_range(value: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (
        first.trim().parse().ok()?,
        last.trim().parse().ok()?,
        size.trim().parse().ok()?,
    );
    (first <= last && last < size).then(|| (first..last.saturating_add(1), size))
}

/// Refuses encodings: the bytes of ranges would be those of the encoded object.
fn check_encoding(exchange: &Exchange<'_>, headers: &HeaderMap) -> Result<(), Error> {
    let encoding = text(headers, &CONTENT_ENCODING).unwrap_or_default();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    Err(exchange.response_error(format!(
        "answered with Content-Encoding {encoding}, expected none"
    )))
}

/// What the headers say of an object of this size.
fn pin(headers: &HeaderMap, size: u64) -> Pin {
    Pin {
        size: Some(size),
        etag: text(headers, &ETAG),
        last_modified: text(headers, &LAST_MODIFIED),
        ..Pin::default()
    }
}

async fn partial(
    exchange: &Exchange<'_>,
    url: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Result<Answer, Failure> {
    let headers = response.headers().clone();
    let asked = &exchange.ticket.range;
    let value = text(&headers, &CONTENT_RANGE).unwrap_or_default();
    let Some((range, size)) = content_range(&value) else {
        return Err(exchange
            .response_error(format!(
                "answered with Content-Range {value:?}, expected \"bytes first-last/size\""
            ))
            .into());
    };
    check_encoding(exchange, &headers)?;
    // Nothing is learnt from what may be a page.
    let may_be_page = range.start == 0 && is_html(&headers);
    let now = pin(&headers, size);
    if !may_be_page {
        exchange.ticket.target.agree(now.clone())?;
    }
    if range.start != asked.start || range.end != asked.end.min(size) {
        return Err(exchange
            .response_error(format!("answered with another range: {value}"))
            .into());
    }
    let length = range.end.saturating_sub(range.start);
    let limit = usize::try_from(length)
        .map_err(|_| exchange.response_error("longer than this machine can address"))?;
    let part = Part {
        headers,
        range,
        size,
    };
    seen.set_part(&part);
    let read = seen.read(response, limit).await;
    if may_be_page && looks_like_html(seen.body()) {
        return Err(page_in_place(exchange, url, seen.body()));
    }
    if may_be_page {
        exchange.ticket.target.agree(now)?;
    }
    match read {
        Ok(()) if seen.length() == limit => Ok(Answer::Bytes(part.response(seen.take(), None))),
        Ok(()) => Err(Failure::transient(format!(
            "body broke off after {} of {limit} bytes",
            seen.length()
        ))),
        Err(failure) if failure.too_long => Err(exchange.response_error(failure.reason()).into()),
        Err(failure) => Err(Failure::transient(failure.reason())),
    }
}

/// Takes the whole object for an answer, if it is small.
async fn whole(
    exchange: &Exchange<'_>,
    url: &Url,
    response: reqwest::Response,
    seen: &mut Seen,
) -> Result<Answer, Failure> {
    let headers = response.headers().clone();
    let target = &exchange.ticket.target;
    let is_html = is_html(&headers);
    if is_html && url.origin() != exchange.url.origin() {
        return Err(page(exchange, url, response, seen).await);
    }
    check_encoding(exchange, &headers)?;
    let limit = exchange.net.options.whole_object;
    let ignored = |length: &str| {
        exchange.response_error(format!(
            "the server ignores Range: it answered with the whole object ({length} bytes), \
             of which up to {limit} would be read (--whole-object)"
        ))
    };
    if let Some(length) = response.content_length()
        && length > limit
    {
        return Err(ignored(&length.to_string()).into());
    }
    let stop = usize::try_from(limit).unwrap_or(usize::MAX);
    match seen.read(response, stop).await {
        Ok(()) => {}
        Err(failure) if failure.too_long => {
            return Err(ignored(&format!("more than {limit}")).into());
        }
        Err(failure) => return Err(Failure::transient(failure.reason())),
    }
    if is_html && looks_like_html(seen.body()) {
        return Err(page_in_place(exchange, url, seen.body()));
    }
    let body = seen.take();
    let size = crate::pieces::end(0, &body);
    target.agree(pin(&headers, size))?;
    target.set_ignores_range();
    let asked = &exchange.ticket.range;
    if asked.start >= size {
        return Err(past_end(exchange, size).into());
    }
    let range = asked.start..asked.end.min(size);
    let slice = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let bytes = body.slice(slice(range.start)..slice(range.end));
    let part = Part {
        headers,
        range,
        size,
    };
    Ok(Answer::Bytes(part.response(bytes, Some(Whole(body)))))
}

fn is_html(headers: &HeaderMap) -> bool {
    let media_type = text(headers, &CONTENT_TYPE).unwrap_or_default();
    media_type.to_ascii_lowercase().starts_with("text/html")
}

/// Whether a body begins as a page of HTML does, and as no data do.
fn looks_like_html(body: &[u8]) -> bool {
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
async fn page(
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
fn page_in_place(exchange: &Exchange<'_>, url: &Url, body: &[u8]) -> Failure {
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

/// What the headers of an answer say that has bytes of the object.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    headers: HeaderMap,
    /// The bytes of the object that are or were to come.
    range: Range<u64>,
    /// The object's size.
    size: u64,
}

impl Part {
    /// The response that `object_store` gets to see. Its parts were checked, and headers that it
    /// can't parse, such as a `Last-Modified` that is no date, are left out.
    pub(crate) fn response(&self, body: Bytes, whole: Option<Whole>) -> HttpResponse {
        let Self {
            headers,
            range,
            size,
        } = self;
        let length = body.len();
        let mut response = HttpResponse::new(body.into());
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content_range = format!(
            "bytes {}-{}/{size}",
            range.start,
            range.end.saturating_sub(1)
        );
        let out = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&content_range) {
            out.insert(CONTENT_RANGE, value);
        }
        out.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if text(headers, &ETAG).is_some()
            && let Some(value) = headers.get(ETAG)
        {
            out.insert(ETAG, value.clone());
        }
        if let Some(date) = text(headers, &LAST_MODIFIED)
            && chrono::DateTime::parse_from_rfc2822(&date).is_ok()
            && let Some(value) = headers.get(LAST_MODIFIED)
        {
            out.insert(LAST_MODIFIED, value.clone());
        }
        if let Some(whole) = whole {
            response.extensions_mut().insert(whole);
        }
        response
    }
}

/// 416: the range starts at or past the end.
fn unsatisfiable(exchange: &Exchange<'_>, response: &reqwest::Response) -> Error {
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

fn past_end(exchange: &Exchange<'_>, size: u64) -> Error {
    Error::PastEnd {
        url: exchange.ticket.target.name.clone(),
        range: exchange.ticket.range.clone(),
        size,
    }
}

/// Any other status.
async fn refused(
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

/// Whether this may be the name of a region: it becomes a part of a host's name.
pub(crate) fn is_region(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::{content_range, element, is_region};

    #[test]
    fn content_ranges_are_parsed_strictly() {
        assert_eq!(content_range("bytes 0-9/100"), Some((0..10, 100)));
        assert_eq!(content_range("bytes 99-99/100"), Some((99..100, 100)));
        for bad in [
            "",
            "bytes 0-9/*",
            "bytes */100",
            "bytes 9-0/100",
            "bytes 0-100/100",
            "0-9/100",
            "bytes 0-18446744073709551615/18446744073709551615",
            "bytes -1-9/100",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }

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
        assert!(is_region("us-west-2") && is_region("cn-north-1"));
        for bad in ["", "a.b", "A", "evil/host", &"a".repeat(33)] {
            assert!(!is_region(bad), "{bad}");
        }
    }
}
