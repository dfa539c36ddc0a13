//! The columnar table of an array's chunks.

mod builder;
mod columns;
mod iter;
mod join;
mod numbers;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::chunk_grid::cell_count;
use crate::error::{Error, Result};
use crate::location::LocationId;
pub use builder::ChunkTableBuilder;
use columns::{Lengths, LocationColumn, column_bytes};
pub use iter::ChunkTableIter;
use numbers::Numbers;

/// Where one chunk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkRef<'a> {
    /// In an object.
    Range {
        /// The object.
        location: LocationId,
        /// First byte within it.
        offset: u64,
        /// Stored size in bytes.
        length: u64,
    },
    /// All of an object, whatever its size: only sets of references that others made name chunks
    /// so.
    Whole {
        /// The object.
        location: LocationId,
    },
    /// Here, encoded as the array's codecs say.
    Inline(&'a Bytes),
}

/// Where the chunks of an array lie, in columns.
///
/// A chunk's number is its place in the grid in C order. Bytes a chunk that lies in an object:
///
/// | column    | bytes                                                                         |
/// |-----------|-------------------------------------------------------------------------------|
/// | offsets   | 8                                                                             |
/// | lengths   | 4; 8 once one is above 2^32 - 1                                               |
/// | locations | none for one object; 12 a run of neighbours in one; 4 where that is more      |
/// | numbers   | none where no chunk is absent; 9/64 a cell; 4 (8 past 2^32 cells) if less     |
///
/// So 12 with one object and 16 with many where all chunks are there, at most 17 while an eighth
/// are, and at most 16 with one object however few are (in grids of up to 2^32 cells). A chunk is
/// found without allocation: by its place, by a bit and the count of those before it, or by binary
/// search. Tables of the same chunks are equal however they were made.
///
/// Inline chunks are kept apart: 40 bytes and their data. What few tables have takes room in those
/// alone: filter masks 16 bytes for each that is not zero, and which chunks are whole objects as
/// much as a column of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkTable {
    grid: Vec<u64>,
    /// Product of `grid`.
    cells: u64,
    /// Of the chunks that lie in objects: the rows of the columns below.
    numbers: Numbers,
    offsets: Vec<u64>,
    lengths: Lengths,
    locations: LocationColumn,
    /// Ascending by number.
    inline: Vec<(u64, Bytes)>,
    /// `None` where there is nothing of it, so that equal tables compare equal.
    rare: Option<Box<Rare>>,
}

/// What few tables have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rare {
    /// Filter masks that are not zero, ascending by the number of the chunk.
    masks: Vec<(u64, u32)>,
    /// The chunks that are whole objects; their rows hold no range.
    whole: Option<Numbers>,
}

impl Default for ChunkTable {
    /// The empty table of a scalar.
    fn default() -> Self {
        ChunkTableBuilder::new(Vec::new()).finish()
    }
}

impl ChunkTable {
    /// A table of chunks in one object, from its columns: numbers of the chunks, ascending; first
    /// bytes; sizes in bytes.
    ///
    /// # Errors
    /// When the columns differ in length, a number is not above the one before it or is outside
    /// the grid, or the grid has more than 2^64 - 1 cells.
    pub fn from_columns(
        grid: Vec<u64>,
        location: LocationId,
        indices: Vec<u64>,
        offsets: Vec<u64>,
        lengths: Vec<u64>,
    ) -> Result<Self> {
        if indices.len() != offsets.len() || indices.len() != lengths.len() {
            return Err(Error::Columns {
                indices: indices.len(),
                offsets: offsets.len(),
                lengths: lengths.len(),
            });
        }
        let Some(cells) = cell_count(&grid) else {
            return Err(Error::GridTooLarge { grid });
        };
        for (previous, index) in indices.iter().zip(indices.iter().skip(1)) {
            if index <= previous {
                return Err(Error::ChunkOrder {
                    index: *index,
                    previous: *previous,
                });
            }
        }
        if let Some(&index) = indices.last().filter(|index| **index >= cells) {
            return Err(Error::ChunkOutside { index, grid, cells });
        }
        // As the builder has it, so that equal tables compare equal.
        let location = if offsets.is_empty() {
            LocationId(0)
        } else {
            location
        };
        let mut offsets = offsets;
        offsets.shrink_to_fit();
        let mut lengths = Lengths::new(lengths);
        lengths.shrink();
        Ok(Self {
            grid,
            cells,
            numbers: Numbers::new(indices, cells),
            offsets,
            lengths,
            locations: LocationColumn::One(location),
            inline: Vec::new(),
            rare: None,
        })
    }

    /// Chunks along each axis.
    pub fn grid(&self) -> &[u64] {
        &self.grid
    }

    /// The number of cells of the grid, stored or not.
    pub fn cells(&self) -> u64 {
        self.cells
    }

    /// The number of chunks in the table.
    pub fn stored(&self) -> u64 {
        let count = self.offsets.len().saturating_add(self.inline.len());
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Whether every cell of the grid has its chunk.
    pub fn is_complete(&self) -> bool {
        self.stored() == self.cells
    }

    /// Where the chunk with this number lies; `None` if it is absent or outside the grid.
    pub fn get(&self, index: u64) -> Option<ChunkRef<'_>> {
        match self.numbers.row(index) {
            Some(row) => self.range(row, index),
            None => self.inline(index).map(ChunkRef::Inline),
        }
    }

