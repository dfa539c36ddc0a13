//! What the headers of an answer say of the bytes that it has.

use std::ops::Range;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};
use object_store::client::HttpResponse;

use crate::pin::Pin;

/// The whole object, where the server ignored the range; an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct Whole(pub(crate) Bytes);

/// A header as text; `None` if absent or not visible ASCII.
pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// `bytes first-last/size`, as a range and the size.
pub(super) fn content_range(value: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (
        first.trim().parse().ok()?,
        last.trim().parse().ok()?,
        size.trim().parse().ok()?,
    );
    (first <= last && last < size).then(|| (first..last.saturating_add(1), size))
}

/// What the headers say of an object of this size.
pub(super) fn pin(headers: &HeaderMap, size: u64) -> Pin {
    Pin {
        size: Some(size),
        etag: text(headers, &ETAG),
        last_modified: text(headers, &LAST_MODIFIED),
        ..Pin::default()
    }
}

/// What the headers of an answer say that has bytes of the object.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(super) headers: HeaderMap,
    /// The bytes of the object that are or were to come.
    pub(super) range: Range<u64>,
    /// The object's size.
    pub(super) size: u64,
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

#[cfg(test)]
mod tests {
    use super::content_range;

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
}
