//! What `zarrs_storage` asserts of every store, on keys of ours: missing keys, values, parts, sizes
//! and lists, for both versions of Zarr, with and without async code.

use bytes::Bytes;
use chunkref_store::{StoreOptions, ZarrVersion};
use futures::TryStreamExt as _;
use zarrs_storage::byte_range::ByteRange;
use zarrs_storage::{
    AsyncListableStorageTraits as _, AsyncReadableStorageTraits as _, ListableStorageTraits as _,
    ReadableStorageTraits as _, StoreKey, StorePrefix,
};

use crate::dataset::{BYTE, Dataset, Served};

/// `a/b` holds 0, 1, 2, 3; `a/c` holds 0; `i/j/k` holds 0, 1. `a/d` and `a/f` are groups in which
/// nothing is stored.
fn served(version: ZarrVersion) -> Served {
    let mut data = Dataset::empty();
    for (path, length) in [("a/b", 4), ("a/c", 1), ("i/j/k", 2)] {
        let array = data.chunked(BYTE, &[length], &[length], &[], &[], |place| {
            vec![u8::try_from(place[0]).unwrap()]
        });
        data.insert(path, array);
    }
    for path in ["a/d/e", "a/f/g", "a/f/h"] {
        let array = data.chunked(BYTE, &[3], &[3], &[], &[0], |_| vec![0]);
        data.insert(path, array);
    }
    data.served(StoreOptions::new().with_zarr_version(version))
}

const VERSIONS: [ZarrVersion; 2] = [ZarrVersion::V2, ZarrVersion::V3];

fn key(text: &str) -> StoreKey {
    text.try_into().unwrap()
}

fn prefix(text: &str) -> StorePrefix {
    text.try_into().unwrap()
}

/// The key of the one chunk of an array.
fn chunk(version: ZarrVersion, array: &str) -> StoreKey {
    key(&match version {
        ZarrVersion::V2 => format!("{array}/0"),
        _ => format!("{array}/c/0"),
    })
}

