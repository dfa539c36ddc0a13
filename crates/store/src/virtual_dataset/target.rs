//! The chunk of a virtual dataset that is put together.

use std::ops::Range;

use chunkref_manifest::{Array, Mapping};

/// The chunk that is put together.
pub(super) struct Target {
    pub(super) bytes: Vec<u8>,
    /// What of the array it is, without what reaches over the end.
    pub(super) area: Vec<Range<u64>>,
    /// From one element to the next along each axis, in bytes.
    strides: Vec<usize>,
    element: usize,
}

impl Target {
    pub(super) fn new(
        array: &Array,
        chunk_shape: &[u64],
        place: &[u64],
        size: usize,
    ) -> Option<Self> {
        let element = usize::try_from(array.data_type.size()?).ok()?;
        let area = place
            .iter()
            .zip(chunk_shape)
            .zip(&array.shape)
            .map(|((&at, &length), &axis)| {
                let start = at.checked_mul(length)?;
                Some(start..start.saturating_add(length).min(axis))
            })
            .collect::<Option<_>>()?;
        let bytes = match array.fill_value.as_deref() {
            Some(fill) if fill.len() == element => fill.repeat(size.checked_div(element)?),
            Some(_) => return None,
            None => vec![0; size],
        };
        Some(Self {
            bytes,
            area,
            strides: strides(chunk_shape, element)?,
            element,
        })
    }

    /// Copies a part of a cell; without bytes it is all fill. `None` where it does not fit.
    pub(super) fn put(
        &mut self,
        part: &Mapping,
        (fill, cell_shape): (&[u8], &[u64]),
        cell: &[u64],
        bytes: Option<&[u8]>,
    ) -> Option<()> {
        let starts = part.start.iter().zip(&self.area).zip(&self.strides);
        let mut to = 0_usize;
        for ((&at, area), stride) in starts {
            let at = usize::try_from(at.checked_sub(area.start)?).ok()?;
            to = to.checked_add(at.checked_mul(*stride)?)?;
        }
        let filled = bytes.is_none();
        let steps = strides(cell_shape, self.element)?;
        let mut from = 0_usize;
        if !filled {
            let places = part.source_start.iter().zip(cell).zip(cell_shape);
            for (((&at, &cell), &length), stride) in places.zip(&steps) {
                let at = usize::try_from(at.checked_sub(cell.checked_mul(length)?)?).ok()?;
                from = from.checked_add(at.checked_mul(*stride)?)?;
            }
        }
        let loops = part
            .loops
            .iter()
            .map(|one| {
                let step = |length: u64, strides: &[usize], axis: usize| {
                    let stride = strides.get(axis).copied()?;
                    usize::try_from(length).ok()?.checked_mul(stride)
                };
                Some(Turns {
                    count: usize::try_from(one.length).ok()?,
                    to: step(one.array.length, &self.strides, one.array.axis)?,
                    from: if filled {
                        0
                    } else {
                        step(one.source.length, &steps, one.source.axis)?
                    },
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let bytes = bytes.unwrap_or(fill);
        copy(&loops, (&mut self.bytes, to), (bytes, from), self.element)
    }
}

/// From one element to the next along each axis, in bytes.
fn strides(shape: &[u64], element: usize) -> Option<Vec<usize>> {
    let mut stride = element;
    let mut strides = Vec::with_capacity(shape.len());
    for &length in shape.iter().rev() {
        strides.push(stride);
        stride = stride.checked_mul(usize::try_from(length).ok()?)?;
    }
    strides.reverse();
    Some(strides)
}

/// A loop in bytes.
#[derive(Clone, Copy)]
struct Turns {
    count: usize,
    to: usize,
    from: usize,
}

/// Copies elements, those that lie side by side at once.
fn copy(
    loops: &[Turns],
    (target, to): (&mut [u8], usize),
    (bytes, from): (&[u8], usize),
    element: usize,
) -> Option<()> {
    let run = match loops {
        [] => element,
        [only] if only.to == element && only.from == element => only.count.checked_mul(element)?,
        [outer, inner @ ..] => {
            for turn in 0..outer.count {
                let to = to.checked_add(turn.checked_mul(outer.to)?)?;
                let from = from.checked_add(turn.checked_mul(outer.from)?)?;
                copy(inner, (&mut *target, to), (bytes, from), element)?;
            }
            return Some(());
        }
    };
    let source = bytes.get(from..from.checked_add(run)?)?;
    target
        .get_mut(to..to.checked_add(run)?)?
        .copy_from_slice(source);
    Some(())
}
