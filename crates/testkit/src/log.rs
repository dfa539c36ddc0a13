//! The request log.

use std::ops::Range;

use crate::answer::Answer;
use crate::request::Request;

/// One request and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The method.
    pub method: String,
    /// The path, as asked (percent-encoded, without the query).
    pub path: String,
    /// The query, if there is one.
    pub query: Option<String>,
    /// The bytes asked for, before they are cut to the object's size; a suffix range is resolved.
    pub range: Option<Range<u64>>,
    /// The status that was sent; 0 for a reset connection.
    pub status: u16,
    /// The bytes of body that were sent.
    pub bytes: u64,
    /// The request's `Authorization` header.
    pub authorization: Option<String>,
    /// The request's `Cookie` header.
    pub cookie: Option<String>,
    /// The number of the connection, from 0.
    pub connection: u64,
    /// Whether it came over HTTP/2.
    pub http2: bool,
}

impl Entry {
    pub(crate) fn new(request: &Request, answer: &Answer, connection: u64, http2: bool) -> Self {
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            range: answer.range.clone(),
            status: answer.status,
            bytes: u64::try_from(answer.body.len()).unwrap_or(u64::MAX),
            authorization: request.header("authorization").map(str::to_owned),
            cookie: request.header("cookie").map(str::to_owned),
            connection,
            http2,
        }
    }
}
