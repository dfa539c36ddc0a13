//! Which file of a Parquet set has which chunk, and the rows of one file.

use std::collections::HashMap;

use bytes::Bytes;

use super::file::Columns;
use super::rows;
use crate::chunk_grid::cell_count;
use crate::chunk_table::{ChunkRef, ChunkTable, ChunkTableBuilder};
use crate::error::Result;
use crate::kerchunk::read::document::malformed;
use crate::kerchunk::read::gathered::{Draft, Gathered};
use crate::kerchunk::read::rows as table_rows;
use crate::location::Locations;

/// Which file of a set has which chunk: for readers that fetch a file when a chunk in it is asked
/// for.
#[derive(Clone, Debug)]
pub struct SetIndex {
    record_size: u64,
    arrays: Vec<IndexedArray>,
    by_path: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct IndexedArray {
    path: String,
    cells: u64,
}

/// The rows of one file.
#[derive(Clone, Debug)]
pub struct RecordRows {
    /// By the number of the row.
    table: ChunkTable,
    locations: Locations,
}

impl SetIndex {
    pub(super) fn new(drafts: &[Draft], record_size: u64) -> Self {
        let arrays: Vec<_> = drafts
            .iter()
            .map(|draft| IndexedArray {
                path: draft.path.clone(),
                cells: cell_count(&draft.grid).unwrap_or(0),
            })
            .collect();
        let paths = arrays.iter().enumerate();
        let by_path = paths
            .map(|(number, array)| (array.path.clone(), number))
            .collect();
        Self {
            record_size,
            arrays,
            by_path,
        }
    }

    /// The number of the array at a path from the root.
    pub fn array(&self, path: &str) -> Option<usize> {
        self.by_path.get(path.trim_matches('/')).copied()
    }

    /// The number of the file that has a chunk, given by its number in C order, and the row in it;
    /// `None` outside of the array.
    pub fn row(&self, array: usize, chunk: u64) -> Option<(u64, u64)> {
        let cells = self.arrays.get(array)?.cells;
        let number = chunk.checked_div(self.record_size)?;
        let row = chunk.checked_rem(self.record_size)?;
        (chunk < cells).then_some((number, row))
    }

    /// The number of the first chunk that a file has.
    pub fn first_chunk(&self, number: u64) -> u64 {
        number.saturating_mul(self.record_size)
    }

    /// The relative path, with `/` between its parts, of a file of an array. One that is not there
    /// holds no chunk.
    pub fn path(&self, array: usize, number: u64) -> Option<String> {
        let array = self.arrays.get(array)?;
        Some(format!("{}/refs.{number}.parq", array.path))
    }

    /// The rows of a file; its bounds of memory are those of [`ParquetSet::supply`].
    ///
    /// # Errors
    /// When it is malformed; the error names it.
    ///
    /// [`ParquetSet::supply`]: super::ParquetSet::supply
    pub fn rows(&self, array: usize, number: u64, file: &Bytes) -> Result<RecordRows> {
        let path = self.path(array, number).unwrap_or_default();
        let at = |reason: String| malformed(&path, reason);
        let cells = self.arrays.get(array).map_or(0, |array| array.cells);
        let first = self.first_chunk(number);
        let wanted = cells.saturating_sub(first).min(self.record_size);
        let columns = Columns::read(file, self.record_size).map_err(at)?;
        if columns.rows < wanted {
            let found = columns.rows;
            return Err(at(format!(
                "{found} rows, expected {wanted} for its chunks"
            )));
        }
        let mut table = ChunkTableBuilder::new(vec![wanted]);
        let mut gathered = Gathered::default();
        rows::each(
            &path,
            &columns,
            wanted,
            |url| gathered.location(&path, url),
            |row, place| table_rows::push(&mut table, row, place),
        )?;
        Ok(RecordRows {
            table: table.finish(),
            locations: gathered.locations,
        })
    }
}

impl RecordRows {
    /// Those of a file that is not there: every chunk is absent.
    pub fn absent() -> Self {
        Self {
            table: ChunkTableBuilder::new(vec![0]).finish(),
            locations: Locations::default(),
        }
    }

    /// Where the chunk in a row lies; `None` if it is absent.
    pub fn get(&self, row: u64) -> Option<ChunkRef<'_>> {
        self.table.get(row)
    }

    /// The chunks that are not absent, by their rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, ChunkRef<'_>)> {
        self.table.iter()
    }

    /// What its chunks refer to, as the set writes it.
    pub fn locations(&self) -> &Locations {
        &self.locations
    }

    /// The memory that the rows take, in bytes, without the locations.
    pub fn heap_bytes(&self) -> usize {
        self.table.heap_bytes()
    }
}
