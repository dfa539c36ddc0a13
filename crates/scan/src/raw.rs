//! Raw data that the scan itself reads: where it lies, and how its pieces make an array.

use std::ops::Range;

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use chunkref_manifest::chunk_coordinates;

use crate::data_type::Refusal;

/// Extent of an array in elements and bytes, checked not to overflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Lengths of the axes of the dataspace.
    pub(crate) shape: Vec<u64>,
    /// Size in bytes of one element of the dataspace (all of an array datatype).
    pub(crate) element_size: u64,
    /// Number of elements.
    pub(crate) elements: u64,
    /// All elements, in bytes.
    pub(crate) bytes: u64,
}

/// Where the raw data of an array lies.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    /// Nowhere: all is fill.
    Nothing,
    /// In the object header.
    Held(Bytes),
    /// In one run of the file.
    Run(Range<u64>),
    /// In chunks.
    Chunks(RawChunks),
}

/// The chunks of an array.
#[derive(Clone, Debug)]
pub(crate) struct RawChunks {
    /// Chunks along each axis.
    pub(crate) grid: Vec<u64>,
    /// Lengths of a chunk's axes in elements.
    pub(crate) chunk_shape: Vec<u64>,
    /// Bytes of a chunk before it is encoded.
    pub(crate) chunk_bytes: u64,
    /// Numbers of the chunks.
    pub(crate) indices: Vec<u64>,
    /// Where they lie.
    pub(crate) ranges: Vec<Range<u64>>,
    /// Their filter masks.
    pub(crate) masks: Vec<u32>,
    /// Their filters.
    pub(crate) pipeline: Vec<Filter>,
}

impl Raw {
    /// The ranges of the file that must be read.
    pub(crate) fn ranges(&self) -> &[Range<u64>] {
        match self {
            Self::Nothing | Self::Held(_) => &[],
            Self::Run(range) => std::slice::from_ref(range),
            Self::Chunks(chunks) => &chunks.ranges,
        }
    }

    /// The whole array in C order, from the bytes of [`Raw::ranges`]; `fill` is one element, or
    /// empty for zeros. The caller has bounded `extent.bytes`.
    ///
    /// # Errors
    /// The reason, where a chunk can't be decoded.
    pub(crate) fn assemble(
        &self,
        extent: &Extent,
        read: &[Bytes],
        fill: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let length = usize::try_from(extent.bytes).map_err(|_| "too large to read".to_owned())?;
        let whole = |bytes: &Bytes| match bytes.get(..length) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => Err(format!("{} bytes of data, expected {length}", bytes.len())),
        };
        match self {
            Self::Held(bytes) => whole(bytes),
            Self::Run(_) => whole(read.first().ok_or("its data was not read")?),
            Self::Nothing => Ok(filled(length, fill)),
            Self::Chunks(chunks) => {
                let mut array = filled(length, fill);
                let pipeline = Pipeline::new(chunks.pipeline.clone());
                let plain = usize::try_from(chunks.chunk_bytes).unwrap_or(usize::MAX);
                for ((&index, &mask), bytes) in chunks.indices.iter().zip(&chunks.masks).zip(read) {
                    let decoded = pipeline
                        .decode(bytes.clone(), mask, plain)
                        .map_err(|error| format!("chunk {index}: {error}"))?;
                    scatter(extent, chunks, index, &decoded, &mut array)
                        .ok_or_else(|| format!("chunk {index}: outside of the array"))?;
                }
                Ok(array)
            }
        }
    }
}

fn filled(length: usize, fill: &[u8]) -> Vec<u8> {
    if fill.is_empty() {
        vec![0; length]
    } else {
        fill.iter().copied().cycle().take(length).collect()
    }
}

/// Copies a chunk to its place, row by row; what reaches over the edges is left out.
fn scatter(
    extent: &Extent,
    chunks: &RawChunks,
    index: u64,
    decoded: &[u8],
    array: &mut [u8],
) -> Option<()> {
    let start: Vec<u64> = chunk_coordinates(index, &chunks.grid)?
        .iter()
        .zip(&chunks.chunk_shape)
        .map(|(&at, &length)| at.checked_mul(length))
        .collect::<Option<_>>()?;
    let kept: Vec<u64> = start
        .iter()
        .zip(&chunks.chunk_shape)
        .zip(&extent.shape)
        .map(|((&start, &length), &whole)| Some(whole.checked_sub(start)?.min(length)))
        .collect::<Option<_>>()?;
    let (row, outer) = kept.split_last()?;
    let row_bytes = usize::try_from(row.checked_mul(extent.element_size)?).ok()?;
    let rows = outer
        .iter()
        .try_fold(1_u64, |rows, &axis| rows.checked_mul(axis))?;
    for number in 0..rows {
        let mut at = chunk_coordinates(number, outer)?;
        at.push(0);
        let from = linear(&at, &chunks.chunk_shape)?.checked_mul(extent.element_size)?;
        let place: Vec<u64> = at
            .iter()
            .zip(&start)
            .map(|(&at, &start)| at.checked_add(start))
            .collect::<Option<_>>()?;
        let to = linear(&place, &extent.shape)?.checked_mul(extent.element_size)?;
        let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
        let source = decoded.get(from..from.checked_add(row_bytes)?)?;
        array
            .get_mut(to..to.checked_add(row_bytes)?)?
            .copy_from_slice(source);
    }
    Some(())
}

/// The place of an element in C order.
fn linear(at: &[u64], shape: &[u64]) -> Option<u64> {
    at.iter()
        .zip(shape)
        .try_fold(0_u64, |place, (&at, &length)| {
            place.checked_mul(length)?.checked_add(at)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_to_their_places_and_edges_are_cut() {
        // 3 x 3 elements of one byte in chunks of 2 x 2; the chunk at (1, 0) is absent.
        let extent = Extent {
            shape: vec![3, 3],
            element_size: 1,
            elements: 9,
            bytes: 9,
        };
        let raw = Raw::Chunks(RawChunks {
            grid: vec![2, 2],
            chunk_shape: vec![2, 2],
            chunk_bytes: 4,
            indices: vec![0, 1, 3],
            ranges: vec![0..4, 4..8, 8..12],
            masks: vec![0; 3],
            pipeline: Vec::new(),
        });
        let read = [
            Bytes::from_static(&[1, 2, 4, 5]),
            Bytes::from_static(&[3, 99, 6, 99]),
            Bytes::from_static(&[9, 99, 99, 99]),
        ];
        assert_eq!(
            raw.assemble(&extent, &read, &[7]).unwrap(),
            [1, 2, 3, 4, 5, 6, 7, 7, 9]
        );
        let short = [Bytes::from_static(&[1])];
        assert!(raw.assemble(&extent, &short, &[]).is_err());
    }
}
