//! Which way leads to data: from the bucket itself, or over https.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Which way is taken to an object to which several lead ([`Client::choose`](crate::Client::choose)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// From the bucket where that turns out to work, else over https. One small read per bucket proves
    /// it; the answer is remembered.
    #[default]
    Auto,
    /// From the bucket only.
    Direct,
    /// Over https only.
    External,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Direct => "direct",
            Self::External => "external",
        })
    }
}

impl FromStr for Access {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Auto, Self::Direct, Self::External];
        let fits = |one: &Self| one.to_string() == text;
        all.into_iter()
            .find(fits)
            .ok_or_else(|| format!("access {text:?}: expected auto, direct or external"))
    }
}

/// What a record or a set says of the objects of a bucket that lie under a prefix. It is a hint: what
/// it says earns no trust by being said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketInfo {
    /// The prefix, `s3://bucket/` and what keys begin with.
    pub prefix: String,
    /// The region of the bucket.
    pub region: Option<String>,
    /// Where temporary keys for it are handed out.
    pub credentials_endpoint: Option<String>,
}

impl BucketInfo {
    /// A prefix of which nothing is known yet.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            ..Self::default()
        }
    }

    /// The same with the region of the bucket.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The same with the endpoint of its keys.
    #[must_use]
    pub fn with_credentials_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.credentials_endpoint = Some(endpoint.into());
        self
    }
}

/// Who is told what a user should know, though nothing failed: one line each.
#[derive(Clone)]
pub struct Notices(Arc<dyn Fn(&str) + Send + Sync>);

impl Notices {
    /// Notices go to this function.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, text: &str) {
        (self.0)(text);
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}
