//! Who asks: what a login gives to requests, as others implement it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use object_store::aws::AwsCredential;
use url::Url;

use crate::access::BucketInfo;

/// What is sent to which host to say who asks, and which keys open which bucket.
///
/// It is asked before each attempt, and after each redirect, with the URL that is to be requested: so
/// nothing travels to a host for which it was not meant. A user and password in the URL itself go
/// before it. No secret may be in what its errors, advice and `Debug` say: they are printed.
#[async_trait]
pub trait Authority: fmt::Debug + Send + Sync {
    /// The `Authorization` of a request to this URL; `None` sends none.
    ///
    /// # Errors
    ///
    /// If there is no use in asking without one: why, and what to do.
    async fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, String>;

    /// Takes note that the server at this URL did not accept (401) what was sent to it. Says whether
    /// asking once more may help, with what [`authorization`](Self::authorization) then gives.
    async fn refused(&self, _url: &Url, _sent: &HeaderValue) -> bool {
        false
    }

    /// Whether cookies that the server at this URL sets are kept. Each is sent back only where this
    /// holds too.
    fn keeps_cookies(&self, _url: &Url) -> bool {
        false
    }

    /// Whether this is where one logs in: of the requests that a host sends there one goes first, and
    /// the others wait for the cookie that it comes back with.
    fn is_login(&self, _url: &Url) -> bool {
        false
    }

    /// What somebody is to do whom the server at this URL refuses: with this status and the beginning
    /// of a body, or with a page of HTML in place of data (`None`).
    fn advice(&self, _url: &Url, _status: Option<u16>, _body: &str) -> Option<String> {
        None
    }

    /// Takes note of what a record or a set says of a bucket. It earns no trust by saying so.
    fn learn(&self, _known: &BucketInfo) {}

    /// The keys for an object of an S3 bucket; `None`: those of the environment. Where keys are the
    /// same, they are one `Arc`.
    fn keys(&self, _bucket: &str, _key: &str) -> Option<Arc<dyn BucketKeys>> {
        None
    }
}

/// Temporary keys of S3 buckets, which are renewed before they end.
#[async_trait]
pub trait BucketKeys: fmt::Debug + Send + Sync {
    /// The keys as they are now. Asked before each request.
    ///
    /// # Errors
    ///
    /// If there are none: why, and what to do.
    async fn get(&self) -> Result<Arc<AwsCredential>, String>;

    /// Takes note that the server calls these keys expired or unknown. Says whether asking once more
    /// may help, with what [`get`](Self::get) then gives.
    async fn refused(&self, keys: &AwsCredential) -> bool;

    /// The region of the buckets, where it is known.
    fn region(&self) -> Option<String> {
        None
    }
}

/// The `Authorization` of a user and a password. It is marked, so that it is not printed.
pub fn basic_authorization(user: &str, password: &str) -> HeaderValue {
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    // All of base64 can be in a header.
    let value = HeaderValue::from_str(&value);
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}
