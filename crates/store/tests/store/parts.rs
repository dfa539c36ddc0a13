//! Parts of arrays: boxes with steps, and points.

use bytes::Bytes;
use chunkref_manifest::{Codec, Layout, LocationId, chunk_index};
use chunkref_store::{Error, ReadOptions, Selection, Slice, StoreOptions};
use proptest::prelude::*;

use crate::dataset::{BYTE, Dataset, SHORT, Served, array};

/// The elements of an array are the numbers of their places in C order.
fn number(shape: &[u64], place: &[u64]) -> i16 {
    chunk_index(place, shape).map_or(-2, |index| i16::try_from(index % 30_000).unwrap())
}

/// The places where slices cross, several for each axis.
fn crossed(runs: &[Vec<Slice>]) -> Vec<Vec<u64>> {
    let mut places = vec![Vec::new()];
    for slices in runs {
        let along = slices.iter().flat_map(|slice| {
            (slice.start..slice.stop).step_by(usize::try_from(slice.step()).unwrap())
        });
        let longer = |place: &Vec<u64>| {
            let place = place.clone();
            along.clone().map(move |at| [&place[..], &[at]].concat())
        };
        places = places.iter().flat_map(longer).collect();
    }
    places
}

/// The same read from all elements.
fn expected(shape: &[u64], absent: &dyn Fn(&[u64]) -> bool, selection: &Selection) -> Vec<i16> {
    let places: Vec<Vec<u64>> = match selection {
        Selection::Points(points) => points.clone(),
        Selection::Slices(slices) => {
            let runs: Vec<_> = slices.iter().map(|slice| vec![*slice]).collect();
            crossed(&runs)
        }
        Selection::Runs(runs) => crossed(runs),
        _ => unreachable!("not made here"),
    };
    let value = |place: &Vec<u64>| {
        if absent(place) {
            -7
        } else {
            number(shape, place)
        }
    };
    places.iter().map(value).collect()
}

#[derive(Clone, Debug)]
struct Case {
    shape: Vec<u64>,
    chunk_shape: Vec<u64>,
    filters: usize,
    absent: Vec<u64>,
    contiguous: bool,
    selections: Vec<Selection>,
    memory: u64,
}

fn slices(shape: Vec<u64>) -> impl Strategy<Value = Selection> {
    let axes: Vec<_> = shape
        .into_iter()
        .map(|length| {
            (0..=length, 0..=length, 1..5_u64).prop_map(|(one, other, step)| {
                Slice::new(one.min(other), one.max(other)).with_step(step)
            })
        })
        .collect();
    axes.prop_map(Selection::slices)
}

/// Several slices for each axis, in any order.
fn runs(shape: Vec<u64>) -> impl Strategy<Value = Selection> {
    proptest::collection::vec(slices(shape.clone()), 0..4).prop_map(move |several| {
        let axis = |axis: usize| {
            let slices = several.iter().map(|one| match one {
                Selection::Slices(slices) => slices[axis],
                _ => unreachable!("made of slices"),
            });
            // One more along the first axis than along the others.
            slices.skip(usize::from(axis > 0)).collect()
        };
        Selection::runs((0..shape.len()).map(axis).collect::<Vec<Vec<_>>>())
    })
}

fn points(shape: Vec<u64>) -> impl Strategy<Value = Selection> {
    let point: Vec<_> = shape.into_iter().map(|length| 0..length).collect();
    proptest::collection::vec(point, 0..20).prop_map(Selection::points)
}

fn case() -> impl Strategy<Value = Case> {
    let axes = proptest::collection::vec((1..9_u64, 1..6_u64), 0..4);
    let rest = (
        0..3_usize,
        proptest::collection::vec(0..40_u64, 0..4),
        any::<bool>(),
    );
    (axes, rest, 1..5000_u64).prop_flat_map(|(axes, (filters, absent, contiguous), memory)| {
        let (shape, chunk_shape): (Vec<u64>, Vec<u64>) = axes.into_iter().unzip();
        let one = prop_oneof![
            3 => slices(shape.clone()).boxed(),
            2 => runs(shape.clone()).boxed(),
            1 => points(shape.clone()).boxed(),
        ];
        proptest::collection::vec(one, 4).prop_map(move |selections| Case {
            shape: shape.clone(),
            chunk_shape: chunk_shape.clone(),
            filters,
            absent: absent.clone(),
            contiguous,
            selections,
            memory,
        })
    })
}

