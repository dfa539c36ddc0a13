//! Requests that an [`S3Server`](super::S3Server) treats badly.

use http::{Method, StatusCode};
use s3s::Body;

/// Some requests, and what goes wrong with them.
#[derive(Clone, Debug)]
#[must_use]
pub struct S3Fault {
    method: Method,
    part: String,
    skip: u32,
    times: u32,
    trouble: S3Trouble,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum S3Trouble {
    /// It is not done, and answered with this status.
    Status(u16),
    /// It is not done, and the connection is closed.
    Broken,
    /// It is done, but the connection is closed before the answer.
    AnswerLost,
    /// It is not done, and answered with status 200 and a body that says `InternalError`.
    ErrorBody,
}

impl S3Fault {
    /// The next request of this method whose path and query hold this text.
    ///
    /// # Panics
    ///
    /// If this is no method.
    pub fn new(method: &str, part: &str, trouble: S3Trouble) -> Self {
        Self {
            method: method.parse().expect("a method"),
            part: part.to_owned(),
            skip: 0,
            times: 1,
            trouble,
        }
    }

    /// So many of them in a row.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// After so many of them that are treated well.
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Whether a request is one of these; then it counts as one.
    pub(super) fn strikes(&mut self, method: &Method, path_and_query: &str) -> Option<S3Trouble> {
        if *method != self.method || !path_and_query.contains(&self.part) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times = self.times.checked_sub(1)?;
        Some(self.trouble)
    }
}

impl S3Trouble {
    /// The answer, where there is one without doing what was asked for.
    pub(super) fn answer(self) -> Option<http::Response<Body>> {
        match self {
            Self::Status(status) => {
                let status = StatusCode::from_u16(status).expect("a status");
                Some(super::error(status, "Trouble", ""))
            }
            Self::ErrorBody => Some(super::error(StatusCode::OK, "InternalError", "")),
            Self::Broken | Self::AnswerLost => None,
        }
    }
}
