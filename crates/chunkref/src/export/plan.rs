//! What is exported: arrays, their chunks, and documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};

use chunkref_manifest::{Array, Manifest, check_name, zarr};
use serde_json::{Map, Value, json};

use super::planned::Planned;
use super::{ExportError, ExportOptions};

/// All that is exported.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    manifest: &'a Manifest,
    pub(super) arrays: Vec<Planned<'a>>,
    pub(super) refused: Vec<(String, String)>,
    /// Paths of the groups that are written.
    groups: BTreeSet<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        manifest: &'a Manifest,
        options: &ExportOptions,
    ) -> Result<Self, ExportError> {
        let group = format!(
            "/{}",
            options.group.as_deref().unwrap_or("").trim_matches('/')
        );
        let asked = |what: &str, reason: &str| ExportError::Asked {
            what: what.to_owned(),
            reason: reason.to_owned(),
        };
        if manifest.group(&group).is_none() {
            return Err(asked(&group, "no such group"));
        }
        let under = format!("{}/", group.trim_end_matches('/'));
        let mut wanted = BTreeSet::new();
        for name in &options.arrays {
            let path = format!("{under}{}", name.trim_matches('/'));
            let array = manifest.array(&path);
            let array = array.ok_or_else(|| asked(&path, "no such array"))?;
            wanted.extend(coordinates(manifest, &path, array));
            wanted.insert(path);
        }
        for path in options.selections.keys() {
            manifest
                .array(path)
                .ok_or_else(|| asked(path, "no such array"))?;
        }
        let is_wanted = |path: &str| {
            if wanted.is_empty() {
                path.starts_with(&under)
            } else {
                wanted.contains(path)
            }
        };
        let mut plan = Self {
            manifest,
            arrays: Vec::new(),
            refused: Vec::new(),
            groups: BTreeSet::new(),
        };
        for (path, array) in manifest.arrays().filter(|(path, _)| is_wanted(path)) {
            match Planned::new(&path, array, options) {
                Ok(array) => {
                    plan.groups.extend(ancestors(&path));
                    plan.arrays.push(array);
                }
                Err(reason) => plan.refused.push((path, reason)),
            }
        }
        if wanted.is_empty() {
            let all = manifest.groups().map(|(path, _)| path);
            let below = all.filter(|path| path.starts_with(&under) || *path == group);
            plan.groups.extend(below.filter(|path| names_fit(path)));
        }
        plan.groups.extend(ancestors(&format!("{under}x")));
        if plan.arrays.is_empty() && !plan.refused.is_empty() && !options.arrays.is_empty() {
            let (path, reason) = plan.refused.swap_remove(0);
            return Err(asked(&path, &reason));
        }
        Ok(plan)
    }

    /// What tells this export from others: what is read, and how it is written.
    /// `sources` says which objects they are that are read, as they are now.
    pub(super) fn fingerprint(
        &self,
        manifest: &Manifest,
        options: &ExportOptions,
        sources: &str,
    ) -> String {
        let mut hashed = Hashed(DefaultHasher::new());
        // Hashing does not fail.
        let _ = write!(hashed, "{:?}{:?}{sources}", options.codec, self.groups);
        for (_, location) in manifest.locations.iter() {
            let _ = write!(hashed, "{location:?}");
        }
        for planned in &self.arrays {
            let Planned {
                path,
                array,
                slices,
                chunk_shape,
                ..
            } = planned;
            let _ = write!(hashed, "{path}{slices:?}{chunk_shape:?}{array:?}");
        }
        format!(
            "chunkref {} {:016x}\n",
            env!("CARGO_PKG_VERSION"),
            hashed.0.finish()
        )
    }

    /// How many chunks there are to write, and how many are absent.
    pub(super) fn count(&self) -> (u64, u64) {
        let counts = self.arrays.iter().map(Planned::count);
        counts.fold((0, 0), |(count, absent), (stored, cells)| {
            let missing = cells.saturating_sub(stored);
            (count.saturating_add(stored), absent.saturating_add(missing))
        })
    }

    /// The documents, by key; that of the root holds all others.
    pub(super) fn documents(&self) -> BTreeMap<String, Value> {
        let mut documents = BTreeMap::new();
        for path in &self.groups {
            if let Some(group) = self.manifest.group(path) {
                documents.insert(key(path), zarr::v3::group_document(group));
            }
        }
        for array in &self.arrays {
            documents.insert(key(&array.path), array.document.clone());
        }
        let metadata: Map<String, Value> = documents
            .iter()
            .filter_map(|(key, document)| {
                Some((key.strip_suffix("/zarr.json")?.to_owned(), document.clone()))
            })
            .collect();
        if let Some(root) = documents
            .get_mut("zarr.json")
            .and_then(Value::as_object_mut)
        {
            root.insert(
                "consolidated_metadata".to_owned(),
                json!({"kind": "inline", "must_understand": false, "metadata": metadata}),
            );
        }
        documents
    }
}

/// The arrays that hold the coordinates of an array: one axis, named as a dimension, in its group or
/// one above.
fn coordinates(manifest: &Manifest, path: &str, array: &Array) -> Vec<String> {
    let mut found = Vec::new();
    for name in &array.dimension_names {
        let mut group = path;
        while let Some((above, _)) = group.rsplit_once('/') {
            let coordinate = format!("{above}/{name}");
            let along = manifest.array(&coordinate);
            if along.is_some_and(|along| along.dimension_names == [name.as_str()]) {
                found.push(coordinate);
                break;
            }
            group = above;
        }
    }
    found
}

/// The groups that a path lies in, from the root on.
fn ancestors(path: &str) -> Vec<String> {
    let slashes = path.match_indices('/');
    slashes
        .filter_map(|(at, _)| match path.get(..at)? {
            "" => Some("/".to_owned()),
            group => Some(group.to_owned()),
        })
        .collect()
}

/// Whether all names of a path can be names of folders.
fn names_fit(path: &str) -> bool {
    let names = path.split('/').filter(|name| !name.is_empty());
    names.map(check_name).all(|checked| checked.is_ok())
}

fn key(path: &str) -> String {
    match path.trim_start_matches('/') {
        "" => "zarr.json".to_owned(),
        path => format!("{path}/zarr.json"),
    }
}

/// What is written into it is hashed.
struct Hashed(DefaultHasher);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
