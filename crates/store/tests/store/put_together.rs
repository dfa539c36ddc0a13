//! Arrays that are put together: of external data files, and of the sources of virtual datasets.

use bytes::Bytes;
use chunkref_manifest::{
    Array, ByteOrder, ChunkTableBuilder, Codec, ConcatBuilder, DataType, Encoding, Layout,
    LocationId, Loop, Mapping, Segment, Step, chunk_coordinates,
};
use chunkref_store::{StoreOptions, ZarrVersion};

use crate::dataset::{Dataset, SHORT, Served, array};

const MIB: u64 = 1 << 20;

fn shorts(bytes: &[u8]) -> Vec<i16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

fn read(served: &Served, path: &str) -> Vec<i16> {
    shorts(&served.store.read_array(path, MIB).unwrap().bytes)
}

/// As `zarrs` reads it, by the documents and chunks of both versions.
fn through_zarrs(served: &Served, path: &str) -> Vec<i16> {
    let array = zarrs::array::Array::open(served.store.clone(), path).unwrap();
    array.retrieve_array_subset(&array.subset_all()).unwrap()
}

/// Each array by itself and through `zarrs`, as both versions.
fn check(data: impl Fn() -> Dataset, path: &str, expected: &[i16]) {
    for version in [ZarrVersion::V2, ZarrVersion::V3] {
        let served = data().served(StoreOptions::new().with_zarr_version(version));
        assert_eq!(read(&served, path), expected, "{path}");
        assert_eq!(through_zarrs(&served, path), expected, "{path}");
    }
}

fn step(axis: usize, length: u64) -> Step {
    Step { axis, length }
}

fn turns(length: u64, array: Step, source: Step) -> Loop {
    Loop {
        length,
        array,
        source,
    }
}

/// Segments of odd lengths, so that elements lie across them; the middle one is not there.
fn external() -> Dataset {
    let mut data = Dataset::empty();
    let bytes: Vec<u8> = (0..24_i16).flat_map(i16::to_le_bytes).collect();
    let mut segments = Vec::new();
    for (number, range) in [(0, 0..7), (1, 7..15), (2, 15..48)] {
        let place = (LocationId(0), data.object.len() as u64 + 3);
        data.object.extend(b"gap");
        data.object.extend(&bytes[range.clone()]);
        segments.push(Segment {
            place: (number != 1).then_some(place),
            length: range.len() as u64,
        });
    }
    for (name, chunk_shape) in [("rows", [3, 6]), ("parts", [1, 4]), ("whole", [4, 6])] {
        let layout = Layout::External {
            segments: segments.clone(),
            chunk_shape: chunk_shape.to_vec(),
        };
        data.insert(name, array(SHORT, &[4, 6], layout));
    }
    data
}

#[test]
fn external_data_is_joined_and_what_is_not_there_is_zeros() {
    let mut bytes: Vec<u8> = (0..24_i16).flat_map(i16::to_le_bytes).collect();
    bytes[7..15].fill(0);
    for path in ["/rows", "/parts", "/whole"] {
        check(external, path, &shorts(&bytes));
    }
}

/// A source in each layout, 4 x 6 elements, all with the same numbers.
fn sources(data: &mut Dataset) -> Vec<Array> {
    let number = |place: &[u64]| i16::try_from(place[0] * 10 + place[1]).unwrap();
    let plain: Vec<u8> = (0..24)
        .flat_map(|cell| number(&[cell / 6, cell % 6]).to_le_bytes())
        .collect();
    let offset = data.object.len() as u64;
    data.object.extend(&plain);
    let run = Layout::Contiguous {
        location: LocationId(0),
        offset,
        length: 48,
        chunk_shape: vec![2, 6],
    };
    let external = Layout::External {
        segments: vec![
            Segment {
                place: Some((LocationId(0), offset)),
                length: 13,
            },
            Segment {
                place: Some((LocationId(0), offset + 13)),
                length: 35,
            },
        ],
        chunk_shape: vec![3, 6],
    };
    let codecs = [Codec::Shuffle { element_size: 2 }, Codec::Zlib { level: 1 }];
    let chunked = data.chunked(SHORT, &[4, 6], &[3, 4], &codecs, &[], |place| {
        number(place).to_le_bytes().to_vec()
    });
    let wide = DataType::Int {
        size: 4,
        order: ByteOrder::Big,
    };
    let wide = data.chunked(wide, &[4, 6], &[1, 5], &[], &[], |place| {
        i32::from(number(place)).to_be_bytes().to_vec()
    });
    let inline = Layout::Inline {
        data: Bytes::from(plain),
    };
    // The whole of the chunked one, columns first.
    let nested = Layout::Virtual {
        chunk_shape: vec![2, 2],
        sources: vec![chunked.clone()],
        mappings: vec![Mapping {
            source: 0,
            start: vec![0, 0],
            source_start: vec![0, 0],
            loops: vec![
                turns(6, step(1, 1), step(1, 1)),
                turns(4, step(0, 1), step(0, 1)),
            ],
        }],
    };
    vec![
        chunked,
        array(SHORT, &[4, 6], run),
        array(SHORT, &[4, 6], external),
        array(SHORT, &[4, 6], inline),
        array(SHORT, &[4, 6], nested),
        wide,
    ]
}

