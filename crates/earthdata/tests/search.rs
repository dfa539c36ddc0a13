//! Searches against a server of CMR: what is found, what is asked for it, what is told of changes.

use std::time::Duration;

use chunkref_earthdata::{
    BoundingBox, Cmr, Collections, Error, FileChoice, Granules, LinkKind, Season, TimeRange,
    Timestamp,
};
use chunkref_io::{Client, ClientOptions};
use chunkref_testkit::{CmrCollection, CmrServer};

fn cmr(server: &CmrServer) -> Cmr {
    let options = ClientOptions::default().with_backoff(Duration::from_millis(2));
    Cmr::new(Client::new(options)).with_url(&server.url())
}

/// Days of which each begins at 21:00 on the day before, as MUR's.
fn mur() -> CmrCollection {
    CmrCollection::daily(2000, "MUR-JPL-L4-GLOB-v4.1", "2013-01-01", 21, 3652)
}

fn days(count: usize) -> CmrServer {
    let daily = CmrCollection::daily(10, "DAILY", "2000-01-01", 24, count);
    CmrServer::builder().collection(daily).start()
}

#[tokio::test]
async fn a_season_of_ten_years_is_twenty_days() {
    let server = CmrServer::builder().collection(mur()).start();
    let cmr = cmr(&server);
    let season: Season = "12-24,12-25".parse().unwrap();
    let search = Granules::search()
        .short_name("MUR-JPL-L4-GLOB-v4.1")
        .season(season, 2013..=2022);
    // One for the collection, one for the granules of all years.
    let found = search.run(&cmr).await.unwrap();
    assert_eq!(server.log().len(), 2);
    let names: Vec<_> = found
        .granules
        .iter()
        .map(|one| one.native_id.as_str())
        .collect();
    let expected: Vec<_> = (2013..=2022)
        .flat_map(|year| [24, 25].map(|day| format!("{year}12{day}-MUR-JPL-L4-GLOB-v4.1")))
        .collect();
    assert_eq!(names, expected);
    // CMR counts what touches a range: the 26th begins on the 25th at 21:00.
    assert_eq!((found.progress.hits, found.progress.left_out), (30, 10));
    assert_eq!(search.count(&cmr).await.unwrap(), 20);
    let touching = search.clone().touching(true);
    assert_eq!(touching.run(&cmr).await.unwrap().granules.len(), 30);
    assert_eq!(touching.count(&cmr).await.unwrap(), 30);
    let some = search.limit(5).run(&cmr).await.unwrap();
    assert_eq!(some.granules.len(), 5);
    // Without a season a range is what it is for CMR, to the last moment of its last day.
    let range = TimeRange::new("2013-12-24", "2013-12-25").unwrap();
    let plain = Granules::search()
        .short_name("MUR-JPL-L4-GLOB-v4.1")
        .temporal(range);
    assert_eq!(plain.run(&cmr).await.unwrap().granules.len(), 3);
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let daily = CmrCollection::daily(10, "DAILY", "2000-01-01", 24, 100);
    let server = CmrServer::builder().collection(daily).gzip().start();
    let search = Granules::search().short_name("daily").page_size(30);
    let mut told = Vec::new();
    let cmr = cmr(&server);
    let found = search.run_with(&cmr, |progress| told.push(progress.received));
    let found = found.await.unwrap();
    assert_eq!(found.granules.len(), 100);
    assert_eq!((found.missing, found.progress.repeated), (0, 0));
    assert_eq!(told, [30, 60, 90, 100]);
    assert!(
        found
            .granules
            .is_sorted_by_key(|one| one.temporal.unwrap().start)
    );
    assert_eq!(found.query, "collection_concept_id[]=C10-TESTCLOUD");
    let log = server.log();
    // The collection, and four pages.
    assert_eq!(log.len(), 5);
    assert!(log[1].search_after.is_none() && log[2].search_after.is_some());
    for request in &log {
        assert!(
            request
                .client_id
                .as_deref()
                .unwrap()
                .starts_with("chunkref/")
        );
        assert_eq!(request.authorization, None);
    }
    // A record takes some 2 kB, of which gzip leaves little.
    assert!(log[1].bytes < 10_000, "{}", log[1].bytes);
    server.reset();
    let found = search.limit(45).run(&cmr).await.unwrap();
    assert_eq!(found.granules.len(), 45);
    let sizes: Vec<_> = server.log().iter().map(|one| one.query.clone()).collect();
    assert!(sizes[2].ends_with("page_size=15"), "{sizes:?}");
}

