use chunkref_manifest::{ByteOrder, DataType, LocationId, Step};

use super::*;

fn array(shape: &[u64], layout: Layout) -> Array {
    Array {
        shape: shape.to_vec(),
        data_type: DataType::Int {
            size: 4,
            order: ByteOrder::Little,
        },
        dimension_names: vec!["x".to_owned(); shape.len()],
        fill_value: None,
        attributes: chunkref_manifest::Attributes::new(),
        layout,
    }
}

fn nothing(shape: &[u64]) -> Array {
    let data = Bytes::new();
    array(shape, Layout::Inline { data })
}

/// Chunk `n` of location `location` lies at 100 `n`.
fn chunked(shape: &[u64], chunk_shape: &[u64], location: u32, level: u8) -> Array {
    let grid = chunk_grid(shape, chunk_shape).unwrap();
    let count = cell_count(&grid).unwrap();
    let mut table = ChunkTableBuilder::new(grid);
    for index in 0..count {
        table
            .push(index, LocationId(location), 100 * index, 100)
            .unwrap();
    }
    array(
        shape,
        Layout::Chunked {
            chunk_shape: chunk_shape.to_vec(),
            codecs: vec![Codec::Zlib { level }],
            chunks: table.finish(),
            fill_chunk: None,
        },
    )
}

fn contiguous(shape: &[u64], location: u32) -> Array {
    array(
        shape,
        Layout::Contiguous {
            location: LocationId(location),
            offset: 1000,
            length: shape.iter().product::<u64>() * 4,
            chunk_shape: shape.to_vec(),
        },
    )
}

/// A block whose axes are those of the source, from the last one on.
fn block(source: usize, start: &[u64], source_start: &[u64], lengths: &[u64]) -> Mapping {
    let skipped = start.len() - source_start.len();
    let step = |axis| Step { axis, length: 1 };
    let axes = lengths
        .iter()
        .enumerate()
        .filter(|(_, length)| **length > 1);
    Mapping {
        source,
        start: start.to_vec(),
        source_start: source_start.to_vec(),
        loops: axes
            .map(|(axis, &length)| Loop {
                length,
                array: step(axis),
                source: step(axis - skipped),
            })
            .collect(),
    }
}

fn places(aligned: &Aligned) -> Vec<(u64, u32, u64)> {
    let chunks = aligned.chunks.iter();
    chunks
        .map(|(index, chunk)| match chunk {
            ChunkRef::Range {
                location, offset, ..
            } => (index, location.0, offset),
            ChunkRef::Inline(_) => (index, u32::MAX, 0),
            ChunkRef::Whole { .. } => panic!("a chunk of unknown length"),
        })
        .collect()
}

#[test]
fn files_one_after_the_other_are_chunks() {
    let sources = [
        chunked(&[4, 6], &[2, 3], 1, 5),
        chunked(&[3, 6], &[2, 3], 2, 5),
    ];
    let mappings = [
        block(0, &[0, 0], &[0, 0], &[4, 6]),
        block(1, &[4, 0], &[0, 0], &[3, 6]),
    ];
    let found = aligned(&nothing(&[7, 6]), &sources, &mappings, 1 << 20).unwrap();
    assert_eq!(found.chunk_shape, [2, 3]);
    assert_eq!(
        places(&found),
        [
            (0, 1, 0),
            (1, 1, 100),
            (2, 1, 200),
            (3, 1, 300),
            (4, 2, 0),
            (5, 2, 100),
            (6, 2, 200),
            (7, 2, 300),
        ]
    );
    // In the other order the short file does not end where a chunk does.
    let turned = [
        block(1, &[0, 0], &[0, 0], &[3, 6]),
        block(0, &[3, 0], &[0, 0], &[4, 6]),
    ];
    assert!(aligned(&nothing(&[7, 6]), &sources, &turned, 1 << 20).is_none());
}

#[test]
fn stacked_files_have_an_axis_more() {
    let sources = [chunked(&[4], &[2], 1, 5), chunked(&[4], &[2], 2, 5)];
    let mappings = [
        block(0, &[0, 0], &[0], &[1, 4]),
        block(1, &[2, 0], &[0], &[1, 4]),
    ];
    let found = aligned(&nothing(&[3, 4]), &sources, &mappings, 1 << 20).unwrap();
    assert_eq!(found.chunk_shape, [1, 2]);
    assert_eq!(
        places(&found),
        [(0, 1, 0), (1, 1, 100), (4, 2, 0), (5, 2, 100)]
    );
}

