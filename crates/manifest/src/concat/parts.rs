//! Which chunks make up a box of a joined array.

use std::ops::Range;

use super::{Concat, Profile, Span, SpanSource};
use crate::chunk_grid::chunk_index;

/// A part of a box of a joined array that comes from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcatPart {
    /// The elements along each axis of the array.
    pub area: Vec<Range<u64>>,
    /// Where they come from.
    pub source: PartSource,
}

/// Where a [`ConcatPart`] comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartSource {
    /// They are the array's fill value.
    Fill,
    /// They lie in a chunk; if that is absent they are what its profile says absent chunks hold.
    Chunk {
        /// The number of the profile.
        profile: usize,
        /// The number of the chunk in its table.
        chunk: u64,
        /// The elements along each axis of the chunk, as many as in `area`.
        within: Vec<Range<u64>>,
    },
}

/// The parts of a box, each element in one of them.
#[derive(Clone, Debug)]
pub struct ConcatParts<'a> {
    concat: &'a Concat,
    area: Vec<Range<u64>>,
    /// The number of the next span.
    next: usize,
    /// The chunks of the present one.
    cells: Option<Cells<'a>>,
}

impl<'a> ConcatParts<'a> {
    pub(super) fn new(concat: &'a Concat, shape: &[u64], area: &[Range<u64>]) -> Self {
        let area: Vec<_> = area
            .iter()
            .zip(shape)
            .map(|(area, length)| area.start..area.end.min(*length))
            .collect();
        let nothing = area.len() != shape.len() || area.iter().any(Range::is_empty);
        let first = area.get(concat.axis).filter(|_| !nothing);
        let first = first.and_then(|area| concat.span_number(area.start));
        Self {
            concat,
            area,
            next: first.unwrap_or(usize::MAX),
            cells: None,
        }
    }

    /// Goes on to the next span.
    fn span(&mut self) -> Option<ConcatPart> {
        let span = self.concat.spans.get(self.next)?;
        self.next = self.next.saturating_add(1);
        let axis = self.concat.axis;
        let along = self.area.get(axis)?;
        let along = span.start.max(along.start)..span.range().end.min(along.end);
        if along.is_empty() {
            self.next = usize::MAX;
            return None;
        }
        let mut area = self.area.clone();
        *area.get_mut(axis)? = along;
        match span.source {
            SpanSource::Fill => Some(ConcatPart {
                area,
                source: PartSource::Fill,
            }),
            SpanSource::Chunks {
                profile,
                first_chunk,
            } => {
                let cells = Cells::new(self.concat, span, (profile, first_chunk), area)?;
                self.cells.insert(cells).next()
            }
        }
    }
}

impl Iterator for ConcatParts<'_> {
    type Item = ConcatPart;

    fn next(&mut self) -> Option<ConcatPart> {
        if let Some(part) = self.cells.as_mut().and_then(Cells::next) {
            return Some(part);
        }
        self.cells = None;
        self.span()
    }
}

/// The chunks of a profile that a box within one span touches.
#[derive(Clone, Debug)]
struct Cells<'a> {
    number: usize,
    profile: &'a Profile,
    /// The box, in elements of the profile.
    area: Vec<Range<u64>>,
    /// The chunks along each axis.
    bounds: Vec<Range<u64>>,
    /// The next one; `None` after the last.
    cell: Option<Vec<u64>>,
    axis: usize,
    /// From elements of the profile to those of the array, along the joined axis.
    first: u64,
    start: u64,
}

impl<'a> Cells<'a> {
    fn new(
        concat: &'a Concat,
        span: &Span,
        (number, first_chunk): (usize, u64),
        area: Vec<Range<u64>>,
    ) -> Option<Self> {
        let profile = concat.profiles.get(number)?;
        let chunk_shape = &profile.encoding.chunk_shape;
        let first = first_chunk.checked_mul(*chunk_shape.get(concat.axis)?)?;
        let mut area = area;
        let along = area.get_mut(concat.axis)?;
        let to_profile = |at: u64| first.checked_add(at.checked_sub(span.start)?);
        *along = to_profile(along.start)?..to_profile(along.end)?;
        let bounds: Option<Vec<_>> = area
            .iter()
            .zip(chunk_shape)
            .map(|(area, chunk)| Some(area.start.checked_div(*chunk)?..area.end.div_ceil(*chunk)))
            .collect();
        let bounds = bounds?;
        Some(Self {
            number,
            profile,
            cell: Some(bounds.iter().map(|bounds| bounds.start).collect()),
            area,
            bounds,
            axis: concat.axis,
            first,
            start: span.start,
        })
    }

    fn next(&mut self) -> Option<ConcatPart> {
        let cell = self.cell.take()?;
        let chunk = chunk_index(&cell, self.profile.chunks.grid())?;
        let mut area = Vec::with_capacity(cell.len());
        let mut within = Vec::with_capacity(cell.len());
        let axes = cell.iter().zip(&self.profile.encoding.chunk_shape);
        for (axis, ((cell, length), wanted)) in axes.zip(&self.area).enumerate() {
            let start = cell.saturating_mul(*length);
            let from = start.max(wanted.start);
            let to = start.saturating_add(*length).min(wanted.end);
            within.push(from.saturating_sub(start)..to.saturating_sub(start));
            area.push(if axis == self.axis {
                let to_array = |at: u64| at.saturating_sub(self.first).saturating_add(self.start);
                to_array(from)..to_array(to)
            } else {
                from..to
            });
        }
        self.cell = self.after(cell);
        Some(ConcatPart {
            area,
            source: PartSource::Chunk {
                profile: self.number,
                chunk,
                within,
            },
        })
    }

    /// The chunk after this one in C order.
    fn after(&self, mut cell: Vec<u64>) -> Option<Vec<u64>> {
        for (place, bounds) in cell.iter_mut().zip(&self.bounds).rev() {
            *place = place.saturating_add(1);
            if *place < bounds.end {
                return Some(cell);
            }
            *place = bounds.start;
        }
        None
    }
}
