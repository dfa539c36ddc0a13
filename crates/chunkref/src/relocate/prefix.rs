//! One prefix of URLs in place of another.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::RelocateError;

/// What stands for itself in the path of a URL: all else is percent-encoded. S3 takes `+` for a
/// space where it is not.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A prefix of URLs or paths, and what comes in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    from: Side,
    to: Side,
}

/// A prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    /// Without a slash at its end, unless it is `/` or ends in `://`.
    text: String,
    writing: Writing,
}

/// How the names of objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// As they are: paths, and keys of buckets.
    Plain,
    /// Percent-encoded: `http` and `https`.
    Web,
    /// Percent-encoded: `file`.
    File,
}

impl Writing {
    fn of(text: &str) -> Self {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some("http" | "https") => Self::Web,
            Some("file") => Self::File,
            _ => Self::Plain,
        }
    }
}

impl Side {
    fn new(text: &str) -> Result<Self, RelocateError> {
        let trimmed = text.trim_end_matches('/');
        // `s3://` is a prefix too, and so is the root of all paths.
        let bare = trimmed.ends_with(':') || trimmed.is_empty();
        if text.is_empty() || text.contains(['?', '#']) && Writing::of(text) == Writing::Web {
            return Err(RelocateError::Prefix {
                prefix: text.split(['?', '#']).next().unwrap_or_default().to_owned(),
            });
        }
        Ok(Self {
            text: if bare { text } else { trimmed }.to_owned(),
            writing: Writing::of(text),
        })
    }

    /// What follows the prefix, without a slash at its front; `None` if it does not fit.
    fn rest<'a>(&self, text: &'a str) -> Option<&'a str> {
        let rest = text.strip_prefix(self.text.as_str())?;
        if rest.is_empty() || self.text.ends_with('/') {
            return Some(rest);
        }
        rest.strip_prefix('/')
    }
}

impl Change {
    pub(super) fn new(from: &str, to: &str) -> Result<Self, RelocateError> {
        let mut from = Side::new(from)?;
        if from.writing == Writing::File {
            from = Side::new(&local(&from.text).ok_or_else(|| RelocateError::Prefix {
                prefix: from.text.clone(),
            })?)?;
        }
        Ok(Self {
            from,
            to: Side::new(to)?,
        })
    }

    /// What becomes of a URL; `None` if it does not lie under the prefix.
    ///
    /// # Errors
    /// When it does, and can't be written under the other one.
    pub(super) fn apply(&self, url: &str) -> Result<Option<String>, RelocateError> {
        // A path and its `file` URL name the same.
        let path = (Writing::of(url) == Writing::File)
            .then(|| local(url))
            .flatten();
        let Some(rest) = self.from.rest(path.as_deref().unwrap_or(url)) else {
            return Ok(None);
        };
        let unfit = |reason: &str| RelocateError::Unfit {
            url: url.split(['?', '#']).next().unwrap_or_default().to_owned(),
            reason: reason.to_owned(),
        };
        let rest = match (self.from.writing, self.to.writing) {
            (from, to) if from == to => rest.to_owned(),
            (Writing::Web, _) if rest.contains(['?', '#']) => {
                return Err(unfit("has a query, which only URLs of http have"));
            }
            (Writing::Web, Writing::Plain) => {
                let decoded = percent_decode_str(rest).decode_utf8();
                decoded
                    .map_err(|_| unfit("is not UTF-8 once percent-decoded"))?
                    .into_owned()
            }
            (Writing::Web, _) => rest.to_owned(),
            _ => utf8_percent_encode(rest, IN_PATH).to_string(),
        };
        if rest.split('/').any(|name| name == "..") {
            return Err(unfit("leads out of the folder that it is to lie in (..)"));
        }
        let to = self.to.text.as_str();
        Ok(Some(if rest.is_empty() {
            to.to_owned()
        } else if to.ends_with('/') {
            format!("{to}{rest}")
        } else {
            format!("{to}/{rest}")
        }))
    }
}

