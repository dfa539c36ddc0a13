//! Values that are in the set, compared with those in its files.

use std::collections::BTreeSet;
use std::ops::Range;

use chunkref_manifest::{Attributes, ChunkRef, Layout, LocationId};
use chunkref_store::{Elements, ReadOptions, Selection, Slice, Store};

use super::VerifyOptions;
use super::alike::same;
use super::file::Scan;
use super::finding::{Finding, FindingKind, Findings};
use super::listed::Listed;
use super::meaning::{self, Compared, Values};
use super::runs::Runs;
use super::scanned::Comparing;
use super::tiles::joined_axes;
use crate::text::told;

/// Elements that are compared at one time.
const ELEMENTS: u64 = 1 << 20;
/// Where the place of a part is looked for, an array is not longer than this.
const SEARCHED: u64 = 1 << 14;

const OTHERS: &str = "holds other values than the file";

/// The part that a file has of a joined array.
#[derive(Debug)]
pub(super) struct Kept {
    id: LocationId,
    elements: Elements,
    attributes: Attributes,
    /// What differs beside the values: all of it, and what counts where these only mean the same.
    differs: Option<String>,
    names_differ: Option<String>,
}

/// A box of elements.
type Area = Vec<Range<u64>>;

impl Comparing<'_> {
    /// Compares the chunks of a table that are in the set with the values of a file, whose elements
    /// are so much further along in the array.
    pub(super) async fn values(
        &mut self,
        number: usize,
        scan: &Scan,
        moved: &[u64],
        options: &VerifyOptions,
        findings: &mut Findings,
    ) {
        let (Some(listed), Some(located)) = (self.listed.get(number), self.located.get(number))
        else {
            return;
        };
        let Some((path, there)) = scan.array(&listed.path) else {
            return;
        };
        let unlocated = located.is_empty();
        let mut restated = false;
        if listed.array.data_type.size().is_none() || there.data_type.size().is_none() {
            match (&listed.array.layout, &there.layout) {
                (Layout::Inline { data: mine }, Layout::Inline { data: theirs })
                    if listed.array.shape == there.shape
                        && listed.array.data_type == there.data_type =>
                {
                    if !same(mine, theirs, &there.data_type) {
                        findings.add(self.finding(listed, scan.id, OTHERS.to_owned()));
                        return;
                    }
                    self.compared = self.compared.saturating_add(1);
                }
                _ => {
                    self.not_compared.insert(format!(
                        "{}: of variable length, and not as it is in the file",
                        listed.path
                    ));
                    return;
                }
            }
        } else {
            let chunks_there = Listed::of(&path, there);
            if let Some(key) = chunks_there
                .first()
                .and_then(|one| lacks(listed, one, moved))
            {
                let reason = format!("lacks the file's chunk {key}");
                findings.add(self.finding(listed, scan.id, reason));
                return;
            }
            let read = ReadOptions::default().with_limit(options.limit);
            let most = usize::try_from(options.sample.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
            let chunks = listed
                .chunks()
                .filter(|(_, chunk)| matches!(chunk, Some(ChunkRef::Inline(_))))
                .take(most);
            for run in Runs::new(listed, chunks, ELEMENTS, false) {
                let Some((mine, theirs)) = within(&run.area, moved, &there.shape) else {
                    continue;
                };
                // What can't be read in the set has a finding of its own.
                let Ok(mine) = part(&self.store, &listed.path, &mine, read).await else {
                    continue;
                };
                let theirs = match part(&scan.store, &path, &theirs, read).await {
                    Ok(theirs) => theirs,
                    Err(reason) => {
                        let kind = FindingKind::Scan;
                        findings.add(Finding::of_array(kind, &listed.title, reason));
                        return;
                    }
                };
                let key = run.chunks.first().map(|member| listed.key(member.number));
                match meaning::values(
                    (&mine, &listed.array.attributes),
                    (&theirs, &there.attributes),
                ) {
                    Values::Same => {}
                    Values::MeanTheSame => restated = true,
                    Values::Others => {
                        let finding = self.finding(listed, scan.id, OTHERS.to_owned());
                        findings.add(Finding {
                            chunk: key,
                            ..finding
                        });
                        return;
                    }
                    Values::Unknown => {
                        self.not_compared.insert(format!(
                            "{}: elements of {}, in the file of {}",
                            listed.path, listed.array.data_type, there.data_type
                        ));
                        return;
                    }
                }
                let count = u64::try_from(run.chunks.len()).unwrap_or(u64::MAX);
                self.compared = self.compared.saturating_add(count);
            }
        }
        if unlocated {
            let compared = if restated {
                Compared::Names
            } else {
                Compared::All
            };
            let reason = meaning::differs(&listed.path, listed.array, there, compared);
            if let Some(reason) = reason {
                findings.add(Finding::of_array(FindingKind::Scan, &listed.title, reason));
            }
        }
    }

    /// How a file contradicts a table.
    fn finding(&self, listed: &Listed<'_>, id: LocationId, reason: String) -> Finding {
        let location = self.manifest.locations.get(id);
        Finding {
            object: location.map(|location| location.url.clone()),
            ..Finding::of_array(FindingKind::Scan, &listed.title, reason)
        }
    }

    /// Keeps what a file has of an array, until all parts are known.
    pub(super) async fn keep(&mut self, number: usize, scan: &Scan, options: &VerifyOptions) {
        let Some(listed) = self.listed.get(number) else {
            return;
        };
        let Some((path, there)) = scan.array(&listed.path) else {
            return;
        };
        if there.data_type.size().is_none() || listed.array.data_type.size().is_none() {
            self.not_compared.insert(format!(
                "{}: of variable length, and of several files",
                listed.path
            ));
            return;
        }
        let differs = |compared| meaning::differs(&listed.path, listed.array, there, compared);
        let read = ReadOptions::default().with_limit(options.limit);
        match scan.store.read(&path, &Selection::All, read).await {
            Ok(elements) => {
                let kept = self.kept.entry(number).or_default();
                kept.push(Kept {
                    id: scan.id,
                    elements,
                    attributes: there.attributes.clone(),
                    differs: differs(Compared::All),
                    names_differ: differs(Compared::Names),
                });
            }
            Err(error) => {
                let path = &listed.path;
                self.not_compared
                    .insert(format!("{path}: {}", told(&error)));
            }
        }
    }

    /// Compares the parts that were kept: in the order of the files, else wherever they are.
    pub(super) async fn compare_kept(&mut self, findings: &mut Findings, all_known: bool) {
        for (number, parts) in std::mem::take(&mut self.kept) {
            let Some(listed) = self.listed.get(number) else {
                continue;
            };
            if !all_known {
                self.not_compared
                    .insert(format!("{}: in the set, and of several files", listed.path));
                continue;
            }
            let mut before = 0_u64;
            for part in &parts {
                let reason = match self.place_of_part(listed, part, before).await {
                    None => Some("the values of the file are nowhere in it".to_owned()),
                    Some(Values::MeanTheSame) => part.names_differ.clone(),
                    Some(_) => part.differs.clone(),
                };
                if let Some(reason) = reason {
                    findings.add(self.finding(listed, part.id, reason));
                    break;
                }
                let axes = joined_axes(listed.array, &part.elements.shape);
                let length = axes.first().map_or(0, |(_, length)| *length);
                before = before.saturating_add(length);
                self.compared = self.compared.saturating_add(1);
            }
        }
    }

    /// How an array has the values of a part somewhere along the joined axis; looked for there first.
    async fn place_of_part(&self, listed: &Listed<'_>, part: &Kept, first: u64) -> Option<Values> {
        let shape = &part.elements.shape;
        let (axis, length) = joined_axes(listed.array, shape).first().copied()?;
        if length == 0 {
            return Some(Values::Same);
        }
        let last = listed.array.shape.get(axis)?.checked_sub(length)?;
        let others = (0..=last).filter(|_| last <= SEARCHED);
        for start in std::iter::once(first.min(last)).chain(others) {
            let mut moved = vec![0; shape.len()];
            *moved.get_mut(axis)? = start;
            let whole: Area = listed.array.shape.iter().map(|length| 0..*length).collect();
            let (mine, _) = within(&whole, &moved, shape)?;
            let mine = self::part(&self.store, &listed.path, &mine, ReadOptions::default())
                .await
                .ok()?;
            let values = meaning::values(
                (&mine, &listed.array.attributes),
                (&part.elements, &part.attributes),
            );
            if values != Values::Others {
                return Some(values);
            }
        }
        None
    }
}

