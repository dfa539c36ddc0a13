//! Kerchunk's JSON: version 0, `{key: value}`, and version 1, `{"version":1,"templates","gen","refs"}`.
//!
//! The text is gone through twice: once for the documents, which say what the keys of chunks mean,
//! once for the chunks. Chunks go straight into columns; no tree of values is made of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value as Json};

use super::ReadSet;
use super::document::{Document, Documents, is_document, malformed, mend, parse};
use super::rows::Place;
use super::template::{Templates, Value};
use super::tree::{Target, Tree};
use crate::error::{Error, Result};
use crate::zarr::read::brief;

/// The most templates of a set.
const MAX_TEMPLATES: usize = 1 << 16;

/// The most references that `gen` makes.
const MAX_GENERATED: u64 = 1_000_000;

/// The most dimensions of one entry of `gen`.
const MAX_DIMENSIONS: usize = 32;

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

/// The references that the entries of `gen` make.
fn generate(entries: Option<Json>, chunks: &mut Chunks<'_>) -> Result<()> {
    let entries = match entries {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::Array(entries)) => entries,
        Some(other) => {
            let found = brief(&other);
            return Err(malformed("gen", format!("{found}, expected a list")));
        }
    };
    let mut left = MAX_GENERATED;
    for (number, entry) in entries.iter().enumerate() {
        let named = format!("gen[{number}]");
        Generator::new(entry, &mut left)
            .and_then(|generator| generator.run(chunks))
            .map_err(|error| match error {
                Failed::Here(reason) => malformed(&named, reason),
                Failed::At(error) => error,
            })?;
    }
    Ok(())
}

/// Why an entry of `gen` makes no references.
enum Failed {
    Here(String),
    At(Error),
}

impl From<String> for Failed {
    fn from(reason: String) -> Self {
        Self::Here(reason)
    }
}

/// An entry of `gen`.
struct Generator<'a> {
    key: &'a str,
    url: &'a str,
    range: Option<(Cow<'a, str>, Cow<'a, str>)>,
    dimensions: Vec<(&'a str, Dimension<'a>)>,
    /// How many references it makes.
    count: u64,
}

/// The values of a dimension.
enum Dimension<'a> {
    List(&'a [Json]),
    Range { start: i64, step: i64, count: u64 },
}

