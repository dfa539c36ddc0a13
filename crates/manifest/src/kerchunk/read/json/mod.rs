//! Kerchunk's JSON: version 0, `{key: value}`, and version 1, `{"version":1,"templates","gen","refs"}`.
//!
//! The text is streamed. Where documents come before the chunks of their arrays, as kerchunk and we
//! write them, it is gone through once; otherwise (and where templates come last) a second time, when
//! all documents are known. Chunks go straight into columns; no tree of values is made of them.

mod generate;
mod refs;
mod tokens;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value as Json;

use super::ReadSet;
use super::document::{malformed, parse};
use super::template::Templates;
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::extras::{self, Extras};
use crate::kerchunk::compression::{DEFAULT_LIMIT, DecodedLimit, decoded};
use crate::zarr::read::brief;
use generate::generate;
use refs::Refs;
use tokens::{Fault, Tokens};

/// The most templates of a set.
const MAX_TEMPLATES: usize = 1 << 16;

/// What a tree of values is made of is nested at most so deep.
const MAX_DEPTH: usize = 127;

/// How JSON is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JsonOptions {
    /// What references without a URL, `[null, offset, length]`, refer to.
    pub target: Option<String>,
    /// How long the text of a compressed set may be.
    pub decoded_limit: DecodedLimit,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            target: None,
            decoded_limit: DEFAULT_LIMIT,
        }
    }
}

impl JsonOptions {
    /// Without a target, and with [`DEFAULT_LIMIT`].
    pub fn new() -> Self {
        Self::default()
    }

    /// References without a URL refer to this one.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// The text of a compressed set may be so long.
    #[must_use]
    pub fn with_decoded_limit(mut self, limit: DecodedLimit) -> Self {
        self.decoded_limit = limit;
        self
    }
}

/// Members of a set that are none of Kerchunk's and are wanted nevertheless, with their bytes once
/// they are found.
type Members<'m> = BTreeMap<&'m str, Option<Vec<u8>>>;

/// Reads Kerchunk JSON of version 0 or 1; it may be compressed by gzip or zstd.
///
/// # Errors
/// When it is no such thing, or a reference in it contradicts the format; the error names the key
/// and the byte.
pub fn read_json(set: &[u8], options: &JsonOptions) -> Result<ReadSet> {
    read_json_from(|| Ok(set), options)
}

/// Reads Kerchunk JSON of version 0 or 1 from a reader; it may be compressed by gzip or zstd, as its
/// first bytes tell. `open` gives the reader, from the start: once, or a second time where chunks
/// come before the documents of their arrays. In memory is what becomes of it, not its text.
///
/// ```
/// use chunkref_manifest::kerchunk::{JsonOptions, read_json_from};
///
/// # let folder = std::env::temp_dir();
/// # let path = folder.join("chunkref-read-json-from.json");
/// # std::fs::write(&path, r#"{"version": 1, "refs": {".zgroup": "{\"zarr_format\": 2}"}}"#)?;
/// let read = read_json_from(|| std::fs::File::open(&path), &JsonOptions::new())?;
/// assert!(read.report.refused.is_empty());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As for [`read_json`], and when it can't be read or its text is longer than the limit.
pub fn read_json_from<R: Read>(
    mut open: impl FnMut() -> io::Result<R>,
    options: &JsonOptions,
) -> Result<ReadSet> {
    let mut members = Members::from([(extras::JSON_MEMBER, None)]);
    let set = read_set(&mut open, options, &mut members)?;
    match members.remove(extras::JSON_MEMBER).flatten() {
        Some(raw) => Ok(Extras::parse(&raw)?.apply(set, None)),
        None => Ok(set),
    }
}

