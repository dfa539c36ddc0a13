//! Which bytes of which chunks become which bytes of what is read.

use std::ops::Range;

use chunkref_manifest::{Array, ChunkRef, DataType, Layout, chunk_coordinates, chunk_index, zarr};

use super::copy::Copying;
use super::selection::{Part, Selection, Slice};
use crate::chunk::{self, Chunk, Stored, Undo};
use crate::error::{Error, Result};

/// Uncompressed chunks are read in parts of about this many bytes.
const PART_BYTES: usize = 8 << 20;
/// No more than this many mutual exclusions: parts of what is read that are written at one time.
const MOST_SLABS: u64 = 256;

/// How the chunks of one array become what is read of it.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) array: &'a Array,
    path: &'a str,
    grid: Vec<u64>,
    chunk_shape: Vec<u64>,
    undo: Undo,
    /// Whether chunks lie as plain bytes, so that parts of them can be read.
    is_plain: bool,
    /// Size in bytes of an element.
    element: usize,
    /// Lengths of the axes of what is read.
    pub(crate) shape: Vec<u64>,
    /// Size in bytes of what is read.
    pub(crate) size: usize,
    /// Size in bytes of a chunk; zero where none is stored.
    pub(crate) chunk_size: usize,
    what: What,
    /// How what is read is divided for those that write to it.
    slabs: Slabs,
}

#[derive(Debug)]
enum What {
    Slices(Vec<Slice>),
    /// Ascending by chunk, then by the place within it.
    Points(Vec<Point>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    chunk: u64,
    /// First byte in the chunk.
    from: usize,
    /// Its number in what is read.
    out: usize,
}

/// Parts of what is read that lie one after the other.
#[derive(Clone, Copy, Debug)]
struct Slabs {
    /// The axis along which chunks fall into different slabs; `None`: all is one.
    axis: Option<usize>,
    /// Number along that axis of the first chunk.
    first: u64,
    /// So many chunks along that axis belong to one.
    chunks: u64,
}

/// What is done with a piece when it has come.
#[derive(Debug)]
pub(crate) enum Use {
    /// A box of the chunk; what has come begins with this byte of the chunk.
    Box(Copying, usize),
    /// Elements: first byte in what has come, first byte in what is read.
    Points(Vec<(usize, usize)>),
}

/// Something to fetch, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    /// The name of the chunk in errors.
    pub(crate) key: String,
    pub(crate) chunk: Chunk<'a>,
    pub(crate) usage: Use,
    /// The part of what is read that it goes to.
    pub(crate) slab: usize,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(
        array: &'a Array,
        path: &'a str,
        selection: &Selection,
        limit: u64,
    ) -> Result<Self> {
        let contradiction = |reason| Error::Manifest {
            key: path.to_owned(),
            reason,
        };
        let too_large = |what, bytes| Error::TooLarge {
            path: path.to_owned(),
            what,
            bytes,
            limit,
        };
        let variable = || Error::VariableLength {
            path: path.to_owned(),
        };
        let element = array.data_type.size().ok_or_else(variable)?;
        let undo = Undo::of(array.codecs()).ok_or_else(variable)?;
        let grid = chunk::grid(array).map_err(contradiction)?;
        let slices = selection.slices_within(path, &array.shape)?;
        let shape = selection.shape().unwrap_or_else(|| array.shape.clone());
        let bytes = total_bytes(&shape, element);
        let size = usize::try_from(bytes)
            .ok()
            .filter(|_| bytes <= limit)
            .ok_or_else(|| too_large("an array", bytes))?;
        // A chunk that is never decoded takes no room.
        let chunk_size = if size == 0 || array.stored_chunks() == 0 {
            0
        } else {
            chunk::decoded_size(array).map_err(contradiction)?
        };
        let is_plain = is_plain(array, &undo);
        let chunk_bytes = u64::try_from(chunk_size).unwrap_or(u64::MAX);
        if chunk_bytes > limit && !is_plain {
            return Err(too_large("a chunk", chunk_bytes));
        }
        let mut plan = Self {
            array,
            path,
            chunk_shape: array.chunk_shape().into_owned(),
            grid,
            undo,
            is_plain,
            element: usize::try_from(element).unwrap_or(usize::MAX),
            shape,
            size,
            chunk_size,
            what: What::Slices(Vec::new()),
            slabs: Slabs {
                axis: None,
                first: 0,
                chunks: 1,
            },
        };
        match (slices, selection) {
            (Some(slices), _) => {
                plan.slabs = plan.slabs(&slices);
                plan.what = What::Slices(slices);
            }
            (None, Selection::Points(points)) => plan.what = What::Points(plan.sorted(points)),
            (None, _) => {}
        }
        Ok(plan)
    }

