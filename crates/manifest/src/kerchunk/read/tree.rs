//! Documents and chunk keys as a tree of groups and arrays.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::document::{Document, Documents, consolidated};
use super::gathered::Gathered;
use super::{ReadSet, SetReport};
use crate::array::{Array, Group, Layout, Manifest};
use crate::attribute::Attributes;
use crate::error::Result;
use crate::tree::check_name;
use crate::zarr::read::{attributes, v2_array};

/// Groups are nested at most so deep: much of what walks the tree calls itself.
const MAX_DEPTH: usize = 128;

/// A set while it is read.
#[derive(Debug)]
pub(super) struct Tree {
    /// By the numbers that they have in `gathered`.
    arrays: Vec<Array>,
    pub(super) gathered: Gathered,
    groups: BTreeMap<String, Attributes>,
    pub(super) report: SetReport,
    /// Whether an array lies within another.
    nested: bool,
}

impl Tree {
    /// The groups and arrays that the documents describe.
    ///
    /// # Errors
    /// When consolidated metadata is no such thing.
    pub(super) fn new(mut documents: Documents) -> Result<Self> {
        let mut tree = Self {
            arrays: Vec::new(),
            gathered: Gathered::default(),
            groups: BTreeMap::new(),
            report: SetReport::default(),
            nested: false,
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
                ".zarray" if !tree.gathered.is_refused(path) => {
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
        if !self.gathered.is_refused(path) {
            self.gathered.refuse(path);
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
                self.nested = true;
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
        self.gathered.add(path, read.separator, read.grid);
        self.arrays.push(read.array);
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
        let all = std::mem::take(&mut self.gathered);
        for draft in &all.arrays {
            if draft.separator == '.' || draft.grid.len() < 2 {
                self.gathered
                    .add(&draft.path, draft.separator, draft.grid.clone());
            } else {
                self.refuse(
                    &draft.path,
                    "dimension_separator \"/\" in a Parquet set, where no reader finds its chunks",
                );
            }
        }
        let mut kept = all
            .arrays
            .iter()
            .map(|draft| !self.gathered.is_refused(&draft.path));
        self.arrays.retain(|_| kept.next().unwrap_or(false));
    }

    /// Whether chunks that were gathered while only some documents were known may be other ones than
    /// those that all documents tell of. `skipped` is how many paths were known when the first key
    /// came that named no chunk of them.
    pub(super) fn differs_from(&self, early: &Gathered, skipped: Option<usize>) -> bool {
        let unlike = |all_seen: bool| {
            let mut arrays = self.gathered.arrays.iter();
            arrays.any(|draft| !early.has_like(draft).unwrap_or(all_seen))
        };
        match skipped {
            _ if self.nested => true,
            None => unlike(true),
            Some(known) => {
                let mut refused = self.gathered.refused();
                known < early.known() || unlike(false) || refused.any(|path| !early.knows(path))
            }
        }
    }

    /// Takes the chunks that were gathered before the tree was known.
    pub(super) fn adopt(&mut self, mut early: Gathered) {
        for draft in &mut self.gathered.arrays {
            if let Some(rows) = early.take_rows(&draft.path) {
                draft.rows = rows;
            }
        }
        self.gathered.locations = early.locations;
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
        for (draft, mut array) in self.gathered.arrays.into_iter().zip(self.arrays) {
            let (path, table) = draft.finish()?;
            if let Layout::Chunked { chunks, .. } = &mut array.layout {
                *chunks = table;
            }
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if let Some(group) = group_at(&mut root, parent) {
                group.arrays.insert(name.to_owned(), array);
            }
        }
        let manifest = Manifest::new(root, self.gathered.locations);
        Ok(ReadSet {
            manifest,
            report: self.report,
        })
    }
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
