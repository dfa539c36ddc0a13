//! Granules that change, go, and are made anew.

use std::time::{Duration, UNIX_EPOCH};

use chunkref::build::{Build, BuildError, Supersede};
use chunkref::earthdata::Granules;

use crate::archive::{Archive, NAME, granule};

fn file(archive: &Archive, place: usize) -> String {
    let mut name = String::new();
    archive
        .cmr
        .change(|all| name.clone_from(&all[0].granules[place].files[0]));
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_revision_of_the_same_bytes_changes_the_record_alone() {
    let archive = Archive::new(4);
    archive.build("set.json").await.unwrap();
    archive.cmr.change(|all| all[0].granules[1].revision = 3);
    let summary = archive.build("set.json").await.unwrap();
    assert_eq!((summary.scanned, summary.plan.renewed), (0, 1));
    // The checksum tells that it is the same.
    assert_eq!(archive.asked(), [""; 0]);
    let manifest = archive.manifest("set.json").await;
    assert_eq!(manifest.provenance.granules[1].revision, Some(3));
    let id = manifest.provenance.granules[1].locations[0];
    assert_eq!(manifest.locations.get(id).unwrap().pin.revision, Some(3));
    archive.build("at_once.json").await.unwrap();
    assert!(archive.read("set.json") == archive.read("at_once.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_checksum_one_small_request_tells() {
    let archive = Archive::new(4);
    archive.cmr.change(|all| {
        for granule in &mut all[0].granules {
            granule.checksum = None;
        }
    });
    archive.build("set.json").await.unwrap();
    archive.cmr.change(|all| {
        all[0].granules[1].revision = 2;
        all[0].granules[2].revision = 2;
    });
    // The other was uploaded anew, with another day in it.
    archive.files.put(&file(&archive, 2), granule(9));
    let summary = archive.build("set.json").await.unwrap();
    assert_eq!((summary.scanned, summary.plan.to_compare), (1, 2));
    let log = archive.files.log();
    let same = format!("/{}", file(&archive, 1));
    let small: Vec<_> = log.iter().filter(|one| one.path == same).collect();
    assert_eq!(small.len(), 1);
    assert!(small[0].bytes <= 1, "{small:?}");
    archive.build("at_once.json").await.unwrap();
    assert!(archive.read("set.json") == archive.read("at_once.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_revision_of_other_bytes_is_scanned() {
    let archive = Archive::new(4);
    archive.build("set.json").await.unwrap();
    archive.cmr.change(|all| {
        all[0].granules[3].revision = 2;
        all[0].granules[3].checksum = Some("f".repeat(32));
    });
    archive.files.put(&file(&archive, 3), granule(20));
    let summary = archive.build("set.json").await.unwrap();
    assert_eq!((summary.scanned, summary.plan.changed), (1, 1));
    assert_eq!(archive.asked(), [format!("/{}", file(&archive, 3))]);
    archive.build("at_once.json").await.unwrap();
    assert!(archive.read("set.json") == archive.read("at_once.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_all_finds_what_changed_without_a_new_record() {
    let archive = Archive::new(3);
    archive.build("set.json").await.unwrap();
    archive.files.put(&file(&archive, 1), granule(9));
    let summary = archive.build("set.json").await.unwrap();
    assert_eq!(summary.scanned, 0);
    let look = |build: Build| build.with_compare(true);
    let mut scanning = None;
    let sources = archive.sources(Granules::search().short_name(NAME));
    let build = look(Build::new(archive.output("set.json")).with_concat_dim("time"));
    let client = crate::archive::client();
    let summary = build
        .run(&client, &sources, &mut |event| {
            if let chunkref::build::Event::Scanning { files } = event {
                scanning = Some(files);
            }
        })
        .await
        .unwrap();
    assert_eq!((summary.scanned, summary.plan.to_compare), (1, 3));
    // It was not known before how many there would be.
    assert_eq!((summary.plan.to_scan, scanning), (0, Some(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn granules_that_are_gone_are_told_of_and_dropped_when_asked() {
    let archive = Archive::new(6);
    archive.build("set.json").await.unwrap();
    let before = archive.read("set.json");
    // One is deleted, and one is not found any more, nobody knows why.
    archive.cmr.change(|all| {
        let deleted = all[0].granules.remove(2);
        // CMR tells of deletions for a year only.
        let now = UNIX_EPOCH.elapsed().unwrap();
        let yesterday = now.saturating_sub(Duration::from_hours(24));
        let when = i64::try_from(yesterday.as_millis()).unwrap();
        all[0].deleted.push((deleted, when));
        all[0].granules.remove(3);
    });
    for _ in 0..2 {
        let summary = archive.build("set.json").await.unwrap();
        assert_eq!((summary.granules, summary.scanned), (6, 0));
        let gone: Vec<_> = summary
            .gone
            .iter()
            .map(|one| (one.name.as_str(), one.deleted.is_some(), one.pruned))
            .collect();
        let names = ["20200603", "20200605"].map(|day| format!("{day}-{NAME}"));
        assert_eq!(
            gone,
            [
                (names[0].as_str(), true, false),
                (names[1].as_str(), false, false)
            ]
        );
        assert!(archive.read("set.json") == before);
    }
    let prune = |build: Build| build.with_prune(true);
    let summary = archive.build_with("set.json", prune).await.unwrap();
    assert_eq!((summary.granules, summary.gone.len()), (4, 2));
    assert!(summary.gone.iter().all(|one| one.pruned));
    // Then they are forgotten.
    let summary = archive.build("set.json").await.unwrap();
    assert_eq!((summary.granules, summary.gone.len()), (4, 0));
    archive.build("at_once.json").await.unwrap();
    assert!(archive.read("set.json") == archive.read("at_once.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_no_listing_of_all() {
    let archive = Archive::new(6);
    let some = |limit: u64| archive.sources(Granules::search().short_name(NAME).limit(limit));
    let build = Build::new(archive.output("set.json")).with_concat_dim("time");
    let client = crate::archive::client();
    build.run(&client, &some(4), &mut |_| ()).await.unwrap();
    let summary = build.run(&client, &some(3), &mut |_| ()).await.unwrap();
    assert_eq!((summary.granules, summary.gone.len()), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_time_under_a_new_name() {
    let archive = Archive::new(4);
    archive.build("set.json").await.unwrap();
    archive.cmr.change(|all| {
        let mut anew = all[0].granules[1].clone();
        anew.number = 900;
        anew.name.push_str("-v2");
        anew.files = vec!["anew.nc".to_owned()];
        anew.revised += 86_400_000;
        all[0].granules.push(anew);
    });
    archive.files.put("anew.nc", granule(1));
    let error = archive.build("set.json").await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, BuildError::Twice { .. }), "{text}");
    assert!(
        text.contains(&format!("20200602-{NAME}, 20200602-{NAME}-v2")),
        "{text}"
    );
    assert!(text.contains("--supersede latest"), "{text}");
    let latest = |build: Build| build.with_supersede(Supersede::Latest);
    let summary = archive.build_with("set.json", latest).await.unwrap();
    assert_eq!((summary.granules, summary.scanned), (4, 0));
    let pair = (format!("20200602-{NAME}"), format!("20200602-{NAME}-v2"));
    assert_eq!(summary.superseded, [pair]);
    let manifest = archive.manifest("set.json").await;
    let urls: Vec<_> = manifest
        .locations
        .iter()
        .map(|(_, one)| one.url.clone())
        .collect();
    assert_eq!(urls.len(), 4);
    assert!(urls[1].ends_with("/anew.nc"), "{urls:?}");
}
