//! Chunks that lie nowhere as such: those of external data files that do not end where chunks do,
//! and those of virtual datasets.

use std::ops::Range;

use bytes::Bytes;
use chunkref_manifest::{Array, Layout, LocationId, Locations, Segment, chunk_coordinates};
use futures::future::BoxFuture;

use crate::chunk::{decoded_size, grid, object};
use crate::error::{Error, Result};
use crate::references::Referenced;
use crate::source::Request;
use crate::store::Store;

impl Store {
    /// The chunk with this number of an array that is put together.
    pub(crate) fn put_together<'a>(
        &'a self,
        key: &'a str,
        of: Referenced<'a>,
        index: u64,
    ) -> BoxFuture<'a, Result<Bytes>> {
        // Boxed: a source may be put together in its turn.
        Box::pin(async move {
            let contradiction = |reason| Error::Manifest {
                key: key.to_owned(),
                reason,
            };
            let Referenced { array, locations } = of;
            let place = grid(array)
                .ok()
                .and_then(|grid| chunk_coordinates(index, &grid))
                .ok_or_else(|| contradiction(format!("chunk {index}: outside the grid")))?;
            let size = decoded_size(array).map_err(contradiction)?;
            match &array.layout {
                Layout::External { segments, .. } => {
                    let run = run(array, &array.chunk_shape(), &place)
                        .ok_or_else(|| contradiction("its chunks are no runs".to_owned()))?;
                    self.joined(key, (segments, locations), run, size).await
                }
                Layout::Virtual {
                    sources, mappings, ..
                } => {
                    self.mapped(key, of, (sources, mappings), &place, size)
                        .await
                }
                Layout::Concat(concat) => self.of_granules(key, of, concat, &place, size).await,
                _ => Err(contradiction("its layout is not put together".to_owned())),
            }
        })
    }

    /// Bytes of segments that follow one another, filled up to `size` with zeros.
    async fn joined(
        &self,
        key: &str,
        (segments, locations): (&[Segment], &Locations),
        run: Range<u64>,
        size: usize,
    ) -> Result<Bytes> {
        let parts = parts(segments, &run);
        let there = parts
            .iter()
            .filter_map(|(place, length)| place.map(|(location, start)| (location, start, length)));
        let requests = there.map(|(location, start, length)| {
            let location = object(location, locations).map_err(|reason| Error::Manifest {
                key: key.to_owned(),
                reason,
            })?;
            Ok(Request {
                key,
                location,
                range: start..start.saturating_add(*length),
            })
        });
        let requests = requests.collect::<Result<Vec<_>>>()?;
        let mut read = self.read_ranges(&requests).await?.into_iter();
        let mut bytes = Vec::with_capacity(size);
        for (place, length) in parts {
            if place.is_some() {
                bytes.extend_from_slice(&read.next().unwrap_or_default());
            } else {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                bytes.resize(bytes.len().saturating_add(length).min(size), 0);
            }
        }
        let expected = run.end.saturating_sub(run.start);
        if u64::try_from(bytes.len()) != Ok(expected) {
            return Err(Error::Short {
                key: key.to_owned(),
                found: bytes.len(),
                expected,
            });
        }
        bytes.resize(size, 0);
        Ok(bytes.into())
    }
}

/// The bytes of an array of plain bytes, C order, that a cell holds; `None` where they are not one
/// run. What reaches over the end is left out.
pub(crate) fn run(array: &Array, cell_shape: &[u64], place: &[u64]) -> Option<Range<u64>> {
    let element = u64::from(array.data_type.size()?);
    let axes = array.shape.iter().zip(cell_shape).zip(place);
    let (mut start, mut length, mut stride) = (0_u64, element, element);
    // Whether all axes so far, from the last one, are whole; whether one was not.
    let mut cut = false;
    for ((&axis, &cell), &place) in axes.rev() {
        let first = place.checked_mul(cell)?;
        let kept = axis.checked_sub(first)?.min(cell);
        if cut && kept != 1 {
            return None;
        }
        cut |= kept != axis;
        start = start.checked_add(first.checked_mul(stride)?)?;
        length = length.checked_mul(kept)?;
        stride = stride.checked_mul(axis)?;
    }
    Some(start..start.checked_add(length)?)
}

/// Where a run of bytes lies: in which object from which byte on, and how many bytes.
fn parts(segments: &[Segment], run: &Range<u64>) -> Vec<(Option<(LocationId, u64)>, u64)> {
    let mut parts = Vec::new();
    let mut at = 0_u64;
    for segment in segments {
        let end = at.saturating_add(segment.length);
        let (from, to) = (at.max(run.start), end.min(run.end));
        if from < to {
            let skipped = from.saturating_sub(at);
            let place = segment
                .place
                .map(|(location, offset)| (location, offset.saturating_add(skipped)));
            parts.push((place, to.saturating_sub(from)));
        }
        at = end;
        if at >= run.end {
            break;
        }
    }
    parts
}
