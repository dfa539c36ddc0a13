//! Where the bytes of a chunk come from, and what is done to them.

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use chunkref_manifest::{Array, ChunkRef, Codec, Layout, LocationId, chunk_index, zarr};

use crate::options::{ReaderProfile, ZarrVersion};

/// The filters that these codecs are; `None` where one is more than a filter of bytes.
pub fn pipeline(codecs: &[Codec]) -> Option<Pipeline> {
    let filters: Option<Vec<Filter>> = codecs
        .iter()
        .map(|codec| match *codec {
            Codec::Shuffle { element_size } => Some(Filter::Shuffle { element_size }),
            Codec::Zlib { level } => Some(Filter::Deflate { level }),
            Codec::Fletcher32 => Some(Filter::Fletcher32),
            _ => None,
        })
        .collect();
    filters.map(Pipeline::new)
}

/// What the store undoes before it serves a chunk of this array, where the reader can't.
pub(crate) fn decoded_by_store(array: &Array, reader: ReaderProfile) -> Option<Pipeline> {
    let beyond = match reader {
        ReaderProfile::Zarrs => array.codecs().contains(&Codec::Fletcher32),
        ReaderProfile::ZarrPython => false,
    };
    beyond.then(|| pipeline(array.codecs())).flatten()
}

/// The value of a chunk key.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Its stored bytes.
    pub(crate) stored: Stored,
    /// How they are decoded before they are served, and to how many bytes.
    pub(crate) decode: Option<(Pipeline, usize)>,
}

/// Stored bytes.
#[derive(Debug)]
pub(crate) enum Stored {
    /// In the manifest.
    Here(Bytes),
    /// In an object.
    There {
        /// The object.
        location: LocationId,
        /// First byte.
        offset: u64,
        /// The byte after the last.
        end: u64,
    },
}

impl Chunk {
    /// The length of the value in bytes.
    pub(crate) fn size(&self) -> u64 {
        match (&self.decode, &self.stored) {
            (Some((_, size)), _) => u64::try_from(*size).unwrap_or(u64::MAX),
            (None, Stored::Here(bytes)) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            (None, Stored::There { offset, end, .. }) => end.saturating_sub(*offset),
        }
    }
}

/// The chunk at a place in the grid; `None` if it is absent or outside the grid.
///
/// # Errors
///
/// With the reason, if the array contradicts itself.
pub(crate) fn find(
    array: &Array,
    coordinates: &[u64],
    version: ZarrVersion,
    reader: ReaderProfile,
) -> Result<Option<Chunk>, String> {
    let grid = grid(array)?;
    let Some(index) = chunk_index(coordinates, &grid) else {
        return Ok(None);
    };
    let stored = match array.chunk(index) {
        Some(chunk) => stored(chunk)?,
        None => match fill_chunk(array, version)? {
            Some(fill) => Stored::Here(fill),
            None => return Ok(None),
        },
    };
    let decode = match decoded_by_store(array, reader) {
        Some(pipeline) => Some((pipeline, decoded_size(array)?)),
        None => None,
    };
    Ok(Some(Chunk { stored, decode }))
}

/// Chunks along each axis, which the chunk table must agree with.
pub(crate) fn grid(array: &Array) -> Result<Vec<u64>, String> {
    let grid = array.chunk_grid().map_err(|error| error.to_string())?;
    match &array.layout {
        Layout::Chunked { chunks, .. } if chunks.grid() != grid => Err(format!(
            "its chunk table has the grid {:?}, expected {grid:?}",
            chunks.grid()
        )),
        _ => Ok(grid),
    }
}

/// What absent chunks are served as, where a document can't say it.
pub(crate) fn fill_chunk(array: &Array, version: ZarrVersion) -> Result<Option<Bytes>, String> {
    match version {
        ZarrVersion::V2 => zarr::v2::absent_chunk(array)
            .map(Option::<&Bytes>::cloned)
            .map_err(|error| error.to_string()),
        ZarrVersion::V3 => Ok(None),
    }
}

fn stored(chunk: ChunkRef<'_>) -> Result<Stored, String> {
    match chunk {
        ChunkRef::Inline(bytes) => Ok(Stored::Here(bytes.clone())),
        ChunkRef::Range {
            location,
            offset,
            length,
        } => match offset.checked_add(length) {
            Some(end) => Ok(Stored::There {
                location,
                offset,
                end,
            }),
            None => Err(format!(
                "{length} bytes at {offset} end past what 64 bits count"
            )),
        },
    }
}

fn decoded_size(array: &Array) -> Result<usize, String> {
    let chunk_shape = array.chunk_shape();
    let elements = chunk_shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length));
    elements
        .zip(array.data_type.size())
        .and_then(|(elements, size)| elements.checked_mul(u64::from(size)))
        .and_then(|size| usize::try_from(size).ok())
        .ok_or_else(|| {
            format!(
                "a chunk of {chunk_shape:?} elements of {:?} has no size that fits into memory",
                array.data_type
            )
        })
}