#[test]
fn what_differs_is_no_table() {
    let array = nothing(&[8]);
    let whole = [block(0, &[0], &[0], &[4]), block(1, &[4], &[0], &[4])];
    let one = chunked(&[4], &[2], 1, 5);
    let mut filled = chunked(&[4], &[2], 2, 5);
    filled.fill_value = Some(Bytes::from_static(&[1, 0, 0, 0]));
    // A fill value matters only where a chunk is absent.
    assert!(aligned(&array, &[one.clone(), filled.clone()], &whole, 1).is_some());
    if let Layout::Chunked { chunks, .. } = &mut filled.layout {
        *chunks = ChunkTableBuilder::new(vec![2]).finish();
    }
    let mut wide = chunked(&[4], &[2], 2, 5);
    wide.data_type = DataType::Int {
        size: 4,
        order: ByteOrder::Big,
    };
    for other in [
        filled,
        wide,
        chunked(&[4], &[2], 2, 6),
        chunked(&[4], &[4], 2, 5),
        contiguous(&[4], 2),
    ] {
        assert!(aligned(&array, &[one.clone(), other], &whole, 1).is_none());
    }
    // Off the grid, on either side.
    let off = [block(0, &[1], &[0], &[4])];
    assert!(aligned(&array, std::slice::from_ref(&one), &off, 1).is_none());
    let off = [block(0, &[0], &[1], &[2])];
    assert!(aligned(&array, &[one], &off, 1).is_none());
}

#[test]
fn plain_bytes_are_cut_into_runs() {
    let sources = [contiguous(&[4, 3], 1), contiguous(&[2, 3], 2)];
    let mappings = [
        block(0, &[0, 0], &[0, 0], &[4, 3]),
        block(1, &[4, 0], &[0, 0], &[2, 3]),
    ];
    let found = aligned(&nothing(&[6, 3]), &sources, &mappings, 1 << 20).unwrap();
    assert_eq!(found.chunk_shape, [2, 3]);
    assert_eq!(places(&found), [(0, 1, 1000), (1, 1, 1024), (2, 2, 1000)]);
    // Columns: rows of a source are no longer one run.
    let sides = [
        block(0, &[0, 0], &[0, 0], &[4, 3]),
        block(0, &[0, 3], &[0, 0], &[4, 3]),
    ];
    let found = aligned(&nothing(&[4, 6]), &sources, &sides, 1 << 20).unwrap();
    assert_eq!(found.chunk_shape, [4, 3]);
    assert_eq!(places(&found), [(0, 1, 1000), (1, 1, 1000)]);
}

#[test]
fn every_other_row_is_a_chunk_where_rows_are() {
    let source = chunked(&[3, 4], &[1, 4], 1, 5);
    let mut rows = block(0, &[1, 0], &[0, 0], &[3, 4]);
    rows.loops[0].array.length = 2;
    let found = aligned(&nothing(&[6, 4]), &[source], &[rows], 1 << 20).unwrap();
    assert_eq!(places(&found), [(1, 1, 0), (3, 1, 100), (5, 1, 200)]);
}

#[test]
fn later_mappings_take_the_place_of_earlier_ones() {
    let sources = [chunked(&[4], &[2], 1, 5), chunked(&[4], &[2], 2, 5)];
    let mappings = [block(0, &[0], &[0], &[4]), block(1, &[2], &[0], &[2])];
    let found = aligned(&nothing(&[4]), &sources, &mappings, 1 << 20).unwrap();
    assert_eq!(places(&found), [(0, 1, 0), (1, 2, 0)]);
}

#[test]
fn absurd_mappings_are_no_table() {
    let mut points = block(0, &[0], &[0], &[2]);
    points.loops = vec![Loop {
        length: 1 << 40,
        array: Step { axis: 0, length: 2 },
        source: Step { axis: 0, length: 2 },
    }];
    let source = chunked(&[4], &[2], 1, 5);
    assert!(aligned(&nothing(&[1 << 42]), &[source], &[points], 1 << 20).is_none());
}
