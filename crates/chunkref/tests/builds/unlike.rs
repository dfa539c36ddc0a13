//! Granules that are unlike the others, and files that can't be scanned.

use chunkref::build::{Build, BuildError, Event, OnError, OnUnlike};
use chunkref::earthdata::Granules;

use crate::archive::{Archive, NAME, fixtures, granule};

fn put(archive: &Archive, place: usize, bytes: Vec<u8>) {
    archive
        .cmr
        .change(|all| archive.files.put(&all[0].granules[place].files[0], bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unlike_is_named_or_left_out() {
    for place in [0, 2] {
        let archive = Archive::new(5);
        put(
            &archive,
            place,
            std::fs::read(fixtures().join("dims.nc")).unwrap(),
        );
        let error = archive.build("set.json").await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, BuildError::Unlike { .. }), "{text}");
        assert!(text.contains("--on-unlike skip"), "{text}");
        let odd = format!("2020060{}-{NAME}: /", place + 1);
        assert!(text.contains(&odd), "{text}");
        let skip = |build: Build| build.with_on_unlike(OnUnlike::Skip);
        let summary = archive.build_with("set.json", skip).await.unwrap();
        assert_eq!((summary.granules, summary.scanned), (4, 0));
        assert_eq!(summary.unlike_granules(), 1);
        assert!(summary.is_incomplete());
        assert!(
            summary.unlike[0].to_string().starts_with(&odd),
            "{:?}",
            summary.unlike
        );
        // As if it had never been there.
        archive
            .cmr
            .change(|all| drop(all[0].granules.remove(place)));
        archive.build("without.json").await.unwrap();
        assert!(archive.read("set.json") == archive.read("without.json"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_fail_are_named_and_tried_again_alone() {
    let archive = Archive::new(5);
    put(&archive, 2, b"<!DOCTYPE html><html>Sign in</html>".to_vec());
    let build = Build::new(archive.output("set.json")).with_concat_dim("time");
    let sources = archive.sources(Granules::search().short_name(NAME));
    let client = crate::archive::client();
    let mut failed = Vec::new();
    let error = build
        .run(&client, &sources, &mut |event: Event<'_>| {
            if let Event::Scanned {
                name,
                failed: Some(reason),
            } = event
            {
                failed.push((name.to_owned(), reason.to_owned()));
            }
        })
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("1 of 5 files could not be scanned"),
        "{error}"
    );
    assert!(error.to_string().contains("--on-error skip"), "{error}");
    let [(name, reason)] = failed.as_slice() else {
        panic!("{failed:?}")
    };
    assert_eq!(name, &format!("20200603-{NAME}"));
    assert!(reason.contains("20200603-MUR-LIKE.nc: "), "{reason}");
    assert!(reason.contains("an HTML page (a login page?)"), "{reason}");
    let skip = |build: Build| build.with_on_error(OnError::Skip);
    let summary = archive.build_with("set.json", skip).await.unwrap();
    assert_eq!(
        (summary.granules, summary.scanned, summary.failed.len()),
        (4, 0, 1)
    );
    assert_eq!(archive.asked(), [format!("/20200603-{NAME}.nc")]);
    put(&archive, 2, granule(2));
    let summary = archive.build("set.json").await.unwrap();
    assert_eq!((summary.granules, summary.scanned), (5, 1));
    archive.build("at_once.json").await.unwrap();
    assert!(archive.read("set.json") == archive.read("at_once.json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_may_end_it_all() {
    let archive = Archive::new(3);
    put(&archive, 1, b"nothing".to_vec());
    let stop = |build: Build| build.with_on_error(OnError::Fail);
    let error = archive.build_with("set.json", stop).await.unwrap_err();
    assert!(matches!(error, BuildError::Scan { .. }), "{error}");
    assert!(!std::path::Path::new(&archive.output("set.json")).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn granules_without_data_are_counted() {
    let archive = Archive::new(5);
    archive.cmr.change(|all| {
        all[0].granules[1].files = vec!["b.hdf".to_owned()];
        all[0].granules[2].files = vec!["c.hdf".to_owned()];
        all[0].granules[3].files = Vec::new();
    });
    let error = archive.build("set.json").await.unwrap_err();
    assert!(error.to_string().starts_with("3 of 5 files"), "{error}");
    let skip = |build: Build| build.with_on_error(OnError::Skip);
    let summary = archive.build_with("set.json", skip).await.unwrap();
    assert_eq!((summary.granules, summary.unfit.len()), (2, 3));
    let kinds = summary.unfit_by_kind();
    let counts: Vec<_> = kinds.iter().map(|(count, _)| *count).collect();
    assert_eq!(counts, [2, 1], "{kinds:?}");
    assert!(kinds[0].1.to_string().contains("HDF4"), "{kinds:?}");
}
