//! Which times count alike.

use std::collections::{BTreeMap, BTreeSet};

use chunkref_manifest::{Array, Attribute, Manifest};
use chunkref_store::cf;

/// Coordinates that count alike, as they share their bounds; or one, with its bounds or without.
#[derive(Debug, Default)]
pub(super) struct Together {
    pub(super) coordinates: Vec<String>,
    pub(super) bounds: Option<String>,
    /// Arrays that name the same bounds and are no times.
    pub(super) strangers: Vec<String>,
}

impl Together {
    /// The first coordinate.
    pub(super) fn first(&self) -> String {
        self.coordinates.first().cloned().unwrap_or_default()
    }
}

/// The times along a dimension, with their bounds and all that share these. An array that is the bounds of
/// a time is no time of its own.
pub(super) fn together(manifest: &Manifest, dimension: &str) -> Vec<Together> {
    let arrays = manifest.arrays().map(|(path, array)| {
        let path = path.trim_start_matches('/').to_owned();
        let bounds = array.attributes.get("bounds").and_then(Attribute::as_text);
        let bounds = bounds.map(|name| sibling(&path, name));
        (path, array, bounds)
    });
    let arrays: Vec<_> = arrays.collect();
    let owned: BTreeSet<&String> = arrays
        .iter()
        .filter(|(_, array, _)| cf::is_time(&array.attributes))
        .filter_map(|(.., bounds)| bounds.as_ref())
        .collect();
    let is_along = |array: &Array| array.dimension_names.iter().any(|name| name == dimension);
    let mut all = Vec::new();
    let mut sharing: BTreeMap<&String, (Together, bool)> = BTreeMap::new();
    for (path, array, bounds) in &arrays {
        let is_time = cf::is_time(&array.attributes);
        let Some(bounds) = bounds else {
            if is_time && is_along(array) && !owned.contains(path) {
                all.push(Together {
                    coordinates: vec![path.clone()],
                    ..Together::default()
                });
            }
            continue;
        };
        let (times, along) = sharing.entry(bounds).or_default();
        times.bounds = Some(bounds.clone());
        if is_time && !owned.contains(path) {
            times.coordinates.push(path.clone());
            *along |= is_along(array);
        } else {
            times.strangers.push(path.clone());
        }
    }
    let sharing = sharing.into_values().filter(|(_, along)| *along);
    all.extend(sharing.map(|(times, _)| times));
    all
}

/// The path of what an array names; one array has one path.
pub(crate) fn sibling(path: &str, name: &str) -> String {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let names = parent.split('/').chain(name.trim().split('/'));
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    names.join("/")
}
