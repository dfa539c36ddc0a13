//! The request log.

use std::ops::Range;

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
}
