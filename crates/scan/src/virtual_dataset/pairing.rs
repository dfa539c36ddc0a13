//! The elements of a source and those of the virtual dataset, paired in C order.

use chunkref_manifest::{Loop, Mapping, Side, Step};

use super::selection::{Elements, Run, Turns, runs};
use crate::data_type::Refusal;

/// Mappings that pair the elements of `source` (the number `number`) with those of `array`.
///
/// # Errors
/// The reason, where their numbers differ or there is no regular way to pair so many.
pub(crate) fn pair(
    number: usize,
    array: &Elements,
    source: &Elements,
) -> Result<Vec<Mapping>, Refusal> {
    if let (
        Elements::Regular { start, turns },
        Elements::Regular {
            start: source_start,
            turns: source_turns,
        },
    ) = (array, source)
    {
        if total(turns) != total(source_turns) {
            return Err(unequal(total(turns), total(source_turns)));
        }
        if let Some(loops) = common(turns, source_turns) {
            return Ok(vec![Mapping {
                source: number,
                start: start.clone(),
                source_start: source_start.clone(),
                loops,
            }]);
        }
    }
    let pairs = zip(number, &runs(array)?, &runs(source)?)?;
    Ok(compressed(pairs))
}

fn total(turns: &[Turns]) -> u128 {
    turns
        .iter()
        .fold(1, |count, one| count.saturating_mul(one.count.into()))
}

fn unequal(array: u128, source: u128) -> Refusal {
    format!("{source} elements of a source for {array} of the virtual dataset")
}

/// The loops that count both; `None` where their lengths have no common parts.
fn common(array: &[Turns], source: &[Turns]) -> Option<Vec<Loop>> {
    let mut array = array.to_vec();
    let mut source = source.to_vec();
    let mut loops = Vec::with_capacity(array.len().max(source.len()));
    while let (Some(inner), Some(source_inner)) = (array.last_mut(), source.last_mut()) {
        let length = divisor(inner.count, source_inner.count);
        if length == 1 {
            return None;
        }
        let step = |turns: &Turns| Step {
            axis: turns.axis,
            length: turns.step,
        };
        loops.push(Loop {
            length,
            array: step(inner),
            source: step(source_inner),
        });
        let array_done = advance(inner, length)?;
        let source_done = advance(source_inner, length)?;
        if array_done {
            array.pop();
        }
        if source_done {
            source.pop();
        }
    }
    loops.reverse();
    (array.is_empty() && source.is_empty()).then_some(loops)
}

/// Goes on after the innermost turns of a loop; whether none are left.
fn advance(turns: &mut Turns, length: u64) -> Option<bool> {
    turns.count = turns.count.checked_div(length)?;
    turns.step = turns.step.checked_mul(length)?;
    Some(turns.count <= 1)
}

/// The greatest common divisor.
pub(crate) fn divisor(mut a: u64, mut b: u64) -> u64 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

/// Pairs of runs of equal length.
fn zip(number: usize, array: &[Run], source: &[Run]) -> Result<Vec<Mapping>, Refusal> {
    let count = |runs: &[Run]| {
        runs.iter()
            .fold(0_u128, |sum, run| sum.saturating_add(run.length.into()))
    };
    if count(array) != count(source) {
        return Err(unequal(count(array), count(source)));
    }
    let mut pairs = Vec::with_capacity(array.len().max(source.len()));
    let (mut array, mut source) = (array.iter().cloned(), source.iter().cloned());
    let (mut to, mut from) = (array.next(), source.next());
    while let (Some(here), Some(there)) = (&mut to, &mut from) {
        let length = here.length.min(there.length);
        pairs.push(Mapping {
            source: number,
            start: here.start.clone(),
            source_start: there.start.clone(),
            loops: run(length, here.start.len(), there.start.len()),
        });
        if skip(here, length) {
            to = array.next();
        }
        if skip(there, length) {
            from = source.next();
        }
    }
    Ok(pairs)
}

/// The loop along the last axes of both.
fn run(length: u64, rank: usize, source_rank: usize) -> Vec<Loop> {
    let step = |rank: usize| Step {
        axis: rank.saturating_sub(1),
        length: 1,
    };
    let one = Loop {
        length,
        array: step(rank),
        source: step(source_rank),
    };
    if length > 1 { vec![one] } else { Vec::new() }
}

/// Takes the first elements of a run off; whether none are left.
fn skip(run: &mut Run, length: u64) -> bool {
    run.length = run.length.saturating_sub(length);
    if let Some(last) = run.start.last_mut() {
        *last = last.saturating_add(length);
    }
    run.length == 0
}

/// The same elements in fewer mappings: those that follow one another at equal distances become
/// one, again and again.
fn compressed(mut mappings: Vec<Mapping>) -> Vec<Mapping> {
    loop {
        let before = mappings.len();
        mappings = joined(mappings);
        if mappings.len() == before {
            return mappings;
        }
    }
}

