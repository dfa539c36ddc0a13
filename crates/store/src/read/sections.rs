//! Where a selection lies in the chunks of an array: for each run of equally stored chunks the
//! slices, or the points.

use chunkref_manifest::{Array, Concat, Layout, SpanSource, chunk_index};

use super::origin::{Origin, contradiction};
use super::selection::{Crossing, Slice};
use crate::error::Result;
use crate::references::Referenced;

/// Slices through chunks that are stored alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// The number of the origin.
    pub(crate) origin: usize,
    /// In elements of the origin.
    pub(crate) slices: Vec<Slice>,
    /// The place along each axis of what is read at which it begins.
    pub(crate) out: Vec<u64>,
}

/// An element, by the chunk that it lies in; in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// The number of the origin.
    pub(crate) origin: usize,
    pub(crate) chunk: u64,
    /// First byte in the chunk.
    pub(crate) from: usize,
    /// Its number in what is read.
    pub(crate) out: usize,
}

/// All chunks of an array, by how they are stored.
pub(crate) fn origins<'a>(
    of: Referenced<'a>,
    path: &'a str,
    wanted: bool,
) -> Result<Vec<Origin<'a>>> {
    match &of.array.layout {
        Layout::Concat(concat) => concat
            .profiles()
            .iter()
            .enumerate()
            .map(|(number, profile)| Origin::of_profile(of, path, number, profile))
            .collect(),
        _ => Ok(vec![Origin::of_array(of, path, wanted)?]),
    }
}

/// The sections that slices of an array cross in.
pub(crate) fn sections(array: &Array, crossing: Crossing) -> Vec<Section> {
    let Crossing { slices, out: begin } = crossing;
    let Layout::Concat(concat) = &array.layout else {
        return vec![Section {
            origin: 0,
            slices,
            out: begin,
        }];
    };
    let axis = concat.axis();
    let Some(along) = slices.get(axis).copied().filter(|slice| slice.count() > 0) else {
        return Vec::new();
    };
    let spans = concat.spans().iter();
    let after = spans.skip_while(|span| span.range().end <= along.start);
    let within = after.take_while(|span| span.start < along.stop);
    let mut sections = Vec::new();
    for span in within {
        let SpanSource::Chunks {
            profile,
            first_chunk,
        } = span.source
        else {
            continue;
        };
        let out = span
            .start
            .saturating_sub(along.start)
            .div_ceil(along.step());
        let first = along.start.saturating_add(out.saturating_mul(along.step()));
        let stop = span.range().end.min(along.stop);
        let base = first_element(concat, profile, first_chunk);
        let local = |place: u64| place.saturating_sub(span.start).saturating_add(base);
        if first >= stop {
            continue;
        }
        let mut slices = slices.clone();
        if let Some(slice) = slices.get_mut(axis) {
            *slice = Slice::new(local(first), local(stop)).with_step(along.step());
        }
        let mut begin = begin.clone();
        if let Some(begin) = begin.get_mut(axis) {
            *begin = begin.saturating_add(out);
        }
        sections.push(Section {
            origin: profile,
            slices,
            out: begin,
        });
    }
    sections
}

/// The place of the first element of a chunk along the joined axis of a profile.
fn first_element(concat: &Concat, profile: usize, chunk: u64) -> u64 {
    let profile = concat.profiles().get(profile);
    let length = profile.and_then(|profile| profile.encoding.chunk_shape.get(concat.axis()));
    length.map_or(0, |length| length.saturating_mul(chunk))
}

/// Points by the chunks that they lie in, ascending; those that no chunk has are left out.
pub(crate) fn points(
    array: &Array,
    path: &str,
    origins: &[Origin<'_>],
    points: &[Vec<u64>],
    element: usize,
) -> Result<Vec<Point>> {
    let mut sorted = Vec::with_capacity(points.len());
    for (out, place) in points.iter().enumerate() {
        let mut place = place.clone();
        let mut number = 0;
        if let Layout::Concat(concat) = &array.layout {
            let Some(at) = place.get_mut(concat.axis()) else {
                continue;
            };
            let span = concat.span(*at);
            let Some((
                span,
                SpanSource::Chunks {
                    profile,
                    first_chunk,
                },
            )) = span.map(|span| (span, span.source))
            else {
                continue;
            };
            let base = first_element(concat, profile, first_chunk);
            *at = at.saturating_sub(span.start).saturating_add(base);
            number = profile;
        }
        let found = origins.get(number).and_then(|origin| {
            let (chunk, from) = within(&place, origin)?;
            Some(Point {
                origin: number,
                chunk,
                from: from.checked_mul(element)?,
                out,
            })
        });
        sorted.push(found.ok_or_else(|| {
            contradiction(path, format!("the element at {place:?} lies in no chunk"))
        })?);
    }
    sorted.sort_unstable();
    Ok(sorted)
}

/// The chunk that an element lies in, and its number within.
fn within(place: &[u64], origin: &Origin<'_>) -> Option<(u64, usize)> {
    let mut from = 0_u64;
    let mut chunk = Vec::with_capacity(place.len());
    for (at, length) in place.iter().zip(&origin.chunk_shape) {
        chunk.push(at.checked_div(*length)?);
        from = from
            .checked_mul(*length)?
            .checked_add(at.checked_rem(*length)?)?;
    }
    let chunk = chunk_index(&chunk, &origin.grid)?;
    Some((chunk, usize::try_from(from).ok()?))
}
