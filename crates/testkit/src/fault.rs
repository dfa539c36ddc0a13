//! What goes wrong, and when.

use std::ops::Range;
use std::time::Duration;

use crate::schedule::Schedule;

/// One way for an answer to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is reset before any answer.
    Reset,
    /// The headers are those of the whole answer; the connection ends after this many bytes of body.
    Truncate(u64),
    /// The headers are those of the whole answer; after this many bytes of body nothing comes, and
    /// the connection stays open.
    Stall(u64),
    /// The body comes in pieces of `piece` bytes with a pause after each.
    Drip {
        /// Bytes in one piece; at least 1.
        piece: u64,
        /// The time between two pieces.
        pause: Duration,
    },
    /// An answer with this status and an empty body.
    Status {
        /// The status code.
        code: u16,
        /// `Retry-After`, as sent: seconds or an HTTP date.
        retry_after: Option<String>,
    },
    /// `Range` is ignored: 200 with the whole object.
    IgnoreRange,
    /// 206 with this `Content-Range` in place of the true one.
    ContentRange(String),
    /// 206 with the bytes one further on, and the `Content-Range` that is true of them; as asked
    /// where there are none.
    ShiftRange,
    /// The body is gzip, and `Content-Encoding` says so. `Content-Range` stays that of the bytes.
    Gzip,
    /// Another object of the same size in place of the right one: each bit is flipped, and the
    /// `ETag` is another.
    Replace,
    /// 302 to this `Location`.
    Redirect(String),
    /// An extra header; it replaces the server's own of that name.
    Header(String, String),
    /// Waits this long, beyond the latency, before it answers.
    Delay(Duration),
}

impl Fault {
    /// Faults that pass, or that can be lived with. A body breaks off or stalls at once, early, or after
    /// `bytes` of it.
    #[must_use]
    pub fn passing(bytes: u64) -> Vec<Self> {
        let status = |code, retry_after: Option<&str>| Self::Status {
            code,
            retry_after: retry_after.map(str::to_owned),
        };
        vec![
            Self::Reset,
            Self::Truncate(0),
            Self::Truncate(33),
            Self::Truncate(bytes),
            Self::Stall(0),
            Self::Stall(bytes),
            Self::Drip {
                piece: 3000,
                pause: Duration::from_millis(2),
            },
            Self::Delay(Duration::from_millis(10)),
            Self::IgnoreRange,
            status(408, None),
            status(429, Some("0")),
            status(500, None),
            status(502, None),
            status(503, None),
            status(503, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
            status(504, None),
        ]
    }

    /// Faults after which there is nothing to do but to say so.
    #[must_use]
    pub fn staying() -> Vec<Self> {
        let status = |code| Self::Status {
            code,
            retry_after: None,
        };
        vec![
            Self::Gzip,
            Self::Replace,
            Self::ShiftRange,
            Self::ContentRange("bytes 0-9/*".into()),
            Self::Header("ETag".into(), "\"another\"".into()),
            status(403),
            status(404),
        ]
    }
}

/// Which of the requests that a rule matches are hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// All.
    Always,
    /// The first so many.
    First(u64),
    /// All after the first so many.
    After(u64),
    /// Every n-th: the n-th, the 2n-th...; 0 is never.
    Every(u64),
}

impl When {
    /// Whether the request of this number (from 0) is hit.
    pub(crate) fn hits(self, number: u64) -> bool {
        match self {
            Self::Always => true,
            Self::First(n) => number < n,
            Self::After(n) => number >= n,
            Self::Every(n) => n > 0 && (number + 1).is_multiple_of(n),
        }
    }
}

/// Faults for the requests of one path, or of all.
#[derive(Debug)]
pub(crate) struct Rule {
    path: Option<String>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// One fault, and the requests that it has seen.
    One(Fault, When, u64),
    Many(Schedule),
}

impl Rule {
    pub(crate) fn one(path: Option<&str>, fault: Fault, when: When) -> Self {
        Self {
            path: path.map(str::to_owned),
            source: Source::One(fault, when, 0),
        }
    }

    pub(crate) fn many(path: &str, schedule: Schedule) -> Self {
        Self {
            path: Some(path.to_owned()),
            source: Source::Many(schedule),
        }
    }

    /// The fault, if this request is to have it. Counts the request if the rule matches its path.
    pub(crate) fn strike(&mut self, path: &str, range: Option<&Range<u64>>) -> Option<Fault> {
        if self.path.as_deref().is_some_and(|only| only != path) {
            return None;
        }
        match &mut self.source {
            Source::One(fault, when, seen) => {
                let number = *seen;
                *seen += 1;
                when.hits(number).then(|| fault.clone())
            }
            Source::Many(schedule) => schedule.strike(range),
        }
    }
}
