//! Parts of what is read that lie one after the other, and are written to at the same time.

use super::origin::Origin;
use super::sections::Section;
use super::selection::Slice;

/// No more than this many.
const MOST: u64 = 256;

/// How what is read is divided.
#[derive(Clone, Debug)]
pub(crate) enum Slabs {
    /// Not at all.
    One,
    /// By the chunks along the first axis of which more than one element is read.
    Chunks {
        axis: usize,
        slice: Slice,
        /// Length of a chunk along it, in elements.
        chunk: u64,
        /// So many chunks along that axis belong to one.
        together: u64,
        /// Bytes of what is read from one place along it to the next.
        stride: usize,
    },
    /// By the sections of a joined array: first byte of each.
    Sections(Vec<usize>),
}

impl Slabs {
    pub(crate) fn new(
        shape: &[u64],
        element: usize,
        origins: &[Origin<'_>],
        sections: &[Section],
        joined: Option<usize>,
    ) -> Self {
        let narrow = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let stride = |axis: usize| {
            let inner = shape.get(axis.saturating_add(1)..).unwrap_or_default();
            inner.iter().fold(element, |bytes, length| {
                bytes.saturating_mul(narrow(*length))
            })
        };
        let Some(axis) = shape.iter().position(|length| *length > 1) else {
            return Self::One;
        };
        if joined.is_some() {
            let few = u64::try_from(sections.len()).is_ok_and(|count| count <= MOST);
            let starts = sections.iter().map(|section| {
                let out = section.out.get(axis).copied().unwrap_or_default();
                narrow(out).saturating_mul(stride(axis))
            });
            return if joined == Some(axis) && few {
                Self::Sections(starts.collect())
            } else {
                Self::One
            };
        }
        let found = sections
            .first()
            .zip(origins.first())
            .and_then(|(section, origin)| {
                let slice = *section.slices.get(axis)?;
                Some((slice, *origin.chunk_shape.get(axis)?))
            });
        let Some((slice, chunk)) = found else {
            return Self::One;
        };
        let chunks = slice.chunks(chunk);
        let count = chunks.end.saturating_sub(chunks.start);
        Self::Chunks {
            axis,
            slice,
            chunk,
            together: count.div_ceil(MOST).max(1),
            stride: stride(axis),
        }
    }

    /// The lengths in bytes, in order; together `size`.
    pub(crate) fn lengths(&self, size: usize) -> Vec<usize> {
        match self {
            Self::One => vec![size],
            Self::Chunks {
                slice,
                chunk,
                together,
                stride,
                ..
            } => {
                let chunks = slice.chunks(*chunk);
                let mut lengths = Vec::new();
                let mut start = chunks.start;
                while start < chunks.end {
                    let end = start.saturating_add(*together).min(chunks.end);
                    let places = (start..end)
                        .filter_map(|number| slice.part(number, *chunk))
                        .fold(0_u64, |all, part| all.saturating_add(part.count));
                    let places = usize::try_from(places).unwrap_or(usize::MAX);
                    lengths.push(places.saturating_mul(*stride));
                    start = end;
                }
                lengths
            }
            Self::Sections(starts) => {
                // What lies before the first belongs to none, but a slab begins with the first byte.
                let ends = starts.iter().skip(1).copied().chain([size]);
                let mut from = 0;
                ends.map(|end| end.saturating_sub(std::mem::replace(&mut from, end)))
                    .collect()
            }
        }
    }

    /// The slab that a chunk at this place of its grid goes to, in the section with this number.
    pub(crate) fn of(&self, section: usize, place: &[u64]) -> usize {
        match self {
            Self::One => 0,
            Self::Sections(_) => section,
            Self::Chunks {
                axis,
                slice,
                chunk,
                together,
                ..
            } => {
                let first = slice.chunks(*chunk).start;
                let slab = place
                    .get(*axis)
                    .and_then(|at| at.checked_sub(first))
                    .and_then(|at| at.checked_div(*together));
                slab.and_then(|slab| usize::try_from(slab).ok())
                    .unwrap_or(0)
            }
        }
    }
}
