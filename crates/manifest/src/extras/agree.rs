//! Whether what documents and references of a set say is what the extras say.

use bytes::Bytes;

use crate::array::{Array, Codec, Layout};
use crate::chunk_grid::cell_count;
use crate::chunk_table::{ChunkRef, ChunkTable};
use crate::error::Result;
use crate::location::{LocationId, Locations};
use crate::zarr::read::{brief, v2_array};
use crate::zarr::v2;

/// What the documents of an array say when they are read: an array of no chunks.
pub(super) fn said(array: &Array) -> Result<Array> {
    let documents = v2::array_documents(array)?;
    let attributes = documents.zattrs.as_object();
    let read = v2_array(&documents.zarray, attributes, "");
    read.map(|read| read.array)
        .map_err(crate::error::Error::unsupported)
}

/// Whether an array's table or data is all in its references, such that it is the same when they
/// are read.
pub(super) fn is_in_references(array: &Array, locations: &Locations) -> bool {
    let is_found = |id: LocationId| first_of(id, locations) == id;
    match &array.layout {
        Layout::Chunked { chunks, .. } => {
            let fill = Fill::of(array);
            chunks.iter().all(|(_, chunk)| match chunk {
                ChunkRef::Range {
                    location, length, ..
                } => length > 0 && is_found(location),
                ChunkRef::Whole { location } => is_found(location),
                ChunkRef::Inline(data) => !fill.is(data),
            })
        }
        Layout::Inline { .. } => array.chunk(0).is_some(),
        _ => false,
    }
}

/// Of the locations with this URL the first, which references to it are read as.
fn first_of(id: LocationId, locations: &Locations) -> LocationId {
    let location = locations.get(id);
    let first = location.and_then(|location| locations.find(&location.url));
    first.unwrap_or(id)
}

/// How the documents of an array contradict what they should say; attributes do not count.
pub(super) fn contradiction(found: &Array, expected: &Array) -> Option<String> {
    let differs = |what: &str, found: String, expected: String| {
        Some(format!(
            "{what} {found} in its documents, {expected} in the extras of the set"
        ))
    };
    if found.shape != expected.shape {
        return differs(
            "shape",
            format!("{:?}", found.shape),
            format!("{:?}", expected.shape),
        );
    }
    if found.data_type != expected.data_type {
        return differs(
            "data type",
            found.data_type.to_string(),
            expected.data_type.to_string(),
        );
    }
    if found.chunk_shape() != expected.chunk_shape() {
        return differs(
            "chunks",
            format!("{:?}", found.chunk_shape()),
            format!("{:?}", expected.chunk_shape()),
        );
    }
    if found.dimension_names != expected.dimension_names {
        return differs(
            "dimensions",
            format!("{:?}", found.dimension_names),
            format!("{:?}", expected.dimension_names),
        );
    }
    if found.codecs() != expected.codecs() {
        return differs("codecs", names(found.codecs()), names(expected.codecs()));
    }
    if found.fill_value != expected.fill_value {
        return differs(
            "fill value",
            shown(found.fill_value.as_ref()),
            shown(expected.fill_value.as_ref()),
        );
    }
    None
}

fn names(codecs: &[Codec]) -> String {
    let names: Vec<_> = codecs.iter().map(Codec::to_string).collect();
    format!("[{}]", names.join(", "))
}

fn shown(fill: Option<&Bytes>) -> String {
    fill.map_or_else(
        || "none".to_owned(),
        |bytes| brief(&bytes.iter().copied().collect::<Vec<u8>>().into()),
    )
}

/// How references contradict an array whose chunks are all known. Absent chunks may be there as
/// inline ones of fill values, and chunks of no bytes are inline.
pub(super) fn contradicted(
    expected: &Array,
    found: &ChunkTable,
    locations: &Locations,
) -> Option<String> {
    let first = |chunk| match chunk {
        ChunkRef::Range {
            location,
            offset,
            length,
        } => ChunkRef::Range {
            location: first_of(location, locations),
            offset,
            length,
        },
        ChunkRef::Whole { location } => ChunkRef::Whole {
            location: first_of(location, locations),
        },
        chunk @ ChunkRef::Inline(_) => chunk,
    };
    let fill = Fill::of(expected);
    let mut matched = 0_u64;
    for (index, chunk) in found {
        let is_same = match (chunk, expected.chunk(index)) {
            (ChunkRef::Inline(data), None) => {
                if fill.is(data) {
                    continue;
                }
                false
            }
            (ChunkRef::Inline(data), Some(ChunkRef::Range { length: 0, .. })) => data.is_empty(),
            (found, Some(expected)) => found == first(expected),
            (_, None) => false,
        };
        if !is_same {
            return Some(format!(
                "chunk {index} is another in its references than in the extras of the set"
            ));
        }
        matched = matched.saturating_add(1);
    }
    let expected = expected.stored_chunks();
    (matched != expected)
        .then(|| format!("{matched} chunks in its references, {expected} in the extras of the set"))
}

/// The table without inline chunks of fill values, which stand for absent ones.
pub(super) fn without_fill(array: &Array, found: ChunkTable) -> ChunkTable {
    let fill = Fill::of(array);
    found.retain_inline(|data| !fill.is(data))
}

/// What a writer may put in place of an absent chunk.
struct Fill<'a> {
    encoded: Option<&'a Bytes>,
    /// One element, and how many a chunk has, where they are stored as they are.
    plain: Option<(Vec<u8>, usize)>,
}

impl<'a> Fill<'a> {
    fn of(array: &'a Array) -> Self {
        let elements = cell_count(&array.chunk_shape())
            .and_then(|elements| usize::try_from(elements).ok())
            .filter(|_| array.codecs().is_empty() && array.data_type.size().is_some());
        Self {
            encoded: array.fill_chunk(),
            plain: elements.map(|elements| (v2::fill_bytes(array), elements)),
        }
    }

    fn is(&self, data: &Bytes) -> bool {
        self.encoded.is_some_and(|fill| fill == data)
            || self.plain.as_ref().is_some_and(|(element, count)| {
                element.len().checked_mul(*count) == Some(data.len())
                    && data
                        .chunks(element.len().max(1))
                        .all(|one| one == element.as_slice())
            })
    }
}
