//! Arrays joined from granules that are stored in different ways.

use bytes::Bytes;
use chunkref_manifest::{
    Array, ByteOrder, Codec, ConcatBuilder, DataType, Encoding, Layout, Packing, chunk_index,
};
use chunkref_store::{Error, ReadOptions, Selection, Slice, StoreOptions};
use proptest::prelude::*;

use crate::dataset::{Dataset, FLOAT, SHORT, Served, array};

/// Stands for no value.
const MISSING: f32 = -9999.0;

/// A granule of the array.
#[derive(Clone, Debug)]
struct Granule {
    /// Along the joined axis.
    length: u64,
    /// What of the ways to store it.
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The array is not in it.
    Lacking,
    /// As it is, in chunks of this shape.
    Plain([u64; 2]),
    /// With filters.
    Deflated([u64; 2]),
    /// As integers.
    Packed([u64; 2]),
}

impl How {
    /// Chunk shape, codecs, whether as integers.
    fn stored(self) -> Option<([u64; 2], Vec<Codec>, bool)> {
        let zlib = Codec::Zlib { level: 1 };
        match self {
            Self::Lacking => None,
            Self::Plain(chunk_shape) => Some((chunk_shape, vec![], false)),
            Self::Deflated(chunk_shape) => {
                let shuffle = Codec::Shuffle { element_size: 4 };
                Some((chunk_shape, vec![shuffle, zlib], false))
            }
            Self::Packed(chunk_shape) => Some((chunk_shape, vec![zlib], true)),
        }
    }
}

/// How the granules are packed that are.
fn packing() -> Packing {
    Packing {
        data_type: SHORT,
        fill_value: Some(Bytes::from_static(&[4, 0])),
        missing: vec![Bytes::from_static(&[0xff, 0xff])],
        scale: 0.5,
        offset: 10.0,
    }
}

/// Values that all ways of storing have: halves, and missing ones.
fn value(row: u64, column: u64) -> f32 {
    let number = row * 31 + column * 7;
    if number.is_multiple_of(11) {
        MISSING
    } else {
        f32::from(u16::try_from(number % 400).unwrap()) / 2.0 + 10.0
    }
}

/// A joined array of so many columns, whose granules follow one another along the rows; every third
/// chunk is absent.
fn join(data: &mut Dataset, granules: &[Granule], columns: u64, axis: usize) -> (Array, Vec<f32>) {
    let shape = |rows: u64| {
        if axis == 0 {
            [rows, columns]
        } else {
            [columns, rows]
        }
    };
    let mut builder = ConcatBuilder::new(&shape(0), axis).unwrap();
    let total: u64 = granules.iter().map(|granule| granule.length).sum();
    let mut expected = vec![MISSING; usize::try_from(total * columns).unwrap()];
    let mut first = 0;
    for granule in granules {
        let rows = granule.length;
        let Some((chunk_shape, codecs, packed)) = granule.how.stored() else {
            builder.push_fill(rows).unwrap();
            first += rows;
            continue;
        };
        let at = |place: &[u64]| (place[axis] + first, place[1 - axis]);
        let element = |place: &[u64]| {
            let (row, column) = at(place);
            let value = value(row, column);
            if !packed {
                return value.to_le_bytes().to_vec();
            }
            let stored = if value == MISSING {
                -1.0
            } else {
                (value - 10.0) * 2.0
            };
            #[expect(clippy::cast_possible_truncation, reason = "whole numbers below 400")]
            let stored = stored as i16;
            stored.to_le_bytes().to_vec()
        };
        let grid: Vec<u64> = shape(rows)
            .iter()
            .zip(chunk_shape)
            .map(|(length, chunk)| length.div_ceil(chunk))
            .collect();
        let absent: Vec<u64> = (0..grid.iter().product())
            .filter(|chunk| chunk % 3 == 2)
            .collect();
        let data_type = if packed { SHORT } else { FLOAT };
        let made = data.chunked(
            data_type,
            &shape(rows),
            &chunk_shape,
            &codecs,
            &absent,
            element,
        );
        for row in 0..rows {
            for column in 0..columns {
                let place = if axis == 0 {
                    [row, column]
                } else {
                    [column, row]
                };
                let chunk = [place[0] / chunk_shape[0], place[1] / chunk_shape[1]];
                let is_absent = absent.contains(&chunk_index(&chunk, &grid).unwrap());
                let value = match (is_absent, packed) {
                    (false, _) => value(row + first, column),
                    (true, false) => MISSING,
                    // What absent chunks of packed granules hold: 4.
                    (true, true) => 12.0,
                };
                let (row, column, rows) = (row + first, column, total);
                let index = if axis == 0 {
                    row * columns + column
                } else {
                    column * rows + row
                };
                expected[usize::try_from(index).unwrap()] = value;
            }
        }
        let encoding = Encoding {
            chunk_shape: chunk_shape.to_vec(),
            codecs,
            packing: packed.then(packing),
        };
        let Layout::Chunked { chunks, .. } = made.layout else {
            panic!("not in chunks");
        };
        builder.push(rows, encoding, chunks).unwrap();
        first += rows;
    }
    let layout = Layout::Concat(Box::new(builder.concat().unwrap()));
    let mut joined = array(FLOAT, &shape(total), layout);
    joined.fill_value = Some(Bytes::copy_from_slice(&MISSING.to_le_bytes()));
    (joined, expected)
}

