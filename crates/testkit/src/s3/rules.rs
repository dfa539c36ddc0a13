//! What real S3 wants of a request, and `s3s` does not ask for.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use s3s::Body;

use super::S3Request;

/// What is asked of a request before S3 sees it.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) anonymous: bool,
    pub(super) token: Option<String>,
    /// The buckets' region, and the status with which requests signed for another are answered.
    pub(super) region: Option<(String, StatusCode)>,
    pub(super) requester_pays: bool,
    pub(super) latency: Duration,
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
        let pays = headers.get("x-amz-request-payer");
        if self.requester_pays && pays.is_none_or(|pays| pays != "requester") {
            return Some(error(StatusCode::FORBIDDEN, "AccessDenied", ""));
        }
        None
    }
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
