//! What a store serves of every fixture, beside a store into which the same was copied key by key; and
//! what is read of it, whichever way it was opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chunkref::store::{
    BlockingStore, Elements, ReadOptions, ReaderProfile, Selection, Store, StoreOptions,
    ZarrVersion,
};
use chunkref::{
    Client, ClientOptions, Manifest, OpenOptions, ScanOptions, WriteOptions, open, open_with, scan,
    write, write_with,
};
use zarrs_storage::byte_range::ByteRange;
use zarrs_storage::store::MemoryStore;
use zarrs_storage::{
    ListableStorageTraits, ReadableStorageTraits, StoreKey, StorePrefix, WritableStorageTraits as _,
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");

/// Most keys and prefixes of one file that are compared one by one, evenly spread.
const COMPARED: usize = 200;

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["granules", "hdf5"] {
        for entry in std::fs::read_dir(Path::new(FIXTURES).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let suffix = path.extension().and_then(|suffix| suffix.to_str());
            if matches!(suffix, Some("h5" | "nc")) {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 80, "{}", files.len());
    files
}

fn views() -> [StoreOptions; 3] {
    let view = |version, reader| {
        let options = StoreOptions::new().with_zarr_version(version);
        options.with_reader(reader).with_consolidated_metadata(true)
    };
    [
        view(ZarrVersion::V3, ReaderProfile::Zarrs),
        view(ZarrVersion::V3, ReaderProfile::ZarrPython),
        view(ZarrVersion::V2, ReaderProfile::ZarrPython),
    ]
}

/// At most so many of these, evenly spread.
fn spread<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(COMPARED).max(1))
}

fn copied(store: &BlockingStore) -> MemoryStore {
    let copy = MemoryStore::new();
    for key in store.list().unwrap() {
        let value = store.get(&key).unwrap();
        copy.set(&key, value.unwrap_or_else(|| panic!("{key}")))
            .unwrap();
    }
    copy
}

