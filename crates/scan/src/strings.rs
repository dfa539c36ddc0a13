//! Strings that are read by the scan and written into the manifest.

use bytes::{BufMut, Bytes, BytesMut};
use chunkref_hdf5::{File, HeapId, Padding};

use crate::data_type::Refusal;
use crate::value::{HeapReference, before_nul, trimmed};

/// The references in the raw data of variable-length strings, each of `width` bytes.
///
/// # Errors
/// The reason, where they are malformed or promise more than `limit` bytes.
pub(crate) fn references(
    raw: &[u8],
    width: usize,
    limit: u64,
) -> Result<Vec<HeapReference>, Refusal> {
    let mut references = Vec::with_capacity(raw.len().checked_div(width).unwrap_or(0));
    let mut total = 0_u64;
    for element in raw.chunks_exact(width.max(1)) {
        let reference = HeapReference::read(element)
            .ok_or_else(|| format!("string references of {width} bytes are not supported"))?;
        if reference.object.is_some() {
            total = total.saturating_add(reference.length.into());
        }
        references.push(reference);
    }
    if total > limit {
        return Err(format!(
            "variable-length strings of {total} bytes, over the limit of {limit}"
        ));
    }
    Ok(references)
}

/// The objects of the heap that hold the strings, each once.
pub(crate) fn objects(references: &[HeapReference]) -> Vec<HeapId> {
    let mut objects: Vec<_> = references.iter().filter_map(|one| one.object).collect();
    objects.sort_unstable();
    objects.dedup();
    objects
}

/// The strings as `VLenUTF8` of `NumCodecs` encodes them.
///
/// # Errors
/// The reason, where a string was not found or is not UTF-8.
pub(crate) fn vlen_utf8(references: &[HeapReference], file: &File) -> Result<Bytes, Refusal> {
    let too_many = || "more than 2^32 - 1 strings".to_owned();
    let mut encoded = BytesMut::new();
    encoded.put_u32_le(u32::try_from(references.len()).map_err(|_| too_many())?);
    for (number, reference) in references.iter().enumerate() {
        let bytes =
            string(*reference, file).map_err(|reason| format!("string {number}: {reason}"))?;
        if std::str::from_utf8(bytes).is_err() {
            return Err(format!("string {number}: not UTF-8"));
        }
        encoded.put_u32_le(u32::try_from(bytes.len()).map_err(|_| too_many())?);
        encoded.put_slice(bytes);
    }
    Ok(encoded.freeze())
}

/// One string; as in C, a NUL ends it.
fn string(reference: HeapReference, file: &File) -> Result<&[u8], Refusal> {
    let Some(id) = reference.object else {
        return Ok(&[]);
    };
    let held = file.heap_object(id).ok_or_else(|| {
        format!(
            "object {} of the global heap at {} is not there",
            id.index, id.collection
        )
    })?;
    let length = usize::try_from(reference.length).unwrap_or(usize::MAX);
    match held.get(..length) {
        Some(bytes) => Ok(before_nul(bytes)),
        None => Err(format!("{length} bytes in a heap object of {}", held.len())),
    }
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
        let read = references(&raw, 16, 3).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(objects(&read).len(), 1);
        assert_eq!(read.get(1).unwrap().object, None);
        assert!(references(&raw, 16, 2).unwrap_err().contains("limit of 2"));
    }
}
