//! The chunks of an array in whatever order a set has them.

use bytes::Bytes;

use crate::chunk_table::{ChunkRef, ChunkTable, ChunkTableBuilder};
use crate::error::{Error, Result};
use crate::location::LocationId;

/// Where a chunk lies.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Range {
        location: LocationId,
        offset: u64,
        length: u64,
    },
    Whole(LocationId),
    Inline(Bytes),
}

/// Chunks that come in C order go straight into the table; others wait until the end.
#[derive(Debug)]
pub(super) struct Rows {
    table: ChunkTableBuilder,
    grid: Vec<u64>,
    /// The number of the last chunk in the table.
    last: Option<u64>,
    late: Vec<(u64, Place)>,
}

/// A chunk is given twice.
#[derive(Debug)]
pub(super) struct Twice(pub(super) u64);

impl Rows {
    pub(super) fn new(grid: Vec<u64>) -> Self {
        Self {
            table: ChunkTableBuilder::new(grid.clone()),
            grid,
            last: None,
            late: Vec::new(),
        }
    }

    /// Adds a chunk, which lies inside the grid.
    pub(super) fn push(&mut self, index: u64, place: Place) -> Result<()> {
        if self.last.is_some_and(|last| index <= last) {
            self.late.push((index, place));
            return Ok(());
        }
        push(&mut self.table, index, place)?;
        self.last = Some(index);
        Ok(())
    }

    /// The table.
    ///
    /// # Errors
    /// The number of a chunk that is given twice.
    pub(super) fn finish(mut self) -> Result<ChunkTable, Twice> {
        let table = self.table.finish();
        if self.late.is_empty() {
            return Ok(table);
        }
        self.late.sort_by_key(|(index, _)| *index);
        let mut merged = ChunkTableBuilder::new(self.grid);
        let mut late = self.late.into_iter().peekable();
        let mut add = |index, place| push(&mut merged, index, place).map_err(|_| Twice(index));
        for (index, chunk) in &table {
            while let Some((index, place)) = late.next_if(|(late, _)| *late <= index) {
                add(index, place)?;
            }
            add(index, place(chunk))?;
        }
        for (index, place) in late {
            add(index, place)?;
        }
        Ok(merged.finish())
    }
}

fn push(table: &mut ChunkTableBuilder, index: u64, place: Place) -> Result<(), Error> {
    match place {
        Place::Range {
            location,
            offset,
            length,
        } => table.push(index, location, offset, length),
        Place::Whole(location) => table.push_whole(index, location),
        Place::Inline(data) => table.push_inline(index, data),
    }
}

fn place(chunk: ChunkRef<'_>) -> Place {
    match chunk {
        ChunkRef::Range {
            location,
            offset,
            length,
        } => Place::Range {
            location,
            offset,
            length,
        },
        ChunkRef::Whole { location } => Place::Whole(location),
        ChunkRef::Inline(data) => Place::Inline(data.clone()),
    }
}