impl<'a> Generator<'a> {
    fn new(entry: &'a Json, left: &mut u64) -> Result<Self, Failed> {
        let text = |name: &str| {
            let member = entry.get(name).and_then(Json::as_str);
            member.ok_or_else(|| format!("{name}: expected a text"))
        };
        let number = |name: &str| match entry.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(Cow::Borrowed(text.as_str()))),
            Some(Json::Number(number)) => Ok(Some(Cow::Owned(number.to_string()))),
            Some(other) => Err(format!("{name}: {}, expected a text", brief(other))),
        };
        let range = match (number("offset")?, number("length")?) {
            (Some(offset), Some(length)) => Some((offset, length)),
            (None, None) => None,
            _ => {
                return Err("only one of offset and length, expected both or none"
                    .to_owned()
                    .into());
            }
        };
        let members = entry.get("dimensions").and_then(Json::as_object);
        let members: &Map<_, _> =
            members.ok_or_else(|| "dimensions: expected an object".to_owned())?;
        if members.len() > MAX_DIMENSIONS {
            return Err(format!(
                "{} dimensions, expected at most {MAX_DIMENSIONS}",
                members.len()
            )
            .into());
        }
        let mut dimensions = Vec::new();
        let mut count = 1_u64;
        for (name, values) in members {
            let dimension = Dimension::new(values).map_err(|reason| format!("{name}: {reason}"))?;
            count = count.saturating_mul(dimension.count());
            dimensions.push((name.as_str(), dimension));
        }
        *left = left
            .checked_sub(count)
            .ok_or_else(|| format!("more than {MAX_GENERATED} generated references in a set"))?;
        Ok(Self {
            key: text("key")?,
            url: text("url")?,
            range,
            dimensions,
            count,
        })
    }

    fn run(&self, chunks: &mut Chunks<'_>) -> Result<(), Failed> {
        let mut places = vec![0_u64; self.dimensions.len()];
        for _ in 0..self.count {
            let mut names = Vec::with_capacity(places.len());
            for (place, (name, dimension)) in places.iter().zip(&self.dimensions) {
                names.push(((*name).to_owned(), dimension.value(*place)?));
            }
            let key = chunks.templates.render(self.key, &names)?;
            let url = chunks.templates.render(self.url, &names)?;
            let mut number = |text: &str| -> Result<u64, Failed> {
                let made = chunks.templates.render(text, &names)?;
                let parsed = made.trim().parse();
                let shown: String = made.chars().take(40).collect();
                Ok(parsed
                    .map_err(|_| format!("{shown:?} for {key:?}, expected a number from 0 on"))?)
            };
            let range = match &self.range {
                Some((offset, length)) => Some((number(offset)?, number(length)?)),
                None => None,
            };
            match chunks.tree.target(&key) {
                Target::Chunk { array, index } => {
                    let location = chunks.tree.location(&key, url).map_err(Failed::At)?;
                    let place = match range {
                        None => Place::Whole(location),
                        Some((offset, length)) if offset.checked_add(length).is_some() => {
                            Place::Range {
                                location,
                                offset,
                                length,
                            }
                        }
                        Some(_) => return Err(format!("{key:?} ends past 2^64 - 1").into()),
                    };
                    chunks.tree.push(array, index, place).map_err(Failed::At)?;
                }
                Target::Refused => {}
                Target::Nothing(why) => {
                    chunks.tree.report.remark(|| {
                        let shown: String = key.chars().take(200).collect();
                        format!("generated key {shown:?} {why}")
                    });
                }
            }
            self.step(&mut places);
        }
        Ok(())
    }

    fn step(&self, places: &mut [u64]) {
        for (place, (_, dimension)) in places.iter_mut().zip(&self.dimensions).rev() {
            *place = place.saturating_add(1);
            if *place < dimension.count() {
                return;
            }
            *place = 0;
        }
    }
}

impl<'a> Dimension<'a> {
    fn new(values: &'a Json) -> Result<Self, String> {
        let members = match values {
            Json::Array(list) => return Ok(Self::List(list)),
            Json::Object(members) => members,
            other => return Err(format!("{}, expected a range or a list", brief(other))),
        };
        let number = |name: &str, default: Option<i64>| match members.get(name) {
            None => default.ok_or_else(|| format!("no {name}")),
            Some(value) => value
                .as_i64()
                .ok_or_else(|| format!("{name} {}, expected an integer", brief(value))),
        };
        let start = number("start", Some(0))?;
        let stop = number("stop", None)?;
        let stride = number("step", Some(1))?;
        let span = if stride >= 0 {
            i128::from(stop).saturating_sub(i128::from(start))
        } else {
            i128::from(start).saturating_sub(i128::from(stop))
        };
        let span = u64::try_from(span).unwrap_or(0);
        if stride == 0 {
            return Err("step 0".to_owned());
        }
        let count = span.div_ceil(stride.unsigned_abs());
        Ok(Self::Range {
            start,
            step: stride,
            count,
        })
    }

    fn count(&self) -> u64 {
        match self {
            Self::List(list) => u64::try_from(list.len()).unwrap_or(u64::MAX),
            Self::Range { count, .. } => *count,
        }
    }

