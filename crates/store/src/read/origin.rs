//! Chunks that are stored alike: those of an array, or of a profile of a joined one.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_manifest::{
    Array, ChunkRef, Layout, Location, Locations, Profile, chunk_coordinates, zarr,
};

use crate::chunk::{self, Chunk, Decoding, Stored, Undo};
use crate::error::{Error, Result};
use crate::references::Referenced;
use crate::unpacking::Unpacking;

/// Chunks that are stored alike.
#[derive(Debug)]
pub(crate) struct Origin<'a> {
    array: &'a Array,
    locations: &'a Locations,
    profile: Option<(usize, &'a Profile)>,
    path: &'a str,
    pub(crate) grid: Vec<u64>,
    pub(crate) chunk_shape: Vec<u64>,
    undo: Undo,
    pub(crate) unpacking: Option<Arc<Unpacking>>,
    /// What absent chunks hold, where that is not the array's fill value.
    pub(crate) absent: Option<Bytes>,
    /// Whether chunks lie as plain bytes, so that parts of them can be read.
    is_plain: bool,
    /// Size in bytes of a chunk once its filters are undone; zero where none is stored.
    stored_size: usize,
    /// Size in bytes of a chunk as elements of the array; zero where none is stored.
    pub(crate) size: usize,
}

impl<'a> Origin<'a> {
    /// The chunks of an array that is not joined.
    pub(crate) fn of_array(of: Referenced<'a>, path: &'a str, wanted: bool) -> Result<Self> {
        let Referenced { array, locations } = of;
        let contradiction = |reason| contradiction(path, reason);
        let undo = Undo::of(array.codecs()).ok_or_else(|| variable(path))?;
        // A chunk that is never decoded takes no room.
        let size = if wanted && array.stored_chunks() > 0 {
            chunk::decoded_size(array).map_err(contradiction)?
        } else {
            0
        };
        Ok(Self {
            array,
            locations,
            profile: None,
            path,
            grid: chunk::grid(array).map_err(contradiction)?,
            chunk_shape: array.chunk_shape().into_owned(),
            is_plain: match &array.layout {
                Layout::Contiguous { .. } => true,
                Layout::Chunked { .. } => {
                    undo.pipeline.filters().is_empty() && undo.conversion.is_none()
                }
                _ => false,
            },
            undo,
            unpacking: None,
            absent: None,
            stored_size: size,
            size,
        })
    }

    /// The chunks of a profile of a joined array.
    pub(crate) fn of_profile(
        Referenced { array, locations }: Referenced<'a>,
        path: &'a str,
        number: usize,
        profile: &'a Profile,
    ) -> Result<Self> {
        let contradiction = |reason| contradiction(path, reason);
        let encoding = &profile.encoding;
        let undo = Undo::of(&encoding.codecs).ok_or_else(|| variable(path))?;
        let unpacking = match &encoding.packing {
            Some(packing) => Some(
                Unpacking::new(packing, &array.data_type, array.fill_value.as_ref())
                    .map_err(contradiction)?,
            ),
            None => None,
        };
        let absent = match &unpacking {
            Some(unpacking) => Some(unpacking.absent().map_err(contradiction)?),
            None => None,
        };
        let stored = encoding
            .packing
            .as_ref()
            .map_or(&array.data_type, |packing| &packing.data_type);
        let (stored_size, size) = if profile.chunks.stored() > 0 {
            let bytes = |element| chunk::bytes_of(&encoding.chunk_shape, element);
            let both = (bytes(stored.size()), bytes(array.data_type.size()));
            (
                both.0.map_err(contradiction)?,
                both.1.map_err(contradiction)?,
            )
        } else {
            (0, 0)
        };
        let fill = array.fill_value.clone();
        Ok(Self {
            array,
            locations,
            profile: Some((number, profile)),
            path,
            grid: profile.chunks.grid().to_vec(),
            chunk_shape: encoding.chunk_shape.clone(),
            is_plain: undo.pipeline.filters().is_empty()
                && undo.conversion.is_none()
                && unpacking.is_none(),
            undo,
            unpacking: unpacking.map(Arc::new),
            absent: absent.filter(|absent| Some(absent) != fill.as_ref()),
            stored_size,
            size,
        })
    }

    /// The chunk with this number, to be decoded all the way; `None` if it is absent.
    pub(crate) fn find(&self, index: u64) -> Result<Option<Chunk<'a>>> {
        let contradiction = |reason| contradiction(self.path, reason);
        if self.profile.is_none() && self.array.is_put_together() {
            let of = Referenced {
                array: self.array,
                locations: self.locations,
            };
            return chunk::joined(of, index).map(Some).map_err(contradiction);
        }
        let found = match self.profile {
            Some((_, profile)) => profile.chunks.get(index),
            None => self.array.chunk(index),
        };
        let Some(found) = found else {
            return Ok(None);
        };
        let stored = chunk::stored(found, self.locations).map_err(contradiction)?;
        if let (true, ChunkRef::Range { length, .. }) = (self.is_plain, found) {
            let found = usize::try_from(length).unwrap_or(usize::MAX);
            if found != self.size {
                return Err(Error::Decode {
                    key: self.key(index),
                    source: chunkref_filters::Error::Length {
                        found,
                        expected: self.size,
                    },
                });
            }
            return Ok(Some(Chunk {
                stored,
                decode: None,
            }));
        }
        let decode = match self.profile {
            None => chunk::decoding(self.array, index, self.undo.clone()).map_err(contradiction)?,
            Some((_, profile)) => Decoding {
                undo: self.undo.clone(),
                mask: profile.chunks.filter_mask(index),
                filtered_size: self.filtered_size()?,
                size: self.stored_size,
            },
        };
        Ok(Some(Chunk {
            stored,
            decode: Some(decode),
        }))
    }

    /// Bytes of a chunk of a profile between its filters and its conversion.
    fn filtered_size(&self) -> Result<usize> {
        match &self.undo.conversion {
            Some(conversion) => chunk::bytes_of(&self.chunk_shape, Some(conversion.stored_size))
                .map_err(|reason| contradiction(self.path, reason)),
            None => Ok(self.stored_size),
        }
    }

    /// Where a chunk lies of which parts can be read.
    pub(crate) fn plain_at(&self, chunk: &Chunk<'a>) -> Option<(&'a Location, Range<u64>)> {
        match chunk.stored {
            Stored::There {
                location,
                offset,
                end,
            } if self.is_plain => Some((location, offset..end)),
            _ => None,
        }
    }

    /// Whether parts of its chunks can be read.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The name that a chunk has in errors.
    pub(crate) fn key(&self, index: u64) -> String {
        let place = chunk_coordinates(index, &self.grid).unwrap_or_default();
        let path = self.path.trim_start_matches('/');
        let chunk = zarr::v3::chunk_key(&place);
        match self.profile {
            None => format!("{path}/{chunk}"),
            Some((number, _)) => format!("{path}/p{number}/{chunk}"),
        }
    }
}

pub(super) fn contradiction(path: &str, reason: String) -> Error {
    Error::Manifest {
        key: path.to_owned(),
        reason,
    }
}

pub(super) fn variable(path: &str) -> Error {
    Error::VariableLength {
        path: path.to_owned(),
    }
}
