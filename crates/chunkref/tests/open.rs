//! Datasets opened whatever they are: what is read of them, and what is not.

use std::path::Path;

use chunkref::store::{ReadOptions, Selection, Slice};
use chunkref::{
    Client, ClientOptions, ScanOptions, Store, WriteOptions, open, scan, write, write_with,
};
use chunkref_testkit::RangeServer;
use zarrs_storage::AsyncListableStorageTraits as _;

const GRANULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/granules");
const HEIGHTS: &str = "/gt1l/heights/h_ph";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A client that reads no more than it is asked for.
fn exact() -> Client {
    Client::new(
        ClientOptions::default()
            .with_head_read(0)
            .with_cache_bytes(0),
    )
}

fn paths(server: &RangeServer) -> Vec<String> {
    let log = server.log();
    log.iter().map(|entry| entry.path.clone()).collect()
}

async fn read(store: &Store, path: &str) -> chunkref::store::Elements {
    let all = store.read(path, &Selection::All, ReadOptions::default());
    all.await.unwrap()
}

/// A Parquet set of the heights of a granule, which are in more than one record.
async fn set(folder: &Path, server: &RangeServer) -> chunkref::Manifest {
    let url = server.url_of("granules/atl03_like.h5");
    let client = Client::new(ClientOptions::default());
    let scanned = scan(&client, &url, &ScanOptions::default()).await.unwrap();
    let options = WriteOptions::new().with_record_size(Some(2));
    write_with(&scanned.manifest, folder.join("set.parquet"), &options).unwrap();
    write(&scanned.manifest, folder.join("set.json")).unwrap();
    scanned.manifest
}

#[tokio::test]
async fn a_chunk_of_a_parquet_set_takes_its_documents_one_record_and_the_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let granules = RangeServer::builder().root(Path::new(GRANULES).parent().unwrap());
    let granules = granules.start().await;
    let manifest = set(folder.path(), &granules).await;
    let array = manifest.array(HEIGHTS).unwrap();
    assert!(array.stored_chunks() > 4);
    let server = RangeServer::builder().root(folder.path()).start().await;
    let client = exact();
    let store = open(&client, &server.url_of("set.parquet")).await.unwrap();
    let opened = [
        "/set.parquet/.zmetadata",
        "/set.parquet/.chunkref/extras.json",
    ];
    assert_eq!(paths(&server), opened);
    let before = granules.requests();
    let second = format!("{}/c/1", HEIGHTS.trim_start_matches('/'));
    let chunk = store.get_many(&[&second]).await.unwrap().pop().flatten();
    assert!(chunk.is_some());
    let record = format!("/set.parquet{HEIGHTS}/refs.0.parq");
    assert_eq!(paths(&server)[2..], [record.clone()]);
    assert_eq!(granules.requests() - before, 1);
    // The same record again, and elements of a chunk in another.
    let length = array.chunk_shape()[0];
    let far = Selection::slices([Slice::at(2 * length)]);
    store
        .read(HEIGHTS, &far, ReadOptions::default())
        .await
        .unwrap();
    store.get_many(&[&second]).await.unwrap();
    let other = format!("/set.parquet{HEIGHTS}/refs.1.parq");
    assert_eq!(paths(&server)[2..], [record, other]);
}

#[tokio::test]
async fn a_group_of_a_granule_is_read_without_the_others() {
    let server = RangeServer::builder().root(GRANULES).start().await;
    let url = server.url_of("atl03_like.h5");
    let whole = exact();
    let scanned = scan(&whole, &url, &ScanOptions::default()).await.unwrap();
    let expected = read(
        &Store::new(scanned.manifest.clone().into(), whole.clone()),
        HEIGHTS,
    )
    .await;
    let client = exact();
    let store = open(&client, &url).await.unwrap();
    assert!(client.log().snapshot().requests <= 1);
    assert_eq!(read(&store, HEIGHTS).await, expected);
    let (narrow, wide) = (client.log().snapshot(), whole.log().snapshot());
    println!("group: {narrow:?}\nwhole: {wide:?}");
    assert!(narrow.bytes < wide.bytes, "{narrow:?} {wide:?}");
    assert!(narrow.requests < wide.requests, "{narrow:?} {wide:?}");
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
            "no HDF5 signature",
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
    let file = format!("{GRANULES}/types_others.h5");
    let scanned = scan(&client, &file, &ScanOptions::default()).await.unwrap();
    let refused = scanned.report.refused().next().unwrap().clone();
    let reason = refused.reason.unwrap();
    let folder = tempfile::tempdir().unwrap();
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
    drop(folder);
}
