//! Answers in place of the right ones.

/// An answer in place of the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CmrFault {
    /// Only requests whose path ends so: `granules.umm_json`; empty for all.
    pub path: String,
    /// So many requests are let through before.
    pub skip: u32,
    /// So many have the fault.
    pub count: u32,
    /// The status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: String,
}

impl CmrFault {
    /// All requests are answered with this status and body.
    pub fn always(status: u16, body: &str) -> Self {
        Self {
            path: String::new(),
            skip: 0,
            count: u32::MAX,
            status,
            retry_after: None,
            body: body.to_owned(),
        }
    }

    /// Whether a request has the fault; then it counts as one.
    pub(super) fn strikes(&mut self, path: &str) -> bool {
        if !path.ends_with(&self.path) || self.count == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.count -= 1;
        true
    }
}