    fn inline(&self, index: u64) -> Option<&Bytes> {
        let row = self
            .inline
            .binary_search_by_key(&index, |(index, _)| *index);
        let (_, data) = self.inline.get(row.ok()?)?;
        Some(data)
    }

    /// The table with filter masks, by the number of the chunk: bit `i` says that the writer
    /// skipped filter `i`. Zeros need not be given.
    ///
    /// # Errors
    /// When a mask is given for a chunk that is not in the table.
    pub fn with_filter_masks(
        mut self,
        masks: impl IntoIterator<Item = (u64, u32)>,
    ) -> Result<Self> {
        let given: BTreeMap<u64, u32> = masks.into_iter().filter(|(_, mask)| *mask != 0).collect();
        if let Some(&index) = given.keys().find(|index| self.get(**index).is_none()) {
            return Err(Error::MaskOfAbsent { index });
        }
        let mut rare = self.rare.unwrap_or_default();
        rare.masks = given.into_iter().collect();
        self.rare = (*rare != Rare::default()).then_some(rare);
        Ok(self)
    }

    /// The filter mask of a chunk: bit `i` says that the writer skipped filter `i`.
    pub fn filter_mask(&self, index: u64) -> u32 {
        let masks = self.filter_masks();
        let row = masks.binary_search_by_key(&index, |(index, _)| *index);
        let mask = row.ok().and_then(|row| masks.get(row));
        mask.map_or(0, |(_, mask)| *mask)
    }

    /// Whether any chunk was stored without some of the filters.
    pub fn has_filter_masks(&self) -> bool {
        !self.filter_masks().is_empty()
    }

    /// The filter masks that are not zero, ascending by the number of the chunk.
    pub fn filter_masks(&self) -> &[(u64, u32)] {
        self.rare.as_ref().map_or(&[], |rare| &rare.masks)
    }

    /// The chunks with their numbers, ascending.
    pub fn iter(&self) -> ChunkTableIter<'_> {
        ChunkTableIter::new(self)
    }

    /// The table with other numbers for its locations.
    #[must_use]
    pub fn map_locations(self, change: impl FnMut(LocationId) -> LocationId) -> Self {
        Self {
            locations: self.locations.map(self.offsets.len(), change),
            ..self
        }
    }

    /// The table with only those inline chunks whose data is to be kept, and their filter masks.
    #[must_use]
    pub(crate) fn retain_inline(mut self, mut is_kept: impl FnMut(&Bytes) -> bool) -> Self {
        let before = self.inline.len();
        self.inline.retain(|(_, data)| is_kept(data));
        if self.inline.len() < before {
            self.inline.shrink_to_fit();
            let masks: Vec<_> = self.filter_masks().to_vec();
            let is_there = |(index, _): &(u64, u32)| self.get(*index).is_some();
            let masks: Vec<_> = masks.into_iter().filter(is_there).collect();
            if let Some(mut rare) = self.rare.take() {
                rare.masks = masks;
                self.rare = (*rare != Rare::default()).then_some(rare);
            }
        }
        self
    }

    /// Stored size of all chunks in bytes, inline ones included; of whole objects it is not known.
    pub fn stored_bytes(&self) -> u64 {
        let inline = self.inline.iter();
        inline.fold(self.lengths.sum(), |sum, (_, data)| {
            sum.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX))
        })
    }

    /// The memory the table takes on the heap, in bytes, inline chunks included; data that they
    /// share counts for each.
    pub fn heap_bytes(&self) -> usize {
        let columns = [
            column_bytes(&self.grid),
            self.numbers.heap_bytes(),
            column_bytes(&self.offsets),
            self.lengths.heap_bytes(),
            self.locations.heap_bytes(),
            column_bytes(&self.inline),
            self.rare.as_ref().map_or(0, |rare| {
                size_of::<Rare>()
                    .saturating_add(column_bytes(&rare.masks))
                    .saturating_add(rare.whole.as_ref().map_or(0, Numbers::heap_bytes))
            }),
        ];
        let inline = self.inline.iter().map(|(_, data)| data.len());
        columns
            .into_iter()
            .chain(inline)
            .fold(0, usize::saturating_add)
    }

    fn whole(&self) -> Option<&Numbers> {
        self.rare.as_ref()?.whole.as_ref()
    }

    fn range(&self, row: usize, index: u64) -> Option<ChunkRef<'_>> {
        let location = self.locations.get(row)?;
        if self.whole().is_some_and(|whole| whole.contains(index)) {
            return Some(ChunkRef::Whole { location });
        }
        Some(ChunkRef::Range {
            location,
            offset: *self.offsets.get(row)?,
            length: self.lengths.get(row)?,
        })
    }
}

impl<'a> IntoIterator for &'a ChunkTable {
    type Item = (u64, ChunkRef<'a>);
    type IntoIter = ChunkTableIter<'a>;

    fn into_iter(self) -> ChunkTableIter<'a> {
        self.iter()
    }
}
