use super::drive::{Outcome, SUPPLIES, Supply, grid};
use super::image::{Image, at, limited, line, words};
use crate::address::Address;
use crate::chunk_index::ChunkIndex;
use crate::scan::Limits;

/// A version 1 B-tree node of rank 1; entries are chunk size, filter mask, offset and child.
fn node(level: u8, entries: &[(u32, u32, u64, u64)]) -> Vec<u8> {
    let mut out = b"TREE\x01".to_vec();
    out.push(level);
    out.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    out.extend([0xFF; 16]);
    for (size, mask, offset, child) in entries {
        out.extend(size.to_le_bytes());
        out.extend(mask.to_le_bytes());
        out.extend(words(&[*offset, 0, *child]));
    }
    out.extend([0; 24]);
    out
}

fn tree(address: usize) -> ChunkIndex {
    ChunkIndex::BTreeV1 {
        address: Address(at(address)),
    }
}

/// Three levels: nodes of `fanout` entries, and that number cubed of chunks.
fn deep(fanout: u64) -> Image {
    let size = 24 + 32 * fanout + 24;
    let mut image = Image::default();
    let leaves = fanout * fanout;
    let place = |number: u64| 64 + number * size;
    for number in 0..leaves {
        let first = number * fanout;
        let entries: Vec<_> = (first..first + fanout)
            .map(|chunk| (8, 0, chunk * 4, 1 << 20 | chunk))
            .collect();
        image.put(usize::try_from(place(number)).unwrap(), &node(0, &entries));
    }
    for parent in 0..fanout {
        let entries: Vec<_> = (parent * fanout..(parent + 1) * fanout)
            .map(|leaf| (8, 0, leaf * fanout * 4, place(leaf)))
            .collect();
        let address = usize::try_from(place(leaves + parent)).unwrap();
        image.put(address, &node(1, &entries));
    }
    let entries: Vec<_> = (0..fanout)
        .map(|parent| (8, 0, parent * leaves * 4, place(leaves + parent)))
        .collect();
    image.put(
        usize::try_from(place(leaves + fanout)).unwrap(),
        &node(2, &entries),
    );
    image
}

#[test]
fn a_version_1_tree_takes_a_round_trip_per_level() {
    let fanout = 12;
    let image = deep(fanout);
    let root = image.0.len() - usize::try_from(24 + 32 * fanout + 24).unwrap();
    let source = image.source(tree(root), line(fanout.pow(3)));
    for supply in SUPPLIES {
        let Outcome { chunks, waves } = source.read(supply).expect("valid");
        assert!(chunks.indices.iter().copied().eq(0..fanout.pow(3)));
        assert!(
            chunks
                .offsets
                .iter()
                .copied()
                .eq((0..fanout.pow(3)).map(|n| 1 << 20 | n))
        );
        assert!(chunks.filter_masks.is_empty());
        if matches!(supply, Supply::Waves) {
            assert_eq!(waves, 3);
        }
    }
}

#[test]
fn a_node_with_more_entries_than_usual_is_asked_for_again() {
    let entries: Vec<_> = (0..200)
        .map(|n| (8, u32::from(n == 150), n * 4, 9000 + n))
        .collect();
    let mut image = Image::default();
    image.put(32, &node(0, &entries));
    for supply in SUPPLIES {
        let outcome = image
            .source(tree(32), line(200))
            .read(supply)
            .expect("valid");
        assert_eq!(outcome.chunks.indices.len(), 200);
        assert_eq!(outcome.chunks.filter_masks, [(150, 1)]);
        if matches!(supply, Supply::Waves) {
            assert_eq!(outcome.waves, 2);
        }
    }
}

#[test]
fn unordered_chunks_are_sorted_with_their_masks() {
    let mut image = Image::default();
    image.put(
        0,
        &node(
            0,
            &[
                (5, 3, 12, 700),
                (6, 0, 0, 500),
                (7, 2, 4, 600),
                (9, 0, 16, 800),
            ],
        ),
    );
    let mut grid = line(4);
    grid.filtered = true;
    let outcome = image.source(tree(0), grid).read(Supply::Waves);
    let chunks = outcome.expect("valid").chunks;
    // The chunk at 16 lies outside of the shape.
    assert_eq!(chunks.indices, [0, 1, 3]);
    assert_eq!(chunks.offsets, [500, 600, 700]);
    assert_eq!(chunks.lengths, [6, 7, 5]);
    assert_eq!(chunks.filter_masks, [(1, 2), (2, 3)]);
}

