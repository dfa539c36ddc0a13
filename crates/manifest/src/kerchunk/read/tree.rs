//! Documents and chunk keys as a tree of groups and arrays.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value as Json};

use super::document::{Document, Documents, consolidated, malformed};
use super::rows::{Place, Rows, Twice};
use super::{ReadSet, SetReport};
use crate::array::{Array, Group, Layout, Manifest};
use crate::attribute::Attributes;
use crate::chunk_grid::{chunk_coordinates, chunk_index, join};
use crate::error::Result;
use crate::location::{Location, LocationId, Locations};
use crate::tree::check_name;
use crate::zarr::read::{attributes, v2_array};

/// Groups are nested at most so deep: much of what walks the tree calls itself.
const MAX_DEPTH: usize = 128;

/// The most axes of an array, and so parts of a chunk key.
const MAX_AXES: usize = 64;

/// An array whose chunks are being gathered.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) path: String,
    array: Array,
    pub(super) separator: char,
    pub(super) grid: Vec<u64>,
    rows: Rows,
}

/// A set while it is read.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) arrays: Vec<Draft>,
    by_path: HashMap<String, usize>,
    refused: HashSet<String>,
    groups: BTreeMap<String, Attributes>,
    pub(super) locations: Locations,
    pub(super) report: SetReport,
}

/// What a chunk key names.
pub(super) enum Target {
    /// A chunk of the array with this number in [`Tree::arrays`].
    Chunk { array: usize, index: u64 },
    /// Something of an array that was refused.
    Refused,
    /// Nothing that a Zarr reader asks for, and why.
    Nothing(&'static str),
}

impl Tree {
    /// The groups and arrays that the documents describe.
    ///
    /// # Errors
    /// When consolidated metadata is no such thing.
    pub(super) fn new(mut documents: Documents) -> Result<Self> {
        let mut tree = Self {
            arrays: Vec::new(),
            by_path: HashMap::new(),
            refused: HashSet::new(),
            groups: BTreeMap::new(),
            locations: Locations::default(),
            report: SetReport::default(),
        };
        let differ = match documents.remove(".zmetadata") {
            Some(Document::Json(metadata)) => consolidated(&mut documents, metadata)?,
            Some(Document::Elsewhere) => {
                tree.report.remark(|| {
                    ".zmetadata is a reference to bytes elsewhere, which is not followed".to_owned()
                });
                Vec::new()
            }
            None => Vec::new(),
        };
        for key in &differ {
            let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
            if name == ".zarray" {
                tree.refuse(path, "its .zarray and that in .zmetadata differ");
            } else {
                tree.report.remark(|| {
                    format!("{key:?} and that in .zmetadata differ: the former is taken")
                });
            }
        }
        for (key, document) in &documents {
            let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
            match name {
                ".zarray" if !tree.refused.contains(path) => {
                    if let Err(reason) = tree.array(path, document, &documents) {
                        tree.refuse(path, reason);
                    }
                }
                ".zgroup" => {
                    if let Err(reason) = tree.group(path, &documents) {
                        tree.refuse(path, reason);
                    }
                }
                "zarr.json" => tree.refuse(
                    path,
                    "Zarr v3 documents in a reference set are not supported",
                ),
                ".zarray" | ".zattrs" | ".zmetadata" => {}
                _ => tree
                    .report
                    .remark(|| format!("{key:?} is no document that is known")),
            }
        }
        // Attributes of the root without its document.
        if !tree.groups.contains_key("") && tree.group("", &documents).is_err() {
            tree.groups.insert(String::new(), Attributes::new());
        }
        Ok(tree)
    }

    fn refuse(&mut self, path: &str, reason: impl Into<String>) {
        if self.refused.insert(path.to_owned()) {
            self.report.refuse(path, reason);
        }
    }

    fn array(
        &mut self,
        path: &str,
        zarray: &Document,
        documents: &Documents,
    ) -> Result<(), String> {
        let name = check_path(path)?;
        if documents.contains_key(&format!("{path}/.zgroup")) {
            return Err("both a group and an array".to_owned());
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            if documents.contains_key(&format!("{parent}/.zarray")) {
                return Err(format!("it lies within the array /{parent}"));
            }
            above = parent;
        }
        let Document::Json(zarray) = zarray else {
            return Err("its .zarray lies elsewhere, which is not followed".to_owned());
        };
        let attributes = zattrs(path, documents)?;
        let read = v2_array(zarray, attributes, name)?;
        for remark in read.remarks {
            self.report.remark(|| format!("/{path}: {remark}"));
        }
        self.by_path.insert(path.to_owned(), self.arrays.len());
        self.arrays.push(Draft {
            path: path.to_owned(),
            array: read.array,
            separator: read.separator,
            rows: Rows::new(read.grid.clone()),
            grid: read.grid,
        });
        Ok(())
    }

    fn group(&mut self, path: &str, documents: &Documents) -> Result<(), String> {
        if !path.is_empty() {
            check_path(path)?;
        }
        let attributes = match zattrs(path, documents)? {
            Some(members) => attributes(members),
            None => Attributes::new(),
        };
        self.groups.insert(path.to_owned(), attributes);
        Ok(())
    }

    /// Refuses arrays whose chunk keys Parquet sets have no place for.
    pub(super) fn only_dots(&mut self) {
        let arrays = std::mem::take(&mut self.arrays);
        self.by_path.clear();
        for draft in arrays {
            if draft.separator == '.' || draft.grid.len() < 2 {
                self.arrays.push(draft);
            } else {
                let reason =
                    "dimension_separator \"/\" in a Parquet set, where no reader finds its chunks";
                self.refuse(&draft.path, reason);
            }
        }
    }

