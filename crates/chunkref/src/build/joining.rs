//! Granules joined along a dimension; those that are unlike, or were made anew, left out where that is
//! asked for.

use std::collections::{BTreeMap, BTreeSet};

use chunkref_combine::{CombineReport, ConcatOptions, Difference, Error, concat};
use chunkref_manifest::Manifest;

use super::error::BuildError;
use super::source::{Record, Source};
use super::taking_in::Digests;
use super::{OnUnlike, Supersede};

/// A granule that is to be joined.
#[derive(Debug)]
pub(crate) struct Member {
    /// What it is called; no two are called the same.
    pub(crate) name: String,
    pub(crate) source: Source,
    /// Digests of coordinates that must be equal in all.
    pub(crate) coordinates: Digests,
    pub(crate) manifest: Manifest,
}

/// What a join gave.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) manifest: Manifest,
    pub(crate) report: CombineReport,
    /// Granules that were left out: how they are unlike.
    pub(crate) unlike: Vec<Difference>,
    /// Granules in whose place newer ones were taken.
    pub(crate) superseded: Vec<(String, String)>,
}

/// Joins granules along a dimension, in the order of its coordinate.
pub(crate) fn join(
    mut members: Vec<Member>,
    dimension: &str,
    on_unlike: OnUnlike,
    supersede: Supersede,
) -> Result<Joined, BuildError> {
    let may_repeat = on_unlike == OnUnlike::Skip || supersede == Supersede::Latest;
    let (mut unlike, mut superseded) = (Vec::new(), Vec::new());
    loop {
        let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
        let options = ConcatOptions::new()
            .with_sorted_where_held(true)
            .with_names(names.clone());
        let manifests = members.iter_mut().map(|member| {
            if may_repeat {
                member.manifest.clone()
            } else {
                std::mem::take(&mut member.manifest)
            }
        });
        let joined = concat(manifests.collect(), dimension, &options);
        let joined = joined.and_then(|(manifest, mut report)| {
            let differences = other_coordinates(&members, dimension);
            if !differences.is_empty() {
                let first = String::new();
                return Err(Error::Unlike { differences, first });
            }
            compared(&members, &mut report);
            Ok((manifest, report))
        });
        let out = match joined {
            Ok((manifest, report)) => {
                let replaced = replaced(&members, &report, dimension, supersede)?;
                if replaced.is_empty() {
                    return Ok(Joined {
                        manifest,
                        report,
                        unlike,
                        superseded,
                    });
                }
                superseded.extend(replaced.clone());
                replaced.into_iter().map(|(old, _)| old).collect()
            }
            Err(Error::Unlike { differences, first }) if on_unlike == OnUnlike::Skip => {
                let odd = odd_ones(names.len(), &first, differences);
                let out: BTreeSet<String> = odd.iter().map(|one| one.granule.clone()).collect();
                if out.is_empty() || out.len() >= members.len() {
                    let differences = odd;
                    return Err(BuildError::Join(Error::Unlike { differences, first }));
                }
                unlike.extend(odd);
                out
            }
            Err(unlike @ Error::Unlike { .. }) => return Err(BuildError::Unlike { unlike }),
            Err(error) => return Err(BuildError::Join(error)),
        };
        members.retain(|member| !out.contains(&member.name));
    }
}

/// Coordinates of other dimensions that are not those of most granules.
fn other_coordinates(members: &[Member], dimension: &str) -> Vec<Difference> {
    let mut counts: BTreeMap<&String, BTreeMap<u64, usize>> = BTreeMap::new();
    for (path, digest) in members.iter().flat_map(|member| &member.coordinates) {
        *counts.entry(path).or_default().entry(*digest).or_default() += 1;
    }
    counts.retain(|_, digests| digests.len() > 1);
    // Of as many the first.
    let count = |path: &String, digest: &u64| counts.get(path)?.get(digest).copied();
    let expected = |path: &String| {
        let all = members.iter().filter_map(|one| one.coordinates.get(path));
        all.rev().max_by_key(|digest| count(path, digest))
    };
    let expected: BTreeMap<&String, Option<&u64>> =
        counts.keys().map(|path| (*path, expected(path))).collect();
    let of_member = |member: &Member| {
        let coordinates = member.coordinates.iter();
        let others = coordinates.filter(|(path, digest)| {
            expected
                .get(path)
                .is_some_and(|most| *most != Some(*digest))
        });
        let difference = |(path, _): (&String, &u64)| Difference {
            granule: member.name.clone(),
            variable: path.clone(),
            reason: format!(
                "its values are others than in most granules, and it has no dimension {dimension}"
            ),
        };
        others.map(difference).collect::<Vec<_>>()
    };
    members.iter().flat_map(of_member).collect()
}

/// Takes note of coordinates that are known to be equal, though manifests do not hold them.
fn compared(members: &[Member], report: &mut CombineReport) {
    let is_known = |path: &String| {
        let mut members = members.iter();
        members.all(|member| member.coordinates.contains_key(path))
    };
    let paths = std::mem::take(&mut report.from_first);
    let (equal, rest): (Vec<_>, Vec<_>) = paths.into_iter().partition(is_known);
    report.equal.extend(equal);
    report.equal.sort();
    report.from_first = rest;
}

/// The granules that are to be left out. Where more than half of all differ from the first one, it is
/// that.
fn odd_ones(granules: usize, first: &str, differences: Vec<Difference>) -> Vec<Difference> {
    let others = differences.iter().map(|one| &one.granule);
    let others: BTreeSet<&String> = others.filter(|name| *name != first).collect();
    let others = others.len();
    if first.is_empty() || others.saturating_mul(2) <= granules {
        return differences;
    }
    let (own, rest): (Vec<_>, Vec<_>) = differences
        .into_iter()
        .partition(|one| one.granule == first);
    if !own.is_empty() {
        return own;
    }
    let example = rest.into_iter().next();
    let example = example.map(|one| Difference {
        granule: first.to_owned(),
        reason: format!(
            "{others} of the others differ from it, such as {}: {}",
            one.granule, one.reason
        ),
        variable: one.variable,
    });
    example.into_iter().collect()
}

