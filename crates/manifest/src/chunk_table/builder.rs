//! Tables of chunks, built one chunk after the other.

use bytes::Bytes;

use super::columns::{Lengths, LocationBuilder};
use super::numbers::Numbers;
use super::{ChunkRef, ChunkTable, Rare};
use crate::chunk_grid::cell_count;
use crate::error::{Error, Result};
use crate::location::LocationId;

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
    locations: LocationBuilder,
    inline: Vec<(u64, Bytes)>,
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
            locations: LocationBuilder::default(),
            inline: Vec::new(),
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
        self.locations.push(location);
        Ok(())
    }

    /// Adds a chunk whose bytes, encoded as the array's codecs say, are kept in the table.
    ///
    /// # Errors
    /// As for [`Self::push`].
    pub fn push_inline(&mut self, index: u64, data: Bytes) -> Result<()> {
        self.advance(index)?;
        self.inline.push((index, data));
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

    /// Adds a chunk, wherever it lies.
    ///
    /// # Errors
    /// As for [`Self::push`].
    pub fn push_chunk(&mut self, index: u64, chunk: ChunkRef<'_>) -> Result<()> {
        match chunk {
            ChunkRef::Range {
                location,
                offset,
                length,
            } => self.push(index, location, offset, length),
            ChunkRef::Whole { location } => self.push_whole(index, location),
            ChunkRef::Inline(data) => self.push_inline(index, data.clone()),
        }
    }

    /// The table, without room for more.
    pub fn finish(self) -> ChunkTable {
        // A grid too large to count accepted no chunk, and has more cells than any table holds.
        let cells = self.cells.unwrap_or(u64::MAX);
        let Self {
            mut grid,
            mut offsets,
            mut lengths,
            mut inline,
            ..
        } = self;
        grid.shrink_to_fit();
        offsets.shrink_to_fit();
        lengths.shrink();
        inline.shrink_to_fit();
        let rows = offsets.len();
        let numbers = match self.indices {
            None if u64::try_from(rows) == Ok(cells) => Numbers::All(cells),
            indices => Numbers::new(indices.unwrap_or_else(|| first_numbers(rows)), cells),
        };
        let rare = (!self.whole.is_empty()).then(|| {
            Box::new(Rare {
                masks: Vec::new(),
                whole: Some(Numbers::new(self.whole, cells)),
            })
        });
        ChunkTable {
            grid,
            cells,
            numbers,
            offsets,
            lengths,
            locations: self.locations.finish(),
            inline,
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
