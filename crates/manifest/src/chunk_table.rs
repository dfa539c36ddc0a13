//! The columnar table of an array's chunks.

mod columns;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::chunk_grid::cell_count;
use crate::error::{Error, Result};
use crate::location::LocationId;
use columns::{Lengths, LocationColumn, column_bytes};

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

/// Where the chunks of an array lie: columns, 12 bytes a chunk with one location, 16 with several.
///
/// A chunk's number is its place in the grid in C order. A table that holds every chunk of the
/// grid in objects is *dense* and has no column of numbers; otherwise it is *sparse* and has one,
/// ascending. Lengths take 4 bytes until one needs more. Inline chunks are kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkTable {
    grid: Vec<u64>,
    /// Product of `grid`.
    cells: u64,
    /// Numbers of the chunks; `None` when dense.
    indices: Option<Vec<u64>>,
    offsets: Vec<u64>,
    lengths: Lengths,
    locations: LocationColumn,
    inline: BTreeMap<u64, Bytes>,
    /// `None` where there is nothing of it, so that equal tables compare equal.
    rare: Option<Box<Rare>>,
}

/// What few tables have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rare {
    /// Filter masks that are not zero, ascending by the number of the chunk.
    masks: Vec<(u64, u32)>,
    /// Numbers of the chunks that are whole objects, ascending; their rows hold no range.
    whole: Vec<u64>,
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
        // Ascending, distinct, inside the grid and as many as it has cells: all of them.
        let dense = u64::try_from(indices.len()) == Ok(cells);
        // As the builder has it, so that equal tables compare equal.
        let location = if offsets.is_empty() {
            LocationId(0)
        } else {
            location
        };
        Ok(Self {
            grid,
            cells,
            indices: (!dense).then_some(indices),
            offsets,
            lengths: Lengths::new(lengths),
            locations: LocationColumn::One(location),
            inline: BTreeMap::new(),
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
        let row = match &self.indices {
            None => usize::try_from(index).ok(),
            Some(indices) => indices.binary_search(&index).ok(),
        };
        row.and_then(|row| self.range(row, index))
            .or_else(|| self.inline.get(&index).map(ChunkRef::Inline))
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
        let masks = self.masks();
        let row = masks.binary_search_by_key(&index, |(index, _)| *index);
        let mask = row.ok().and_then(|row| masks.get(row));
        mask.map_or(0, |(_, mask)| *mask)
    }

    /// Whether any chunk was stored without some of the filters.
    pub fn has_filter_masks(&self) -> bool {
        !self.masks().is_empty()
    }

    fn masks(&self) -> &[(u64, u32)] {
        self.rare.as_ref().map_or(&[], |rare| &rare.masks)
    }

    /// The chunks with their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, ChunkRef<'_>)> {
        let mut ranges = (0..self.offsets.len())
            .filter_map(|row| {
                let index = self.index_of(row)?;
                Some((index, self.range(row, index)?))
            })
            .peekable();
        let mut inline = self
            .inline
            .iter()
            .map(|(index, data)| (*index, ChunkRef::Inline(data)))
            .peekable();
        std::iter::from_fn(move || match (ranges.peek(), inline.peek()) {
            (Some((range, _)), Some((index, _))) if index < range => inline.next(),
            (None, _) => inline.next(),
            _ => ranges.next(),
        })
    }

    /// Stored size of all chunks in bytes, inline ones included; of whole objects it is not known.
    pub fn stored_bytes(&self) -> u64 {
        self.inline.values().fold(self.lengths.sum(), |sum, data| {
            sum.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX))
        })
    }

    /// The memory the table takes on the heap, in bytes, inline chunks included.
    pub fn heap_bytes(&self) -> usize {
        let columns = [
            column_bytes(&self.grid),
            self.indices.as_ref().map_or(0, column_bytes),
            column_bytes(&self.offsets),
            self.lengths.heap_bytes(),
            self.rare.as_ref().map_or(0, |rare| {
                size_of::<Rare>()
                    .saturating_add(column_bytes(&rare.masks))
                    .saturating_add(column_bytes(&rare.whole))
            }),
            match &self.locations {
                LocationColumn::One(_) => 0,
                LocationColumn::Many(many) => column_bytes(many),
            },
        ];
        let inline = self.inline.values().map(|data| {
            data.len()
                .saturating_add(size_of::<u64>())
                .saturating_add(size_of::<Bytes>())
        });
        columns
            .into_iter()
            .chain(inline)
            .fold(0, usize::saturating_add)
    }

    fn index_of(&self, row: usize) -> Option<u64> {
        match &self.indices {
            None => u64::try_from(row).ok(),
            Some(indices) => indices.get(row).copied(),
        }
    }

    fn range(&self, row: usize, index: u64) -> Option<ChunkRef<'_>> {
        let location = self.locations.get(row)?;
        let whole = self.rare.as_ref().map(|rare| &rare.whole);
        if whole.is_some_and(|whole| whole.binary_search(&index).is_ok()) {
            return Some(ChunkRef::Whole { location });
        }
        Some(ChunkRef::Range {
            location,
            offset: *self.offsets.get(row)?,
            length: self.lengths.get(row)?,
        })
    }
}