fn read_set<R: Read>(
    open: &mut dyn FnMut() -> io::Result<R>,
    options: &JsonOptions,
    members: &mut Members<'_>,
) -> Result<ReadSet> {
    let mut tokens = tokens(open, options)?;
    let mut top = Top::new(options);
    top.read(&mut tokens, members)?;
    let length = tokens.offset();
    drop(tokens);
    let place = top.place()?;
    let (mut refs, generated, late) = match place {
        Place::Top => (top.loose, None, None),
        Place::Member => {
            let refs = top.refs.unwrap_or_else(|| Refs::new(options, None));
            (refs, top.generated, top.templates)
        }
    };
    let mut tree = Tree::new(refs.take_documents())?;
    let late = late.filter(|templates| refs.is_templated && !templates.is_empty());
    if late.is_some() || tree.differs_from(&refs.gathered, refs.skipped) {
        let templates = late.or(refs.templates);
        let gathered = std::mem::take(&mut tree.gathered);
        refs = Refs::again(options, gathered, templates);
        read_again(&mut self::tokens(open, options)?, place, &mut refs)?;
        tree.gathered = refs.gathered;
    } else {
        tree.adopt(refs.gathered);
    }
    refs.remarks.report_to(&mut tree.report);
    let mut templates = refs.templates.unwrap_or_default();
    templates.grant(length);
    generate(generated, &mut tree, &mut templates)?;
    tree.finish()
}

fn tokens<'r, R: Read + 'r>(
    open: &mut dyn FnMut() -> io::Result<R>,
    options: &JsonOptions,
) -> Result<Tokens<Box<dyn Read + 'r>>> {
    let reader = open().and_then(|input| decoded(input, options.decoded_limit));
    reader.map(Tokens::new).map_err(unread)
}

fn unread(source: io::Error) -> Error {
    Error::Unread {
        what: "kerchunk json".to_owned(),
        source,
    }
}

impl Fault {
    /// The error that it is under a key.
    fn at(self, key: &str) -> Error {
        match self {
            Self::Io(error) => unread(error),
            Self::Json { at, reason } => {
                malformed(key, format!("not Kerchunk JSON: {reason} at byte {at}"))
            }
        }
    }
}

/// Where the references are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Version 0.
    Top,
    /// Version 1, in the member `refs`.
    Member,
}

/// The members of a set.
struct Top<'o> {
    options: &'o JsonOptions,
    version: Option<Json>,
    has_templates: bool,
    /// Until the references come.
    templates: Option<Templates>,
    generated: Option<Json>,
    /// The references of version 0.
    loose: Refs<'o>,
    refs: Option<Refs<'o>>,
}

impl<'o> Top<'o> {
    fn new(options: &'o JsonOptions) -> Self {
        Self {
            options,
            version: None,
            has_templates: false,
            templates: None,
            generated: None,
            loose: Refs::new(options, None),
            refs: None,
        }
    }

    fn read<R: Read>(&mut self, tokens: &mut Tokens<R>, members: &mut Members<'_>) -> Result<()> {
        let mut key = String::new();
        let mut first = true;
        tokens.begin_object().map_err(|fault| fault.at(""))?;
        while tokens
            .next_key(first, &mut key)
            .map_err(|fault| fault.at(&key))?
        {
            first = false;
            self.member(&key, tokens, members)?;
        }
        tokens.end().map_err(|fault| fault.at(&key))
    }

    fn member<R: Read>(
        &mut self,
        key: &str,
        tokens: &mut Tokens<R>,
        members: &mut Members<'_>,
    ) -> Result<()> {
        let twice = |given: bool| {
            if given {
                return Err(malformed(key, "given twice"));
            }
            Ok(())
        };
        match key {
            "version" => twice(self.version.replace(json(key, tokens)?).is_some()),
            "templates" => {
                twice(std::mem::replace(&mut self.has_templates, true))?;
                self.templates = Some(Templates::new(template_texts(tokens)?));
                Ok(())
            }
            "gen" => twice(self.generated.replace(json(key, tokens)?).is_some()),
            "refs" => {
                twice(self.refs.is_some())?;
                let mut refs = Refs::new(self.options, self.templates.take());
                refs.read(key, tokens)?;
                self.refs = Some(refs);
                Ok(())
            }
            _ => {
                if let Some(member) = members.get_mut(key) {
                    let mut raw = Vec::new();
                    let read = tokens.raw(MAX_DEPTH, &mut raw);
                    read.map_err(|fault| fault.at(key))?;
                    return twice(member.replace(raw).is_some());
                }
                if self.is_member() {
                    return tokens.skip().map_err(|fault| fault.at(key));
                }
                self.loose.entry(key, tokens)
            }
        }
    }

