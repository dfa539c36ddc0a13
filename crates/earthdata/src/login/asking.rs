//! What is asked of the login service: a token, through the one call that it has for that.
//!
//! `POST /api/users/find_or_create_token`, as user and password:
//!
//! | field             | content                                                              |
//! |-------------------|----------------------------------------------------------------------|
//! | `access_token`    | text, a JSON web token                                               |
//! | `token_type`      | `Bearer`                                                             |
//! | `expiration_date` | the day on which it ends, `MM/DD/YYYY`                               |

use std::sync::atomic::Ordering;

use chunkref_io::{Request, Response};
use serde::Deserialize;

use super::service::User;
use super::token::Token;
use super::{Login, LoginError, Secret};
use crate::answer::{without, words};

/// What the login service calls a token.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    expiration_date: Option<String>,
}

impl Login {
    /// Asks for a token.
    pub(super) async fn ask(&self, user: User<'_>) -> Result<Token, LoginError> {
        let url = self.page("api/users/find_or_create_token");
        let of_io = unreachable("Earthdata Login");
        let request = Request::post(&url, "application/x-www-form-urlencoded", "")
            .and_then(|request| request.with_header("Accept", "application/json"))
            .and_then(|request| request.with_basic(user.name, user.password.expose()))
            .map_err(&of_io)?
            .with_max_answer(64 << 10);
        let response = self.0.client.request(&request).await.map_err(&of_io)?;
        match response.status() {
            200..=299 => {
                self.0.is_accepted.store(true, Ordering::Relaxed);
                let given: Option<Given> = serde_json::from_slice(response.body()).ok();
                let given = given.and_then(|given| {
                    let token = Token::new(&Secret::new(given.access_token))?;
                    let expiration = given.expiration_date.as_deref();
                    Some(token.given(expiration, response.header("date")))
                });
                given.ok_or_else(|| self.odd(&response, "the answer has no token"))
            }
            401 => Err(self.refused_user(user.source)),
            _ => {
                let is_page = response.body().trim_ascii_start().starts_with(b"<");
                let said = if is_page {
                    "a page of HTML".to_owned()
                } else {
                    words(response.body())
                };
                // A service that repeats what it was told is not to be repeated.
                let said = without(&said, &[user.password.expose()]);
                Err(self.odd(&response, &said))
            }
        }
    }

    fn odd(&self, response: &Response, words: &str) -> LoginError {
        LoginError::Service {
            host: self.host().to_owned(),
            status: response.status(),
            words: words.to_owned(),
        }
    }
}

pub(super) fn unreachable(what: &'static str) -> impl Fn(chunkref_io::Error) -> LoginError {
    move |error| LoginError::Unreachable {
        what,
        reason: error.to_string(),
    }
}
