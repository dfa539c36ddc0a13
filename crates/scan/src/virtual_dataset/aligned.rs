//! Virtual datasets whose mappings follow the chunks of their sources: chunks in several files.

use std::collections::BTreeMap;

use bytes::Bytes;
use chunkref_manifest::{
    Array, ChunkRef, ChunkTable, ChunkTableBuilder, Codec, Layout, Loop, Mapping, cell_count,
    chunk_coordinates, chunk_grid, chunk_index,
};

use super::pairing::divisor;
use crate::contiguous::split;

/// Most boxes that mappings are taken apart into.
const MAX_BOXES: usize = 1 << 16;
/// Most chunks.
const MAX_CHUNKS: u64 = 1 << 22;
/// Plain bytes are not cut into more chunks than this,
const MAX_PLAIN: u64 = 1 << 20;
/// nor into more than this of less than [`LEAST`] bytes (or twice as many as there are sources).
const MAX_SMALL: u64 = 1 << 8;
const LEAST: u64 = 4 << 10;

/// The chunks of a virtual dataset.
#[derive(Debug)]
pub(crate) struct Aligned {
    pub(crate) chunk_shape: Vec<u64>,
    pub(crate) codecs: Vec<Codec>,
    pub(crate) chunks: ChunkTable,
}

/// The chunks of `array`, if each is a chunk of a source or nothing; chunks that are cut out of
/// plain bytes have at most about `most` bytes.
pub(crate) fn aligned(
    array: &Array,
    sources: &[Array],
    mappings: &[Mapping],
    most: u64,
) -> Option<Aligned> {
    let mut boxes = Vec::new();
    for mapping in mappings {
        take_apart(mapping, &mut boxes)?;
    }
    let used = || boxes.iter().map(|one| sources.get(one.source));
    if used().any(|source| source.is_none_or(|source| source.data_type != array.data_type)) {
        return None;
    }
    let chunked = used().flatten().zip(&boxes).find_map(|(source, one)| {
        let Layout::Chunked { chunk_shape, .. } = &source.layout else {
            return None;
        };
        Some((one, source.codecs(), chunk_shape))
    });
    let (chunk_shape, codecs) = match chunked {
        Some((one, codecs, chunk_shape)) => (one.chunk_shape(array, chunk_shape)?, codecs),
        None => (plain_chunk_shape(array, sources, &boxes, most)?, &[][..]),
    };
    let grid = chunk_grid(&array.shape, &chunk_shape)?;
    cell_count(&grid)?;
    let mut chunks = BTreeMap::new();
    for one in &boxes {
        let source = sources.get(one.source)?;
        let cells = one.cells(array, &chunk_shape)?;
        let count = cell_count(&cells.iter().map(|cells| cells.1).collect::<Vec<_>>())?;
        let total = u64::try_from(chunks.len()).ok()?.checked_add(count)?;
        if total > MAX_CHUNKS {
            return None;
        }
        one.chunks(
            source,
            (array, &chunk_shape, codecs),
            &cells,
            &grid,
            &mut chunks,
        )?;
    }
    let mut table = ChunkTableBuilder::new(grid);
    for (index, chunk) in chunks {
        match chunk {
            Lies::There(ChunkRef::Range {
                location,
                offset,
                length,
            }) => table.push(index, location, offset, length).ok()?,
            Lies::There(ChunkRef::Inline(data)) => table.push_inline(index, data.clone()).ok()?,
            // A scan knows the length of every chunk.
            Lies::There(ChunkRef::Whole { .. }) => return None,
            Lies::Here(data) => table.push_inline(index, data).ok()?,
            Lies::Nowhere => {}
        }
    }
    Some(Aligned {
        chunk_shape,
        codecs: codecs.to_vec(),
        chunks: table.finish(),
    })
}

/// Where a chunk lies.
enum Lies<'a> {
    /// It is absent.
    Nowhere,
    There(ChunkRef<'a>),
    Here(Bytes),
}

/// Elements of a source that lie side by side along all axes, as they do in the virtual dataset.
#[derive(Clone, Debug)]
struct Block {
    source: usize,
    start: Vec<u64>,
    source_start: Vec<u64>,
    /// Lengths along the axes of the virtual dataset.
    lengths: Vec<u64>,
    /// The axis of the source that belongs to each of them, where there is one.
    axes: Vec<Option<usize>>,
}

