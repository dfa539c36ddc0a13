//! What the servers remember.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginPlace {
    /// Where users log in.
    Login,
    /// Where data is asked for.
    Archive,
    /// Where data lies, at signed addresses.
    Cloud,
}

/// Why somebody is refused who is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginRefusal {
    /// The user has not approved the archive's application: the archive refuses tokens, and the login
    /// service sends back who logs in with a password.
    Unapproved,
    /// The same, where the login service answers with 401 to a right password.
    Unauthorized,
    /// The archive's application wants to know more of the user than the profile has.
    Profile,
    /// The user has not accepted a licence.
    Licence,
    /// A page of terms comes in place of data, with status 200.
    Terms,
    /// The login service is out of order (503).
    OutOfOrder,
}

/// One request, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginRequest {
    /// To which server.
    pub place: LoginPlace,
    /// The method.
    pub method: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query, percent-encoded; empty without one.
    pub query: String,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// `Cookie`.
    pub cookie: Option<String>,
    /// The status.
    pub status: u16,
}

/// A token that was handed out.
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) user: String,
    pub(crate) ends: i64,
    pub(crate) revoked: bool,
}

#[derive(Default)]
pub(crate) struct Held {
    pub(crate) users: HashMap<String, String>,
    pub(crate) refusal: Option<LoginRefusal>,
    pub(crate) tokens: Vec<Given>,
    /// Users by code.
    pub(crate) codes: HashMap<String, String>,
    /// Users and ends by cookie.
    pub(crate) sessions: HashMap<String, (String, i64)>,
    /// Ends by signature.
    pub(crate) signatures: HashMap<String, i64>,
    made: u64,
    log: Vec<LoginRequest>,
}

impl Held {
    /// A text that was never given before.
    pub(crate) fn new_secret(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("s3cr3t-{kind}-{}", self.made)
    }
}

pub(crate) struct State(Mutex<Held>);

impl State {
    pub(crate) fn new(users: Vec<(String, String)>, refusal: Option<LoginRefusal>) -> Self {
        Self(Mutex::new(Held {
            users: users.into_iter().collect(),
            refusal,
            ..Held::default()
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, request: LoginRequest) {
        self.lock().log.push(request);
    }

    pub(crate) fn log(&self) -> Vec<LoginRequest> {
        self.lock().log.clone()
    }

    pub(crate) fn reset(&self) {
        self.lock().log.clear();
    }

    pub(crate) fn refusal(&self) -> Option<LoginRefusal> {
        self.lock().refusal
    }

    pub(crate) fn set_refusal(&self, refusal: Option<LoginRefusal>) {
        self.lock().refusal = refusal;
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        let held = self.lock();
        held.tokens.iter().map(|token| token.text.clone()).collect()
    }

    pub(crate) fn revoke_tokens(&self) {
        for token in &mut self.lock().tokens {
            token.revoked = true;
        }
    }

    pub(crate) fn end_sessions(&self) {
        self.lock().sessions.clear();
    }

    pub(crate) fn end_signatures(&self) {
        self.lock().signatures.clear();
    }
}
