//! Tokens: what they look like, who has which.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::Shared;
use super::state::Given;

impl Shared {
    /// A new token of a user: a JSON web token, as the service's are.
    pub(crate) fn create_token(&self, user: &str) -> String {
        let now = self.now();
        let lifetime = i64::try_from(self.rules.token_lifetime.as_secs()).unwrap_or(i64::MAX);
        let ends = now.saturating_add(lifetime);
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let kind = encode(&json!({"typ": "JWT", "origin": "Earthdata Login", "alg": "RS256"}));
        let claims = encode(&json!({"type": "User", "uid": user, "exp": ends, "iat": now}));
        let mut held = self.state.lock();
        let text = format!("{kind}.{claims}.{}", held.new_secret("token"));
        held.tokens.push(Given {
            text: text.clone(),
            user: user.to_owned(),
            ends,
            revoked: false,
        });
        text
    }

    /// A good token of a user, if there is one.
    pub(crate) fn find_token(&self, user: &str) -> Option<String> {
        let now = self.now();
        let held = self.state.lock();
        let good = |token: &&Given| token.user == user && token.ends > now && !token.revoked;
        let found = held.tokens.iter().find(good);
        found.map(|token| token.text.clone())
    }

    /// When a token ends: month, day and year.
    pub(crate) fn expiration_date(&self, text: &str) -> String {
        let held = self.state.lock();
        let given = held.tokens.iter().find(|token| token.text == text);
        let ends = given.map_or(0, |token| token.ends);
        let date = chrono::DateTime::from_timestamp(ends, 0).unwrap_or_default();
        date.format("%m/%d/%Y").to_string()
    }

    /// Whose token this `Authorization` has, if it is a good one.
    pub(crate) fn bearer(&self, authorization: &str) -> Option<String> {
        let text = authorization.strip_prefix("Bearer ")?;
        let now = self.now();
        let held = self.state.lock();
        let given = held.tokens.iter().find(|token| token.text == text)?;
        (given.ends > now && !given.revoked).then(|| given.user.clone())
    }

    /// Whose user and password this `Authorization` has, if they are right.
    pub(crate) fn basic(&self, authorization: &str) -> Option<String> {
        let encoded = authorization.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        let held = self.state.lock();
        (held.users.get(user)? == password).then(|| user.to_owned())
    }
}