#[test]
fn malformed_version_1_trees_are_refused() {
    let mut image = Image(vec![0; 4096]);
    image.put(0, &node(0, &[(8, 0, 4, 500), (8, 0, 4, 600)]));
    assert!(
        image
            .message(tree(0), line(4))
            .contains("chunk 1 is in the chunk index twice")
    );

    image.put(0, &node(0, &[(8, 0, 5, 500)]));
    assert!(
        image
            .message(tree(0), line(4))
            .contains("a chunk at [5, 0], multiples of [4]")
    );

    image.put(0, &node(1, &[(8, 0, 0, 0)]));
    assert!(
        image
            .message(tree(0), line(4))
            .contains("referred to twice")
    );

    image.put(0, &node(2, &[(8, 0, 0, 500)]));
    image.put(500, &node(0, &[]));
    assert!(
        image
            .message(tree(0), line(4))
            .contains("at 0x1f4: level 0, 1 expected")
    );

    image.put(0, &node(0, &[(8, 0, 4, u64::MAX - 3)]));
    assert!(
        image
            .message(tree(0), line(4))
            .contains("overflow the address space")
    );

    image.put(6, &[0xFF, 0xFF]);
    assert!(
        image
            .message(tree(0), line(4))
            .contains("the file ends at 4096")
    );

    let mut other = node(0, &[]);
    other[4] = 0;
    image.put(0, &other);
    assert!(
        image
            .message(tree(0), line(4))
            .contains("type 0, 1 expected")
    );
}

#[test]
fn overlapping_nodes_and_too_many_chunks_are_refused() {
    // Each key of the node at 2100 is the start of a node of 60 entries too.
    let tree_header = u32::from_le_bytes(*b"TREE");
    let mut image = Image(vec![0; 6000]);
    image.put(2100, &node(0, &[(tree_header, 60 << 16 | 1, 0, 500); 90]));
    let children: Vec<_> = (0..30).map(|n| (8, 0, 0, 2124 + 32 * n)).collect();
    image.put(0, &node(1, &children));
    let message = image.message(tree(0), line(4));
    assert!(
        message.contains("overlaps other parts of the chunk index"),
        "{message}"
    );

    let mut image = Image::default();
    image.put(0, &node(0, &[(8, 0, 0, 500), (8, 0, 4, 600)]));
    let limits = Limits {
        chunks: 1,
        ..Limits::default()
    };
    let outcome = image
        .source(tree(0), line(4))
        .read_within(Supply::Waves, limits);
    let error = outcome.expect_err("too many").to_string();
    assert!(
        error.contains("the number of chunks exceeds the limit of 1"),
        "{error}"
    );
}

#[test]
fn formulas_are_bounded_by_the_file() {
    let image = Image(vec![0; 64]);
    let implicit = ChunkIndex::Implicit {
        address: Address(16),
    };
    let chunks = image
        .source(implicit.clone(), limited(3))
        .read(Supply::Waves);
    assert_eq!(chunks.expect("valid").chunks.offsets, [16, 24, 32]);
    assert!(
        image
            .message(implicit.clone(), limited(1 << 40))
            .contains("the whole file has 64")
    );
    let mut filtered = limited(3);
    filtered.filtered = true;
    assert!(
        image
            .message(implicit, filtered)
            .contains("the dataset has filters")
    );

    let single = ChunkIndex::SingleChunk {
        address: Address(8),
        filtered: None,
    };
    assert!(
        image
            .message(single.clone(), limited(2))
            .contains("a grid of [2] chunks")
    );
    let mut filtered = limited(1);
    filtered.filtered = true;
    assert!(
        image
            .message(single.clone(), filtered)
            .contains("is not filtered")
    );
    let empty = image
        .source(single, grid(&[0], &[Some(4)], &[4]))
        .read(Supply::Waves);
    assert_eq!(empty.expect("valid").chunks.indices, [0_u64; 0]);
}

#[test]
fn shapes_that_make_no_grid_are_refused() {
    let image = Image(vec![0; 64]);
    let message = |shape: &[u64], max: &[Option<u64>], chunk: &[u64]| {
        image.message(tree(0), grid(shape, max, chunk))
    };
    assert!(message(&[4], &[None], &[0]).contains("chunks of [0] elements"));
    assert!(message(&[4], &[None], &[1 << 40, 2]).contains("chunks of rank 2"));
    assert!(message(&[4], &[Some(3)], &[2]).contains("exceeds the maximum"));
    assert!(message(&[1 << 63, 4], &[None; 2], &[1, 1]).contains("a grid of"));
    assert!(message(&[4], &[None], &[u64::MAX]).contains("elements of 2 bytes"));
}
