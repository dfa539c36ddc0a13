//! Arrays joined from granules that are stored in different ways.

mod builder;
mod parts;

use std::ops::Range;

use bytes::Bytes;

use crate::array::Codec;
use crate::chunk_grid::chunk_grid;
use crate::chunk_table::ChunkTable;
use crate::data_type::DataType;
use crate::error::{Error, Result};
pub use builder::ConcatBuilder;
pub use parts::{ConcatPart, ConcatParts, PartSource};

/// How an array is joined along one axis from granules that differ in chunk shape, codecs or
/// packing, or do not end where chunks do.
///
/// Granules that are stored alike share a [`Profile`], whose chunks form one grid: those of a
/// granule follow on those of the granule before it, each from a whole chunk on. [`Span`]s say
/// which elements of the array are which of a profile; they cover the axis without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Concat {
    axis: usize,
    profiles: Vec<Profile>,
    spans: Vec<Span>,
}

/// Chunks that are stored alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// How they are stored.
    pub encoding: Encoding,
    /// Where they lie. Across the joined axis the grid is that of the array's shape.
    pub chunks: ChunkTable,
}

/// How chunks are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    /// Lengths of a chunk's axes in elements, one per axis of the array, none zero.
    pub chunk_shape: Vec<u64>,
    /// What a writer applied, in this order.
    pub codecs: Vec<Codec>,
    /// How elements become those of the array; `None` where they are.
    pub packing: Option<Packing>,
}

/// How stored elements become elements of an array: one that is among `missing` becomes the
/// array's fill value, any other `stored * scale + offset`, computed in 64-bit floating point.
#[derive(Clone, Debug, PartialEq)]
pub struct Packing {
    /// The type of a stored element.
    pub data_type: DataType,
    /// What absent chunks hold: one stored element. `None`: zeros.
    pub fill_value: Option<Bytes>,
    /// Stored elements that mean there is no value.
    pub missing: Vec<Bytes>,
    /// The factor (`scale_factor`), 1 where there is none.
    pub scale: f64,
    /// What is added (`add_offset`), 0 where there is nothing.
    pub offset: f64,
}

/// Elements of an array that follow one another along the joined axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first one.
    pub start: u64,
    /// How many.
    pub length: u64,
    /// What they are.
    pub source: SpanSource,
}

/// What the elements of a [`Span`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanSource {
    /// The array's fill value: a granule that lacks the variable.
    Fill,
    /// The elements of a profile from the start of a chunk on.
    Chunks {
        /// The number of the profile.
        profile: usize,
        /// The chunk's place along the joined axis of the profile's grid.
        first_chunk: u64,
    },
}

impl Span {
    /// Its elements along the joined axis.
    pub fn range(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.length)
    }
}

impl Concat {
    /// A join along an axis of an array of this shape.
    ///
    /// # Errors
    /// When there is no profile, the spans do not cover the axis one after the other, a span lies
    /// outside of its profile's chunks, or a profile does not fit the shape.
    pub fn new(
        shape: &[u64],
        axis: usize,
        profiles: Vec<Profile>,
        spans: Vec<Span>,
    ) -> Result<Self> {
        let length = shape.get(axis).copied();
        let length = length.ok_or_else(|| wrong(format!("axis {axis} of {}", shape.len())))?;
        if profiles.is_empty() {
            return Err(wrong("no profile".to_owned()));
        }
        for (number, profile) in profiles.iter().enumerate() {
            check_profile(profile, shape, axis)
                .map_err(|reason| wrong(format!("profile {number}: {reason}")))?;
        }
        let mut end = 0_u64;
        for (number, span) in spans.iter().enumerate() {
            if span.start != end || span.length == 0 {
                return Err(wrong(format!(
                    "span {number} of {} elements at {}, expected some at {end}",
                    span.length, span.start
                )));
            }
            end = end
                .checked_add(span.length)
                .ok_or_else(|| wrong("more than 2^64 - 1 elements".to_owned()))?;
            check_span(span, &profiles, axis)
                .map_err(|reason| wrong(format!("span {number}: {reason}")))?;
        }
        if end != length {
            return Err(wrong(format!("spans of {end} elements, expected {length}")));
        }
        Ok(Self {
            axis,
            profiles,
            spans,
        })
    }

    /// The joined axis.
    pub fn axis(&self) -> usize {
        self.axis
    }