#[tokio::test]
async fn changes_between_pages_are_seen() {
    let search = Granules::search().short_name("DAILY").page_size(4);
    // Removed where the search has been: nothing after it is missed.
    let server = days(10);
    let mut pages = search.pages(&cmr(&server)).await.unwrap();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        names.extend(page.into_iter().map(|one| one.native_id));
        server.change(|all| {
            all[0].granules.remove(0);
        });
    }
    assert_eq!(names.len(), 10);
    // Changed so that it comes again: it comes once.
    let server = days(10);
    let mut pages = search.pages(&cmr(&server)).await.unwrap();
    pages.next().await.unwrap();
    server.change(|all| all[0].granules[0].taken = all[0].granules[9].taken);
    while pages.next().await.unwrap().is_some() {}
    assert_eq!(
        (pages.progress().received, pages.progress().repeated),
        (10, 1)
    );
    // Added where the search has been: it is missing, and that is told.
    let server = days(10);
    let cmr = cmr(&server);
    let mut added = false;
    let found = search.run_with(&cmr, |_| {
        if !std::mem::replace(&mut added, true) {
            server.change(|all| {
                let mut late = all[0].granules[0].clone();
                late.number = 1;
                all[0].granules.push(late);
            });
        }
    });
    let found = found.await.unwrap();
    assert_eq!((found.granules.len(), found.missing), (10, 1));
}

#[tokio::test]
async fn granules_are_found_by_place_name_and_change() {
    let server = days(20);
    server.change(|all| {
        all[0].granules[3].edges = [10.0, 10.0, 20.0, 20.0];
        all[0].granules[4].revised = Timestamp::begin("2024-01-01").unwrap().millis();
        all[0].granules[4].revision = 7;
        for granule in &mut all[0].granules[5..] {
            granule.edges = [100.0, 10.0, 120.0, 20.0];
        }
    });
    let cmr = cmr(&server);
    let daily = || Granules::search().short_name("DAILY");
    let count = |search: chunkref_earthdata::GranuleSearch| {
        let cmr = cmr.clone();
        async move {
            let found = search.run(&cmr).await.unwrap().granules.len();
            let counted = search.count(&cmr).await.unwrap();
            assert_eq!(u64::try_from(found).unwrap(), counted);
            found
        }
    };
    let edges = |text: &str| text.parse::<BoundingBox>().unwrap();
    assert_eq!(count(daily().bounding_box(edges("15,15,16,16"))).await, 5);
    let two = daily()
        .bounding_box(edges("15,15,16,16"))
        .bounding_box(edges("110,0,111,11"));
    assert_eq!(count(two).await, 20);
    assert_eq!(count(daily().granule_name("2000010?-daily")).await, 9);
    let since = daily().updated_since(Timestamp::begin("2023").unwrap());
    assert_eq!(since.run(&cmr).await.unwrap().granules[0].revision, 7);
    let last = daily()
        .sort_key("-start_date")
        .limit(1)
        .run(&cmr)
        .await
        .unwrap();
    assert_eq!(last.granules[0].native_id, "20000120-DAILY");
    let id = last.granules[0].concept_id.as_str();
    let one = Granules::search().concept_id(id);
    assert_eq!(count(one).await, 1);
    assert_eq!(count(Granules::search().provider("TESTCLOUD")).await, 20);
}

