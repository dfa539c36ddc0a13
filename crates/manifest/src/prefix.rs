//! What the URLs under one prefix have in common.

use serde::{Deserialize, Serialize};

/// What is known of all objects under a prefix of URLs. A prefix ends where a part of the path
/// does: `s3://a/b` holds `s3://a/b` and `s3://a/b/c`, not `s3://a/bc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Prefix {
    /// The prefix, such as `s3://podaac-ops-cumulus-protected/`.
    pub prefix: String,
    /// The region of the bucket, such as `us-west-2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where temporary S3 credentials for it are had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_endpoint: Option<String>,
}

impl Prefix {
    /// A prefix of which nothing is known yet.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            ..Self::default()
        }
    }

    /// The same with the region of its bucket.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The same with the endpoint of its credentials.
    #[must_use]
    pub fn with_credentials_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.credentials_endpoint = Some(endpoint.into());
        self
    }
}

/// Prefixes, ascending, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefixes(Vec<Prefix>);

impl Prefixes {
    /// Of several for one prefix the last.
    pub(crate) fn new(mut all: Vec<Prefix>) -> Self {
        all.reverse();
        all.sort_by(|one, other| one.prefix.cmp(&other.prefix));
        all.dedup_by(|one, other| one.prefix == other.prefix);
        Self(all)
    }

    pub(crate) fn set(&mut self, prefix: Prefix) {
        match self.search(&prefix.prefix) {
            Ok(place) => {
                if let Some(known) = self.0.get_mut(place) {
                    *known = prefix;
                }
            }
            Err(place) => self.0.insert(place, prefix),
        }
    }

    pub(crate) fn all(&self) -> &[Prefix] {
        &self.0
    }

    pub(crate) fn of(&self, url: &str) -> Option<&Prefix> {
        if self.0.is_empty() {
            return None;
        }
        let slashes = url.rmatch_indices('/').map(|(at, _)| at);
        // With its last slash a prefix is longer than without.
        let ends = slashes.flat_map(|at| [at.saturating_add(1), at]);
        std::iter::once(url.len())
            .chain(ends)
            .find_map(|end| self.0.get(self.search(url.get(..end)?).ok()?))
    }

    fn search(&self, prefix: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|known| known.prefix.as_str().cmp(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_that_ends_with_a_part_of_the_path_is_found() {
        let mut prefixes = Prefixes::default();
        for prefix in ["s3://a/b/", "s3://a", "s3://a/b/c", "https://h/", "s3://a"] {
            prefixes.set(Prefix::new(prefix));
        }
        assert_eq!(prefixes.all().len(), 4);
        for (url, expected) in [
            ("s3://a/b/c/d.nc", Some("s3://a/b/c")),
            ("s3://a/b/c", Some("s3://a/b/c")),
            ("s3://a/b/cd", Some("s3://a/b/")),
            ("s3://a/b", Some("s3://a")),
            ("s3://a/bc/x", Some("s3://a")),
            ("s3://ab/x", None),
            ("https://h/x", Some("https://h/")),
            ("", None),
        ] {
            let found = prefixes.of(url).map(|found| found.prefix.as_str());
            assert_eq!(found, expected, "{url}");
        }
    }
}
