//! Zarr documents within a set.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};

/// A document.
#[derive(Debug)]
pub(super) enum Document {
    Json(Json),
    /// Bytes elsewhere, which only a reader of references could get.
    Elsewhere,
}

/// All documents by their keys.
pub(super) type Documents = BTreeMap<String, Document>;

/// Whether a key is that of a document and no chunk.
pub(super) fn is_document(key: &str) -> bool {
    // For each chunk as well: the last part is short.
    let slash = key.bytes().rposition(|byte| byte == b'/');
    let name = slash.map_or(key, |slash| {
        key.get(slash.saturating_add(1)..).unwrap_or(key)
    });
    name.starts_with(".z") || name == "zarr.json"
}

pub(super) fn malformed(key: &str, reason: impl Into<String>) -> Error {
    // A key is shown as far as it helps to find it.
    let key = match key.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", key.get(..end).unwrap_or_default()),
        None => key.to_owned(),
    };
    Error::Malformed {
        key,
        reason: reason.into(),
    }
}

/// A document from its text. Python writes numbers that JSON lacks (NaN, Infinity, -Infinity) as
/// these words alone; they are read as texts, as Zarr writes them.
pub(super) fn parse(key: &str, text: &[u8]) -> Result<Json> {
    let first = match serde_json::from_slice(text) {
        Ok(json) => return Ok(json),
        Err(error) => error,
    };
    if let Cow::Owned(mended) = mend(text)
        && let Ok(json) = serde_json::from_slice(&mended)
    {
        return Ok(json);
    }
    Err(malformed(key, format!("not a JSON document: {first}")))
}

/// The text with `NaN`, `Infinity` and `-Infinity` in quotes where they stand outside of them.
pub(super) fn mend(text: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let mut mended = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    let mut quoted = false;
    while let Some(&byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let word = WORDS
            .iter()
            .find(|word| !quoted && rest.starts_with(word))
            .copied();
        let length = match (word, byte) {
            (Some(word), _) => {
                mended.extend_from_slice(text.get(kept..at).unwrap_or_default());
                mended.push(b'"');
                mended.extend_from_slice(word);
                mended.push(b'"');
                kept = at.saturating_add(word.len());
                word.len()
            }
            (None, b'\\') if quoted => 2,
            (None, b'"') => {
                quoted = !quoted;
                1
            }
            _ => 1,
        };
        at = at.saturating_add(length);
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    mended.extend_from_slice(text.get(kept..).unwrap_or_default());
    Cow::Owned(mended)
}

/// Adds the documents of `.zmetadata` to those that stand alone. Where both have one, they must
/// say the same: some readers take the one, some the other. Those that differ are named.
pub(super) fn consolidated(documents: &mut Documents, metadata: Json) -> Result<Vec<String>> {
    let key = ".zmetadata";
    let Json::Object(mut top) = metadata else {
        return Err(malformed(key, "expected an object"));
    };
    let Some(Json::Object(members)) = top.remove("metadata") else {
        return Err(malformed(key, "expected a member metadata, an object"));
    };
    let mut differ = Vec::new();
    for (key, value) in document_members(members)? {
        match documents.get(&key) {
            None => {
                documents.insert(key, Document::Json(value));
            }
            Some(Document::Json(known)) if *known == value => {}
            Some(_) => differ.push(key),
        }
    }
    Ok(differ)
}

/// The documents in a member `metadata`, which may be objects or their text.
pub(super) fn document_members(members: Map<String, Json>) -> Result<Vec<(String, Json)>> {
    members
        .into_iter()
        .filter(|(key, _)| is_document(key))
        .map(|(key, value)| {
            let value = match value {
                Json::String(text) => parse(&key, text.as_bytes())?,
                value => value,
            };
            Ok((key, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_that_json_lacks_are_texts() {
        let text = br#"{"a": NaN, "b": [-Infinity, Infinity, 1], "c": "NaN \" NaN", "NaN": "\\"}"#;
        assert_eq!(
            parse("k", text).unwrap(),
            json!({"a": "NaN", "b": ["-Infinity", "Infinity", 1], "c": "NaN \" NaN", "NaN": "\\"})
        );
        assert!(parse("k", b"{\"a\": NaNa}").is_err());
        let error = parse("k", b"{\"a\": }").unwrap_err().to_string();
        assert_eq!(
            error,
            "key \"k\": not a JSON document: expected value at line 1 column 7"
        );
    }
}
