//! Granules joined along one dimension.

use std::collections::BTreeSet;

use chunkref_manifest::{Array, Attribute, Group, Manifest};

use crate::coordinate::{self, Key, check_dimension};
use crate::error::{Difference, Error, Result};
use crate::join::{self, Member};
use crate::locations::{self, Merged};
use crate::options::ConcatOptions;
use crate::report::CombineReport;
use crate::units::{self, Unified};
use crate::words::by;
use crate::{chunks, compare, inline, provenance};

/// Joins like granules along one dimension.
///
/// Arrays that have the dimension are appended along it, by appending their chunk tables or their
/// inline values. The others must be equal; where their values are not in the manifests, only what
/// describes them is compared, the first granule's stand, and the report names them. Times along the
/// dimension that manifests hold are counted in one unit, if each stays the same to the nanosecond.
///
/// The attributes of the root gain a line of `history`, and `source_doi` where the collection's DOI
/// is known ([`Manifest::describe_source`]). What granules say there themselves stays where all say
/// the same.
///
/// # Errors
///
/// If granules are not alike: every difference found, with granule, variable and reason; if there
/// are no granules, or no array has the dimension.
pub fn concat(
    manifests: Vec<Manifest>,
    dimension: &str,
    options: &ConcatOptions,
) -> Result<(Manifest, CombineReport)> {
    let mut granules = named(manifests, options)?;
    if granules.is_empty() {
        return Err(Error::NoGranules);
    }
    check_dimension(granules.iter().map(|(_, manifest)| manifest), dimension)?;
    let Unified { changed, refused } = units::unify(&mut granules, dimension);
    if options.sorted {
        granules = sort(granules, dimension, options.where_held)?;
    }
    let (names, manifests): (Vec<_>, Vec<_>) = granules.into_iter().unzip();
    let manifests: Vec<&Manifest> = manifests.iter().collect();
    let mut differences = refused;
    let merged = locations::merge(&manifests, &names, &mut differences)?;
    let mut work = Work {
        dimension,
        merged: &merged,
        names: &names,
        grid_mappings: grid_mappings(&manifests),
        differences,
        report: CombineReport::default(),
    };
    let roots: Vec<&Group> = manifests.iter().map(|manifest| &manifest.root).collect();
    let root = work.group(&roots, "");
    let Work {
        differences,
        mut report,
        ..
    } = work;
    if !differences.is_empty() {
        return Err(Error::Unlike {
            differences,
            first: names.first().cloned().unwrap_or_default(),
        });
    }
    describe_coordinate(&manifests, dimension, &names, &mut report);
    report.granules = names;
    report.units = changed;
    let provenance = provenance::merge(&manifests, &merged);
    let mut joined = Manifest::new(root, merged.locations);
    joined.provenance = provenance;
    let version = env!("CARGO_PKG_VERSION");
    let maker = &mut joined.provenance.chunkref;
    maker.get_or_insert_with(|| version.to_owned());
    joined.describe_source(version);
    Ok((joined, report))
}

/// The granules with their names.
fn named(manifests: Vec<Manifest>, options: &ConcatOptions) -> Result<Vec<(String, Manifest)>> {
    if let Some(names) = &options.names {
        if names.len() != manifests.len() {
            return Err(Error::Names {
                found: names.len(),
                granules: manifests.len(),
            });
        }
        return Ok(names.iter().cloned().zip(manifests).collect());
    }
    let name = |(number, manifest): (usize, Manifest)| {
        let first = manifest.locations.iter().next();
        let name = first.map_or_else(
            || format!("granule {number}"),
            |(_, location)| location.url.clone(),
        );
        (name, manifest)
    };
    Ok(manifests.into_iter().enumerate().map(name).collect())
}

