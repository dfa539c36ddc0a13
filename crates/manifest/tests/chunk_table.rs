//! Chunk tables against a map that holds the same chunks.

use std::collections::BTreeMap;

use bytes::Bytes;
use chunkref_manifest::{ChunkRef, ChunkTable, ChunkTableBuilder, Error, LocationId, cell_count};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Chunk {
    Range(u32, u64, u64),
    Whole(u32),
    Inline(Vec<u8>),
}

fn chunk() -> impl Strategy<Value = Chunk> {
    let length = prop_oneof![9 => 0..5_000_u64, 1 => (1_u64 << 32) - 2..1 << 33];
    prop_oneof![
        8 => (0..3_u32, any::<u64>(), length).prop_map(|(l, o, n)| Chunk::Range(l, o, n)),
        1 => prop::collection::vec(any::<u8>(), 0..9).prop_map(Chunk::Inline),
        1 => (0..3_u32).prop_map(Chunk::Whole),
    ]
}

fn model() -> impl Strategy<Value = (Vec<u64>, BTreeMap<u64, Chunk>)> {
    prop::collection::vec(prop_oneof![9 => 1..6_u64, 1 => 1..40_u64], 0..4).prop_flat_map(|grid| {
        let cells = grid.iter().product::<u64>();
        let count = usize::try_from(cells).unwrap();
        let some = prop::collection::btree_map(0..cells, chunk(), 0..=count);
        let all =
            prop::collection::vec(chunk(), count).prop_map(|chunks| (0..).zip(chunks).collect());
        // Neighbours that share an object.
        let run = (chunk(), 1..30_usize).prop_map(|(chunk, length)| vec![chunk; length]);
        let runs = prop::collection::vec(run, 1..8)
            .prop_map(move |runs| (0..cells).zip(runs.into_iter().flatten()).collect());
        (Just(grid), prop_oneof![some, all, runs])
    })
}

fn view(chunk: &Chunk) -> Result<(u32, u64, u64), &[u8]> {
    match chunk {
        Chunk::Range(location, offset, length) => Ok((*location, *offset, *length)),
        Chunk::Whole(location) => Ok((*location, u64::MAX, u64::MAX)),
        Chunk::Inline(data) => Err(data),
    }
}

fn seen(chunk: ChunkRef<'_>) -> Result<(u32, u64, u64), &[u8]> {
    match chunk {
        ChunkRef::Range {
            location,
            offset,
            length,
        } => Ok((location.0, offset, length)),
        ChunkRef::Whole { location } => Ok((location.0, u64::MAX, u64::MAX)),
        ChunkRef::Inline(data) => Err(data),
    }
}

fn size(chunk: &Chunk) -> u64 {
    match chunk {
        Chunk::Range(_, _, length) => *length,
        Chunk::Whole(_) => 0,
        Chunk::Inline(data) => data.len() as u64,
    }
}

fn build(grid: &[u64], model: &BTreeMap<u64, Chunk>) -> ChunkTable {
    let mut builder = ChunkTableBuilder::new(grid.to_vec());
    for (index, chunk) in model {
        match chunk {
            Chunk::Range(location, offset, length) => {
                builder.push(*index, LocationId(*location), *offset, *length)
            }
            Chunk::Whole(location) => builder.push_whole(*index, LocationId(*location)),
            Chunk::Inline(data) => builder.push_inline(*index, Bytes::from(data.clone())),
        }
        .unwrap();
    }
    builder.finish()
}

