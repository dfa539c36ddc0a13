//! Values kept in manifests, joined.

use bytes::{Bytes, BytesMut};
use chunkref_manifest::{Array, ChunkRef, ChunkTable, Codec, Layout};

use crate::chunks::{Part, Refused};
use crate::words::by;

/// The most bytes of fill values written out where a granule has no values.
const MAX_FILL_BYTES: usize = 64 << 10;

/// Joins values that are all at hand along `axis`; `None` if some are not.
pub(crate) fn append(parts: &[Part<'_>], axis: usize) -> Option<Result<Layout, Vec<Refused>>> {
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        values.push(held(part.array)?);
    }
    let strings = parts
        .iter()
        .any(|part| part.array.data_type.size().is_none());
    let joined = if strings {
        join_strings(parts, &values, axis)
    } else {
        join_elements(parts, &values, axis)
    };
    Some(joined.map(|data| Layout::Inline { data }))
}

/// The values of an array, uncompressed in C order, if the manifest holds them.
pub(crate) fn held(array: &Array) -> Option<Bytes> {
    match &array.layout {
        Layout::Inline { data } => Some(data.clone()),
        Layout::Chunked {
            chunk_shape,
            codecs,
            chunks,
            ..
        } => decoded(array, chunk_shape, codecs, chunks),
        Layout::Absent { .. } => {
            let size = byte_size(array).filter(|size| *size <= MAX_FILL_BYTES)?;
            filled(array, size)
        }
        _ => None,
    }
}

/// The values of inline chunks that split nothing but the first axis, so that they follow one another.
fn decoded(
    array: &Array,
    chunk_shape: &[u64],
    codecs: &[Codec],
    chunks: &ChunkTable,
) -> Option<Bytes> {
    let whole_rows = array
        .shape
        .iter()
        .zip(chunk_shape)
        .skip(1)
        .all(|(a, b)| a == b);
    if !whole_rows || !chunks.is_complete() {
        return None;
    }
    let pipeline = chunkref_store::pipeline(codecs)?;
    let element = usize::try_from(array.data_type.size()?).ok()?;
    let chunk_size = product(chunk_shape)?.checked_mul(element)?;
    let mut values = BytesMut::new();
    for (index, chunk) in chunks {
        let ChunkRef::Inline(stored) = chunk else {
            return None;
        };
        let mask = chunks.filter_mask(index);
        values.extend_from_slice(&pipeline.decode(stored.clone(), mask, chunk_size).ok()?);
    }
    let size = byte_size(array)?;
    if values.len() < size {
        return None;
    }
    values.truncate(size);
    Some(values.freeze())
}

fn filled(array: &Array, size: usize) -> Option<Bytes> {
    let Some(fill) = array.fill_value.as_ref() else {
        return Some(vec![0; size].into());
    };
    let count = size.checked_div(fill.len())?;
    (count.checked_mul(fill.len()) == Some(size)).then(|| fill.repeat(count).into())
}

pub(crate) fn byte_size(array: &Array) -> Option<usize> {
    let element = usize::try_from(array.data_type.size()?).ok()?;
    product(&array.shape)?.checked_mul(element)
}

fn product(lengths: &[u64]) -> Option<usize> {
    lengths.iter().try_fold(1_usize, |product, length| {
        product.checked_mul(usize::try_from(*length).ok()?)
    })
}

/// Joins elements of equal size: at each place along the axes before the joined one, each part's run.
fn join_elements(parts: &[Part<'_>], values: &[Bytes], axis: usize) -> Result<Bytes, Vec<Refused>> {
    let mut columns = Vec::with_capacity(parts.len());
    let mut outer = 0;
    let mut size = 0_usize;
    for (part, data) in parts.iter().zip(values) {
        outer = part.array.shape.get(..axis).and_then(product).unwrap_or(0);
        let run = data.len().checked_div(outer).unwrap_or(0);
        if byte_size(part.array) != Some(data.len()) || run == 0 {
            return Err(vec![(
                part.granule,
                format!(
                    "{} inline bytes are no array of shape {}",
                    data.len(),
                    by(&part.array.shape)
                ),
            )]);
        }
        size = size.saturating_add(data.len());
        columns.push(data.chunks_exact(run));
    }
    let mut joined = BytesMut::with_capacity(size);
    for _ in 0..outer {
        for run in columns.iter_mut().filter_map(Iterator::next) {
            joined.extend_from_slice(run);
        }
    }
    Ok(joined.freeze())
}

/// Joins strings and bytes as [`Codec::VlenUtf8`] keeps them: their counts added, their bytes in a row.
fn join_strings(parts: &[Part<'_>], values: &[Bytes], axis: usize) -> Result<Bytes, Vec<Refused>> {
    let mut count = 0_u32;
    let mut strings = BytesMut::new();
    for (part, data) in parts.iter().zip(values) {
        let refuse = |reason: &str| vec![(part.granule, reason.to_owned())];
        if axis != 0 {
            return Err(refuse(
                "inline strings are joined along the first axis only",
            ));
        }
        let (own, rest) = data
            .split_first_chunk::<4>()
            .ok_or_else(|| refuse("its inline strings have no count"))?;
        let own = u32::from_le_bytes(*own);
        if product(&part.array.shape) != usize::try_from(own).ok() {
            return Err(refuse("its inline strings are not as many as its elements"));
        }
        count = count
            .checked_add(own)
            .ok_or_else(|| refuse("more than 2^32 - 1 inline strings"))?;
        strings.extend_from_slice(rest);
    }
    let mut joined = BytesMut::with_capacity(strings.len().saturating_add(4));
    joined.extend_from_slice(&count.to_le_bytes());
    joined.extend_from_slice(&strings);
    Ok(joined.freeze())
}