/// The keys of all documents and chunks below a prefix, ascending, but that of all documents.
fn keys(version: ZarrVersion, below: &str) -> Vec<String> {
    let groups = ["", "a/", "a/d/", "a/f/", "i/", "i/j/"];
    let arrays = ["a/b/", "a/c/", "a/d/e/", "a/f/g/", "a/f/h/", "i/j/k/"];
    let mut keys: Vec<String> = ["a/b", "a/c", "i/j/k"]
        .iter()
        .map(|array| chunk(version, array).to_string())
        .collect();
    let (of_groups, of_arrays): (&[&str], &[&str]) = match version {
        ZarrVersion::V2 => (&[".zgroup", ".zattrs"], &[".zarray", ".zattrs"]),
        _ => (&["zarr.json"], &["zarr.json"]),
    };
    for (paths, names) in [(groups, of_groups), (arrays, of_arrays)] {
        let crossed = paths
            .iter()
            .flat_map(|path| names.iter().map(move |name| format!("{path}{name}")));
        keys.extend(crossed);
    }
    if version == ZarrVersion::V2 {
        keys.push(".zmetadata".to_owned());
    }
    keys.retain(|key| key.starts_with(below));
    keys.sort();
    keys
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

const PARTS: [ByteRange; 2] = [ByteRange::FromStart(1, Some(1)), ByteRange::Suffix(1)];

/// Parts of `a/b` and `i/j/k`, and what they hold.
const SINGLE: [(&str, ByteRange, &[u8]); 3] = [
    ("a/b", ByteRange::FromStart(1, None), &[1, 2, 3]),
    ("a/b", ByteRange::Suffix(2), &[2, 3]),
    ("i/j/k", ByteRange::FromStart(1, Some(1)), &[1]),
];

const PAST: ByteRange = ByteRange::FromStart(1, Some(10));

#[test]
fn reading() {
    for version in VERSIONS {
        let served = served(version);
        let store = &served.store;
        for missing in ["notfound", "a", "a/b/c/1", "a/b/1", "a/d/e/c/0", "a/d/e/0"] {
            let missing = key(missing);
            assert_eq!(store.get(&missing).unwrap(), None, "{missing}");
            assert_eq!(store.size_key(&missing).unwrap(), None);
            assert_eq!(store.get_partial(&missing, PAST).unwrap(), None);
            assert!(
                store
                    .get_partial_many(&missing, Box::new(PARTS.into_iter()))
                    .unwrap()
                    .is_none()
            );
        }
        let four = chunk(version, "a/b");
        let value = store.get(&four).unwrap();
        assert_eq!(value, Some(Bytes::from_static(&[0, 1, 2, 3])));
        for (array, size) in [("a/b", 4), ("a/c", 1), ("i/j/k", 2)] {
            assert_eq!(store.size_key(&chunk(version, array)).unwrap(), Some(size));
        }
        let parts = store
            .get_partial_many(&four, Box::new(PARTS.into_iter()))
            .unwrap()
            .unwrap();
        let parts: Vec<Bytes> = parts.map(Result::unwrap).collect();
        assert_eq!(parts, [[1_u8].as_slice(), &[3]]);
        for (array, part, expected) in SINGLE {
            let found = store.get_partial(&chunk(version, array), part).unwrap();
            assert_eq!(found.as_deref(), Some(expected), "{array} {part}");
        }
        assert!(store.get_partial(&four, PAST).is_err());
        assert!(store.supports_get_partial());
    }
}

#[tokio::test]
async fn reading_async() {
    for version in VERSIONS {
        let served = served(version);
        let store = served.store.store();
        let missing = key("notfound");
        assert_eq!(store.get(&missing).await.unwrap(), None);
        assert_eq!(store.size_key(&missing).await.unwrap(), None);
        assert_eq!(store.get_partial(&missing, PAST).await.unwrap(), None);
        let four = chunk(version, "a/b");
        let value = store.get(&four).await.unwrap();
        assert_eq!(value, Some(Bytes::from_static(&[0, 1, 2, 3])));
        for (array, size) in [("a/b", 4), ("a/c", 1), ("i/j/k", 2)] {
            let found = store.size_key(&chunk(version, array)).await.unwrap();
            assert_eq!(found, Some(size));
        }
        let parts = store
            .get_partial_many(&four, Box::new(PARTS.into_iter()))
            .await
            .unwrap();
        let parts: Vec<Bytes> = parts.unwrap().try_collect().await.unwrap();
        assert_eq!(parts, [[1_u8].as_slice(), &[3]]);
        for (array, part, expected) in SINGLE {
            let found = store
                .get_partial(&chunk(version, array), part)
                .await
                .unwrap();
            assert_eq!(found.as_deref(), Some(expected), "{array} {part}");
        }
        assert!(store.get_partial(&four, PAST).await.is_err());
        assert!(store.supports_get_partial());
    }
}

/// What lies just below `a/`.
fn below_a(version: ZarrVersion) -> (Vec<String>, Vec<String>) {
    let documents: &[&str] = match version {
        ZarrVersion::V2 => &["a/.zattrs", "a/.zgroup"],
        _ => &["a/zarr.json"],
    };
    (texts(documents), texts(&["a/b/", "a/c/", "a/d/", "a/f/"]))
}

#[test]
fn listing() {
    for version in VERSIONS {
        let served = served(version);
        let store = &served.store;
        assert_eq!(texts(&store.list().unwrap()), keys(version, ""));
        for below in ["", "a/", "i/", "a/f/", "notfound/"] {
            let found = store.list_prefix(&prefix(below)).unwrap();
            assert_eq!(texts(&found), keys(version, below), "{below}");
            let sum = found
                .iter()
                .map(|key| store.get(key).unwrap().unwrap().len() as u64);
            let sum: u64 = sum.sum();
            assert_eq!(store.size_prefix(&prefix(below)).unwrap(), sum, "{below}");
            if below.is_empty() {
                assert_eq!(store.size().unwrap(), sum);
            }
        }
        let found = store.list_dir(&prefix("a/")).unwrap();
        assert_eq!(
            (texts(found.keys()), texts(found.prefixes())),
            below_a(version)
        );
        let found = store.list_dir(&prefix("notfound/")).unwrap();
        assert!(found.keys().is_empty() && found.prefixes().is_empty());
    }
}

#[tokio::test]
async fn listing_async() {
    for version in VERSIONS {
        let served = served(version);
        let store = served.store.store();
        assert_eq!(texts(&store.list().await.unwrap()), keys(version, ""));
        for below in ["", "a/", "i/", "a/f/", "notfound/"] {
            let found = store.list_prefix(&prefix(below)).await.unwrap();
            assert_eq!(texts(&found), keys(version, below), "{below}");
            let mut sum = 0;
            for key in &found {
                sum += store.size_key(key).await.unwrap().unwrap();
            }
            let size = store.size_prefix(&prefix(below)).await.unwrap();
            assert_eq!(size, sum, "{below}");
        }
        let found = store.list_dir(&prefix("a/")).await.unwrap();
        assert_eq!(
            (texts(found.keys()), texts(found.prefixes())),
            below_a(version)
        );
        let found = store.list_dir(&prefix("notfound/")).await.unwrap();
        assert!(found.keys().is_empty() && found.prefixes().is_empty());
    }
}