    /// Whether it is known that the references are in the member `refs`.
    fn is_member(&self) -> bool {
        self.version.as_ref().and_then(Json::as_u64) == Some(1)
    }

    fn place(&self) -> Result<Place> {
        match &self.version {
            Some(_) if self.is_member() => match &self.refs {
                Some(_) => Ok(Place::Member),
                None => Err(malformed("refs", "not there, expected an object")),
            },
            Some(version) if version.as_u64() == Some(0) => Ok(Place::Top),
            Some(version) => Err(malformed(
                "version",
                format!("{} is not supported, expected 1", brief(version)),
            )),
            None if self.refs.is_some() && self.loose.has_no_documents() => Ok(Place::Member),
            None => Ok(Place::Top),
        }
    }
}

/// Goes through the references once more, when all documents are known.
fn read_again<R: Read>(tokens: &mut Tokens<R>, place: Place, refs: &mut Refs<'_>) -> Result<()> {
    let mut key = String::new();
    let mut first = true;
    tokens.begin_object().map_err(|fault| fault.at(""))?;
    while tokens
        .next_key(first, &mut key)
        .map_err(|fault| fault.at(&key))?
    {
        first = false;
        match (place, key.as_str()) {
            (Place::Member, "refs") => refs.read(&key, tokens)?,
            (Place::Member, _) | (Place::Top, "version" | "templates" | "gen" | "refs") => {
                tokens.skip().map_err(|fault| fault.at(&key))?;
            }
            (Place::Top, _) => refs.entry(&key, tokens)?,
        }
    }
    Ok(())
}

/// A value as a tree.
fn json<R: Read>(key: &str, tokens: &mut Tokens<R>) -> Result<Json> {
    let mut raw = Vec::new();
    tokens
        .raw(MAX_DEPTH, &mut raw)
        .map_err(|fault| fault.at(key))?;
    parse(key, &raw)
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

/// The texts of templates. More than there may be are only counted.
fn template_texts<R: Read>(tokens: &mut Tokens<R>) -> Result<HashMap<String, String>> {
    let at = |fault: Fault| fault.at("templates");
    let mut texts = HashMap::new();
    if tokens.null().map_err(at)? {
        return Ok(texts);
    }
    let found = tokens.describe().map_err(at)?;
    if found != "an object" {
        return Err(malformed(
            "templates",
            format!("{found}, expected an object"),
        ));
    }
    tokens.begin_object().map_err(at)?;
    let mut count = 0_usize;
    let mut name = String::new();
    while tokens.next_key(count == 0, &mut name).map_err(at)? {
        count = count.saturating_add(1);
        let found = tokens.describe().map_err(at)?;
        if found != "a text" {
            let key = format!("templates.{name}");
            return Err(malformed(&key, format!("{found}, expected a text")));
        }
        let text = tokens.text("a text").map_err(at)?;
        if count <= MAX_TEMPLATES {
            texts.insert(name.clone(), text.to_owned());
        }
    }
    if count > MAX_TEMPLATES {
        let reason = format!("{count} templates, expected at most {MAX_TEMPLATES}");
        return Err(malformed("templates", reason));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_others_can_be_had() {
        let set = br#"{"version":1,"theirs":[1, {"a": "b"}],"other":{"x/0":1},"refs":{},"more":2}"#;
        let mut members = Members::from([("theirs", None), ("more", None), ("not there", None)]);
        read_set(&mut || Ok(&set[..]), &JsonOptions::new(), &mut members).unwrap();
        let found = |name: &str| members[name].as_deref();
        assert_eq!(found("theirs"), Some(&br#"[1, {"a": "b"}]"#[..]));
        assert_eq!(found("more"), Some(&b"2"[..]));
        assert_eq!(found("not there"), None);

        let twice = br#"{"theirs":1,"theirs":2}"#;
        let error = read_set(&mut || Ok(&twice[..]), &JsonOptions::new(), &mut members);
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "key \"theirs\": given twice");
    }
}
