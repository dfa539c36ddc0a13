use bytes::Bytes;

use super::Layout;
use crate::address::{Address, Sizes};
use crate::chunk_index::ChunkIndex;
use crate::dataspace::Dataspace;
use crate::error::Place;
use crate::heap::HeapId;
use crate::hostile::{cursor, cursor_with, never_panics, parse_whole};

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn words32(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn address(value: u64) -> [u8; 8] {
    value.to_le_bytes()
}

fn chunked(chunk_shape: &[u64], element_size: u32, index: ChunkIndex) -> Layout {
    Layout::Chunked {
        chunk_shape: chunk_shape.to_vec(),
        element_size,
        unfiltered_edges: false,
        index,
    }
}

#[test]
fn reads_versions_1_and_2() {
    for version in [1, 2] {
        let head = |class| [version, 3, class, 0, 0, 0, 0, 0];
        let lengths = words32(&[10, 20, 4]);
        let chunks = joined(&[&head(2), &address(0x800), &lengths]);
        let index = ChunkIndex::BTreeV1 {
            address: Address(0x800),
        };
        assert_eq!(
            parse_whole(&chunks, Layout::parse),
            chunked(&[10, 20], 4, index)
        );
        never_panics(&chunks, Layout::parse);

        let contiguous = joined(&[&head(1), &address(0x900), &lengths]);
        let expected = Layout::Contiguous {
            address: Some(Address(0x900)),
            size: None,
        };
        assert_eq!(parse_whole(&contiguous, Layout::parse), expected);
        never_panics(&contiguous, Layout::parse);

        let compact = joined(&[&head(0), &lengths, &words32(&[3]), &[7, 8, 9]]);
        let data = Bytes::from_static(&[7, 8, 9]);
        assert_eq!(
            parse_whole(&compact, Layout::parse),
            Layout::Compact { data }
        );
        never_panics(&compact, Layout::parse);
    }
}

#[test]
fn reads_compact_and_contiguous_of_versions_3_to_5() {
    for version in [3, 4, 5] {
        let data = Bytes::from_static(&[7, 8]);
        assert_eq!(
            parse_whole(&[version, 0, 2, 0, 7, 8], Layout::parse),
            Layout::Compact { data }
        );
        let contiguous = joined(&[&[version, 1], &address(u64::MAX), &address(800)]);
        let expected = Layout::Contiguous {
            address: None,
            size: Some(800),
        };
        assert_eq!(parse_whole(&contiguous, Layout::parse), expected);
        never_panics(&contiguous, Layout::parse);
    }
}

#[test]
fn reads_chunks_of_version_3() {
    let bytes = joined(&[&[3, 2, 2], &address(u64::MAX), &words32(&[5, 8])]);
    let index = ChunkIndex::BTreeV1 {
        address: Address::UNDEFINED,
    };
    assert_eq!(parse_whole(&bytes, Layout::parse), chunked(&[5], 8, index));
    never_panics(&bytes, Layout::parse);
}

#[test]
fn reads_every_chunk_index_of_versions_4_and_5() {
    let address = Address(0x1234);
    let cases: [(u8, &[u8], ChunkIndex); 6] = [
        (
            0,
            &[1],
            ChunkIndex::SingleChunk {
                address,
                filtered: None,
            },
        ),
        (
            2,
            &[1, 99, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0],
            ChunkIndex::SingleChunk {
                address,
                filtered: Some((99, 2)),
            },
        ),
        (0, &[2], ChunkIndex::Implicit { address }),
        (0, &[3, 10], ChunkIndex::FixedArray { address }),
        (
            0,
            &[4, 32, 4, 4, 16, 10],
            ChunkIndex::ExtensibleArray { address },
        ),
        (
            0,
            &[5, 0, 8, 0, 0, 100, 40],
            ChunkIndex::BTreeV2 { address },
        ),
    ];
    for version in [4, 5] {
        for (flags, parameters, index) in cases.clone() {
            let head = [version, 2, flags, 3, 2, 0, 1, 44, 1, 2, 0];
            let bytes = joined(&[&head, parameters, &self::address(address.0)]);
            let expected = chunked(&[256, 300], 2, index);
            assert_eq!(parse_whole(&bytes, Layout::parse), expected);
            never_panics(&bytes, Layout::parse);
        }
    }
}

#[test]
fn reads_flags_and_wide_lengths() {
    let lengths = joined(&[&address(1 << 33), &address(4)]);
    let bytes = joined(&[&[5, 2, 1, 2, 8], &lengths, &[2], &address(0x40)]);
    let Layout::Chunked {
        chunk_shape,
        unfiltered_edges,
        ..
    } = parse_whole(&bytes, Layout::parse)
    else {
        panic!("not chunked");
    };
    assert_eq!((chunk_shape, unfiltered_edges), (vec![1 << 33], true));
}

#[test]
fn reads_narrow_addresses() {
    let sizes = Sizes {
        offsets: 4,
        lengths: 4,
    };
    let bytes = [4, 2, 2, 2, 1, 5, 8, 1, 99, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0];
    let mut cursor = cursor_with(&bytes, sizes);
    let index = ChunkIndex::SingleChunk {
        address: Address(0x200),
        filtered: Some((99, 1)),
    };
    assert_eq!(Layout::parse(&mut cursor).unwrap(), chunked(&[5], 8, index));
    assert_eq!(cursor.remaining(), 0);
}

#[test]
fn reads_virtual() {
    let bytes = joined(&[&[4, 3], &address(0x700), &words32(&[2])]);
    let mapping = Some(HeapId {
        collection: Address(0x700),
        index: 2,
    });
    assert_eq!(
        parse_whole(&bytes, Layout::parse),
        Layout::Virtual { mapping }
    );
    never_panics(&bytes, Layout::parse);
    let none = joined(&[&[4, 3], &address(u64::MAX), &words32(&[0])]);
    assert_eq!(
        parse_whole(&none, Layout::parse),
        Layout::Virtual { mapping: None }
    );
}

#[test]
fn refuses_bad_chunks() {
    let v3 =
        |rank: u8, lengths: &[u32]| joined(&[&[3, 2, rank], &address(0x800), &words32(lengths)]);
    let v4 = |flags, rank, width| joined(&[&[4, 2, flags, rank, width], &[1; 40]]);
    let huge = joined(&[&[4, 2, 0, 3, 8], &[255; 16], &address(4), &[2], &[0; 8]]);
    let wide_element = joined(&[&[4, 2, 0, 2, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2], &[0; 8]]);
    let malformed = [
        v3(1, &[4]),
        v3(34, &[1; 34]),
        v3(2, &[0, 4]),
        v3(2, &[4, 0]),
        v4(0, 2, 0),
        v4(0, 2, 9),
        v4(0, 0, 1),
        huge,
        wide_element,
        // A version 1 B-tree does not belong here.
        vec![4, 2, 0, 2, 1, 5, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // Neither does a virtual layout.
        joined(&[&[3, 3], &address(0x700), &words32(&[2])]),
        vec![1, 0, 1, 0, 0, 0, 0, 0],
    ];
    for bytes in malformed {
        let error = Layout::parse(&mut cursor(&bytes)).unwrap_err();
        assert!(!error.is_unsupported(), "{error}");
    }
    let unsupported = [
        v4(4, 2, 1),
        vec![4, 2, 0, 2, 1, 5, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0, 0],
        vec![6, 0],
        vec![3, 4],
        vec![2, 1, 3, 0, 0, 0, 0, 0],
    ];
    for bytes in unsupported {
        let error = Layout::parse(&mut cursor(&bytes)).unwrap_err();
        assert!(error.is_unsupported(), "{error}");
    }
}

#[test]
fn is_checked_against_the_dataset() {
    let place = Place::new("data layout message", 0);
    let space = Dataspace::Simple {
        shape: vec![3, 4],
        max_shape: vec![Some(3), Some(4)],
    };
    let index = ChunkIndex::Implicit {
        address: Address(8),
    };
    let fits = |layout: &Layout| layout.check(place, &space, 2).is_ok();
    assert!(fits(&chunked(&[2, 2], 2, index.clone())));
    assert!(!fits(&chunked(&[2], 2, index.clone())));
    assert!(!fits(&chunked(&[2, 2], 4, index)));
    let contiguous = |size| Layout::Contiguous {
        address: Some(Address(8)),
        size,
    };
    assert!(fits(&contiguous(Some(24))));
    assert!(fits(&contiguous(None)));
    assert!(!fits(&contiguous(Some(23))));
    let compact = |size| Layout::Compact {
        data: Bytes::from(vec![0; size]),
    };
    assert!(fits(&compact(24)));
    assert!(!fits(&compact(23)));
}
