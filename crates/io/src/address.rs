//! Addresses: which store and object a URL or path names, and how it may be printed.

use std::path::PathBuf;

use url::Url;

use crate::error::{Error, Result};

/// Where an object lies.
#[derive(Clone)]
pub(crate) enum Address {
    /// A local file.
    File(PathBuf),
    /// `http` or `https`; the URL is without user, password and fragment.
    Http {
        url: Url,
        /// User and password of the URL.
        login: Option<(String, String)>,
    },
    /// A bucket or container of a cloud store.
    Bucket {
        kind: BucketKind,
        /// `scheme://bucket`.
        base: String,
        bucket: String,
        /// The key, as it is: not percent-encoded.
        key: String,
    },
}

/// The kinds of cloud stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BucketKind {
    S3,
    Google,
    Azure,
}

impl Address {
    /// Parses a URL or path; anything without a scheme is a path.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let fail = |reason: &str| {
            Err(Error::Address {
                url: printable(text),
                reason: reason.to_owned(),
            })
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = Url::parse(text)
                    .ok()
                    .and_then(|url| url.to_file_path().ok());
                return match path {
                    Some(path) => Ok(Self::File(path)),
                    None => fail("not a file URL: expected file:///absolute/path"),
                };
            }
            "http" | "https" => return Self::http(text),
            "s3" | "s3a" => BucketKind::S3,
            "gs" | "gcs" => BucketKind::Google,
            "az" | "azure" | "abfs" | "abfss" => BucketKind::Azure,
            _ => {
                return fail("unknown scheme: expected a path or file, http, https, s3, gs or az");
            }
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        // `abfs://container@account.dfs.core.windows.net/key` is Hadoop's way to write it.
        let hadoop = kind == BucketKind::Azure && bucket.matches('@').count() == 1;
        if bucket.is_empty() || !bucket.bytes().all(|b| named(b) || (hadoop && b == b'@')) {
            return fail("no such bucket can be: expected scheme://bucket/key");
        }
        if key.is_empty() {
            return fail("no key: expected scheme://bucket/key");
        }
        Ok(Self::Bucket {
            kind,
            base: format!("{scheme}://{bucket}"),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    fn http(text: &str) -> Result<Self> {
        let fail = |reason: String| Error::Address {
            url: printable(text),
            reason,
        };
        let mut url = Url::parse(text).map_err(|error| fail(format!("not a URL: {error}")))?;
        url.set_fragment(None);
        let login = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let password = url.password().unwrap_or_default().to_owned();
            (url.username().to_owned(), password)
        });
        // Both succeed for URLs that have a host, as all http URLs do.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        // `object_store` panics on a request that `http` can't make.
        if let Err(error) = url.as_str().parse::<http::Uri>() {
            return Err(fail(format!("not a URL that can be requested: {error}")));
        }
        Ok(Self::Http { url, login })
    }
}

/// The path that a `file` URL names.
///
/// # Errors
///
/// If it is no `file` URL, or names another machine.
pub fn file_path(url: &str) -> Result<PathBuf> {
    match Address::parse(url)? {
        Address::File(path) => Ok(path),
        _ => Err(Error::Address {
            url: printable(url),
            reason: "not a file URL: expected file:///absolute/path".to_owned(),
        }),
    }
}

/// An address as it may be printed: without user, password, query and fragment.
///
/// Paths and keys of buckets may hold `?` and `#` as they are, and have no query. Of what can't be parsed
/// nothing is printed that may be a password.
///
/// ```
/// assert_eq!(chunkref_io::printable("https://me:secret@host/a.nc?sig=x"), "https://host/a.nc");
/// ```
pub fn printable(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        // With a slash too few it is no path, if it looks like one.
        let starts = |scheme: &str| {
            let start = text.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        return match text.split_once(':') {
            Some((scheme, rest)) if starts("http:") || starts("https:") => {
                format!("{scheme}:{}", without_user(rest))
            }
            _ => text.to_owned(),
        };
    };
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        // A user in place of a bucket; passwords may hold slashes.
        let bucket = rest.split('/').next().unwrap_or_default();
        let is_hadoop = scheme.to_ascii_lowercase().starts_with("ab") && !bucket.contains(':');
        let is_bucket = is_hadoop || !bucket.contains(['@', ':']);
        if is_bucket || scheme.eq_ignore_ascii_case("file") {
            return text.to_owned();
        }
        return format!("{scheme}://{}", without_user(rest));
    }
    let rest = if Url::parse(text).is_ok() {
        rest
    } else {
        without_user(rest)
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{scheme}://{}{path}", without_user(host))
}

