//! The chunks of a table, one after the other.

use std::iter::Peekable;

use bytes::Bytes;

use super::columns::LocationsIter;
use super::numbers::NumbersIter;
use super::{ChunkRef, ChunkTable};

/// The chunks of a [`ChunkTable`] with their numbers, ascending.
#[derive(Clone, Debug)]
pub struct ChunkTableIter<'a> {
    table: &'a ChunkTable,
    numbers: NumbersIter<'a>,
    locations: LocationsIter<'a>,
    whole: Option<Peekable<NumbersIter<'a>>>,
    /// The row of the next chunk that lies in an object, and its number.
    row: usize,
    number: Option<u64>,
    inline: std::slice::Iter<'a, (u64, Bytes)>,
}

impl<'a> ChunkTableIter<'a> {
    pub(super) fn new(table: &'a ChunkTable) -> Self {
        let mut numbers = table.numbers.iter();
        Self {
            table,
            number: numbers.next(),
            numbers,
            locations: table.locations.iter(),
            whole: table.whole().map(|whole| whole.iter().peekable()),
            row: 0,
            inline: table.inline.iter(),
        }
    }

    fn range(&mut self, number: u64) -> Option<ChunkRef<'a>> {
        let row = self.row;
        self.row = row.saturating_add(1);
        self.number = self.numbers.next();
        let location = self.locations.next()?;
        let whole = self.whole.as_mut();
        if whole.is_some_and(|whole| whole.next_if_eq(&number).is_some()) {
            return Some(ChunkRef::Whole { location });
        }
        Some(ChunkRef::Range {
            location,
            offset: *self.table.offsets.get(row)?,
            length: self.table.lengths.get(row)?,
        })
    }
}

impl<'a> Iterator for ChunkTableIter<'a> {
    type Item = (u64, ChunkRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match (self.number, self.inline.as_slice().first()) {
            (Some(number), None) => Some((number, self.range(number)?)),
            (Some(number), Some((index, _))) if number < *index => {
                Some((number, self.range(number)?))
            }
            (_, Some((index, data))) => {
                self.inline.next();
                Some((*index, ChunkRef::Inline(data)))
            }
            (None, None) => None,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rows = self.table.offsets.len().saturating_sub(self.row);
        let left = rows.saturating_add(self.inline.len());
        (left, Some(left))
    }
}

impl ExactSizeIterator for ChunkTableIter<'_> {}
