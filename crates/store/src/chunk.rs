//! Where the bytes of a chunk come from, and what is done to them.

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use chunkref_manifest::{
    Array, ChunkRef, Codec, Conversion, Layout, Location, LocationId, Locations, chunk_index, zarr,
};

use crate::options::{ReaderProfile, ZarrVersion};
use crate::references::Referenced;

/// The filters that these codecs are; `None` where one is more than a filter of bytes.
pub fn pipeline(codecs: &[Codec]) -> Option<Pipeline> {
    let filters: Option<Vec<Filter>> = codecs
        .iter()
        .map(|codec| match codec {
            Codec::Shuffle { element_size } => Some(Filter::Shuffle {
                element_size: *element_size,
            }),
            Codec::Zlib { level } => Some(Filter::Deflate { level: *level }),
            Codec::Fletcher32 => Some(Filter::Fletcher32),
            // Their parameters matter to an encoder alone.
            Codec::Zstd { .. } => Some(Filter::from_hdf5(ZSTD, &[])),
            Codec::Bz2 { .. } => Some(Filter::from_hdf5(BZIP2, &[])),
            Codec::Blosc { .. } => Some(Filter::from_hdf5(BLOSC, &[])),
            Codec::Hdf5 { id, parameters } => Some(Filter::from_hdf5(*id, parameters)),
            _ => None,
        })
        .collect();
    filters.map(Pipeline::new)
}

/// Numbers of filters in the HDF5 registry.
const BZIP2: u16 = 307;
const BLOSC: u16 = 32001;
const ZSTD: u16 = 32015;

/// What is undone of a chunk.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    /// The filters.
    pub(crate) pipeline: Pipeline,
    /// What is done after them.
    pub(crate) conversion: Option<Conversion>,
}

impl Undo {
    /// All that these codecs do; `None` where one is more than a filter of bytes or elements.
    pub(crate) fn of(codecs: &[Codec]) -> Option<Self> {
        let (conversion, filters) = match codecs {
            [Codec::Convert(conversion), filters @ ..] => (Some(conversion.clone()), filters),
            filters => (None, filters),
        };
        Some(Self {
            pipeline: pipeline(filters)?,
            conversion,
        })
    }
}

/// What the store undoes before it serves a chunk of this array, where the reader can't.
pub(crate) fn decoded_by_store(array: &Array, reader: ReaderProfile) -> Option<Undo> {
    let codecs = array.codecs();
    let beyond = match reader {
        // zarrs has what its features say; its fletcher32 fails on odd lengths.
        ReaderProfile::Zarrs => !codecs.iter().all(|codec| {
            matches!(
                codec,
                Codec::Shuffle { .. } | Codec::Zlib { .. } | Codec::VlenUtf8 | Codec::VlenBytes
            )
        }),
        ReaderProfile::ZarrPython => false,
    };
    (beyond || array.beyond_zarr().is_some())
        .then(|| Undo::of(codecs))
        .flatten()
}

/// The value of a chunk key.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    /// Its stored bytes.
    pub(crate) stored: Stored<'a>,
    /// How they are decoded before they are served.
    pub(crate) decode: Option<Decoding>,
}

/// How a chunk is decoded.
#[derive(Debug)]
pub(crate) struct Decoding {
    pub(crate) undo: Undo,
    /// Bit `i`: the writer skipped filter `i`.
    pub(crate) mask: u32,
    /// Bytes of the chunk after the filters.
    pub(crate) filtered_size: usize,
    /// Bytes of the decoded chunk.
    pub(crate) size: usize,
}

/// Stored bytes.
#[derive(Debug)]
pub(crate) enum Stored<'a> {
    /// In the manifest.
    Here(Bytes),
    /// In an object.
    There {
        /// The object.
        location: &'a Location,
        /// First byte.
        offset: u64,
        /// The byte after the last.
        end: u64,
    },
    /// Nowhere: the chunk is put together.
    Joined {
        /// The array whose chunk it is.
        of: Referenced<'a>,
        /// The number of the chunk.
        index: u64,
        /// Bytes of the chunk.
        size: usize,
    },
    /// All of an object, whose size is not known yet.
    Whole {
        /// The object.
        location: &'a Location,
    },
}

impl Chunk<'_> {
    /// Bytes that it takes to have it, before it is decoded; of a whole object it is not known yet.
    pub(crate) fn fetched(&self) -> u64 {
        match &self.stored {
            Stored::Here(_) | Stored::Whole { .. } => 0,
            Stored::There { offset, end, .. } => end.saturating_sub(*offset),
            Stored::Joined { size, .. } => u64::try_from(*size).unwrap_or(u64::MAX),
        }
    }

    /// Whether it lies right after another one in the same object.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        match (&before.stored, &self.stored) {
            (
                Stored::There { location, end, .. },
                Stored::There {
                    location: next,
                    offset,
                    ..
                },
            ) => location == next && end == offset,
            _ => false,
        }
    }

    /// The length of the value in bytes; `None` if only the object knows.
    pub(crate) fn size(&self) -> Option<u64> {
        Some(match (&self.decode, &self.stored) {
            (Some(decoding), _) => u64::try_from(decoding.size).unwrap_or(u64::MAX),
            (None, Stored::Here(bytes)) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            (None, Stored::There { offset, end, .. }) => end.saturating_sub(*offset),
            (None, Stored::Joined { size, .. }) => u64::try_from(*size).unwrap_or(u64::MAX),
            (None, Stored::Whole { .. }) => return None,
        })
    }
}

