//! Selections brought into a form in which two of them can be paired.

use chunkref_hdf5::{Hyperslab, Selection};

use crate::data_type::Refusal;

/// Most runs that a selection without a regular form is taken apart into.
const MAX_RUNS: usize = 1 << 18;
/// Most comparisons for that.
const MAX_WORK: usize = 1 << 24;

/// Elements in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Elements {
    /// Counted by loops within loops.
    Regular {
        /// The first one's place.
        start: Vec<u64>,
        /// The loops, outermost first.
        turns: Vec<Turns>,
    },
    /// Runs along the last axis, none empty.
    Runs(Vec<Run>),
}

/// A loop along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turns {
    pub(crate) axis: usize,
    pub(crate) count: u64,
    pub(crate) step: u64,
}

/// Elements side by side along the last axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: Vec<u64>,
    pub(crate) length: u64,
}

/// How many places of an unlimited axis lie below `extent`.
pub(crate) fn slices(axis: &Hyperslab, extent: u64) -> u64 {
    let Some(length) = extent.checked_sub(axis.start) else {
        return 0;
    };
    let Some(block) = axis.block else {
        return length;
    };
    let stride = axis.stride.max(1);
    let whole = length.checked_div(stride).unwrap_or(0);
    let rest = length.checked_rem(stride).unwrap_or(0).min(block);
    whole.saturating_mul(block).saturating_add(rest)
}

/// The least extent that has so many places of an unlimited axis.
pub(crate) fn extent(axis: &Hyperslab, slices: u64) -> Option<u64> {
    match axis.block {
        _ if slices == 0 => Some(0),
        Some(block) if block != axis.stride && block > 0 => {
            let last = slices.saturating_sub(1);
            let whole = last.checked_div(block)?.checked_mul(axis.stride)?;
            let within = last.checked_rem(block)?.checked_add(1)?;
            axis.start.checked_add(whole)?.checked_add(within)
        }
        _ => axis.start.checked_add(slices),
    }
}

/// One block of an unlimited selection along its unlimited axis.
pub(crate) fn block(selection: &Selection, number: u64) -> Option<Selection> {
    let unlimited = selection.unlimited()?;
    let Selection::Regular(axes) = selection else {
        return None;
    };
    let mut slabs = axes.clone();
    let slab = slabs.get_mut(unlimited)?;
    // A block that is unlimited itself is one only.
    slab.block.filter(|_| slab.count.is_none())?;
    slab.start = slab.start.checked_add(number.checked_mul(slab.stride)?)?;
    slab.count = Some(1);
    Some(Selection::Regular(slabs))
}

/// The elements of a selection; those of an unlimited one as far as its first `slices` places go.
///
/// # Errors
/// The reason, where it does not fit the shape or has too many parts.
pub(crate) fn elements(
    selection: &Selection,
    shape: &[u64],
    slices: Option<u64>,
) -> Result<Elements, Refusal> {
    if let Some(rank) = selection.rank().filter(|rank| *rank != shape.len()) {
        return Err(format!(
            "a selection of rank {rank} for the shape {shape:?}"
        ));
    }
    let whole: Vec<Hyperslab>;
    let axes = match selection {
        Selection::None => return Ok(Elements::Runs(Vec::new())),
        Selection::All => {
            whole = shape.iter().map(|&length| one(0, length)).collect();
            &whole
        }
        Selection::Regular(axes) => axes,
        Selection::Irregular { rank, corners } => {
            let blocks: Vec<&[u64]> = corners
                .chunks_exact(rank.saturating_mul(2).max(1))
                .collect();
            return runs_of(&blocks, shape);
        }
        Selection::Points { .. } => {
            return Err("a selection of points, which libhdf5 does not map either".to_owned());
        }
    };
    regular(axes, shape, slices)
}

fn one(start: u64, length: u64) -> Hyperslab {
    Hyperslab {
        start,
        stride: 1,
        count: Some(1),
        block: Some(length),
    }
}

fn regular(slabs: &[Hyperslab], shape: &[u64], slices: Option<u64>) -> Result<Elements, Refusal> {
    let mut start = Vec::with_capacity(slabs.len());
    let mut turns = Vec::new();
    let mut empty = false;
    // The axis whose last block is cut, and what is left of it.
    let mut cut = None;
    for (axis, (slab, &length)) in slabs.iter().zip(shape).enumerate() {
        let (count, block) = match (slab.count, slab.block) {
            (Some(count), Some(block)) => (count, block),
            (_, unlimited) => {
                let slices = slices.ok_or("an unlimited selection for a limited one")?;
                match unlimited.filter(|block| *block != slab.stride && *block > 0) {
                    None => (1, slices),
                    Some(block) => {
                        let rest = slices.checked_rem(block).unwrap_or(0);
                        if rest > 0 {
                            cut = Some((axis, rest));
                        }
                        (slices.div_ceil(block), block)
                    }
                }
            }
        };
        empty |= count == 0 || block == 0;
        let missing = match cut {
            Some((at, rest)) if at == axis => block.saturating_sub(rest),
            _ => 0,
        };
        let end = count
            .saturating_sub(1)
            .checked_mul(slab.stride)
            .and_then(|span| slab.start.checked_add(span)?.checked_add(block))
            .and_then(|end| end.checked_sub(missing));
        if !empty && end.is_none_or(|end| end > length) {
            return Err(format!(
                "a selection that reaches over the end of the shape {shape:?} along axis {axis}"
            ));
        }
        start.push(slab.start);
        let joined = count == 1 || slab.stride == block;
        for (count, step) in if joined {
            [(count.saturating_mul(block), 1), (1, 1)]
        } else {
            [(count, slab.stride), (block, 1)]
        } {
            if count > 1 {
                turns.push(Turns { axis, count, step });
            }
        }
    }
    if empty {
        return Ok(Elements::Runs(Vec::new()));
    }
    match cut {
        None => Ok(Elements::Regular { start, turns }),
        Some((axis, rest)) => without_rest(&start, &turns, slabs, axis, rest),
    }
}

