//! Many granules from one server.

use std::path::PathBuf;
use std::time::Duration;

use chunkref::{Client, ClientOptions, ManyOptions, ScanError, ScanOptions, scan_many};
use chunkref_testkit::{Fault, RangeServer, When};
use futures::StreamExt as _;

const GRANULE: &str = "mur_like_20200601.nc";

/// A server of the same granule under many names.
async fn serve(copies: usize) -> (RangeServer, Vec<String>) {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "../../fixtures/granules",
        GRANULE,
    ]
    .iter()
    .collect();
    let bytes = bytes::Bytes::from(std::fs::read(path).unwrap());
    let mut builder = RangeServer::builder().latency(Duration::from_millis(20));
    for copy in 0..copies {
        builder = builder.object(&format!("{copy}.nc"), bytes.clone());
    }
    let server = builder.start().await;
    let urls = (0..copies).map(|copy| server.url_of(&format!("{copy}.nc")));
    let urls = urls.collect();
    (server, urls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_end_and_a_bad_one_stops_no_other() {
    let (server, mut urls) = serve(40).await;
    urls.insert(7, server.url_of("none.nc"));
    let client = Client::new(ClientOptions::default().with_concurrency(5));
    let scans = scan_many(
        &client,
        urls.clone(),
        &ScanOptions::default(),
        &ManyOptions::default().with_jobs(20),
    );
    let mut finished: Vec<_> = scans.collect().await;
    finished.sort_by_key(|one| one.index);
    assert_eq!(finished.len(), 41);
    for (one, url) in finished.iter().zip(&urls) {
        assert_eq!(&one.file, url);
        match (&one.result, one.index) {
            (Err(ScanError::Io(error)), 7) => assert!(error.to_string().contains("not found")),
            (Ok(scanned), _) => assert!(scanned.manifest.array("analysed_sst").is_some()),
            (other, index) => panic!("{index}: {other:?}"),
        }
    }
    assert_eq!(server.max_in_flight(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_end_when_nobody_waits_for_them() {
    let (server, urls) = serve(40).await;
    server.set_fault(Fault::Delay(Duration::from_millis(30)), When::Always);
    let client = Client::default();
    let many = ManyOptions::default().with_jobs(4);
    let mut scans = scan_many(&client, urls, &ScanOptions::default(), &many);
    scans.next().await.unwrap().result.unwrap();
    drop(scans);
    // What was sent is answered; nothing more is asked.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = server.requests();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.requests(), asked);
    assert!(asked < 40, "{asked}");
}
