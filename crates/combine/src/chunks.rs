//! Tables of chunks, appended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

use bytes::Bytes;
use chunkref_manifest::{
    Array, ChunkRef, ChunkTable, ChunkTableBuilder, Codec, Layout, LocationId, cell_count,
    chunk_grid,
};

use crate::locations::Merged;
use crate::words::{self, by};

/// The most chunks that a formula is written out to; a hostile one could stand for any number.
const MAX_FORMULA_CHUNKS: u64 = 1 << 24;

/// One granule's part of an array that is joined; its length along the axis is not zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// The granule's place among the granules.
    pub(crate) granule: usize,
    /// Its array.
    pub(crate) array: &'a Array,
    /// Its length along the joined axis in elements.
    pub(crate) length: u64,
}

/// Why parts can't be joined: the granule's place and the reason.
pub(crate) type Refused = (usize, String);

/// Appends the chunks of `parts` along `axis`; `shape` is that of the whole.
pub(crate) fn append(
    parts: &[Part<'_>],
    axis: usize,
    shape: &[u64],
    merged: &Merged,
) -> Result<Layout, Vec<Refused>> {
    let stored = |part: &&Part<'_>| !matches!(part.array.layout, Layout::Absent { .. });
    let Some(like) = parts.iter().find(stored).or_else(|| parts.first()) else {
        return Err(Vec::new());
    };
    let Some((chunk_shape, codecs)) = encoding(like.array) else {
        return Err(vec![(
            like.granule,
            "its values are not in chunks".to_owned(),
        )]);
    };
    if parts.iter().find(stored).is_none() {
        return Ok(like.array.layout.clone());
    }
    check(parts, axis, chunk_shape, codecs)?;
    let fill_chunk = fill_chunk(parts, chunk_shape, codecs)?;
    let too_many = || {
        vec![(
            like.granule,
            format!("shape {} has more chunks than can be counted", by(shape)),
        )]
    };
    let grid = chunk_grid(shape, chunk_shape).ok_or_else(too_many)?;
    cell_count(&grid).ok_or_else(too_many)?;
    Ok(Layout::Chunked {
        chunk_shape: chunk_shape.to_vec(),
        codecs: codecs.to_vec(),
        chunks: interleave(parts, axis, &grid, chunk_shape, merged)?,
        fill_chunk,
    })
}

/// Chunk shape and codecs; `None` where values are inline.
fn encoding(array: &Array) -> Option<(&[u64], &[Codec])> {
    match &array.layout {
        Layout::Chunked {
            chunk_shape,
            codecs,
            ..
        } => Some((chunk_shape, codecs)),
        Layout::Contiguous { chunk_shape, .. } | Layout::Absent { chunk_shape, .. } => {
            Some((chunk_shape, &[]))
        }
        _ => None,
    }
}

/// Whether every part can be chunks of this shape, encoded so.
fn check(
    parts: &[Part<'_>],
    axis: usize,
    chunk_shape: &[u64],
    codecs: &[Codec],
) -> Result<(), Vec<Refused>> {
    let mut refused = Vec::new();
    let chunk = chunk_shape.get(axis).copied().unwrap_or(0);
    for (number, part) in parts.iter().enumerate() {
        let mut refuse = |reason: String| refused.push((part.granule, reason));
        if let Layout::Chunked { chunks, .. } = &part.array.layout
            && chunks.has_filter_masks()
        {
            refuse("its chunks differ in their filter masks".to_owned());
            continue;
        }
        match encoding(part.array) {
            None => refuse("its values are inline, others' are in chunks".to_owned()),
            Some(_) if matches!(part.array.layout, Layout::Absent { .. }) => {}
            Some((found, _)) if found != chunk_shape => {
                refuse(format!(
                    "chunks of {}, expected {}",
                    by(found),
                    by(chunk_shape)
                ));
            }
            Some((_, found)) if !Codec::are_undone_alike(found, codecs) => {
                refuse(words::other_filters(found, codecs));
            }
            Some(_) => {}
        }
        let last = number.checked_add(1) == Some(parts.len());
        if !last && part.length.checked_rem(chunk) != Some(0) {
            refuse(format!(
                "{} elements along the dimension are no multiple of the chunk length {chunk}, and \
                 another granule follows",
                part.length
            ));
        }
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(refused)
    }
}

/// A chunk full of the fill value, if any granule needs one, encoded as the codecs say.
fn fill_chunk(
    parts: &[Part<'_>],
    chunk_shape: &[u64],
    codecs: &[Codec],
) -> Result<Option<Bytes>, Vec<Refused>> {
    let encoded = parts.iter().find_map(|part| match &part.array.layout {
        Layout::Chunked { fill_chunk, .. } => fill_chunk.clone(),
        _ => None,
    });
    if encoded.is_some() {
        return Ok(encoded);
    }
    let absent = parts.iter().find_map(|part| match &part.array.layout {
        Layout::Absent {
            chunk_shape,
            fill_chunk: Some(plain),
        } => Some((part.granule, chunk_shape, plain)),
        _ => None,
    });
    let Some((granule, shape, plain)) = absent else {
        return Ok(None);
    };
    let refuse = |reason: String| vec![(granule, reason)];
    if shape != chunk_shape {
        return Err(refuse(format!(
            "has no values, and chunks of {}, expected {}",
            by(shape),
            by(chunk_shape)
        )));
    }
    if codecs.is_empty() {
        return Ok(Some(plain.clone()));
    }
    let pipeline = chunkref_store::pipeline(codecs).ok_or_else(|| {
        let filters = words::filters(codecs);
        refuse(format!(
            "has no values, and no chunk of fill values can be made with the filters {filters}"
        ))
    })?;
    let encoded = pipeline
        .encode(plain)
        .map_err(|error| refuse(format!("its fill chunk can't be encoded: {error}")))?;
    Ok(Some(encoded.into()))
}

/// The chunks of all parts in C order of the whole grid: the parts take turns at each place along
/// the axes before the joined one.
fn interleave(
    parts: &[Part<'_>],
    axis: usize,
    grid: &[u64],
    chunk_shape: &[u64],
    merged: &Merged,
) -> Result<ChunkTable, Vec<Refused>> {
    let mut table = ChunkTableBuilder::new(grid.to_vec());
    let mut columns = Vec::with_capacity(parts.len());
    let mut turns = BinaryHeap::with_capacity(parts.len());
    let mut first = 0_u64;
    for part in parts {
        let mut column = Column::new(*part, axis, grid, chunk_shape, first)
            .map_err(|reason| vec![(part.granule, reason)])?;
        first = first.saturating_add(column.own_chunks);
        if let Some(turn) = column.turn() {
            turns.push(Reverse((turn, columns.len())));
        }
        columns.push(column);
    }
    while let Some(Reverse((turn, number))) = turns.pop() {
        let Some(column) = columns.get_mut(number) else {
            continue;
        };
        while column.turn() == Some(turn) {
            column
                .push_next(&mut table, merged)
                .map_err(|reason| vec![(column.granule, reason)])?;
        }
        if let Some(turn) = column.turn() {
            turns.push(Reverse((turn, number)));
        }
    }
    Ok(table.finish())
}

type Chunks<'a> = Box<dyn Iterator<Item = (u64, ChunkRef<'a>)> + 'a>;

/// One part's chunks on their way into the whole table.
struct Column<'a> {
    granule: usize,
    chunks: Peekable<Chunks<'a>>,
    /// Chunks of this part along the joined axis.
    own_chunks: u64,
    /// Chunks of this part at one place along the axes before the joined one.
    own_run: u64,
    /// The same of the whole.
    whole_run: u64,
    /// Chunks of earlier parts in such a run.
    before: u64,
}

impl<'a> Column<'a> {
    fn new(
        part: Part<'a>,
        axis: usize,
        grid: &[u64],
        chunk_shape: &[u64],
        first: u64,
    ) -> Result<Self, String> {
        let uncounted = || {
            format!(
                "shape {} has more chunks than can be counted",
                by(&part.array.shape)
            )
        };
        let own_grid = chunk_grid(&part.array.shape, chunk_shape).ok_or_else(uncounted)?;
        let own_chunks = own_grid.get(axis).copied().ok_or_else(uncounted)?;
        let inner = axis
            .checked_add(1)
            .and_then(|next| cell_count(grid.get(next..)?))
            .ok_or_else(uncounted)?;
        let run = |chunks: u64| chunks.checked_mul(inner).ok_or_else(uncounted);
        Ok(Self {
            granule: part.granule,
            chunks: chunks(part.array, &own_grid)?.peekable(),
            own_chunks,
            own_run: run(own_chunks)?,
            whole_run: run(grid.get(axis).copied().ok_or_else(uncounted)?)?,
            before: run(first)?,
        })
    }

    /// The place of the next chunk along the axes before the joined one.
    fn turn(&mut self) -> Option<u64> {
        let (index, _) = self.chunks.peek()?;
        index.checked_div(self.own_run)
    }

    fn push_next(&mut self, table: &mut ChunkTableBuilder, merged: &Merged) -> Result<(), String> {
        let Some((index, chunk)) = self.chunks.next() else {
            return Ok(());
        };
        let number = self
            .whole_number(index)
            .ok_or_else(|| format!("chunk {index} lies outside the grid"))?;
        match chunk {
            ChunkRef::Range {
                location,
                offset,
                length,
            } => {
                let location = merged
                    .number(self.granule, location)
                    .ok_or_else(|| format!("chunk {index}: no location {}", location.0))?;
                table.push(number, location, offset, length)
            }
            ChunkRef::Whole { location } => {
                let location = merged
                    .number(self.granule, location)
                    .ok_or_else(|| format!("chunk {index}: no location {}", location.0))?;
                table.push_whole(number, location)
            }
            ChunkRef::Inline(data) => table.push_inline(number, data.clone()),
        }
        .map_err(|error| error.to_string())
    }

    /// The number in the whole grid of this part's chunk `index`.
    fn whole_number(&self, index: u64) -> Option<u64> {
        let turn = index.checked_div(self.own_run)?;
        let within = index.checked_rem(self.own_run)?;
        turn.checked_mul(self.whole_run)?
            .checked_add(self.before)?
            .checked_add(within)
    }
}

/// The chunks of an array with their numbers, ascending.
fn chunks<'a>(array: &'a Array, grid: &[u64]) -> Result<Chunks<'a>, String> {
    match &array.layout {
        Layout::Chunked { chunks, .. } if chunks.grid() != grid => Err(format!(
            "its chunk table has {} chunks, expected {}",
            by(chunks.grid()),
            by(grid)
        )),
        Layout::Chunked { chunks, .. } => Ok(Box::new(chunks.iter())),
        Layout::Contiguous {
            location,
            offset,
            length,
            ..
        } => runs(*location, *offset, *length, grid),
        _ => Ok(Box::new(std::iter::empty())),
    }
}

/// A contiguous run as chunks of equal size.
fn runs<'a>(
    location: LocationId,
    offset: u64,
    length: u64,
    grid: &[u64],
) -> Result<Chunks<'a>, String> {
    let cells = cell_count(grid)
        .filter(|cells| *cells <= MAX_FORMULA_CHUNKS)
        .ok_or_else(|| {
            format!(
                "a contiguous run in {} chunks, which are more than {MAX_FORMULA_CHUNKS}",
                by(grid)
            )
        })?;
    let size = length.checked_div(cells).unwrap_or(0);
    if size.checked_mul(cells) != Some(length) || offset.checked_add(length).is_none() {
        return Err(format!(
            "{length} bytes at {offset} are no {cells} chunks of equal size"
        ));
    }
    Ok(Box::new((0..cells).map(move |index| {
        let start = offset.saturating_add(index.saturating_mul(size));
        let chunk = ChunkRef::Range {
            location,
            offset: start,
            length: size,
        };
        (index, chunk)
    })))
}
