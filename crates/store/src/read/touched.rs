//! Which chunks of an array a selection touches, for those who fetch references.

use std::ops::Range;

use chunkref_manifest::{Array, chunk_grid, chunk_index};

use super::selection::{Selection, Slice};
use crate::error::Result;
use crate::references::runs;

/// The numbers of the chunks that have selected elements, as runs; a few more where elements are
/// skipped. There are no more runs than elements selected.
///
/// # Errors
///
/// If the selection does not fit the array.
pub(super) fn touched(array: &Array, path: &str, selection: &Selection) -> Result<Vec<Range<u64>>> {
    let chunk_shape = array.chunk_shape();
    // A grid that can't be is found by the plan.
    let grid = chunk_grid(&array.shape, &chunk_shape).unwrap_or_default();
    match (selection.runs_within(path, &array.shape)?, selection) {
        (None, Selection::Points(points)) => {
            let numbers = points.iter().filter_map(|point| {
                let axes = point.iter().zip(chunk_shape.iter());
                let place: Option<Vec<u64>> =
                    axes.map(|(at, length)| at.checked_div(*length)).collect();
                chunk_index(&place?, &grid)
            });
            let mut numbers: Vec<u64> = numbers.collect();
            numbers.sort_unstable();
            Ok(runs(numbers))
        }
        (slices, _) => Ok(crossed(&slices.unwrap_or_default(), &chunk_shape, &grid)),
    }
}

/// The chunks that slices cross in, of several for each axis.
fn crossed(slices: &[Vec<Slice>], chunk_shape: &[u64], grid: &[u64]) -> Vec<Range<u64>> {
    let mut boxes = vec![Vec::with_capacity(slices.len())];
    for (slices, length) in slices.iter().zip(chunk_shape) {
        let along = merged(slices.iter().map(|slice| slice.chunks(*length)));
        let longer = boxes.iter().flat_map(|shorter: &Vec<Range<u64>>| {
            along.iter().map(|range| {
                let mut longer = shorter.clone();
                longer.push(range.clone());
                longer
            })
        });
        boxes = longer.collect();
    }
    merged(boxes.iter().flat_map(|along| rows(along, grid)))
}

/// Ranges in order, those that meet joined; without empty ones.
fn merged(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut ranges: Vec<_> = ranges.filter(|range| !range.is_empty()).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut apart = Vec::<Range<u64>>::with_capacity(ranges.len());
    for range in ranges {
        match apart.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// The numbers of the chunks in a box of the grid, ascending.
fn rows(along: &[Range<u64>], grid: &[u64]) -> Vec<Range<u64>> {
    let mut runs = Vec::<Range<u64>>::new();
    let mut place: Vec<u64> = along.iter().map(|range| range.start).collect();
    let last = along
        .last()
        .map_or(1, |range| range.end.saturating_sub(range.start));
    loop {
        let Some(first) = chunk_index(&place, grid) else {
            return runs;
        };
        let end = first.saturating_add(last);
        match runs.last_mut() {
            Some(run) if run.end == first => run.end = end,
            _ => runs.push(first..end),
        }
        // The next row: all axes but the last count.
        let mut axes = place.iter_mut().zip(along).rev().skip(1);
        let went_on = axes.any(|(at, range)| {
            *at = at.saturating_add(1);
            let is_within = *at < range.end;
            if !is_within {
                *at = range.start;
            }
            is_within
        });
        if !went_on {
            return runs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(boxes: &[(u64, u64)], chunk: &[u64], grid: &[u64]) -> Vec<(u64, u64)> {
        let slices = boxes.iter();
        let slices = slices.map(|(start, stop)| vec![Slice::new(*start, *stop)]);
        let runs = crossed(&slices.collect::<Vec<_>>(), chunk, grid);
        runs.iter().map(|run| (run.start, run.end)).collect()
    }

    #[test]
    fn boxes_of_chunks_are_runs() {
        assert_eq!(chunks(&[(0, 40)], &[10], &[4]), [(0, 4)]);
        assert_eq!(chunks(&[(9, 11)], &[10], &[4]), [(0, 2)]);
        // Whole rows meet.
        assert_eq!(chunks(&[(1, 3), (0, 30)], &[1, 10], &[4, 3]), [(3, 9)]);
        assert_eq!(
            chunks(&[(1, 3), (0, 11)], &[1, 10], &[4, 3]),
            [(3, 5), (6, 8)]
        );
        assert_eq!(
            chunks(&[(0, 2), (0, 2), (5, 6)], &[1, 1, 1], &[2, 2, 7]),
            [(5, 6), (12, 13), (19, 20), (26, 27)]
        );
        assert_eq!(chunks(&[(0, 2), (3, 3)], &[1, 1], &[2, 4]), []);
        assert_eq!(chunks(&[], &[], &[]), [(0, 1)], "a scalar");
    }

    #[test]
    fn several_slices_touch_what_any_of_them_touches() {
        let columns = vec![Slice::new(35, 40), Slice::new(0, 5), Slice::new(12, 15)];
        let rows = vec![Slice::new(2, 3), Slice::new(0, 1)];
        let runs = crossed(&[rows, columns], &[1, 10], &[3, 4]);
        assert_eq!(runs, [0..2, 3..4, 8..10, 11..12]);
        assert_eq!(crossed(&[Vec::new()], &[10], &[4]), []);
    }
}
