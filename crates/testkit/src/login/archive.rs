//! The archive, and the cloud that holds its data.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::exchange::{Answered, Asked};
use super::service::CLIENT_ID;
use super::{LoginPlace, LoginRefusal, Shared};

/// The name of the cookie.
const COOKIE: &str = "archive-session";

impl Shared {
    pub(super) fn archive(&self, asked: &Asked) -> Answered {
        if asked.path == "/login" {
            return self.log_in(asked);
        }
        let token = asked.authorization.as_deref();
        let token = token.filter(|_| self.rules.takes_tokens);
        let known = token.and_then(|token| self.bearer(token));
        if known.is_none() && token.is_some_and(is_web_token) {
            // As the login service says of it.
            let words = json!({"error": "invalid_token"});
            return Answered::json(StatusCode::UNAUTHORIZED, &words);
        }
        let refusal = self.state.refusal();
        let is_unapproved = matches!(
            refusal,
            Some(LoginRefusal::Unapproved | LoginRefusal::Unauthorized)
        );
        if known.is_some() && is_unapproved {
            return self.eula_failure();
        }
        // What is no token at all is not told so, but sent to log in.
        let Some(user) = known.or_else(|| self.session(asked)) else {
            return self.send_to_login(asked);
        };
        match refusal {
            Some(LoginRefusal::Licence) => return self.eula_failure(),
            Some(LoginRefusal::Terms) => return Answered::html(StatusCode::OK, "Terms of use"),
            _ => {}
        }
        let mut guarded = self.rules.guarded.iter();
        if let Some((_, answer)) = guarded.find(|(path, _)| *path == asked.path) {
            let (status, body) = answer(&user);
            let status = StatusCode::from_u16(status).expect("a status");
            return Answered::new(status, "application/json", body);
        }
        if self.content.find(&asked.path).is_none() {
            return Answered::html(StatusCode::NOT_FOUND, "File not found");
        }
        let signature = {
            let lifetime = self.rules.signature_lifetime.as_secs();
            let ends = self.now() + i64::try_from(lifetime).unwrap_or(i64::MAX / 2);
            let mut held = self.state.lock();
            let signature = held.new_secret("signature");
            held.signatures.insert(signature.clone(), ends);
            signature
        };
        let cloud = self.url(LoginPlace::Cloud);
        let location = format!(
            "{cloud}{}?A-userid={user}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={signature}",
            asked.path
        );
        Answered::redirect(self.rules.redirect, location)
    }

    /// What the login service says of users who have not approved an application or a licence of it.
    fn eula_failure(&self) -> Answered {
        Answered::json(
            StatusCode::FORBIDDEN,
            &json!({
                "error": "invalid_token",
                "status_code": 403,
                "error_description": "EULA Acceptance Failure",
                "resolution_url": self.approval(),
            }),
        )
    }

    /// Whose cookie this is, if it is a good one.
    fn session(&self, asked: &Asked) -> Option<String> {
        let now = self.now();
        let cookies = asked.cookie.as_ref()?.split("; ");
        let mut values = cookies.filter_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='));
        let held = self.state.lock();
        values.find_map(|value| {
            let (user, ends) = held.sessions.get(value)?;
            (*ends > now).then(|| user.clone())
        })
    }

    fn send_to_login(&self, asked: &Asked) -> Answered {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("client_id", CLIENT_ID)
            .append_pair("response_type", "code")
            .append_pair(
                "redirect_uri",
                &format!("{}/login", self.url(LoginPlace::Archive)),
            )
            .append_pair("state", &asked.path)
            // Who asks is no browser.
            .append_pair("app_type", "401");
        let login = self.url(LoginPlace::Login);
        let location = format!("{login}/oauth/authorize?{}", query.finish());
        Answered::redirect(self.rules.redirect, location)
    }

    /// Takes a code for a cookie.
    fn log_in(&self, asked: &Asked) -> Answered {
        match asked.parameter("error").as_deref() {
            None => {}
            Some("access_denied") => {
                return Answered::html(StatusCode::UNAUTHORIZED, "Be sure to agree to the EULA.");
            }
            Some(_) => return Answered::html(StatusCode::BAD_REQUEST, "Could Not Login"),
        }
        let now = self.now();
        let lifetime = self.rules.cookie_lifetime.as_secs();
        let code = asked.parameter("code").unwrap_or_default();
        let mut held = self.state.lock();
        let Some(user) = held.codes.remove(&code) else {
            return Answered::html(StatusCode::FORBIDDEN, "Wrong code");
        };
        let session = held.new_secret("cookie");
        let ends = now + i64::try_from(lifetime).unwrap_or(i64::MAX / 2);
        held.sessions.insert(session.clone(), (user, ends));
        let back = asked.parameter("state").unwrap_or_else(|| "/".to_owned());
        Answered::redirect(StatusCode::MOVED_PERMANENTLY, back).with_header(
            "set-cookie",
            format!("{COOKIE}={session}; Path=/; Max-Age={lifetime}; HttpOnly"),
        )
    }

    pub(super) fn cloud(&self, asked: &Asked) -> Answered {
        if asked.authorization.is_some() {
            return refused(
                StatusCode::BAD_REQUEST,
                "InvalidArgument",
                "Only one auth mechanism allowed",
            );
        }
        let signature = asked.parameter("X-Amz-Signature").unwrap_or_default();
        let ends = self.state.lock().signatures.get(&signature).copied();
        if ends.is_none_or(|ends| ends <= self.now()) {
            return refused(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
        }
        let Some(mut found) = self.content.find(&asked.path) else {
            return refused(StatusCode::NOT_FOUND, "NoSuchKey", "no such key");
        };
        let size = found.size;
        let etag = found.etag.clone();
        let range = asked.range.as_deref().and_then(|text| range(text, size));
        let (status, range) = match range {
            Some(range) => (StatusCode::PARTIAL_CONTENT, range),
            None => (StatusCode::OK, 0..size),
        };
        let body = found.read(range.clone()).unwrap_or_default();
        let mut answered = Answered::new(status, "application/octet-stream", body)
            .with_header("etag", etag)
            .with_header("accept-ranges", "bytes".to_owned());
        if status == StatusCode::PARTIAL_CONTENT {
            let last = range.end.saturating_sub(1);
            let text = format!("bytes {}-{last}/{size}", range.start);
            answered = answered.with_header("content-range", text);
        }
        answered
    }
}

/// Whether an `Authorization` has what looks like a JSON web token of a user.
fn is_web_token(authorization: &str) -> bool {
    let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
    let mut parts = token.split('.');
    let claims = parts
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims =
        claims.and_then(|claims| serde_json::from_slice::<serde_json::Value>(&claims).ok());
    claims.is_some_and(|claims| claims["uid"].is_string()) && parts.count() == 1
}

/// `bytes=first-last`, within an object of this size.
fn range(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let last: u64 = last.parse().unwrap_or(u64::MAX);
    let end = last.saturating_add(1).min(size);
    (first < end).then_some(first..end)
}

/// An error as S3 writes it.
fn refused(status: StatusCode, code: &str, words: &str) -> Answered {
    let body = format!("<Error><Code>{code}</Code><Message>{words}</Message></Error>");
    Answered::new(status, "application/xml", Bytes::from(body))
}
