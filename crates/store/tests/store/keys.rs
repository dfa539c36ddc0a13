//! Keys that are there, and keys that are not.

use chunkref_store::{StoreOptions, ZarrVersion};
use zarrs_storage::byte_range::ByteRange;
use zarrs_storage::{ReadableStorageTraits as _, StoreKey};

use crate::dataset::Dataset;

fn key(text: &str) -> StoreKey {
    StoreKey::new(text).unwrap()
}

#[test]
fn keys_that_are_not_there_are_none() {
    let served = Dataset::new().served(StoreOptions::new());
    for missing in [
        "zarr",
        "sst",
        "sst/c",
        "sst/c/0",
        "sst/c/0/0/0",
        "sst/c/+1/0",
        "sst/c/01/0",
        "sst/c/-1/0",
        "sst/c/3/0",
        "sst/c/0/3",
        "sst/c/0/18446744073709551616",
        "sst/0/0",
        "sst/0.0",
        "sst/c/0.0",
        "scalar/c/0",
        "scalar/0",
        "gaps/c/1",
        "gaps/c/4",
        "nothing/c/0",
        "deep/zarr",
        "deep/er/run/c/2/0",
        "none/c/0",
        "none/zarr.json",
        ".zgroup",
        "sst/.zarray",
        ".zmetadata",
        "strings/c/1",
    ] {
        assert_eq!(served.store.get(&key(missing)).unwrap(), None, "{missing}");
        assert_eq!(
            served.store.size_key(&key(missing)).unwrap(),
            None,
            "{missing}"
        );
        let part = served
            .store
            .get_partial(&key(missing), ByteRange::FromStart(0, Some(1)));
        assert_eq!(part.unwrap(), None, "{missing}");
    }
    // A key that no StoreKey can hold is none either.
    assert_eq!(
        served.store.get_many(&["sst/c/0//0", "/sst", ""]).unwrap(),
        [None, None, None]
    );
    assert_eq!(
        served.server.requests(),
        0,
        "to find nothing takes no request"
    );
}

#[test]
fn v2_keys_have_their_own_form() {
    let served = Dataset::new().served(StoreOptions::new().with_zarr_version(ZarrVersion::V2));
    for there in [
        "sst/0.0",
        "sst/2.2",
        "scalar/0",
        "deep/er/run/1.0",
        ".zmetadata",
        "deep/.zgroup",
        "sst/.zattrs",
    ] {
        assert!(served.store.get(&key(there)).unwrap().is_some(), "{there}");
    }
    for missing in [
        "sst/c/0/0",
        "sst/0/0",
        "sst/0.0/0",
        "sst/0..0",
        "sst/0.00",
        "scalar/1",
        "zarr.json",
        "scalar/c",
    ] {
        assert_eq!(served.store.get(&key(missing)).unwrap(), None, "{missing}");
    }
    // A v2 document can't say this fill value: absent chunks are there, full of it.
    assert_eq!(
        &served.store.get(&key("gaps/1")).unwrap().unwrap()[..],
        [0xf9, 0xff, 0xf9, 0xff]
    );
    assert_eq!(
        served.store.get(&key("nothing/0")).unwrap(),
        None,
        "_FillValue says it"
    );
}

#[test]
fn parts_of_values() {
    let served = Dataset::new().served(StoreOptions::new());
    // In an object, in the manifest, decoded by the store, a document.
    for name in [
        "sst/c/1/1",
        "deep/er/run/c/1/0",
        "scalar/c",
        "summed/c/0",
        "sst/zarr.json",
    ] {
        let name = key(name);
        let whole = served.store.get(&name).unwrap().unwrap();
        let size = whole.len() as u64;
        assert_eq!(served.store.size_key(&name).unwrap(), Some(size), "{name}");
        let parts = [
            ByteRange::FromStart(0, None),
            ByteRange::FromStart(1, Some(1)),
            ByteRange::Suffix(2),
            ByteRange::Suffix(size),
            ByteRange::Suffix(0),
            ByteRange::FromStart(size, None),
            ByteRange::FromStart(size, Some(0)),
            ByteRange::FromStart(0, Some(size)),
        ];
        let found = served
            .store
            .get_partial_many(&name, Box::new(parts.into_iter()))
            .unwrap()
            .unwrap();
        let found: Vec<_> = found.map(Result::unwrap).collect();
        let last = whole.slice(whole.len() - 2..);
        let empty = whole.slice(..0);
        let expected = [
            whole.clone(),
            whole.slice(1..2),
            last,
            whole.clone(),
            empty.clone(),
            empty.clone(),
            empty,
            whole,
        ];
        assert_eq!(found, expected, "{name}");
        for past in [
            ByteRange::FromStart(0, Some(size + 1)),
            ByteRange::FromStart(size + 1, None),
            ByteRange::FromStart(size, Some(1)),
            ByteRange::FromStart(u64::MAX, Some(u64::MAX)),
            ByteRange::Suffix(size + 1),
        ] {
            let error = served.store.get_partial(&name, past).unwrap_err();
            assert!(
                error.to_string().contains("invalid byte range"),
                "{name} {past:?}: {error}"
            );
        }
    }
}

#[test]
fn parts_of_one_chunk_take_one_request_of_no_more_than_the_chunk() {
    let served = Dataset::new().served(StoreOptions::new());
    let name = key("deep/er/run/c/1/0");
    let parts = [
        ByteRange::Suffix(8),
        ByteRange::FromStart(0, Some(8)),
        ByteRange::FromStart(16, Some(4)),
    ];
    let found = served
        .store
        .get_partial_many(&name, Box::new(parts.into_iter()))
        .unwrap()
        .unwrap();
    let found: Vec<_> = found.map(Result::unwrap).collect();
    assert_eq!(&found[0][..], 11_f64.to_be_bytes());
    assert_eq!(&found[1][..], 6_f64.to_be_bytes());
    assert_eq!(&found[2][..], &8_f64.to_be_bytes()[..4]);
    assert_eq!(served.client.log().snapshot().requests, 1);
    assert!(
        served.server.log()[0]
            .range
            .as_ref()
            .is_some_and(|range| range.end - range.start <= 48)
    );
}
