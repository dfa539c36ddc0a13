//! What is read twice, and what is not.

use std::path::Path;
use std::sync::Arc;

use chunkref_io::{Access, Client, ClientOptions};
use chunkref_manifest::{Codec, Location, Manifest, Pin};
use chunkref_store::{BlockingStore, Store, StoreOptions};
use chunkref_testkit::RangeServer;
use zarrs_storage::byte_range::ByteRange;
use zarrs_storage::{ReadableStorageTraits as _, StoreKey};

use crate::dataset::{BYTE, Dataset};

fn key(text: &str) -> StoreKey {
    text.try_into().unwrap()
}

/// A dataset of plain and of compressed chunks, behind a server.
struct Behind {
    server: RangeServer,
    manifest: Manifest,
    /// Of the object, in bytes.
    size: usize,
}

impl Behind {
    fn new() -> Self {
        let mut data = Dataset::empty();
        for (name, codecs) in [("plain", &[][..]), ("summed", &[Codec::Fletcher32])] {
            let array = data.chunked(BYTE, &[40], &[10], codecs, &[], |place| {
                vec![u8::try_from(place[0]).unwrap()]
            });
            data.insert(name, array);
        }
        let size = data.object.len();
        let server = RangeServer::builder()
            .object("/a.h5", data.object)
            .start_blocking();
        Self {
            server,
            manifest: data.manifest,
            size,
        }
    }

    /// Without what the client keeps.
    fn store(&self, etag: Option<&str>, options: StoreOptions) -> BlockingStore {
        let mut manifest = self.manifest.clone();
        let pin = Pin {
            etag: etag.map(str::to_owned),
            ..Pin::default()
        };
        let location = Location::new(self.server.url_of("/a.h5")).with_pin(pin);
        manifest.locations.intern(location);
        let client = ClientOptions::default()
            .with_head_read(0)
            .with_cache_bytes(0);
        let store = Store::with_options(Arc::new(manifest), Client::new(client), options);
        BlockingStore::new(store).unwrap()
    }

    fn etag(&self) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let client = Client::new(ClientOptions::default());
        let pin = runtime.block_on(async {
            let object = client.open(&self.server.url_of("/a.h5")).await.unwrap();
            object.probe().await.unwrap()
        });
        pin.etag.unwrap()
    }
}

#[test]
fn parts_of_a_decoded_chunk_are_read_and_decoded_once() {
    let behind = Behind::new();
    let store = behind.store(None, StoreOptions::new());
    let name = key("summed/c/1");
    for at in 0..10 {
        let part = store.get_partial(&name, ByteRange::FromStart(at, Some(1)));
        assert_eq!(part.unwrap().unwrap()[0], 10 + u8::try_from(at).unwrap());
    }
    assert_eq!(store.get(&name).unwrap().unwrap().len(), 10);
    assert_eq!(behind.server.requests(), 1);
    let stats = store.store().cache_stats();
    assert_eq!((stats.memory_hits, stats.memory_misses), (10, 1));
    let without = behind.store(None, StoreOptions::new().with_cache_bytes(0));
    without.get(&name).unwrap();
    without.get(&name).unwrap();
    assert_eq!(behind.server.requests(), 3);
    assert_eq!(without.store().cache_stats().memory_hits, 0);
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let within = |path: &Path| {
        std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    within(folder)
        .flat_map(|path| within(&path).collect::<Vec<_>>())
        .collect()
}

#[test]
fn what_was_read_is_on_disk_for_the_next_process() {
    let behind = Behind::new();
    let etag = behind.etag();
    let before = behind.server.requests();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("not/there/yet");
    let options = || StoreOptions::new().with_disk_cache(&folder, 1 << 20);
    let keys = ["plain/c/0", "plain/c/2", "summed/c/3", "zarr.json"];
    let first = behind.store(Some(&etag), options());
    let values = first.get_many(&keys).unwrap();
    let stats = first.store().cache_stats();
    assert_eq!(
        (stats.disk_hits, stats.disk_misses, stats.disk_failures),
        (0, 3, 0)
    );
    assert!(stats.disk_written > 30);
    let requests = behind.server.requests();
    assert_eq!(requests - before, 1);
    let second = behind.store(Some(&etag), options());
    assert_eq!(second.get_many(&keys).unwrap(), values);
    let stats = second.store().cache_stats();
    assert_eq!((stats.disk_hits, stats.disk_misses), (3, 0));
    assert_eq!(behind.server.requests(), requests, "none asks the server");
    // What is damaged is read again from its source.
    for file in files(&folder) {
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    let third = behind.store(Some(&etag), options());
    assert_eq!(third.get_many(&keys).unwrap(), values);
    assert_eq!(third.store().cache_stats().disk_misses, 3);
    assert_eq!(behind.server.requests(), requests + 1);
}

#[test]
fn what_nothing_pins_is_not_kept_and_another_pin_is_another_object() {
    let behind = Behind::new();
    let folder = tempfile::tempdir().unwrap();
    let options = || StoreOptions::new().with_disk_cache(folder.path(), 1 << 20);
    let name = key("plain/c/0");
    let free = behind.store(None, options());
    free.get(&name).unwrap();
    let stats = free.store().cache_stats();
    assert_eq!((stats.disk_misses, stats.disk_written), (0, 0));
    assert_eq!(files(folder.path()).len(), 0);
    let etag = behind.etag();
    assert!(
        behind
            .store(Some(&etag), options())
            .get(&name)
            .unwrap()
            .is_some()
    );
    assert_eq!(files(folder.path()).len(), 1);
    // The object is another now, and so must be what is read of it.
    behind.server.put("/a.h5", vec![9; 200]);
    let new = behind.etag();
    assert_ne!(new, etag);
    let found = behind.store(Some(&new), options()).get(&name).unwrap();
    assert_eq!(found.as_deref(), Some(&[9; 10][..]));
    // The old set has what was scanned, or an error: never what is there now.
    let old = behind.store(Some(&etag), options());
    let found = old.get(&name).unwrap().unwrap();
    assert_eq!(&found[..], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let error = old.get(&key("plain/c/1")).unwrap_err().to_string();
    assert!(error.contains("changed since it was scanned"), "{error}");
}

/// What is read by an alternate may be kept only under a pin that it was compared with.
#[test]
fn what_was_compared_by_its_size_alone_is_not_kept_on_disk() {
    let behind = Behind::new();
    let etag = behind.etag();
    let size = u64::try_from(behind.size).unwrap();
    for (etag, requests) in [(etag.as_str(), 1), ("\"of the bucket\"", 2)] {
        let folder = tempfile::tempdir().unwrap();
        behind.server.reset();
        for _ in 0..2 {
            let mut manifest = behind.manifest.clone();
            let location = Location::new("s3://bucket/a.h5")
                .with_alternates([behind.server.url_of("/a.h5")])
                .with_pin(Pin {
                    size: Some(size),
                    etag: Some(etag.to_owned()),
                    ..Pin::default()
                });
            manifest.locations.intern(location);
            let client = ClientOptions::default()
                .with_access(Access::External)
                .with_head_read(0)
                .with_cache_bytes(0);
            let options = StoreOptions::new().with_disk_cache(folder.path(), 1 << 20);
            let store = Store::with_options(Arc::new(manifest), Client::new(client), options);
            let store = BlockingStore::new(store).unwrap();
            assert_eq!(store.get(&key("plain/c/1")).unwrap().unwrap()[0], 10);
        }
        assert_eq!(behind.server.requests(), requests, "{etag}");
    }
}
