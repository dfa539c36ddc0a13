//! The login service itself.

use http::{Method, StatusCode};
use serde_json::json;

use super::{Answered, Asked, LoginPlace, LoginRefusal, Shared};

/// The archive's application.
pub(super) const CLIENT_ID: &str = "Zx0yArchive1";

impl Shared {
    pub(super) fn login(&self, asked: &Asked) -> Answered {
        if self.state.refusal() == Some(LoginRefusal::OutOfOrder) {
            return Answered::html(StatusCode::SERVICE_UNAVAILABLE, "Down for maintenance");
        }
        match (&asked.method, asked.path.as_str()) {
            (&Method::POST, "/api/users/find_or_create_token") => self.find_or_create(asked),
            (&Method::GET, "/oauth/authorize") => self.authorize(asked),
            _ => Answered::html(StatusCode::NOT_FOUND, "Not found"),
        }
    }

    fn find_or_create(&self, asked: &Asked) -> Answered {
        let authorization = asked.authorization.as_deref().unwrap_or_default();
        let Some(user) = self.basic(authorization) else {
            return wrong();
        };
        let found = self.find_token(&user);
        let token = found.unwrap_or_else(|| self.create_token(&user));
        Answered::json(
            StatusCode::OK,
            &json!({
                "access_token": token,
                "token_type": "Bearer",
                "expiration_date": self.expiration_date(&token),
            }),
        )
    }

    fn authorize(&self, asked: &Asked) -> Answered {
        let back = asked.parameter("redirect_uri").unwrap_or_default();
        let home = format!("{}/", self.url(LoginPlace::Archive));
        if asked.parameter("client_id").as_deref() != Some(CLIENT_ID) || !back.starts_with(&home) {
            return Answered::json(
                StatusCode::BAD_REQUEST,
                &json!({"error": "invalid_request", "error_description": "Invalid client"}),
            );
        }
        let Some(authorization) = &asked.authorization else {
            return Answered::html(StatusCode::OK, "Earthdata Login");
        };
        let user = self.basic(authorization);
        let Some(user) = user.or_else(|| self.bearer(authorization)) else {
            return wrong();
        };
        let state = asked.parameter("state").unwrap_or_default();
        let mut answer = url::form_urlencoded::Serializer::new(String::new());
        if self.state.refusal() == Some(LoginRefusal::Unapproved) {
            answer.append_pair("error", "access_denied");
            answer.append_pair("error_msg", "User did not authorize application");
        } else {
            let mut held = self.state.lock();
            let code = held.new_secret("code");
            answer.append_pair("code", &code);
            held.codes.insert(code, user);
        }
        answer.append_pair("state", &state);
        Answered::redirect(StatusCode::FOUND, format!("{back}?{}", answer.finish()))
    }
}

/// What the service says to wrong users and passwords.
fn wrong() -> Answered {
    Answered::json(
        StatusCode::UNAUTHORIZED,
        &json!({
            "error": "invalid_credentials",
            "error_description": "Invalid user credentials",
        }),
    )
}
