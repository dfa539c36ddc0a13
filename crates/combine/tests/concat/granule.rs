//! Arrays and manifests made by hand.

use bytes::Bytes;
use chunkref_combine::{ConcatOptions, Difference, Error, concat};
use chunkref_manifest::{
    Array, Attributes, ByteOrder, ChunkTable, ChunkTableBuilder, DataType, Layout, Location,
    LocationId, Manifest, cell_count, chunk_grid,
};

/// A manifest of one object.
pub(crate) fn granule(url: &str) -> Manifest {
    let mut manifest = Manifest::default();
    manifest.locations.intern(Location::new(url));
    manifest
}

/// An array of little-endian 16-bit integers.
pub(crate) fn array(dimensions: &[&str], shape: &[u64], layout: Layout) -> Array {
    Array {
        shape: shape.to_vec(),
        data_type: DataType::Int {
            size: 2,
            order: ByteOrder::Little,
        },
        dimension_names: dimensions.iter().map(|&name| name.to_owned()).collect(),
        fill_value: None,
        attributes: Attributes::new(),
        layout,
    }
}

/// An array with all its chunks in the first location: 10 bytes each, from `offset` on.
pub(crate) fn chunked(
    dimensions: &[&str],
    shape: &[u64],
    chunk_shape: &[u64],
    offset: u64,
) -> Array {
    let grid = chunk_grid(shape, chunk_shape).unwrap();
    let mut table = ChunkTableBuilder::new(grid.clone());
    for index in 0..cell_count(&grid).unwrap() {
        table
            .push(index, LocationId(0), offset + 10 * index, 10)
            .unwrap();
    }
    array(dimensions, shape, in_chunks(chunk_shape, table.finish()))
}

/// Chunks without codecs.
pub(crate) fn in_chunks(chunk_shape: &[u64], chunks: ChunkTable) -> Layout {
    Layout::Chunked {
        chunk_shape: chunk_shape.to_vec(),
        codecs: Vec::new(),
        chunks,
        fill_chunk: None,
    }
}

/// A run in the first location.
pub(crate) fn run(offset: u64, length: u64, chunk_shape: &[u64]) -> Layout {
    Layout::Contiguous {
        location: LocationId(0),
        offset,
        length,
        chunk_shape: chunk_shape.to_vec(),
    }
}

/// An inline array of one axis of its name's length, of little-endian doubles.
pub(crate) fn inline_f64(dimensions: &[&str], values: &[f64]) -> Array {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let data = Bytes::from(bytes);
    let mut shape = vec![1; dimensions.len()];
    shape[0] = values.len() as u64;
    Array {
        data_type: DataType::Float {
            size: 8,
            order: ByteOrder::Little,
        },
        ..array(dimensions, &shape, Layout::Inline { data })
    }
}

/// Three days of a grid of 4 x 6 in chunks of 1 x 2 x 3.
pub(crate) fn days() -> Vec<Manifest> {
    (0_u32..3)
        .map(|day| {
            let mut manifest = granule(&format!("s3://b/day{day}.nc"));
            let arrays = &mut manifest.root.arrays;
            arrays.insert(
                "sst".into(),
                chunked(
                    &["time", "y", "x"],
                    &[1, 4, 6],
                    &[1, 2, 3],
                    100 * u64::from(day),
                ),
            );
            arrays.insert("time".into(), inline_f64(&["time"], &[f64::from(day)]));
            arrays.insert("y".into(), inline_f64(&["y"], &[1.0, 2.0, 3.0, 4.0]));
            arrays.insert("mask".into(), chunked(&["y", "x"], &[4, 6], &[4, 6], 7000));
            manifest
        })
        .collect()
}

/// How granules are not alike.
pub(crate) fn unlike(manifests: Vec<Manifest>) -> Vec<Difference> {
    match concat(manifests, "time", &ConcatOptions::new()) {
        Err(Error::Unlike { differences, .. }) => differences,
        other => panic!("{other:?}"),
    }
}

/// The one difference: variable and reason. It is always the second granule's.
pub(crate) fn difference(change: impl Fn(&mut Manifest)) -> (String, String) {
    let mut days = days();
    change(&mut days[1]);
    let [one] = <[_; 1]>::try_from(unlike(days)).unwrap();
    assert_eq!(one.granule, "s3://b/day1.nc");
    (one.variable, one.reason)
}
