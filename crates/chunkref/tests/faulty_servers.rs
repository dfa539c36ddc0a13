//! What a server does on the way does not change what a scan finds.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chunkref::manifest::kerchunk::write_json;
use chunkref::{Client, ClientOptions, ScanError, ScanOptions, scan};
use chunkref_testkit::{Fault, RangeServer, Schedule, When};
use futures::StreamExt as _;
use futures::future::join_all;

const GRANULES: [&str; 3] = ["mur_like_20200601.nc", "types.h5", "layouts_latest.h5"];
/// Seeds for each granule.
const SEEDS: u64 = 100;
/// Runs of one granule at one time: most of them wait most of the time.
const AT_ONCE: usize = 30;
/// Bytes after which answers break off.
const SOME: u64 = 20_000;

fn granule(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    std::fs::read(path).unwrap()
}

/// Small reads, so that there are many requests to go wrong, and little patience. A client takes
/// time to make (it reads the system's certificates), so that many seeds share one.
fn clients() -> Vec<Client> {
    [(64, 4096), (1024, 2048), (8192, 512), (256 << 10, 0)]
        .map(|(head_read, merge_gap)| Client::new(options(head_read, merge_gap)))
        .into()
}

fn options(head_read: u64, merge_gap: u64) -> ClientOptions {
    ClientOptions::default()
        .with_head_read(head_read)
        .with_merge_gap(merge_gap)
        .with_concurrency(32)
        .with_retries(30)
        .with_retry_budget(100_000)
        .with_backoff(Duration::from_millis(1))
        .with_read_timeout(Duration::from_millis(500))
        .with_attempt_timeout(Duration::from_secs(2))
}

/// The references of what lies at a URL, under another name.
async fn references(
    client: &Client,
    server: &RangeServer,
    path: &str,
) -> Result<String, ScanError> {
    let mut scanned = scan(client, &server.url_of(path), &ScanOptions::default()).await?;
    let url = server.url_of(path);
    let locations = &mut scanned.manifest.locations;
    let id = locations.find(&url).unwrap();
    // Each path of the server has a time of its own.
    let mut pin = locations.get(id).unwrap().pin.clone();
    assert!(pin.last_modified.take().is_some());
    locations.describe(id, pin, Vec::new());
    let mut json = Vec::new();
    write_json(&scanned.manifest, &mut json).unwrap();
    let json = String::from_utf8(json).unwrap();
    Ok(json.replace(&server.url_of(path), "GRANULE"))
}

/// Without the `ETag` that pins the granule.
fn unpinned(references: &str) -> String {
    let (before, rest) = references.split_once(r#""etag":"\""#).unwrap();
    let (_, after) = rest.split_once(r#"\"""#).unwrap();
    format!("{before}{after}")
}

/// One path for each seed.
fn path(name: &str, seed: u64) -> String {
    format!("/{seed}/{name}")
}

/// A server of one granule under many paths, each with faults from its own seed.
async fn serve(name: &str, faults: &[Fault]) -> RangeServer {
    let bytes = bytes::Bytes::from(granule(name));
    let clean = format!("/clean/{name}");
    let mut builder = RangeServer::builder().object(&clean, bytes.clone());
    for seed in 0..SEEDS {
        let mut faults = faults.to_vec();
        faults.push(Fault::Redirect(clean.clone()));
        let schedule = Schedule::new(seed, faults).percent(25).in_a_row(4);
        let path = path(name, seed);
        builder = builder
            .object(&path, bytes.clone())
            .schedule(&path, schedule);
    }
    builder.start().await
}

/// What scans of one granule gave.
struct Outcomes {
    /// The references without faults.
    right: String,
    /// By seed.
    got: Vec<(u64, Result<String, ScanError>)>,
    requests: u64,
    retries: u64,
    redirects: u64,
}

async fn outcomes(name: &str, faults: &[Fault]) -> Outcomes {
    let clients = clients();
    let server = serve(name, faults).await;
    let right = references(&Client::default(), &server, &format!("clean/{name}"))
        .await
        .unwrap();
    let (server, all) = (&server, &clients);
    let runs = (0..SEEDS).map(|seed| async move {
        let path = path(name, seed);
        let client = &all[usize::try_from(seed).unwrap() % all.len()];
        let got = references(client, server, path.trim_start_matches('/')).await;
        if let Err(error) = &got {
            let url = server.url_of(&path);
            assert!(
                error.to_string().contains(&url) || not_hdf5(error),
                "{error}"
            );
        }
        (seed, got)
    });
    let runs = futures::stream::iter(runs).buffer_unordered(AT_ONCE);
    let got = runs.collect().await;
    let stats: Vec<_> = clients.iter().map(|one| one.log().snapshot()).collect();
    Outcomes {
        right,
        got,
        requests: stats.iter().map(|one| one.requests).sum(),
        retries: stats.iter().map(|one| one.retries).sum(),
        redirects: stats.iter().map(|one| one.redirects).sum(),
    }
}

/// Of what the parser finds the caller knows the file.
fn not_hdf5(error: &ScanError) -> bool {
    matches!(error, ScanError::Hdf5(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_faults_that_pass_the_references_are_the_same() {
    let started = Instant::now();
    let (mut requests, mut retries, mut redirects) = (0, 0, 0);
    let faults = Fault::passing(SOME);
    let all = GRANULES.map(|name| outcomes(name, &faults));
    for (name, outcomes) in GRANULES.iter().zip(join_all(all).await) {
        for (seed, got) in outcomes.got {
            let got = got.unwrap_or_else(|error| panic!("{name}, seed {seed}: {error}"));
            assert!(
                got == outcomes.right,
                "{name}, seed {seed}: other references"
            );
        }
        requests += outcomes.requests;
        retries += outcomes.retries;
        redirects += outcomes.redirects;
    }
    eprintln!(
        "{requests} requests, {retries} retries, {redirects} redirects in {:?}",
        started.elapsed()
    );
    assert!(retries > SEEDS && redirects > 0, "{retries} {redirects}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_any_faults_references_are_the_same_or_there_are_none() {
    let faults = [Fault::passing(SOME), Fault::staying()].concat();
    let (mut same, mut failed) = (0, 0);
    let all = GRANULES.map(|name| outcomes(name, &faults));
    for (name, outcomes) in GRANULES.iter().zip(join_all(all).await) {
        for (seed, got) in outcomes.got {
            match got {
                Ok(got) => {
                    // Where every answer has it, another ETag is what the object has.
                    assert!(
                        unpinned(&got) == unpinned(&outcomes.right),
                        "{name}, seed {seed}: other references"
                    );
                    same += 1;
                }
                Err(_) => failed += 1,
            }
        }
    }
    eprintln!("{same} the same, {failed} failed");
    assert!(same > 0 && failed > 0);
}

#[tokio::test]
async fn an_object_that_is_replaced_in_the_middle_of_a_scan_is_named() {
    let name = GRANULES[0];
    let server = RangeServer::builder()
        .object(name, granule(name))
        .fault(Fault::Replace, When::After(1))
        .start()
        .await;
    let error = references(&Client::new(options(64, 0)), &server, name)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains(name) && text.contains("ETag"), "{text}");
}
