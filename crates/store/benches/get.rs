//! What a store adds to the read of a chunk that it passes through: the ranged read of a file, and the
//! same by its key.
#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;
use std::sync::Arc;

use chunkref_io::{Client, ClientOptions};
use chunkref_manifest::{
    Array, Attributes, ByteOrder, ChunkTableBuilder, DataType, Layout, Location, Manifest,
};
use chunkref_store::Store;
use criterion::{Criterion, criterion_group, criterion_main};
use zarrs_storage::{AsyncReadableStorageTraits as _, StoreKey};

const CHUNKS: u64 = 1000;
const CHUNK_BYTES: u64 = 4096;

fn manifest(url: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let location = manifest.locations.intern(Location::new(url)).unwrap();
    let mut table = ChunkTableBuilder::new(vec![CHUNKS]);
    for index in 0..CHUNKS {
        table
            .push(index, location, index * CHUNK_BYTES, CHUNK_BYTES)
            .unwrap();
    }
    let array = Array {
        shape: vec![CHUNKS * CHUNK_BYTES],
        data_type: DataType::UInt {
            size: 1,
            order: ByteOrder::Little,
        },
        dimension_names: vec!["x".to_owned()],
        fill_value: None,
        attributes: Attributes::new(),
        layout: Layout::Chunked {
            chunk_shape: vec![CHUNK_BYTES],
            codecs: Vec::new(),
            chunks: table.finish(),
            fill_chunk: None,
        },
    };
    let group = manifest.root.groups.entry("group".to_owned()).or_default();
    group.arrays.insert("array".to_owned(), array);
    manifest
}

fn get(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    std::fs::write(
        &path,
        vec![7; usize::try_from(CHUNKS * CHUNK_BYTES).unwrap()],
    )
    .unwrap();
    let url = path.to_str().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
    let client = Client::new(ClientOptions::default());
    let object = runtime.block_on(client.open(url)).unwrap();
    let store = Store::new(Arc::new(manifest(url)), client);
    let key = StoreKey::new("group/array/c/500").unwrap();
    let range = 500 * CHUNK_BYTES..501 * CHUNK_BYTES;
    let mut group = criterion.benchmark_group("chunk of 4 KiB");
    group.bench_function("ranged read", |bencher| {
        bencher.iter(|| {
            let read = runtime.block_on(object.read(std::slice::from_ref(black_box(&range))));
            read.unwrap()
        });
    });
    group.bench_function("get", |bencher| {
        bencher.iter(|| runtime.block_on(store.get(black_box(&key))).unwrap());
    });
    group.finish();
}

criterion_group!(benches, get);
criterion_main!(benches);
