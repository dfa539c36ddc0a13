//! Joined arrays against granules looked up one by one.

use std::collections::BTreeMap;
use std::ops::Range;

use chunkref_manifest::{
    Array, Attributes, ChunkRef, ChunkTableBuilder, Codec, Concat, ConcatBuilder, DataType,
    Encoding, Layout, LocationId, PartSource, Profile, Span, SpanSource, chunk_coordinates,
    chunk_grid,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Granule {
    length: u64,
    /// Its number among the encodings; `None`: it lacks the array.
    encoding: Option<usize>,
    /// Chunks that are there, taken in turn.
    there: Vec<bool>,
}

/// Where an element lies: the first byte of its chunk, and its place there.
type Place = Option<(u64, Vec<u64>)>;

#[derive(Clone, Debug)]
struct Case {
    axis: usize,
    /// Lengths of the other axes.
    across: [u64; 2],
    chunk_shapes: Vec<Vec<u64>>,
    granules: Vec<Granule>,
}

fn case() -> impl Strategy<Value = Case> {
    let chunk_shapes = prop::collection::vec(prop::collection::vec(1_u64..4, 3), 1..4);
    (0_usize..3, prop::array::uniform2(1_u64..5), chunk_shapes).prop_flat_map(
        |(axis, across, chunk_shapes)| {
            let encoding = prop::option::weighted(0.8, 0..chunk_shapes.len());
            let there = prop::collection::vec(any::<bool>(), 1..9);
            let granule =
                (0_u64..8, encoding, there).prop_map(|(length, encoding, there)| Granule {
                    length,
                    encoding,
                    there,
                });
            let granules = prop::collection::vec(granule, 1..7);
            (Just(axis), Just(across), Just(chunk_shapes), granules).prop_map(
                |(axis, across, chunk_shapes, granules)| Case {
                    axis,
                    across,
                    chunk_shapes,
                    granules,
                },
            )
        },
    )
}

impl Case {
    fn shape(&self, length: u64) -> Vec<u64> {
        let mut shape = self.across.to_vec();
        shape.insert(self.axis, length);
        shape
    }

    fn encoding(&self, number: usize) -> Encoding {
        Encoding {
            chunk_shape: self.chunk_shapes[number].clone(),
            codecs: vec![Codec::Zlib {
                level: u8::try_from(number).unwrap(),
            }],
            packing: None,
        }
    }

    /// The builder, and every element that is not a fill value for want of a granule.
    fn build(&self) -> (ConcatBuilder, BTreeMap<Vec<u64>, Place>) {
        let mut builder = ConcatBuilder::new(&self.shape(0), self.axis).unwrap();
        let mut elements = BTreeMap::new();
        let mut offset = 0;
        for granule in &self.granules {
            let start = builder.length();
            let Some(number) = granule.encoding else {
                builder.push_fill(granule.length).unwrap();
                continue;
            };
            let (shape, chunk_shape) = (self.shape(granule.length), &self.chunk_shapes[number]);
            let grid = chunk_grid(&shape, chunk_shape).unwrap();
            let mut table = ChunkTableBuilder::new(grid.clone());
            let mut places = BTreeMap::new();
            let cells: u64 = grid.iter().product();
            for (index, there) in (0..cells).zip(granule.there.iter().cycle()) {
                if *there {
                    table.push(index, LocationId(0), offset, 1).unwrap();
                    places.insert(index, offset);
                    offset += 1;
                }
            }
            let table = table
                .finish()
                .with_filter_masks(places.get(&0).map(|_| (0, 1)))
                .unwrap();
            for at in every(&shape.iter().map(|length| 0..*length).collect::<Vec<_>>()) {
                let cell: Vec<u64> = at.iter().zip(chunk_shape).map(|(at, c)| at / c).collect();
                let index = chunkref_manifest::chunk_index(&cell, &grid).unwrap();
                let within = at.iter().zip(chunk_shape).map(|(at, c)| at % c).collect();
                let place = places.get(&index).map(|offset| (*offset, within));
                let mut whole = at.clone();
                whole[self.axis] += start;
                elements.insert(whole, place);
            }
            builder
                .push(granule.length, self.encoding(number), table)
                .unwrap();
        }
        (builder, elements)
    }
}

/// All places in a box.
fn every(area: &[Range<u64>]) -> Vec<Vec<u64>> {
    area.iter().fold(vec![vec![]], |places, axis| {
        let longer = |place: &Vec<u64>| {
            let place = place.clone();
            axis.clone()
                .map(move |at| [place.as_slice(), &[at]].concat())
        };
        places.iter().flat_map(longer).collect()
    })
}

fn offset_of(chunk: Option<ChunkRef<'_>>) -> Option<u64> {
    match chunk {
        Some(ChunkRef::Range { offset, .. }) => Some(offset),
        _ => None,
    }
}

/// Where the elements of a box lie, by its parts; every element is in one part.
fn found(concat: &Concat, shape: &[u64], area: &[Range<u64>]) -> BTreeMap<Vec<u64>, Option<Place>> {
    let mut found = BTreeMap::new();
    for part in concat.parts(shape, area) {
        let places = every(&part.area);
        let sources: Vec<Option<Place>> = match &part.source {
            PartSource::Chunk {
                profile,
                chunk,
                within,
            } => {
                let offset = offset_of(concat.profiles()[*profile].chunks.get(*chunk));
                let places = every(within).into_iter();
                places
                    .map(|within| Some(offset.map(|offset| (offset, within))))
                    .collect()
            }
            _ => vec![None; places.len()],
        };
        assert_eq!(places.len(), sources.len());
        for (place, source) in places.into_iter().zip(sources) {
            assert_eq!(found.insert(place.clone(), source), None, "{place:?} twice");
        }
    }
    found
}

proptest! {
    #[test]
    fn parts_of_a_box_are_the_granules_elements(
        case in case(), area in prop::collection::vec((0_u64..20, 0_u64..12), 3)
    ) {
        let (builder, elements) = case.build();
        let shape = case.shape(builder.length());
        let Ok(concat) = builder.concat() else {
            prop_assert!(elements.is_empty());
            return Ok(());
        };
        let area: Vec<_> = area.into_iter().map(|(at, length)| at..at + length).collect();
        let inside: Vec<_> =
            area.iter().zip(&shape).map(|(area, end)| area.start..area.end.min(*end)).collect();
        let wanted: BTreeMap<_, _> = every(&inside)
            .into_iter()
            .map(|place| (place.clone(), elements.get(&place).cloned()))
            .collect();
        prop_assert_eq!(found(&concat, &shape, &area), wanted);
    }

    #[test]
    fn spans_are_as_few_as_can_be_and_found_by_element(case in case()) {
        let (builder, _) = case.build();
        let length = builder.length();
        let Ok(concat) = builder.concat() else { return Ok(()) };
        for pair in concat.spans().windows(2) {
            if let SpanSource::Chunks { profile, .. } = pair[0].source
                && let SpanSource::Chunks { profile: after, .. } = pair[1].source
            {
                let chunk = concat.profiles()[profile].encoding.chunk_shape[case.axis];
                prop_assert!(profile != after || pair[0].length % chunk != 0);
            } else {
                prop_assert!(pair[0].source != pair[1].source);
            }
        }
        for element in 0..length {
            let span = concat.span(element).unwrap();
            prop_assert!(span.range().contains(&element));
        }
        prop_assert_eq!(concat.span(length), None);
        let again = Concat::new(
            &case.shape(length),
            concat.axis(),
            concat.profiles().to_vec(),
            concat.spans().to_vec(),
        );
        prop_assert_eq!(again.unwrap(), concat);
    }

    #[test]
    fn plain_chunks_are_the_granules_chunks(case in case()) {
        let (builder, elements) = case.build();
        let shape = case.shape(builder.length());
        let Ok(Layout::Chunked { chunk_shape, chunks, .. }) = builder.finish() else {
            return Ok(());
        };
        for index in 0..chunks.cells() {
            let cell = chunk_coordinates(index, chunks.grid()).unwrap();
            let first: Vec<u64> = cell.iter().zip(&chunk_shape).map(|(at, c)| at * c).collect();
            prop_assert!(first.iter().zip(&shape).all(|(at, length)| at < length));
            let expected = elements.get(&first).cloned().flatten().map(|(offset, _)| offset);
            prop_assert_eq!(offset_of(chunks.get(index)), expected);
        }
    }
}

fn chunks(grid: &[u64]) -> chunkref_manifest::ChunkTable {
    let mut table = ChunkTableBuilder::new(grid.to_vec());
    for index in 0..grid.iter().product() {
        table.push(index, LocationId(0), 8 * index, 8).unwrap();
    }
    table.finish()
}

fn encoding(chunk: u64) -> Encoding {
    Encoding {
        chunk_shape: vec![chunk],
        codecs: Vec::new(),
        packing: None,
    }
}

#[test]
fn like_granules_are_plain_chunks_and_one_that_lacks_the_array_is_absent() {
    let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
    for _ in 0..1000 {
        builder.push(2, encoding(1), chunks(&[2])).unwrap();
    }
    builder.push_fill(3).unwrap();
    builder.push(1, encoding(1), chunks(&[1])).unwrap();
    let Layout::Chunked { chunks, .. } = builder.clone().finish().unwrap() else {
        panic!("no plain chunks");
    };
    assert_eq!(chunks.grid(), [2004]);
    assert_eq!(chunks.stored(), 2001);
    let concat = builder.concat().unwrap();
    assert_eq!(concat.spans().len(), 3);
    assert_eq!(concat.profiles()[0].chunks.stored(), 2001);
}

#[test]
fn an_array_of_several_kinds_is_served_in_chunks_of_the_most_frequent_one() {
    let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
    builder.push(4, encoding(4), chunks(&[1])).unwrap();
    for _ in 0..3 {
        builder.push(4, encoding(2), chunks(&[2])).unwrap();
    }
    let layout = builder.finish().unwrap();
    let array = Array {
        shape: vec![16],
        data_type: DataType::Bool,
        dimension_names: vec!["time".into()],
        fill_value: None,
        attributes: Attributes::new(),
        layout,
    };
    assert_eq!(*array.chunk_shape(), [2]);
    assert_eq!(
        array.beyond_zarr().unwrap(),
        "its granules are stored in 2 different ways"
    );
    assert!(array.is_put_together());
    assert_eq!(array.chunks().count(), 0);
    assert_eq!(array.chunk(0), None);
    assert_eq!(array.stored_chunks(), 8);
    // Documents of either version have that shape.
    let v2 = chunkref_manifest::zarr::v2::plain_documents(&array).unwrap();
    assert_eq!(v2.zarray["chunks"], serde_json::json!([2]));
}

#[test]
fn joins_that_do_not_fit_are_refused() {
    let profile = |chunk, grid: &[u64]| Profile {
        encoding: encoding(chunk),
        chunks: chunks(grid),
    };
    let span = |start, length, first_chunk| Span {
        start,
        length,
        source: SpanSource::Chunks {
            profile: 0,
            first_chunk,
        },
    };
    let error = |shape: &[u64], axis, profiles: Vec<Profile>, spans: Vec<Span>| {
        let joined = Concat::new(shape, axis, profiles, spans);
        joined.map_err(|error| error.to_string()).unwrap_err()
    };
    let one = || vec![profile(2, &[3])];
    assert!(Concat::new(&[5], 0, one(), vec![span(0, 5, 0)]).is_ok());
    for (found, expected) in [
        (error(&[5], 1, one(), vec![]), "axis 1 of 1"),
        (error(&[5], 0, vec![], vec![]), "no profile"),
        (
            error(&[5], 0, one(), vec![span(0, 5, 0), span(6, 1, 0)]),
            "span 1 of 1 elements at 6, expected some at 5",
        ),
        (
            error(&[5], 0, one(), vec![span(0, 4, 0)]),
            "spans of 4 elements, expected 5",
        ),
        (
            error(&[5], 0, one(), vec![span(0, 5, 1)]),
            "span 0: 3 chunks from 1 on, and profile 0 has 3",
        ),
        (
            error(&[u64::MAX], 0, one(), vec![span(0, u64::MAX, u64::MAX)]),
            "span 0: 9223372036854775808 chunks from 18446744073709551615 on, and profile 0 has 3",
        ),
        (
            error(&[5, 3], 0, one(), vec![]),
            "profile 0: chunks [2], expected one length above zero for each axis of [5, 3]",
        ),
    ] {
        assert_eq!(found, format!("concat: {expected}"));
    }
    let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
    assert!(builder.push(5, encoding(2), chunks(&[2])).is_err());
    builder.push_fill(u64::MAX).unwrap();
    assert!(builder.push_fill(1).is_err());
    assert!(builder.finish().is_err());
}
