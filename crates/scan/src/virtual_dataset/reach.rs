//! How far a virtual dataset reaches, where that depends on its sources.

use chunkref_hdf5::{Dataset, Hyperslab, Selection, VirtualMapping};

use super::selection::{self, extent, slices};
use super::{Resolved, Sources};
use crate::data_type::Refusal;
use crate::source::{Found, Source};

/// The extent (`H5D_VDS_LAST_AVAILABLE`, no gaps among blocks): along an unlimited axis as far as
/// any source reaches, but not less than the limited selections need.
pub(super) fn shape(dataset: &Dataset, resolved: &[Resolved<'_>]) -> Result<Vec<u64>, Refusal> {
    let mut shape = dataset.dataspace.shape().to_vec();
    let mut least = vec![0; shape.len()];
    let mut reach: Vec<Option<u64>> = vec![None; shape.len()];
    for one in resolved {
        let selection = &one.mapping.selection;
        let unlimited = selection.unlimited();
        for (axis, least) in least.iter_mut().enumerate() {
            if unlimited != Some(axis) {
                *least = (*least).max(end(selection, axis)?);
            }
        }
        let Some(axis) = unlimited else {
            continue;
        };
        let far = match &one.sources {
            Sources::One(Found::Missing) => 0,
            Sources::One(Found::There(source)) => far(one.mapping, source)?,
            Sources::Blocks(blocks) => {
                match u64::try_from(blocks.len()).unwrap_or(0).checked_sub(1) {
                    None => 0,
                    Some(block_number) => end(&block(selection, block_number)?, axis)?,
                }
            }
        };
        if let Some(reach) = reach.get_mut(axis) {
            *reach = Some(reach.unwrap_or(0).max(far));
        }
    }
    for ((length, least), reach) in shape.iter_mut().zip(least).zip(reach) {
        match reach {
            Some(reach) => *length = reach.max(least),
            None if *length < least => {
                return Err(format!(
                    "its mappings reach to {least} along an axis of {length}"
                ));
            }
            None => {}
        }
    }
    Ok(shape)
}

pub(super) fn block(selection: &Selection, number: u64) -> Result<Selection, Refusal> {
    selection::block(selection, number)
        .ok_or_else(|| format!("a selection without a block {number}"))
}

/// The place after the last of a limited selection along an axis; 0 for all.
fn end(selection: &Selection, axis: usize) -> Result<u64, Refusal> {
    let past = || "a selection that ends past 2^64".to_owned();
    match selection {
        Selection::None | Selection::All | Selection::Points { .. } => Ok(0),
        Selection::Regular(slabs) => {
            let Some(Hyperslab {
                start,
                stride,
                count: Some(count),
                block: Some(block),
            }) = slabs.get(axis)
            else {
                return Ok(0);
            };
            if *count == 0 || *block == 0 {
                return Ok(0);
            }
            count
                .saturating_sub(1)
                .checked_mul(*stride)
                .and_then(|span| span.checked_add(*start)?.checked_add(*block))
                .ok_or_else(past)
        }
        Selection::Irregular { rank, corners } => {
            let blocks = corners.chunks_exact(rank.saturating_mul(2).max(1));
            let lasts = blocks.filter_map(|block| block.get(rank.saturating_add(axis)));
            match lasts.max() {
                Some(last) => last.checked_add(1).ok_or_else(past),
                None => Ok(0),
            }
        }
    }
}

/// The unlimited axis of a selection.
fn unlimited(selection: &Selection) -> Option<(usize, &Hyperslab)> {
    let axis = selection.unlimited()?;
    match selection {
        Selection::Regular(slabs) => Some((axis, slabs.get(axis)?)),
        _ => None,
    }
}

/// How many places along the unlimited axes the source has.
pub(super) fn available(mapping: &VirtualMapping, source: &Source) -> Option<u64> {
    let (axis, slab) = unlimited(&mapping.source_selection)?;
    Some(slices(slab, *source.shape().get(axis)?))
}

/// How far the virtual dataset reaches for a source, along its unlimited axis.
fn far(mapping: &VirtualMapping, source: &Source) -> Result<u64, Refusal> {
    let far = available(mapping, source).and_then(|slices| {
        let (_, slab) = unlimited(&mapping.selection)?;
        extent(slab, slices)
    });
    far.ok_or_else(|| "an unlimited selection that does not fit its source".to_owned())
}