/// Of granules that hold the same values of the coordinate, those that a newer one replaces, each with
/// that one.
fn replaced(
    members: &[Member],
    report: &CombineReport,
    dimension: &str,
    supersede: Supersede,
) -> Result<Vec<(String, String)>, BuildError> {
    let Some(first) = report.duplicates.first() else {
        return Ok(Vec::new());
    };
    let refuse = |why: &str| {
        let reason = format!(
            "the value {} of {dimension} is in {} granules: {}{why}",
            first.value,
            first.granules.len(),
            first.granules.join(", ")
        );
        Err(BuildError::Twice { reason })
    };
    if supersede == Supersede::Error {
        return refuse(
            ": if the newer replaces the older, --supersede latest takes that; granules of different \
             places can't be joined along one dimension alone, so narrow the search",
        );
    }
    let sources: BTreeMap<&str, &Source> = members
        .iter()
        .map(|member| (member.name.as_str(), &member.source))
        .collect();
    let record = |name: &String| sources.get(name.as_str())?.record.as_ref();
    let mut lost: BTreeMap<&String, (usize, &String)> = BTreeMap::new();
    for duplicate in &report.duplicates {
        let records: Option<Vec<&Record>> = duplicate.granules.iter().map(record).collect();
        let Some(ages) = records.and_then(|records| ages(&records)) else {
            return refuse(
                ": their records do not all tell when the data were made, nor all only when the record \
                 was, so none is known to be the latest",
            );
        };
        let newest = duplicate
            .granules
            .iter()
            .zip(ages)
            .max_by_key(|(name, age)| (*age, *name));
        let Some((newest, _)) = newest else { continue };
        for older in duplicate.granules.iter().filter(|name| *name != newest) {
            let counted = lost.entry(older).or_insert((0, newest));
            counted.0 = counted.0.saturating_add(1);
        }
    }
    let length = |name: &String| {
        let place = report.granules.iter().position(|one| one == name)?;
        report.lengths.get(place).copied()
    };
    let mut replaced = Vec::new();
    for (older, (count, newer)) in lost {
        if length(older) != Some(count) {
            return refuse(&format!(
                ", and {older} holds values besides that {newer} lacks: leave one of them out"
            ));
        }
        replaced.push((older.clone(), newer.clone()));
    }
    if replaced.is_empty() {
        return refuse(": it is there twice in one granule");
    }
    Ok(replaced)
}

/// How new each is: by when its data were made, or by when its record was where none tells that. One
/// can't be compared with the other: a record may be made anew years after its data.
fn ages(records: &[&Record]) -> Option<Vec<(i64, Option<i64>, u64)>> {
    let age = |made: Option<i64>, record: &Record| Some((made?, record.revised, record.revision));
    let is_told = records.iter().any(|record| record.produced.is_some());
    let records = records.iter();
    if is_told {
        return records.map(|record| age(record.produced, record)).collect();
    }
    records.map(|record| age(record.revised, record)).collect()
}

/// Names that no two granules share: where one has several files, or files of several folders have one
/// name, with what tells them apart.
pub(crate) fn names(sources: &[&Source]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        *counts.entry(source.name()).or_default() += 1;
    }
    let unique = |source: &&Source| match counts.get(source.name()) {
        Some(1) => source.name().to_owned(),
        _ => format!("{} ({})", source.name(), source.url),
    };
    sources.iter().map(unique).collect()
}

#[cfg(test)]
mod tests {
    use super::{Difference, Record, ages, odd_ones};

    #[test]
    fn ages_of_one_kind_are_compared() {
        let record = |produced: Option<i64>, revised: i64| Record {
            produced,
            revised: Some(revised),
            revision: 1,
            ..Record::default()
        };
        let (old, new) = (record(Some(1), 9), record(Some(2), 3));
        let made = ages(&[&old, &new]).unwrap();
        assert!(made[0] < made[1]);
        let (old, new) = (record(None, 3), record(None, 9));
        let revised = ages(&[&old, &new]).unwrap();
        assert!(revised[0] < revised[1]);
        // The record of old data may be the newer one.
        assert_eq!(ages(&[&record(Some(5), 5), &record(None, 9)]), None);
    }

    fn differ(names: &[&str]) -> Vec<Difference> {
        let one = |name: &&str| Difference {
            granule: (*name).to_owned(),
            variable: "v".to_owned(),
            reason: "other".to_owned(),
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn the_fewer_are_left_out() {
        let out = |first: &str, names: &[&str]| {
            let odd = odd_ones(5, first, differ(names));
            odd.into_iter().map(|one| one.granule).collect::<Vec<_>>()
        };
        assert_eq!(out("a", &["c"]), ["c"]);
        assert_eq!(out("a", &["b", "c"]), ["b", "c"]);
        assert_eq!(out("a", &["b", "c", "d"]), ["a"]);
        assert_eq!(out("a", &["b", "a", "c", "d"]), ["a"]);
        assert_eq!(out("a", &["a"]), ["a"]);
        // Compared with nothing.
        assert_eq!(out("", &["b", "c", "d"]), ["b", "c", "d"]);
        let odd = odd_ones(3, "a", differ(&["b", "c"]));
        assert_eq!(
            odd[0].reason,
            "2 of the others differ from it, such as b: other"
        );
    }
}
