//! What can't be read is an error: never absent, never fill.

use std::sync::Arc;

use bytes::Bytes;
use chunkref_io::{Client, ClientOptions};
use chunkref_manifest::{
    ByteOrder, ChunkTableBuilder, DataType, Field, Layout, Location, LocationId, Manifest, Pin,
};
use chunkref_store::{BlockingStore, Store, StoreOptions, ZarrVersion};
use chunkref_testkit::{Fault, RangeServer, When};
use zarrs_storage::ReadableStorageTraits as _;

use crate::dataset::{Dataset, SHORT, Served, array};

fn get(served: &Served, key: &str) -> Result<Option<Bytes>, String> {
    served
        .store
        .get(&key.try_into().unwrap())
        .map_err(|error| error.to_string())
}

#[test]
fn an_object_that_is_gone_is_an_error() {
    let served = Dataset::new().served(StoreOptions::new());
    served.server.remove("/a.h5");
    let error = get(&served, "sst/c/0/0").unwrap_err();
    assert!(
        error.starts_with("sst/c/0/0: http://") && error.contains("not found"),
        "{error}"
    );
    assert_eq!(
        get(&served, "gaps/c/1"),
        Ok(None),
        "absent in the manifest, so nothing is read"
    );
}

#[test]
fn a_failed_status_is_an_error() {
    let served = Dataset::new().served(StoreOptions::new());
    let forbidden = Fault::Status {
        code: 403,
        retry_after: None,
    };
    served.server.set_fault(forbidden, When::Always);
    let error = get(&served, "sst/c/0/0").unwrap_err();
    assert!(error.contains("403") || error.contains("denied"), "{error}");
    served.server.clear_faults();
    assert!(
        get(&served, "sst/c/0/0").unwrap().is_some(),
        "a failure is not kept"
    );
}

#[test]
fn an_object_that_is_too_short_is_an_error() {
    let mut data = Dataset::new();
    data.object.truncate(40);
    let served = data.served(StoreOptions::new());
    assert!(get(&served, "deep/er/run/c/1/0").is_err());
    let many = served.store.get_many(&["zarr.json", "deep/er/run/c/1/0"]);
    assert!(many.is_err());
}

#[test]
fn a_changed_object_is_an_error_that_names_it() {
    let mut data = Dataset::new();
    let size = data.object.len() as u64;
    let server = RangeServer::builder()
        .object("/a.h5", std::mem::take(&mut data.object))
        .start_blocking();
    let url = server.url_of("/a.h5");
    for (pin, what) in [
        (
            Pin {
                size: Some(size + 1),
                ..Pin::default()
            },
            Some("size"),
        ),
        (
            Pin {
                etag: Some("\"other\"".into()),
                ..Pin::default()
            },
            Some("ETag"),
        ),
        (
            Pin {
                size: Some(size),
                ..Pin::default()
            },
            None,
        ),
    ] {
        let mut manifest = data.manifest.clone();
        manifest
            .locations
            .intern(Location::new(url.clone()).with_pin(pin));
        let store = Store::new(Arc::new(manifest), Client::new(ClientOptions::default()));
        let found = BlockingStore::new(store)
            .unwrap()
            .get(&"sst/c/0/0".try_into().unwrap());
        match what {
            Some(what) => {
                let text = found.unwrap_err().to_string();
                let start = format!("sst/c/0/0: {url}: changed since it was scanned: {what} was ");
                assert!(text.starts_with(&start), "{text}");
            }
            None => assert!(found.unwrap().is_some()),
        }
    }
}

#[test]
fn an_object_that_changes_between_two_reads_is_an_error() {
    let served = Dataset::new().served(StoreOptions::new());
    assert!(get(&served, "sst/c/0/0").unwrap().is_some());
    served.server.put("/a.h5", vec![0; 5000]);
    let error = get(&served, "deep/er/run/c/0/0").unwrap_err();
    assert!(error.contains("changed"), "{error}");
}