fn granule() -> impl Strategy<Value = Granule> {
    let chunk = || (1..5_u64, 1..5_u64).prop_map(|(rows, columns)| [rows, columns]);
    // Few shapes, so that profiles are shared.
    let how = prop_oneof![
        1 => Just(How::Lacking),
        2 => Just(How::Plain([2, 3])),
        2 => chunk().prop_map(How::Deflated),
        2 => Just(How::Packed([3, 2])),
    ];
    (1..7_u64, how).prop_map(|(length, how)| Granule { length, how })
}

fn serve(granules: &[Granule], columns: u64, axis: usize) -> (Served, Vec<f32>, Vec<u64>) {
    let mut data = Dataset::empty();
    let (joined, expected) = join(&mut data, granules, columns, axis);
    let shape = joined.shape.clone();
    data.insert("a", joined);
    (data.served(StoreOptions::new()), expected, shape)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn granules_read_as_one_array(
        granules in proptest::collection::vec(granule(), 1..6),
        columns in 1..6_u64,
        axis in 0..2_usize,
        cut in (0..30_u64, 0..30_u64, 1..4_u64, 1..3_u64),
    ) {
        prop_assume!(granules.iter().any(|granule| granule.how != How::Lacking));
        let (served, expected, shape) = serve(&granules, columns, axis);
        let whole = served.store.read_array("/a", 1 << 20).unwrap();
        prop_assert_eq!(floats(&whole.bytes), expected.clone());
        // Key by key, as zarrs asks for it.
        let array = zarrs::array::Array::open(served.store.clone(), "/a").unwrap();
        let read: Vec<f32> = array.retrieve_array_subset(&array.subset_all()).unwrap();
        prop_assert_eq!(read, expected.clone());
        // Parts.
        let within = |at: u64, axis: usize| at.min(shape[axis]);
        let (start, stop) = (cut.0.min(cut.1), cut.0.max(cut.1));
        let slices = [
            Slice::new(within(start, 0), within(stop, 0)).with_step(cut.2),
            Slice::new(within(start / 3, 1), shape[1]).with_step(cut.3),
        ];
        let place = |row: u64, column: u64| usize::try_from(row * shape[1] + column).unwrap();
        let along = |slice: Slice| (slice.start..slice.stop).step_by(usize::try_from(slice.step()).unwrap());
        let wanted: Vec<f32> = along(slices[0])
            .flat_map(|row| along(slices[1]).map(move |column| (row, column)))
            .map(|(row, column)| expected[place(row, column)])
            .collect();
        let options = ReadOptions::default().with_memory(100);
        let part = served.store.read("/a", &Selection::slices(slices), options).unwrap();
        prop_assert_eq!(floats(&part.bytes), wanted);
        // The same twice along one axis, after the start of it.
        let runs = [vec![Slice::new(0, 1), slices[0], slices[0]], vec![slices[1]]];
        let rows = runs[0].iter().flat_map(|slice| along(*slice));
        let wanted: Vec<f32> = rows
            .flat_map(|row| along(slices[1]).map(move |column| (row, column)))
            .map(|(row, column)| expected[place(row, column)])
            .collect();
        let twice = served.store.read("/a", &Selection::runs(runs), options).unwrap();
        prop_assert_eq!(floats(&twice.bytes), wanted);
        let points: Vec<Vec<u64>> = (0..6)
            .map(|n| vec![(cut.0 + 5 * n) % shape[0], (cut.1 + 3 * n) % shape[1]])
            .collect();
        let wanted: Vec<f32> = points.iter().map(|at| expected[place(at[0], at[1])]).collect();
        let picked = served.store.read("/a", &Selection::points(points), options).unwrap();
        prop_assert_eq!(floats(&picked.bytes), wanted);
    }
}

