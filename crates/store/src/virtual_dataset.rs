//! Chunks of virtual datasets.

mod target;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_manifest::{Array, ChunkRef, Layout, Locations, Mapping, Side, chunk_index};

use crate::chunk::{Chunk, Stored, Undo, decoded_size, decoding, grid, stored};
use crate::conversion::Conversion;
use crate::error::{Error, Result};
use crate::put_together::run;
use crate::references::Referenced;
use crate::store::Store;
use target::Target;

/// Most bytes, stored and decoded, of the sources' chunks that are held at one time; one may be
/// more.
const BATCH_BYTES: u64 = 64 << 20;
/// Most parts of sources' chunks that are placed at one time.
const BATCH_PARTS: usize = 4096;
/// Sources that are not in chunks are read in cells of about so many bytes.
const CELL_BYTES: u64 = 4 << 20;

impl Store {
    /// The chunk of a virtual dataset at a place in its grid.
    pub(crate) async fn mapped(
        &self,
        key: &str,
        Referenced { array, locations }: Referenced<'_>,
        (sources, mappings): (&[Array], &[Mapping]),
        place: &[u64],
        size: usize,
    ) -> Result<Bytes> {
        let contradiction = |reason| Error::Manifest {
            key: key.to_owned(),
            reason,
        };
        let chunk_shape = array.chunk_shape();
        let mut target = Target::new(array, &chunk_shape, place, size)
            .ok_or_else(|| contradiction("its fill value or shape does not fit".to_owned()))?;
        let mut read = HashMap::new();
        let mut batch = Batch::default();
        for mapping in mappings {
            let parts = mapping.within(Side::Array, &target.area);
            if parts.is_empty() {
                continue;
            }
            let source = match (read.get(&mapping.source), sources.get(mapping.source)) {
                (Some(source), _) => Arc::clone(source),
                (None, Some(source)) => {
                    let source = Source::new(source, locations, array).map_err(contradiction)?;
                    let source = Arc::new(source);
                    read.insert(mapping.source, Arc::clone(&source));
                    source
                }
                (None, None) => {
                    return Err(contradiction(format!("no source {}", mapping.source)));
                }
            };
            for part in parts {
                let cells = part.cells(Side::Source, &source.cell_shape);
                for cell in Crossings::new(&cells) {
                    let area = source.area(&cell);
                    for part in part.within(Side::Source, &area) {
                        let number = (mapping.source, cell.clone());
                        batch.push(number, part, &source).map_err(contradiction)?;
                    }
                    if batch.is_full() {
                        let full = std::mem::take(&mut batch);
                        self.place(key, full, &mut target).await?;
                    }
                }
            }
        }
        self.place(key, batch, &mut target).await?;
        Ok(target.bytes.into())
    }

    /// Reads the cells of a batch and puts their parts where they belong, in their order.
    async fn place(&self, key: &str, batch: Batch<'_>, target: &mut Target) -> Result<()> {
        let keys = vec![key; batch.chunks.len()];
        let read = self.resolve(&keys, batch.chunks).await?;
        let mut converted: Vec<Option<Vec<u8>>> = vec![None; read.len()];
        for (number, cell, part, source) in &batch.parts {
            let read = read.get(*number).and_then(Option::as_deref);
            let bytes = match (read, source.conversion, converted.get_mut(*number)) {
                (Some(bytes), conversion, Some(once)) if conversion != Conversion::None => {
                    Some(&**once.get_or_insert_with(|| conversion.apply(bytes)))
                }
                (bytes, _, _) => bytes,
            };
            let put = target.put(part, (&source.fill, &source.cell_shape), cell, bytes);
            put.ok_or_else(|| Error::Short {
                key: key.to_owned(),
                found: bytes.map_or(0, <[u8]>::len),
                expected: source.cell_bytes,
            })?;
        }
        Ok(())
    }
}

