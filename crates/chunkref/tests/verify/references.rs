//! One thing of a set is changed.

use std::collections::BTreeSet;

use chunkref::manifest::{
    Array, ChunkRef, ChunkTable, ChunkTableBuilder, Codec, Layout, LocationId, Manifest,
};

use crate::sets::{FILES, alone, granule, joined, scanned, told, verified};

/// A change of an array, and whether decoding is sure to find it. What is `None` does not apply.
pub(crate) type Changed = Option<(Array, bool)>;

/// A change, by what it does.
type Named = (&'static str, fn(&Array) -> Changed);

/// What is changed.
const CHANGES: [Named; 14] = [
    ("an offset is one more", |array| moved(array, 1, 0)),
    ("an offset is one less", |array| moved(array, -1, 0)),
    ("an offset is past the end", |array| {
        moved(array, 1 << 40, 0).map(|(array, _)| (array, true))
    }),
    ("a length is one less", |array| moved(array, 0, -1)),
    ("a length is one more", |array| {
        // What follows a stream is not read by all filters, and is not wrong for the others.
        moved(array, 0, 1).map(|(array, _)| (array, false))
    }),
    ("a length is zero", |array| {
        let (_, _, length) = first(array)?;
        moved(array, 0, -i64::try_from(length).unwrap()).map(|(array, _)| (array, true))
    }),
    ("two chunks are exchanged", exchanged),
    ("a chunk is missing", missing),
    ("the first codec is missing", |array| {
        let checked = !matches!(
            array.codecs().first()?,
            Codec::Shuffle { .. } | Codec::Convert(_)
        );
        codecs(array, |codecs| drop(codecs.remove(0))).map(|array| (array, checked))
    }),
    ("the last codec is missing", |array| {
        // What follows on a deflated stream, such as a checksum, is not looked at.
        let checked = match array.codecs() {
            [.., Codec::Shuffle { .. }] | [Codec::Convert(_)] => false,
            [before @ .., Codec::Fletcher32] => !before
                .iter()
                .any(|codec| matches!(codec, Codec::Zlib { .. })),
            _ => true,
        };
        codecs(array, |codecs| drop(codecs.pop())).map(|array| (array, checked))
    }),
    ("shuffle is of other elements", |array| {
        codecs(array, |codecs| {
            for codec in codecs {
                if let Codec::Shuffle { element_size } = codec {
                    *element_size *= 2;
                }
            }
        })
        .map(|array| (array, false))
    }),
    ("a filter more", |array| {
        codecs_of_any(array, |codecs| codecs.push(Codec::Zlib { level: 1 }))
            .map(|array| (array, true))
    }),
    ("the first axis is longer", |array| {
        let mut array = array.clone();
        *array.shape.first_mut()? += 1;
        // Within the last chunk only another scan knows.
        let contradicts = array.chunk_grid().ok()? != grid(&array)?;
        Some((array, contradicts))
    }),
    ("the last axis of a chunk is longer", |array| {
        let mut array = array.clone();
        let before = grid(&array)?;
        let Layout::Chunked { chunk_shape, .. } = &mut array.layout else {
            return None;
        };
        *chunk_shape.last_mut()? += 1;
        let contradicts = array.chunk_grid().ok()? != before || !array.codecs().is_empty();
        Some((array, contradicts))
    }),
];

fn grid(array: &Array) -> Option<Vec<u64>> {
    match &array.layout {
        Layout::Chunked { chunks, .. } => Some(chunks.grid().to_vec()),
        _ => None,
    }
}

pub(crate) fn table(array: &Array) -> Option<&ChunkTable> {
    match &array.layout {
        Layout::Chunked { chunks, .. } => Some(chunks),
        _ => None,
    }
}

/// The number, first byte and length of a chunk in the middle.
pub(crate) fn first(array: &Array) -> Option<(u64, u64, u64)> {
    let chunks = table(array)?;
    let middle = usize::try_from(chunks.stored() / 2).unwrap();
    match chunks.iter().nth(middle)? {
        (index, ChunkRef::Range { offset, length, .. }) => Some((index, offset, length)),
        _ => None,
    }
}

/// The array with its chunks as `change` has them.
fn chunks(
    array: &Array,
    mut change: impl FnMut(u64, LocationId, u64, u64) -> Option<(LocationId, u64, u64)>,
) -> Option<Array> {
    let before = table(array)?;
    let mut after = ChunkTableBuilder::new(before.grid().to_vec());
    for (index, chunk) in before {
        let ChunkRef::Range {
            location,
            offset,
            length,
        } = chunk
        else {
            return None;
        };
        if let Some((location, offset, length)) = change(index, location, offset, length) {
            after.push(index, location, offset, length).unwrap();
        }
    }
    let after = after.finish();
    let masks = before.filter_masks().iter().copied();
    let masks = masks.filter(|(index, _)| after.get(*index).is_some());
    let masks: Vec<_> = masks.collect();
    let after = after.with_filter_masks(masks).unwrap();
    let mut array = array.clone();
    let Layout::Chunked { chunks, .. } = &mut array.layout else {
        return None;
    };
    *chunks = after;
    Some(array)
}

pub(crate) fn moved(array: &Array, by: i64, longer: i64) -> Changed {
    let (chosen, offset, length) = first(array)?;
    let there = (
        offset.checked_add_signed(by)?,
        length.checked_add_signed(longer)?,
    );
    let changed = chunks(array, |index, location, offset, length| {
        let (offset, length) = if index == chosen {
            there
        } else {
            (offset, length)
        };
        Some((location, offset, length))
    })?;
    // Plain bytes are as good as any others, as long as there are as many. Streams and checksums say
    // what they are; shuffle does not, nor do all others (nbit leaves a byte over).
    let says = |codec: &Codec| {
        matches!(
            codec,
            Codec::Zlib { .. }
                | Codec::Fletcher32
                | Codec::Zstd { .. }
                | Codec::Bz2 { .. }
                | Codec::Blosc { .. }
        )
    };
    let other = |codec: &Codec| matches!(codec, Codec::Hdf5 { .. });
    let known = array.codecs().iter().any(says);
    let counted = longer != 0 && !array.codecs().iter().any(other);
    Some((changed, known || counted))
}

pub(crate) fn exchanged(array: &Array) -> Changed {
    let (chosen, offset, length) = first(array)?;
    let (other, there) = table(array)?
        .iter()
        .find_map(|(index, chunk)| match chunk {
            ChunkRef::Range {
                location,
                offset,
                length,
            } if index != chosen => Some((index, (location, offset, length))),
            _ => None,
        })?;
    let changed = chunks(array, |index, location, o, l| {
        Some(if index == chosen {
            there
        } else if index == other {
            (location, offset, length)
        } else {
            (location, o, l)
        })
    })?;
    Some((changed, false))
}

fn missing(array: &Array) -> Changed {
    let (chosen, ..) = first(array)?;
    let changed = chunks(array, |index, location, offset, length| {
        (index != chosen).then_some((location, offset, length))
    })?;
    Some((changed, false))
}

pub(crate) fn codecs(array: &Array, change: impl FnOnce(&mut Vec<Codec>)) -> Option<Array> {
    (!array.codecs().is_empty()).then_some(())?;
    let changed = codecs_of_any(array, change)?;
    (changed.codecs() != array.codecs()).then_some(changed)
}

fn codecs_of_any(array: &Array, change: impl FnOnce(&mut Vec<Codec>)) -> Option<Array> {
    let mut array = array.clone();
    let Layout::Chunked { codecs, .. } = &mut array.layout else {
        return None;
    };
    change(codecs);
    Some(array)
}

/// Changes every array of a set in every way; gives how many changes decoding alone missed.
async fn change_all(name: &str, manifest: &Manifest) -> (usize, usize) {
    let (mut tried, mut missed) = (0, 0);
    let mut seen = BTreeSet::new();
    for (path, array) in manifest.arrays() {
        // Two chunks, so that there are others to go by. Of what is stored alike one is enough.
        let few = table(array).is_none_or(|chunks| chunks.stored() < 2);
        let alike = format!("{:?}", array.codecs()).replace(|one: char| one.is_ascii_digit(), "");
        if few || !seen.insert(alike) {
            continue;
        }
        for (what, change) in CHANGES {
            let Some((changed, sure)) = change(array) else {
                continue;
            };
            assert_ne!(changed, *array);
            // Which filters a chunk went through, its mask says.
            let sure = sure && !table(array).unwrap().has_filter_masks();
            let changed = alone(manifest, &path, changed);
            let case = format!("{name}: {path}: {what}");
            tried += 1;
            let mut found = verified(&changed, false).await;
            if found.is_sound() {
                missed += 1;
                assert!(!sure, "{case}: not found without a scan");
                found = verified(&changed, true).await;
            }
            assert!(!found.is_sound(), "{case}: not found");
            for finding in &found.findings {
                let told = finding.to_string();
                assert!(told.contains(path.as_str()), "{case}: {told}");
            }
        }
    }
    (tried, missed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_a_reference_is_found() {
    let (mut changes, mut missed) = (0, 0);
    // The one is stored as the other.
    for name in FILES.iter().filter(|name| **name != "layouts_earliest.h5") {
        let manifest = scanned(&granule(name)).await;
        let (some, of_them) = change_all(name, &manifest).await;
        changes += some;
        missed += of_them;
    }
    eprintln!("{changes} changes, {missed} of them not found without a scan");
    assert!(changes > 100, "{changes}");
    assert!(missed > 0 && missed * 2 < changes, "{missed} of {changes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_a_reference_of_several_objects_is_found() {
    let (changes, missed) = change_all("joined", &joined().await).await;
    eprintln!("{changes} changes, {missed} of them not found without a scan");
    assert!(changes > 0);
}

#[tokio::test]
async fn findings_say_what_and_where() {
    let path = granule("mur_like_20200601.nc");
    let manifest = scanned(&path).await;
    let sst = manifest.array("/analysed_sst").unwrap();
    let (index, offset, length) = first(sst).unwrap();
    let (changed, _) = moved(sst, 1 << 40, 0).unwrap();
    let found = verified(&alone(&manifest, "/analysed_sst", changed), false).await;
    let key = chunkref::manifest::chunk_coordinates(index, table(sst).unwrap().grid()).unwrap();
    let key: Vec<_> = key.iter().map(ToString::to_string).collect();
    let size = std::fs::metadata(&path).unwrap().len();
    let place = format!(
        "/analysed_sst/c/{}: {}: {length} bytes at {}: ",
        key.join("/"),
        path.display(),
        offset + (1 << 40)
    );
    let reason = format!("reaches past the end of the object, which has {size} bytes");
    assert_eq!(told(&found)[0], format!("bounds: {place}{reason}"));
    assert!(
        told(&found)[1].starts_with(&format!("chunk: {place}")),
        "{:?}",
        told(&found)
    );
    assert_eq!(found.findings.len(), 2);
}