    fn value(&self, place: u64) -> Result<Value, String> {
        match self {
            Self::List(list) => {
                let value = usize::try_from(place)
                    .ok()
                    .and_then(|place| list.get(place));
                match value {
                    Some(Json::String(text)) => Ok(Value::Text(text.clone())),
                    Some(value) => value
                        .as_i64()
                        .map(Value::Int)
                        .ok_or_else(|| format!("{} in a dimension", brief(value))),
                    None => Err("a dimension without this value".to_owned()),
                }
            }
            Self::Range { start, step, .. } => i64::try_from(place)
                .ok()
                .and_then(|place| step.checked_mul(place))
                .and_then(|distance| start.checked_add(distance))
                .map(Value::Int)
                .ok_or_else(|| "a dimension beyond 64 bits".to_owned()),
        }
    }
}

/// A step of reading; the error is what the reader of JSON says, empty where the failure is kept
/// elsewhere.
type Step<T> = Result<T, String>;

fn text_of(error: impl fmt::Display) -> String {
    error.to_string()
}

/// The value of a member that is being read.
trait Member<'de> {
    fn skip(&mut self) -> Step<()>;
    fn json(&mut self) -> Step<Json>;
    fn reference(&mut self) -> Step<Reference<'de>>;
    fn map(&mut self, each: &mut dyn FnMut(&str, &mut dyn Member<'de>) -> Step<()>) -> Step<()>;
}

struct MapMember<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> Member<'de> for MapMember<'_, A> {
    fn skip(&mut self) -> Step<()> {
        let skipped = self.0.next_value::<IgnoredAny>();
        skipped.map(drop).map_err(text_of)
    }

    fn json(&mut self) -> Step<Json> {
        self.0.next_value().map_err(text_of)
    }

    fn reference(&mut self) -> Step<Reference<'de>> {
        self.0.next_value_seed(ReferenceSeed).map_err(text_of)
    }

    fn map(&mut self, each: &mut dyn FnMut(&str, &mut dyn Member<'de>) -> Step<()>) -> Step<()> {
        self.0.next_value_seed(MapSeed(each)).map_err(text_of)
    }
}

/// Reads an object, member by member.
struct MapSeed<F>(F);

impl<'de, F> DeserializeSeed<'de> for MapSeed<F>
where
    F: FnMut(&str, &mut dyn Member<'de>) -> Step<()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F> Visitor<'de> for MapSeed<F>
where
    F: FnMut(&str, &mut dyn Member<'de>) -> Step<()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(TextSeed)? {
            (self.0)(&key, &mut MapMember(&mut map)).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// Reads a text, without copying it where it has no escapes.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The value of a chunk's key.
enum Reference<'de> {
    Text(Cow<'de, str>),
    Object(Json),
    /// A URL, or none, with first byte and length, or none for the whole object.
    Range(Option<Cow<'de, str>>, Option<(u64, u64)>),
}

struct ReferenceSeed;

impl<'de> DeserializeSeed<'de> for ReferenceSeed {
    type Value = Reference<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ReferenceSeed {
    type Value = Reference<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, [url], or [url, offset, length]")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Reference::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Reference::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let map = serde::de::value::MapAccessDeserializer::new(map);
        <Json as serde::Deserialize>::deserialize(map).map(Reference::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let url = list.next_element_seed(UrlSeed)?;
        let url = url.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let Some(offset) = list.next_element_seed(NumberSeed("an offset"))? else {
            return Ok(Reference::Range(url, None));
        };
        let length = list.next_element_seed(NumberSeed("a length"))?;
        let length = length.ok_or_else(|| A::Error::invalid_length(2, &self))?;
        if list.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::invalid_length(4, &self));
        }
        Ok(Reference::Range(url, Some((offset, length))))
    }
}

/// A URL, or null.
struct UrlSeed;

impl<'de> DeserializeSeed<'de> for UrlSeed {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for UrlSeed {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        TextSeed.deserialize(deserializer).map(Some)
    }
}

/// An offset or a length.
struct NumberSeed(&'static str);

impl<'de> DeserializeSeed<'de> for NumberSeed {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for NumberSeed {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, an integer of 0 to 2^64 - 1", self.0)
    }

    fn visit_u64<E>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}