/// A regular selection whose last block along an axis has only `rest` places.
fn without_rest(
    start: &[u64],
    turns: &[Turns],
    slabs: &[Hyperslab],
    axis: usize,
    rest: u64,
) -> Result<Elements, Refusal> {
    let whole = runs(&Elements::Regular {
        start: start.to_vec(),
        turns: turns.to_vec(),
    })?;
    let slab = slabs.get(axis).copied().unwrap_or(one(0, 1));
    // Where the last block begins, and what of it is there.
    let count = turns
        .iter()
        .find(|one| one.axis == axis && one.step == slab.stride)
        .map_or(1, |one| one.count);
    let last = count.saturating_sub(1).saturating_mul(slab.stride);
    let end = slab.start.saturating_add(last).saturating_add(rest);
    let along = slabs.len().saturating_sub(1) == axis;
    let kept = whole.into_iter().filter_map(|run| {
        let at = run.start.get(axis).copied()?;
        let room = end.checked_sub(at).filter(|room| *room > 0)?;
        let length = if along {
            run.length.min(room)
        } else {
            run.length
        };
        Some(Run { length, ..run })
    });
    Ok(Elements::Runs(kept.collect()))
}

fn too_many() -> Refusal {
    format!("a selection of more than {MAX_RUNS} parts without a regular form")
}

/// The runs of elements.
pub(crate) fn runs(elements: &Elements) -> Result<Vec<Run>, Refusal> {
    let (start, turns) = match elements {
        Elements::Runs(runs) => return Ok(runs.clone()),
        Elements::Regular { start, turns } => (start, turns),
    };
    let last_axis = start.len().saturating_sub(1);
    let (length, outer) = match turns.split_last() {
        Some((last, outer)) if last.step == 1 && last.axis == last_axis => (last.count, outer),
        _ => (1, turns.as_slice()),
    };
    let count = outer
        .iter()
        .fold(1_u64, |count, one| count.saturating_mul(one.count));
    if usize::try_from(count).map_or(true, |count| count > MAX_RUNS) {
        return Err(too_many());
    }
    let mut runs = vec![Run {
        start: start.clone(),
        length,
    }];
    for one in outer {
        let mut next = Vec::new();
        for run in runs {
            for turn in 0..one.count {
                let mut start = run.start.clone();
                if let Some(place) = start.get_mut(one.axis) {
                    *place = place.saturating_add(turn.saturating_mul(one.step));
                }
                next.push(Run { start, length });
            }
        }
        runs = next;
    }
    Ok(runs)
}

/// The runs of the union of blocks, each given by its first and last corner.
fn runs_of(blocks: &[&[u64]], shape: &[u64]) -> Result<Elements, Refusal> {
    let rank = shape.len();
    for block in blocks {
        let last = block.get(rank..).unwrap_or_default();
        if last.iter().zip(shape).any(|(last, length)| last >= length) {
            return Err(format!(
                "a selection that reaches over the end of the shape {shape:?}"
            ));
        }
    }
    let mut union = Union {
        rank,
        runs: Vec::new(),
        work: 0,
    };
    union.sweep(blocks, &mut Vec::with_capacity(rank))?;
    Ok(Elements::Runs(union.runs))
}

struct Union {
    rank: usize,
    runs: Vec<Run>,
    work: usize,
}

impl Union {
    /// Goes along the next axis; `prefix` are the places along those before it.
    fn sweep(&mut self, blocks: &[&[u64]], prefix: &mut Vec<u64>) -> Result<(), Refusal> {
        let axis = prefix.len();
        let last = axis.saturating_add(self.rank);
        let bounds = |block: &&[u64]| {
            let first = block.get(axis).copied().unwrap_or(0);
            first..block.get(last).copied().unwrap_or(0).saturating_add(1)
        };
        let mut edges: Vec<u64> = blocks
            .iter()
            .flat_map(|block| [bounds(block).start, bounds(block).end])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        for (&from, &to) in edges.iter().zip(edges.iter().skip(1)) {
            self.work = self.work.saturating_add(blocks.len());
            if self.work > MAX_WORK {
                return Err(too_many());
            }
            let here: Vec<&[u64]> = blocks
                .iter()
                .filter(|block| bounds(block).contains(&from))
                .copied()
                .collect();
            if here.is_empty() {
                continue;
            }
            if axis.saturating_add(1) == self.rank {
                self.push(prefix, from, to)?;
                continue;
            }
            for place in from..to {
                prefix.push(place);
                let swept = self.sweep(&here, prefix);
                prefix.pop();
                swept?;
            }
        }
        Ok(())
    }

    fn push(&mut self, prefix: &[u64], from: u64, to: u64) -> Result<(), Refusal> {
        let length = to.saturating_sub(from);
        if let Some(run) = self.runs.last_mut()
            && let Some((at, before)) = run.start.split_last()
            && before == prefix
            && at.saturating_add(run.length) == from
        {
            run.length = run.length.saturating_add(length);
            return Ok(());
        }
        if self.runs.len() >= MAX_RUNS {
            return Err(too_many());
        }
        let mut start = prefix.to_vec();
        start.push(from);
        self.runs.push(Run { start, length });
        Ok(())
    }
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
