//! What goes wrong, and when.

use std::time::Duration;

/// One way for an answer to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is reset before any answer.
    Reset,
    /// The headers are those of the whole answer; the connection ends after this many bytes of body.
    Truncate(u64),
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
    /// 302 to this `Location`.
    Redirect(String),
    /// An extra header; it replaces the server's own of that name.
    Header(String, String),
    /// Waits this long, beyond the latency, before it answers.
    Delay(Duration),
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

/// A fault, its schedule, and the requests that it has seen.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) path: Option<String>,
    pub(crate) fault: Fault,
    pub(crate) when: When,
    pub(crate) seen: u64,
}

impl Rule {
    /// The fault, if this request is to have it. Counts the request if the rule matches its path.
    pub(crate) fn strike(&mut self, path: &str) -> Option<Fault> {
        if self.path.as_deref().is_some_and(|only| only != path) {
            return None;
        }
        let number = self.seen;
        self.seen += 1;
        self.when.hits(number).then(|| self.fault.clone())
    }
}
