//! Which elements of a virtual dataset are which elements of its sources.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A regular part of a virtual dataset. Its elements are counted by loops within loops; each loop
/// steps along one axis of the array and one axis of the source, so that the `n`th element of the
/// part is the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Mapping {
    /// The number of the source.
    pub source: usize,
    /// The first element's place in the array.
    pub start: Vec<u64>,
    /// The first element's place in the source.
    pub source_start: Vec<u64>,
    /// The loops, outermost first; none for a single element.
    pub loops: Vec<Loop>,
}

/// One loop of a [`Mapping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Loop {
    /// How many times.
    pub length: u64,
    /// Along the array.
    pub array: Step,
    /// Along the source.
    pub source: Step,
}

/// From one element to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Step {
    /// The axis.
    pub axis: usize,
    /// So many elements along it, at least one.
    pub length: u64,
}

/// One of the two sides of a [`Mapping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The virtual dataset.
    Array,
    /// The source.
    Source,
}

impl Loop {
    /// The step on a side.
    pub fn step(&self, side: Side) -> Step {
        match side {
            Side::Array => self.array,
            Side::Source => self.source,
        }
    }
}

impl Mapping {
    /// The first element's place on a side.
    pub fn start(&self, side: Side) -> &[u64] {
        match side {
            Side::Array => &self.start,
            Side::Source => &self.source_start,
        }
    }

    /// The number of elements; 2^64 - 1 where there are more.
    pub fn elements(&self) -> u64 {
        self.loops
            .iter()
            .fold(1, |count, one| count.saturating_mul(one.length))
    }

    /// The smallest box around all elements on a side.
    pub fn bounds(&self, side: Side) -> Vec<Range<u64>> {
        let starts = self.start(side).iter().enumerate();
        starts
            .map(|(axis, &start)| {
                let end = start.saturating_add(span(&self.loops, side, axis));
                start..end.saturating_add(1)
            })
            .collect()
    }

    /// The parts that lie within a box on a side, in the order of their elements.
    pub fn within(&self, side: Side, area: &[Range<u64>]) -> Vec<Self> {
        let apart = self
            .bounds(side)
            .iter()
            .zip(area)
            .any(|(bounds, area)| bounds.start >= area.end || area.start >= bounds.end);
        let mut parts = Vec::new();
        if !apart && !self.loops.iter().any(|one| one.length == 0) {
            let mut clip = Clip {
                mapping: self,
                side,
                area,
                kept: Vec::with_capacity(self.loops.len()),
                parts: &mut parts,
            };
            clip.descend(0, &mut self.start.clone(), &mut self.source_start.clone());
        }
        parts
    }

    /// Along each axis of a side, the numbers of the cells of a grid that hold an element,
    /// ascending: the elements are where these cross.
    pub fn cells(&self, side: Side, cell_shape: &[u64]) -> Vec<Vec<u64>> {
        let starts = self.start(side).iter().zip(cell_shape).enumerate();
        starts
            .map(|(axis, (&start, &cell))| {
                let loops: Vec<(u64, u64)> = self
                    .loops
                    .iter()
                    .filter(|one| one.step(side).axis == axis && one.length > 1)
                    .map(|one| (one.length, one.step(side).length))
                    .collect();
                let mut cells = Vec::new();
                touch(start, &loops, cell.max(1), &mut cells);
                cells.sort_unstable();
                cells.dedup();
                cells
            })
            .collect()
    }
}

/// From the first to the last place that loops reach along an axis.
fn span(loops: &[Loop], side: Side, axis: usize) -> u64 {
    loops
        .iter()
        .filter(|one| one.step(side).axis == axis)
        .fold(0, |sum, one| {
            let last = one.length.saturating_sub(1);
            sum.saturating_add(last.saturating_mul(one.step(side).length))
        })
}

/// The cells that loops of lengths and steps reach from a start.
fn touch(start: u64, loops: &[(u64, u64)], cell: u64, cells: &mut Vec<u64>) {
    let number = |place: u64| place.checked_div(cell).unwrap_or(0);
    let Some((&(length, step), inner)) = loops.split_first() else {
        if cells.last() != Some(&number(start)) {
            cells.push(number(start));
        }
        return;
    };
    if inner.is_empty() && step <= cell {
        // No cell between is stepped over.
        let last = start.saturating_add(length.saturating_sub(1).saturating_mul(step));
        cells.extend(number(start)..=number(last));
        return;
    }
    for index in 0..length {
        touch(
            start.saturating_add(index.saturating_mul(step)),
            inner,
            cell,
            cells,
        );
    }
}

/// The search for the parts within a box.
struct Clip<'a> {
    mapping: &'a Mapping,
    side: Side,
    area: &'a [Range<u64>],
    /// The loops outside of the present one, as far as they stay loops.
    kept: Vec<Loop>,
    parts: &'a mut Vec<Mapping>,
}

