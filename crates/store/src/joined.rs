//! Chunks of arrays that are joined from granules which are stored in different ways.

use std::ops::Range;

use bytes::Bytes;
use chunkref_manifest::{Concat, ConcatPart, PartSource};
use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::chunk::Stored;
use crate::decoded;
use crate::error::{Error, Result};
use crate::read::{Copying, Origin, decode, origins, unpack};
use crate::references::Referenced;
use crate::store::Store;

/// Chunks of granules that are fetched at one time for one chunk of the array.
const AT_ONCE: usize = 16;

impl Store {
    /// The chunk at a place of the grid in which a joined array is served: what reaches over the end of
    /// the array is fill.
    pub(crate) async fn of_granules(
        &self,
        key: &str,
        of: Referenced<'_>,
        concat: &Concat,
        place: &[u64],
        size: usize,
    ) -> Result<Bytes> {
        let contradiction = |reason: &str| Error::Manifest {
            key: key.to_owned(),
            reason: reason.to_owned(),
        };
        let array = of.array;
        let origins = origins(of, key, true)?;
        let chunk_shape = concat.chunk_shape();
        let area: Option<Vec<Range<u64>>> = place
            .iter()
            .zip(chunk_shape)
            .zip(&array.shape)
            .map(|((at, length), axis)| {
                let start = at.checked_mul(*length)?;
                Some(start..start.checked_add(*length)?.min(*axis))
            })
            .collect();
        let area = area.ok_or_else(|| contradiction("a chunk past what 64 bits count"))?;
        let element = array.data_type.size().unwrap_or_default();
        let element = usize::try_from(element).unwrap_or(usize::MAX);
        let mut bytes = match array.fill_value.as_deref() {
            Some(fill) if fill.len() == element => {
                fill.repeat(size.checked_div(element).unwrap_or(0))
            }
            Some(_) => return Err(contradiction("a fill value of another size")),
            None => vec![0; size],
        };
        let parts = concat.parts(&array.shape, &area);
        let mut parts = parts.filter_map(|part| wanted(part, &origins));
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some((part, origin)) = parts.next()
            {
                under_way.push(self.part(key, origin, part));
            }
            let Some(read) = under_way.next().await else {
                break;
            };
            let Part {
                area: part,
                within,
                chunk,
                origin,
            } = read?;
            let copying = copying(&part, &area, &within, chunk_shape, origin, element);
            match (chunk, &origin.absent) {
                (Some(chunk), _) => copying.copy(&chunk, 0, &mut bytes, 0),
                (None, Some(absent)) => copying.fill(absent, &mut bytes, 0),
                (None, None) => {}
            }
        }
        Ok(bytes.into())
    }

    async fn part<'o>(
        &self,
        key: &str,
        origin: &'o Origin<'o>,
        (part, chunk, within): Wanted,
    ) -> Result<Part<'o>> {
        let found = match origin.find(chunk)? {
            None => None,
            Some(found) => {
                let kept = decoded::name(&found, origin.unpacking.as_deref());
                let read = async {
                    let stored = match found.stored {
                        Stored::Here(bytes) => bytes,
                        _ => self.bytes_of(key, found.stored).await?,
                    };
                    let name = origin.key(chunk);
                    let (decoding, unpacking) = (found.decode, origin.unpacking.clone());
                    let made = tokio::task::spawn_blocking(move || {
                        let decoded = match decoding {
                            Some(decoding) => decode(&name, stored, decoding)?,
                            None => stored,
                        };
                        unpack(&name, decoded, unpacking.as_deref())
                    });
                    made.await.unwrap_or_else(|_| {
                        Err(Error::Cancelled {
                            key: key.to_owned(),
                        })
                    })
                };
                // Those that reach over a boundary are wanted twice.
                Some(match kept {
                    Some(kept) => self.decoded_chunks().get_or_make(kept, read).await?,
                    None => read.await?,
                })
            }
        };
        Ok(Part {
            area: part,
            within,
            chunk: found,
            origin,
        })
    }
}

/// A part of a chunk: where in the array, which chunk of its profile, where in that.
type Wanted = (Vec<Range<u64>>, u64, Vec<Range<u64>>);

/// A part that was read; without a chunk it is absent.
struct Part<'o> {
    area: Vec<Range<u64>>,
    within: Vec<Range<u64>>,
    chunk: Option<Bytes>,
    origin: &'o Origin<'o>,
}

fn wanted<'o>(part: ConcatPart, origins: &'o [Origin<'o>]) -> Option<(Wanted, &'o Origin<'o>)> {
    match part.source {
        PartSource::Chunk {
            profile,
            chunk,
            within,
        } => {
            let origin = origins.get(profile)?;
            Some(((part.area, chunk, within), origin))
        }
        // The chunk is full of it to begin with.
        _ => None,
    }
}

/// From a chunk of a granule to the chunk that is served.
fn copying(
    part: &[Range<u64>],
    area: &[Range<u64>],
    within: &[Range<u64>],
    chunk_shape: &[u64],
    origin: &Origin<'_>,
    element: usize,
) -> Copying {
    let narrow = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut copying = Copying::new(element);
    let (mut stride, mut out_stride) = (element, element);
    let places = part.iter().zip(area).zip(within);
    let lengths = chunk_shape.iter().zip(&origin.chunk_shape);
    for (((part, area), within), (served, stored)) in places.zip(lengths).rev() {
        let out = narrow(part.start.saturating_sub(area.start));
        let count = narrow(part.end.saturating_sub(part.start));
        copying.wrap(narrow(within.start), 1, stride, (out, out_stride, count));
        stride = stride.saturating_mul(narrow(*stored));
        out_stride = out_stride.saturating_mul(narrow(*served));
    }
    copying
}