/// The path that a `file` URL names.
fn local(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    Some(percent_decode_str(path).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(from: &str, to: &str, url: &str) -> Option<String> {
        Change::new(from, to).unwrap().apply(url).unwrap()
    }

    #[test]
    fn prefixes_end_where_names_do() {
        for (from, to, url, expected) in [
            ("s3://a/b", "s3://c", "s3://a/b/x.h5", Some("s3://c/x.h5")),
            ("s3://a/b/", "s3://c", "s3://a/b/x.h5", Some("s3://c/x.h5")),
            ("s3://a/b", "s3://c/", "s3://a/b/x.h5", Some("s3://c/x.h5")),
            ("s3://a/b", "s3://c", "s3://a/bc/x.h5", None),
            ("s3://a/b", "s3://c", "s3://a/b", Some("s3://c")),
            (
                "s3://a",
                "s3://c/d",
                "s3://a/b/x.h5",
                Some("s3://c/d/b/x.h5"),
            ),
            ("s3://a", "s3://c", "s3://ab/x.h5", None),
            (
                "s3://",
                "https://h",
                "s3://a/b.h5",
                Some("https://h/a/b.h5"),
            ),
            ("s3://", "gs://", "s3://a/b.h5", Some("gs://a/b.h5")),
            ("/", "s3://a", "/d/b.h5", Some("s3://a/d/b.h5")),
            ("/d", "/", "/d/b.h5", Some("/b.h5")),
            ("/d/b.h5", "/e/c.h5", "/d/b.h5", Some("/e/c.h5")),
            (
                "https://h/p",
                "https://h/q",
                "https://h/p/a?x=1",
                Some("https://h/q/a?x=1"),
            ),
        ] {
            assert_eq!(
                moved(from, to, url).as_deref(),
                expected,
                "{from} {to} {url}"
            );
        }
    }

    #[test]
    fn names_are_written_as_their_scheme_has_them() {
        for (from, to, url, expected) in [
            (
                "s3://b",
                "https://h",
                "s3://b/a b+1#é.h5",
                "https://h/a%20b%2B1%23%C3%A9.h5",
            ),
            (
                "https://h",
                "s3://b",
                "https://h/a%20b%2B1%23%C3%A9.h5",
                "s3://b/a b+1#é.h5",
            ),
            ("s3://b", "/d", "s3://b/a%20b", "/d/a%20b"),
            ("/d", "file:///e", "/d/a b", "file:///e/a%20b"),
            ("/d", "/e", "file:///d/a%20b", "/e/a b"),
            ("file:///d", "s3://b", "/d/a b", "s3://b/a b"),
            (
                "file:///d%20e/",
                "s3://b",
                "file:///d%20e/a%20b",
                "s3://b/a b",
            ),
            (
                "https://h",
                "file:///d",
                "https://h/a%20b",
                "file:///d/a%20b",
            ),
        ] {
            assert_eq!(
                moved(from, to, url).as_deref(),
                Some(expected),
                "{from} {to} {url}"
            );
        }
    }

    #[test]
    fn what_can_not_be_moved_is_an_error() {
        let change = Change::new("https://h", "s3://b").unwrap();
        let error = change
            .apply("https://h/a?sig=s3cr3t")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "https://h/a: has a query, which only URLs of http have"
        );
        assert!(change.apply("https://h/%ff").is_err());
        let change = Change::new("https://h/data", "/mnt/d").unwrap();
        for out in [
            "https://h/data/%2e%2e/etc/x",
            "https://h/data/a/%2E%2E%2f../x",
        ] {
            let error = change.apply(out).unwrap_err().to_string();
            assert!(error.contains("leads out of the folder"), "{error}");
        }
        assert!(change.apply("https://h/data/a..b/..c").is_ok());
        for (from, to) in [("", "s3://b"), ("s3://b", ""), ("https://h?x", "s3://b")] {
            assert!(Change::new(from, to).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn there_and_back_is_the_same(key in "[^\\x00-\\x1f/][^\\x00-\\x1f]{0,40}", other in "[a-z/]{0,8}") {
            let key = key.trim_end_matches('/');
            let url = format!("s3://b/{key}");
            let web = moved("s3://b", "https://h/p", &url).unwrap();
            proptest::prop_assert!(web.is_ascii());
            proptest::prop_assert!(!web[8..].contains(['?', '#', ' ', '+']));
            proptest::prop_assert_eq!(moved("https://h/p", "s3://b", &web), Some(url.clone()));
            let file = moved("s3://b", "file:///p", &url).unwrap();
            proptest::prop_assert_eq!(moved("/p", "s3://b", &file), Some(url.clone()));
            // What only begins alike is another name.
            let longer = format!("s3://b{other}x/{key}");
            let fits = moved("s3://b", "s3://c", &longer).is_some();
            proptest::prop_assert_eq!(fits, other.starts_with('/'));
        }
    }
}