/// A mapping as boxes; `None` where there are too many.
fn take_apart(mapping: &Mapping, boxes: &mut Vec<Block>) -> Option<()> {
    let loops = &mapping.loops;
    let is_simple = |number: usize, one: &Loop| {
        let alone = loops.iter().enumerate().all(|(other, another)| {
            other == number
                || another.array.axis != one.array.axis && another.source.axis != one.source.axis
        });
        alone && one.array.length == 1 && one.source.length == 1
    };
    let odd = (loops.iter().enumerate()).find(|(number, one)| !is_simple(*number, one));
    let Some((number, one)) = odd else {
        boxes.push(Block::new(mapping)?);
        return (boxes.len() <= MAX_BOXES).then_some(());
    };
    for turn in 0..one.length {
        let mut part = mapping.clone();
        part.loops.remove(number);
        for (starts, step) in [
            (&mut part.start, one.array),
            (&mut part.source_start, one.source),
        ] {
            let place = starts.get_mut(step.axis)?;
            *place = place.checked_add(turn.checked_mul(step.length)?)?;
        }
        take_apart(&part, boxes)?;
    }
    Some(())
}

impl Block {
    /// `None` where the axes of both sides follow one another in another order.
    fn new(mapping: &Mapping) -> Option<Self> {
        let rank = mapping.start.len();
        let mut lengths = vec![1; rank];
        let mut axes = vec![None; rank];
        let mut last = None;
        for one in &mapping.loops {
            let pair = (one.array.axis, one.source.axis);
            if last.is_some_and(|(array, source)| array >= pair.0 || source >= pair.1) {
                return None;
            }
            last = Some(pair);
            *lengths.get_mut(pair.0)? = one.length;
            *axes.get_mut(pair.0)? = Some(pair.1);
        }
        if rank == mapping.source_start.len() {
            // Axes of one element belong together as well, unless another belongs to theirs.
            for (number, axis) in axes.iter_mut().enumerate() {
                axis.get_or_insert(number);
            }
            if axes
                .iter()
                .enumerate()
                .any(|(number, axis)| *axis != Some(number))
            {
                return None;
            }
        }
        Some(Self {
            source: mapping.source,
            start: mapping.start.clone(),
            source_start: mapping.source_start.clone(),
            lengths,
            axes,
        })
    }

    /// The chunk shape of the source as one of the virtual dataset.
    fn chunk_shape(&self, array: &Array, source: &[u64]) -> Option<Vec<u64>> {
        let mut shape = vec![1; array.shape.len()];
        for (axis, &length) in source.iter().enumerate() {
            match self.axes.iter().position(|own| *own == Some(axis)) {
                Some(own) => *shape.get_mut(own)? = length,
                None if length == 1 => {}
                None => return None,
            }
        }
        Some(shape)
    }

    /// Along each axis the first cell and the number of cells, if they are whole.
    fn cells(&self, array: &Array, chunk_shape: &[u64]) -> Option<Vec<(u64, u64)>> {
        let axes = self.start.iter().zip(&self.lengths).zip(&array.shape);
        axes.zip(chunk_shape)
            .map(|(((&start, &length), &whole), &chunk)| {
                let end = start.checked_add(length)?;
                let fits = start.checked_rem(chunk)? == 0
                    && (end.checked_rem(chunk)? == 0 || end == whole);
                fits.then_some((start.checked_div(chunk)?, length.div_ceil(chunk)))
            })
            .collect()
    }

