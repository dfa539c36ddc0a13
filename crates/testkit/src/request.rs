//! Requests, parsed.

use std::ops::Range;

/// The head of one request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) close: bool,
    headers: Vec<(String, String)>,
}

impl Request {
    /// Parses a head, up to and without the empty line; `None` if it is not HTTP.
    pub(crate) fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        // A proxied request names the whole URL.
        let target = match target.strip_prefix("http://") {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let mut request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            close: false,
            headers,
        };
        request.close = version == "HTTP/1.0"
            || request
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Some(request)
    }

    /// A request of HTTP/2.
    #[cfg(feature = "tls")]
    pub(crate) fn of_http2<B>(request: &http::Request<B>) -> Self {
        let headers = request.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            close: false,
            headers: headers.collect(),
        }
    }

    /// The first header of this lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The bytes asked for of an object of `size` bytes. `None`: the whole. Not cut to the size.
    ///
    /// As RFC 9110 (section 14.2) has it, a `Range` that is malformed or of several parts counts
    /// as none.
    pub(crate) fn range(&self, size: u64) -> Option<Range<u64>> {
        let (start, end) = self
            .header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        if start.is_empty() {
            let suffix: u64 = end.parse().ok()?;
            return Some(size.saturating_sub(suffix)..size);
        }
        let start = start.parse().ok()?;
        let end = match end {
            "" => size.max(start),
            end => end.parse::<u64>().ok()?.checked_add(1)?,
        };
        (start < end || start >= size).then_some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn ranges_are_those_of_the_specification() {
        let range = |value: &str| {
            Request::parse(&format!("GET /a?b=c HTTP/1.1\r\nRange: {value}"))
                .unwrap()
                .range(100)
        };
        assert_eq!(range("bytes=0-9"), Some(0..10));
        assert_eq!(range("bytes=90-"), Some(90..100));
        assert_eq!(range("bytes=-10"), Some(90..100));
        assert_eq!(range("bytes=-1000"), Some(0..100));
        assert_eq!(range("bytes=90-200"), Some(90..201));
        assert_eq!(range("bytes=9-3"), None);
        assert_eq!(range("bytes=0-1,5-6"), None);
        assert_eq!(range("lines=0-1"), None);
    }
}
