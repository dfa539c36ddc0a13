//! Chunks that libhdf5 stored, decoded; and encoded the same way where the bytes are determined.

use bytes::Bytes;
use chunkref_filters::{Error, Filter, Pipeline};

struct Chunk {
    filters: Vec<Filter>,
    mask: u32,
    plain: Vec<u8>,
    stored: Vec<u8>,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn chunks() -> Vec<Chunk> {
    let lines = include_str!("chunks.txt").lines();
    lines
        .map(|line| {
            let [names, size, mask, plain, stored] =
                line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let element_size = size.parse().unwrap();
            let filters = names
                .split(',')
                .filter(|&name| name != "none")
                .map(|name| match name {
                    "shuffle" => Filter::Shuffle { element_size },
                    "deflate" => Filter::Deflate { level: 4 },
                    "fletcher32" => Filter::Fletcher32,
                    other => panic!("no filter {other}"),
                })
                .collect();
            Chunk {
                filters,
                mask: mask.parse().unwrap(),
                plain: bytes(plain),
                stored: bytes(stored),
            }
        })
        .collect()
}

#[test]
fn decode_as_libhdf5_does() {
    let chunks = chunks();
    assert_eq!(chunks.len(), 387);
    for chunk in chunks {
        let pipeline = Pipeline::new(chunk.filters);
        let decoded = pipeline.decode(chunk.stored.into(), chunk.mask, chunk.plain.len());
        assert_eq!(decoded.unwrap(), chunk.plain, "{:?}", pipeline.filters());
    }
}

#[test]
fn encode_as_libhdf5_does() {
    let mut compared = 0;
    for chunk in chunks() {
        // Deflate streams of equal meaning may differ in their bytes.
        if !chunk.filters.contains(&Filter::Deflate { level: 4 }) {
            let pipeline = Pipeline::new(chunk.filters);
            assert_eq!(pipeline.encode(&chunk.plain).unwrap(), chunk.stored);
            compared += 1;
        }
    }
    assert_eq!(compared, 4 * 43);
}

#[test]
fn checksums_of_old_hdf5_are_accepted() {
    for chunk in chunks() {
        if chunk.filters.last() != Some(&Filter::Fletcher32) {
            continue;
        }
        let mut stored = chunk.stored;
        let at = stored.len() - 4;
        stored.swap(at, at + 1);
        stored.swap(at + 2, at + 3);
        let decoded = Pipeline::new(chunk.filters).decode(stored.into(), 0, chunk.plain.len());
        assert_eq!(decoded.unwrap(), chunk.plain);
    }
}

#[test]
fn every_changed_byte_under_a_checksum_is_found() {
    for chunk in chunks() {
        if chunk.filters != [Filter::Fletcher32] || chunk.plain.len() > 50 {
            continue;
        }
        for at in 0..chunk.stored.len() {
            let mut stored = chunk.stored.clone();
            stored[at] ^= 0x10;
            let decoded =
                Pipeline::new([Filter::Fletcher32]).decode(stored.into(), 0, chunk.plain.len());
            assert!(matches!(decoded, Err(Error::Checksum { index: 0, .. })));
        }
    }
}

#[test]
fn a_cut_chunk_is_an_error() {
    for chunk in chunks() {
        let pipeline = Pipeline::new(chunk.filters);
        let stored = Bytes::from(chunk.stored);
        for end in 0..stored.len().min(200) {
            let decoded = pipeline.decode(stored.slice(..end), 0, chunk.plain.len());
            assert!(decoded.is_err(), "{:?} cut at {end}", pipeline.filters());
        }
    }
}