/// Sorts granules by the first value of the joined coordinate that is not missing; those without values stay
/// in place at the front.
fn sort(
    granules: Vec<(String, Manifest)>,
    dimension: &str,
    where_held: bool,
) -> Result<Vec<(String, Manifest)>> {
    let is_held = |(_, manifest): &(String, Manifest)| {
        coordinate::find(manifest, dimension)
            .is_some_and(|(_, one)| coordinate::values(one).is_ok())
    };
    if where_held && !granules.iter().all(is_held) {
        return Ok(granules);
    }
    let mut keyed = Vec::with_capacity(granules.len());
    let mut differences = Vec::new();
    for (name, manifest) in granules {
        let values = coordinate::find(&manifest, dimension)
            .ok_or_else(|| "there is no such coordinate to sort by".to_owned())
            .and_then(|(_, one)| coordinate::values(one));
        match values {
            Ok(values) => keyed.push((values.into_iter().flatten().next(), name, manifest)),
            Err(reason) => differences.push(Difference {
                granule: name,
                variable: dimension.to_owned(),
                reason: format!("can't be sorted by: {reason}"),
            }),
        }
    }
    if !differences.is_empty() {
        return Err(Error::Unlike {
            differences,
            first: String::new(),
        });
    }
    keyed.sort_by_key(|(value, ..)| *value);
    Ok(keyed
        .into_iter()
        .map(|(_, name, manifest)| (name, manifest))
        .collect())
}

fn describe_coordinate(
    manifests: &[&Manifest],
    dimension: &str,
    names: &[String],
    report: &mut CombineReport,
) {
    let values: Option<Vec<Vec<Option<Key>>>> = manifests
        .iter()
        .map(|manifest| coordinate::values(coordinate::find(manifest, dimension)?.1).ok())
        .collect();
    if let Some(values) = values {
        let count = |values: &Vec<Option<Key>>| values.iter().flatten().count();
        report.lengths = values.iter().map(count).collect();
        report.ascending = Some(coordinate::ascending(&values));
        report.duplicates = coordinate::duplicates(&values, names);
    }
}

struct Work<'a> {
    dimension: &'a str,
    merged: &'a Merged,
    names: &'a [String],
    /// Names of arrays that others name as their grid mappings.
    grid_mappings: BTreeSet<String>,
    differences: Vec<Difference>,
    report: CombineReport,
}

/// The names that attributes `grid_mapping` give (CF 5.6): `crs`, or `crs: x y`.
fn grid_mappings(manifests: &[&Manifest]) -> BTreeSet<String> {
    fn of_group(group: &Group, names: &mut BTreeSet<String>) {
        for array in group.arrays.values() {
            let text = array.attributes.get("grid_mapping");
            let text = text.and_then(Attribute::as_text).unwrap_or_default();
            let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
            names.extend(
                text.split_whitespace()
                    .map(|name| last(name.trim_end_matches(':'))),
            );
        }
        for group in group.groups.values() {
            of_group(group, names);
        }
    }
    let mut names = BTreeSet::new();
    for manifest in manifests {
        of_group(&manifest.root, &mut names);
    }
    names
}