/// Builds a [`ChunkTable`] from chunks given in ascending order.
#[derive(Clone, Debug)]
pub struct ChunkTableBuilder {
    grid: Vec<u64>,
    /// `None` when there are more than a number counts.
    cells: Option<u64>,
    /// The number of the last chunk pushed.
    last: Option<u64>,
    /// `None` while the chunks in objects are 0, 1, 2, ...
    indices: Option<Vec<u64>>,
    offsets: Vec<u64>,
    lengths: Lengths,
    locations: LocationColumn,
    inline: BTreeMap<u64, Bytes>,
    whole: Vec<u64>,
}

impl ChunkTableBuilder {
    /// An empty table for a grid with these numbers of chunks along its axes.
    pub fn new(grid: Vec<u64>) -> Self {
        Self {
            cells: cell_count(&grid),
            grid,
            last: None,
            indices: None,
            offsets: Vec::new(),
            lengths: Lengths::Narrow(Vec::new()),
            locations: LocationColumn::One(LocationId(0)),
            inline: BTreeMap::new(),
            whole: Vec::new(),
        }
    }

    /// Adds a chunk that lies in an object: first byte and stored size in bytes.
    ///
    /// # Errors
    /// When the number is not above the last one or is outside the grid, or the grid has more than
    /// 2^64 - 1 cells.
    pub fn push(
        &mut self,
        index: u64,
        location: LocationId,
        offset: u64,
        length: u64,
    ) -> Result<()> {
        self.advance(index)?;
        let row = self.offsets.len();
        if self.indices.is_none() && u64::try_from(row) != Ok(index) {
            self.indices = Some(first_numbers(row));
        }
        if let Some(indices) = &mut self.indices {
            indices.push(index);
        }
        self.offsets.push(offset);
        self.lengths.push(length);
        self.locations.push(row, location);
        Ok(())
    }

    /// Adds a chunk whose bytes, encoded as the array's codecs say, are kept in the table.
    ///
    /// # Errors
    /// As for [`Self::push`].
    pub fn push_inline(&mut self, index: u64, data: Bytes) -> Result<()> {
        self.advance(index)?;
        self.inline.insert(index, data);
        Ok(())
    }

    /// Adds a chunk that is all of an object.
    ///
    /// # Errors
    /// As for [`Self::push`].
    pub fn push_whole(&mut self, index: u64, location: LocationId) -> Result<()> {
        self.push(index, location, 0, 0)?;
        self.whole.push(index);
        Ok(())
    }

    /// The table.
    pub fn finish(self) -> ChunkTable {
        // A grid too large to count accepted no chunk, and has more cells than any table holds.
        let cells = self.cells.unwrap_or(u64::MAX);
        let rows = self.offsets.len();
        let indices = match self.indices {
            None if u64::try_from(rows) != Ok(cells) => Some(first_numbers(rows)),
            indices => indices,
        };
        let rare = (!self.whole.is_empty()).then(|| {
            Box::new(Rare {
                masks: Vec::new(),
                whole: self.whole,
            })
        });
        ChunkTable {
            grid: self.grid,
            cells,
            indices,
            offsets: self.offsets,
            lengths: self.lengths,
            locations: self.locations,
            inline: self.inline,
            rare,
        }
    }

    fn advance(&mut self, index: u64) -> Result<()> {
        let Some(cells) = self.cells else {
            return Err(Error::GridTooLarge {
                grid: self.grid.clone(),
            });
        };
        if let Some(previous) = self.last.filter(|last| index <= *last) {
            return Err(Error::ChunkOrder { index, previous });
        }
        if index >= cells {
            return Err(Error::ChunkOutside {
                index,
                grid: self.grid.clone(),
                cells,
            });
        }
        self.last = Some(index);
        Ok(())
    }
}

/// 0, 1, 2, ...
fn first_numbers(count: usize) -> Vec<u64> {
    (0_u64..).take(count).collect()
}
