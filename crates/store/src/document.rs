//! The documents that describe a manifest to Zarr readers.

use std::collections::BTreeMap;

use bytes::Bytes;
use chunkref_manifest::{Array, DataType, check_name, zarr};
use serde_json::{Map, Value, json};

use crate::chunk;
use crate::error::{Error, Result};
use crate::options::{ReaderProfile, StoreOptions, ZarrVersion};
use crate::references::Part;

/// A group or an array that this version of Zarr can't describe, whose name can't be a key, or that
/// the dataset itself could not be read into a manifest with. It is left out of consolidated metadata; its own keys are errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its path from the root.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The document with this key of the group or array at a path; `None` where there is none.
pub(crate) fn one(
    part: &Part,
    path: &str,
    key: &str,
    options: &StoreOptions,
) -> Result<Option<Bytes>> {
    let refused = |path: &str, reason: &str| Error::Document {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    part.check_not_refused(path)?;
    let manifest = &part.manifest;
    let documents = match (manifest.group(path), manifest.array(path)) {
        (Some(group), _) => group_documents(group, &prefix(path), options.version),
        (None, Some(array)) => {
            let documents = array_documents(array, path, options, part.has_references);
            documents.map_err(|error| refused(path, &error.to_string()))?
        }
        (None, None) => return Ok(None),
    };
    let mut names = path.split('/').filter(|_| !path.is_empty());
    if let Some(Err(error)) = names.find_map(|name| Some(check_name(name)).filter(Result::is_err)) {
        return Err(refused(path, &error.to_string()));
    }
    let found = documents.into_iter().find(|(name, _)| name == key);
    Ok(found.map(|(_, document)| Bytes::from(document.to_string())))
}

/// All documents, written once.
#[derive(Debug)]
pub(crate) struct Documents {
    by_key: BTreeMap<String, Bytes>,
    /// What has none, by its path.
    refused: BTreeMap<String, String>,
    /// Whose documents they are.
    part: Part,
}

impl Documents {
    /// Those of a part; `consolidated`: that of the root holds all others, as Zarr v3 has it.
    pub(crate) fn new(part: Part, options: &StoreOptions, consolidated: bool) -> Self {
        let mut written = Map::new();
        let mut refused = BTreeMap::new();
        for (path, group) in part.manifest.groups() {
            let prefix = prefix(&path);
            let names = group.groups.keys().chain(group.arrays.keys());
            for name in names {
                if let Err(error) = check_name(name) {
                    refused.insert(format!("{prefix}{name}"), error.to_string());
                }
            }
            written.extend(group_documents(group, &prefix, options.version));
            for (name, array) in &group.arrays {
                let path = format!("{prefix}{name}");
                match array_documents(array, &path, options, part.has_references) {
                    Ok(documents) => written.extend(documents),
                    Err(error) => {
                        refused.entry(path).or_insert_with(|| error.to_string());
                    }
                }
            }
        }
        written.retain(|key, _| {
            refused_by(&refused, key).is_none() && part.why_refused(key).is_none()
        });
        if consolidated || options.version == ZarrVersion::V2 {
            consolidate(&mut written, options.version);
        }
        let by_key = written
            .into_iter()
            .map(|(key, document)| (key, Bytes::from(document.to_string())))
            .collect();
        Self {
            by_key,
            refused,
            part,
        }
    }

    /// The document with this key.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Bytes>> {
        if let Some(document) = self.by_key.get(key) {
            return Ok(Some(document.clone()));
        }
        self.part.check_not_refused(key)?;
        match refused_by(&self.refused, key) {
            Some((path, reason)) => Err(Error::Document {
                path: path.to_owned(),
                reason: reason.to_owned(),
            }),
            None => Ok(None),
        }
    }

    /// What they describe.
    pub(crate) fn part(&self) -> &Part {
        &self.part
    }

    /// Their keys, ascending.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.by_key.keys()
    }

    /// Whether the array whose keys begin with this (its path and a slash) is described.
    pub(crate) fn describes(&self, under: &str) -> bool {
        refused_by(&self.refused, under).is_none() && self.part.why_refused(under).is_none()
    }

    pub(crate) fn refused(&self) -> impl Iterator<Item = Refused> {
        let without = self.refused.iter().map(|(path, reason)| Refused {
            path: path.clone(),
            reason: reason.clone(),
        });
        self.part.refused.iter().cloned().chain(without)
    }
}

