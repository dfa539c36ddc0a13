//! The chunks of an array, whatever its layout.

use std::ops::Range;

use bytes::Bytes;

use crate::array::{Array, Layout};
use crate::chunk_table::{ChunkRef, ChunkTableIter};
use crate::location::LocationId;

/// The chunks of an [`Array`] that are not absent, with their numbers, ascending.
#[derive(Clone, Debug)]
pub struct Chunks<'a>(Kind<'a>);

#[derive(Clone, Debug)]
enum Kind<'a> {
    Table(ChunkTableIter<'a>),
    Runs(Runs, Range<u64>),
    Inline(Option<&'a Bytes>),
}

impl<'a> Chunks<'a> {
    pub(crate) fn new(array: &'a Array) -> Self {
        Self(match &array.layout {
            Layout::Chunked { chunks, .. } => Kind::Table(chunks.iter()),
            Layout::Contiguous { .. } => match Runs::of(array) {
                Some(runs) => Kind::Runs(runs, 0..runs.count),
                None => Kind::Inline(None),
            },
            Layout::Inline { data } => Kind::Inline(array.chunk(0).map(|_| data)),
            Layout::Absent { .. }
            | Layout::External { .. }
            | Layout::Virtual { .. }
            | Layout::Concat(_) => Kind::Inline(None),
        })
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (u64, ChunkRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Kind::Table(chunks) => chunks.next(),
            Kind::Runs(runs, numbers) => {
                let number = numbers.next()?;
                Some((number, runs.get(number)?))
            }
            Kind::Inline(data) => Some((0, ChunkRef::Inline(data.take()?))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Kind::Table(chunks) => chunks.size_hint(),
            Kind::Runs(_, numbers) => (0, numbers.size_hint().1),
            Kind::Inline(data) => {
                let left = usize::from(data.is_some());
                (left, Some(left))
            }
        }
    }
}

/// The equal runs of a [`Layout::Contiguous`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs {
    /// How many.
    pub(crate) count: u64,
    location: LocationId,
    offset: u64,
    /// Of one run, in bytes.
    length: u64,
}

impl Runs {
    /// `None` for any other layout.
    pub(crate) fn of(array: &Array) -> Option<Self> {
        let Layout::Contiguous {
            location,
            offset,
            length,
            ..
        } = &array.layout
        else {
            return None;
        };
        let count = array.cells()?;
        Some(Self {
            count,
            location: *location,
            offset: *offset,
            // Every chunk is whole, so all are equally long.
            length: length.checked_div(count).unwrap_or(0),
        })
    }

    pub(crate) fn get(&self, index: u64) -> Option<ChunkRef<'static>> {
        Some(ChunkRef::Range {
            location: self.location,
            offset: self.offset.checked_add(index.checked_mul(self.length)?)?,
            length: self.length,
        })
    }
}