#[tokio::test]
async fn granules_say_what_their_records_say() {
    let server = days(1);
    let found = Granules::search()
        .short_name("DAILY")
        .run(&cmr(&server))
        .await
        .unwrap();
    let granule = &found.granules[0];
    assert_eq!(granule.concept_id, "G11-TESTCLOUD");
    assert_eq!(
        granule.collection,
        Some(("DAILY".to_owned(), "1".to_owned()))
    );
    let taken = granule.temporal.unwrap().to_string();
    assert_eq!(taken, "2000-01-01T00:00:00Z,2000-01-02T00:00:00Z");
    assert_eq!(granule.size, Some(1_572_864));
    assert_eq!(
        granule.s3_credentials(),
        Some("https://data.example.org/s3credentials")
    );
    assert_eq!(granule.links_of(LinkKind::Opendap).count(), 1);
    assert_eq!(granule.links_of(LinkKind::Metadata).count(), 2);
    let files = granule.choose(&FileChoice::default()).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(
        files[0].s3(),
        Some("s3://test-protected/DAILY/20000101-DAILY.nc")
    );
    let https = "https://data.example.org/test-protected/DAILY/20000101-DAILY.nc";
    assert_eq!(files[0].https(), Some(https));
    assert_eq!(files[0].checksum.as_ref().unwrap().algorithm, "MD5");
    let collection = &found.collections[0];
    assert_eq!(collection.region.as_deref(), Some("us-west-2"));
    assert_eq!(collection.data_center.as_deref(), Some("TEST/DAAC"));
}

#[tokio::test]
async fn several_files_want_a_choice() {
    let server = days(1);
    server.change(|all| {
        all[0].granules[0].files = ["a.nc", "b.nc", "c.tif"].map(str::to_owned).to_vec();
    });
    let found = Granules::search()
        .short_name("DAILY")
        .run(&cmr(&server))
        .await
        .unwrap();
    let granule = &found.granules[0];
    let names = |choice: FileChoice| {
        let files = granule.choose(&choice).map_err(|unfit| unfit.to_string())?;
        Ok::<_, String>(files.into_iter().map(|file| file.name).collect::<Vec<_>>())
    };
    let error = names(FileChoice::default()).unwrap_err();
    assert!(
        error.contains("2 data files (a.nc, b.nc)") && error.contains("--files"),
        "{error}"
    );
    assert_eq!(
        names(FileChoice::default().with_all_files(true)).unwrap(),
        ["a.nc", "b.nc"]
    );
    assert_eq!(
        names(FileChoice::matching("b*").unwrap()).unwrap(),
        ["b.nc"]
    );
    assert_eq!(
        names(FileChoice::matching("*.tif").unwrap()).unwrap(),
        ["c.tif"]
    );
    let all = FileChoice::matching("[ab].nc")
        .unwrap()
        .with_all_files(true);
    assert_eq!(names(all).unwrap(), ["a.nc", "b.nc"]);
    let error = names(FileChoice::matching("*.h5").unwrap()).unwrap_err();
    assert!(error.contains("none of its data files"), "{error}");
    assert!(FileChoice::matching("[").is_err());
}