    /// What a key that is no document's names.
    pub(super) fn target(&self, key: &str) -> Target {
        let Some((mut path, mut places)) = split(key, key.len()) else {
            return Target::Nothing("lies in no array");
        };
        // Where `/` stands between the places, more of the key is the chunk's.
        for parts in 1..=MAX_AXES {
            if let Some(&array) = self.by_path.get(path) {
                let Some(draft) = self.arrays.get(array) else {
                    break;
                };
                return match index(draft, places, parts) {
                    Ok(index) => Target::Chunk { array, index },
                    Err(reason) => Target::Nothing(reason),
                };
            }
            if self.refused.contains(path) {
                return Target::Refused;
            }
            match split(key, path.len()) {
                Some(next) => (path, places) = next,
                None => break,
            }
        }
        Target::Nothing("lies in no array")
    }

    /// Adds a chunk to an array.
    ///
    /// # Errors
    /// When it is outside the grid.
    pub(super) fn push(&mut self, array: usize, index: u64, place: Place) -> Result<()> {
        match self.arrays.get_mut(array) {
            Some(draft) => draft
                .rows
                .push(index, place)
                .map_err(|error| error.at(&draft.path)),
            None => Ok(()),
        }
    }

    /// The number of a URL.
    ///
    /// # Errors
    /// When it is empty, or there are too many.
    pub(super) fn location(&mut self, key: &str, url: String) -> Result<LocationId> {
        if url.is_empty() {
            return Err(malformed(key, "an empty URL"));
        }
        self.locations
            .intern(Location::new(url))
            .ok_or_else(|| malformed(key, "more than 2^32 - 1 URLs"))
    }

    /// The set.
    ///
    /// # Errors
    /// When a chunk is given twice.
    pub(super) fn finish(self) -> Result<ReadSet> {
        let mut root = Group::default();
        for (path, attributes) in self.groups {
            if let Some(group) = group_at(&mut root, &path) {
                group.attributes = attributes;
            }
        }
        for draft in self.arrays {
            let Draft {
                path,
                mut array,
                separator,
                grid,
                rows,
            } = draft;
            let table = rows.finish().map_err(|Twice(index)| {
                let places = chunk_coordinates(index, &grid).unwrap_or_default();
                let chunk = match join(&places, separator) {
                    chunk if chunk.is_empty() => "0".to_owned(),
                    chunk => chunk,
                };
                malformed(&format!("{path}/{chunk}"), "given twice")
            })?;
            if let Layout::Chunked { chunks, .. } = &mut array.layout {
                *chunks = table;
            }
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if let Some(group) = group_at(&mut root, parent) {
                group.arrays.insert(name.to_owned(), array);
            }
        }
        let manifest = Manifest::new(root, self.locations);
        Ok(ReadSet {
            manifest,
            report: self.report,
        })
    }
}

/// The key before the last slash of its first `length` bytes, and all that comes after.
fn split(key: &str, length: usize) -> Option<(&str, &str)> {
    let slash = key.get(..length)?.rfind('/')?;
    Some((key.get(..slash)?, key.get(slash.saturating_add(1)..)?))
}

/// The number of the chunk whose places are written so, in so many parts of the key.
fn index(draft: &Draft, places: &str, parts: usize) -> Result<u64, &'static str> {
    const NONE: &str = "is no chunk of its array";
    if draft.grid.is_empty() {
        return if places == "0" { Ok(0) } else { Err(NONE) };
    }
    if draft.separator == '.' && parts != 1 {
        return Err(NONE);
    }
    let mut coordinates = Vec::with_capacity(draft.grid.len());
    for place in places.split(draft.separator) {
        // As writers have it: `01` is another key than `1`.
        let canonical = !place.is_empty()
            && (place == "0" || !place.starts_with('0'))
            && place.bytes().all(|byte| byte.is_ascii_digit());
        if !canonical || coordinates.len() == draft.grid.len() {
            return Err(NONE);
        }
        coordinates.push(place.parse().map_err(|_| NONE)?);
    }
    if coordinates.len() != draft.grid.len() {
        return Err(NONE);
    }
    chunk_index(&coordinates, &draft.grid).ok_or("lies outside of its array's chunks")
}

/// The last name of a path, all of whose names can be parts of keys.
fn check_path(path: &str) -> Result<&str, String> {
    if path.is_empty() {
        return Err("an array at the root is not supported".to_owned());
    }
    if path.split('/').nth(MAX_DEPTH).is_some() {
        return Err(format!("it lies deeper than {MAX_DEPTH} groups"));
    }
    for name in path.split('/') {
        check_name(name).map_err(|error| error.to_string())?;
    }
    Ok(path.rsplit('/').next().unwrap_or(path))
}

fn zattrs<'a>(
    path: &str,
    documents: &'a Documents,
) -> Result<Option<&'a Map<String, Json>>, String> {
    let key = match path {
        "" => ".zattrs".to_owned(),
        path => format!("{path}/.zattrs"),
    };
    match documents.get(&key) {
        None => Ok(None),
        Some(Document::Json(Json::Object(members))) => Ok(Some(members)),
        Some(Document::Json(_)) => Err("its .zattrs is no object".to_owned()),
        Some(Document::Elsewhere) => {
            Err("its .zattrs lies elsewhere, which is not followed".to_owned())
        }
    }
}

/// The group at a path, made if it is not there; `None` within an array.
fn group_at<'a>(root: &'a mut Group, path: &str) -> Option<&'a mut Group> {
    let names = path.split('/').filter(|name| !name.is_empty());
    names.into_iter().try_fold(root, |group, name| {
        if group.arrays.contains_key(name) {
            return None;
        }
        if !group.groups.contains_key(name) {
            group.groups.insert(name.to_owned(), Group::default());
        }
        group.groups.get_mut(name)
    })
}
