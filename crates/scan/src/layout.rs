//! Where the raw data of a dataset lies, as a layout of the manifest.

use std::ops::Range;

use chunkref_filters as filters;
use chunkref_hdf5::{Address, Chunks, Dataset, Filter, Layout};
use chunkref_manifest::{ChunkTable, Codec, Layout as ChunkedLayout, LocationId};

use crate::codec;
use crate::data_type::{Refusal, split_axes};
use crate::error::Error;
use crate::raw::{Extent, Raw, RawChunks};

/// Why a dataset is not in the manifest.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Zarr or this version can't say it; the report gives the reason.
    Refused(Refusal),
    /// The file is at fault; the scan ends.
    Fatal(Error),
}

impl From<Refusal> for Failure {
    fn from(reason: Refusal) -> Self {
        Self::Refused(reason)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::Refused(reason.to_owned())
    }
}

/// The file that a dataset is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granule {
    pub(crate) location: LocationId,
    /// Size in bytes, if known.
    pub(crate) size: Option<u64>,
    /// Added to every address, in bytes.
    pub(crate) base_address: u64,
    /// Whether its data and its metadata lie in pages of their own.
    pub(crate) is_paged: bool,
}

/// The extent of a dataset, its element the whole of an array datatype.
pub(crate) fn extent(dataset: &Dataset) -> Result<Extent, Refusal> {
    let shape = dataset.dataspace.shape().to_vec();
    let element_size = u64::from(dataset.datatype.size());
    let elements = dataset.dataspace.elements();
    let bytes = elements.and_then(|elements| elements.checked_mul(element_size));
    match (elements, bytes) {
        (Some(elements), Some(bytes)) => Ok(Extent {
            shape,
            element_size,
            elements,
            bytes,
        }),
        _ => Err(format!(
            "a shape of {shape:?} elements of {element_size} bytes: over 2^64 bytes"
        )),
    }
}

/// The chunks of a dataset, checked against the file and with their filters sorted out.
#[derive(Debug)]
pub(crate) struct ChunkedData<'a> {
    pub(crate) chunks: &'a Chunks,
    pub(crate) chunk_shape: &'a [u64],
    /// Bytes of a chunk before it is encoded.
    pub(crate) chunk_bytes: u64,
    /// Chunks along each axis, stored or not.
    pub(crate) cells: u64,
    unfiltered_edges: bool,
    filters: &'a [Filter],
    element_size: u32,
}