impl Work<'_> {
    fn difference(&self, granule: usize, variable: &str, reason: String) -> Difference {
        Difference {
            granule: self.names.get(granule).cloned().unwrap_or_default(),
            variable: variable.to_owned(),
            reason,
        }
    }

    /// Joins one group of all granules.
    fn group(&mut self, groups: &[&Group], path: &str) -> Group {
        let mut joined = Group::default();
        let Some(first) = groups.first() else {
            return joined;
        };
        joined.attributes = first.attributes.clone();
        let of_each: &[&str] = if path.is_empty() {
            let all: Vec<_> = groups.iter().map(|group| &group.attributes).collect();
            for name in provenance::settle(&mut joined.attributes, &all) {
                self.report.left_out.push(name.to_owned());
            }
            &provenance::OF_EACH
        } else {
            &[]
        };
        for (granule, group) in groups.iter().enumerate() {
            for note in compare::group_notes(&group.attributes, &first.attributes, of_each) {
                self.report
                    .attributes
                    .push(self.difference(granule, path, note));
            }
        }
        for name in names(groups, |group| group.arrays.keys()) {
            let path = child(path, name);
            if let Some(arrays) = self.all(groups, &path, |group| group.arrays.get(name)) {
                joined.arrays.extend(
                    self.array(&arrays, &path)
                        .map(|array| (name.clone(), array)),
                );
            }
        }
        for name in names(groups, |group| group.groups.keys()) {
            let path = child(path, name);
            if let Some(groups) = self.all(groups, &path, |group| group.groups.get(name)) {
                joined
                    .groups
                    .insert(name.clone(), self.group(&groups, &path));
            }
        }
        joined
    }

    /// What `get` finds in every group; `None`, and the difference noted, if not all have it.
    fn all<'g, T>(
        &mut self,
        groups: &[&'g Group],
        path: &str,
        get: impl Fn(&'g Group) -> Option<&'g T>,
    ) -> Option<Vec<&'g T>> {
        let found: Vec<_> = groups.iter().filter_map(|group| get(group)).collect();
        if found.len() == groups.len() {
            return Some(found);
        }
        // Named are the fewer: those that have what most lack, or lack what most have.
        let is_rare = found.len().saturating_mul(2) < groups.len();
        let reason = if is_rare {
            "is there, and most other granules lack it"
        } else {
            "is missing, and other granules have it"
        };
        for (granule, group) in groups.iter().enumerate() {
            if get(group).is_some() == is_rare {
                self.differences
                    .push(self.difference(granule, path, reason.to_owned()));
            }
        }
        None
    }

    /// Joins one array of all granules, or takes the first.
    fn array(&mut self, arrays: &[&Array], path: &str) -> Option<Array> {
        let members: Vec<_> = arrays
            .iter()
            .enumerate()
            .map(|(granule, array)| Member { granule, array })
            .collect();
        let has = |array: &&Array| {
            array
                .dimension_names
                .iter()
                .any(|name| name == self.dimension)
        };
        let result = if arrays.iter().any(has) {
            let joined = join::join(&members, self.dimension, self.merged);
            self.report.joined.push(path.to_owned());
            joined
        } else {
            self.same(&members, path)
        };
        let first = arrays.first()?;
        for member in &members {
            for note in compare::notes(&member.array.attributes, &first.attributes) {
                self.report
                    .attributes
                    .push(self.difference(member.granule, path, note));
            }
        }
        match result {
            Ok(array) => Some(array),
            Err(refused) => {
                for (granule, reason) in refused {
                    self.differences
                        .push(self.difference(granule, path, reason));
                }
                None
            }
        }
    }

    /// The first of arrays that must be equal.
    fn same(
        &mut self,
        members: &[Member<'_>],
        path: &str,
    ) -> std::result::Result<Array, Vec<chunks::Refused>> {
        let Some(first) = members.first() else {
            return Err(Vec::new());
        };
        let values = inline::held(first.array);
        let mut compared = values.is_some();
        let mut refused = Vec::new();
        let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_grid_mapping =
            self.grid_mappings.contains(name) || compare::is_grid_mapping(first.array);
        for member in members.iter().skip(1) {
            let mut reasons = compare::differences(member.array, first.array, is_grid_mapping);
            if member.array.shape != first.array.shape {
                reasons.push(format!(
                    "shape {}, expected {}, as it has no dimension {}",
                    by(&member.array.shape),
                    by(&first.array.shape),
                    self.dimension
                ));
            }
            match (&values, inline::held(member.array)) {
                // Its shape says that already.
                _ if member.array.shape != first.array.shape => {}
                (Some(expected), Some(found)) if *expected != found => reasons.push(format!(
                    "its values differ from the first granule's, and it has no dimension {}",
                    self.dimension
                )),
                (_, held) => compared &= held.is_some(),
            }
            refused.extend(reasons.into_iter().map(|reason| (member.granule, reason)));
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let list = if compared || members.len() == 1 {
            &mut self.report.equal
        } else {
            &mut self.report.from_first
        };
        list.push(path.to_owned());
        // The first granule's locations were merged first: their numbers are what they were.
        Ok(first.array.clone())
    }
}

/// All names that `of` gives for any of the groups.
fn names<'g, T: Iterator<Item = &'g String>>(
    groups: &[&'g Group],
    of: impl Fn(&'g Group) -> T,
) -> BTreeSet<&'g String> {
    groups.iter().flat_map(|group| of(group)).collect()
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}
