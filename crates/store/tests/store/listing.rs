//! Keys listed.

use std::collections::BTreeSet;

use bytes::Bytes;
use chunkref_manifest::{Layout, LocationId};
use chunkref_store::{StoreOptions, ZarrVersion};
use zarrs_storage::{ListableStorageTraits as _, ReadableStorageTraits as _, StorePrefix};

use crate::dataset::{Dataset, SHORT, array};

fn prefix(text: &str) -> StorePrefix {
    StorePrefix::new(text).unwrap()
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

#[test]
fn every_listed_key_is_there_and_every_chunk_is_listed() {
    // Documents of 3 groups and 8 arrays; chunks of sst, summed, gaps, run and three inline arrays.
    let v3 = 3 + 8 + 9 + 2 + 2 + 2 + 3;
    // Two documents each and one for all; the absent chunks of gaps are there.
    let v2 = 2 * (3 + 8) + 1 + 9 + 2 + 4 + 2 + 3;
    for (version, count) in [(ZarrVersion::V3, v3), (ZarrVersion::V2, v2)] {
        let served = Dataset::new().served(StoreOptions::new().with_zarr_version(version));
        let keys = served.store.list().unwrap();
        let mut sum = 0;
        for key in &keys {
            let value = served
                .store
                .get(key)
                .unwrap()
                .unwrap_or_else(|| panic!("{key}"));
            sum += value.len() as u64;
        }
        assert_eq!(keys.len(), count, "{keys:?}");
        assert_eq!(served.store.size().unwrap(), sum);
        let sorted: BTreeSet<_> = texts(&keys).into_iter().collect();
        assert_eq!(
            sorted.into_iter().collect::<Vec<_>>(),
            texts(&keys),
            "ascending, none twice"
        );
    }
}

#[test]
fn keys_under_a_prefix() {
    let served = Dataset::new().served(StoreOptions::new());
    let list = |text: &str| texts(&served.store.list_prefix(&prefix(text)).unwrap());
    assert_eq!(
        list("deep/"),
        [
            "deep/er/run/c/0/0",
            "deep/er/run/c/1/0",
            "deep/er/run/zarr.json",
            "deep/er/zarr.json",
            "deep/zarr.json"
        ]
    );
    assert_eq!(list("sst/c/1/"), ["sst/c/1/0", "sst/c/1/1", "sst/c/1/2"]);
    assert_eq!(list("gaps/c/"), ["gaps/c/0", "gaps/c/2"]);
    assert_eq!(list("none/"), [""; 0]);
    assert_eq!(list("sst/c/1/1/"), [""; 0]);
    let all = served.store.list().unwrap();
    assert_eq!(served.store.list_prefix(&prefix("")).unwrap(), all);
}

#[test]
fn what_lies_just_below_a_prefix() {
    let served = Dataset::new().served(StoreOptions::new());
    let list = |text: &str| {
        let found = served.store.list_dir(&prefix(text)).unwrap();
        (texts(found.keys()), texts(found.prefixes()))
    };
    let none = Vec::<String>::new;
    assert_eq!(
        list(""),
        (
            vec!["zarr.json".to_owned()],
            texts(&[
                "deep/", "gaps/", "names/", "nothing/", "scalar/", "sst/", "strings/", "summed/"
            ])
        )
    );
    assert_eq!(
        list("deep/"),
        (texts(&["deep/zarr.json"]), texts(&["deep/er/"]))
    );
    assert_eq!(
        list("sst/"),
        (texts(&["sst/zarr.json"]), texts(&["sst/c/"]))
    );
    assert_eq!(
        list("sst/c/"),
        (none(), texts(&["sst/c/0/", "sst/c/1/", "sst/c/2/"]))
    );
    assert_eq!(
        list("sst/c/2/"),
        (texts(&["sst/c/2/0", "sst/c/2/1", "sst/c/2/2"]), none())
    );
    assert_eq!(
        list("scalar/"),
        (texts(&["scalar/c", "scalar/zarr.json"]), none())
    );
    assert_eq!(list("nothing/"), (texts(&["nothing/zarr.json"]), none()));
    assert_eq!(list("none/"), (none(), none()));
}

#[test]
fn a_formula_for_more_chunks_than_memory_holds_is_not_listed() {
    let mut data = Dataset::empty();
    let layout = Layout::Contiguous {
        location: LocationId(0),
        offset: 0,
        length: 1 << 50,
        chunk_shape: vec![1],
    };
    data.insert("endless", array(SHORT, &[1 << 49], layout));
    let mut filled = array(
        SHORT,
        &[1 << 49],
        Layout::Absent {
            chunk_shape: vec![1],
            fill_chunk: Some(Bytes::from_static(&[1, 0])),
        },
    );
    filled.fill_value = Some(Bytes::from_static(&[1, 0]));
    data.insert("filled", filled);
    let served = data.served(StoreOptions::new());
    let error = served.store.list().unwrap_err().to_string();
    assert_eq!(
        error,
        "endless: 562949953421312 chunks, can't list more than 16777216"
    );
    assert!(served.store.list_dir(&prefix("endless/")).is_err());
    assert_eq!(
        served.store.list_dir(&prefix("")).unwrap().prefixes().len(),
        2
    );
    assert_eq!(
        served.store.list_prefix(&prefix("filled/")).unwrap().len(),
        1
    );
    let size = served
        .store
        .size_key(&"endless/c/562949953421311".try_into().unwrap());
    assert_eq!(size.unwrap(), Some(2));
}
