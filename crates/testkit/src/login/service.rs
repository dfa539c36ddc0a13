//! The login service itself.

use http::{Method, StatusCode};
use serde_json::json;

use super::exchange::{Answered, Asked};
use super::{LoginPlace, LoginRefusal, Shared};

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
            // No page is shown to who is no browser, as archives say of those who are none.
            if asked.parameter("app_type").as_deref() == Some("401") {
                return Answered::new(
                    StatusCode::UNAUTHORIZED,
                    "text/html; charset=utf-8",
                    "HTTP Basic: Access denied.\n",
                )
                .with_header(
                    "www-authenticate",
                    "Basic realm=\"Earthdata Login\"".to_owned(),
                );
            }
            return Answered::html(StatusCode::OK, "Earthdata Login");
        };
        let user = self.basic(authorization);
        let Some(user) = user.or_else(|| self.bearer(authorization)) else {
            if authorization.starts_with("Bearer ") {
                return Answered::json(
                    StatusCode::UNAUTHORIZED,
                    &json!({"error": "invalid_token"}),
                );
            }
            return wrong();
        };
        let state = asked.parameter("state").unwrap_or_default();
        let mut answer = url::form_urlencoded::Serializer::new(String::new());
        match self.state.refusal() {
            Some(LoginRefusal::Unauthorized) => return wrong(),
            Some(LoginRefusal::Unapproved) => {
                answer.append_pair("error", "access_denied");
                answer.append_pair(
                    "error_msg",
                    "Pre authorization required for this application, please authorize by visiting the \
                     resolution url",
                );
                answer.append_pair("resolution_url", &self.approval());
            }
            Some(LoginRefusal::Profile) => {
                answer.append_pair("error", "access_denied");
                answer.append_pair(
                    "error_msg",
                    "Please update your profile for application required attributes Study Area",
                );
            }
            _ => {
                let mut held = self.state.lock();
                let code = held.new_secret("code");
                answer.append_pair("code", &code);
                held.codes.insert(code, user);
            }
        }
        answer.append_pair("state", &state);
        Answered::redirect(StatusCode::FOUND, format!("{back}?{}", answer.finish()))
    }

    /// Where users approve the archive's application.
    pub(super) fn approval(&self) -> String {
        let login = self.url(LoginPlace::Login);
        format!("{login}/approve_app?client_id={CLIENT_ID}")
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