fn serve(case: &Case) -> Served {
    let mut data = Dataset::empty();
    let element = |place: &[u64]| number(&case.shape, place).to_le_bytes().to_vec();
    let codecs = [Codec::Shuffle { element_size: 2 }, Codec::Zlib { level: 1 }];
    let codecs = codecs.get(..case.filters).unwrap_or_default();
    let (chunk_shape, absent) = if case.contiguous {
        (&case.shape, &[][..])
    } else {
        (&case.chunk_shape, &case.absent[..])
    };
    let codecs = if case.contiguous { &[][..] } else { codecs };
    let offset = data.object.len() as u64;
    let mut made = data.chunked(SHORT, &case.shape, chunk_shape, codecs, absent, element);
    if case.contiguous {
        made.layout = Layout::Contiguous {
            location: LocationId(0),
            offset,
            length: data.object.len() as u64 - offset,
            chunk_shape: case.shape.clone(),
        };
    }
    made.fill_value = Some(Bytes::from_static(&[0xf9, 0xff]));
    data.insert("a", made);
    data.served(StoreOptions::new())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn parts_are_what_the_whole_has_there(case in case()) {
        let served = serve(&case);
        let absent = |place: &[u64]| {
            let lengths = case.chunk_shape.iter();
            let chunk: Vec<u64> = place.iter().zip(lengths).map(|(at, length)| at / length).collect();
            let axes = case.shape.iter().zip(&case.chunk_shape);
            let grid: Vec<u64> = axes.map(|(axis, length)| axis.div_ceil(*length)).collect();
            let number = chunk_index(&chunk, &grid).unwrap();
            !case.contiguous && case.absent.contains(&number)
        };
        let options = ReadOptions::default().with_memory(case.memory);
        for selection in &case.selections {
            let read = served.store.read("/a", selection, options).unwrap();
            prop_assert_eq!(Some(read.shape.clone()), selection.shape());
            let found = read.to_array::<i16>().unwrap().into_raw_vec_and_offset().0;
            prop_assert_eq!(found, expected(&case.shape, &absent, selection), "{:?}", selection);
        }
    }
}

/// Of chunks without filters only what is selected is fetched.
#[test]
fn of_plain_chunks_no_more_than_the_selection_moves() {
    let mut data = Dataset::empty();
    let shape = [100, 50_000];
    let plain = data.chunked(BYTE, &shape, &[50, 50_000], &[], &[], |place| {
        vec![u8::try_from((place[0] * 7 + place[1]) % 251).unwrap()]
    });
    data.insert("plain", plain);
    let served = data.served(StoreOptions::new());
    let read = |selection: Selection| {
        served.server.reset();
        let read = served
            .store
            .read("plain", &selection, ReadOptions::default());
        (
            read.unwrap().bytes,
            served.server.bytes(),
            served.server.requests(),
        )
    };
    let row = read(Selection::slices([Slice::at(77), Slice::new(10, 20_010)]));
    assert_eq!((row.0.len(), row.1, row.2), (20_000, 20_000, 1));
    assert_eq!(row.0[0], u8::try_from((77 * 7 + 10) % 251).unwrap());
    // A column is 50,000 bytes apart, row by row: by its elements alone, which lie too far apart to be
    // merged.
    let column = read(Selection::slices([Slice::new(0, 100), Slice::at(3)]));
    assert_eq!((column.0.len(), column.1, column.2), (100, 100, 100));
    let points = read(Selection::points([
        vec![99, 0],
        vec![0, 49_999],
        vec![99, 5],
    ]));
    assert_eq!((points.0.len(), points.1, points.2), (3, 7, 2));
    let none = read(Selection::slices([Slice::new(5, 5), Slice::new(0, 50_000)]));
    assert_eq!((none.0.len(), none.1, none.2), (0, 0, 0));
}

#[test]
fn a_plain_chunk_larger_than_memory_is_read_in_parts() {
    let mut data = Dataset::empty();
    let bytes = 20 << 20;
    data.object = (0..bytes)
        .map(|at: u32| u8::try_from(at % 251).unwrap())
        .collect();
    let expected = Bytes::from(data.object.clone());
    let run = Layout::Contiguous {
        location: LocationId(0),
        offset: 0,
        length: u64::from(bytes),
        chunk_shape: vec![u64::from(bytes)],
    };
    data.insert("run", array(BYTE, &[u64::from(bytes)], run));
    let served = data.served(StoreOptions::new());
    let options = ReadOptions::default().with_memory(1 << 20);
    let read = served.store.read("run", &Selection::All, options).unwrap();
    assert_eq!(read.bytes, expected);
}

#[test]
fn what_can_not_be_read_is_an_error_and_never_fill() {
    let mut data = Dataset::empty();
    let codecs = [Codec::Zlib { level: 1 }];
    let mut made = data.chunked(SHORT, &[8], &[2], &codecs, &[], |place| {
        number(&[8], place).to_le_bytes().to_vec()
    });
    made.fill_value = Some(Bytes::from_static(&[0xf9, 0xff]));
    // The last chunk is damaged.
    let last = data.object.len() - 5;
    data.object[last] ^= 0xff;
    data.insert("a", made);
    let served = data.served(StoreOptions::new());
    let read = |start, stop| {
        let slice = [Slice::new(start, stop)];
        let options = ReadOptions::default();
        served.store.read("a", &Selection::slices(slice), options)
    };
    assert_eq!(read(0, 6).unwrap().bytes.len(), 12);
    assert!(matches!(read(0, 8), Err(Error::Decode { key, .. }) if key == "a/c/3"));
    assert!(matches!(read(7, 9), Err(Error::Selection { .. })));
}
