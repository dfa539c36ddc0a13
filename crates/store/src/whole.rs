//! Whole arrays as plain bytes, without a Zarr reader.

use bytes::Bytes;
use chunkref_manifest::{Array, ChunkRef, DataType, chunk_coordinates, zarr};

use crate::chunk::{self, Chunk, Undo};
use crate::error::{Error, Result};
use crate::store::Store;

/// Most bytes, stored and decoded, of the chunks that are held at one time; one chunk may be more.
const BATCH_BYTES: u64 = 64 << 20;

/// Most chunks that are held at one time.
const BATCH_CHUNKS: usize = 1024;

/// All elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeArray {
    /// Lengths of its axes in elements; empty for a scalar.
    pub shape: Vec<u64>,
    /// The type of its elements.
    pub data_type: DataType,
    /// The elements in C order, in the byte order of their type.
    pub bytes: Bytes,
}

impl Store {
    /// All elements of the array at a path such as `/a/b`, whatever filters they are stored with
    /// and whoever the store serves. Absent chunks hold the fill value. Neither the array nor one
    /// of its chunks, decoded, may take more than `limit` bytes.
    ///
    /// # Errors
    ///
    /// If there is no such array, its elements have no fixed size, it is too large, or a chunk
    /// can't be read or decoded.
    pub async fn read_array(&self, path: &str, limit: u64) -> Result<WholeArray> {
        let array = self.manifest().array(path);
        let array = array.ok_or_else(|| Error::NoArray {
            path: path.to_owned(),
        })?;
        let plan = Plan::new(array, path, limit)?;
        let mut bytes = plan.filled()?;
        if bytes.is_empty() {
            return Ok(plan.done(bytes));
        }
        if array.is_put_together() {
            for index in 0..array.stored_chunks() {
                let place = plan.place(index)?;
                let key = plan.key(&place);
                let chunk = self.put_together(&key, array, index).await?;
                plan.put(&mut bytes, &place, &chunk);
            }
            return Ok(plan.done(bytes));
        }
        let mut chunks = array.chunks().peekable();
        while chunks.peek().is_some() {
            let mut batch = Batch::default();
            while let Some(&(_, chunk)) = chunks.peek() {
                let cost = plan.cost(chunk);
                if !batch.has_room(cost) {
                    break;
                }
                if let Some((index, chunk)) = chunks.next() {
                    batch.push(plan.chunk(index, chunk)?, cost);
                }
            }
            let decoded = self.resolve(&batch.keys, batch.chunks).await?;
            for (place, chunk) in batch.places.iter().zip(decoded) {
                plan.put(&mut bytes, place, &chunk.unwrap_or_default());
            }
        }
        Ok(plan.done(bytes))
    }
}

/// Chunks that are read together.
#[derive(Debug, Default)]
struct Batch<'a> {
    places: Vec<Vec<u64>>,
    keys: Vec<String>,
    chunks: Vec<Option<Chunk<'a>>>,
    bytes: u64,
}

impl<'a> Batch<'a> {
    fn has_room(&self, bytes: u64) -> bool {
        self.places.is_empty()
            || self.places.len() < BATCH_CHUNKS && self.bytes.saturating_add(bytes) <= BATCH_BYTES
    }

    fn push(&mut self, chunk: Wanted<'a>, bytes: u64) {
        self.places.push(chunk.place);
        self.keys.push(chunk.key);
        self.chunks.push(Some(chunk.chunk));
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// A chunk to read.
struct Wanted<'a> {
    /// Its place in the grid.
    place: Vec<u64>,
    /// The name it has in errors.
    key: String,
    chunk: Chunk<'a>,
}

/// How the chunks of one array become its bytes.
struct Plan<'a> {
    array: &'a Array,
    path: &'a str,
    grid: Vec<u64>,
    undo: Undo,
    /// Size in bytes of an element.
    element: usize,
    /// Size in bytes of the array.
    size: usize,
    /// Size in bytes of a chunk; zero where none is stored.
    chunk_size: usize,
    /// Outermost first.
    axes: Vec<Axis>,
}

/// How chunks lie along an axis of the array, in bytes.
#[derive(Clone, Copy, Debug)]
struct Axis {
    /// From one place in the array to the next.
    stride: usize,
    /// From one place in a chunk to the next.
    chunk_stride: usize,
    /// Places of a chunk.
    chunk: usize,
}

