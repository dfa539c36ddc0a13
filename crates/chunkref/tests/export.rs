//! Exports: which chunks are read and written, and how a run is gone on with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chunkref::export::{ExportCodec, ExportError, ExportOptions, Exported, export};
use chunkref::manifest::{Group, Pin};
use chunkref::store::{ReadOptions, Selection, Slice};
use chunkref::{Client, ClientOptions, Counter, Manifest, ScanOptions, Store, scan};
use chunkref_testkit::{Fault, RangeServer, When};
use zarrs::array::ArrayBytes;
use zarrs_storage::store::MemoryStore;
use zarrs_storage::{StoreKey, WritableStorageTraits as _};

const DAY: &str = "mur_like_20200601.nc";

fn granule(name: &str) -> String {
    format!(
        "{}/../../fixtures/granules/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// A client that asks for what is wanted, and gives up at once.
fn client() -> Client {
    let options = ClientOptions::default()
        .with_head_read(0)
        .with_cache_bytes(0)
        .with_merge_gap(0)
        .with_retries(0);
    Client::new(options)
}

async fn scanned(url: &str) -> Arc<Manifest> {
    let options = ScanOptions::default().with_inline_threshold(0);
    let scanned = scan(&Client::default(), url, &options).await.unwrap();
    Arc::new(scanned.manifest)
}

async fn exported(
    manifest: &Arc<Manifest>,
    output: &Path,
    options: &ExportOptions,
) -> Result<Exported, ExportError> {
    export(&client(), manifest, output, options, &Counter::new()).await
}

/// All files under a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                let name = name.to_str().unwrap().replace('\\', "/");
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

fn names(folder: &Path) -> BTreeSet<String> {
    files(folder).into_keys().collect()
}

/// A chunk of an export, decompressed.
fn chunk(folder: &Path, key: &str) -> Vec<u8> {
    zstd::decode_all(std::fs::read(folder.join(key)).unwrap().as_slice()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_broke_off_is_gone_on_with() {
    let bytes = std::fs::read(granule(DAY)).unwrap();
    let server = RangeServer::builder().object(DAY, bytes).start().await;
    let manifest = scanned(&server.url_of(DAY)).await;
    let folder = tempfile::tempdir().unwrap();
    let (once, twice) = (
        folder.path().join("once.zarr"),
        folder.path().join("twice.zarr"),
    );
    let options = ExportOptions::new().with_memory(1 << 10);

    server.reset();
    let whole = exported(&manifest, &once, &options).await.unwrap();
    assert_eq!((whole.arrays, whole.kept), (6, 0));
    let requests = server.requests();
    assert_eq!(requests, whole.written);

    server.set_fault(
        Fault::Status {
            code: 404,
            retry_after: None,
        },
        When::After(20),
    );
    let error = exported(&manifest, &twice, &options).await.unwrap_err();
    assert!(matches!(error, ExportError::Read { .. }), "{error}");
    assert!(!twice.exists());
    let partial = folder.path().join("twice.zarr.partial");
    let before = names(&partial);
    assert!(before.len() > 10, "{before:?}");
    // What was being written when a process is killed.
    std::fs::write(partial.join("work/1.1"), b"half").unwrap();

    server.clear_faults();
    server.reset();
    let rest = exported(&manifest, &twice, &options).await.unwrap();
    assert!(rest.kept >= 10, "{rest:?}");
    assert_eq!(rest.kept + rest.written, whole.written);
    assert_eq!(server.requests(), rest.written, "none is read again");
    assert!(!partial.exists());
    assert_eq!(files(&once), files(&twice));
}

/// The same, pinned by nothing.
async fn unpinned(url: &str) -> Arc<Manifest> {
    let mut manifest = Manifest::clone(&*scanned(url).await);
    let ids: Vec<_> = manifest.locations.iter().map(|(id, _)| id).collect();
    for id in ids {
        manifest.locations.describe(id, Pin::default(), Vec::new());
    }
    Arc::new(manifest)
}

fn gone(after: u64) -> (Fault, When) {
    let gone = Fault::Status {
        code: 404,
        retry_after: None,
    };
    (gone, When::After(after))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_not_gone_on_with_over_another_source() {
    let bytes = std::fs::read(granule(DAY)).unwrap();
    let server = RangeServer::builder()
        .object(DAY, bytes.clone())
        .start()
        .await;
    let manifest = unpinned(&server.url_of(DAY)).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zarr");
    let options = ExportOptions::new().with_memory(1 << 10);
    let (fault, when) = gone(20);
    server.reset();
    server.set_fault(fault, when);
    exported(&manifest, &output, &options).await.unwrap_err();
    server.clear_faults();

    // As long as before, and another.
    let mut other = bytes;
    *other.last_mut().unwrap() ^= 1;
    server.put(DAY, other);
    let error = exported(&manifest, &output, &options).await.unwrap_err();
    assert!(error.to_string().contains("unfinished export"), "{error}");
    assert!(!output.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_replaced_in_the_end_is_an_error() {
    let bytes = std::fs::read(granule(DAY)).unwrap();
    let server = RangeServer::builder().object(DAY, bytes).start().await;
    let manifest = unpinned(&server.url_of(DAY)).await;
    let folder = tempfile::tempdir().unwrap();
    let options = ExportOptions::new().with_memory(1 << 10);
    server.reset();
    let output = folder.path().join("once.zarr");
    exported(&manifest, &output, &options).await.unwrap();
    let requests = server.requests();

    // When all but the last is asked.
    server.reset();
    server.set_fault(Fault::Replace, When::After(requests - 1));
    let output = folder.path().join("twice.zarr");
    let error = exported(&manifest, &output, &options).await.unwrap_err();
    assert!(matches!(error, ExportError::Changed { .. }), "{error}");
    assert!(error.to_string().contains(DAY), "{error}");
    assert!(!output.exists());
}

#[tokio::test]
async fn no_name_of_an_array_or_a_group_is_taken() {
    let mut manifest = Manifest::clone(&*scanned(&granule(DAY)).await);
    let time = manifest.root.arrays["time"].clone();
    for name in [".chunkref-export", "store", "work", "what"] {
        let mut group = Group::default();
        group.arrays.insert(name.to_owned(), time.clone());
        manifest.root.arrays.insert(name.to_owned(), time.clone());
        manifest
            .root
            .groups
            .insert(format!("{name}2"), group.clone());
    }
    let group = manifest.root.groups["store2"].clone();
    manifest.root.arrays.remove(".chunkref-export");
    manifest
        .root
        .groups
        .insert(".chunkref-export".to_owned(), group);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zarr");
    let options = ExportOptions::new();
    let exported = exported(&Arc::new(manifest), &output, &options)
        .await
        .unwrap();
    assert_eq!((exported.arrays, exported.refused), (14, Vec::new()));
    let names = names(&output);
    for name in [
        ".chunkref-export/store",
        ".chunkref-export2/.chunkref-export",
        "store",
        "work",
        "what",
    ] {
        for file in ["zarr.json", "c/0"] {
            assert!(names.contains(&format!("{name}/{file}")), "{name}/{file}");
        }
    }
    assert!(!folder.path().join("out.zarr.partial").exists());
}

#[tokio::test]
async fn another_export_is_not_gone_on_with_and_nothing_is_replaced() {
    let manifest = scanned(&granule(DAY)).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zarr");
    let partial = folder.path().join("out.zarr.partial");
    std::fs::create_dir(&partial).unwrap();
    std::fs::write(partial.join("mine"), b"x").unwrap();
    let options = ExportOptions::new().with_arrays(["mask"]);
    let error = exported(&manifest, &output, &options).await.unwrap_err();
    assert!(error.to_string().contains("unfinished export"), "{error}");
    assert_eq!(names(&partial), ["mine".to_owned()].into());
    std::fs::remove_dir_all(&partial).unwrap();

    exported(&manifest, &output, &options).await.unwrap();
    let before = files(&output);
    let error = exported(&manifest, &output, &options).await.unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
    assert_eq!(files(&output), before);

    for (name, expected) in [
        ("nothing", "/nothing: no such array"),
        ("lat/x", "/lat/x: no such array"),
    ] {
        let options = ExportOptions::new().with_arrays([name]);
        let other = folder.path().join("other.zarr");
        let error = exported(&manifest, &other, &options).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!other.exists());
    }
}

#[tokio::test]
async fn an_array_comes_with_its_coordinates_and_in_the_chunks_asked_for() {
    let manifest = scanned(&granule(DAY)).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zarr");
    let options = ExportOptions::new()
        .with_arrays(["mask"])
        .with_chunks("lat", 100)
        .with_chunks("lon", 1000);
    let exported = exported(&manifest, &output, &options).await.unwrap();
    assert_eq!(exported.arrays, 4);
    let arrays: BTreeSet<_> = names(&output)
        .into_iter()
        .filter(|name| name.ends_with("zarr.json"))
        .collect();
    let expected = ["lat", "lon", "mask", "time"].map(|name| format!("{name}/zarr.json"));
    assert_eq!(
        arrays,
        expected
            .into_iter()
            .chain(["zarr.json".to_owned()])
            .collect()
    );

    let store = Store::new(Arc::clone(&manifest), Client::default());
    let mask = store.read_array("/mask", u64::MAX).await.unwrap();
    let [_, lat, lon] = mask.shape.as_slice().try_into().unwrap();
    assert!(lat > 100 && lat < 200 && lon < 1000, "{lat} {lon}");
    let first = chunk(&output, "mask/c/0/0/0");
    let rows = usize::try_from(100 * lon).unwrap();
    assert_eq!(
        first,
        mask.bytes[..rows],
        "one chunk is as long as its axis"
    );
    let corner = chunk(&output, "mask/c/0/1/0");
    assert_eq!(corner.len(), rows);
    let left = mask.bytes.len() - rows;
    assert_eq!(corner[..left], mask.bytes[rows..]);
}

#[tokio::test]
async fn a_selection_is_exported_with_its_steps() {
    let manifest = scanned(&granule(DAY)).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zarr");
    let slices = [
        Slice::at(0),
        Slice::new(3, 170).with_step(4),
        Slice::new(50, 60),
    ];
    let selection = Selection::slices(slices);
    let options = ExportOptions::new()
        .with_arrays(["analysed_sst"])
        .with_selection("/analysed_sst", selection.clone())
        .with_selection("/lat", Selection::slices([slices[1]]))
        .with_selection("/lon", Selection::slices([slices[2]]))
        .with_codec(ExportCodec::Gzip { level: 1 });
    exported(&manifest, &output, &options).await.unwrap();
    let store = Store::new(manifest, Client::default());
    let expected = store
        .read("/analysed_sst", &selection, ReadOptions::default())
        .await
        .unwrap();
    assert_eq!(expected.shape, [1, 42, 10]);
    let document = std::fs::read(output.join("analysed_sst/zarr.json")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(document["shape"], serde_json::json!([1, 42, 10]));
    assert_eq!(
        document["chunk_grid"]["configuration"]["chunk_shape"],
        serde_json::json!([1, 42, 10])
    );
    let file = std::fs::File::open(output.join("analysed_sst/c/0/0/0")).unwrap();
    let mut found = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(file), &mut found).unwrap();
    assert_eq!(found, expected.bytes);
}

#[tokio::test]
async fn zarrs_reads_what_was_exported() {
    for (name, codec, least) in [
        (DAY, ExportCodec::None, 6),
        ("atl03_like.h5", ExportCodec::default(), 20),
        ("types.h5", ExportCodec::Gzip { level: 6 }, 10),
    ] {
        let manifest = scanned(&granule(name)).await;
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out.zarr");
        let options = ExportOptions::new().with_codec(codec);
        let done = exported(&manifest, &output, &options).await.unwrap();
        let copied = Arc::new(MemoryStore::new());
        for (key, bytes) in files(&output) {
            let key = StoreKey::new(key).unwrap();
            copied.set(&key, bytes.into()).unwrap();
        }
        let source = Arc::new(Store::new(Arc::clone(&manifest), Client::default()));
        let mut compared = 0;
        for (path, _) in manifest.arrays() {
            if done.refused.iter().any(|(refused, _)| *refused == path) {
                continue;
            }
            // It has no names for some types.
            let Ok(opened) = zarrs::array::Array::open(Arc::clone(&copied), &path) else {
                continue;
            };
            let all = opened.subset_all();
            let read: ArrayBytes = opened.retrieve_array_subset(&all).unwrap();
            let expected = zarrs::array::Array::async_open(Arc::clone(&source), &path).await;
            let expected = expected.unwrap().async_retrieve_array_subset(&all).await;
            assert_eq!(read, expected.unwrap(), "{name} {path}");
            compared += 1;
        }
        assert!(compared >= least, "{name}: {compared} compared");
    }
}

#[tokio::test]
async fn absent_chunks_stay_absent() {
    let manifest = scanned(&granule("layouts_latest.h5")).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zarr");
    let options = ExportOptions::new().with_arrays(["indexes/fixed_sparse"]);
    let exported = exported(&manifest, &output, &options).await.unwrap();
    let stored = manifest
        .array("/indexes/fixed_sparse")
        .unwrap()
        .stored_chunks();
    assert_eq!((exported.written, exported.absent), (stored, 48 - stored));
    let chunks = names(&output.join("indexes/fixed_sparse"));
    assert_eq!(chunks.len(), 1 + usize::try_from(stored).unwrap());
}
