//! Which file is which.

use chunkref::build::{Build, Event, Sources, Summary};
use chunkref::earthdata::{Cmr, FileChoice, Granules};
use chunkref_testkit::S3Server;

use crate::archive::{Archive, NAME, client, granule};
use crate::sources::s3_client;

/// Builds, with what was remarked.
async fn run(build: &Build, sources: &Sources) -> (Summary, Vec<String>) {
    let mut remarks = Vec::new();
    let mut tell = |event: Event<'_>| {
        if let Event::Remark(text) = event {
            remarks.push(text.to_owned());
        }
    };
    let summary = build.run(&client(), sources, &mut tell).await.unwrap();
    (summary, remarks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_tells_files_apart_and_the_set_lacks_it_loudly() {
    let archive = Archive::new(0);
    archive.files.put("get", granule(0));
    let build = Build::new(archive.output("set.json")).with_concat_dim("time");
    let file = |query: &str| Sources::Files(vec![archive.files.url_of(&format!("get{query}"))]);
    let (summary, remarks) = run(&build, &file("?file=0.nc")).await;
    assert_eq!(summary.scanned, 1);
    let plain = archive.files.url_of("get");
    assert!(
        remarks.len() == 1 && remarks[0].starts_with(&plain) && !remarks[0].contains("file=0"),
        "{remarks:?}"
    );
    // The same, with a signature that is new each time.
    let (summary, _) = run(&build, &file("?file=0.nc&X-Amz-Signature=9")).await;
    assert_eq!(summary.scanned, 0);
    let before = archive.read("set.json");
    archive.files.put("get", granule(1));
    let (summary, _) = run(&build, &file("?file=1.nc")).await;
    assert_eq!(summary.scanned, 1);
    assert!(archive.read("set.json") != before);
    let (summary, remarks) = run(&build, &file("")).await;
    assert_eq!((summary.scanned, remarks), (1, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_one_name_in_one_granule_are_all_taken() {
    let archive = Archive::new(1);
    archive.cmr.change(|all| {
        all[0].granules[0].files = vec!["x/0.nc".to_owned(), "y/0.nc".to_owned()];
    });
    archive.files.put("x/0.nc", granule(0));
    archive.files.put("y/0.nc", granule(1));
    let sources = || Sources::Search {
        search: Box::new(Granules::search().short_name(NAME)),
        cmr: Box::new(Cmr::new(client()).with_url(&archive.cmr.url())),
        choice: FileChoice::default().with_all_files(true),
    };
    let build = Build::new(archive.output("set.json")).with_concat_dim("time");
    let (summary, _) = run(&build, &sources()).await;
    assert_eq!((summary.granules, summary.scanned), (2, 2));
    let (summary, _) = run(&build, &sources()).await;
    assert_eq!((summary.granules, summary.scanned), (2, 0));
    let manifest = archive.manifest("set.json").await;
    assert_eq!(manifest.array("time").unwrap().shape, [2]);
    // Such as differ in what the set can't say are refused.
    archive.cmr.change(|all| {
        all[0].granules[0].files = vec!["get?file=0.nc".to_owned(), "get?file=1.nc".to_owned()];
    });
    let before = archive.read("set.json");
    let error = build.run(&client(), &sources(), &mut |_| ()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("question mark"), "{error}");
    assert!(archive.read("set.json") == before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_at_another_endpoint_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("set.json");
    let build = Build::new(output.to_str().unwrap()).with_concat_dim("time");
    let sources = Sources::Files(vec!["s3://archive/0.nc".to_owned()]);
    for day in 0..2 {
        let root = tempfile::tempdir().unwrap();
        let server = S3Server::builder(root.path())
            .keys("id", "secret")
            .object("archive", "0.nc", granule(day))
            .start()
            .await;
        let client = s3_client(&server);
        for scanned in [1, 0] {
            let summary = build.run(&client, &sources, &mut |_| ()).await.unwrap();
            assert_eq!((summary.scanned, summary.granules), (scanned, 1), "{day}");
        }
    }
}
