//! What an array must be like to be one that a store can serve: what it says of itself is believed
//! only as far as it can be true, and takes no more than it is worth.

use crate::array::{Array, Codec, Layout};
use crate::chunk_grid::{cell_count, chunk_grid};
use crate::data_type::DataType;
use crate::mapping::{Mapping, Side};

/// The most axes of an array, as in documents.
const MAX_AXES: usize = 64;

/// Chunks of a run of bytes, which take nothing to say: of 32 MiB each they are 512 TiB.
const MAX_RUNS: u64 = 1 << 24;

/// Virtual datasets of virtual datasets, so many levels deep.
const MAX_LEVELS: usize = 4;

/// The most loops of a mapping: HDF5 has two for each of at most 32 axes on either side.
const MAX_LOOPS: usize = 128;

/// Steps along an axis that have to be gone one by one.
const MAX_STEPS: u64 = 1 << 24;

pub(super) fn check_axes(axes: usize) -> Result<(), String> {
    if axes > MAX_AXES {
        return Err(format!("{axes} axes, expected at most {MAX_AXES}"));
    }
    Ok(())
}

/// That the layout of an array can be one of its shape and type.
pub(super) fn check_array(array: &Array) -> Result<(), String> {
    match &array.layout {
        Layout::Chunked { codecs, .. } => check_conversions(codecs, &array.data_type),
        Layout::Contiguous {
            length,
            chunk_shape,
            ..
        } => check_run(array, *length, chunk_shape),
        Layout::Virtual { .. } if levels(array) > MAX_LEVELS => Err(format!(
            "virtual datasets of one another, {} levels deep, expected at most {MAX_LEVELS}",
            levels(array)
        )),
        Layout::Concat(concat) => concat.profiles().iter().try_for_each(|profile| {
            let packing = profile.encoding.packing.as_ref();
            let data_type = packing.map_or(&array.data_type, |packing| &packing.data_type);
            check_conversions(&profile.encoding.codecs, data_type)
        }),
        _ => Ok(()),
    }
}

/// That what elements are converted to has the size of elements.
fn check_conversions(codecs: &[Codec], data_type: &DataType) -> Result<(), String> {
    for codec in codecs {
        if let Codec::Convert(conversion) = codec
            && data_type.size() != Some(conversion.size)
        {
            return Err(format!(
                "elements of {data_type} are converted to {} bytes",
                conversion.size
            ));
        }
    }
    Ok(())
}

/// That chunks of an array are runs, one after the other, of as many bytes as its elements take.
fn check_run(array: &Array, length: u64, chunk_shape: &[u64]) -> Result<(), String> {
    let elements = array
        .shape
        .iter()
        .try_fold(1_u64, |count, length| count.checked_mul(*length));
    let size = array.data_type.size().map(u64::from);
    let bytes = elements
        .zip(size)
        .and_then(|(count, size)| count.checked_mul(size));
    if bytes != Some(length) {
        let size = size.map_or("no fixed number of".to_owned(), |size| size.to_string());
        return Err(format!(
            "a run of {length} bytes for {:?} elements of {size} bytes",
            array.shape
        ));
    }
    if length == 0 {
        return Ok(());
    }
    let mut axes = array.shape.iter().zip(chunk_shape);
    // Of length 1 along the first axes, a part of one, and all of the rest.
    let part = axes.find(|(_, chunk)| **chunk != 1);
    let divides = part.is_none_or(|(axis, chunk)| axis.checked_rem(*chunk) == Some(0));
    if !divides || axes.any(|(axis, chunk)| axis != chunk) {
        return Err(format!(
            "chunks {chunk_shape:?} of {:?}, which are no runs of bytes of one length",
            array.shape
        ));
    }
    let chunks = chunk_grid(&array.shape, chunk_shape);
    let chunks = chunks.as_deref().and_then(cell_count);
    if chunks.is_none_or(|chunks| chunks > MAX_RUNS) {
        return Err(format!("a run in more than {MAX_RUNS} chunks"));
    }
    Ok(())
}

/// How many virtual datasets are made of one another.
fn levels(array: &Array) -> usize {
    let Layout::Virtual { sources, .. } = &array.layout else {
        return 0;
    };
    let deepest = sources.iter().map(levels).max();
    deepest.unwrap_or(0).saturating_add(1)
}

/// That a mapping has the axes of both sides, and no more elements than it can have.
pub(super) fn check_mapping(
    mapping: &Mapping,
    shape: &[u64],
    sources: &[Array],
) -> Result<(), String> {
    let source = sources.get(mapping.source);
    let source = source.ok_or_else(|| format!("a mapping of source {}", mapping.source))?;
    if mapping.loops.len() > MAX_LOOPS {
        let loops = mapping.loops.len();
        return Err(format!(
            "a mapping of {loops} loops, expected at most {MAX_LOOPS}"
        ));
    }
    for (side, axes) in [
        (Side::Array, shape.len()),
        (Side::Source, source.shape.len()),
    ] {
        let fits = mapping.start(side).len() == axes
            && mapping.loops.iter().all(|one| {
                let step = one.step(side);
                step.axis < axes && step.length > 0
            });
        if !fits {
            return Err(format!("a mapping that does not fit {axes} axes"));
        }
        for axis in 0..axes {
            check_steps(mapping, side, axis)?;
        }
    }
    // Each element of the array is one of a source at most once.
    let elements = shape
        .iter()
        .fold(1_u64, |count, length| count.saturating_mul(*length));
    if mapping.elements() > elements {
        return Err(format!(
            "a mapping of {} elements, of an array of {elements}",
            mapping.elements()
        ));
    }
    Ok(())
}

/// That no more steps are to be gone along an axis than there is time for. The last loop, in which
/// elements are next to one another, is gone at one time.
fn check_steps(mapping: &Mapping, side: Side, axis: usize) -> Result<(), String> {
    let loops = mapping.loops.iter();
    let mut loops: Vec<_> = loops
        .filter(|one| one.step(side).axis == axis && one.length > 1)
        .collect();
    if loops.last().is_some_and(|one| one.step(side).length == 1) {
        loops.pop();
    }
    let steps = loops
        .iter()
        .fold(1_u64, |steps, one| steps.saturating_mul(one.length));
    if steps > MAX_STEPS {
        return Err(format!(
            "a mapping of {steps} steps along axis {axis}, expected at most {MAX_STEPS}"
        ));
    }
    Ok(())
}
