//! What a set is built of, and what it is written as.

use std::time::Duration;

use chunkref::build::{Build, OnError, Sources};
use chunkref::{Client, ClientOptions};
use chunkref_testkit::S3Server;

use crate::archive::{Archive, NAME, client, granule, tree};

pub(crate) fn s3_client(server: &S3Server) -> Client {
    Client::new(
        ClientOptions::default()
            .with_backoff(Duration::from_millis(1))
            .with_store_option("aws_endpoint", server.endpoint())
            .with_store_option("aws_allow_http", "true")
            .with_store_option("aws_access_key_id", "id")
            .with_store_option("aws_secret_access_key", "secret"),
    )
}

async fn upload(client: &Client, url: &str, bytes: Vec<u8>) {
    let mut upload = client.upload(url).unwrap();
    upload.write(&bytes).await.unwrap();
    upload.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn globs_and_folders_of_buckets_tell_what_changed() {
    let root = tempfile::tempdir().unwrap();
    let mut builder = S3Server::builder(root.path()).keys("id", "secret");
    for day in 0..4 {
        let key = format!("mur/2020/{day}.nc");
        builder = builder.object("archive", &key, granule(day));
    }
    builder = builder.object("archive", "mur/notes.txt", "no granule");
    let server = builder.start().await;
    let client = s3_client(&server);
    let folder = tempfile::tempdir().unwrap();
    let gets = || {
        let log = server.log();
        let data = log.into_iter().filter(|one| one.path.contains(".nc"));
        let mut paths: Vec<_> = data.map(|one| one.path).collect();
        paths.sort();
        paths.dedup();
        paths
    };
    let build = |name: &str| {
        let output = folder.path().join(name);
        Build::new(output.to_str().unwrap()).with_concat_dim("time")
    };
    let run = async |name: &str, pattern: &str| {
        server.reset();
        let sources = Sources::Files(vec![pattern.to_owned()]);
        build(name).run(&client, &sources, &mut |_| ()).await
    };
    for pattern in [
        "s3://archive/mur/2020/*.nc",
        "s3://archive/**/*.nc",
        "s3://archive/mur/",
    ] {
        let name = format!("{}.json", pattern.len());
        let summary = run(&name, pattern).await.unwrap();
        assert_eq!((summary.granules, summary.scanned), (4, 4), "{pattern}");
        let summary = run(&name, pattern).await.unwrap();
        assert_eq!((summary.granules, summary.scanned), (4, 0), "{pattern}");
        assert_eq!(gets(), [""; 0]);
    }
    let error = run("none.json", "s3://archive/mur/*.nc").await.unwrap_err();
    assert!(error.to_string().contains("no file fits"), "{error}");
    // A new one, one that changed, and one that is gone.
    let pattern = "s3://archive/mur/";
    let name = format!("{}.json", pattern.len());
    upload(&client, "s3://archive/mur/2020/8.nc", granule(8)).await;
    // This server lists no ETags; it is longer.
    let longer = [granule(5), vec![0]].concat();
    upload(&client, "s3://archive/mur/2020/1.nc", longer).await;
    client
        .folder("s3://archive/mur/2020")
        .unwrap()
        .delete(vec!["3.nc".to_owned()])
        .await
        .unwrap();
    let summary = run(&name, pattern).await.unwrap();
    assert_eq!(
        (summary.granules, summary.scanned, summary.plan.changed),
        (5, 2, 1)
    );
    assert_eq!(gets(), ["/archive/mur/2020/1.nc", "/archive/mur/2020/8.nc"]);
    assert_eq!(summary.gone.len(), 1);
    assert_eq!(summary.gone[0].name, "3.nc");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_this_machine_are_compared_by_their_times() {
    let archive = tempfile::tempdir().unwrap();
    let root = archive.path().to_str().unwrap();
    for day in 0..3 {
        std::fs::write(archive.path().join(format!("{day}.nc")), granule(day)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("set.json");
    let build = Build::new(output.to_str().unwrap()).with_concat_dim("time");
    let sources = Sources::Files(vec![root.to_owned()]);
    let run = async || build.run(&client(), &sources, &mut |_| ()).await.unwrap();
    assert_eq!(run().await.scanned, 3);
    assert_eq!(run().await.scanned, 0);
    let changed = archive.path().join("1.nc");
    std::fs::write(&changed, granule(7)).unwrap();
    let file = std::fs::File::options()
        .append(true)
        .open(&changed)
        .unwrap();
    let later = file.metadata().unwrap().modified().unwrap() + Duration::from_secs(5);
    file.set_modified(later).unwrap();
    assert_eq!(run().await.scanned, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_was_in_the_set_is_not_gone_from_it() {
    let archive = tempfile::tempdir().unwrap();
    let path = |name: &str| archive.path().join(name);
    std::fs::write(path("0.nc"), granule(0)).unwrap();
    std::fs::write(path("1.nc"), "no granule").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("set.json");
    let build = Build::new(output.to_str().unwrap())
        .with_concat_dim("time")
        .with_on_error(OnError::Skip);
    let sources = Sources::Files(vec![archive.path().to_str().unwrap().to_owned()]);
    let run = async || build.run(&client(), &sources, &mut |_| ()).await.unwrap();
    assert_eq!(run().await.failed.len(), 1);
    std::fs::remove_file(path("1.nc")).unwrap();
    let summary = run().await;
    assert_eq!((summary.granules, summary.gone.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_manifest_a_granule_and_an_index() {
    let archive = Archive::new(3);
    let summary = archive.build("each/").await.unwrap();
    assert_eq!((summary.granules, summary.scanned), (3, 3));
    let folder = archive.folder.path().join("each");
    let index: serde_json::Value =
        serde_json::from_slice(&archive.read("each/index.json")).unwrap();
    let granules = index["granules"].as_array().unwrap();
    assert_eq!(granules.len(), 3);
    assert_eq!(granules[0]["granule"], format!("20200601-{NAME}"));
    assert_eq!(granules[0]["concept_id"], "G101-TESTCLOUD");
    assert_eq!(granules[0]["revision"], 1);
    assert_eq!(index["collection"]["short_name"], NAME);
    let name = granules[0]["manifest"].as_str().unwrap();
    assert_eq!(name, format!("20200601-{NAME}.nc.json"));
    let manifest = archive.manifest(&format!("each/{name}")).await;
    assert_eq!(manifest.array("time").unwrap().shape, [1]);
    assert_eq!(
        manifest.provenance.granules[0].name,
        format!("20200601-{NAME}")
    );
    assert!(manifest.provenance.collection.is_some());
    let before = tree(&folder);
    assert_eq!(archive.build("each/").await.unwrap().scanned, 0);
    assert!(tree(&folder) == before);
    // What is not in the set any more is not in the folder, and what is of somebody else is.
    std::fs::write(folder.join("mine.json"), "{}").unwrap();
    archive.cmr.change(|all| drop(all[0].granules.remove(0)));
    archive
        .build_with("each/", |build| build.with_prune(true))
        .await
        .unwrap();
    let names: Vec<_> = tree(&folder).into_iter().map(|(name, _)| name).collect();
    let days = [2, 3].map(|day| format!("2020060{day}-{NAME}.nc.json"));
    assert_eq!(names, [&days[0], &days[1], "index.json", "mine.json"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_kept_holds_a_password_or_a_signature() {
    let archive = Archive::new(2);
    let urls: Vec<_> = (1..=2)
        .map(|day| {
            let url = archive.files.url_of(&format!("2020060{day}-{NAME}.nc"));
            let url = url.replacen("http://", "http://me:pass7word@", 1);
            format!("{url}?X-Amz-Signature=5ecre7")
        })
        .collect();
    let build = Build::new(archive.output("set.json")).with_concat_dim("time");
    let sources = Sources::Files(urls);
    let client = client();
    let summary = build.run(&client, &sources, &mut |_| ()).await.unwrap();
    assert_eq!(summary.scanned, 2);
    // Why one failed is kept too.
    let absent = archive.files.url_of("absent.nc?X-Amz-Signature=5ecre7");
    let absent = absent.replacen("http://", "http://me:pass7word@", 1);
    let with_absent = match &sources {
        Sources::Files(urls) => Sources::Files([&urls[..], &[absent]].concat()),
        _ => unreachable!(),
    };
    let skip = build.clone().with_on_error(OnError::Skip);
    let summary = skip.run(&client, &with_absent, &mut |_| ()).await.unwrap();
    assert_eq!((summary.scanned, summary.failed.len()), (0, 1));
    let reason = &summary.failed[0].reason;
    assert!(reason.contains("/absent.nc: not found"), "{reason}");
    assert!(
        !reason.contains("5ecre7") && !reason.contains("pass7word"),
        "{reason}"
    );
    // They are new each time, and the files are the same.
    let others = Sources::Files(
        (1..=2)
            .map(|day| {
                archive
                    .files
                    .url_of(&format!("2020060{day}-{NAME}.nc?X-Amz-Signature=0"))
            })
            .collect(),
    );
    let summary = build.run(&client, &others, &mut |_| ()).await.unwrap();
    assert_eq!(summary.scanned, 0);
    let all = tree(archive.folder.path());
    assert!(all.iter().any(|(name, _)| name == "set.json.journal/log"));
    for (name, bytes) in all {
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["pass7word", "5ecre7", "X-Amz"] {
            assert!(!text.contains(secret), "{name}: {secret}");
        }
    }
    let two = Sources::Files(vec![
        archive.files.url_of("a.nc?id=1"),
        archive.files.url_of("a.nc?id=2"),
    ]);
    let error = build.run(&client, &two, &mut |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("question mark"), "{error}");
}
