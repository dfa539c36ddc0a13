//! What a set says of an array beside what its file says: descriptions, values, chunks.

use std::collections::{BTreeMap, BTreeSet};

use chunkref_manifest::{Array, ChunkRef, Codec, DataType, LocationId};

use super::finding::Place;
use super::listed::{Listed, place_of};

/// Where the description of an array differs from that in the file.
pub(super) fn described(listed: &Listed<'_>, there: &Array, joined: bool) -> Option<String> {
    let differs = |what: &str, mine: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        Some(format!("{what} {mine:?}, in the file {theirs:?}"))
    };
    let array = listed.array;
    if *listed.data_type() != there.data_type {
        return differs("data type", listed.data_type(), &there.data_type);
    }
    let axes = array.shape.iter().zip(&there.shape);
    let others = axes.filter(|(mine, theirs)| mine != theirs).count();
    if array.shape.len() != there.shape.len() || others > usize::from(joined) {
        return differs("shape", &array.shape, &there.shape);
    }
    let chunk_shape = there.chunk_shape();
    if listed.chunk_shape() != *chunk_shape {
        return differs("chunk shape", &listed.chunk_shape(), &chunk_shape);
    }
    let (codecs, others) = (listed.codecs(), there.codecs());
    if !Codec::are_undone_alike(codecs, others) {
        return differs("codecs", &codecs, &others);
    }
    let is_zero = |fill: &Option<bytes::Bytes>| {
        fill.as_ref()
            .is_none_or(|fill| fill.iter().all(|byte| *byte == 0))
    };
    let (fill, other) = match listed.encoding().and_then(|one| one.packing.as_ref()) {
        Some(packing) => (&packing.fill_value, &there.fill_value),
        None => (&array.fill_value, &there.fill_value),
    };
    // What no chunk holds is the fill value.
    if listed.absent() > 0 && fill != other && !(is_zero(fill) && is_zero(other)) {
        return differs("fill value", fill, other);
    }
    None
}

/// What differs in one chunk, or in how many there are: the chunk, first byte and length, and how.
pub(super) struct Differs {
    pub(super) key: Option<String>,
    pub(super) place: Option<Place>,
    pub(super) reason: String,
}

/// Chunks that are alike: how many, and by how many elements they are further along each axis than in
/// the file, where that is known.
pub(super) struct Alike {
    pub(super) count: u64,
    pub(super) moved: Option<Vec<u64>>,
}

/// By how many elements a chunk lies further along each axis than another.
fn moved_by(listed: &Listed<'_>, number: u64, there: &Listed<'_>, other: u64) -> Option<Vec<u64>> {
    let axes = listed.area(number)?.into_iter().zip(there.area(other)?);
    axes.map(|(mine, theirs)| mine.start.checked_sub(theirs.start))
        .collect()
}

/// By how many elements the first chunk that both have is moved.
pub(super) fn moved(
    listed: &Listed<'_>,
    there: &Listed<'_>,
    same: &BTreeMap<LocationId, LocationId>,
) -> Option<Vec<u64>> {
    let theirs = there.chunks().filter_map(|(number, chunk)| {
        let place = place_of(chunk)?;
        let location = *same.get(&place.location)?;
        Some((Place { location, ..place }, number))
    });
    let theirs: BTreeMap<Place, u64> = theirs.collect();
    listed.chunks().find_map(|(number, chunk)| {
        let other = theirs.get(&place_of(chunk)?)?;
        moved_by(listed, number, there, *other)
    })
}

/// The chunks of the file in the place of which the set has the values themselves.
fn inlined(listed: &Listed<'_>, there: &Listed<'_>, moved: &[u64]) -> BTreeSet<u64> {
    let chunk_shape = there.chunk_shape();
    let numbers = listed.chunks().filter_map(|(number, chunk)| {
        matches!(chunk, Some(ChunkRef::Inline(_))).then_some(())?;
        let starts = listed.area(number)?.into_iter().zip(moved);
        let place: Option<Vec<u64>> = starts
            .zip(&chunk_shape)
            .map(|((area, by), length)| area.start.checked_sub(*by)?.checked_div(*length))
            .collect();
        there.number(&place?)
    });
    numbers.collect()
}

