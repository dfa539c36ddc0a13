//! References: documents, and where chunks lie.

use std::io::Read;

use bytes::Bytes;
use serde_json::Value as Json;

use super::tokens::{Fault, Number, Tokens};
use super::{JsonOptions, MAX_DEPTH, json, text_bytes};
use crate::error::Result;
use crate::kerchunk::read::document::{Document, Documents, is_document, malformed, parse};
use crate::kerchunk::read::gathered::{Gathered, Target};
use crate::kerchunk::read::rows::Place;
use crate::kerchunk::read::template::Templates;
use crate::kerchunk::read::{MAX_REMARKS, SetReport};
use crate::location::LocationId;
use crate::zarr::read::{brief, v2_array};

const REFERENCE: &str = "a text, [url], or [url, offset, length]";

/// References while they are read.
pub(super) struct Refs<'o> {
    options: &'o JsonOptions,
    /// `None` when they are all known.
    documents: Option<Documents>,
    pub(super) gathered: Gathered,
    /// `None` while they are not known.
    pub(super) templates: Option<Templates>,
    /// Whether a URL may need templates that are not known yet.
    pub(super) is_templated: bool,
    /// How many paths were known when the first key came that named no chunk of them.
    pub(super) skipped: Option<usize>,
    pub(super) remarks: Remarks,
}

/// Keys that name nothing.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    first: Vec<String>,
    more: u64,
}

