//! Extras and what was read of their set, put together.

use super::agree::{contradicted, contradiction, said, without_fill};
use super::layout::Held;
use super::{Extra, Extras, no_layout};
use crate::array::{Array, Group, Layout};
use crate::attribute::{Attribute, Attributes};
use crate::chunk_table::{ChunkRef, ChunkTable, ChunkTableBuilder};
use crate::kerchunk::{ReadSet, SetReport};
use crate::location::{LocationId, Locations};
use crate::zarr::attributes_json;
use crate::zarr::read::attributes;

impl Extras {
    /// Adds to what was read of a set what its extras say, given an array's path to this array
    /// alone: of the others the references were not read.
    ///
    /// An array whose documents or references contradict its extras is refused, with the reason in
    /// the report. Where an attribute contradicts, that in the documents is taken, with a remark.
    #[must_use]
    pub fn apply(self, set: ReadSet, only: Option<&str>) -> ReadSet {
        let Self {
            provenance,
            locations,
            groups,
            arrays,
        } = self;
        let ReadSet {
            mut manifest,
            mut report,
        } = set;
        let referenced = std::mem::take(&mut manifest.locations);
        let (locations, numbers) = merged(locations, &referenced, &mut report);
        renumber(&mut manifest.root, &numbers);
        manifest.locations = locations;
        manifest.provenance = provenance;
        for (path, typed) in groups {
            if let Some(group) = group_at(&mut manifest.root, &path, false) {
                let expected = attributes(&attributes_json(&typed));
                let remark = |name: &str| remark(&mut report, &path, name);
                overlay(&mut group.attributes, typed, &expected, remark);
            } else {
                // Removed by another tool.
                report.remark(|| format!("{path}: a group in the extras alone, and left out"));
            }
        }
        let is_wanted =
            |path: &str| only.is_none_or(|only| only.trim_matches('/') == path.trim_matches('/'));
        for (path, extra) in arrays.into_iter().filter(|(path, _)| is_wanted(path)) {
            let (parent, name) = path.rsplit_once('/').unwrap_or_default();
            if extra.is_full {
                add(&mut manifest.root, parent, name, extra, &mut report);
                continue;
            }
            let group = group_at(&mut manifest.root, parent, false);
            let Some(array) = group.and_then(|group| group.arrays.get_mut(name)) else {
                // Refused already, or removed by another tool.
                report.remark(|| format!("{path}: in the extras alone, and left out"));
                continue;
            };
            let layout = std::mem::replace(&mut array.layout, no_layout());
            let remark = |name: &str| remark(&mut report, &path, name);
            if let Err(reason) = merge(array, layout, extra, &manifest.locations, remark) {
                report.refuse(path.trim_start_matches('/'), reason);
                if let Some(group) = group_at(&mut manifest.root, parent, false) {
                    group.arrays.remove(name);
                }
            }
        }
        ReadSet { manifest, report }
    }

    /// As [`apply`](Self::apply), to a set of which only the documents were read: arrays that
    /// references have, too, stay as documents describe them.
    #[must_use]
    pub fn apply_to_documents(mut self, set: ReadSet) -> ReadSet {
        self.arrays.retain(|_, extra| extra.is_full);
        self.apply(set, None)
    }
}

fn remark(report: &mut SetReport, path: &str, name: &str) {
    report.remark(|| {
        format!("{path}: its attribute {name:?} and that in the extras differ: the former is taken")
    });
}

/// The locations of the extras and then those that only references name, and what the numbers in
/// references become.
fn merged(
    mut locations: Locations,
    referenced: &Locations,
    report: &mut SetReport,
) -> (Locations, Vec<LocationId>) {
    let before = locations.len();
    let numbers = referenced.iter().map(|(id, location)| {
        // There are at most as many as both have, which is below 2^32 or is found by URL.
        locations.intern(location.clone()).unwrap_or(id)
    });
    let numbers = numbers.collect();
    let unknown = locations.len().saturating_sub(before);
    if unknown > 0 {
        report.remark(|| {
            format!("{unknown} objects are named by references alone: nothing pins them")
        });
    }
    (locations, numbers)
}

fn renumber(group: &mut Group, numbers: &[LocationId]) {
    let is_same = numbers.iter().zip(0_u32..).all(|(id, at)| id.0 == at);
    if is_same {
        return;
    }
    let new = |id: LocationId| {
        let at = usize::try_from(id.0).ok();
        at.and_then(|at| numbers.get(at)).copied().unwrap_or(id)
    };
    for array in group.arrays.values_mut() {
        if let Layout::Chunked { chunks, .. } = &mut array.layout {
            *chunks = std::mem::take(chunks).map_locations(new);
        }
    }
    for group in group.groups.values_mut() {
        renumber(group, numbers);
    }
}

