//! What an endpoint answers.
//!
//! | field             | content                                                                  |
//! |-------------------|--------------------------------------------------------------------------|
//! | `accessKeyId`     | text                                                                     |
//! | `secretAccessKey` | text                                                                     |
//! | `sessionToken`    | text                                                                     |
//! | `expiration`      | `2026-11-27 01:00:00+00:00`, or as RFC 3339 has it                       |

use chrono::{DateTime, Utc};
use chunkref_io::{AwsCredential, Client, Request, Response, Url};
use serde_json::Value;

/// Longer answers are no keys.
const LONGEST: usize = 64 << 10;
/// A longer value is none of a key.
const LONGEST_VALUE: usize = 16 << 10;

/// Keys, and when they end.
pub(super) struct Answer {
    pub(super) keys: AwsCredential,
    /// When they end, by the server's clock.
    pub(super) expiration: Option<DateTime<Utc>>,
    /// What the server's clock said.
    pub(super) date: Option<DateTime<Utc>>,
}

/// Asks an endpoint, as whoever is logged in.
///
/// # Errors
///
/// Why there are no keys, and what to do; without the endpoint, and without secrets.
pub(super) async fn ask(client: &Client, endpoint: &Url) -> Result<Answer, String> {
    let request = Request::get(endpoint.as_str()).map_err(|error| told(&error))?;
    let request = request
        .with_header("accept", "application/json")
        .map_err(|error| told(&error))?
        .with_max_answer(LONGEST)
        .with_login();
    let response = client.request(&request).await;
    let response = response.map_err(|error| told(&error))?;
    let body = response.body();
    let is_page = response
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
        || body.trim_ascii_start().starts_with(b"<");
    if !response.is_success() || is_page {
        return Err(refused(client, endpoint, &response, is_page));
    }
    Answer::parse(body, response.header("date"))
}

/// An error of io, without the URL.
fn told(error: &chunkref_io::Error) -> String {
    let text = error.to_string();
    let named = format!("{}: ", error.url());
    text.strip_prefix(&named).unwrap_or(&text).to_owned()
}

/// What somebody is to do who gets no keys.
fn refused(client: &Client, endpoint: &Url, response: &Response, is_page: bool) -> String {
    let status = response.status();
    let text = String::from_utf8_lossy(response.body());
    let what = if response.is_success() {
        "it answered with a page of HTML".to_owned()
    } else {
        format!("status {status}")
    };
    let of_answer = (!response.is_success()).then_some(status);
    let authority = client.options().authority.as_ref();
    let advice = authority.and_then(|one| one.advice(endpoint, of_answer, &text));
    let advice = advice.unwrap_or_else(|| match status {
        401 => "log in first: chunkref login (or set EARTHDATA_TOKEN)".to_owned(),
        403 => format!(
            "the login may not have keys yet: open {endpoint} in a browser once, and accept what it \
             asks for (an application, a licence)"
        ),
        _ if is_page => format!(
            "log in (chunkref login), or open {endpoint} in a browser once and accept the terms"
        ),
        _ => "try again later, or read over https (--access external)".to_owned(),
    });
    format!("{what}: {advice}")
}

impl Answer {
    /// Keys of a body and of the header `Date`.
    pub(super) fn parse(body: &[u8], date: Option<&str>) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
        let field = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            // What is sent in a header, or signed with.
            let fits = |text: &&str| {
                (1..=LONGEST_VALUE).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_graphic())
            };
            let text = text.map(str::trim).filter(fits).map(str::to_owned);
            text.ok_or_else(|| format!("the answer has no {name} that could be one"))
        };
        let expiration = value.get("expiration").and_then(Value::as_str);
        Ok(Self {
            keys: AwsCredential {
                key_id: field("accessKeyId")?,
                secret_key: field("secretAccessKey")?,
                token: Some(field("sessionToken")?),
            },
            expiration: expiration.and_then(moment),
            date: date.and_then(|date| {
                let date = DateTime::parse_from_rfc2822(date.trim()).ok()?;
                Some(date.to_utc())
            }),
        })
    }
}

/// A moment as endpoints write it: RFC 3339, or with a space, and perhaps without a zone (then UTC).
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim().replacen(' ', "T", 1);
    let zoned = DateTime::parse_from_rfc3339(&text).ok();
    let zoned = zoned.or_else(|| DateTime::parse_from_rfc3339(&format!("{text}Z")).ok());
    Some(zoned?.to_utc())
}