impl Remarks {
    fn add(&mut self, key: &str, why: &str) {
        if self.first.len() < MAX_REMARKS {
            let shown: String = key.chars().take(200).collect();
            self.first.push(format!("key {shown:?} {why}"));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(super) fn report_to(&mut self, report: &mut SetReport) {
        for remark in self.first.drain(..) {
            report.remark(|| remark);
        }
        report.more_remarks = report.more_remarks.saturating_add(self.more);
    }
}

impl<'o> Refs<'o> {
    /// References of which nothing is known but perhaps the templates.
    pub(super) fn new(options: &'o JsonOptions, templates: Option<Templates>) -> Self {
        Self {
            options,
            documents: Some(Documents::new()),
            gathered: Gathered::default(),
            templates,
            is_templated: false,
            skipped: None,
            remarks: Remarks::default(),
        }
    }

    /// References whose documents are all known.
    pub(super) fn again(
        options: &'o JsonOptions,
        gathered: Gathered,
        templates: Option<Templates>,
    ) -> Self {
        Self {
            documents: None,
            gathered,
            ..Self::new(options, templates)
        }
    }

    pub(super) fn take_documents(&mut self) -> Documents {
        self.documents.take().unwrap_or_default()
    }

    pub(super) fn has_no_documents(&self) -> bool {
        self.documents.as_ref().is_none_or(Documents::is_empty)
    }

    /// Reads an object of references, the value of the member `name`.
    pub(super) fn read<R: Read>(&mut self, name: &str, tokens: &mut Tokens<R>) -> Result<()> {
        tokens.begin_object().map_err(|fault| fault.at(name))?;
        let mut key = name.to_owned();
        let mut first = true;
        while tokens
            .next_key(first, &mut key)
            .map_err(|fault| fault.at(&key))?
        {
            first = false;
            self.entry(&key, tokens)?;
        }
        Ok(())
    }

    /// Reads the value of a key.
    pub(super) fn entry<R: Read>(&mut self, key: &str, tokens: &mut Tokens<R>) -> Result<()> {
        if is_document(key) {
            return match &mut self.documents {
                Some(_) => self.document(key, tokens),
                None => tokens.skip().map_err(|fault| fault.at(key)),
            };
        }
        match self.gathered.target(key) {
            Target::Chunk { array, index } => self.chunk(key, array, index, tokens),
            Target::Refused => {
                self.skipped.get_or_insert(self.gathered.known());
                tokens.skip().map_err(|fault| fault.at(key))
            }
            Target::Nothing(why) => {
                self.skipped.get_or_insert(self.gathered.known());
                self.remarks.add(key, why);
                tokens.skip().map_err(|fault| fault.at(key))
            }
        }
    }

    fn document<R: Read>(&mut self, key: &str, tokens: &mut Tokens<R>) -> Result<()> {
        let at = |fault: Fault| fault.at(key);
        let document = match tokens.describe().map_err(at)? {
            "a text" => {
                let text = tokens.text("a text").map_err(at)?;
                Document::Json(parse(key, &text_bytes(key, text)?)?)
            }
            "a list" => {
                tokens.skip_within(MAX_DEPTH).map_err(at)?;
                Document::Elsewhere
            }
            "an object" => Document::Json(json(key, tokens)?),
            _ => {
                let found = json(key, tokens)?;
                let reason = format!("{}, expected a text or an object", brief(&found));
                return Err(malformed(key, reason));
            }
        };
        if let Some(path) = key.strip_suffix("/.zarray") {
            expect(&mut self.gathered, path, &document);
        }
        let documents = self.documents.get_or_insert_default();
        match documents.insert(key.to_owned(), document) {
            None => Ok(()),
            Some(_) => Err(malformed(key, "given twice")),
        }
    }

    fn chunk<R: Read>(
        &mut self,
        key: &str,
        array: usize,
        index: u64,
        tokens: &mut Tokens<R>,
    ) -> Result<()> {
        let at = |fault: Fault| fault.at(key);
        let place = match tokens.peek().map_err(at)? {
            Some(b'[') => self.range(key, tokens)?,
            Some(b'"') => {
                let text = tokens.text("a text").map_err(at)?;
                Place::Inline(Bytes::from(text_bytes(key, text)?.into_owned()))
            }
            // As fsspec has it: what a chunk is as an object is its JSON.
            Some(b'{') => Place::Inline(json(key, tokens)?.to_string().into()),
            _ => {
                let what = match tokens.number().map_err(at)? {
                    Number::Unsigned(number) => format!("invalid type: integer `{number}`"),
                    Number::Other(what) => what,
                };
                let fault = tokens.fault(format!("{what}, expected {REFERENCE}"));
                return Err(fault.at(key));
            }
        };
        self.gathered.push(array, index, place)
    }

    fn range<R: Read>(&mut self, key: &str, tokens: &mut Tokens<R>) -> Result<Place> {
        let at = |fault: Fault| fault.at(key);
        tokens.begin_list().map_err(at)?;
        let location = self.location(key, tokens)?;
        if !tokens.next_element(false).map_err(at)? {
            return Ok(Place::Whole(location));
        }
        let offset = number(key, "an offset", tokens)?;
        if !tokens.next_element(false).map_err(at)? {
            return Err(length(key, 2, tokens));
        }
        let size = number(key, "a length", tokens)?;
        if tokens.next_element(false).map_err(at)? {
            return Err(length(key, 4, tokens));
        }
        if offset.checked_add(size).is_none() {
            let reason = format!("{size} bytes at {offset} end past 2^64 - 1");
            return Err(malformed(key, reason));
        }
        Ok(Place::Range {
            location,
            offset,
            length: size,
        })
    }

    /// The first element of a reference.
    fn location<R: Read>(&mut self, key: &str, tokens: &mut Tokens<R>) -> Result<LocationId> {
        let at = |fault: Fault| fault.at(key);
        if !tokens.next_element(true).map_err(at)? {
            return Err(length(key, 0, tokens));
        }
        if tokens.null().map_err(at)? {
            let target = self.options.target.as_deref();
            let url = target
                .ok_or_else(|| malformed(key, "no URL, and no target that would stand for it"))?;
            return self.url(key, url, 0);
        }
        if tokens.peek().map_err(at)? != Some(b'"') {
            let what = match tokens.number().map_err(at)? {
                Number::Unsigned(number) => format!("invalid type: integer `{number}`"),
                Number::Other(what) => what,
            };
            return Err(at(tokens.fault(format!("{what}, expected a URL or null"))));
        }
        let read = tokens.offset();
        let url = tokens.text("a URL").map_err(at)?;
        self.url(key, url, read)
    }

    /// The number of a URL, which may have templates, when so much of the set was read.
    fn url(&mut self, key: &str, url: &str, read: u64) -> Result<LocationId> {
        if !url.contains("{{") {
            return self.gathered.location(key, url);
        }
        let Some(templates) = &mut self.templates else {
            self.is_templated = true;
            return self.gathered.location(key, url);
        };
        templates.grant(read);
        let url = templates
            .url(url)
            .map_err(|reason| malformed(key, reason))?;
        self.gathered.location(key, &url)
    }
}

fn number<R: Read>(key: &str, what: &str, tokens: &mut Tokens<R>) -> Result<u64> {
    match tokens.number().map_err(|fault| fault.at(key))? {
        Number::Unsigned(number) => Ok(number),
        Number::Other(found) => {
            let reason = format!("{found}, expected {what}, an integer of 0 to 2^64 - 1");
            Err(tokens.fault(reason).at(key))
        }
    }
}

fn length<R: Read>(key: &str, found: usize, tokens: &Tokens<R>) -> crate::error::Error {
    let reason = format!("invalid length {found}, expected {REFERENCE}");
    tokens.fault(reason).at(key)
}

/// From now on chunks of the array that a document describes are gathered. Whether it stays an array
/// is known when all documents are.
fn expect(gathered: &mut Gathered, path: &str, document: &Document) {
    let Document::Json(zarray @ Json::Object(_)) = document else {
        return gathered.refuse(path);
    };
    match v2_array(zarray, None, path) {
        Ok(read) => gathered.add(path, read.separator, read.grid),
        Err(_) => gathered.refuse(path),
    }
}
