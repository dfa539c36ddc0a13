//! Temporary keys, as the endpoints of data centres hand them out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::StatusCode;

use super::rules::Worded;

/// The keys of one endpoint: it hands them out, an [`S3Server`](super::S3Server) checks them. A clone is
/// the same endpoint.
///
/// Secrets and tokens have `s3cr3t` in them, so that a test can look for them wherever they must not be.
///
/// ```
/// use std::time::Duration;
/// use chunkref_testkit::TemporaryKeys;
///
/// let keys = TemporaryKeys::new("podaac", &["bucket"], Duration::from_secs(5));
/// let (status, body) = keys.answer();
/// assert_eq!(status, 200);
/// assert!(body.contains("accessKeyId"));
/// assert_eq!(keys.handed_out(), 1);
/// ```
#[derive(Clone)]
pub struct TemporaryKeys(Arc<Mutex<State>>);

struct State {
    name: String,
    /// The buckets that they open.
    buckets: Vec<String>,
    lifetime: Duration,
    /// How far the clock of the endpoint and of S3 is ahead of this machine's.
    ahead: Duration,
    handed_out: u32,
    /// By their ids.
    issued: HashMap<String, Issued>,
    refusal: Option<(u16, String)>,
    /// After so many more requests all keys end.
    end_after: Option<u32>,
}

#[derive(Clone)]
struct Issued {
    secret: String,
    token: String,
    /// Since 1970, by the endpoint's clock.
    ends: Duration,
}

impl State {
    fn now(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap_or_default() + self.ahead
    }

    fn end_all(&mut self) {
        let now = self.now();
        for issued in self.issued.values_mut() {
            issued.ends = now;
        }
    }

    /// One more request.
    fn count(&mut self) {
        match self.end_after {
            Some(0) => {
                self.end_after = None;
                self.end_all();
            }
            Some(left) => self.end_after = Some(left - 1),
            None => {}
        }
    }
}

impl TemporaryKeys {
    /// An endpoint whose keys open these buckets for so long.
    pub fn new(name: &str, buckets: &[&str], lifetime: Duration) -> Self {
        Self(Arc::new(Mutex::new(State {
            name: name.to_owned(),
            buckets: buckets.iter().map(|one| (*one).to_owned()).collect(),
            lifetime,
            ahead: Duration::ZERO,
            handed_out: 0,
            issued: HashMap::new(),
            refusal: None,
            end_after: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New keys: status and JSON of the answer.
    ///
    /// # Panics
    ///
    /// Never: the times are within those that can be written.
    pub fn answer(&self) -> (u16, String) {
        let mut state = self.state();
        if let Some(refusal) = &state.refusal {
            return refusal.clone();
        }
        state.handed_out += 1;
        let number = state.handed_out;
        let id = format!("ASIA{}{number}", state.name.to_ascii_uppercase());
        let issued = Issued {
            secret: format!("s3cr3t/key+{}-{number}", state.name),
            token: format!("s3cr3t-session-{}-{number}==", state.name),
            ends: state.now() + state.lifetime,
        };
        let ends = chrono::DateTime::<chrono::Utc>::from(SystemTime::UNIX_EPOCH + issued.ends);
        let body = format!(
            r#"{{"accessKeyId": "{id}", "secretAccessKey": "{}", "sessionToken": "{}", "expiration": "{}"}}"#,
            issued.secret,
            issued.token,
            // As they write it: with a space, and to the second.
            ends.format("%Y-%m-%d %H:%M:%S+00:00")
        );
        state.issued.insert(id, issued);
        (200, body)
    }

    /// How often keys were handed out.
    pub fn handed_out(&self) -> u32 {
        self.state().handed_out
    }

    /// Ends all keys so far.
    pub fn end_all(&self) {
        self.state().end_all();
    }

    /// Ends all keys once so many more requests were signed with them.
    pub fn end_all_after(&self, requests: u32) {
        self.state().end_after = Some(requests);
    }

    /// Forgets all keys so far.
    pub fn forget_all(&self) {
        self.state().issued.clear();
    }

    /// Lets the clock of the endpoint and of S3 go forward.
    pub fn advance(&self, by: Duration) {
        self.state().ahead += by;
    }

    /// Hands out no keys, but this status and body; or keys again.
    pub fn set_refusal(&self, refusal: Option<(u16, &str)>) {
        let refusal = refusal.map(|(status, body)| (status, body.to_owned()));
        self.state().refusal = refusal;
    }

    /// The secret of a key that was handed out.
    pub(super) fn secret(&self, id: &str) -> Option<String> {
        Some(self.state().issued.get(id)?.secret.clone())
    }

    /// What S3 says to a request with this key, if it does not take it: `None` where the key is none of
    /// these.
    pub(super) fn refusal(
        &self,
        id: &str,
        token: Option<&str>,
        bucket: &str,
    ) -> Option<Result<(), Worded>> {
        let mut state = self.state();
        if state.issued.contains_key(id) {
            state.count();
        }
        let issued = state.issued.get(id)?;
        Some(if token != Some(issued.token.as_str()) {
            Err(INVALID_TOKEN)
        } else if state.now() >= issued.ends {
            Err(EXPIRED_TOKEN)
        } else if state.buckets.iter().any(|one| one == bucket) {
            Ok(())
        } else {
            Err(ACCESS_DENIED)
        })
    }
}

/// The words of S3.
pub(super) const UNKNOWN_KEY: Worded = Worded {
    status: StatusCode::FORBIDDEN,
    code: "InvalidAccessKeyId",
    message: "The AWS Access Key Id you provided does not exist in our records.",
};
const INVALID_TOKEN: Worded = Worded {
    status: StatusCode::BAD_REQUEST,
    code: "InvalidToken",
    message: "The provided token is malformed or otherwise invalid.",
};
const EXPIRED_TOKEN: Worded = Worded {
    status: StatusCode::BAD_REQUEST,
    code: "ExpiredToken",
    message: "The provided token has expired.",
};
pub(super) const ACCESS_DENIED: Worded = Worded {
    status: StatusCode::FORBIDDEN,
    code: "AccessDenied",
    message: "Access Denied",
};

/// Without the keys.
impl fmt::Debug for TemporaryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryKeys")
            .field("name", &self.state().name)
            .finish_non_exhaustive()
    }
}
