//! What a search found before is compared with what the same search finds now.

use chunkref::build::{Build, Sources, Summary};
use chunkref::earthdata::{Cmr, FileChoice, GranuleSearch, Granules, TimeRange};
use chunkref_testkit::{CmrCollection, CmrServer};

use crate::archive::{Archive, NAME, client, granule};

fn all() -> GranuleSearch {
    Granules::search().short_name(NAME)
}

async fn run(archive: &Archive, sources: &Sources, prune: bool) -> Summary {
    let build = Build::new(archive.output("set.json"))
        .with_concat_dim("time")
        .with_prune(prune);
    build.run(&client(), sources, &mut |_| ()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_search_left_out_is_not_gone() {
    let archive = Archive::new(5);
    let season = || all().season("06-02,06-03".parse().unwrap(), 2020..=2020);
    let touching = archive.sources(season().touching(true));
    let mostly = archive.sources(season());
    let range: TimeRange = "2020-06-02,2020-06-03".parse().unwrap();
    let plain = archive.sources(all().temporal(range));
    // The fourth begins on the third.
    for (sources, granules) in [(&touching, 3), (&mostly, 2), (&plain, 3), (&mostly, 2)] {
        let summary = run(&archive, sources, false).await;
        assert_eq!((summary.granules, summary.gone.len()), (granules, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_files_of_granules_are_another_listing() {
    let archive = Archive::new(2);
    archive.cmr.change(|all| {
        for (day, one) in all[0].granules.iter_mut().enumerate() {
            one.files = vec![format!("{day}.nc"), format!("{day}_b.nc")];
        }
    });
    for day in 0..2 {
        archive.files.put(&format!("{day}.nc"), granule(day));
        archive.files.put(&format!("{day}_b.nc"), granule(day + 7));
    }
    let some = |glob: &str| Sources::Search {
        search: Box::new(all()),
        cmr: Box::new(Cmr::new(client()).with_url(&archive.cmr.url())),
        choice: FileChoice::matching(glob).unwrap(),
    };
    for glob in ["?.nc", "*_b.nc", "?.nc"] {
        let summary = run(&archive, &some(glob), false).await;
        assert_eq!((summary.granules, summary.gone.len()), (2, 0), "{glob}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cmr_has_another_archive() {
    let archive = Archive::new(3);
    run(&archive, &archive.sources(all()), false).await;
    let mut other = CmrCollection::daily(100, NAME, "2020-06-01", 21, 1);
    other.granules[0].number = 700;
    other.granules[0].files = vec!["other.nc".to_owned()];
    archive.files.put("other.nc", granule(9));
    let server = CmrServer::builder()
        .collection(other.with_links(&archive.files.url(), None))
        .start();
    let sources = Sources::Search {
        search: Box::new(all()),
        cmr: Box::new(Cmr::new(client()).with_url(&server.url())),
        choice: FileChoice::default(),
    };
    let summary = run(&archive, &sources, false).await;
    assert_eq!((summary.granules, summary.gone.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_between_does_not_make_forgotten_what_is_gone() {
    let archive = Archive::new(4);
    let everything = archive.sources(all());
    let some = archive.sources(all().temporal("2020-06-01,2020-06-01".parse().unwrap()));
    run(&archive, &everything, false).await;
    archive.cmr.change(|all| drop(all[0].granules.remove(2)));
    for _ in 0..2 {
        let summary = run(&archive, &everything, false).await;
        assert_eq!((summary.granules, summary.gone.len()), (4, 1));
        run(&archive, &some, false).await;
    }
    let summary = run(&archive, &everything, true).await;
    assert_eq!((summary.granules, summary.gone.len()), (3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_whole_drops_nothing() {
    let archive = Archive::new(3);
    let everything = archive.sources(all());
    let summary = run(&archive, &everything, false).await;
    assert!(!summary.is_incomplete());
    let before = archive.read("set.json");
    // CMR counts three, of which the first comes alone.
    let mut others = Vec::new();
    archive
        .cmr
        .change(|all| others = all[0].granules.split_off(1));
    archive.cmr.withhold(2);
    for prune in [false, true] {
        let summary = run(&archive, &everything, prune).await;
        assert_eq!((summary.granules, summary.gone.len()), (3, 0), "{prune}");
        assert_eq!(summary.missing, 2);
        assert!(summary.is_incomplete());
        assert!(archive.read("set.json") == before);
    }
    archive.cmr.change(|all| all[0].granules.extend(others));
    archive.cmr.withhold(0);
    let summary = run(&archive, &everything, false).await;
    assert_eq!((summary.granules, summary.gone.len()), (3, 0));
    assert!(!summary.is_incomplete());
}