fn joined(mappings: Vec<Mapping>) -> Vec<Mapping> {
    let mut out: Vec<Mapping> = Vec::new();
    // The mapping that grows, its outer loop so far, and the one that was added last.
    let mut growing: Option<(Mapping, Option<Loop>, Mapping)> = None;
    for next in mappings {
        if let Some((_, outer, last)) = &mut growing
            && let Some((array, source)) = steps(last, &next)
            && outer.is_none_or(|outer| outer.array == array && outer.source == source)
        {
            let length = outer.map_or(1, |outer| outer.length).saturating_add(1);
            *outer = Some(Loop {
                length,
                array,
                source,
            });
            *last = next;
            continue;
        }
        out.extend(growing.take().map(grown));
        growing = Some((next.clone(), None, next));
    }
    out.extend(growing.map(grown));
    out
}

fn grown((mut first, outer, _): (Mapping, Option<Loop>, Mapping)) -> Mapping {
    if let Some(outer) = outer {
        first.loops.insert(0, outer);
    }
    first
}

/// How the next mapping follows the last, if it does along one axis on each side.
fn steps(last: &Mapping, next: &Mapping) -> Option<(Step, Step)> {
    let step = |side: Side| {
        let places = last.start(side).iter().zip(next.start(side)).enumerate();
        let mut moved = places.filter(|(_, (last, next))| last != next);
        let (axis, (last, next)) = moved.next()?;
        let length = next.checked_sub(*last)?;
        moved.next().is_none().then_some(Step { axis, length })
    };
    let alike = last.source == next.source && last.loops == next.loops;
    alike.then(|| Some((step(Side::Array)?, step(Side::Source)?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(axis: usize, count: u64, step: u64) -> Turns {
        Turns { axis, count, step }
    }

    fn regular(start: &[u64], turns: &[Turns]) -> Elements {
        Elements::Regular {
            start: start.to_vec(),
            turns: turns.to_vec(),
        }
    }

    /// Every pair of places, in order.
    fn places(mappings: &[Mapping]) -> Vec<(Vec<u64>, Vec<u64>)> {
        let mut all = Vec::new();
        for mapping in mappings {
            let mut found = vec![(mapping.start.clone(), mapping.source_start.clone())];
            for one in &mapping.loops {
                let mut next = Vec::new();
                for (array, source) in found {
                    for turn in 0..one.length {
                        let (mut array, mut source) = (array.clone(), source.clone());
                        array[one.array.axis] += turn * one.array.length;
                        source[one.source.axis] += turn * one.source.length;
                        next.push((array, source));
                    }
                }
                found = next;
            }
            all.extend(found);
        }
        all
    }

    fn zipped(array: &Elements, source: &Elements) -> Vec<(Vec<u64>, Vec<u64>)> {
        places(&zip(0, &runs(array).unwrap(), &runs(source).unwrap()).unwrap())
    }

    #[test]
    fn loops_are_split_where_their_lengths_have_common_parts() {
        // 12 elements of one axis become 3 rows of 4 columns.
        let line = regular(&[5], &[turns(0, 12, 2)]);
        let rows = regular(&[1, 0], &[turns(0, 3, 1), turns(1, 4, 1)]);
        let mappings = pair(0, &rows, &line).unwrap();
        assert_eq!(mappings.len(), 1);
        assert_eq!(places(&mappings), zipped(&rows, &line));
    }

    #[test]
    fn lengths_without_common_parts_are_paired_run_by_run() {
        let rows = regular(&[0, 0], &[turns(0, 3, 1), turns(1, 4, 1)]);
        let others = regular(&[7, 1], &[turns(0, 4, 1), turns(1, 3, 1)]);
        let mappings = pair(0, &rows, &others).unwrap();
        assert_eq!(places(&mappings), zipped(&rows, &others));
        assert!(mappings.len() < 12);
    }

    #[test]
    fn what_follows_at_equal_distances_is_joined() {
        let run = |row: u64| Run {
            start: vec![row, 3],
            length: 5,
        };
        let runs = Elements::Runs((0..100).map(|row| run(row * 2)).collect());
        let plain = regular(&[0], &[turns(0, 500, 1)]);
        let mappings = pair(0, &runs, &plain).unwrap();
        assert_eq!(mappings.len(), 1);
        assert_eq!(mappings[0].loops.len(), 2);
        assert_eq!(places(&mappings), zipped(&runs, &plain));
    }

    #[test]
    fn unequal_numbers_are_refused() {
        let three = regular(&[0], &[turns(0, 3, 1)]);
        let four = regular(&[0], &[turns(0, 4, 1)]);
        let error = pair(0, &three, &four).unwrap_err();
        assert!(error.contains("4 elements of a source for 3"), "{error}");
        assert!(pair(0, &three, &Elements::Runs(Vec::new())).is_err());
    }
}