fn sorted<T: ToString>(items: &[T]) -> Vec<String> {
    let mut texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

/// Every list, key, size and some ranges.
fn compare(what: &str, store: &BlockingStore, copy: &MemoryStore) {
    let keys = copy.list().unwrap();
    assert_eq!(sorted(&store.list().unwrap()), sorted(&keys), "{what}");
    assert_eq!(store.size().unwrap(), copy.size().unwrap(), "{what}");
    let mut prefixes: BTreeSet<&str> = [""].into();
    for key in &keys {
        let key = key.as_str();
        prefixes.extend(key.match_indices('/').map(|(at, _)| &key[..=at]));
    }
    let prefixes: Vec<_> = prefixes
        .into_iter()
        .chain(["none/", "none/such/"])
        .collect();
    for prefix in spread(&prefixes) {
        let prefix = StorePrefix::new(*prefix).unwrap();
        let (ours, theirs) = (store.list_prefix(&prefix), copy.list_prefix(&prefix));
        assert_eq!(
            sorted(&ours.unwrap()),
            sorted(&theirs.unwrap()),
            "{what} {prefix}"
        );
        let (ours, theirs) = (
            store.list_dir(&prefix).unwrap(),
            copy.list_dir(&prefix).unwrap(),
        );
        assert_eq!(
            sorted(ours.keys()),
            sorted(theirs.keys()),
            "{what} {prefix}"
        );
        assert_eq!(
            sorted(ours.prefixes()),
            sorted(theirs.prefixes()),
            "{what} {prefix}"
        );
    }
    for prefix in spread(&prefixes).step_by(10) {
        let prefix = StorePrefix::new(*prefix).unwrap();
        let (ours, theirs) = (store.size_prefix(&prefix), copy.size_prefix(&prefix));
        assert_eq!(ours.unwrap(), theirs.unwrap(), "{what} {prefix}");
    }
    for key in spread(&keys) {
        let value = copy.get(key).unwrap().unwrap();
        assert_eq!(
            store.get(key).unwrap().as_ref(),
            Some(&value),
            "{what} {key}"
        );
        let size = value.len() as u64;
        assert_eq!(store.size_key(key).unwrap(), Some(size), "{what} {key}");
        for part in [
            ByteRange::FromStart(size / 2, None),
            ByteRange::FromStart(size / 3, Some(size / 4)),
            ByteRange::Suffix(size.min(3)),
            ByteRange::FromStart(0, Some(size + 1)),
            ByteRange::Suffix(size + 1),
        ] {
            let (ours, theirs) = (store.get_partial(key, part), copy.get_partial(key, part));
            assert_eq!(ours.ok(), theirs.ok(), "{what} {key} {part}");
        }
        let missing = StoreKey::new(format!("{key}x")).unwrap();
        assert_eq!(store.get(&missing).unwrap(), None, "{what} {missing}");
        assert_eq!(store.size_key(&missing).unwrap(), None, "{what} {missing}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap()
}

/// A file's manifest; `None` where it can't be scanned.
fn manifest(client: &Client, file: &str) -> Option<Arc<Manifest>> {
    let scanned = runtime().block_on(scan(client, file, &ScanOptions::default()));
    scanned.ok().map(|scanned| Arc::new(scanned.manifest))
}

#[test]
fn a_view_is_what_a_store_would_hold_whether_it_is_scanned_before_or_on_the_way() {
    let client = Client::new(ClientOptions::default());
    let mut compared = 0;
    for path in files() {
        let file = path.to_str().unwrap();
        let Some(manifest) = manifest(&client, file) else {
            continue;
        };
        for options in views() {
            let what = format!("{file} {options:?}");
            let whole = Store::with_options(Arc::clone(&manifest), client.clone(), options.clone());
            let whole = BlockingStore::new(whole).unwrap();
            let copy = copied(&whole);
            compare(&what, &whole, &copy);
            let options = OpenOptions::default().with_store(options);
            let bare = runtime()
                .block_on(open_with(&client, file, options))
                .unwrap();
            compare(&what, &BlockingStore::new(bare).unwrap(), &copy);
            compared += 1;
        }
    }
    assert!(compared > 240, "{compared}");
}

/// All elements of an array, or why not.
async fn read(store: &Store, path: &str) -> Result<Elements, String> {
    let read = store.read(path, &Selection::All, ReadOptions::default());
    read.await.map_err(|error| error.to_string())
}

/// Each array of every fixture has the same elements, by the scan, by the bare file, and by a set of
/// it in each format.
#[test]
fn what_is_read_is_the_same_whichever_way_it_is_opened() {
    let client = Client::new(ClientOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let mut arrays = 0;
    for path in files() {
        let file = path.to_str().unwrap();
        let Some(manifest) = manifest(&client, file) else {
            continue;
        };
        let name = |suffix| folder.path().join(format!("{arrays}.{suffix}"));
        let (json, parquet) = (name("json"), name("parquet"));
        let options = WriteOptions::new().with_record_size(Some(3));
        if write(&manifest, &json).is_err() || write_with(&manifest, &parquet, &options).is_err() {
            continue;
        }
        arrays += runtime().block_on(async {
            let whole = Store::new(Arc::clone(&manifest), client.clone());
            let opened = |address| open(&client, address);
            let json = opened(json.to_str().unwrap()).await.unwrap();
            let parquet = opened(parquet.to_str().unwrap()).await.unwrap();
            let bare = opened(file).await.unwrap();
            let mut arrays = 0;
            for (path, _) in manifest.arrays() {
                let expected = read(&whole, &path).await;
                for (store, what) in [(&bare, "bare"), (&json, "JSON"), (&parquet, "Parquet")] {
                    let found = read(store, &path).await;
                    match (&expected, found) {
                        (Ok(expected), Ok(found)) => {
                            let same =
                                expected.shape == found.shape && expected.bytes == found.bytes;
                            assert!(same, "{file} {path} {what}");
                        }
                        (Err(_), Err(_)) => {}
                        (expected, found) => {
                            panic!(
                                "{file} {path} {what}: {:?} {:?}",
                                expected.as_ref().err(),
                                found.err()
                            )
                        }
                    }
                }
                arrays += 1;
            }
            arrays
        });
    }
    assert!(arrays > 500, "{arrays}");
}
