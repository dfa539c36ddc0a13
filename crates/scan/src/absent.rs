//! Arrays of which chunks, or all, were never written.

use chunkref_filters::Filter;
use chunkref_manifest::{
    Array, ChunkRef, ChunkTable, ChunkTableBuilder, Layout, cell_count, chunk_grid,
};

use crate::contiguous::nominal;
use crate::data_type::Refusal;
use crate::dataset::{Mapped, Mapper, Named, element_size};
use crate::fill_value::{Absent, Fill, encoded_chunk, fill_chunk};
use crate::layout::Failure;
use crate::raw::Extent;
use crate::report::Outcome;

/// The least that a chunk is charged which is written out, in bytes: what keeping it takes.
const LEAST: u64 = 64;

impl Mapper<'_> {
    /// An array of which nothing is stored; `fill` is converted.
    pub(crate) fn absent(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        fill: &Fill,
    ) -> Result<Mapped, Failure> {
        if let Fill::Pattern(pattern) = fill
            && extent.bytes > 0
        {
            let layout = self.filled(&array, extent, pattern)?;
            let array = Array { layout, ..array };
            return Ok(Mapped::Ready(Box::new(array), Outcome::Referenced));
        }
        let element_size = element_size(&array, extent);
        let chunk_shape = nominal(&array.shape, element_size, self.options.split_size);
        let count = chunk_grid(&array.shape, &chunk_shape)
            .and_then(|grid| cell_count(&grid))
            .ok_or_else(|| format!("shape {:?}: over 2^64 chunks", array.shape))?;
        let absent = self.absence(count, chunk_bytes(&chunk_shape, element_size));
        let (object, dataset) = (named.object, named.dataset);
        let fill_chunk = fill_chunk(self.decoder, object, dataset, &array, fill, absent, &[])?;
        Ok(Mapped::Ready(
            Box::new(Array {
                layout: Layout::Absent {
                    chunk_shape,
                    fill_chunk,
                },
                ..array
            }),
            Outcome::Referenced,
        ))
    }

    pub(crate) fn absence(&self, count: u64, chunk_bytes: u64) -> Absent {
        Absent {
            // Nobody sees the absent chunks of a source.
            count: if self.is_source { 0 } else { count },
            chunk_bytes,
            limit: self.options.fill_limit,
        }
    }

    /// A layout in which every element of the dataset is `pattern`, an array of elements.
    pub(crate) fn filled(
        &self,
        array: &Array,
        extent: &Extent,
        pattern: &[u8],
    ) -> Result<Layout, Refusal> {
        let element_size = element_size(array, extent);
        let most = self.options.split_size;
        let whole = u64::try_from(pattern.len()).unwrap_or(u64::MAX);
        // No chunk ends within a pattern.
        let mut chunk_shape = nominal(&extent.shape, whole, most);
        chunk_shape.extend(array.shape.iter().skip(extent.shape.len()));
        let grid = chunk_grid(&array.shape, &chunk_shape)
            .ok_or_else(|| format!("shape {:?}: over 2^64 chunks", array.shape))?;
        let bytes = chunk_bytes(&chunk_shape, element_size);
        let chunks = ChunkTableBuilder::new(grid).finish();
        let limit = self.options.fill_limit;
        Ok(Layout::Chunked {
            chunk_shape,
            codecs: Vec::new(),
            chunks: written_out(&chunks, pattern, bytes, Some(&[]), limit)?,
            fill_chunk: None,
        })
    }
}

fn chunk_bytes(chunk_shape: &[u64], element_size: u64) -> u64 {
    chunk_shape
        .iter()
        .fold(element_size, |bytes, &axis| bytes.saturating_mul(axis))
}

/// The chunks, with one full of `pattern` in the place of each that is absent: encoded, or where
/// `pipeline` is `None` as one that was stored without any of the filters. `chunk_bytes` is the
/// size of a chunk before it is encoded.
///
/// # Errors
/// The reason, where that would take more than `limit` bytes.
pub(crate) fn written_out(
    chunks: &ChunkTable,
    pattern: &[u8],
    chunk_bytes: u64,
    pipeline: Option<&[Filter]>,
    limit: u64,
) -> Result<ChunkTable, Refusal> {
    let count = chunks.cells().saturating_sub(chunks.stored());
    if count == 0 {
        return Ok(chunks.clone());
    }
    if count.saturating_mul(LEAST) > limit {
        return Err(format!(
            "{count} absent chunks hold an array datatype's fill value, whose elements differ; \
             at most {} are written out",
            limit / LEAST
        ));
    }
    let absent = Absent {
        count,
        chunk_bytes,
        limit,
    };
    let filled = encoded_chunk(pattern, absent, pipeline.unwrap_or_default())?;
    let own_mask = if pipeline.is_some() { 0 } else { u32::MAX };
    let mut table = ChunkTableBuilder::new(chunks.grid().to_vec());
    let mut masks = Vec::new();
    let mut stored = chunks.iter().peekable();
    for index in 0..chunks.cells() {
        let chunk = stored.next_if(|(at, _)| *at == index);
        let mask = match chunk {
            Some(_) => chunks.filter_mask(index),
            None => own_mask,
        };
        if mask != 0 {
            masks.push((index, mask));
        }
        match chunk.map(|(_, chunk)| chunk) {
            Some(ChunkRef::Range {
                location,
                offset,
                length,
            }) => table.push(index, location, offset, length),
            Some(ChunkRef::Inline(data)) => table.push_inline(index, data.clone()),
            Some(ChunkRef::Whole { location }) => table.push_whole(index, location),
            None => table.push_inline(index, filled.clone()),
        }
        .map_err(|error| error.to_string())?;
    }
    let table = table.finish().with_filter_masks(masks);
    table.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use chunkref_manifest::LocationId;

    use super::*;

    fn sparse() -> ChunkTable {
        let location = LocationId(3);
        let (offsets, lengths) = (vec![100, 200], vec![6, 5]);
        let table = ChunkTable::from_columns(vec![2, 2], location, vec![1, 2], offsets, lengths);
        table.unwrap().with_filter_masks([(2, 1)]).unwrap()
    }

    #[test]
    fn absent_chunks_are_written_between_the_others() {
        let table = written_out(&sparse(), &[1, 2, 3], 6, None, 1 << 20).unwrap();
        assert!(table.is_complete());
        let filled = bytes::Bytes::from_static(&[1, 2, 3, 1, 2, 3]);
        assert_eq!(table.get(0), Some(ChunkRef::Inline(&filled)));
        assert_eq!(table.get(3), Some(ChunkRef::Inline(&filled)));
        assert_eq!(table.get(2), sparse().get(2));
        let masks: Vec<_> = (0..4).map(|index| table.filter_mask(index)).collect();
        assert_eq!(masks, [u32::MAX, 0, 1, u32::MAX]);
    }

    #[test]
    fn what_takes_too_much_is_refused() {
        let many = ChunkTableBuilder::new(vec![1 << 40]).finish();
        let reason = written_out(&many, &[1, 2], 2, None, 1 << 20).unwrap_err();
        assert!(reason.contains("at most 16384"), "{reason}");
        let reason = written_out(&sparse(), &[1, 2], 1 << 19, None, 1 << 19).unwrap_err();
        assert!(reason.contains("takes 1048576 bytes"), "{reason}");
    }
}
