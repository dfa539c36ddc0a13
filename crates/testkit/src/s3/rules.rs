//! What real S3 wants of a request, and `s3s` does not ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use s3s::Body;

use super::S3Request;
use super::temporary::{ACCESS_DENIED, TemporaryKeys, UNKNOWN_KEY};

/// What is asked of a request before S3 sees it.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) anonymous: bool,
    /// The id of the keys that stay.
    pub(super) fixed: Option<String>,
    pub(super) token: Option<String>,
    /// The buckets' region, and the status with which requests signed for another are answered.
    pub(super) region: Option<(String, StatusCode)>,
    pub(super) requester_pays: bool,
    pub(super) latency: Duration,
    pub(super) temporary: Vec<TemporaryKeys>,
    /// Whether all requests are denied, as those from other regions are.
    pub(super) denies: Arc<AtomicBool>,
}

impl Rules {
    /// What real S3 says to a request that `s3s` would answer.
    pub(super) fn refusal(&self, entry: &S3Request, headers: &HeaderMap) -> Option<Response<Body>> {
        if let (Some((name, status)), Some(other)) = (&self.region, &entry.signed_for)
            && other != name
        {
            if *status == StatusCode::BAD_REQUEST {
                let region = format!("<Region>{name}</Region>");
                return Some(error(*status, "AuthorizationHeaderMalformed", &region));
            }
            let mut refused = error(*status, "PermanentRedirect", "");
            let name = name.parse().expect("a region's name");
            refused.headers_mut().insert("x-amz-bucket-region", name);
            return Some(refused);
        }
        if entry.signed_for.is_some() && self.token.is_some() && entry.token != self.token {
            return Some(error(StatusCode::FORBIDDEN, "InvalidToken", ""));
        }
        if let Some(refused) = self.of_temporary_keys(entry) {
            return Some(refused.response());
        }
        if self.denies.load(Ordering::SeqCst) {
            return Some(ACCESS_DENIED.response());
        }
        let pays = headers.get("x-amz-request-payer");
        if self.requester_pays && pays.is_none_or(|pays| pays != "requester") {
            return Some(error(StatusCode::FORBIDDEN, "AccessDenied", ""));
        }
        None
    }

    /// What is said to a request that is signed with temporary keys which it does not take.
    fn of_temporary_keys(&self, entry: &S3Request) -> Option<Worded> {
        let id = entry
            .key_id
            .as_deref()
            .filter(|_| !self.temporary.is_empty())?;
        let bucket = entry.path.trim_start_matches('/').split('/').next();
        let token = entry.token.as_deref();
        let mut found = self
            .temporary
            .iter()
            .filter_map(|keys| keys.refusal(id, token, bucket.unwrap_or_default()));
        match found.next() {
            Some(answer) => answer.err(),
            None if self.fixed.as_deref() == Some(id) => None,
            None => Some(UNKNOWN_KEY),
        }
    }
}

/// A refusal in S3's own words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worded {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
}

impl Worded {
    fn response(self) -> Response<Body> {
        let Self {
            status,
            code,
            message,
        } = self;
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>{message}</Message></Error>"
        );
        let mut response = Response::new(Body::from(Bytes::from(text)));
        *response.status_mut() = status;
        response
    }
}

/// The id of the key of a signature.
pub(super) fn key_id(authorization: &str) -> Option<String> {
    let scope = authorization.split_once("Credential=")?.1;
    Some(scope.split('/').next()?.to_owned())
}

/// The region of a signature: `AWS4-HMAC-SHA256 Credential=id/date/region/s3/aws4_request, ...`.
pub(super) fn region(authorization: &str) -> Option<String> {
    let scope = authorization.split_once("Credential=")?.1;
    Some(scope.split('/').nth(2)?.to_owned())
}

/// An error as S3 writes it.
pub(super) fn error(status: StatusCode, code: &str, more: &str) -> Response<Body> {
    let text = format!("<Error><Code>{code}</Code><Message>no</Message>{more}</Error>");
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
