//! Kerchunk reference sets.

mod json;
mod parquet;
mod read;

pub use json::write_json;
pub use parquet::{Blobs, DEFAULT_RECORD_SIZE, write_parquet};
pub use read::{
    BlobSource, JsonOptions, ParquetSet, ReadSet, Record, RefusedNode, SetReport, read_json,
    read_parquet,
};

use bytes::Bytes;

use crate::array::Array;
use crate::chunk_grid::cell_count;
use crate::chunk_table::ChunkRef;

/// The chunks that a reference set has for an array, ascending; absent ones are `fill` if given.
fn every_chunk<'a>(
    array: &'a Array,
    fill: Option<&'a Bytes>,
) -> Box<dyn Iterator<Item = (u64, ChunkRef<'a>)> + 'a> {
    let Some(fill) = fill else {
        return Box::new(array.chunks());
    };
    let grid = array.chunk_grid().unwrap_or_default();
    let cells = cell_count(&grid).unwrap_or(0);
    Box::new((0..cells).map(move |index| {
        let chunk = array.chunk(index).unwrap_or(ChunkRef::Inline(fill));
        (index, chunk)
    }))
}
