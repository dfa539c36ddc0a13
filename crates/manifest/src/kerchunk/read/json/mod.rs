//! Kerchunk's JSON: version 0, `{key: value}`, and version 1, `{"version":1,"templates","gen","refs"}`.
//!
//! The text is gone through twice: once for the documents, which say what the keys of chunks mean,
//! once for the chunks. Chunks go straight into columns; no tree of values is made of them.

mod generate;
mod member;

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::DeserializeSeed as _;
use serde_json::Value as Json;

use super::ReadSet;
use super::document::{Document, Documents, is_document, malformed, mend, parse};
use super::rows::Place;
use super::template::Templates;
use super::tree::{Target, Tree};
use crate::error::{Error, Result};
use crate::zarr::read::brief;
use generate::generate;
use member::{MapSeed, Member, Reference, Step};

/// The most templates of a set.
const MAX_TEMPLATES: usize = 1 << 16;

/// Bytes that templates may make of a set of no size, and of each byte of a set.
const TEMPLATE_BYTES: (usize, usize) = (256 << 20, 64);

/// How JSON is read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct JsonOptions {
    /// What references without a URL, `[null, offset, length]`, refer to.
    pub target: Option<String>,
}

impl JsonOptions {
    /// Without a target.
    pub fn new() -> Self {
        Self::default()
    }

    /// References without a URL refer to this one.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }
}

/// Reads Kerchunk JSON of version 0 or 1.
///
/// # Errors
/// When it is no such thing, or a reference in it contradicts the format; the error names the key.
pub fn read_json(set: &[u8], options: &JsonOptions) -> Result<ReadSet> {
    let read = read_set(set, options)?;
    // Where values are skipped, `serde_json` does not look at their bytes.
    match std::str::from_utf8(set) {
        Ok(_) => Ok(read),
        Err(error) => {
            let at = error.valid_up_to();
            Err(malformed("", format!("byte {at} is not UTF-8")))
        }
    }
}

fn read_set(set: &[u8], options: &JsonOptions) -> Result<ReadSet> {
    let mut first = Top::default();
    let set = match first.read(set) {
        Ok(()) => Cow::Borrowed(set),
        Err(error) => {
            // Documents that Python wrote into the set as objects may have its NaN.
            let Cow::Owned(mended) = mend(set) else {
                return Err(error);
            };
            first = Top::default();
            first.read(&mended)?;
            Cow::Owned(mended)
        }
    };
    let place = first.place()?;
    let documents = match place {
        Refs::Top => first.documents,
        Refs::Member => first.refs.unwrap_or_default(),
    };
    let budget = set
        .len()
        .saturating_mul(TEMPLATE_BYTES.1)
        .saturating_add(TEMPLATE_BYTES.0);
    let templates = match place {
        Refs::Top => HashMap::new(),
        Refs::Member => template_texts(first.templates)?,
    };
    let mut chunks = Chunks {
        tree: Tree::new(documents)?,
        templates: Templates::new(templates, budget),
        target: options.target.as_deref(),
        place,
        key: String::new(),
        failure: None,
    };
    chunks.read(&set)?;
    if place == Refs::Member {
        generate(first.generated, &mut chunks)?;
    }
    chunks.tree.finish()
}

/// Where the references are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refs {
    /// Version 0.
    Top,
    /// Version 1, in the member `refs`.
    Member,
}

/// All but the chunks.
#[derive(Default)]
struct Top {
    version: Option<Json>,
    templates: Option<Json>,
    generated: Option<Json>,
    /// Of version 0.
    documents: Documents,
    refs: Option<Documents>,
    /// The key that is being read.
    key: String,
    failure: Option<Error>,
}

impl Top {
    fn read(&mut self, set: &[u8]) -> Result<()> {
        let mut deserializer = serde_json::Deserializer::from_slice(set);
        let read = MapSeed(|key: &str, map: &mut dyn Member<'_>| self.member(key, map))
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end());
        read.map_err(|error| failure(self.failure.take(), &self.key, &error))
    }

    fn member(&mut self, key: &str, value: &mut dyn Member<'_>) -> Step<()> {
        key.clone_into(&mut self.key);
        let known = match key {
            "version" => Some(&mut self.version),
            "templates" => Some(&mut self.templates),
            "gen" => Some(&mut self.generated),
            _ => None,
        };
        if let Some(member) = known {
            if member.replace(value.json()?).is_some() {
                return self.fail(malformed(key, "given twice"));
            }
            return Ok(());
        }
        if key == "refs" {
            if self.refs.is_some() {
                return self.fail(malformed(key, "given twice"));
            }
            let mut refs = Documents::new();
            let mut at = key.to_owned();
            let mut failed = None;
            let read = value.map(&mut |key, value| {
                key.clone_into(&mut at);
                document(key, value, &mut refs, &mut failed)
            });
            self.key = at;
            self.failure = failed;
            self.refs = Some(refs);
            return read;
        }
        document(key, value, &mut self.documents, &mut self.failure)
    }

    fn fail(&mut self, error: Error) -> Step<()> {
        self.failure = Some(error);
        Err(String::new())
    }

    fn place(&self) -> Result<Refs> {
        match &self.version {
            Some(version) if version.as_u64() == Some(1) => match &self.refs {
                Some(_) => Ok(Refs::Member),
                None => Err(malformed("refs", "not there, expected an object")),
            },
            Some(version) if version.as_u64() == Some(0) => Ok(Refs::Top),
            Some(version) => Err(malformed(
                "version",
                format!("{} is not supported, expected 1", brief(version)),
            )),
            None if self.refs.is_some() && self.documents.is_empty() => Ok(Refs::Member),
            None => Ok(Refs::Top),
        }
    }
}

