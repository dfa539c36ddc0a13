//! One array of all granules.

use chunkref_manifest::{Array, Layout};

use crate::chunks::{Part, Refused};
use crate::locations::Merged;
use crate::words::by;
use crate::{chunks, compare, inline};

/// One granule's array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// The granule's place among the granules.
    pub(crate) granule: usize,
    /// Its array.
    pub(crate) array: &'a Array,
}

/// Joins arrays along the axis named `dimension`.
pub(crate) fn join(
    members: &[Member<'_>],
    dimension: &str,
    merged: &Merged,
) -> Result<Array, Vec<Refused>> {
    let Some(first) = members.first() else {
        return Err(Vec::new());
    };
    let axis = axis(first.array, dimension).map_err(|reason| vec![(first.granule, reason)])?;
    let mut refused = Vec::new();
    let mut total = 0_u64;
    let mut parts = Vec::with_capacity(members.len());
    for member in members {
        let array = member.array;
        let reasons = compare::differences(array, first.array, false);
        refused.extend(reasons.into_iter().map(|reason| (member.granule, reason)));
        let length = array.shape.get(axis).copied();
        let (Some(length), true) = (length, alike_but(&array.shape, &first.array.shape, axis))
        else {
            let reason = format!(
                "shape {}, expected {} but for the axis {dimension}",
                by(&array.shape),
                by(&first.array.shape)
            );
            refused.push((member.granule, reason));
            continue;
        };
        match total.checked_add(length) {
            Some(sum) => total = sum,
            None => refused.push((member.granule, "more than 2^64 - 1 elements".to_owned())),
        }
        if !array.shape.contains(&0) {
            parts.push(Part {
                granule: member.granule,
                array,
                length,
            });
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut array = first.array.clone();
    if let Some(length) = array.shape.get_mut(axis) {
        *length = total;
    }
    array.layout = layout(&parts, axis, &array, merged)?;
    Ok(array)
}

fn layout(
    parts: &[Part<'_>],
    axis: usize,
    whole: &Array,
    merged: &Merged,
) -> Result<Layout, Vec<Refused>> {
    let put_together: Vec<_> = parts
        .iter()
        .filter(|part| part.array.is_put_together())
        .map(|part| {
            let reason = part.array.beyond_zarr().unwrap_or_default();
            (part.granule, format!("{reason}, so it can't be joined"))
        })
        .collect();
    if !put_together.is_empty() {
        return Err(put_together);
    }
    match parts {
        [] => Ok(whole.layout.clone()),
        [only] => moved(only.array.layout.clone(), only.granule, merged)
            .map_or_else(|| chunks::append(parts, axis, &whole.shape, merged), Ok),
        _ => {
            let any_inline = parts
                .iter()
                .any(|part| matches!(part.array.layout, Layout::Inline { .. }));
            if any_inline {
                return inline::append(parts, axis).unwrap_or_else(|| Err(not_held(parts)));
            }
            chunks::append(parts, axis, &whole.shape, merged)
                .or_else(|refused| inline::append(parts, axis).unwrap_or(Err(refused)))
        }
    }
}

/// A layout that needs no more than a location's new number; `None` for others.
fn moved(layout: Layout, granule: usize, merged: &Merged) -> Option<Layout> {
    match layout {
        Layout::Contiguous {
            location,
            offset,
            length,
            chunk_shape,
        } => Some(Layout::Contiguous {
            location: merged.number(granule, location)?,
            offset,
            length,
            chunk_shape,
        }),
        layout @ (Layout::Inline { .. } | Layout::Absent { .. }) => Some(layout),
        _ => None,
    }
}

fn not_held(parts: &[Part<'_>]) -> Vec<Refused> {
    parts
        .iter()
        .filter(|part| inline::held(part.array).is_none())
        .map(|part| {
            let reason = "its values are not inline, others' are".to_owned();
            (part.granule, reason)
        })
        .collect()
}

fn axis(array: &Array, dimension: &str) -> Result<usize, String> {
    let mut found = array
        .dimension_names
        .iter()
        .enumerate()
        .filter(|(_, name)| *name == dimension)
        .map(|(axis, _)| axis);
    match (found.next(), found.next()) {
        (Some(axis), None) => Ok(axis),
        (Some(_), Some(_)) => Err(format!(
            "has the dimension {dimension} on more than one axis"
        )),
        (None, _) => Err(format!("has no dimension {dimension}")),
    }
}

fn alike_but(shape: &[u64], like: &[u64], axis: usize) -> bool {
    let others = |shape: &[u64]| -> Vec<u64> {
        let numbered = shape.iter().enumerate();
        numbered
            .filter(|(number, _)| *number != axis)
            .map(|(_, length)| *length)
            .collect()
    };
    shape.len() == like.len() && others(shape) == others(like)
}
