//! Data in other files, over HTTP: what is asked for, and what is made of it when it is not to be had.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chunkref_io::{Client, ClientOptions};
use chunkref_manifest::Layout;
use chunkref_scan::{Error, Outcome, ScanOptions, Scanned, scan};
use chunkref_store::Store;
use chunkref_testkit::{Fault, RangeServer, When};

const MIB: u64 = 1 << 20;

fn granules() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/granules")
}

fn client() -> Client {
    Client::new(ClientOptions::default().with_backoff(Duration::from_millis(2)))
}

async fn run(url: &str, options: &ScanOptions) -> Result<Scanned, Error> {
    scan(&client(), url, options).await
}

/// All arrays of a scan that have plain bytes.
async fn values(scanned: Scanned) -> Vec<(String, Vec<u8>)> {
    let store = Store::new(Arc::new(scanned.manifest), client());
    let mut values = Vec::new();
    let manifest = store.tree().await.unwrap();
    for (path, array) in manifest.arrays() {
        if array.data_type.size().is_some() {
            let whole = store.read_array(&path, MIB).await.unwrap();
            values.push((path, whole.bytes.to_vec()));
        }
    }
    values
}

fn not_inlined() -> ScanOptions {
    let mut options = ScanOptions::default();
    options.inline_threshold = Some(0);
    options
}

#[tokio::test]
async fn over_http_the_same_is_read_as_from_files() {
    let server = RangeServer::builder().root(granules()).start().await;
    for name in [
        "virtual_latest.h5",
        "virtual_v110.h5",
        "external_segments.h5",
    ] {
        let local = granules().join(name);
        let local = run(local.to_str().unwrap(), &not_inlined()).await.unwrap();
        let remote = run(&server.url_of(name), &not_inlined()).await.unwrap();
        let outcomes = |scanned: &Scanned| -> Vec<(String, Outcome)> {
            let datasets = scanned.report.datasets.iter();
            datasets
                .map(|one| (one.path.clone(), one.outcome))
                .collect()
        };
        assert_eq!(outcomes(&remote), outcomes(&local));
        // The files that hold chunks are pinned.
        for (_, location) in remote.manifest.locations.iter() {
            assert!(location.pin.size.is_some(), "{location:?}");
        }
        assert_eq!(values(remote).await, values(local).await, "{name}");
    }
}

#[tokio::test]
async fn small_arrays_are_read_and_inlined() {
    let path = granules().join("external_segments.h5");
    let path = path.to_str().unwrap();
    let plain = values(run(path, &not_inlined()).await.unwrap()).await;
    let mut options = ScanOptions::default();
    options.inline_threshold = Some(2000);
    let inlined = run(path, &options).await.unwrap();
    for (_, array) in inlined.manifest.arrays() {
        assert!(matches!(array.layout, Layout::Inline { .. }));
    }
    assert_eq!(values(inlined).await, plain);
}

#[tokio::test]
async fn each_source_is_scanned_once_and_all_at_one_time() {
    let server = RangeServer::builder()
        .root(granules())
        .latency(Duration::from_millis(50))
        .start()
        .await;
    let options = not_inlined()
        .with_group("referenced")
        .with_variables(["stacked"]);
    let scanned = run(&server.url_of("virtual_latest.h5"), &options)
        .await
        .unwrap();
    assert_eq!(scanned.report.datasets.len(), 1);
    let asked = |name: &str| {
        let log = server.log();
        log.iter()
            .filter(|entry| entry.path.ends_with(name))
            .count()
    };
    for number in 0..3 {
        // Each is small enough to be read at once.
        assert_eq!(asked(&format!("virtual_source_{number}.h5")), 1);
    }
    assert_eq!(server.max_in_flight(), 3);
}

#[tokio::test]
async fn only_what_is_not_there_is_fill() {
    let server = RangeServer::builder().root(granules()).start().await;
    let url = server.url_of("virtual_latest.h5");
    let options = not_inlined()
        .with_group("referenced")
        .with_variables(["joined"]);
    let status = |code| Fault::Status {
        code,
        retry_after: None,
    };
    let scan_with = async |code: u16| {
        let path = "/virtual_source_1.h5";
        let server = RangeServer::builder()
            .root(granules())
            .fault_on(path, status(code), When::Always)
            .start()
            .await;
        let url = server.url_of("virtual_latest.h5");
        run(&url, &options).await
    };
    let whole = run(&url, &options).await.unwrap();
    let gone = scan_with(404).await.unwrap();
    assert!(gone.report.warnings[0].contains("virtual_source_1.h5"));
    let stored = |scanned: &Scanned| scanned.manifest.arrays().next().unwrap().1.stored_chunks();
    assert_eq!((stored(&whole), stored(&gone)), (18, 12));

    let denied = scan_with(403).await.unwrap();
    let dataset = &denied.report.datasets[0];
    assert_eq!(dataset.outcome, Outcome::Refused);
    let reason = dataset.reason.as_deref().unwrap();
    assert!(reason.contains("virtual_source_1.h5"), "{reason}");

    let error = scan_with(500).await.unwrap_err();
    assert!(error.to_string().contains("virtual_source_1.h5"), "{error}");
}