/// What went wrong: what was found to be wrong, or what `serde_json` says.
fn failure(found: Option<Error>, key: &str, error: &serde_json::Error) -> Error {
    found.unwrap_or_else(|| malformed(key, format!("not Kerchunk JSON: {error}")))
}

fn document(
    key: &str,
    value: &mut dyn Member<'_>,
    documents: &mut Documents,
    failed: &mut Option<Error>,
) -> Step<()> {
    if !is_document(key) {
        return value.skip();
    }
    let read = match value.json()? {
        Json::String(text) => text_bytes(key, &text).and_then(|bytes| parse(key, &bytes)),
        object @ Json::Object(_) => Ok(object),
        Json::Array(_) => {
            documents.insert(key.to_owned(), Document::Elsewhere);
            return Ok(());
        }
        other => Err(malformed(
            key,
            format!("{}, expected a text or an object", brief(&other)),
        )),
    };
    let stored =
        read.and_then(
            |json| match documents.insert(key.to_owned(), Document::Json(json)) {
                None => Ok(()),
                Some(_) => Err(malformed(key, "given twice")),
            },
        );
    stored.map_err(|error| {
        *failed = Some(error);
        String::new()
    })
}

fn text_bytes<'a>(key: &str, text: &'a str) -> Result<Cow<'a, [u8]>> {
    match text.strip_prefix("base64:") {
        None => Ok(Cow::Borrowed(text.as_bytes())),
        Some(encoded) => STANDARD
            .decode(encoded)
            .map(Cow::Owned)
            .map_err(|error| malformed(key, format!("base64: {error}"))),
    }
}

/// The bytes that a text of a chunk stands for.
pub(super) fn inline_bytes(text: &[u8]) -> Result<Bytes, String> {
    let text = std::str::from_utf8(text).map_err(|error| format!("base64: {error}"))?;
    let decoded = text_bytes("", text).map_err(|error| error.to_string())?;
    Ok(Bytes::from(decoded.into_owned()))
}

fn template_texts(templates: Option<Json>) -> Result<HashMap<String, String>> {
    let members = match templates {
        None | Some(Json::Null) => return Ok(HashMap::new()),
        Some(Json::Object(members)) => members,
        Some(other) => {
            let found = brief(&other);
            return Err(malformed(
                "templates",
                format!("{found}, expected an object"),
            ));
        }
    };
    if members.len() > MAX_TEMPLATES {
        return Err(malformed(
            "templates",
            format!(
                "{} templates, expected at most {MAX_TEMPLATES}",
                members.len()
            ),
        ));
    }
    members
        .into_iter()
        .map(|(name, text)| match text {
            Json::String(text) => Ok((name, text)),
            other => Err(malformed(
                &format!("templates.{name}"),
                format!("{}, expected a text", brief(&other)),
            )),
        })
        .collect()
}

/// The references to chunks.
struct Chunks<'a> {
    tree: Tree,
    templates: Templates,
    target: Option<&'a str>,
    place: Refs,
    key: String,
    failure: Option<Error>,
}

impl Chunks<'_> {
    fn read(&mut self, set: &[u8]) -> Result<()> {
        let place = self.place;
        let mut deserializer = serde_json::Deserializer::from_slice(set);
        let read = MapSeed(|key: &str, value: &mut dyn Member<'_>| match place {
            Refs::Top if key == "version" => value.skip(),
            Refs::Top => self.member(key, value),
            Refs::Member if key == "refs" => value.map(&mut |key, value| self.member(key, value)),
            Refs::Member => value.skip(),
        })
        .deserialize(&mut deserializer);
        read.map_err(|error| failure(self.failure.take(), &self.key, &error))
    }

    fn member(&mut self, key: &str, value: &mut dyn Member<'_>) -> Step<()> {
        if is_document(key) {
            return value.skip();
        }
        key.clone_into(&mut self.key);
        match self.tree.target(key) {
            Target::Chunk { array, index } => {
                let reference = value.reference()?;
                self.reference(key, array, index, reference)
                    .map_err(|error| {
                        self.failure = Some(error);
                        String::new()
                    })
            }
            Target::Refused => value.skip(),
            Target::Nothing(why) => {
                let shown: String = key.chars().take(200).collect();
                self.tree.report.remark(|| format!("key {shown:?} {why}"));
                value.skip()
            }
        }
    }

    fn reference(
        &mut self,
        key: &str,
        array: usize,
        index: u64,
        reference: Reference<'_>,
    ) -> Result<()> {
        let place = match reference {
            Reference::Text(text) => {
                Place::Inline(Bytes::from(text_bytes(key, &text)?.into_owned()))
            }
            // As fsspec has it: what a chunk is as an object is its JSON.
            Reference::Object(object) => Place::Inline(object.to_string().into()),
            Reference::Range(url, range) => {
                let url = match &url {
                    Some(url) => url.as_ref(),
                    None => self.target.ok_or_else(|| {
                        malformed(key, "no URL, and no target that would stand for it")
                    })?,
                };
                let url = self
                    .templates
                    .url(url)
                    .map_err(|reason| malformed(key, reason))?
                    .into_owned();
                let location = self.tree.location(key, url)?;
                match range {
                    None => Place::Whole(location),
                    Some((offset, length)) => {
                        if offset.checked_add(length).is_none() {
                            return Err(malformed(
                                key,
                                format!("{length} bytes at {offset} end past 2^64 - 1"),
                            ));
                        }
                        Place::Range {
                            location,
                            offset,
                            length,
                        }
                    }
                }
            }
        };
        self.tree.push(array, index, place)
    }
}
