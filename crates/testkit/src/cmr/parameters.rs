//! Parameters of a request, and what CMR refuses of them.

use http::StatusCode;
use url::form_urlencoded;

/// Why a search is refused: a status and CMR's words.
pub(super) type Refusal = (StatusCode, String);

pub(super) fn refuse(words: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, words.into())
}

/// Options that tell how the values of a text are taken.
const OF_TEXT: [&str; 3] = ["pattern", "ignore_case", "and"];
/// Options that tell how several values go together.
const OF_SEVERAL: [&str; 2] = ["and", "or"];
/// Parameters whose options are of the second kind.
const SEVERAL: [&str; 2] = ["temporal", "bounding_box"];

/// Parameters of one request.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Of a form-encoded query or body. What is empty is not there.
    pub(super) fn parse(encoded: &str) -> Self {
        let pairs = form_urlencoded::parse(encoded.as_bytes()).into_owned();
        Self(
            pairs
                .filter(|(_, value)| !value.trim().is_empty())
                .collect(),
        )
    }

    /// The values of `name` and `name[]`.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let fits = |key: &str| plain(key) == name;
        let pairs = self.0.iter().filter(|(key, _)| fits(key));
        pairs.map(|(_, value)| value.as_str()).collect()
    }

    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last().copied()
    }

    /// The only value, which is no list.
    pub(super) fn single(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.all(name).as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(refuse(format!(
                "Parameter [{name}] must have a single value."
            ))),
        }
    }

    /// Whether a text is one of the values, if there are any.
    pub(super) fn fits(&self, name: &str, text: &str) -> bool {
        let values = self.all(name);
        let pattern = self.one(&format!("options[{name}][pattern]")) == Some("true");
        let same = |value: &&str| {
            if pattern {
                like(value.as_bytes(), text.as_bytes())
            } else {
                value.eq_ignore_ascii_case(text)
            }
        };
        values.is_empty() || values.iter().any(same)
    }

    /// Refuses what CMR does not know, and what this server does not filter by.
    pub(super) fn check(&self, known: &[&str]) -> Result<(), Refusal> {
        for (key, _) in &self.0 {
            let (name, option) = match key.strip_prefix("options[") {
                Some(rest) => rest.split_once("][").unwrap_or((rest, "")),
                None => (plain(key), ""),
            };
            let option = option.trim_end_matches(']');
            if !known.contains(&name) {
                let with = if option.is_empty() {
                    ""
                } else {
                    "with option "
                };
                return Err(refuse(format!(
                    "Parameter [{name}] {with}was not recognized."
                )));
            }
            let options = if SEVERAL.contains(&name) {
                &OF_SEVERAL[..]
            } else {
                &OF_TEXT
            };
            if !option.is_empty() && !options.contains(&option) {
                return Err(refuse(format!(
                    "Option [{option}] is not supported for param [{name}]"
                )));
            }
        }
        let size = self.single("page_size")?.map(str::parse::<usize>);
        if size.is_some_and(|size| size.map_or(true, |size| size > 2000)) {
            return Err(refuse("page_size must be a number between 0 and 2000"));
        }
        Ok(())
    }

    /// Refuses concept ids that can't be some: letters, digits, `-`, the provider.
    pub(super) fn check_ids(&self, name: &str, kinds: &[char]) -> Result<(), Refusal> {
        let is_right = |id: &&str| {
            let rest = id.strip_prefix(kinds);
            let parts = rest.and_then(|rest| rest.split_once('-'));
            parts.is_some_and(|(digits, provider)| {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
                !digits.is_empty()
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
                    && !provider.is_empty()
                    && provider.chars().all(is_plain)
            })
        };
        match self.all(name).into_iter().find(|id| !is_right(id)) {
            Some(id) => Err(refuse(format!("{} [{id}] is not valid.", shown(name)))),
            None => Ok(()),
        }
    }

    pub(super) fn page_size(&self) -> usize {
        let size = self.one("page_size").and_then(|size| size.parse().ok());
        size.unwrap_or(10)
    }
}

fn plain(key: &str) -> &str {
    key.strip_suffix("[]").unwrap_or(key)
}

/// As CMR names a parameter that holds ids: `Concept-id`.
fn shown(name: &str) -> String {
    let mut name = name.replace('_', "-");
    name[..1].make_ascii_uppercase();
    name
}

/// Glob match: `*` and `?`.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| like(rest, &text[at..])),
        ([b'?', rest @ ..], [_, left @ ..]) => like(rest, left),
        ([one, rest @ ..], [other, left @ ..]) => {
            one.eq_ignore_ascii_case(other) && like(rest, left)
        }
        _ => false,
    }
}

/// A moment, in milliseconds since 1970.
pub(super) fn millis(text: &str) -> Option<i64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_millis())
}
