//! Tokens: what they say of themselves, and how long they are good.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chunkref_io::HeaderValue;

use super::Secret;

/// Longer texts are no tokens.
const LONGEST: usize = 16 << 10;
/// A token is renewed so long before its end, or a fifth of its lifetime, whichever is less.
const MARGIN: Duration = Duration::from_mins(5);

/// A bearer token.
#[derive(Clone)]
pub(crate) struct Token {
    header: HeaderValue,
    /// What it says of its end.
    ends: Option<DateTime<Utc>>,
    /// Whose it says that it is.
    user: Option<String>,
    /// When another is asked for, by the clock that nobody sets.
    due: Option<Instant>,
}

impl Token {
    /// A token, if this text can be one.
    pub(crate) fn new(text: &Secret) -> Option<Self> {
        let text = text.expose().trim();
        // `Bearer` before it is a slip that is easily made.
        let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
        let plain = |byte: u8| byte.is_ascii_graphic();
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(plain) {
            return None;
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).ok()?;
        header.set_sensitive(true);
        let claims = claims(text);
        let claim = |name: &str| claims.as_ref().and_then(|claims| claims.get(name));
        let ends = claim("exp").and_then(serde_json::Value::as_i64);
        let user = claim("uid").and_then(serde_json::Value::as_str);
        Some(Self {
            header,
            ends: ends.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            user: user.filter(|user| is_name(user)).map(str::to_owned),
            due: None,
        })
    }

    /// The same token, that the service has said ends on this day. Its lifetime is counted from the time
    /// that the service's own clock shows: this machine's may be wrong.
    pub(crate) fn given(mut self, expiration: Option<&str>, date: Option<&str>) -> Self {
        self.ends = self.ends.or_else(|| expiration.and_then(end_of_day_before));
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let now = date.map_or_else(Utc::now, |date| date.to_utc());
        let left = self.ends.map(|ends| ends.signed_duration_since(now));
        // One that seems to have ended is one whose end is not known.
        let left = left.and_then(|left| left.to_std().ok());
        self.due = left.filter(|left| !left.is_zero()).and_then(|left| {
            let margin = MARGIN.min(left.checked_div(5).unwrap_or_default());
            Instant::now().checked_add(left.saturating_sub(margin))
        });
        self
    }

    /// What is sent.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The token alone.
    pub(crate) fn text(&self) -> &str {
        text(&self.header)
    }

    /// When it ends, as far as is known.
    pub(crate) fn ends(&self) -> Option<DateTime<Utc>> {
        self.ends
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether another is to be asked for.
    pub(crate) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }
}

/// The token of an `Authorization`.
pub(crate) fn text(header: &HeaderValue) -> &str {
    let text = header.to_str().unwrap_or_default();
    text.strip_prefix("Bearer ").unwrap_or_default()
}

/// What a JSON web token says; nothing of it is proven.
fn claims(text: &str) -> Option<serde_json::Value> {
    let claims = text.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// Whether this may be the name of a user: it is printed.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

/// The beginning of a day, `MM/DD/YYYY`.
fn end_of_day_before(text: &str) -> Option<DateTime<Utc>> {
    let day = NaiveDate::parse_from_str(text, "%m/%d/%Y").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::{Secret, Token};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn token(claims: &str) -> Token {
        let text = format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(claims));
        Token::new(&Secret::new(text)).unwrap()
    }

    #[test]
    fn a_token_tells_whose_it_is_and_when_it_ends() {
        let one = token(r#"{"uid":"some.one","exp":1767225600}"#);
        assert_eq!(one.user(), Some("some.one"));
        assert_eq!(one.ends().unwrap().to_string(), "2026-01-01 00:00:00 UTC");
        assert!(!one.is_due());
        for odd in ["", "{}", "[1]", r#"{"uid":"\u001b[2J","exp":"x"}"#] {
            let odd = token(odd);
            assert_eq!((odd.user(), odd.ends()), (None, None));
        }
        let plain = Token::new(&Secret::new(" Bearer plain\n")).unwrap();
        assert_eq!(plain.header().to_str().unwrap(), "Bearer plain");
        assert_eq!(plain.text(), "plain");
        for bad in ["", " ", "two words", "a\u{7f}b", "é"] {
            assert!(Token::new(&Secret::new(bad)).is_none(), "{bad:?}");
        }
    }

    /// Whatever this machine's clock shows: the service's counts.
    #[test]
    fn lifetimes_are_those_of_the_services_clock() {
        let date = Some("Thu, 01 Jan 2099 00:00:00 GMT");
        let ends = 4_070_908_800_i64 + 3600; // an hour later
        let one = token(&format!(r#"{{"exp":{ends}}}"#)).given(None, date);
        let left = one.due.unwrap() - std::time::Instant::now();
        assert!((3290..=3300).contains(&left.as_secs()), "{left:?}");
        let short = token(&format!(r#"{{"exp":{}}}"#, ends - 3590)).given(None, date);
        let left = short.due.unwrap() - std::time::Instant::now();
        assert!((7..=8).contains(&left.as_secs()), "{left:?}");
        // By the service's clock it has ended: only the service can tell whether it is good.
        let past = Some("Fri, 02 Jan 2099 00:00:00 GMT");
        assert!(
            token(&format!(r#"{{"exp":{ends}}}"#))
                .given(None, past)
                .due
                .is_none()
        );
        let by_day = token("{}").given(Some("01/03/2099"), date);
        assert_eq!(
            by_day.ends().unwrap().to_string(),
            "2099-01-03 00:00:00 UTC"
        );
        assert!(token("{}").given(Some("soon"), date).due.is_none());
    }
}
