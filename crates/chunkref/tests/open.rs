//! Datasets opened whatever they are: what is read of them, and what is not.

use std::path::Path;

use chunkref::manifest::{
    Array, Attributes, ByteOrder, ChunkTableBuilder, DataType, Layout, Location, Manifest,
};
use chunkref::store::{ReadOptions, Selection, Slice};
use chunkref::{Client, ClientOptions, ScanOptions, Store, WriteOptions, open, scan, write_with};
use chunkref_testkit::RangeServer;
use zarrs_storage::AsyncListableStorageTraits as _;

const GRANULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/granules");
const HEIGHTS: &str = "/gt1l/heights/h_ph";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn paths(server: &RangeServer) -> Vec<String> {
    let log = server.log();
    log.iter().map(|entry| entry.path.clone()).collect()
}

async fn read(store: &Store, path: &str) -> chunkref::store::Elements {
    let all = store.read(path, &Selection::All, ReadOptions::default());
    all.await.unwrap()
}

const CHUNKS: u32 = 5000;

/// One number a chunk, 1,000 references a record, behind servers: of the set, and of its source.
async fn set(folder: &Path) -> (RangeServer, RangeServer) {
    let object: Vec<u8> = (0..CHUNKS).flat_map(u32::to_le_bytes).collect();
    let source = RangeServer::builder().object("/a.h5", object).start().await;
    let mut manifest = Manifest::default();
    let location = Location::new(source.url_of("/a.h5"));
    let location = manifest.locations.intern(location).unwrap();
    let mut table = ChunkTableBuilder::new(vec![CHUNKS.into()]);
    for index in 0..u64::from(CHUNKS) {
        table.push(index, location, index * 4, 4).unwrap();
    }
    let array = Array {
        shape: vec![CHUNKS.into()],
        data_type: DataType::UInt {
            size: 4,
            order: ByteOrder::Little,
        },
        dimension_names: vec!["x".to_owned()],
        fill_value: None,
        attributes: Attributes::new(),
        layout: Layout::Chunked {
            chunk_shape: vec![1],
            codecs: Vec::new(),
            chunks: table.finish(),
            fill_chunk: None,
        },
    };
    let group = manifest.root.groups.entry("g".to_owned()).or_default();
    group.arrays.insert("a".to_owned(), array);
    let options = WriteOptions::new().with_record_size(Some(1000));
    write_with(&manifest, folder.join("set.parquet"), &options).unwrap();
    let set = RangeServer::builder().root(folder).start().await;
    (set, source)
}

#[tokio::test]
async fn a_chunk_of_a_parquet_set_takes_its_documents_one_record_and_the_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let (server, source) = set(folder.path()).await;
    let client = Client::new(ClientOptions::default());
    let store = open(&client, &server.url_of("set.parquet")).await.unwrap();
    let opened = [
        "/set.parquet/.zmetadata",
        "/set.parquet/.chunkref/extras.json",
    ];
    assert_eq!(paths(&server), opened);
    let key = "g/a/c/2500";
    let chunk = store.get_many(&[key]).await.unwrap().pop().flatten();
    assert_eq!(chunk.as_deref(), Some(&2500_u32.to_le_bytes()[..]));
    let record = |number: u32| format!("/set.parquet/g/a/refs.{number}.parq");
    assert_eq!(paths(&server)[2..], [record(2)]);
    assert_eq!(source.requests(), 1);
    // The same record again, a document, a list, and elements that lie in two records more.
    let keys = [key, "g/a/zarr.json", "g/a/c/2999", "g/a/c/5000", "g/b/c/0"];
    let there: Vec<bool> = store
        .get_many(&keys)
        .await
        .unwrap()
        .iter()
        .map(Option::is_some)
        .collect();
    assert_eq!(there, [true, true, true, false, false]);
    let below = store.list_dir(&"g/".try_into().unwrap()).await.unwrap();
    assert_eq!(below.prefixes().len(), 1);
    assert_eq!(paths(&server)[2..], [record(2)]);
    let across = Selection::slices([Slice::new(3998, 4002)]);
    let read = store
        .read("/g/a", &across, ReadOptions::default())
        .await
        .unwrap();
    let numbers: Vec<u8> = (3998_u32..4002).flat_map(u32::to_le_bytes).collect();
    assert_eq!(read.bytes, numbers);
    let mut records = paths(&server).split_off(3);
    records.sort();
    assert_eq!(records, [record(3), record(4)]);
    // All of them, each once.
    assert_eq!(store.list().await.unwrap().len(), 5000 + 3);
    assert_eq!(self::read(&store, "/g/a").await.shape, [5000]);
    assert_eq!(paths(&server).len(), 2 + 5);
}

