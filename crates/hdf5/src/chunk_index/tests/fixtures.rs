use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::drive::{SUPPLIES, Source, Supply, grid};
use crate::address::Address;
use crate::chunk_index::{ChunkIndex, Chunks};

/// A `.chunks.json` file.
#[derive(Deserialize)]
struct Expected {
    shape: Vec<u64>,
    max_shape: Vec<Option<u64>>,
    chunk_shape: Vec<u64>,
    element_size: u32,
    is_filtered: bool,
    base: u64,
    index: Index,
    /// Offsets in elements, byte offset, bytes, filter mask; ascending.
    chunks: Vec<(Vec<u64>, u64, u64, u32)>,
}

#[derive(Deserialize)]
struct Index {
    kind: String,
    address: u64,
    filtered: Option<(u64, u32)>,
}

impl Expected {
    fn index(&self) -> ChunkIndex {
        let address = Address(self.index.address);
        match self.index.kind.as_str() {
            "btree_v1" => ChunkIndex::BTreeV1 { address },
            "single_chunk" => ChunkIndex::SingleChunk {
                address,
                filtered: self.index.filtered,
            },
            "implicit" => ChunkIndex::Implicit { address },
            "fixed_array" => ChunkIndex::FixedArray { address },
            "extensible_array" => ChunkIndex::ExtensibleArray { address },
            "btree_v2" => ChunkIndex::BTreeV2 { address },
            other => panic!("kind {other}"),
        }
    }

    fn chunks(&self) -> Chunks {
        let grid: Vec<u64> = self
            .shape
            .iter()
            .zip(&self.chunk_shape)
            .map(|(length, &chunk)| length.div_ceil(chunk))
            .collect();
        let mut chunks = Chunks::default();
        for ((offsets, at, length, mask), position) in self.chunks.iter().zip(0..) {
            let number = offsets
                .iter()
                .zip(&self.chunk_shape)
                .zip(&grid)
                .fold(0, |number, ((offset, chunk), count)| {
                    number * count + offset / chunk
                });
            chunks.indices.push(number);
            chunks.offsets.push(*at);
            chunks.lengths.push(*length);
            if *mask != 0 {
                chunks.filter_masks.push((position, *mask));
            }
        }
        chunks.grid = grid;
        chunks
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hdf5")
}

fn load(name: &str) -> (Vec<u8>, Expected) {
    let path = folder().join(name);
    let image = std::fs::read(path.with_extension("h5")).expect("a fixture");
    let json = std::fs::read(path.with_extension("chunks.json")).expect("what is expected");
    (image, serde_json::from_slice(&json).expect("valid JSON"))
}

fn source<'a>(image: &'a [u8], expected: &Expected) -> Source<'a> {
    let mut grid = grid(&expected.shape, &expected.max_shape, &expected.chunk_shape);
    grid.element_size = expected.element_size;
    grid.filtered = expected.is_filtered;
    Source {
        image,
        base: expected.base,
        index: expected.index(),
        grid,
    }
}

#[test]
fn all_fixtures_match_libhdf5_in_any_order_of_arrival() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("fixtures")
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".chunks.json").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 35, "{names:?}");
    for name in names {
        let (image, expected) = load(&name);
        let source = source(&image, &expected);
        for supply in SUPPLIES {
            let outcome = source.read(supply);
            let chunks = outcome.unwrap_or_else(|error| panic!("{name}, {supply:?}: {error}"));
            assert_eq!(chunks.chunks, expected.chunks(), "{name}, {supply:?}");
        }
    }
}

#[test]
fn round_trips_are_as_few_as_the_structure_allows() {
    let waves = |name| {
        let (image, expected) = load(name);
        let outcome = source(&image, &expected).read(Supply::Waves);
        outcome.expect("valid").waves
    };
    assert_eq!(waves("implicit"), 0);
    assert_eq!(waves("single_chunk"), 0);
    assert_eq!(waves("btree_v1_sparse"), 1);
    assert_eq!(waves("btree_v1_levels"), 2);
    // Header and data block, of which all pages are asked for at once.
    assert_eq!(waves("fixed_array"), 2);
    assert_eq!(waves("fixed_array_paged"), 2);
    // Header, index block, data blocks.
    assert_eq!(waves("extensible_array"), 3);
    // Header, index block, super blocks, pages.
    assert_eq!(waves("extensible_array_paged"), 4);
    // Header, internal node, leaves.
    assert_eq!(waves("btree_v2_levels"), 3);
}

#[test]
fn any_changed_byte_is_an_error_or_changes_nothing_but_chunks() {
    for name in [
        "fixed_array_filtered",
        "extensible_array",
        "btree_v2",
        "btree_v1_shrunk",
    ] {
        let (image, expected) = load(name);
        for at in 0..image.len() {
            let mut changed = image.clone();
            changed[at] ^= 0x41;
            // Must end without panic; checksums must find all that is read of newer structures.
            let outcome = source(&changed, &expected).read(Supply::Waves);
            if let Ok(outcome) = outcome
                && !name.starts_with("btree_v1")
            {
                assert_eq!(outcome.chunks, expected.chunks(), "{name}, byte {at}");
            }
        }
    }
}

#[test]
fn truncated_files_are_errors() {
    for name in ["fixed_array_paged", "btree_v2_levels", "btree_v1_levels"] {
        let (image, expected) = load(name);
        let start = usize::try_from(expected.index.address).unwrap() + 60;
        let mut cut = source(&image[..start], &expected);
        cut.grid.place.structure = "cut";
        let error = cut.read(Supply::Waves).expect_err("is cut").to_string();
        assert!(
            error.contains("the file ends at") || error.contains("the whole file has"),
            "{error}"
        );
    }
}