/// Cells that are read together, and what of them goes where.
#[derive(Default)]
struct Batch<'a> {
    numbers: HashMap<(usize, Vec<u64>), usize>,
    chunks: Vec<Option<Chunk<'a>>>,
    /// The number of the cell here, its place in the source, the part, the source.
    parts: Vec<(usize, Vec<u64>, Mapping, Arc<Source<'a>>)>,
    bytes: u64,
}

impl<'a> Batch<'a> {
    fn push(
        &mut self,
        cell: (usize, Vec<u64>),
        part: Mapping,
        source: &Arc<Source<'a>>,
    ) -> Result<(), String> {
        let place = cell.1.clone();
        let number = if let Some(number) = self.numbers.get(&cell) {
            *number
        } else {
            let chunk = source.chunk(&place)?;
            if let Some(chunk) = &chunk {
                let stored = match &chunk.stored {
                    Stored::There { offset, end, .. } => end.saturating_sub(*offset),
                    Stored::Here(_) | Stored::Joined { .. } | Stored::Whole { .. } => 0,
                };
                let held = stored.saturating_add(source.cell_bytes);
                self.bytes = self.bytes.saturating_add(held);
            }
            self.chunks.push(chunk);
            let number = self.chunks.len().saturating_sub(1);
            self.numbers.insert(cell, number);
            number
        };
        self.parts.push((number, place, part, Arc::clone(source)));
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.parts.len() >= BATCH_PARTS
    }
}

/// Places in a grid where lines cross, in C order.
struct Crossings<'a> {
    lines: &'a [Vec<u64>],
    at: Option<Vec<usize>>,
}

impl<'a> Crossings<'a> {
    fn new(lines: &'a [Vec<u64>]) -> Self {
        let none = lines.iter().any(Vec::is_empty);
        Self {
            lines,
            at: (!none).then(|| vec![0; lines.len()]),
        }
    }
}

impl Iterator for Crossings<'_> {
    type Item = Vec<u64>;

    fn next(&mut self) -> Option<Vec<u64>> {
        let at = self.at.as_mut()?;
        let place = self
            .lines
            .iter()
            .zip(at.iter())
            .map(|(line, at)| line.get(*at).copied())
            .collect::<Option<Vec<_>>>()?;
        for (line, at) in self.lines.iter().zip(at.iter_mut()).rev() {
            *at = at.saturating_add(1);
            if *at < line.len() {
                return Some(place);
            }
            *at = 0;
        }
        self.at = None;
        Some(place)
    }
}

/// A source, and how it is read.
struct Source<'a> {
    array: &'a Array,
    locations: &'a Locations,
    /// What is read at one time: a chunk, or a run of bytes.
    cell_shape: Vec<u64>,
    cell_bytes: u64,
    /// Cells along each axis.
    grid: Vec<u64>,
    undo: Undo,
    conversion: Conversion,
    /// What absent chunks hold, converted: one element.
    fill: Vec<u8>,
}

impl<'a> Source<'a> {
    fn new(array: &'a Array, locations: &'a Locations, target: &Array) -> Result<Self, String> {
        let conversion = Conversion::new(&array.data_type, &target.data_type).ok_or_else(|| {
            format!(
                "a source of {}, which is not converted to {}",
                array.data_type, target.data_type
            )
        })?;
        let element = array.data_type.size().ok_or("a source of no fixed size")?;
        let cell_shape = match &array.layout {
            Layout::Contiguous { .. } | Layout::Inline { .. } => {
                runs(&array.shape, u64::from(element))
            }
            _ => array.chunk_shape().into_owned(),
        };
        let fill = match &array.fill_value {
            Some(fill) => conversion.apply(fill),
            None => vec![0; usize::try_from(target.data_type.size().unwrap_or(0)).unwrap_or(0)],
        };
        let cell_bytes = cell_shape.iter().fold(u64::from(element), |bytes, &axis| {
            bytes.saturating_mul(axis)
        });
        Ok(Self {
            array,
            locations,
            grid: match &array.layout {
                Layout::Contiguous { .. } | Layout::Inline { .. } => {
                    chunkref_manifest::chunk_grid(&array.shape, &cell_shape)
                        .ok_or("a source of no shape")?
                }
                _ => grid(array)?,
            },
            cell_shape,
            cell_bytes,
            undo: Undo::of(array.codecs()).ok_or("a source of no fixed size")?,
            conversion,
            fill,
        })
    }