impl Clip<'_> {
    fn descend(&mut self, level: usize, start: &mut Vec<u64>, source_start: &mut Vec<u64>) {
        let Some(&one) = self.mapping.loops.get(level) else {
            self.parts.push(Mapping {
                source: self.mapping.source,
                start: start.clone(),
                source_start: source_start.clone(),
                loops: self.kept.clone(),
            });
            return;
        };
        let next = level.saturating_add(1);
        let inner = self.mapping.loops.get(next..).unwrap_or_default();
        let Step { axis, length: step } = one.step(self.side);
        let (Some(area), step) = (self.area.get(axis).cloned(), step.max(1)) else {
            return;
        };
        let at = match self.side {
            Side::Array => start.get(axis),
            Side::Source => source_start.get(axis),
        };
        let at = at.copied().unwrap_or(0);
        let reach = span(inner, self.side, axis);
        let Some(last) = area.end.checked_sub(at.saturating_add(1)) else {
            return;
        };
        // Turns of which any element is in the box, and those that are in it as a whole.
        let steps_to = |place: u64| place.saturating_sub(at).div_ceil(step);
        let any = steps_to(area.start.saturating_sub(reach))
            ..last
                .checked_div(step)
                .unwrap_or(0)
                .saturating_add(1)
                .min(one.length);
        let whole_end = match last.checked_sub(reach) {
            Some(last) => last.checked_div(step).unwrap_or(0).saturating_add(1),
            None => 0,
        };
        let whole = steps_to(area.start).max(any.start)..whole_end.min(any.end);
        let whole = if whole.is_empty() {
            any.end..any.end
        } else {
            whole
        };
        for turn in any.start..whole.start {
            self.turns(
                one,
                turn..turn.saturating_add(1),
                level,
                (start, source_start),
            );
        }
        self.turns(one, whole.clone(), level, (start, source_start));
        for turn in whole.end..any.end {
            self.turns(
                one,
                turn..turn.saturating_add(1),
                level,
                (start, source_start),
            );
        }
    }

    /// Goes on within these turns of a loop.
    fn turns(
        &mut self,
        one: Loop,
        turns: Range<u64>,
        level: usize,
        (start, source_start): (&mut Vec<u64>, &mut Vec<u64>),
    ) {
        let length = turns.end.saturating_sub(turns.start);
        if length == 0 {
            return;
        }
        let (before, source_before) = (start.clone(), source_start.clone());
        for (starts, step) in [(&mut *start, one.array), (&mut *source_start, one.source)] {
            if let Some(place) = starts.get_mut(step.axis) {
                *place = place.saturating_add(turns.start.saturating_mul(step.length));
            }
        }
        if length > 1 {
            self.kept.push(Loop { length, ..one });
        }
        self.descend(level.saturating_add(1), start, source_start);
        if length > 1 {
            self.kept.pop();
        }
        *start = before;
        *source_start = source_before;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn step(axis: usize, length: u64) -> Step {
        Step { axis, length }
    }

    /// Every element, as its place on both sides.
    fn elements(mapping: &Mapping) -> Vec<(Vec<u64>, Vec<u64>)> {
        let mut found = vec![(mapping.start.clone(), mapping.source_start.clone())];
        for one in &mapping.loops {
            found = found
                .iter()
                .flat_map(|(array, source)| {
                    (0..one.length).map(move |turn| {
                        let (mut array, mut source) = (array.clone(), source.clone());
                        array[one.array.axis] += turn * one.array.length;
                        source[one.source.axis] += turn * one.source.length;
                        (array, source)
                    })
                })
                .collect();
        }
        found
    }

    fn mapping() -> impl Strategy<Value = Mapping> {
        let starts = || prop::collection::vec(0_u64..5, 2);
        let turn = (1_u64..4, 0_usize..2, 1_u64..5, 0_usize..2, 1_u64..5);
        let loops = prop::collection::vec(turn, 0..5);
        (starts(), starts(), loops).prop_map(|(start, source_start, loops)| Mapping {
            source: 0,
            start,
            source_start,
            loops: loops
                .into_iter()
                .map(
                    |(length, axis, length_array, source_axis, length_source)| Loop {
                        length,
                        array: step(axis, length_array),
                        source: step(source_axis, length_source),
                    },
                )
                .collect(),
        })
    }

    fn area() -> impl Strategy<Value = Vec<Range<u64>>> {
        prop::collection::vec((0_u64..20, 0_u64..12), 2).prop_map(|area| {
            area.into_iter()
                .map(|(at, length)| at..at + length)
                .collect()
        })
    }

    proptest! {
        #[test]
        fn parts_within_a_box_are_all_elements_there(
            mapping in mapping(), area in area(), source in any::<bool>()
        ) {
            let side = if source { Side::Source } else { Side::Array };
            let mut wanted = elements(&mapping);
            wanted.retain(|(array, source)| {
                let place = if side == Side::Array { array } else { source };
                place.iter().zip(&area).all(|(at, area)| area.contains(at))
            });
            let parts = mapping.within(side, &area);
            let mut found: Vec<_> = parts.iter().flat_map(elements).collect();
            found.sort();
            wanted.sort();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn cells_are_those_that_hold_an_element(mapping in mapping(), cell in 1_u64..7) {
            let cells = mapping.cells(Side::Source, &[cell, cell]);
            for axis in 0..2 {
                let wanted: BTreeSet<u64> =
                    elements(&mapping).iter().map(|(_, source)| source[axis] / cell).collect();
                prop_assert_eq!(&cells[axis], &wanted.into_iter().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn blocks_are_cut_at_the_edges_only() {
        // Blocks of 3 every 5, a thousand of them.
        let mapping = Mapping {
            source: 0,
            start: vec![0],
            source_start: vec![0],
            loops: vec![
                Loop {
                    length: 1000,
                    array: step(0, 5),
                    source: step(0, 3),
                },
                Loop {
                    length: 3,
                    array: step(0, 1),
                    source: step(0, 1),
                },
            ],
        };
        let parts = mapping.within(Side::Array, std::slice::from_ref(&(2..4001)));
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[1].loops[0].length, 799);
        assert_eq!(mapping.bounds(Side::Array).first(), Some(&(0..4998)));
        assert_eq!(mapping.elements(), 3000);
    }
}