#[tokio::test]
async fn a_group_of_a_granule_is_read_without_the_others() {
    let server = RangeServer::builder().root(GRANULES).start().await;
    let url = server.url_of("atl03_like.h5");
    let client = || Client::new(ClientOptions::default().with_head_read(4096));
    let whole = client();
    let scanned = scan(&whole, &url, &ScanOptions::default()).await.unwrap();
    let wide = whole.log().snapshot();
    let expected = read(&Store::new(scanned.manifest.into(), whole.clone()), HEIGHTS).await;
    let client = client();
    let store = open(&client, &url).await.unwrap();
    assert!(client.log().snapshot().requests <= 1);
    // Its group alone is scanned.
    assert!(store.around_array(HEIGHTS).await.unwrap().is_some());
    let narrow = client.log().snapshot();
    assert!(narrow.bytes * 2 < wide.bytes, "{narrow:?} {wide:?}");
    assert_eq!(read(&store, HEIGHTS).await, expected);
    let narrow = client.log().snapshot();
    // What is known is not asked for again.
    let group = store.around_group("/gt1l/heights").await.unwrap().unwrap();
    assert!(group.array(HEIGHTS).is_some());
    assert_eq!(client.log().snapshot().requests, narrow.requests);
    // All keys need all of it, once.
    let keys = store.list().await.unwrap();
    let scanned = client.log().snapshot().requests;
    assert!(scanned > narrow.requests);
    assert_eq!(store.list().await.unwrap(), keys);
    assert_eq!(client.log().snapshot().requests, scanned);
}

#[tokio::test]
async fn what_is_no_dataset_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(ClientOptions::default());
    for (name, bytes, said) in [
        (
            "empty.h5",
            &b""[..],
            "an empty file: perhaps a copy that broke off",
        ),
        (
            "old.nc",
            b"CDF\x01rest",
            "a NetCDF-3 file: only HDF5 and NetCDF-4",
        ),
        (
            "refs.txt",
            b"{\"version\": 1}",
            "JSON: a reference set's name ends in .json",
        ),
        (
            "refs.0.parq.bin",
            b"PAR1rest",
            "a Parquet file: a Parquet reference set is a folder",
        ),
        (
            "login.h5",
            b"<!DOCTYPE html>",
            "HTML or XML: perhaps a page that asks for a login",
        ),
        (
            "other.h5",
            b"something else altogether",
            "not an HDF5 file: no signature",
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = open(&client, text(&path)).await.unwrap_err();
        let mut shown = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            shown = format!("{shown}: {source}");
        }
        assert!(shown.starts_with(text(&path)), "{shown}");
        assert!(shown.contains(said), "{name}: {shown}");
    }
    let zarr = folder.path().join("store.zarr");
    std::fs::create_dir(&zarr).unwrap();
    let error = open(&client, text(&zarr)).await.unwrap_err().to_string();
    assert!(error.contains("a folder without .zmetadata"), "{error}");
    std::fs::write(zarr.join("zarr.json"), "{}").unwrap();
    let error = open(&client, text(&zarr)).await.unwrap_err().to_string();
    assert!(error.contains("a Zarr store: open it as Zarr"), "{error}");
    let missing = folder.path().join("none.h5");
    let error = open(&client, text(&missing)).await.unwrap_err().to_string();
    assert!(error.contains("not found"), "{error}");
}

#[tokio::test]
async fn what_a_granule_was_refused_for_is_said_wherever_it_is_asked_for() {
    let client = Client::new(ClientOptions::default());
    let file = format!("{GRANULES}/fills_special.h5");
    let scanned = scan(&client, &file, &ScanOptions::default()).await.unwrap();
    let refused = scanned.report.refused().next().unwrap().clone();
    let reason = refused.reason.unwrap();
    let store = open(&client, &file).await.unwrap();
    let key = format!("{}/zarr.json", refused.path.trim_start_matches('/'));
    let error = store.get_many(&[&key]).await.unwrap_err().to_string();
    assert!(error.ends_with(&reason), "{error}");
    let chunk = format!("{}/c/0", refused.path.trim_start_matches('/'));
    let error = store.get_many(&[&chunk]).await.unwrap_err().to_string();
    assert!(error.ends_with(&reason), "{error}");
    let all = ReadOptions::default();
    let error = store
        .read(&refused.path, &Selection::All, all)
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with(&reason), "{error}");
    assert!(
        store
            .refused()
            .await
            .unwrap()
            .iter()
            .any(|one| one.path == refused.path)
    );
}