/// Compares the chunks that a table has in some objects with those of a scan, which are numbered
/// otherwise there, one by one. Where several objects are joined, all may lie further along one axis.
/// Chunks of which the set has the values, moved by so many elements, are left out.
pub(super) fn compare(
    listed: &Listed<'_>,
    there: &Listed<'_>,
    same: &BTreeMap<LocationId, LocationId>,
    joined: bool,
    inline: Option<&[u64]>,
) -> Result<Alike, Differs> {
    let ranges = |chunk: (u64, Option<ChunkRef<'_>>)| Some((chunk.0, place_of(chunk.1)?));
    let inlined = inline
        .map(|by| inlined(listed, there, by))
        .unwrap_or_default();
    let wanted: BTreeSet<LocationId> = same.values().copied().collect();
    let mine = listed.chunks().filter_map(ranges);
    let mut mine = mine.filter(|(_, place)| wanted.contains(&place.location));
    let theirs = there.chunks().filter_map(ranges);
    let mut theirs = theirs.filter_map(|(number, place)| {
        let location = *same.get(&place.location)?;
        (!inlined.contains(&number)).then_some((number, Place { location, ..place }))
    });
    let mut moved: Option<Vec<u64>> = None;
    let mut elements = None;
    let mut count = 0_u64;
    loop {
        let (number, place, other, there_place) = match (mine.next(), theirs.next()) {
            (None, None) => {
                return Ok(Alike {
                    count,
                    moved: elements,
                });
            }
            (Some((number, place)), Some((other, there_place))) => {
                (number, place, other, there_place)
            }
            (Some((number, place)), None) => {
                return Err(Differs {
                    key: Some(listed.key(number)),
                    place: Some(place),
                    reason: format!("the file has only {count} chunks"),
                });
            }
            (None, Some((other, _))) => {
                return Err(Differs {
                    key: None,
                    place: None,
                    reason: format!("lacks the file's chunk {}", there.key(other)),
                });
            }
        };
        count = count.saturating_add(1);
        let differs = |reason| Differs {
            key: Some(listed.key(number)),
            place: Some(place),
            reason,
        };
        if place.location != there_place.location {
            return Err(differs("in another file".to_owned()));
        }
        if place != there_place {
            return Err(differs(format!(
                "in the file {} bytes at {}",
                there_place.length, there_place.offset
            )));
        }
        let masks = (listed.filter_mask(number), there.filter_mask(other));
        if masks.0 != masks.1 {
            return Err(differs(format!(
                "filter mask {:#x}, in the file {:#x}",
                masks.0, masks.1
            )));
        }
        let places = listed.place(number).into_iter().zip(there.place(other));
        let by: Option<Vec<u64>> = places
            .map(|(mine, theirs)| mine.checked_sub(theirs))
            .collect();
        let axes = by.iter().flatten().filter(|by| **by > 0).count();
        let alike = moved.is_none() || moved == by;
        if by.is_none() || axes > usize::from(joined) || !alike {
            return Err(differs(format!("in the file it is {}", there.key(other))));
        }
        if moved.is_none() {
            elements = moved_by(listed, number, there, other);
        }
        moved = by;
    }
}

/// Whether elements are equal; what follows on the first NUL of a string is no part of it.
pub(super) fn same(mine: &[u8], theirs: &[u8], data_type: &DataType) -> bool {
    let length = match data_type {
        DataType::FixedString { length } => usize::try_from(*length).unwrap_or(usize::MAX),
        _ => return mine == theirs,
    };
    let text = |element: &[u8]| element.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
    let mut elements = mine.chunks(length.max(1)).zip(theirs.chunks(length.max(1)));
    mine.len() == theirs.len() && elements.all(|(a, b)| text(a) == text(b))
}