    /// What is read as it is without any chunk.
    pub(crate) fn filled(&self) -> Result<Vec<u8>> {
        let fill = self.array.fill_value.as_deref().unwrap_or_default();
        if self.array.fill_value.is_some() && fill.len() != self.element {
            return Err(Error::Manifest {
                key: self.path.to_owned(),
                reason: format!(
                    "a fill value of {} bytes, expected {}",
                    fill.len(),
                    self.element
                ),
            });
        }
        // Of a complete array nothing of it would stay.
        if self.array.is_complete() || fill.iter().all(|byte| *byte == 0) {
            return Ok(vec![0; self.size]);
        }
        let elements = self.size.checked_div(self.element).unwrap_or(0);
        Ok(fill.repeat(elements))
    }

    /// The lengths in bytes of the slabs of what is read, in order.
    pub(crate) fn slab_lengths(&self) -> Vec<usize> {
        let (What::Slices(slices), Some(axis)) = (&self.what, self.slabs.axis) else {
            return vec![self.size];
        };
        let (Some(slice), Some(&chunk)) = (slices.get(axis), self.chunk_shape.get(axis)) else {
            return vec![self.size];
        };
        let inner = self.out_stride(axis);
        let chunks = slice.chunks(chunk);
        let mut lengths = Vec::new();
        let mut start = chunks.start;
        while start < chunks.end {
            let end = start.saturating_add(self.slabs.chunks).min(chunks.end);
            let places = (start..end)
                .filter_map(|number| slice.part(number, chunk))
                .fold(0_u64, |all, part| all.saturating_add(part.count));
            let places = usize::try_from(places).unwrap_or(usize::MAX);
            lengths.push(places.saturating_mul(inner));
            start = end;
        }
        lengths
    }

    /// All that is to be fetched, chunk by chunk in C order.
    pub(crate) fn pieces(&'a self) -> Box<dyn Iterator<Item = Result<Piece<'a>>> + Send + 'a> {
        if self.size == 0 {
            return Box::new(std::iter::empty());
        }
        match &self.what {
            What::Slices(slices) => Box::new(self.boxes(slices).flat_map(|(place, parts)| {
                match self.pieces_of_box(&place, &parts) {
                    Ok(pieces) => pieces,
                    Err(error) => Box::new(std::iter::once(Err(error))),
                }
            })),
            What::Points(points) => {
                let chunks = points.chunk_by(|one, next| one.chunk == next.chunk);
                Box::new(
                    chunks.flat_map(|points| match self.pieces_of_points(points) {
                        Ok(pieces) => pieces.into_iter().map(Ok).collect(),
                        Err(error) => vec![Err(error)],
                    }),
                )
            }
        }
    }