/// Every other row and every third column of each source, at places that cross all chunks.
fn mapped(source: usize) -> Vec<Mapping> {
    vec![
        Mapping {
            source,
            start: vec![1, 2],
            source_start: vec![0, 1],
            loops: vec![
                turns(2, step(0, 3), step(0, 2)),
                turns(2, step(1, 2), step(1, 3)),
            ],
        },
        // Over the last of those.
        Mapping {
            source,
            start: vec![4, 4],
            source_start: vec![3, 5],
            loops: Vec::new(),
        },
    ]
}

fn virtual_(source: usize, chunk_shape: [u64; 2]) -> Dataset {
    let mut data = Dataset::empty();
    let sources = sources(&mut data);
    let layout = Layout::Virtual {
        chunk_shape: chunk_shape.to_vec(),
        sources,
        mappings: mapped(source),
    };
    let mut whole = array(SHORT, &[5, 7], layout);
    whole.fill_value = Some(Bytes::from_static(&[0xFF, 0xFF]));
    data.insert("whole", whole);
    data
}

#[test]
fn sources_of_every_layout_give_what_is_mapped() {
    let mut expected = vec![-1; 35];
    for (row, column, value) in [(1, 2, 1), (1, 4, 4), (4, 2, 21), (4, 4, 35)] {
        expected[row * 7 + column] = value;
    }
    for source in 0..6 {
        for chunk_shape in [[5, 7], [2, 3], [1, 1], [8, 2]] {
            check(|| virtual_(source, chunk_shape), "/whole", &expected);
        }
    }
}

#[test]
fn absent_chunks_of_a_source_are_its_own_fill() {
    let data = || {
        let mut data = Dataset::empty();
        let mut source = data.chunked(SHORT, &[6], &[2], &[], &[1], |place| {
            i16::try_from(place[0]).unwrap().to_le_bytes().to_vec()
        });
        source.fill_value = Some(Bytes::from_static(&[9, 0]));
        let layout = Layout::Virtual {
            chunk_shape: vec![3],
            sources: vec![source],
            mappings: vec![Mapping {
                source: 0,
                start: vec![1],
                source_start: vec![0],
                loops: vec![turns(6, step(0, 1), step(0, 1))],
            }],
        };
        let mut whole = array(SHORT, &[8], layout);
        whole.fill_value = Some(Bytes::from_static(&[7, 0]));
        data.insert("whole", whole);
        data
    };
    check(data, "/whole", &[7, 0, 1, 9, 9, 4, 5, 7]);
}

#[test]
fn every_chunk_is_listed() {
    let served = virtual_(0, [2, 3]).served(StoreOptions::new());
    let keys = zarrs::storage::ListableStorageTraits::list(&*served.store).unwrap();
    let chunks = keys.iter().filter(|key| key.as_str().contains("/c/"));
    assert_eq!(chunks.count(), 9);
    assert_eq!(served.server.requests(), 0);
}

#[test]
fn a_chunk_reads_no_more_than_its_sources() {
    let served = virtual_(0, [2, 3]).served(StoreOptions::new());
    let array = zarrs::array::Array::open(served.store.clone(), "/whole").unwrap();
    let nothing: Vec<i16> = array.retrieve_array_subset(&[2..4, 0..3]).unwrap();
    assert_eq!(nothing, [-1; 6]);
    assert_eq!(served.client.log().snapshot().requests, 0);
    let one: Vec<i16> = array.retrieve_array_subset(&[1..2, 2..3]).unwrap();
    assert_eq!(one, [1]);
    assert_eq!(served.client.log().snapshot().requests, 1);
}