impl Granule {
    /// Where a contiguous dataset lies; `None` when it was never allocated.
    pub(crate) fn run(
        &self,
        path: &str,
        address: Option<Address>,
        stored: Option<u64>,
        extent: &Extent,
    ) -> Result<Option<Range<u64>>, Failure> {
        let Some(address) = address.and_then(Address::defined) else {
            return Ok(None);
        };
        let malformed = |what: String| {
            Failure::Fatal(Error::Malformed {
                path: path.to_owned(),
                what,
            })
        };
        if let Some(stored) = stored.filter(|&stored| stored < extent.bytes) {
            return Err(malformed(format!(
                "contiguous data of {stored} bytes, expected {}",
                extent.bytes
            )));
        }
        let start = address.0.checked_add(self.base_address);
        let end = start.and_then(|start| start.checked_add(extent.bytes));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(malformed(format!("data at {address} ends past 2^64")));
        };
        self.check_end(path, "contiguous data", start, end)?;
        Ok(Some(start..end))
    }

    /// A run of bytes as equal chunks without filters.
    pub(crate) fn chunks_of_run(
        &self,
        run: &Range<u64>,
        shape: &[u64],
        chunk_shape: Vec<u64>,
    ) -> Result<ChunkedLayout, Refusal> {
        let grid = chunkref_manifest::chunk_grid(shape, &chunk_shape);
        let count = grid.as_deref().and_then(chunkref_manifest::cell_count);
        let (Some(grid), Some(count @ 1..)) = (grid, count) else {
            return Err(format!(
                "chunks of shape {chunk_shape:?} for the shape {shape:?}"
            ));
        };
        let length = run
            .end
            .saturating_sub(run.start)
            .checked_div(count)
            .unwrap_or(0);
        let offset = |index: u64| run.start.saturating_add(index.saturating_mul(length));
        let chunks = ChunkTable::from_columns(
            grid,
            self.location,
            (0..count).collect(),
            (0..count).map(offset).collect(),
            (0..count).map(|_| length).collect(),
        );
        Ok(ChunkedLayout::Chunked {
            chunk_shape,
            codecs: Vec::new(),
            chunks: chunks.map_err(|error| error.to_string())?,
            fill_chunk: None,
        })
    }

    fn check_end(&self, path: &str, what: &str, start: u64, end: u64) -> Result<(), Failure> {
        match self.size {
            Some(size) if end > size => Err(Failure::Fatal(Error::Malformed {
                path: path.to_owned(),
                what: format!(
                    "{what} at {start:#x}: needs bytes up to {end}, but the file ends at {size} (truncated file?)"
                ),
            })),
            _ => Ok(()),
        }
    }

    /// The chunks of a dataset of the chunked layout.
    pub(crate) fn chunked<'a>(
        &self,
        path: &str,
        dataset: &'a Dataset,
        extent: &Extent,
    ) -> Result<ChunkedData<'a>, Failure> {
        let Layout::Chunked {
            chunk_shape,
            element_size,
            unfiltered_edges,
            ..
        } = &dataset.layout
        else {
            return Err("its layout is not chunked".into());
        };
        let chunks = dataset
            .chunks
            .as_ref()
            .ok_or("its chunk index was not read")?;
        let malformed = |what: String| {
            Failure::Fatal(Error::Malformed {
                path: path.to_owned(),
                what,
            })
        };
        if u64::from(*element_size) != extent.element_size {
            return Err(malformed(format!(
                "chunks of elements of {element_size} bytes, expected {}",
                extent.element_size
            )));
        }
        if chunk_shape.len() != extent.shape.len() || chunk_shape.contains(&0) {
            return Err(malformed(format!(
                "chunk shape {chunk_shape:?} for the shape {:?}",
                extent.shape
            )));
        }
        let chunk_bytes = chunk_shape
            .iter()
            .try_fold(extent.element_size, |bytes, &axis| bytes.checked_mul(axis))
            .ok_or_else(|| format!("chunk shape {chunk_shape:?}: over 2^64 bytes"))?;
        let cells = chunks
            .grid
            .iter()
            .try_fold(1_u64, |cells, &axis| cells.checked_mul(axis))
            .ok_or_else(|| format!("chunk grid {:?}: over 2^64 chunks", chunks.grid))?;
        for (&offset, &length) in chunks.offsets.iter().zip(&chunks.lengths) {
            match offset.checked_add(length) {
                Some(end) => self.check_end(path, "a chunk", offset, end)?,
                None => return Err(malformed(format!("a chunk at {offset:#x} ends past 2^64"))),
            }
        }
        Ok(ChunkedData {
            chunks,
            chunk_shape,
            chunk_bytes,
            cells,
            unfiltered_edges: *unfiltered_edges,
            filters: &dataset.filters,
            element_size: split_axes(&dataset.datatype).1.size(),
        })
    }
}

/// How the chunks of a dataset are encoded.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// The filters, in the order a writer applies them.
    pub(crate) pipeline: Vec<filters::Filter>,
    /// As codecs.
    pub(crate) codecs: Vec<Codec>,
    /// The filter mask of each stored chunk, where they differ.
    pub(crate) masks: Option<Vec<u32>>,
}