    /// The ways in which granules are stored.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// What covers the axis, ascending.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The span that holds this element along the joined axis.
    pub fn span(&self, element: u64) -> Option<&Span> {
        let number = self.span_number(element)?;
        self.spans.get(number)
    }

    fn span_number(&self, element: u64) -> Option<usize> {
        let after = self.spans.partition_point(|span| span.start <= element);
        let number = after.checked_sub(1)?;
        let span = self.spans.get(number)?;
        span.range().contains(&element).then_some(number)
    }

    /// Lengths of the axes of the chunks in which the array is served: those of the profile that
    /// holds most elements, of several the first.
    pub fn chunk_shape(&self) -> &[u64] {
        let mut lengths = vec![0_u64; self.profiles.len()];
        for span in &self.spans {
            if let SpanSource::Chunks { profile, .. } = span.source
                && let Some(length) = lengths.get_mut(profile)
            {
                *length = length.saturating_add(span.length);
            }
        }
        let profiles = self.profiles.iter().zip(lengths);
        let most = profiles.reduce(|most, one| if one.1 > most.1 { one } else { most });
        most.map_or(&[], |(profile, _)| &profile.encoding.chunk_shape)
    }

    /// What makes up a box of the array, as parts of chunks; `shape` is that of the array, beyond
    /// which a box has nothing.
    ///
    /// ```
    /// use chunkref_manifest::{ChunkTableBuilder, ConcatBuilder, Encoding, LocationId, PartSource};
    ///
    /// // Two granules of 5 and 4 elements, in chunks of 3.
    /// let encoding = Encoding { chunk_shape: vec![3], codecs: vec![], packing: None };
    /// let mut builder = ConcatBuilder::new(&[0], 0)?;
    /// for length in [5, 4] {
    ///     let mut chunks = ChunkTableBuilder::new(vec![2]);
    ///     chunks.push(0, LocationId(0), 0, 12)?;
    ///     chunks.push(1, LocationId(0), 12, 12)?;
    ///     builder.push(length, encoding.clone(), chunks.finish())?;
    /// }
    /// let concat = builder.concat()?;
    /// let parts: Vec<_> = concat.parts(&[9], &[3..7]).collect();
    /// // The rest of the first granule, and the start of the second.
    /// assert_eq!(parts[0].area, [3..5]);
    /// assert_eq!(parts[1].area, [5..7]);
    /// assert_eq!(
    ///     parts[1].source,
    ///     PartSource::Chunk { profile: 0, chunk: 2, within: vec![0..2] }
    /// );
    /// # Ok::<(), chunkref_manifest::Error>(())
    /// ```
    pub fn parts<'a>(&'a self, shape: &[u64], area: &[Range<u64>]) -> ConcatParts<'a> {
        ConcatParts::new(self, shape, area)
    }
}

fn wrong(reason: String) -> Error {
    Error::Concat { reason }
}

fn check_profile(profile: &Profile, shape: &[u64], axis: usize) -> Result<(), String> {
    let chunk_shape = &profile.encoding.chunk_shape;
    let mut expected = chunk_grid(shape, chunk_shape).ok_or_else(|| {
        format!("chunks {chunk_shape:?}, expected one length above zero for each axis of {shape:?}")
    })?;
    let grid = profile.chunks.grid();
    if let (Some(expected), Some(found)) = (expected.get_mut(axis), grid.get(axis)) {
        *expected = *found;
    }
    if grid == expected {
        Ok(())
    } else {
        Err(format!("chunk grid {grid:?}, expected {expected:?}"))
    }
}

fn check_span(span: &Span, profiles: &[Profile], axis: usize) -> Result<(), String> {
    let SpanSource::Chunks {
        profile: number,
        first_chunk,
    } = span.source
    else {
        return Ok(());
    };
    let profile = profiles.get(number);
    let profile = profile.ok_or_else(|| format!("profile {number} of {}", profiles.len()))?;
    let chunk = profile.encoding.chunk_shape.get(axis).copied();
    let there = profile.chunks.grid().get(axis).copied().unwrap_or(0);
    let wanted = span.length.div_ceil(chunk.unwrap_or(1).max(1));
    let end = first_chunk.checked_add(wanted).filter(|end| *end <= there);
    // Places in the profile are counted in elements, too.
    let counted = chunk.and_then(|chunk| there.checked_mul(chunk));
    if end.is_none() || counted.is_none() {
        return Err(format!(
            "{wanted} chunks from {first_chunk} on, and profile {number} has {there}"
        ));
    }
    Ok(())
}
