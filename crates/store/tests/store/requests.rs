//! How many requests and bytes reading takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chunkref_io::{Client, ClientOptions};
use chunkref_manifest::{
    ChunkTableBuilder, Codec, ConcatBuilder, Encoding, Layout, Location, LocationId, Manifest, Pin,
};
use chunkref_store::{BlockingStore, ReadOptions, Selection, Slice, Store, StoreOptions};
use chunkref_testkit::RangeServer;
use zarrs_storage::{ReadableStorageTraits as _, StoreKey};

use crate::dataset::{BYTE, Dataset, Served, array};

const MIB: u64 = 1 << 20;

/// A client 50 ms away, over connections of 50 MB/s: nothing is measured.
fn client() -> Client {
    let options = ClientOptions::default()
        .with_latency(Duration::from_millis(50))
        .with_bandwidth(50_000_000);
    Client::new(options)
}

/// Stored chunks of plain bytes, each full of its own number.
fn put(object: &mut Vec<u8>, number: u64, length: u64) -> u64 {
    let offset = object.len() as u64;
    let filled = object.len() + usize::try_from(length).unwrap();
    object.resize(filled, u8::try_from(number % 251).unwrap());
    offset
}

fn plain(grid: &[u64], chunk: &[u64], chunks: ChunkTableBuilder) -> chunkref_manifest::Array {
    let shape: Vec<_> = grid
        .iter()
        .zip(chunk)
        .map(|(count, length)| count * length)
        .collect();
    let layout = Layout::Chunked {
        chunk_shape: chunk.to_vec(),
        codecs: Vec::new(),
        chunks: chunks.finish(),
        fill_chunk: None,
    };
    array(BYTE, &shape, layout)
}

/// As a producer writes that appends to its variables in turn: seven runs of neighbours far apart, then
/// one long run with metadata in between.
#[test]
fn a_variable_that_was_appended_to_is_read_in_few_requests() {
    const LENGTH: u64 = 26_000;
    const CHUNKS: u64 = 338;
    let mut object = vec![0; usize::try_from(MIB).unwrap()];
    let mut chunks = ChunkTableBuilder::new(vec![CHUNKS]);
    for number in 0..CHUNKS {
        let apart = if number <= 130 { 3 * MIB } else { 8 << 10 };
        if number > 0 && number % 18 == 0 {
            put(&mut object, 0, apart);
        }
        let offset = put(&mut object, number, LENGTH);
        chunks.push(number, LocationId(0), offset, LENGTH).unwrap();
    }
    let size = object.len() as u64;
    let server = RangeServer::builder()
        .object("/a.h5", object)
        .start_blocking();
    let mut data = Dataset::empty();
    data.insert("h_ph", plain(&[CHUNKS], &[LENGTH], chunks));
    let read = |size: Option<u64>| {
        let mut manifest = data.manifest.clone();
        let pin = Pin {
            size,
            ..Pin::default()
        };
        let location = Location::new(server.url_of("/a.h5")).with_pin(pin);
        manifest.locations.intern(location);
        server.reset();
        let store = BlockingStore::new(Store::new(Arc::new(manifest), client())).unwrap();
        let read = store.read("/h_ph", &Selection::All, ReadOptions::default());
        let read = read.unwrap().bytes;
        for (number, chunk) in read.chunks(usize::try_from(LENGTH).unwrap()).enumerate() {
            let expected = u8::try_from(number % 251).unwrap();
            assert!(chunk.iter().all(|byte| *byte == expected), "chunk {number}");
        }
        (server.requests(), server.bytes())
    };
    // Seven for the runs, three for the parts of the long one; of what lies between little comes along.
    let (requests, bytes) = read(Some(size));
    assert_eq!(requests, 10);
    assert!(bytes * 100 <= CHUNKS * LENGTH * 102, "{bytes}");
    // References of others say nothing of the object: its size is asked for.
    assert_eq!(read(None).0, 11);
}