#[test]
fn a_local_file_is_read_and_its_absence_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let data = Dataset::new();
    std::fs::write(&path, &data.object).unwrap();
    let mut manifest = data.manifest;
    let url = path.to_str().unwrap().to_owned();
    manifest.locations.intern(Location::new(url));
    let open = || {
        let client = Client::new(ClientOptions::default());
        BlockingStore::new(Store::new(Arc::new(manifest.clone()), client)).unwrap()
    };
    let key = "deep/er/run/c/0/0".try_into().unwrap();
    let chunk = open().get(&key).unwrap().unwrap();
    assert_eq!(chunk[8..16], 1_f64.to_be_bytes());
    std::fs::remove_file(&path).unwrap();
    assert!(open().get(&key).is_err());
}

#[test]
fn a_manifest_that_contradicts_itself_is_an_error() {
    let mut manifest = Manifest::default();
    let mut table = ChunkTableBuilder::new(vec![2]);
    table.push(0, LocationId(7), 0, 2).unwrap();
    table.push(1, LocationId(0), u64::MAX, 2).unwrap();
    let layout = |chunk: u64| Layout::Chunked {
        chunk_shape: vec![chunk],
        codecs: Vec::new(),
        chunks: table.clone().finish(),
        fill_chunk: None,
    };
    manifest
        .root
        .arrays
        .insert("astray".into(), array(SHORT, &[2], layout(1)));
    manifest
        .root
        .arrays
        .insert("other".into(), array(SHORT, &[6], layout(2)));
    let empty = RangeServer::builder().start_blocking();
    let served = Served::new(empty, manifest, StoreOptions::new());
    assert_eq!(
        get(&served, "astray/c/0").unwrap_err(),
        "astray/c/0: location 7: not in the manifest"
    );
    let past = get(&served, "astray/c/1").unwrap_err();
    assert_eq!(
        past,
        "astray/c/1: 2 bytes at 18446744073709551615 end past what 64 bits count"
    );
    let grid = get(&served, "other/c/0").unwrap_err();
    assert_eq!(
        grid,
        "other/c/0: its chunk table has the grid [2], expected [3]"
    );
}

#[test]
fn what_zarr_can_not_say_is_refused_and_the_rest_is_served() {
    let mut data = Dataset::new();
    let fields = vec![Field {
        name: "x".into(),
        offset: 0,
        data_type: DataType::Int {
            size: 2,
            order: ByteOrder::Big,
        },
        shape: Vec::new(),
    }];
    let records = DataType::Record { size: 2, fields };
    let layout = Layout::Inline {
        data: Bytes::from_static(&[0, 1]),
    };
    data.insert("records", array(records, &[1], layout.clone()));
    data.insert("deep/zarr.json", array(SHORT, &[1], layout.clone()));
    data.insert("deep/..", array(SHORT, &[1], layout));
    let served = data.served(StoreOptions::new());
    let refused = served.store.refused().unwrap();
    let paths: Vec<&str> = refused.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["deep/..", "deep/zarr.json", "records"]);
    let error = get(&served, "records/zarr.json").unwrap_err();
    assert!(
        error.starts_with("records: no document in this version of Zarr: "),
        "{error}"
    );
    assert!(
        get(&served, "deep/zarr.json").unwrap().is_some(),
        "the group's document"
    );
    let root = get(&served, "zarr.json").unwrap().unwrap();
    let root = String::from_utf8(root.to_vec()).unwrap();
    assert!(
        root.contains("\"deep/er/run\"") && !root.contains("records"),
        "{root}"
    );
}

#[test]
fn absent_chunks_that_v2_can_not_say_are_an_error_not_zeros() {
    let mut data = Dataset::empty();
    let layout = Layout::Absent {
        chunk_shape: vec![2],
        fill_chunk: None,
    };
    let mut seven = array(SHORT, &[4], layout);
    seven.fill_value = Some(Bytes::from_static(&[7, 0]));
    data.insert("seven", seven);
    let served = data.served(StoreOptions::new().with_zarr_version(ZarrVersion::V2));
    assert!(get(&served, "seven/0").is_err());
    assert!(get(&served, "seven/.zarray").is_err());
    assert_eq!(served.store.refused().unwrap().len(), 1);
}