/// The refused group or array that a key lies under.
fn refused_by<'a>(refused: &'a BTreeMap<String, String>, key: &str) -> Option<(&'a str, &'a str)> {
    if refused.is_empty() {
        return None;
    }
    key.match_indices('/')
        .filter_map(|(end, _)| refused.get_key_value(key.get(..end)?))
        .map(|(path, reason)| (path.as_str(), reason.as_str()))
        .next()
}

fn prefix(path: &str) -> String {
    match path.trim_start_matches('/') {
        "" => String::new(),
        path => format!("{path}/"),
    }
}

fn group_documents(
    group: &chunkref_manifest::Group,
    prefix: &str,
    version: ZarrVersion,
) -> Vec<(String, Value)> {
    match version {
        ZarrVersion::V2 => vec![
            (format!("{prefix}.zgroup"), zarr::v2::zgroup()),
            (format!("{prefix}.zattrs"), zarr::v2::group_zattrs(group)),
        ],
        ZarrVersion::V3 => {
            vec![(
                format!("{prefix}zarr.json"),
                zarr::v3::group_document(group),
            )]
        }
    }
}

fn array_documents(
    array: &Array,
    path: &str,
    options: &StoreOptions,
    has_references: bool,
) -> chunkref_manifest::Result<Vec<(String, Value)>> {
    let decoded = chunk::decoded_by_store(array, options.reader).is_some();
    match options.version {
        ZarrVersion::V2 => {
            let documents = if decoded {
                zarr::v2::plain_documents(array)?
            } else {
                if has_references {
                    zarr::v2::absent_chunk(array)?;
                }
                zarr::v2::array_documents(array)?
            };
            Ok(vec![
                (format!("{path}/.zarray"), documents.zarray),
                (format!("{path}/.zattrs"), documents.zattrs),
            ])
        }
        ZarrVersion::V3 => {
            let mut document = if decoded {
                zarr::v3::plain_document(array)?
            } else {
                zarr::v3::array_document(array)?
            };
            if options.reader == ReaderProfile::Zarrs {
                raw_bits(&mut document, array);
            }
            Ok(vec![(format!("{path}/zarr.json"), document)])
        }
    }
}

/// Fixed strings and bytes without meaning, as the one type `zarrs` has for them.
fn raw_bits(document: &mut Value, array: &Array) {
    let (DataType::FixedString { length } | DataType::Raw { length }) = array.data_type else {
        return;
    };
    let bits = u64::from(length).saturating_mul(8);
    let fill = match (&array.fill_value, usize::try_from(length)) {
        (Some(fill), _) => fill.to_vec(),
        (None, Ok(length)) => vec![0; length],
        (None, Err(_)) => return,
    };
    replace(document, "data_type", format!("r{bits}").into());
    replace(document, "fill_value", fill.into());
}

fn replace(document: &mut Value, key: &str, value: Value) {
    if let Some(old) = document.get_mut(key) {
        *old = value;
    }
}

/// Adds the one document from which a reader learns of all others.
fn consolidate(written: &mut Map<String, Value>, version: ZarrVersion) {
    match version {
        ZarrVersion::V2 => {
            let metadata = written.clone();
            let document = json!({"zarr_consolidated_format": 1, "metadata": metadata});
            written.insert(".zmetadata".to_owned(), document);
        }
        ZarrVersion::V3 => {
            let metadata: Map<String, Value> = written
                .iter()
                .filter_map(|(key, document)| {
                    Some((key.strip_suffix("/zarr.json")?.to_owned(), document.clone()))
                })
                .collect();
            if let Some(root) = written.get_mut("zarr.json").and_then(Value::as_object_mut) {
                root.insert(
                    "consolidated_metadata".to_owned(),
                    json!({"kind": "inline", "must_understand": false, "metadata": metadata}),
                );
            }
        }
    }
}