/// Two rows of chunks are touched, whose neighbours lie one after the other; of each granule both.
#[test]
fn a_box_through_granules_takes_two_requests_of_each() {
    const GRANULES: u64 = 20;
    /// A batch of 16 MiB ends within a granule.
    const LENGTH: u64 = 350_000;
    const GRID: [u64; 3] = [GRANULES, 4, 5];
    let mut object = vec![0; 5000];
    let offsets: Vec<u64> = (0..20)
        .map(|number| put(&mut object, number, LENGTH))
        .collect();
    let size = Some(object.len() as u64);
    let object = Bytes::from(object);
    let mut server = RangeServer::builder();
    for granule in 0..GRANULES {
        server = server.object(&format!("/{granule}.nc"), object.clone());
    }
    let server = server.start_blocking();
    let mut manifest = Manifest::default();
    let mut chunks = ChunkTableBuilder::new(GRID.to_vec());
    for granule in 0..GRANULES {
        let pin = Pin {
            size,
            ..Pin::default()
        };
        let url = server.url_of(&format!("/{granule}.nc"));
        let location = manifest
            .locations
            .intern(Location::new(url).with_pin(pin))
            .unwrap();
        for (number, offset) in (granule * 20..).zip(&offsets) {
            chunks.push(number, location, *offset, LENGTH).unwrap();
        }
    }
    let sst = plain(&GRID, &[1, 500, 700], chunks);
    manifest.root.arrays.insert("sst".into(), sst);
    let store = BlockingStore::new(Store::new(Arc::new(manifest), client())).unwrap();
    // Of plain chunks parts would be read; these are touched up to their edges.
    let selection = Selection::slices([
        Slice::new(0, GRANULES),
        Slice::new(500, 1500),
        Slice::new(700, 2800),
    ]);
    let read = store
        .read("/sst", &selection, ReadOptions::default())
        .unwrap();
    assert_eq!(read.bytes.len(), 20 * 1000 * 2100);
    for (place, part) in read.bytes.chunks(700).enumerate() {
        let (row, column) = (place / 3 % 1000, place % 3);
        let expected = u8::try_from((row / 500 + 1) * 5 + column + 1).unwrap();
        assert!(part.iter().all(|byte| *byte == expected), "row {row}");
    }
    assert_eq!(server.requests(), 40);
    assert_eq!(server.bytes(), 20 * 6 * LENGTH);
}

/// Granules whose length is no multiple of the chunk, key by key in order and with little to keep
/// chunks in: each chunk of a granule is needed for two of the chunks that are served.
#[test]
fn through_keys_a_joined_array_with_ragged_tails_is_fetched_once() {
    const CHUNK: u64 = 1000;
    let lengths = [3500, 4201, 999, 7777, 1000, 5432, 3, 6100];
    let codecs = [Codec::Shuffle { element_size: 1 }, Codec::Zlib { level: 1 }];
    let mut data = Dataset::empty();
    let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
    let (mut first, mut stored, mut of_granules) = (0, 0, 0);
    for length in lengths {
        let before = data.object.len();
        let made = data.chunked(BYTE, &[length], &[CHUNK], &codecs, &[], |place| {
            vec![byte(place[0] + first)]
        });
        stored += data.object.len() - before;
        let Layout::Chunked { chunks, .. } = made.layout else {
            panic!("not in chunks");
        };
        of_granules += chunks.stored();
        let encoding = Encoding {
            chunk_shape: vec![CHUNK],
            codecs: codecs.to_vec(),
            packing: None,
        };
        builder.push(length, encoding, chunks).unwrap();
        first += length;
    }
    let layout = Layout::Concat(Box::new(builder.concat().unwrap()));
    data.insert("a", array(BYTE, &[first], layout));
    // Room for four chunks.
    let options = StoreOptions::new().with_cache_bytes(4 * CHUNK);
    let Served { server, store, .. } = data.served(options);
    server.reset();
    let mut read = Vec::new();
    for number in 0..first.div_ceil(CHUNK) {
        let key = StoreKey::new(format!("a/c/{number}")).unwrap();
        read.extend(store.get(&key).unwrap().unwrap());
    }
    let expected: Vec<u8> = (0..first).map(byte).collect();
    assert_eq!(read[..expected.len()], expected);
    assert_eq!(first, 29_012);
    let stored = stored as u64;
    assert!(
        server.bytes() * 100 <= stored * 105,
        "{} of {stored}",
        server.bytes()
    );
    assert!(
        server.requests() * 100 <= of_granules * 105,
        "{} of {of_granules}",
        server.requests()
    );
}

fn byte(place: u64) -> u8 {
    u8::try_from(place * place % 241).unwrap()
}