    /// The chunks that slices cross in, by their places in the grid, with the parts that do.
    fn boxes<'s>(
        &'s self,
        slices: &'s [Slice],
    ) -> impl Iterator<Item = (Vec<u64>, Vec<Part>)> + 's {
        let ranges: Vec<Range<u64>> = slices
            .iter()
            .zip(&self.chunk_shape)
            .map(|(slice, length)| slice.chunks(*length))
            .collect();
        let mut next = (!ranges.iter().any(Range::is_empty))
            .then(|| ranges.iter().map(|range| range.start).collect::<Vec<_>>());
        let places = std::iter::from_fn(move || {
            let place = next.take()?;
            let mut after = place.clone();
            for (at, range) in after.iter_mut().zip(&ranges).rev() {
                *at = at.saturating_add(1);
                if *at < range.end {
                    next = Some(after);
                    break;
                }
                *at = range.start;
            }
            Some(place)
        });
        places.filter_map(|place| {
            let axes = slices.iter().zip(&self.chunk_shape).zip(&place);
            let parts: Option<Vec<_>> = axes
                .map(|((slice, length), chunk)| slice.part(*chunk, *length))
                .collect();
            Some((place, parts?))
        })
    }

    fn pieces_of_box(
        &'a self,
        place: &[u64],
        parts: &[Part],
    ) -> Result<Box<dyn Iterator<Item = Result<Piece<'a>>> + Send + 'a>> {
        let index = chunk_index(place, &self.grid).unwrap_or(u64::MAX);
        let Some(found) = self.find(index)? else {
            return Ok(Box::new(std::iter::empty()));
        };
        let copying = self.copying(parts);
        let key = self.key(place);
        let slab = self.slab_of(place);
        if let Some((location, offset)) = self.plain_at(&found) {
            // The chunk is as long as it should be, so all parts lie within it.
            let pieces = copying.parts(PART_BYTES).map(move |part| {
                let start = offset.start.saturating_add(wide(part.from));
                let end = start.saturating_add(wide(part.span()));
                let base = part.from;
                Ok(Piece {
                    key: key.clone(),
                    chunk: Chunk {
                        stored: Stored::There {
                            location,
                            offset: start,
                            end,
                        },
                        decode: None,
                    },
                    usage: Use::Box(part, base),
                    slab,
                })
            });
            return Ok(Box::new(pieces));
        }
        Ok(Box::new(std::iter::once(Ok(Piece {
            key,
            chunk: found,
            usage: Use::Box(copying, 0),
            slab,
        }))))
    }

    fn pieces_of_points(&'a self, points: &[Point]) -> Result<Vec<Piece<'a>>> {
        let Some(first) = points.first() else {
            return Ok(Vec::new());
        };
        let Some(found) = self.find(first.chunk)? else {
            return Ok(Vec::new());
        };
        let place = chunk_coordinates(first.chunk, &self.grid).unwrap_or_default();
        let key = self.key(&place);
        let out = |point: &Point| point.out.saturating_mul(self.element);
        let Some((location, offset)) = self.plain_at(&found) else {
            let picks = points.iter().map(|point| (point.from, out(point)));
            return Ok(vec![Piece {
                key,
                chunk: found,
                usage: Use::Points(picks.collect()),
                slab: 0,
            }]);
        };
        let near = |one: &Point, next: &Point| next.from.saturating_sub(one.from) <= 4096;
        let mut pieces = Vec::new();
        for group in points.chunk_by(near) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else {
                continue;
            };
            let start = offset.start.saturating_add(wide(first.from));
            let length = last
                .from
                .saturating_sub(first.from)
                .saturating_add(self.element);
            let picks = group
                .iter()
                .map(|point| (point.from.saturating_sub(first.from), out(point)));
            pieces.push(Piece {
                key: key.clone(),
                chunk: Chunk {
                    stored: Stored::There {
                        location,
                        offset: start,
                        end: start.saturating_add(wide(length)),
                    },
                    decode: None,
                },
                usage: Use::Points(picks.collect()),
                slab: 0,
            });
        }
        Ok(pieces)
    }

    /// Where a chunk of plain bytes lies.
    fn plain_at(&self, chunk: &Chunk<'_>) -> Option<(chunkref_manifest::LocationId, Range<u64>)> {
        match chunk.stored {
            Stored::There {
                location,
                offset,
                end,
            } if self.is_plain => Some((location, offset..end)),
            _ => None,
        }
    }

    /// The chunk with this number, to be decoded all the way; `None` if it is absent.
    fn find(&self, index: u64) -> Result<Option<Chunk<'a>>> {
        let contradiction = |reason| Error::Manifest {
            key: self.path.to_owned(),
            reason,
        };
        if self.array.is_put_together() {
            return chunk::joined(self.array, index)
                .map(Some)
                .map_err(contradiction);
        }
        let Some(found) = self.array.chunk(index) else {
            return Ok(None);
        };
        let stored = chunk::stored(found).map_err(contradiction)?;
        if let (true, ChunkRef::Range { length, .. }) = (self.is_plain, found) {
            let found = usize::try_from(length).unwrap_or(usize::MAX);
            if found != self.chunk_size {
                let place = chunk_coordinates(index, &self.grid).unwrap_or_default();
                return Err(Error::Decode {
                    key: self.key(&place),
                    source: chunkref_filters::Error::Length {
                        found,
                        expected: self.chunk_size,
                    },
                });
            }
            return Ok(Some(Chunk {
                stored,
                decode: None,
            }));
        }
        let decoding = chunk::decoding(self.array, index, self.undo.clone());
        Ok(Some(Chunk {
            stored,
            decode: Some(decoding.map_err(contradiction)?),
        }))
    }

    fn copying(&self, parts: &[Part]) -> Copying {
        let mut copying = Copying::new(self.element);
        let What::Slices(slices) = &self.what else {
            return copying;
        };
        let narrow = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (mut stride, mut out_stride) = (self.element, self.element);
        let axes = slices.iter().zip(parts).zip(&self.chunk_shape).rev();
        for ((slice, part), length) in axes {
            let out = (narrow(part.out), out_stride, narrow(part.count));
            copying.wrap(narrow(part.first), narrow(slice.step()), stride, out);
            stride = stride.saturating_mul(narrow(*length));
            out_stride = out_stride.saturating_mul(narrow(slice.count()));
        }
        copying
    }

    fn sorted(&self, points: &[Vec<u64>]) -> Vec<Point> {
        let mut sorted: Vec<_> = points
            .iter()
            .enumerate()
            .filter_map(|(out, place)| {
                let mut from = 0_u64;
                let mut chunk = Vec::with_capacity(place.len());
                for (at, length) in place.iter().zip(&self.chunk_shape) {
                    chunk.push(at.checked_div(*length)?);
                    let within = at.checked_rem(*length)?;
                    from = from.checked_mul(*length)?.checked_add(within)?;
                }
                Some(Point {
                    chunk: chunk_index(&chunk, &self.grid)?,
                    from: usize::try_from(from).ok()?.checked_mul(self.element)?,
                    out,
                })
            })
            .collect();
        sorted.sort_unstable();
        sorted
    }

    /// Slabs along the first axis of which more than one element is read.
    fn slabs(&self, slices: &[Slice]) -> Slabs {
        let axis = slices.iter().position(|slice| slice.count() > 1);
        let chunks = axis.and_then(|axis| {
            let chunks = slices.get(axis)?.chunks(*self.chunk_shape.get(axis)?);
            Some((chunks.start, chunks.end.saturating_sub(chunks.start)))
        });
        let (first, count) = chunks.unwrap_or((0, 1));
        Slabs {
            axis,
            first,
            chunks: count.div_ceil(MOST_SLABS).max(1),
        }
    }

    fn slab_of(&self, place: &[u64]) -> usize {
        let at = self.slabs.axis.and_then(|axis| place.get(axis));
        let slab = at
            .and_then(|at| at.checked_sub(self.slabs.first))
            .and_then(|at| at.checked_div(self.slabs.chunks));
        slab.and_then(|slab| usize::try_from(slab).ok())
            .unwrap_or(0)
    }

    /// Bytes of what is read from one place along an axis to the next.
    fn out_stride(&self, axis: usize) -> usize {
        let inner = self.shape.get(axis.saturating_add(1)..).unwrap_or_default();
        inner.iter().fold(self.element, |bytes, length| {
            bytes.saturating_mul(usize::try_from(*length).unwrap_or(usize::MAX))
        })
    }

    /// The name that a chunk has in errors.
    fn key(&self, place: &[u64]) -> String {
        let path = self.path.trim_start_matches('/');
        format!("{path}/{}", zarr::v3::chunk_key(place))
    }

    pub(crate) fn path(&self) -> &str {
        self.path
    }

    pub(crate) fn data_type(&self) -> &DataType {
        &self.array.data_type
    }

    pub(crate) fn element(&self) -> usize {
        self.element
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether all chunks that lie in objects are plain bytes.
fn is_plain(array: &Array, undo: &Undo) -> bool {
    match &array.layout {
        Layout::Contiguous { .. } => undo.conversion.is_none(),
        Layout::Chunked { .. } => undo.pipeline.filters().is_empty() && undo.conversion.is_none(),
        _ => false,
    }
}

/// Bytes of an array; 2^64 - 1 where it has more.
fn total_bytes(shape: &[u64], element: u32) -> u64 {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(u64::from(element), |bytes, length| {
        bytes.saturating_mul(*length)
    })
}