impl ChunkedData<'_> {
    /// How many chunks of the grid are not stored.
    pub(crate) fn absent(&self) -> u64 {
        let stored = u64::try_from(self.chunks.indices.len()).unwrap_or(u64::MAX);
        self.cells.saturating_sub(stored)
    }

    /// Bits of the filters there are.
    fn all_filters(&self) -> u32 {
        let count = u32::try_from(self.filters.len()).unwrap_or(u32::MAX);
        1_u32
            .checked_shl(count)
            .map_or(u32::MAX, |bit| bit.wrapping_sub(1))
    }

    /// The filter mask of each stored chunk; `None` when none is set. Bits of filters that are not
    /// there are cleared.
    fn masks(&self, extent: &Extent) -> Option<Vec<u32>> {
        let all = self.all_filters();
        let edges = self.unfiltered_edges && all != 0 && has_partial(extent, self.chunk_shape);
        if self.chunks.filter_masks.is_empty() && !edges {
            return None;
        }
        let mut masks = vec![0; self.chunks.indices.len()];
        for &(position, mask) in &self.chunks.filter_masks {
            if let Some(slot) = usize::try_from(position)
                .ok()
                .and_then(|at| masks.get_mut(at))
            {
                *slot = mask & all;
            }
        }
        if edges {
            for (mask, &index) in masks.iter_mut().zip(&self.chunks.indices) {
                if is_partial(index, extent, self.chunk_shape, &self.chunks.grid) {
                    *mask = all;
                }
            }
        }
        masks.iter().any(|&mask| mask != 0).then_some(masks)
    }

    /// The filters that every chunk went through, and the codecs that undo them.
    pub(crate) fn encoding(&self, extent: &Extent) -> Result<Encoding, Refusal> {
        let masks = self.masks(extent);
        let first = masks.as_ref().and_then(|masks| masks.first().copied());
        // Filters that all chunks went without are none.
        let skipped = first.filter(|first| masks.iter().flatten().all(|mask| mask == first));
        let mixed = masks.is_some() && skipped.is_none();
        let applied: Vec<_> = (0_u32..)
            .zip(self.filters)
            .filter(|(bit, _)| skipped.unwrap_or(0).checked_shr(*bit).unwrap_or(0) & 1 == 0)
            .map(|(_, filter)| filter.clone())
            .collect();
        let pipeline = codec::pipeline(&applied, self.element_size)?;
        let codecs = codec::codecs(&pipeline, self.element_size, self.chunk_bytes, mixed);
        if codecs.is_empty()
            && let Some(other) = self
                .chunks
                .lengths
                .iter()
                .find(|&&one| one != self.chunk_bytes)
        {
            return Err(format!(
                "a chunk without filters of {other} bytes, expected {}",
                self.chunk_bytes
            ));
        }
        Ok(Encoding {
            pipeline,
            codecs,
            masks: masks.filter(|_| mixed),
        })
    }

    /// The chunk table; axes of an array datatype are one chunk each.
    pub(crate) fn table(
        &self,
        location: LocationId,
        extra: usize,
        masks: Option<&[u32]>,
    ) -> Result<ChunkTable, Refusal> {
        let mut grid = self.chunks.grid.clone();
        grid.extend(std::iter::repeat_n(1, extra));
        ChunkTable::from_columns(
            grid,
            location,
            self.chunks.indices.clone(),
            self.chunks.offsets.clone(),
            self.chunks.lengths.clone(),
        )
        .and_then(|table| {
            let masks = masks.unwrap_or_default().iter().copied();
            table.with_filter_masks(self.chunks.indices.iter().copied().zip(masks))
        })
        .map_err(|error| error.to_string())
    }

    /// The chunks, to be read by the scan; here masks may differ.
    pub(crate) fn raw(&self, extent: &Extent) -> Result<Raw, Refusal> {
        if self.chunks.indices.is_empty() {
            return Ok(Raw::Nothing);
        }
        let chunks = self.chunks;
        Ok(Raw::Chunks(RawChunks {
            grid: chunks.grid.clone(),
            chunk_shape: self.chunk_shape.to_vec(),
            chunk_bytes: self.chunk_bytes,
            indices: chunks.indices.clone(),
            ranges: chunks
                .offsets
                .iter()
                .zip(&chunks.lengths)
                .map(|(&offset, &length)| offset..offset.saturating_add(length))
                .collect(),
            masks: self
                .masks(extent)
                .unwrap_or_else(|| vec![0; chunks.indices.len()]),
            pipeline: codec::pipeline(self.filters, self.element_size)?,
        }))
    }
}

/// Whether any chunk reaches over the edge of the array.
fn has_partial(extent: &Extent, chunk_shape: &[u64]) -> bool {
    extent
        .shape
        .iter()
        .zip(chunk_shape)
        .any(|(&axis, &chunk)| axis.checked_rem(chunk) != Some(0))
}

/// Whether the chunk with this number reaches over the edge of the array.
fn is_partial(index: u64, extent: &Extent, chunk_shape: &[u64], grid: &[u64]) -> bool {
    let Some(at) = chunkref_manifest::chunk_coordinates(index, grid) else {
        return false;
    };
    at.iter()
        .zip(chunk_shape)
        .zip(&extent.shape)
        .any(|((&at, &chunk), &axis)| {
            at.checked_add(1)
                .and_then(|next| next.checked_mul(chunk))
                .is_none_or(|end| end > axis)
        })
}
