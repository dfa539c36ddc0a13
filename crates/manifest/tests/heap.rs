//! What tables take on the heap, counted by the allocator.

use chunkref_manifest::{ChunkTable, ChunkTableBuilder, LocationId};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const CELLS: u64 = 1_000_000;

/// Bytes a chunk of a table of every `step`th cell of so many, built one chunk after the other.
fn bytes_a_chunk(cells: u64, step: usize, location: impl Fn(u64) -> u32) -> f64 {
    let before = ALLOCATOR.current_usage();
    let mut builder = ChunkTableBuilder::new(vec![cells / 1000, 1000]);
    for index in (0..cells).step_by(step) {
        builder
            .push(
                index,
                LocationId(location(index)),
                index * 5000,
                5000 - index % 7,
            )
            .unwrap();
    }
    let table = builder.finish();
    let taken = ALLOCATOR.current_usage() - before;
    close(table.heap_bytes(), taken);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = taken as f64 / table.stored() as f64;
    each
}

/// Equal but for what the harness allocates beside.
fn close(found: usize, expected: usize) {
    assert!(
        found.abs_diff(expected) < 4096,
        "{found} bytes, expected {expected}"
    );
}

/// One test, as the allocator counts for all threads.
#[test]
fn a_table_takes_what_is_documented() {
    let one = |_| 7;
    // Neighbours share an object, 5000 at a time.
    let runs = |index: u64| u32::try_from(index / 5000).unwrap();
    let many = |index: u64| u32::try_from(index % 1000).unwrap();
    for (what, found, most) in [
        ("dense, one object", bytes_a_chunk(CELLS, 1, one), 12.0),
        ("dense, runs", bytes_a_chunk(CELLS, 1, runs), 12.01),
        ("dense, many objects", bytes_a_chunk(CELLS, 1, many), 16.0),
        ("half, one object", bytes_a_chunk(CELLS, 2, one), 12.3),
        (
            "an eighth, many objects",
            bytes_a_chunk(CELLS, 8, many),
            17.2,
        ),
        (
            "a thirtieth, one object",
            bytes_a_chunk(CELLS, 30, one),
            16.0,
        ),
        ("few, one object", bytes_a_chunk(CELLS, 1000, one), 16.0),
        (
            "few of very many, one object",
            bytes_a_chunk(1 << 33, 100_000, one),
            20.0,
        ),
    ] {
        let grid = 0.1; // 16 bytes, of the fewest chunks
        assert!(
            found <= most + grid,
            "{what}: {found} bytes, expected {most}"
        );
        assert!(
            found >= most - 0.2,
            "{what}: {found} bytes, documented {most}"
        );
    }

    // Columns that were given with room to spare.
    let before = ALLOCATOR.current_usage();
    let column = |scale: u64| {
        let mut column = Vec::with_capacity(3_000_000);
        column.extend((0..CELLS).map(|index| index * scale));
        column
    };
    let grid = vec![CELLS];
    let table =
        ChunkTable::from_columns(grid, LocationId(1), column(1), column(4096), column(1)).unwrap();
    let taken = ALLOCATOR.current_usage() - before;
    close(table.heap_bytes(), taken);
    close(taken, 12 * 1_000_000 + 8);
}
