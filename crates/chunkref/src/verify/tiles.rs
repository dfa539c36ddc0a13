//! Granules within the arrays that they are joined to.

use std::collections::BTreeMap;

use chunkref_manifest::{Array, LocationId, Manifest};

use super::finding::{Finding, FindingKind, Findings};
use super::meaning::is_phony;

/// Where the part of a granule begins along the dimensions of the set, as its arrays say it.
#[derive(Debug, Default)]
pub(super) struct Starts(BTreeMap<String, Start>);

#[derive(Debug)]
struct Start {
    element: u64,
    length: u64,
    /// The array that says so.
    path: String,
}

impl Starts {
    /// Takes in where an array has the part of a granule that has this shape; gives what another
    /// array says, if that is something else.
    pub(super) fn record(
        &mut self,
        manifest: &Manifest,
        path: &str,
        array: &Array,
        shape: &[u64],
        moved: &[u64],
    ) -> Option<String> {
        let mut contradicts = None;
        for (axis, length) in joined_axes(array, shape) {
            let (Some(name), Some(element)) = (
                dimension(manifest, path, array, axis),
                moved.get(axis).copied(),
            ) else {
                continue;
            };
            let start = self.0.entry(name).or_insert_with(|| Start {
                element,
                length,
                path: path.to_owned(),
            });
            if start.length == length && start.element != element {
                contradicts = Some(format!(
                    "begins at element {element} of axis {axis}, in {} at {}",
                    start.path, start.element
                ));
            }
        }
        contradicts
    }

    /// How far the elements of a granule are moved in an array, as other arrays say.
    pub(super) fn moved(
        &self,
        manifest: &Manifest,
        path: &str,
        array: &Array,
        shape: &[u64],
    ) -> Option<Vec<u64>> {
        let mut moved = vec![0; shape.len()];
        for (axis, length) in joined_axes(array, shape) {
            let start = self.0.get(&dimension(manifest, path, array, axis)?)?;
            if start.length != length {
                return None;
            }
            *moved.get_mut(axis)? = start.element;
        }
        Some(moved)
    }
}

/// The axes along which the array is longer than that of a file, and their lengths there.
pub(super) fn joined_axes(array: &Array, shape: &[u64]) -> Vec<(usize, u64)> {
    let axes = array.shape.iter().zip(shape).enumerate();
    axes.filter(|(_, (mine, there))| mine != there)
        .map(|(axis, (_, there))| (axis, *there))
        .collect()
}

/// What is one dimension to all arrays that have it: the path of its coordinate, or its name in the
/// group; `None` for one without a name.
fn dimension(manifest: &Manifest, path: &str, array: &Array, axis: usize) -> Option<String> {
    let name = array.dimension_names.get(axis)?;
    let (own, array_name) = path.rsplit_once('/').unwrap_or(("", path));
    if is_phony(name) || *name == format!("{array_name}_dim_{axis}") {
        return None;
    }
    let mut group = own;
    loop {
        let coordinate = format!("{group}/{name}");
        let along = manifest.array(&coordinate);
        if along.is_some_and(|along| along.dimension_names == [name.as_str()]) {
            return Some(coordinate);
        }
        match group.rsplit_once('/') {
            Some((above, _)) => group = above,
            None => return Some(format!("{own}/{name}")),
        }
    }
}

/// A part of an array: its first element along an axis, and its length.
type Part = (usize, u64, u64);

/// The parts of all arrays.
#[derive(Debug, Default)]
pub(super) struct Tiles {
    shapes: BTreeMap<String, BTreeMap<LocationId, Vec<u64>>>,
    parts: BTreeMap<String, BTreeMap<LocationId, Part>>,
}

impl Tiles {
    /// The shape that an array has in a file.
    pub(super) fn shape(&mut self, path: &str, id: LocationId, shape: &[u64]) {
        let shapes = self.shapes.entry(path.to_owned()).or_default();
        shapes.insert(id, shape.to_vec());
    }

    /// Where the part of a file lies in an array.
    pub(super) fn part(
        &mut self,
        path: &str,
        id: LocationId,
        array: &Array,
        shape: &[u64],
        moved: &[u64],
    ) {
        for (axis, length) in joined_axes(array, shape) {
            if let Some(start) = moved.get(axis) {
                let parts = self.parts.entry(path.to_owned()).or_default();
                parts.insert(id, (axis, *start, length));
            }
        }
    }

    /// Looks whether parts overlap or reach past the end; where all files are known, also whether they
    /// are as long together as the array. Gives what can't be told, where a file may be no granule.
    pub(super) fn finish(
        &self,
        manifest: &Manifest,
        all_known: bool,
        are_granules: bool,
        findings: &mut Findings,
    ) -> Vec<String> {
        let mut not_told = Vec::new();
        for (path, shapes) in &self.shapes {
            let Some(array) = manifest.array(path) else {
                continue;
            };
            if let Some(reason) = self.misplaced(path, array, manifest) {
                findings.add(Finding::of_array(FindingKind::Scan, path, reason));
                continue;
            }
            let Some(reason) = length(array, shapes).filter(|_| all_known) else {
                continue;
            };
            if are_granules {
                findings.add(Finding::of_array(FindingKind::Scan, path, reason));
            } else {
                not_told.push(format!("{path}: {reason}; some may be no granules"));
            }
        }
        not_told
    }

    fn misplaced(&self, path: &str, array: &Array, manifest: &Manifest) -> Option<String> {
        let parts = self.parts.get(path)?;
        let mut parts: Vec<(u64, u64, usize, LocationId)> = parts
            .iter()
            .filter(|(_, (.., length))| *length > 0)
            .map(|(id, (axis, start, length))| (*start, *length, *axis, *id))
            .collect();
        parts.sort_unstable();
        let url = |id: LocationId| {
            manifest
                .locations
                .get(id)
                .map_or("", |one| one.url.as_str())
        };
        let overlap = parts.windows(2).find_map(|pair| {
            let [(start, length, _, one), (next, _, _, other)] = pair else {
                return None;
            };
            let end = start.saturating_add(*length);
            (end > *next).then(|| {
                format!(
                    "{} has {length} elements from {start} on, where {} begins at {next}",
                    url(*one),
                    url(*other)
                )
            })
        });
        overlap.or_else(|| {
            let (start, length, axis, id) = parts.last()?;
            let whole = array.shape.get(*axis)?;
            let end = start.saturating_add(*length);
            (end > *whole).then(|| {
                format!(
                    "{} has {length} elements from {start} on, past its end at {whole}",
                    url(*id)
                )
            })
        })
    }
}

/// How the length of an array is not that of its granules together.
fn length(array: &Array, shapes: &BTreeMap<LocationId, Vec<u64>>) -> Option<String> {
    let mut joined: Vec<usize> = shapes
        .values()
        .flat_map(|shape| joined_axes(array, shape))
        .map(|(axis, _)| axis)
        .collect();
    joined.sort_unstable();
    joined.dedup();
    let [axis] = joined.as_slice() else {
        // Not joined; or unlike in several axes, which is said of each file.
        return None;
    };
    let lengths = shapes.values().filter_map(|shape| shape.get(*axis));
    let sum = lengths.fold(0_u64, |sum, length| sum.saturating_add(*length));
    let mine = array.shape.get(*axis)?;
    (*mine != sum).then(|| {
        format!(
            "{mine} elements along axis {axis}, its {} files have {sum}",
            shapes.len()
        )
    })
}
