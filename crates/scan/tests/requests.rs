//! What is asked of a server, wave by wave: for each fixture, so that a change shows in review, and
//! in proportion to the file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use chunkref_io::{Client, ClientOptions, WaveRecord};
use chunkref_scan::{Granule, ScanOptions, Scanned, scan};
use chunkref_testkit::RangeServer;

mod old_style;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/granules")
}

/// Small, as the fixtures are, and fixed: nothing is measured, so nothing depends on the machine.
fn options() -> ClientOptions {
    ClientOptions::default()
        .with_head_read(2048)
        .with_merge_gap(256)
        .with_concurrency(8)
        .with_latency(Duration::from_millis(50))
        .with_bandwidth(1 << 20)
        .with_keep_records(true)
}

/// Scans an object of the server; gives its waves too.
async fn scan_remote(
    server: &RangeServer,
    name: &str,
    options: ClientOptions,
    scan_options: &ScanOptions,
) -> (Scanned, Vec<WaveRecord>) {
    let client = Client::new(options);
    let scanned = scan(&client, &server.url_of(name), scan_options).await;
    let scanned = scanned.unwrap_or_else(|error| panic!("{name}: {error}"));
    // Of what was read something was needed, and each byte of it counts once.
    let stats = client.log().snapshot();
    assert!(
        0 < stats.needed && stats.needed <= stats.bytes,
        "{name}: {stats:?}"
    );
    (scanned, client.log().waves())
}

/// The waves of each file by itself, as several files are read at the same time.
fn print(waves: &[WaveRecord]) -> String {
    let mut files: BTreeMap<&str, Vec<&WaveRecord>> = BTreeMap::new();
    for wave in waves {
        let (_, file) = wave.url.rsplit_once('/').unwrap();
        files.entry(file).or_default().push(wave);
    }
    let mut text = String::new();
    for (file, mut waves) in files {
        waves.sort_by_key(|wave| wave.number);
        for (number, wave) in (1..).zip(waves) {
            let WaveRecord {
                what,
                wanted,
                missing,
                requests,
                ..
            } = wave;
            writeln!(
                text,
                "{file}, wave {number}: {what}: {wanted} bytes, {missing} of them new"
            )
            .unwrap();
            for range in requests {
                writeln!(text, "    {}..{}", range.start, range.end).unwrap();
            }
        }
    }
    text
}

#[tokio::test]
async fn the_requests_for_each_fixture() {
    let server = RangeServer::builder().root(fixtures()).start().await;
    let mut names: Vec<_> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            let suffix = std::path::Path::new(name).extension();
            suffix.is_some_and(|suffix| suffix == "h5" || suffix == "nc")
        })
        .collect();
    names.sort();
    assert!(names.len() > 30, "only {} fixtures", names.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("requests");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    for name in names {
        server.reset();
        let (remote, waves) = scan_remote(&server, &name, options(), &ScanOptions::default()).await;
        // All requests are in waves, but those for files that are not there.
        let asked = waves.iter().flat_map(|wave| &wave.requests).count();
        let log = server.log();
        let answered = log.iter().filter(|entry| entry.status == 206).count();
        assert_eq!(asked, answered, "{name}");
        let path = fixtures().join(&name).to_str().unwrap().to_owned();
        let local = scan(&Client::default(), &path, &ScanOptions::default()).await;
        let local = local.unwrap();
        // As text: some attributes are not a number.
        let [remote, local] = [remote, local].map(|scanned| format!("{:?}", scanned.manifest.root));
        assert!(remote == local, "{name}: differs from the local file");
        insta::assert_snapshot!(name.as_str(), print(&waves));
    }
}

/// Scattered, so that nothing comes along that was not asked for.
async fn waves_of(datasets: usize, internal_k: u16) -> u64 {
    let file = old_style::file(datasets, internal_k);
    let server = RangeServer::builder().object("/a.h5", file).start().await;
    let options = options().with_concurrency(2000);
    let (scanned, waves) = scan_remote(&server, "a.h5", options, &ScanOptions::default()).await;
    assert_eq!(scanned.manifest.arrays().count(), datasets);
    assert_eq!(scanned.report.refused().count(), 0);
    u64::try_from(waves.len()).unwrap()
}

#[tokio::test]
async fn waves_do_not_grow_with_the_number_of_siblings() {
    let few = waves_of(10, 128).await;
    assert_eq!(waves_of(1000, 128).await, few);
    // Of so small nodes the B-tree of 1000 has one more level, which may take one more wave.
    assert_eq!(waves_of(10, 16).await, few);
    assert!(waves_of(1000, 16).await <= few + 1);
}

#[tokio::test]
async fn a_narrow_scan_reads_only_the_way_there() {
    let file = old_style::file(1000, 128);
    let size = file.len();
    let server = RangeServer::builder().object("/a.h5", file).start().await;
    let whole = ScanOptions::default();
    let (_, waves) = scan_remote(&server, "a.h5", options(), &whole).await;
    let whole = server.requests();
    server.reset();
    let one = ScanOptions::default()
        .with_group("/g")
        .with_variables(["d0500"]);
    let (scanned, narrow) = scan_remote(&server, "a.h5", options(), &one).await;
    assert_eq!(scanned.manifest.arrays().count(), 1);
    assert!(narrow.len() <= waves.len());
    // The links of the group are on the way, the other datasets are not.
    assert!(
        server.requests() < whole / 4,
        "{} of {whole}",
        server.requests()
    );
    assert!(server.bytes() < u64::try_from(size).unwrap() / 20);
}

#[tokio::test]
async fn groups_are_read_on_demand() {
    let file = old_style::file(1000, 128);
    let server = RangeServer::builder().object("/a.h5", file).start().await;
    let client = Client::new(options().with_concurrency(2000));
    let url = server.url_of("a.h5");
    let granule = Granule::open(&client, &url, ScanOptions::default()).await;
    let granule = granule.unwrap();
    assert_eq!(server.requests(), 1);
    let root = granule.group("/").await.unwrap().manifest.root;
    assert_eq!(root.groups.keys().collect::<Vec<_>>(), ["g"]);
    assert!(root.groups["g"].arrays.is_empty());
    // The links of the group, but not its datasets.
    let listed = server.requests();
    assert!(listed < 200, "{listed}");
    let group = granule.group("g").await.unwrap().manifest;
    assert_eq!(group.arrays().count(), 1000);
    // The way there was kept.
    assert_eq!(server.requests() - listed, 1000);
}