/// What follows the last `@`.
fn without_user(text: &str) -> &str {
    text.rsplit('@').next().unwrap_or_default()
}

/// A message of another library with its URLs made printable, and not longer than 400 characters.
pub(crate) fn printable_message(message: &str) -> String {
    let words: Vec<String> = message
        .split_whitespace()
        .map(|word| match word.find("http") {
            Some(at) if word[at..].contains("://") => {
                format!("{}{}", &word[..at], printable(&word[at..]))
            }
            _ => word.to_owned(),
        })
        .collect();
    words.join(" ").chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::{Address, BucketKind, printable, printable_message};

    #[test]
    fn addresses_are_told_apart() {
        assert!(
            matches!(Address::parse("a/b?c.h5").unwrap(), Address::File(p) if p.ends_with("b?c.h5"))
        );
        assert!(matches!(
            Address::parse("C:\\a.h5").unwrap(),
            Address::File(_)
        ));
        let Address::File(path) = Address::parse("file:///a%20b/c.h5").unwrap() else {
            panic!("not a file")
        };
        assert_eq!(path.to_str(), Some("/a b/c.h5"));
        let Address::Http { url, login } = Address::parse("HTTPS://u:p@h/a b?q=1#f").unwrap()
        else {
            panic!("not http")
        };
        assert_eq!(url.as_str(), "https://h/a%20b?q=1");
        assert_eq!(login, Some(("u".into(), "p".into())));
        let Address::Bucket {
            kind, base, key, ..
        } = Address::parse("s3://b/k/a b#1?.h5").unwrap()
        else {
            panic!("not a bucket")
        };
        assert_eq!((kind, base.as_str()), (BucketKind::S3, "s3://b"));
        assert_eq!(key, "k/a b#1?.h5");
        for bad in [
            "ftp://a/b",
            "s3://",
            "s3://b",
            "s3:///k",
            "s3://a b/k",
            "http://",
            "file://h/x",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(
            printable("https://u:p@ss@h:1/a/b?X-Amz-Signature=s#f"),
            "https://h:1/a/b"
        );
        assert_eq!(printable("https://h?token=s"), "https://h");
        assert_eq!(printable("s3://b/k?x"), "s3://b/k?x");
        assert_eq!(
            printable_message("GET (https://u:p@h/a?sig=secret) failed:  x"),
            "GET (https://h/a failed: x"
        );
        assert_eq!(
            printable("abfs://c@a.dfs.core.windows.net/k@b"),
            "abfs://c@a.dfs.core.windows.net/k@b"
        );
        assert_eq!(printable("s3://b/k@a:b"), "s3://b/k@a:b");
        assert_eq!(printable("https://h/a@b"), "https://h/a@b");
        for bad in [
            "https://u:secret@h:bad/",
            "https://h:bad/?secret",
            "https://u:secret/x@127.0.0.1:1/a.nc",
            "https://u:secret?x@h/a.nc",
            "https://u:secret#x@h/a.nc",
            "s3://AK:secret@bucket/a.nc",
            "s3://AK:secret/x@bucket/a.nc",
            "s3://secret@bucket/a.nc",
        ] {
            let error = Address::parse(bad).err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let path = printable("http:/u:secret@h/a.nc");
        assert!(!path.contains("secret"), "{path}");
    }
}