/// Puts typed attributes in the place of what the documents say, where the documents say what is
/// expected of them.
fn overlay(
    found: &mut Attributes,
    typed: Attributes,
    expected: &Attributes,
    mut remark: impl FnMut(&str),
) {
    let same = |found: Option<&Attribute>, expected: Option<&Attribute>| match (found, expected) {
        (None, None) => true,
        (Some(found), Some(expected)) => super::value::same(found, expected),
        _ => false,
    };
    for (name, attribute) in typed {
        if same(found.get(&name), expected.get(&name)) {
            found.insert(name, attribute);
        } else {
            remark(&name);
        }
    }
}

/// Makes of an array that documents and references describe what its extras say.
fn merge(
    array: &mut Array,
    layout: Layout,
    extra: Extra,
    locations: &Locations,
    remark: impl FnMut(&str),
) -> Result<(), String> {
    let Layout::Chunked {
        chunk_shape,
        codecs,
        chunks,
        fill_chunk,
    } = layout
    else {
        return Err("its references are no chunks".to_owned());
    };
    let Extra {
        array: mut expected,
        held,
        ..
    } = extra;
    let typed = std::mem::take(&mut expected.attributes);
    // What documents say of the others is all that is known.
    expected.attributes = array.attributes.clone();
    expected
        .attributes
        .extend(typed.iter().map(|(name, one)| (name.clone(), one.clone())));
    match held {
        Held::Here => {
            if let Some(reason) = contradicted(&expected, &chunks, locations) {
                return Err(reason);
            }
        }
        Held::InReferences => take_chunks(&mut expected, chunks)?,
    }
    let said = said(&expected).map_err(|error| format!("its extras: {error}"))?;
    array.layout = Layout::Chunked {
        chunk_shape,
        codecs,
        chunks: ChunkTable::default(),
        fill_chunk,
    };
    if let Some(reason) = contradiction(array, &said)
        && !is_said_without_chunks(&expected, array)
    {
        return Err(reason);
    }
    overlay(&mut array.attributes, typed, &said.attributes, remark);
    expected.attributes = std::mem::take(&mut array.attributes);
    *array = expected;
    Ok(())
}

/// Whether documents say what they would if chunks were absent: a writer that filled them all in made
/// the documents before, and their fill value is of no matter any more.
fn is_said_without_chunks(expected: &Array, array: &Array) -> bool {
    let mut sparse = expected.clone();
    if let Layout::Chunked { chunks, .. } = &mut sparse.layout {
        *chunks = ChunkTableBuilder::new(chunks.grid().to_vec()).finish();
    }
    said(&sparse).is_ok_and(|said| contradiction(array, &said).is_none())
}

/// Takes the table or the data that the references have.
fn take_chunks(expected: &mut Array, chunks: ChunkTable) -> Result<(), String> {
    let grid = expected.chunk_grid().map_err(|error| error.to_string())?;
    if chunks.grid() != grid {
        return Err(format!(
            "chunk grid {:?} in its documents, {grid:?} in the extras of the set",
            chunks.grid()
        ));
    }
    let is_table = matches!(expected.layout, Layout::Chunked { .. });
    let chunks = if is_table {
        without_fill(expected, chunks)
    } else {
        chunks
    };
    match &mut expected.layout {
        Layout::Chunked { chunks: table, .. } => *table = chunks,
        Layout::Inline { data } => match (chunks.stored(), chunks.get(0)) {
            (1, Some(ChunkRef::Inline(found))) => data.clone_from(found),
            _ => return Err("its data is not in its references".to_owned()),
        },
        _ => return Err("its chunks are not in its references".to_owned()),
    }
    Ok(())
}

/// Adds an array that documents and references leave out.
fn add(root: &mut Group, parent: &str, name: &str, extra: Extra, report: &mut SetReport) {
    let path = format!("{parent}/{name}");
    let path = path.trim_start_matches('/');
    let Some(group) = group_at(root, parent, true) else {
        report.refuse(path, "it lies within an array");
        return;
    };
    if group.arrays.remove(name).is_some() || group.groups.contains_key(name) {
        report.refuse(
            path,
            "the extras have it in full, and the documents of the set another of its name",
        );
        return;
    }
    group.arrays.insert(name.to_owned(), extra.array);
}

/// The group at a path, made if it is not there and that is asked for; `None` within an array.
fn group_at<'a>(root: &'a mut Group, path: &str, make: bool) -> Option<&'a mut Group> {
    let mut names = path.split('/').filter(|name| !name.is_empty());
    names.try_fold(root, |group, name| {
        if make && !group.arrays.contains_key(name) && !group.groups.contains_key(name) {
            group.groups.insert(name.to_owned(), Group::default());
        }
        group.groups.get_mut(name)
    })
}
