//! Which granules a part of a joined array comes from, and what of it from each.

use std::collections::BTreeMap;
use std::ops::Range;

use chunkref_manifest::{Array, ChunkRef, Concat, Layout, LocationId, PartSource, chunk_index};

use super::{Subset, find};
use crate::error::Result;
use crate::read::{Selection, Slice};
use crate::store::Store;

/// What of a part lies in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GranuleWindow {
    /// The object.
    pub url: String,
    /// The least range of indices along each axis of the array that holds all of it.
    pub window: Vec<Range<u64>>,
}

/// Ranges by object.
type Windows = BTreeMap<LocationId, Vec<Range<u64>>>;

impl Store {
    /// From which objects a part of the array at a path comes, and which indices from each, in the
    /// order in which the manifest has the objects. Absent chunks come from none, nor does what lies
    /// in the manifest itself, or is put together from other arrays.
    ///
    /// # Errors
    ///
    /// If there is no such array, or its references can't be read.
    pub async fn granule_windows(&self, path: &str, subset: &Subset) -> Result<Vec<GranuleWindow>> {
        let runs: Vec<_> = subset
            .axes
            .iter()
            .map(|axis| axis.windows.clone())
            .collect();
        let selection = Selection::runs(runs);
        let manifest = self.selected(path, &selection, u64::MAX).await?;
        let array = find(&manifest, path)?;
        // Not more windows than can be read.
        selection.runs_within(path, &array.shape)?;
        let mut windows = Windows::new();
        for area in areas(subset) {
            match &array.layout {
                Layout::Concat(concat) => joined(array, concat, &area, &mut windows),
                _ => chunked(array, &area, &mut windows),
            }
        }
        let named = windows.into_iter().filter_map(|(id, window)| {
            let url = manifest.locations.get(id)?.url.clone();
            Some(GranuleWindow { url, window })
        });
        Ok(named.collect())
    }
}

/// Where the windows of all axes cross.
fn areas(subset: &Subset) -> Vec<Vec<Range<u64>>> {
    let mut areas = vec![Vec::new()];
    for axis in &subset.axes {
        let longer = areas.iter().flat_map(|area: &Vec<Range<u64>>| {
            axis.windows.iter().map(|window| {
                let Slice { start, stop, .. } = *window;
                let mut area = area.clone();
                area.push(start..stop);
                area
            })
        });
        areas = longer.collect();
    }
    areas
}

/// Adds an area that lies in an object.
fn add(windows: &mut Windows, id: LocationId, area: Vec<Range<u64>>) {
    let window = windows.entry(id).or_insert_with(|| area.clone());
    for (whole, part) in window.iter_mut().zip(area) {
        whole.start = whole.start.min(part.start);
        whole.end = whole.end.max(part.end);
    }
}

fn joined(array: &Array, concat: &Concat, area: &[Range<u64>], windows: &mut Windows) {
    for part in concat.parts(&array.shape, area) {
        let PartSource::Chunk { profile, chunk, .. } = part.source else {
            continue;
        };
        let chunk = concat
            .profiles()
            .get(profile)
            .and_then(|profile| profile.chunks.get(chunk));
        if let Some(ChunkRef::Range { location, .. }) = chunk {
            add(windows, location, part.area);
        }
    }
}

fn chunked(array: &Array, area: &[Range<u64>], windows: &mut Windows) {
    let chunk_shape = array.chunk_shape();
    let Ok(grid) = array.chunk_grid() else {
        return;
    };
    let ranges: Vec<Range<u64>> = area
        .iter()
        .zip(chunk_shape.iter())
        .map(|(area, length)| {
            let first = area.start.checked_div(*length).unwrap_or(0);
            first..area.end.div_ceil((*length).max(1))
        })
        .collect();
    if ranges.iter().any(Range::is_empty) {
        return;
    }
    let mut place: Vec<u64> = ranges.iter().map(|range| range.start).collect();
    loop {
        let chunk = chunk_index(&place, &grid).and_then(|index| array.chunk(index));
        if let Some(ChunkRef::Range { location, .. }) = chunk {
            let axes = place.iter().zip(chunk_shape.iter()).zip(area);
            let part = axes.map(|((place, length), area)| {
                let start = place.saturating_mul(*length);
                start.max(area.start)..start.saturating_add(*length).min(area.end)
            });
            add(windows, location, part.collect());
        }
        if !next(&mut place, &ranges) {
            return;
        }
    }
}

/// Goes on to the next place in C order, if there is one.
fn next(place: &mut [u64], ranges: &[Range<u64>]) -> bool {
    for (at, range) in place.iter_mut().zip(ranges).rev() {
        *at = at.saturating_add(1);
        if *at < range.end {
            return true;
        }
        *at = range.start;
    }
    false
}