/// The chunk at a place in the grid; `None` if it is absent or outside the grid.
///
/// # Errors
///
/// With the reason, if the array contradicts itself.
pub(crate) fn find<'a>(
    of: Referenced<'a>,
    coordinates: &[u64],
    version: ZarrVersion,
    reader: ReaderProfile,
) -> Result<Option<Chunk<'a>>, String> {
    let Referenced { array, locations } = of;
    let grid = grid(array)?;
    let Some(index) = chunk_index(coordinates, &grid) else {
        return Ok(None);
    };
    if array.is_put_together() {
        return Ok(Some(joined(of, index)?));
    }
    let undo = decoded_by_store(array, reader);
    let stored = match array.chunk(index) {
        Some(chunk) => stored(chunk, locations)?,
        // As it is served: decoded already where the others are.
        None => {
            return Ok(absent(array, version, reader)?.map(|fill| Chunk {
                stored: Stored::Here(fill),
                decode: None,
            }));
        }
    };
    let decode = match undo {
        Some(undo) => Some(decoding(array, index, undo)?),
        None => None,
    };
    Ok(Some(Chunk { stored, decode }))
}

/// A chunk of an array that is put together.
pub(crate) fn joined(of: Referenced<'_>, index: u64) -> Result<Chunk<'_>, String> {
    Ok(Chunk {
        stored: Stored::Joined {
            of,
            index,
            size: decoded_size(of.array)?,
        },
        decode: None,
    })
}

/// How a chunk is decoded all the way.
pub(crate) fn decoding(array: &Array, index: u64, undo: Undo) -> Result<Decoding, String> {
    let size = decoded_size(array)?;
    let filtered_size = match &undo.conversion {
        Some(conversion) => chunk_size(array, Some(conversion.stored_size))?,
        None => size,
    };
    Ok(Decoding {
        undo,
        mask: match &array.layout {
            Layout::Chunked { chunks, .. } => chunks.filter_mask(index),
            _ => 0,
        },
        filtered_size,
        size,
    })
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
pub(crate) fn absent(
    array: &Array,
    version: ZarrVersion,
    reader: ReaderProfile,
) -> Result<Option<Bytes>, String> {
    match version {
        ZarrVersion::V3 => Ok(None),
        ZarrVersion::V2 if decoded_by_store(array, reader).is_some() => plain_fill(array),
        ZarrVersion::V2 => zarr::v2::absent_chunk(array)
            .map(Option::<&Bytes>::cloned)
            .map_err(|error| error.to_string()),
    }
}

/// The largest chunk that is made of a fill value, in bytes.
const MAX_FILL: usize = 256 << 20;

/// A decoded chunk of the fill value over and over; `None` for zeros.
fn plain_fill(array: &Array) -> Result<Option<Bytes>, String> {
    let Some(fill) = &array.fill_value else {
        return Ok(None);
    };
    if fill.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let size = decoded_size(array)?;
    if size > MAX_FILL {
        return Err(format!(
            "an absent chunk of {size} bytes whose fill value a Zarr v2 document can't say, \
             expected at most {MAX_FILL}"
        ));
    }
    Ok(Some(fill.iter().copied().cycle().take(size).collect()))
}

/// Where the bytes of a chunk are.
///
/// # Errors
///
/// If they end past what can be counted, or their object is not in the manifest.
pub(crate) fn stored<'a>(
    chunk: ChunkRef<'_>,
    locations: &'a Locations,
) -> Result<Stored<'a>, String> {
    let object = |location| object(location, locations);
    match chunk {
        ChunkRef::Inline(bytes) => Ok(Stored::Here(bytes.clone())),
        ChunkRef::Whole { location } => Ok(Stored::Whole {
            location: object(location)?,
        }),
        ChunkRef::Range {
            location,
            offset,
            length,
        } => match offset.checked_add(length) {
            Some(end) => Ok(Stored::There {
                location: object(location)?,
                offset,
                end,
            }),
            None => Err(format!(
                "{length} bytes at {offset} end past what 64 bits count"
            )),
        },
    }
}

/// The object with this number.
pub(crate) fn object(id: LocationId, locations: &Locations) -> Result<&Location, String> {
    let location = locations.get(id);
    location.ok_or_else(|| format!("location {}: not in the manifest", id.0))
}

/// Bytes of a chunk, decoded.
pub(crate) fn decoded_size(array: &Array) -> Result<usize, String> {
    chunk_size(array, array.data_type.size())
}

fn chunk_size(array: &Array, element_size: Option<u32>) -> Result<usize, String> {
    bytes_of(&array.chunk_shape(), element_size)
}

/// Bytes of a chunk of this shape, of elements of this size.
pub(crate) fn bytes_of(chunk_shape: &[u64], element_size: Option<u32>) -> Result<usize, String> {
    let elements = chunk_shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length));
    elements
        .zip(element_size)
        .and_then(|(elements, size)| elements.checked_mul(u64::from(size)))
        .and_then(|size| usize::try_from(size).ok())
        .ok_or_else(|| {
            format!(
                "a chunk of {chunk_shape:?} elements of {element_size:?} bytes has no size that fits \
                 into memory"
            )
        })
}