#[tokio::test]
async fn collections_are_found_by_doi_version_and_where_they_are() {
    let mut on_premises = CmrCollection::daily(30, "DAILY", "2000-01-01", 24, 3);
    on_premises.cloud_hosted = false;
    on_premises.version = "2".to_owned();
    on_premises.provider = "TEST".to_owned();
    on_premises.concept_id = "C30-TEST".to_owned();
    let server = CmrServer::builder()
        .collection(CmrCollection::daily(10, "DAILY", "2000-01-01", 24, 2))
        .collection(on_premises)
        .collection(CmrCollection::daily(2000, "OTHER", "2013-01-01", 21, 4))
        .start();
    let cmr = cmr(&server);
    let daily = || Granules::search().short_name("DAILY");
    let error = daily().run(&cmr).await.unwrap_err();
    assert!(matches!(error, Error::Ambiguous { .. }));
    let text = error.to_string();
    assert!(
        text.contains("DAILY version 1 of TESTCLOUD (C10-TESTCLOUD)"),
        "{text}"
    );
    assert!(
        text.contains("DAILY version 2 of TEST (C30-TEST)"),
        "{text}"
    );
    for (search, expected) in [
        (daily().version("2"), 3),
        (daily().version("1").version("2"), 5),
        (daily().provider("TEST"), 3),
        (daily().cloud_hosted(true), 2),
        (daily().cloud_hosted(false), 3),
        (Granules::search().doi("https://doi.org/10.5067/test-30"), 3),
        (daily().version("1").short_name("OTHER"), 6),
        (
            Granules::search()
                .concept_id("C10-TESTCLOUD")
                .concept_id("C30-TEST"),
            5,
        ),
    ] {
        assert_eq!(
            search.run(&cmr).await.unwrap().granules.len(),
            expected,
            "{search:?}"
        );
    }
    let all = Collections::search();
    assert_eq!(all.count(&cmr).await.unwrap(), 3);
    assert_eq!(all.clone().limit(2).run(&cmr).await.unwrap().len(), 2);
    assert_eq!(all.run(&cmr).await.unwrap().len(), 3);
}

/// CMR may leave out what is not in use, unless it is asked for.
#[tokio::test]
async fn collections_that_are_not_in_use_are_found_by_name() {
    let mut preprint = CmrCollection::daily(30, "PREPRINT", "2000-01-01", 24, 3);
    preprint.operational = false;
    let mut old = CmrCollection::daily(50, "DAILY", "2000-01-01", 24, 4);
    (old.operational, old.version) = (false, "0".to_owned());
    let server = CmrServer::builder()
        .collection(CmrCollection::daily(10, "DAILY", "2000-01-01", 24, 2))
        .collection(old)
        .collection(preprint)
        .start();
    let cmr = cmr(&server);
    for (search, expected) in [
        (Granules::search().short_name("PREPRINT"), 3),
        // It is not in the way of the one that is in use.
        (Granules::search().short_name("DAILY"), 2),
        (Granules::search().short_name("DAILY").version("0"), 4),
        (
            Granules::search()
                .short_name("DAILY")
                .short_name("PREPRINT"),
            5,
        ),
    ] {
        let found = search.run(&cmr).await.unwrap();
        assert_eq!(found.granules.len(), expected, "{search:?}");
    }
}

#[tokio::test]
async fn the_first_of_several_keys_goes_first() {
    let server = days(6);
    server.change(|all| {
        for granule in &mut all[0].granules[..3] {
            granule.taken.1 = 2_000_000_000_000;
        }
    });
    let search = Granules::search().short_name("DAILY").page_size(2);
    let search = search.sort_key("-end_date").sort_key("-granule_ur");
    let found = search.run(&cmr(&server)).await.unwrap();
    let names = found.granules.iter().map(|one| &one.native_id[6..8]);
    let names: Vec<_> = names.collect();
    assert_eq!(names, ["03", "02", "01", "06", "05", "04"]);
}

#[tokio::test]
async fn long_searches_travel_in_a_body() {
    let server = CmrServer::builder().collection(mur()).start();
    let season: Season = "06-01,06-01".parse().unwrap();
    let search = Granules::search()
        .short_name("MUR-JPL-L4-GLOB-v4.1")
        .season(season, 1950..=2022);
    let found = search.run(&cmr(&server)).await.unwrap();
    assert_eq!(found.granules.len(), 10);
    let log = server.log();
    assert_eq!(
        (log[0].method.as_str(), log[1].method.as_str()),
        ("GET", "POST")
    );
    assert!(log[1].query.len() > 4000);
}