    fn area(&self, cell: &[u64]) -> Vec<Range<u64>> {
        cell.iter()
            .zip(&self.cell_shape)
            .map(|(&at, &length)| {
                let start = at.saturating_mul(length);
                start..start.saturating_add(length)
            })
            .collect()
    }

    /// Where the bytes of a cell are; `None` where it holds the fill value.
    fn chunk(&self, cell: &[u64]) -> Result<Option<Chunk<'a>>, String> {
        let index = chunk_index(cell, &self.grid)
            .ok_or_else(|| format!("cell {cell:?} of a source: outside {:?}", self.grid))?;
        let plain = |stored| {
            Ok(Some(Chunk {
                stored,
                decode: None,
            }))
        };
        let run = || {
            run(self.array, &self.cell_shape, cell)
                .ok_or_else(|| format!("cell {cell:?} of a source: no run of bytes"))
        };
        match &self.array.layout {
            Layout::Absent { .. } => Ok(None),
            Layout::Inline { data } => {
                let run = run()?;
                let bounds = usize::try_from(run.start)
                    .ok()
                    .zip(usize::try_from(run.end).ok());
                let slice = bounds.and_then(|(start, end)| data.get(start..end));
                let slice = slice.ok_or("an inline source that is too short")?;
                plain(Stored::Here(data.slice_ref(slice)))
            }
            Layout::Contiguous {
                location, offset, ..
            } => {
                let run = run()?;
                let range = ChunkRef::Range {
                    location: *location,
                    offset: offset.saturating_add(run.start),
                    length: run.end.saturating_sub(run.start),
                };
                plain(stored(range, self.locations)?)
            }
            _ if self.array.is_put_together() => plain(Stored::Joined {
                of: Referenced {
                    array: self.array,
                    locations: self.locations,
                },
                index,
                size: decoded_size(self.array)?,
            }),
            _ => match self.array.chunk(index) {
                None => Ok(None),
                Some(chunk) => Ok(Some(Chunk {
                    stored: stored(chunk, self.locations)?,
                    decode: Some(decoding(self.array, index, self.undo.clone())?),
                })),
            },
        }
    }
}

/// A cell shape of about [`CELL_BYTES`] whose cells are runs of bytes in C order.
fn runs(shape: &[u64], element: u64) -> Vec<u64> {
    let mut cell: Vec<u64> = shape.iter().map(|axis| (*axis).max(1)).collect();
    let mut inner = element.max(1);
    for length in cell.iter_mut().rev() {
        let room = CELL_BYTES.checked_div(inner).unwrap_or(1).max(1);
        // Once an axis is cut, those before it are one element long.
        *length = if inner > CELL_BYTES {
            1
        } else {
            (*length).min(room)
        };
        inner = if *length < room {
            inner.saturating_mul(*length)
        } else {
            u64::MAX
        };
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_plain_sources_are_runs() {
        assert_eq!(runs(&[10, 20], 4), [10, 20]);
        assert_eq!(runs(&[5, 1 << 20, 2], 4), [1, 1 << 19, 2]);
        assert_eq!(runs(&[5, 3, 1 << 20], 4), [1, 1, 1 << 20]);
        assert_eq!(runs(&[7, 1 << 21], 4), [1, 1 << 20]);
        assert_eq!(runs(&[0], 4), [1]);
        assert_eq!(runs(&[], 4), [0; 0]);
    }

    #[test]
    fn lines_cross_in_c_order() {
        let lines = vec![vec![1, 4], vec![0], vec![2, 3]];
        let found: Vec<_> = Crossings::new(&lines).collect();
        assert_eq!(found, [[1, 0, 2], [1, 0, 3], [4, 0, 2], [4, 0, 3]]);
        assert_eq!(Crossings::new(&[]).count(), 1);
        assert_eq!(Crossings::new(&[vec![], vec![1]]).count(), 0);
    }
}
