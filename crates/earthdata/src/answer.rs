//! Answers of CMR, taken apart. They are not trusted: what is in them is bounded before it is read.

use std::fmt;

use chunkref_io::Response;
use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// One record is not longer, in bytes of JSON.
pub(crate) const LONGEST_RECORD: usize = 4 << 20;
/// Of CMR's own words so many characters are shown.
const WORDS: usize = 400;

/// The top of an answer in `umm_json`.
#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow)]
    items: &'a RawValue,
}

/// One page of an answer.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// How many records fit the search, as `CMR-Hits` has it.
    pub(crate) hits: u64,
    /// What leads to the next page.
    pub(crate) search_after: Option<String>,
    pub(crate) items: Vec<T>,
}

/// Reads a page of at most so many records, one record after the other.
pub(crate) fn page<T>(
    response: &Response,
    most: usize,
    record: impl FnMut(&Value) -> Result<T, String>,
) -> Result<Page<T>, String> {
    let items = items(response.body(), most, record)?;
    Ok(Page {
        hits: hits(response).ok_or("no CMR-Hits in its headers")?,
        search_after: response.header("cmr-search-after").map(str::to_owned),
        items,
    })
}

/// How many there are of what was asked for, on whatever page.
pub(crate) fn hits(response: &Response) -> Option<u64> {
    response.header("cmr-hits")?.trim().parse().ok()
}

/// The records of a body in `umm_json`.
pub(crate) fn items<T>(
    body: &[u8],
    most: usize,
    record: impl FnMut(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let top: Top<'_> = serde_json::from_slice(body).map_err(|error| {
        let start: String = String::from_utf8_lossy(body.get(..60).unwrap_or(body)).into_owned();
        format!("{error}, expected UMM JSON; it begins with {start:?}")
    })?;
    list(top.items.get().as_bytes(), most, record).map_err(|reason| format!("items: {reason}"))
}

/// The records of a list.
pub(crate) fn list<T>(
    body: &[u8],
    most: usize,
    record: impl FnMut(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let records = Records { most, record };
    json.deserialize_seq(records)
        .map_err(|error| error.to_string())
}

struct Records<F> {
    most: usize,
    record: F,
}

impl<'de, T, F: FnMut(&Value) -> Result<T, String>> Visitor<'de> for Records<F> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Vec<T>, A::Error> {
        use serde::de::Error as _;

        let mut records = Vec::new();
        while records.len() < self.most {
            let Some(raw) = list.next_element::<&RawValue>()? else {
                return Ok(records);
            };
            if raw.get().len() > LONGEST_RECORD {
                let length = raw.get().len();
                return Err(A::Error::custom(format!(
                    "a record of {length} bytes, expected at most {LONGEST_RECORD}"
                )));
            }
            let value: Value = serde_json::from_str(raw.get()).map_err(A::Error::custom)?;
            records.push((self.record)(&value).map_err(A::Error::custom)?);
        }
        if list.next_element::<IgnoredAny>()?.is_some() {
            let most = self.most;
            return Err(A::Error::custom(format!(
                "more than the {most} records asked for"
            )));
        }
        Ok(records)
    }
}

/// What CMR says in an answer that is an error: `{"errors": [...]}`, or any text, in one line.
pub(crate) fn words(body: &[u8]) -> String {
    let body = body.get(..64 << 10).unwrap_or(body);
    let errors = serde_json::from_slice::<Value>(body).ok();
    let said: Vec<String> = errors
        .as_ref()
        .and_then(|value| value.get("errors")?.as_array())
        .map_or_else(Vec::new, |errors| errors.iter().map(said).collect());
    let said = if said.is_empty() {
        String::from_utf8_lossy(body).into_owned()
    } else {
        said.join("; ")
    };
    let words = said.split_whitespace().map(without_token);
    let line = words.collect::<Vec<_>>().join(" ");
    let line: String = line
        .chars()
        .filter(|letter| !letter.is_control())
        .take(WORDS)
        .collect();
    if line.is_empty() {
        return "without a word".to_owned();
    }
    line
}

/// A word without the token that may be in it: CMR repeats those that it does not know.
fn without_token(word: &str) -> String {
    // What a JSON web token begins with.
    let Some((before, token)) = word.split_once("eyJ") else {
        return word.to_owned();
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
    format!("{before}(token){}", token.trim_start_matches(is_part))
}

/// A text without secrets that may be in it.
pub(crate) fn without(text: &str, secrets: &[&str]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= 4);
    long.fold(text.to_owned(), |text, secret| {
        text.replace(secret, "(secret)")
    })
}

/// One error: a text, or what is wrong at a path.
fn said(error: &Value) -> String {
    if let Some(text) = error.as_str() {
        return text.to_owned();
    }
    let inner = error.get("errors").and_then(Value::as_array);
    let texts = inner.into_iter().flatten().filter_map(Value::as_str);
    let texts = texts.collect::<Vec<_>>().join(", ");
    match error.get("path") {
        Some(path) => format!("{texts} (at {path})"),
        None => texts,
    }
}

#[cfg(test)]
mod tests {
    use super::{items, words};

    fn count(body: &str) -> Result<usize, String> {
        items(body.as_bytes(), 2, |_| Ok(())).map(|items| items.len())
    }

    #[test]
    fn answers_are_bounded() {
        assert_eq!(count(r#"{"hits":9,"items":[{},{}]}"#), Ok(2));
        assert_eq!(count(r#"{"items":[]}"#), Ok(0));
        for (body, expected) in [
            (r#"{"items":[1,2,3]}"#, "more than the 2 records"),
            (r#"{"items":{}}"#, "a list of records"),
            (r#"{"items":[1,"#, "expected UMM JSON"),
            ("<html>Sign in</html>", "begins with \"<html>"),
            ("", "expected UMM JSON"),
            ("[]", "expected UMM JSON"),
        ] {
            let error = count(body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
        let long = format!(r#"{{"items":["{}"]}}"#, "a".repeat(5 << 20));
        assert!(count(&long).unwrap_err().contains("a record of"));
        let deep = format!(r#"{{"items":[{}]}}"#, "[".repeat(100_000));
        assert!(count(&deep).is_err());
    }

    #[test]
    fn errors_are_told_in_one_line() {
        assert_eq!(words(br#"{"errors":["a\nb","c"]}"#), "a b; c");
        let at = br#"{"errors":[{"path":["Temporal"],"errors":["bad"]}]}"#;
        assert_eq!(words(at), r#"bad (at ["Temporal"])"#);
        assert_eq!(words(b"<html>\x1b[2J busy"), "<html>[2J busy");
        assert_eq!(words(b""), "without a word");
        assert_eq!(words("é".repeat(1000).as_bytes()).chars().count(), 400);
    }
}
