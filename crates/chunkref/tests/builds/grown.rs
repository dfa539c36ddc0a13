//! Builds that are run again.

use chunkref::build::BuildError;
use chunkref::earthdata::Granules;

use crate::archive::{Archive, NAME, tree};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_build_reads_nothing_and_writes_the_same() {
    let archive = Archive::new(12);
    for name in ["a.json", "a.parquet"] {
        let summary = archive.build(name).await.unwrap();
        assert_eq!((summary.granules, summary.scanned), (12, 12));
        let report = summary.joined.unwrap();
        assert_eq!((report.ascending, report.duplicates.len()), (Some(true), 0));
        assert_eq!(archive.asked().len(), 12);
        let first = tree(archive.folder.path());
        let summary = archive.build(name).await.unwrap();
        assert_eq!((summary.granules, summary.scanned), (12, 0));
        assert_eq!(archive.asked(), [""; 0]);
        assert!(tree(archive.folder.path()) == first);
        let manifest = archive.manifest(name).await;
        assert_eq!(manifest.array("analysed_sst").unwrap().shape[0], 12);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_is_read_alone_and_the_set_is_as_if_built_at_once() {
    let archive = Archive::new(5);
    archive.build("set.json").await.unwrap();
    archive.grow(15);
    let summary = archive.build("set.json").await.unwrap();
    assert_eq!((summary.granules, summary.scanned), (15, 10));
    let asked = archive.asked();
    assert_eq!(asked.len(), 10);
    assert_eq!(asked[0], format!("/20200606-{NAME}.nc"));
    archive.build("at_once.json").await.unwrap();
    assert!(archive.read("set.json") == archive.read("at_once.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_says_where_it_comes_from() {
    let archive = Archive::new(3);
    archive.build("set.json").await.unwrap();
    let provenance = archive.manifest("set.json").await.provenance;
    let collection = provenance.collection.unwrap();
    assert_eq!(collection.concept_id.as_deref(), Some("C100-TESTCLOUD"));
    assert_eq!(collection.short_name.as_deref(), Some(NAME));
    assert_eq!(collection.doi.as_deref(), Some("10.5067/TEST-100"));
    assert_eq!(
        provenance.query.as_deref(),
        Some("collection_concept_id[]=C100-TESTCLOUD")
    );
    assert_eq!(provenance.granules.len(), 3);
    let granule = &provenance.granules[1];
    assert_eq!(granule.name, format!("20200602-{NAME}"));
    assert_eq!(granule.concept_id.as_deref(), Some("G102-TESTCLOUD"));
    assert_eq!((granule.revision, granule.locations.len()), (Some(1), 1));
    let manifest = archive.manifest("set.json").await;
    let location = manifest.locations.get(granule.locations[0]).unwrap();
    assert_eq!(
        location.url,
        archive.files.url_of(&format!("20200602-{NAME}.nc"))
    );
    assert_eq!(location.pin.concept_id, granule.concept_id);
    assert_eq!(location.pin.revision, Some(1));
    assert!(location.pin.size.is_some() && location.pin.etag.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrower_search_is_no_deletion() {
    let archive = Archive::new(6);
    archive.build("set.json").await.unwrap();
    let search = Granules::search()
        .short_name(NAME)
        .temporal("2020-06-02,2020-06-03".parse().unwrap());
    let build = chunkref::build::Build::new(archive.output("set.json")).with_concat_dim("time");
    let sources = archive.sources(search);
    let client = crate::archive::client();
    let summary = build.run(&client, &sources, &mut |_| ()).await.unwrap();
    // The fourth begins on the third at 21:00.
    assert_eq!(
        (summary.granules, summary.scanned, summary.gone.len()),
        (3, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_options_want_another_journal() {
    let archive = Archive::new(2);
    archive.build("set.json").await.unwrap();
    let narrow = |build: chunkref::build::Build| {
        build.with_scan(chunkref::ScanOptions::default().with_variables(["analysed_sst", "time"]))
    };
    let error = archive.build_with("set.json", narrow).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, BuildError::Journal { .. }), "{text}");
    assert!(
        text.contains("(--variable: none, now analysed_sst, time): --rescan"),
        "{text}"
    );
    let anew = |build| narrow(build).with_rescan(true);
    let summary = archive.build_with("set.json", anew).await.unwrap();
    assert_eq!(summary.scanned, 2);
    let manifest = archive.manifest("set.json").await;
    assert_eq!(manifest.arrays().count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_reads_no_data_and_writes_nothing() {
    let archive = Archive::new(4);
    let build = chunkref::build::Build::new(archive.output("set.json")).with_concat_dim("time");
    let sources = archive.sources(Granules::search().short_name(NAME));
    let client = crate::archive::client();
    let plan = build
        .plan(&client, &sources, &mut |_| ())
        .await
        .unwrap()
        .plan;
    assert_eq!((plan.files, plan.kept, plan.to_scan), (4, 0, 4));
    assert_eq!(plan.bytes, 4 * 1_572_864);
    assert!(tree(archive.folder.path()).is_empty());
    archive.build("set.json").await.unwrap();
    let (requests, bytes) = (archive.files.requests(), archive.files.bytes());
    archive.grow(6);
    archive.files.reset();
    let before = tree(archive.folder.path());
    let plan = build
        .plan(&client, &sources, &mut |_| ())
        .await
        .unwrap()
        .plan;
    assert_eq!((plan.files, plan.kept, plan.to_scan), (6, 4, 2));
    // Judged by what was scanned.
    assert_eq!(
        (plan.requests, plan.bytes_read),
        (requests / 2, Some(bytes / 2))
    );
    assert_eq!(archive.files.requests(), 0);
    assert!(tree(archive.folder.path()) == before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_dimension_is_told_by_the_first_granule_and_costs_no_journal() {
    let archive = Archive::new(40);
    let along = |name: &str| {
        let name = name.to_owned();
        archive.build_with("set.json", move |build| {
            let one_at_a_time = chunkref::ManyOptions::default().with_jobs(1);
            build.with_concat_dim(name).with_many(one_at_a_time)
        })
    };
    let error = along("tme").await.unwrap_err().to_string();
    assert!(
        error.ends_with("dimension \"tme\": no array has it, expected one of lat, lon, time"),
        "{error}"
    );
    assert!(archive.asked().len() < 5, "{:?}", archive.asked());
    let summary = along("time").await.unwrap();
    assert_eq!((summary.granules, summary.scanned), (40, 40));
    // Something would be lost now.
    let error = along("tme").await.unwrap_err().to_string();
    assert!(
        error.contains("made with other options (--concat-dim: time, now tme): --rescan"),
        "{error}"
    );
}
