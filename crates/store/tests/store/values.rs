//! Values read through `zarrs`, which knows nothing of manifests.

use std::sync::Arc;

use chunkref_manifest::Codec;
use chunkref_store::{ReaderProfile, Store, StoreOptions, ZarrVersion};
use zarrs::array::{Array, ArrayBytes, ElementOwned};
use zarrs::group::Group;

use crate::dataset::{Dataset, Served, sst};

fn read<T: ElementOwned>(served: &Served, path: &str) -> Vec<T> {
    let array = Array::open(Arc::clone(&served.store), path).unwrap();
    array.retrieve_array_subset(&array.subset_all()).unwrap()
}

fn check_numbers(served: &Served) {
    let expected: Vec<f32> = (0..5)
        .flat_map(|row| (0..7).map(move |column| sst(row, column)))
        .collect();
    assert_eq!(read::<f32>(served, "/sst"), expected);
    assert_eq!(read::<u8>(served, "/summed"), [0, 3, 6, 9, 12, 15, 18]);
    assert_eq!(read::<i16>(served, "/gaps"), [0, 1, -7, -7, 4, 5, -7, -7]);
    let run: Vec<f64> = (0..12).map(f64::from).collect();
    assert_eq!(read::<f64>(served, "/deep/er/run"), run);
    assert_eq!(read::<i16>(served, "/scalar"), [42]);
    assert_eq!(read::<i16>(served, "/nothing"), [5; 6]);
    assert_eq!(read::<String>(served, "/strings"), ["hi", ""]);
}

#[test]
fn zarrs_reads_every_kind_of_array_as_v3() {
    let served = Dataset::new().served(StoreOptions::new());
    check_numbers(&served);
    let names = Array::open(Arc::clone(&served.store), "/names").unwrap();
    let bytes: ArrayBytes = names.retrieve_array_subset(&names.subset_all()).unwrap();
    assert_eq!(&bytes.into_fixed().unwrap()[..], b"ab\0xyz");
    assert_eq!(served.store.refused().unwrap(), []);
}

#[test]
fn zarrs_reads_every_kind_of_number_as_v2() {
    let options = StoreOptions::new().with_zarr_version(ZarrVersion::V2);
    let served = Dataset::new().served(options);
    check_numbers(&served);
}

#[test]
fn the_hierarchy_has_its_attributes_and_children() {
    for version in [ZarrVersion::V2, ZarrVersion::V3] {
        let served = Dataset::new().served(StoreOptions::new().with_zarr_version(version));
        let root = Group::open(Arc::clone(&served.store), "/").unwrap();
        assert_eq!(root.attributes()["title"], "by hand");
        let names: Vec<String> = root
            .child_paths()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            names.len(),
            8,
            "sst, summed, gaps, deep, scalar, names, strings, nothing: {names:?}"
        );
        let sst = Array::open(Arc::clone(&served.store), "/sst").unwrap();
        assert_eq!(sst.attributes()["units"], "kelvin");
        assert_eq!(served.server.requests(), 0, "documents take no request");
    }
}

#[test]
fn a_part_of_an_array_reads_its_chunks_only() {
    let served = Dataset::new().served(StoreOptions::new());
    let array = Array::open(Arc::clone(&served.store), "/sst").unwrap();
    let part: Vec<f32> = array.retrieve_array_subset(&[2..4, 0..3]).unwrap();
    let expected: Vec<f32> = (2..4)
        .flat_map(|row| (0..3).map(move |column| sst(row, column)))
        .collect();
    assert_eq!(part, expected);
    assert_eq!(served.client.log().snapshot().requests, 1);
}

#[test]
fn a_checksum_is_verified_and_its_failure_is_an_error() {
    let mut data = Dataset::new();
    let before = data.object.len();
    let codecs = [Codec::Fletcher32];
    let array = data.chunked(crate::dataset::BYTE, &[3], &[3], &codecs, &[], |_| vec![9]);
    data.insert("broken", array);
    data.object[before] ^= 1;
    let served = data.served(StoreOptions::new());
    let array = Array::open(Arc::clone(&served.store), "/broken").unwrap();
    let error = array
        .retrieve_array_subset::<Vec<u8>>(&array.subset_all())
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("broken/c/0") && text.contains("checksum"),
        "{text}"
    );
}

#[test]
fn zarr_python_gets_checksums_as_they_are_stored() {
    use zarrs_storage::ReadableStorageTraits as _;

    let options = StoreOptions::new().with_reader(ReaderProfile::ZarrPython);
    let served = Dataset::new().served(options);
    let document = served
        .store
        .get(&"summed/zarr.json".try_into().unwrap())
        .unwrap()
        .unwrap();
    let text = String::from_utf8(document.to_vec()).unwrap();
    assert!(text.contains("numcodecs.fletcher32"), "{text}");
    let key = "summed/c/0".try_into().unwrap();
    let chunk = served.store.get(&key).unwrap().unwrap();
    let codecs = [
        Codec::Shuffle { element_size: 1 },
        Codec::Zlib { level: 1 },
        Codec::Fletcher32,
    ];
    let decoded = chunkref_store::pipeline(&codecs)
        .unwrap()
        .decode(chunk, 0, 5)
        .unwrap();
    assert_eq!(&decoded[..], [0, 3, 6, 9, 12]);

    let served = Dataset::new().served(StoreOptions::new());
    assert_eq!(served.store.get(&key).unwrap().unwrap(), decoded);
    let document = served
        .store
        .get(&"summed/zarr.json".try_into().unwrap())
        .unwrap()
        .unwrap();
    let text = String::from_utf8(document.to_vec()).unwrap();
    assert!(!text.contains("numcodecs"), "{text}");
}

#[tokio::test]
async fn the_async_store_serves_zarrs_too() {
    let served = Dataset::new().served(StoreOptions::new());
    let store: Arc<Store> = Arc::new(served.store.store().clone());
    let array = Array::async_open(store, "/deep/er/run").await.unwrap();
    let values: Vec<f64> = array
        .async_retrieve_array_subset(&array.subset_all())
        .await
        .unwrap();
    assert_eq!(values, (0..12).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_blocking_store_works_on_a_thread_of_another_runtime() {
    let served = Dataset::new().served(StoreOptions::new());
    assert_eq!(
        served.store.get_many(&["scalar/c"]).unwrap()[0]
            .as_ref()
            .unwrap()[..],
        [42, 0]
    );
    drop(served);
}

#[test]
fn several_chunks_of_one_object_take_one_request() {
    let served = Dataset::new().served(StoreOptions::new());
    let keys = [
        "sst/c/0/0",
        "sst/c/0/1",
        "summed/c/0",
        "none",
        "gaps/c/1",
        "gaps/c/0",
        "sst/c/2/2",
    ];
    let many = served.store.get_many(&keys).unwrap();
    assert_eq!(served.client.log().snapshot().requests, 1);
    let there: Vec<bool> = many.iter().map(Option::is_some).collect();
    assert_eq!(there, [true, true, true, false, false, true, true]);
    for (key, value) in keys.iter().zip(many) {
        assert_eq!(served.store.get_many(&[key]).unwrap()[0], value, "{key}");
    }
}
