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
}

impl Pin {
    /// Takes in what an answer says, or finds that it contradicts an earlier one.
    ///
    /// `Last-Modified` counts only where there is no `ETag` to compare: servers behind one name
    /// may differ in it.
    pub(crate) fn agree(&mut self, url: &str, now: Self) -> Result<()> {
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