#[test]
fn what_can_not_be_read_is_an_error_and_no_fill() {
    let mut data = virtual_(0, [5, 7]);
    data.object.truncate(60);
    let served = data.served(StoreOptions::new());
    assert!(served.store.read_array("/whole", MIB).is_err());

    let mut data = Dataset::empty();
    let layout = Layout::External {
        segments: vec![Segment {
            place: Some((LocationId(0), 4)),
            length: 4,
        }],
        chunk_shape: vec![4],
    };
    data.insert("short", array(SHORT, &[4], layout));
    let sources = vec![array(
        DataType::Raw { length: 2 },
        &[4],
        Layout::Absent {
            chunk_shape: vec![4],
            fill_chunk: None,
        },
    )];
    let mapping = |source| Mapping {
        source,
        start: vec![0],
        source_start: vec![0],
        loops: vec![turns(4, step(0, 1), step(0, 1))],
    };
    for (name, source) in [("unlike", 0), ("no_source", 1)] {
        let layout = Layout::Virtual {
            chunk_shape: vec![4],
            sources: sources.clone(),
            mappings: vec![mapping(source)],
        };
        data.insert(name, array(SHORT, &[4], layout));
    }
    // A mapping past the end of its source.
    let mut short = data.chunked(SHORT, &[2], &[2], &[], &[], |_| vec![0, 0]);
    if let Layout::Chunked { chunks, .. } = &mut short.layout {
        *chunks = ChunkTableBuilder::new(vec![1]).finish();
    }
    let layout = Layout::Virtual {
        chunk_shape: vec![4],
        sources: vec![short],
        mappings: vec![mapping(0)],
    };
    data.insert("past", array(SHORT, &[4], layout));
    let served = data.served(StoreOptions::new());
    for path in ["short", "unlike", "no_source", "past"] {
        assert!(served.store.read_array(path, MIB).is_err(), "{path}");
    }
}

/// Chunks of any shape give the same, however a mapping lies across them.
#[test]
fn chunk_shapes_do_not_matter() {
    let shape = [6, 5];
    let numbers = |cell: u64| i16::try_from(cell).unwrap();
    let mut wanted = None;
    for cell in 0..36 {
        let lengths = chunk_coordinates(cell, &[6, 6]).unwrap();
        let chunk_shape = [lengths[0] + 1, lengths[1] + 1];
        let mut data = Dataset::empty();
        let source = data.chunked(SHORT, &[30], &[lengths[0] * 2 + 1], &[], &[], |place| {
            numbers(place[0] * 2).to_le_bytes().to_vec()
        });
        let layout = Layout::Virtual {
            chunk_shape: chunk_shape.to_vec(),
            sources: vec![source],
            mappings: vec![Mapping {
                source: 0,
                start: vec![0, 1],
                source_start: vec![2],
                loops: vec![
                    turns(2, step(0, 3), step(0, 14)),
                    turns(2, step(0, 1), step(0, 6)),
                    turns(3, step(1, 1), step(0, 2)),
                ],
            }],
        };
        data.insert("whole", array(SHORT, &shape, layout));
        let served = data.served(StoreOptions::new());
        let found = read(&served, "whole");
        assert_eq!(through_zarrs(&served, "/whole"), found, "{chunk_shape:?}");
        assert_eq!(
            wanted.get_or_insert(found.clone()),
            &found,
            "{chunk_shape:?}"
        );
    }
    let wanted = wanted.unwrap();
    assert_eq!(wanted[..10], [0, 4, 8, 12, 0, 0, 16, 20, 24, 0]);
}

/// 5 elements and then 4, in chunks of 2: the chunks of the second do not follow those of the first.
fn joined() -> Array {
    let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
    for (length, count) in [(5, 3), (4, 2)] {
        let mut chunks = ChunkTableBuilder::new(vec![count]);
        for index in 0..count {
            chunks.push(index, LocationId(0), 4 * index, 4).unwrap();
        }
        let encoding = Encoding {
            chunk_shape: vec![2],
            codecs: Vec::new(),
            packing: None,
        };
        builder.push(length, encoding, chunks.finish()).unwrap();
    }
    array(SHORT, &[9], builder.finish().unwrap())
}

/// As a source of a virtual dataset, too.
#[test]
fn an_array_of_unlike_granules_is_read_across_their_boundaries() {
    let mut data = Dataset::empty();
    data.object.extend([7; 64]);
    let joined = joined();
    assert!(matches!(joined.layout, Layout::Concat(_)));
    let source = Layout::Virtual {
        chunk_shape: vec![9],
        sources: vec![joined.clone()],
        mappings: vec![Mapping {
            source: 0,
            start: vec![0],
            source_start: vec![0],
            loops: vec![turns(9, step(0, 1), step(0, 1))],
        }],
    };
    data.insert("joined", joined);
    data.insert("source", array(SHORT, &[9], source));
    let served = data.served(StoreOptions::new());
    let expected = b"metadata\x07\x07metadata";
    for path in ["/joined", "/source"] {
        assert_eq!(
            served.store.read_array(path, MIB).unwrap().bytes[..],
            expected[..]
        );
    }
    let array = zarrs::array::Array::open(served.store.clone(), "/joined").unwrap();
    let read: Vec<i16> = array.retrieve_array_subset(&array.subset_all()).unwrap();
    let bytes: Vec<u8> = read
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    assert_eq!(bytes, expected);
}
