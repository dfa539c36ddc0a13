//! How far references reach into the objects that they name.

use chunkref_manifest::{Array, ChunkRef, Layout, LocationId, Manifest};

/// For each location, in their order, the end of the last byte that is referred to; 0 where nothing
/// is, or only the whole object.
pub(crate) fn reach(manifest: &Manifest) -> Vec<u64> {
    let mut ends = vec![0; manifest.locations.len()];
    for (_, array) in manifest.arrays() {
        each_range(array, &mut |location, offset, length| {
            let end = usize::try_from(location.0)
                .ok()
                .and_then(|number| ends.get_mut(number));
            if let Some(end) = end {
                *end = offset.saturating_add(length).max(*end);
            }
        });
    }
    ends
}

/// All ranges that an array refers to: location, first byte and length.
pub(crate) fn each_range(array: &Array, take: &mut dyn FnMut(LocationId, u64, u64)) {
    match &array.layout {
        Layout::External { segments, .. } => {
            for segment in segments {
                if let Some((location, offset)) = segment.place {
                    take(location, offset, segment.length);
                }
            }
        }
        Layout::Virtual { sources, .. } => {
            for source in sources {
                each_range(source, take);
            }
        }
        _ => {
            for (_, chunk) in array.chunks() {
                if let ChunkRef::Range {
                    location,
                    offset,
                    length,
                } = chunk
                {
                    take(location, offset, length);
                }
            }
        }
    }
}
