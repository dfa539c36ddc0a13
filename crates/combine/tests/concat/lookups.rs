//! Whatever is joined, a chunk of the whole is the chunk of its granule.

use crate::granule::{array, in_chunks};
use chunkref_combine::{ConcatOptions, concat};
use chunkref_manifest::{ChunkRef, ChunkTableBuilder, Location, LocationId, Manifest};
use chunkref_manifest::{chunk_coordinates, chunk_grid, chunk_index};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Part {
    chunks: u64,
    /// Elements that the last chunk along the axis lacks; of the last part only.
    short: u64,
    /// What lies in each cell, taken in turn: nothing, a range, or bytes.
    cells: Vec<Option<(u8, u32)>>,
}

fn part() -> impl Strategy<Value = Part> {
    let cell = prop::option::weighted(0.7, (0_u8..4, any::<u32>()));
    (0_u64..4, 0_u64..3, vec(cell, 1..20)).prop_map(|(chunks, short, cells)| Part {
        chunks,
        short,
        cells,
    })
}

fn manifest(part: &Part, number: usize, axis: usize, outer: &[u64], last: bool) -> Manifest {
    let chunk_shape = vec![3; outer.len()];
    let mut shape: Vec<u64> = outer.iter().map(|chunks| chunks * 3 - 1).collect();
    shape[axis] = (part.chunks * 3).saturating_sub(if last { part.short } else { 0 });
    let grid = chunk_grid(&shape, &chunk_shape).unwrap();
    let mut manifest = Manifest::default();
    for object in 0..3 {
        // Object 0 is shared by all granules.
        let url = if object == 0 {
            "shared".to_owned()
        } else {
            format!("{number}/{object}")
        };
        manifest.locations.intern(Location::new(url));
    }
    let mut table = ChunkTableBuilder::new(grid.clone());
    for (index, cell) in (0..grid.iter().product()).zip(part.cells.iter().cycle()) {
        match cell {
            Some((3, bytes)) => table
                .push_inline(index, bytes.to_le_bytes().to_vec().into())
                .unwrap(),
            Some((object, offset)) => {
                let id = LocationId(u32::from(*object));
                table
                    .push(index, id, u64::from(*offset), index + 1)
                    .unwrap();
            }
            None => {}
        }
    }
    let names = ["a", "b", "c"];
    let names: Vec<&str> = (0..outer.len())
        .map(|place| if place == axis { "time" } else { names[place] })
        .collect();
    manifest.root.arrays.insert(
        "v".into(),
        array(&names, &shape, in_chunks(&chunk_shape, table.finish())),
    );
    manifest
}

/// A chunk with the name of its object.
fn named<'a>(
    manifest: &'a Manifest,
    chunk: Option<ChunkRef<'a>>,
) -> Option<(&'a str, u64, u64, &'a [u8])> {
    chunk.map(|chunk| match chunk {
        ChunkRef::Range {
            location,
            offset,
            length,
        } => (
            manifest.locations.get(location).unwrap().url.as_str(),
            offset,
            length,
            &[][..],
        ),
        ChunkRef::Whole { location } => (
            manifest.locations.get(location).unwrap().url.as_str(),
            0,
            0,
            &[][..],
        ),
        ChunkRef::Inline(bytes) => ("", 0, 0, &bytes[..]),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lookups_in_the_whole_equal_lookups_in_the_granules(
        parts in vec(part(), 1..5),
        outer in vec(1_u64..4, 1..4),
        axis in 0_usize..3,
    ) {
        let axis = axis % outer.len();
        let last = parts.iter().rposition(|part| part.chunks > 0).unwrap_or(0);
        let granules: Vec<Manifest> = parts
            .iter()
            .enumerate()
            .map(|(number, part)| manifest(part, number, axis, &outer, number == last))
            .collect();
        let (whole, report) = concat(granules.clone(), "time", &ConcatOptions::new()).unwrap();
        prop_assert_eq!(report.joined, ["v"]);
        let joined = whole.array("v").unwrap();
        let grid = joined.chunk_grid().unwrap();
        let mut first = 0;
        let mut seen = 0;
        for granule in &granules {
            let own = granule.array("v").unwrap();
            let own_grid = own.chunk_grid().unwrap();
            for index in 0..own_grid.iter().product() {
                let mut place = chunk_coordinates(index, &own_grid).unwrap();
                place[axis] += first;
                let found = joined.chunk(chunk_index(&place, &grid).unwrap());
                prop_assert_eq!(named(&whole, found), named(granule, own.chunk(index)));
                seen += 1;
            }
            first += own_grid[axis];
        }
        prop_assert_eq!(seen, grid.iter().product::<u64>());
        prop_assert_eq!(
            joined.stored_chunks(),
            granules.iter().map(|granule| granule.array("v").unwrap().stored_chunks()).sum::<u64>()
        );
    }
}