impl<'a> Plan<'a> {
    fn new(array: &'a Array, path: &'a str, limit: u64) -> Result<Self> {
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
        let bytes = array_bytes(&array.shape, element);
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
        let chunk_bytes = u64::try_from(chunk_size).unwrap_or(u64::MAX);
        if chunk_bytes > limit {
            return Err(too_large("a chunk", chunk_bytes));
        }
        let element = usize::try_from(element).unwrap_or(usize::MAX);
        Ok(Self {
            array,
            path,
            grid,
            undo,
            element,
            size,
            chunk_size,
            axes: axes(&array.shape, &array.chunk_shape(), element),
        })
    }

    /// The array as it is without any chunk.
    fn filled(&self) -> Result<Vec<u8>> {
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

    /// Bytes that a chunk takes while it is read and decoded.
    fn cost(&self, chunk: ChunkRef<'_>) -> u64 {
        let stored = match chunk {
            ChunkRef::Range { length, .. } => length,
            // Of a whole object it is not known yet; reading it checks.
            ChunkRef::Inline(_) | ChunkRef::Whole { .. } => 0,
        };
        let decoded = u64::try_from(self.chunk_size).unwrap_or(u64::MAX);
        stored.saturating_add(decoded)
    }

    /// The place of a chunk in the grid.
    fn place(&self, index: u64) -> Result<Vec<u64>> {
        chunk_coordinates(index, &self.grid).ok_or_else(|| Error::Manifest {
            key: self.path.to_owned(),
            reason: format!("chunk {index}: outside {:?}", self.grid),
        })
    }

    /// The name that a chunk has in errors.
    fn key(&self, place: &[u64]) -> String {
        let path = self.path.trim_start_matches('/');
        format!("{path}/{}", zarr::v3::chunk_key(place))
    }

    fn chunk(&self, index: u64, chunk: ChunkRef<'_>) -> Result<Wanted<'static>> {
        let contradiction = |reason| Error::Manifest {
            key: self.path.to_owned(),
            reason,
        };
        let place = self.place(index)?;
        let decoding = chunk::decoding(self.array, index, self.undo.clone());
        Ok(Wanted {
            key: self.key(&place),
            place,
            chunk: Chunk {
                stored: chunk::stored(chunk).map_err(contradiction)?,
                decode: Some(decoding.map_err(contradiction)?),
            },
        })
    }

    /// Copies what of a chunk is within the array.
    fn put(&self, bytes: &mut [u8], place: &[u64], chunk: &[u8]) {
        scatter(bytes, chunk, &self.axes, place);
    }

    fn done(self, bytes: Vec<u8>) -> WholeArray {
        WholeArray {
            shape: self.array.shape.clone(),
            data_type: self.array.data_type.clone(),
            bytes: bytes.into(),
        }
    }
}

/// Bytes of an array; 2^64 - 1 where it has more.
fn array_bytes(shape: &[u64], element: u32) -> u64 {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(u64::from(element), |bytes, length| {
        bytes.saturating_mul(*length)
    })
}

/// The axes along which there is more than one chunk or one reaches over the end, and those around
/// them: the others are one run of bytes.
fn axes(shape: &[u64], chunk_shape: &[u64], element: usize) -> Vec<Axis> {
    let mut axes = Vec::with_capacity(shape.len());
    let (mut stride, mut chunk_stride) = (element, element);
    for (length, chunk) in shape.iter().zip(chunk_shape).rev() {
        let chunk_length = usize::try_from(*chunk).unwrap_or(usize::MAX);
        if !axes.is_empty() || length != chunk {
            axes.push(Axis {
                stride,
                chunk_stride,
                chunk: chunk_length,
            });
        }
        // Both were found to be within the limit.
        stride = stride.saturating_mul(usize::try_from(*length).unwrap_or(usize::MAX));
        chunk_stride = chunk_stride.saturating_mul(chunk_length);
    }
    axes.reverse();
    axes
}

/// Copies what of a chunk is within the array; what reaches over an end is left out.
fn scatter(array: &mut [u8], chunk: &[u8], axes: &[Axis], place: &[u64]) {
    let Some((outer, inner)) = axes.split_first() else {
        return copy(array, chunk);
    };
    let (at, places) = match place.split_first() {
        Some((at, places)) => (usize::try_from(*at).unwrap_or(usize::MAX), places),
        None => (0, place),
    };
    let start = at.saturating_mul(outer.chunk);
    if inner.is_empty() {
        let start = start.saturating_mul(outer.stride);
        return copy(array.get_mut(start..).unwrap_or_default(), chunk);
    }
    // No stride is zero: an array without bytes has no chunks to copy.
    let rows = array.chunks_exact_mut(outer.stride.max(1)).skip(start);
    for (row, part) in rows.zip(chunk.chunks_exact(outer.chunk_stride.max(1))) {
        scatter(row, part, inner, places);
    }
}

/// Copies as much as both have.
fn copy(to: &mut [u8], from: &[u8]) {
    let length = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
}
