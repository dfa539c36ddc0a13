//! What tells whether an object is still the one that was read before.

use crate::error::{Error, Result};

/// What pins an object. All are `None` before its first read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pin {
    /// Size in bytes.
    pub size: Option<u64>,
    /// `ETag`, as the server gave it.
    pub etag: Option<String>,
    /// `Last-Modified`, as the server gave it; for a local file its modification time (RFC 3339,
    /// UTC, nanoseconds).
    pub last_modified: Option<String>,
    /// Whether this was said of the object at another URL, by another server: then the size must be the
    /// same, an `ETag` only where both are such as S3 makes of content, and `Last-Modified` says
    /// nothing. The first answer makes it false: from then on the object must stay what it was there.
    pub is_of_other_url: bool,
}

/// Whether two `ETag`s tell apart what has different content: both are MD5 sums, or both are made of
/// those of equally many parts, as S3 does. (One object sent through another server keeps the one that
/// S3 gave it; a server that has a copy makes up its own, of its file's time perhaps.)
fn are_comparable(one: &str, other: &str) -> bool {
    let parts = |etag: &str| -> Option<u32> {
        let bare = etag.trim_start_matches("W/").trim_matches('"');
        let (sum, parts) = bare
            .split_once('-')
            .map_or((bare, Some(0)), |(sum, parts)| {
                (sum, parts.parse().ok().filter(|parts| *parts > 0))
            });
        let is_sum = sum.len() == 32 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        parts.filter(|_| is_sum)
    };
    parts(one).is_some_and(|count| parts(other) == Some(count))
}

impl Pin {
    /// Takes in what an answer says of the object at this URL, or finds that it contradicts an earlier
    /// one.
    ///
    /// `Last-Modified` counts only where there is no `ETag` to compare: servers behind one name
    /// may differ in it.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`], if it is another object.
    pub fn agree(&mut self, url: &str, now: Self) -> Result<()> {
        let changed = |what, before: String, now: String| Error::Changed {
            url: url.to_owned(),
            what,
            before,
            now,
        };
        if let (Some(before), Some(now)) = (self.size, now.size)
            && before != now
        {
            let bytes = |size| format!("{size} bytes");
            return Err(changed("size", bytes(before), bytes(now)));
        }
        if self.is_of_other_url {
            if let (Some(before), Some(now)) = (&self.etag, &now.etag)
                && before != now
                && are_comparable(before, now)
            {
                return Err(changed("ETag", before.clone(), now.clone()));
            }
            *self = Self {
                size: self.size.or(now.size),
                ..now
            };
            return Ok(());
        }
        match (&self.etag, &now.etag) {
            (Some(before), Some(now)) if before != now => {
                return Err(changed("ETag", before.clone(), now.clone()));
            }
            (Some(_), Some(_)) => {}
            _ => {
                if let (Some(before), Some(now)) = (&self.last_modified, &now.last_modified)
                    && before != now
                {
                    return Err(changed("Last-Modified", before.clone(), now.clone()));
                }
            }
        }
        self.size = self.size.or(now.size);
        self.etag = self.etag.take().or(now.etag);
        self.last_modified = self.last_modified.take().or(now.last_modified);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Pin;

    fn pin(size: u64, etag: &str, modified: &str) -> Pin {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Pin {
            size: Some(size),
            etag: some(etag),
            last_modified: some(modified),
            ..Pin::default()
        }
    }

    const SUM: &str = "\"0123456789abcdef0123456789abcdef\"";
    const OTHER_SUM: &str = "\"1123456789abcdef0123456789abcdef\"";
    const PARTS: &str = "\"0123456789abcdef0123456789abcdef-3\"";

    #[test]
    fn what_another_server_says_is_compared_where_it_can_be() {
        for (first, second, what) in [
            (pin(1, SUM, "x"), pin(1, SUM, "y"), None),
            (pin(1, SUM, "x"), pin(2, SUM, "x"), Some("size")),
            (pin(1, SUM, "x"), pin(1, OTHER_SUM, "x"), Some("ETag")),
            (pin(1, SUM, "x"), pin(1, PARTS, "x"), None),
            (pin(1, SUM, "x"), pin(1, "\"5c-61\"", "x"), None),
            (pin(1, "\"5c-61\"", "x"), pin(1, "\"5c-62\"", "x"), None),
            (pin(1, "", "x"), pin(1, SUM, "y"), None),
        ] {
            let mut known = first.clone();
            known.is_of_other_url = true;
            let agreed = known.agree("u", second.clone());
            let found = agreed.err().map(|error| error.to_string());
            match (what, &found) {
                (Some(what), Some(text)) => assert!(text.contains(what), "{text}"),
                (None, None) => {
                    // From now on it is what this server says that must stay.
                    assert_eq!(known, second);
                    let changed = known.agree("u", pin(1, "\"z\"", "z"));
                    assert!(changed.is_err(), "{second:?}");
                }
                _ => panic!("{first:?} {second:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn changes_are_found_by_what_both_answers_have() {
        for (first, second, what) in [
            (pin(1, "a", "x"), pin(1, "a", "x"), None),
            (pin(1, "a", "x"), pin(2, "a", "x"), Some("size")),
            (pin(1, "a", "x"), pin(1, "b", "x"), Some("ETag")),
            (pin(1, "a", "x"), pin(1, "a", "y"), None),
            (pin(1, "", "x"), pin(1, "", "y"), Some("Last-Modified")),
            (pin(1, "a", "x"), pin(1, "", "y"), Some("Last-Modified")),
            (pin(1, "a", ""), pin(1, "", "y"), None),
        ] {
            let mut known = Pin::default();
            known.agree("u", first.clone()).unwrap();
            let error = known.agree("u", second.clone()).err();
            let found = error.as_ref().map(ToString::to_string);
            match (what, &found) {
                (Some(what), Some(text)) => assert!(text.contains(what), "{text}"),
                (None, None) => {}
                _ => panic!("{first:?} {second:?}: {found:?}"),
            }
        }
    }
}