/// The first chunk of a file, whose elements are so much further along in the array, in the place of
/// which the set has none. Chunks of other shapes than the file's are not looked at.
fn lacks(listed: &Listed<'_>, there: &Listed<'_>, moved: &[u64]) -> Option<String> {
    let is_other = there.is_put_together() || listed.chunk_shape() != there.chunk_shape();
    if is_other || listed.absent() == 0 {
        return None;
    }
    let start = |area: Area| area.into_iter().map(|range| range.start);
    let starts = listed
        .chunks()
        .filter_map(|(number, _)| listed.area(number));
    let starts: BTreeSet<Vec<u64>> = starts.map(|area| start(area).collect()).collect();
    let mut chunks = there.chunks().map(|(number, _)| number);
    let lacking = chunks.find(|number| {
        let place = there.area(*number).map(|area| {
            let axes = start(area).zip(moved);
            axes.map(|(start, by)| start.saturating_add(*by)).collect()
        });
        place.is_some_and(|place: Vec<u64>| !starts.contains(&place))
    });
    lacking.map(|number| there.key(number))
}

/// What of an area is in the part of a file: in the array, and in the file.
fn within(area: &[Range<u64>], moved: &[u64], shape: &[u64]) -> Option<(Area, Area)> {
    let mut mine = Area::with_capacity(area.len());
    let mut theirs = Area::with_capacity(area.len());
    for ((range, by), length) in area.iter().zip(moved).zip(shape) {
        let start = range.start.max(*by);
        let end = range.end.min(by.saturating_add(*length));
        if start >= end {
            return None;
        }
        mine.push(start..end);
        theirs.push(start.checked_sub(*by)?..end.checked_sub(*by)?);
    }
    Some((mine, theirs))
}

async fn part(
    store: &Store,
    path: &str,
    area: &[Range<u64>],
    read: ReadOptions,
) -> Result<Elements, String> {
    let slices: Vec<Slice> = area
        .iter()
        .map(|range| Slice::new(range.start, range.end))
        .collect();
    let read = store.read(path, &Selection::slices(slices), read).await;
    read.map_err(|error| told(&error))
}
