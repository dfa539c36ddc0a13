//! Strings and sequences: the references to them, and the padding of those of fixed length.

use bytes::Bytes;
use chunkref_hdf5::{File, HeapId, Padding};

use crate::data_type::Refusal;
use crate::value::{HeapReference, trimmed};

/// The references in the raw data of strings or sequences of elements of `size` bytes, each
/// reference of `width` bytes.
///
/// # Errors
/// The reason, where they are malformed or promise more than `limit` bytes.
pub(crate) fn references(
    raw: &[u8],
    width: usize,
    size: u64,
    limit: u64,
) -> Result<Vec<HeapReference>, Refusal> {
    let mut references = Vec::with_capacity(raw.len().checked_div(width).unwrap_or(0));
    let mut total = 0_u64;
    for element in raw.chunks_exact(width.max(1)) {
        let reference = HeapReference::read(element)
            .ok_or_else(|| format!("references of {width} bytes into the global heap"))?;
        if reference.object.is_some() {
            total = total.saturating_add(u64::from(reference.length).saturating_mul(size));
        }
        references.push(reference);
    }
    if total > limit {
        return Err(format!(
            "elements of variable length of {total} bytes, over the limit of {limit} (--string-limit)"
        ));
    }
    Ok(references)
}

/// The first bytes of the heap object that is referred to; none where there is no object.
///
/// # Errors
/// The reason, where it is not there or shorter.
pub(crate) fn held(reference: HeapReference, length: usize, file: &File) -> Result<&[u8], Refusal> {
    let Some(id) = reference.object else {
        return Ok(&[]);
    };
    let held = heap_object(file, id)?;
    held.get(..length)
        .ok_or_else(|| format!("{length} bytes in a heap object of {}", held.len()))
}

/// An object of the global heap.
///
/// # Errors
/// The reason, where it was not read or can't be.
pub(crate) fn heap_object(file: &File, id: HeapId) -> Result<&Bytes, Refusal> {
    let missing = || match file.heap.error(id) {
        Some(error) => error.to_string(),
        None => format!(
            "object {} of the global heap at {} was not read",
            id.index, id.collection
        ),
    };
    file.heap_object(id).ok_or_else(missing)
}

/// Strings of fixed length, filled up with NULs in place of what the file has.
pub(crate) fn padded_with_nuls(mut raw: Vec<u8>, length: usize, padding: Padding) -> Bytes {
    for string in raw.chunks_exact_mut(length.max(1)) {
        let kept = trimmed(string, padding).len();
        if let Some(rest) = string.get_mut(kept..) {
            rest.fill(0);
        }
    }
    raw.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_strings_end_in_nuls() {
        let space = padded_with_nuls(b"ab   a b  ".to_vec(), 5, Padding::SpacePadded);
        assert_eq!(&space[..], b"ab\0\0\0a b\0\0");
        let terminated = padded_with_nuls(b"ab\0xyabcde".to_vec(), 5, Padding::NullTerminated);
        assert_eq!(&terminated[..], b"ab\0\0\0abcde");
    }

    #[test]
    fn references_are_bounded_and_absent_ones_are_empty() {
        let mut raw = Vec::new();
        raw.extend_from_slice(&3_u32.to_le_bytes());
        raw.extend_from_slice(&0x100_u64.to_le_bytes());
        raw.extend_from_slice(&1_u32.to_le_bytes());
        raw.extend_from_slice(&[0; 16]);
        let read = references(&raw, 16, 1, 3).unwrap();
        assert_eq!(read.len(), 2);
        assert!(read.first().unwrap().object.is_some());
        assert_eq!(read.get(1).unwrap().object, None);
        for (size, limit) in [(1, 2), (4, 11)] {
            let reason = references(&raw, 16, size, limit).unwrap_err();
            assert!(reason.contains("over the limit"), "{reason}");
        }
    }
}