    /// Puts the chunks of the box where they belong.
    fn chunks<'a>(
        &self,
        source: &'a Array,
        (array, chunk_shape, codecs): (&Array, &[u64], &[Codec]),
        cells: &[(u64, u64)],
        grid: &[u64],
        chunks: &mut BTreeMap<u64, Lies<'a>>,
    ) -> Option<()> {
        let counts: Vec<u64> = cells.iter().map(|cells| cells.1).collect();
        for number in 0..cell_count(&counts)? {
            let cell = chunk_coordinates(number, &counts)?;
            let mut at = self.source_start.clone();
            for ((place, axis), length) in cell.iter().zip(&self.axes).zip(chunk_shape) {
                if let Some(axis) = axis {
                    let at = at.get_mut(*axis)?;
                    *at = at.checked_add(place.checked_mul(*length)?)?;
                }
            }
            let place: Option<Vec<u64>> = cell
                .iter()
                .zip(cells)
                .map(|(place, cells)| place.checked_add(cells.0))
                .collect();
            let index = chunk_index(&place?, grid)?;
            let found = match &source.layout {
                Layout::Chunked { .. } => self.chunk(source, (array, chunk_shape, codecs), &at)?,
                Layout::Absent { .. } => Lies::Nowhere,
                Layout::Contiguous { .. } | Layout::Inline { .. } if codecs.is_empty() => {
                    self.run(source, chunk_shape, &at)?
                }
                _ => return None,
            };
            match found {
                Lies::Nowhere if fill(source) == fill(array) => {
                    chunks.remove(&index);
                }
                Lies::Nowhere => return None,
                found => {
                    chunks.insert(index, found);
                }
            }
        }
        Some(())
    }

    /// The chunk of the source that begins at a place; `None` where there is none such.
    fn chunk<'a>(
        &self,
        source: &'a Array,
        (array, chunk_shape, codecs): (&Array, &[u64], &[Codec]),
        at: &[u64],
    ) -> Option<Lies<'a>> {
        let Layout::Chunked {
            chunk_shape: own,
            codecs: own_codecs,
            chunks,
            ..
        } = &source.layout
        else {
            return None;
        };
        let alike = own_codecs == codecs && self.chunk_shape(array, own)? == chunk_shape;
        if !alike || chunks.has_filter_masks() {
            return None;
        }
        let place: Option<Vec<u64>> = at
            .iter()
            .zip(own)
            .map(|(at, length)| (at.checked_rem(*length)? == 0).then(|| at.checked_div(*length))?)
            .collect();
        let index = chunk_index(&place?, chunks.grid())?;
        Some(chunks.get(index).map_or(Lies::Nowhere, Lies::There))
    }

    /// The run of plain bytes that begins at a place and is a whole chunk.
    fn run<'a>(&self, source: &'a Array, chunk_shape: &[u64], at: &[u64]) -> Option<Lies<'a>> {
        // An axis of the chunk that the source has not must be one element long.
        if self
            .axes
            .iter()
            .zip(chunk_shape)
            .any(|(axis, &length)| axis.is_none() && length != 1)
        {
            return None;
        }
        let mut size = u64::from(source.data_type.size()?);
        let (mut offset, mut stride) = (0_u64, size);
        let mut cut = false;
        for (axis, (&at, &whole)) in at.iter().zip(&source.shape).enumerate().rev() {
            let own = self.axes.iter().position(|own| *own == Some(axis));
            let length = own.map_or(Some(1), |own| chunk_shape.get(own).copied())?;
            if at.checked_add(length)? > whole || cut && length != 1 {
                return None;
            }
            cut |= length != whole;
            offset = offset.checked_add(at.checked_mul(stride)?)?;
            stride = stride.checked_mul(whole)?;
            size = size.checked_mul(length)?;
        }
        match &source.layout {
            Layout::Contiguous {
                location,
                offset: first,
                ..
            } => Some(Lies::There(ChunkRef::Range {
                location: *location,
                offset: first.checked_add(offset)?,
                length: size,
            })),
            Layout::Inline { data } => {
                let start = usize::try_from(offset).ok()?;
                let end = start.checked_add(usize::try_from(size).ok()?)?;
                Some(Lies::Here(Bytes::copy_from_slice(data.get(start..end)?)))
            }
            _ => None,
        }
    }
}

/// What absent chunks hold; `None` for zeros.
fn fill(array: &Array) -> Option<&[u8]> {
    let fill = array.fill_value.as_deref()?;
    fill.iter().any(|byte| *byte != 0).then_some(fill)
}

/// A chunk shape for sources of plain bytes: whole chunks, which are runs in every source.
fn plain_chunk_shape(
    array: &Array,
    sources: &[Array],
    boxes: &[Block],
    most: u64,
) -> Option<Vec<u64>> {
    let mut shape = vec![1; array.shape.len()];
    for (axis, length) in shape.iter_mut().enumerate().rev() {
        let mut common = *array.shape.get(axis)?;
        let mut whole = true;
        for one in boxes {
            common = divisor(
                divisor(common, *one.start.get(axis)?),
                *one.lengths.get(axis)?,
            );
        }
        for one in boxes {
            let own = match one.axes.get(axis)? {
                Some(axis) => *sources.get(one.source)?.shape.get(*axis)?,
                None => 1,
            };
            whole &= own == common;
        }
        *length = common;
        if !whole {
            break;
        }
    }
    let element = u64::from(array.data_type.size()?);
    let shape = split(&shape, element, most)?;
    let count = cell_count(&chunk_grid(&array.shape, &shape)?)?;
    let size = shape
        .iter()
        .try_fold(element, |size, &length| size.checked_mul(length))?;
    let few = u64::try_from(sources.len()).ok()?.saturating_mul(2);
    let few = count <= MAX_SMALL.max(few);
    (count <= MAX_PLAIN && (size >= LEAST || few)).then_some(shape)
}

#[cfg(test)]
#[path = "aligned_tests.rs"]
mod tests;