proptest! {
    #[test]
    fn a_table_holds_what_was_pushed((grid, model) in model()) {
        let table = build(&grid, &model);
        let cells = cell_count(&grid).unwrap();
        prop_assert_eq!(table.grid(), grid.as_slice());
        prop_assert_eq!(table.cells(), cells);
        prop_assert_eq!(table.stored(), model.len() as u64);
        prop_assert_eq!(table.is_complete(), model.len() as u64 == cells);
        prop_assert_eq!(table.stored_bytes(), model.values().map(size).sum::<u64>());
        for index in 0..cells + 2 {
            prop_assert_eq!(table.get(index).map(seen), model.get(&index).map(view));
        }
        let walked: Vec<_> = table.iter().map(|(index, chunk)| (index, seen(chunk))).collect();
        let wanted: Vec<_> = model.iter().map(|(index, chunk)| (*index, view(chunk))).collect();
        prop_assert_eq!(walked, wanted);
        prop_assert_eq!(table.iter().len(), model.len());
    }

    #[test]
    fn locations_are_numbered_anew((grid, model) in model(), numbers in prop::array::uniform3(0..3_u32)) {
        let change = |id: u32| numbers[id as usize];
        let table = build(&grid, &model).map_locations(|id| LocationId(change(id.0)));
        let changed = model.into_iter().map(|(index, chunk)| (index, match chunk {
            Chunk::Range(location, offset, length) => Chunk::Range(change(location), offset, length),
            Chunk::Whole(location) => Chunk::Whole(change(location)),
            inline @ Chunk::Inline(_) => inline,
        })).collect();
        prop_assert_eq!(table, build(&grid, &changed));
    }

    #[test]
    fn columns_make_the_same_table((grid, model) in model()) {
        let rows: Vec<_> = model.iter().filter_map(|(index, chunk)| match chunk {
            Chunk::Range(_, offset, length) => Some((*index, *offset, *length)),
            Chunk::Inline(_) | Chunk::Whole(_) => None,
        }).collect();
        let table = ChunkTable::from_columns(
            grid.clone(),
            LocationId(7),
            rows.iter().map(|row| row.0).collect(),
            rows.iter().map(|row| row.1).collect(),
            rows.iter().map(|row| row.2).collect(),
        ).unwrap();
        let model = rows.into_iter().map(|(i, o, n)| (i, Chunk::Range(7, o, n))).collect();
        prop_assert_eq!(table, build(&grid, &model));
    }
}

#[test]
fn wrong_columns_are_refused() {
    let make = |grid: &[u64], indices: &[u64], lengths: usize| {
        ChunkTable::from_columns(
            grid.to_vec(),
            LocationId(0),
            indices.to_vec(),
            vec![0; indices.len()],
            vec![0; lengths],
        )
        .map_err(|error| error.to_string())
    };
    assert!(make(&[2, 2], &[0, 3], 2).is_ok());
    assert_eq!(
        make(&[2, 2], &[3, 3], 2).unwrap_err(),
        "chunk 3 after chunk 3: expected ascending numbers"
    );
    assert_eq!(
        make(&[2, 2], &[3, 4], 2).unwrap_err(),
        "chunk 4: outside the grid [2, 2], which has 4 cells"
    );
    assert_eq!(
        make(&[2, 2], &[3], 2).unwrap_err(),
        "chunk table columns: 1 indices, 1 offsets, 2 lengths, expected equal numbers"
    );
    assert_eq!(
        make(&[u64::MAX, 2], &[3], 1).unwrap_err(),
        format!("chunk grid [{}, 2]: more than 2^64 - 1 cells", u64::MAX)
    );
}

#[test]
fn wrong_pushes_are_refused_and_leave_no_trace() {
    let mut builder = ChunkTableBuilder::new(vec![3]);
    builder.push(1, LocationId(0), 5, 6).unwrap();
    assert!(matches!(
        builder.push(1, LocationId(0), 5, 6),
        Err(Error::ChunkOrder {
            index: 1,
            previous: 1
        })
    ));
    assert!(matches!(
        builder.push_inline(3, Bytes::new()),
        Err(Error::ChunkOutside {
            index: 3,
            cells: 3,
            ..
        })
    ));
    builder.push_inline(2, Bytes::from_static(b"x")).unwrap();
    let table = builder.finish();
    assert_eq!(table.stored(), 2);
    assert_eq!(table.get(0), None);

    let mut builder = ChunkTableBuilder::new(vec![1 << 40, 1 << 40]);
    assert!(matches!(
        builder.push(0, LocationId(0), 0, 0),
        Err(Error::GridTooLarge { .. })
    ));
    assert!(!builder.finish().is_complete());
    assert!(!ChunkTable::default().is_complete());
}