/// Chunks that reach over a boundary are needed for two of the chunks that are served.
#[test]
fn through_keys_each_chunk_is_fetched_once() {
    let how = How::Deflated([4, 4]);
    let ragged = [5, 6, 7, 9, 3].map(|length| Granule { length, how });
    let (served, expected, shape) = serve(&ragged, 4, 0);
    served.server.reset();
    let array = zarrs::array::Array::open(served.store.clone(), "/a").unwrap();
    let read: Vec<f32> = array.retrieve_array_subset(&array.subset_all()).unwrap();
    assert_eq!(read, expected);
    assert_eq!(shape, [30, 4]);
    // 2 + 2 + 2 + 3 + 1 chunks along the rows, of which every third of a granule is absent.
    assert_eq!(served.server.requests(), 9);
}

#[test]
fn a_granule_that_can_not_be_read_is_an_error_and_never_fill() {
    let how = How::Deflated([4, 4]);
    let granules = [5, 6].map(|length| Granule { length, how });
    let mut data = Dataset::empty();
    let (joined, _) = join(&mut data, &granules, 4, 0);
    let last = data.object.len() - 5;
    data.object[last] ^= 0xff;
    data.insert("a", joined);
    let served = data.served(StoreOptions::new());
    let error = served.store.read_array("/a", 1 << 20).unwrap_err();
    assert!(
        matches!(&error, Error::Decode { key, .. } if key == "a/p0/c/3/0"),
        "{error}"
    );
    let array = zarrs::array::Array::open(served.store.clone(), "/a").unwrap();
    assert!(array.retrieve_chunk::<Vec<f32>>(&[2, 0]).is_err());
    assert!(array.retrieve_chunk::<Vec<f32>>(&[0, 0]).is_ok());
}

#[test]
fn packed_elements_that_are_no_numbers_are_refused() {
    let mut data = Dataset::empty();
    let granules = [Granule {
        length: 3,
        how: How::Packed([3, 2]),
    }];
    let (mut joined, _) = join(&mut data, &granules, 2, 0);
    joined.data_type = DataType::UInt {
        size: 1,
        order: ByteOrder::Little,
    };
    joined.fill_value = None;
    data.insert("a", joined);
    let served = data.served(StoreOptions::new());
    // Halves are no integers.
    let error = served
        .store
        .read_array("/a", 1 << 20)
        .unwrap_err()
        .to_string();
    assert!(error.contains("no exact value"), "{error}");
}
