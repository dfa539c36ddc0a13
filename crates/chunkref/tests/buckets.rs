//! Sets written into buckets of a server of S3, and read back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chunkref::manifest::kerchunk::ReadSet;
use chunkref::{
    Client, ClientOptions, Manifest, ScanOptions, WriteError, WriteOptions, read_set, scan,
    write_in_place, write_to,
};
use chunkref_testkit::{S3Fault, S3Server, S3ServerBuilder, S3Trouble};
use futures::TryStreamExt as _;

fn server(root: &Path) -> S3ServerBuilder {
    S3Server::builder(root)
        .object("sets", "kept", "kept")
        .keys("id", "secret")
}

fn client(server: &S3Server) -> Client {
    Client::new(
        ClientOptions::default()
            .with_backoff(Duration::from_millis(1))
            .with_store_option("aws_endpoint", server.endpoint())
            .with_store_option("aws_allow_http", "true")
            .with_store_option("aws_access_key_id", "id")
            .with_store_option("aws_secret_access_key", "secret"),
    )
}

async fn scanned(name: &str) -> Arc<Manifest> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    let granule = path.canonicalize().unwrap();
    let options = ScanOptions::default().with_inline_threshold(0);
    let scanned = scan(&Client::default(), granule.to_str().unwrap(), &options).await;
    // A local granule may not be named by a remote set.
    let mut manifest = scanned.unwrap().manifest;
    let renamed = manifest.locations.try_map(|location| {
        let mut location = location.clone();
        "s3://granules/a.nc".clone_into(&mut location.url);
        Ok::<_, ()>(location)
    });
    manifest.locations = renamed.unwrap();
    Arc::new(manifest)
}

/// What references say: the chunks of each array.
fn chunks(manifest: &Manifest) -> Vec<(String, Vec<String>)> {
    let of = |(path, array): (String, &chunkref::manifest::Array)| {
        let chunks = array.chunks().map(|chunk| format!("{chunk:?}")).collect();
        (path, chunks)
    };
    manifest.arrays().map(of).collect()
}

fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("sets")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(root.join("sets")).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn sets_in_buckets_read_as_they_were_written() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    let manifest = scanned("mur_like_20200601.nc").await;
    let options = WriteOptions::default().with_record_size(Some(7));
    for set in ["s3://sets/a/days.json", "s3://sets/a/days.parquet/"] {
        for _ in 0..2 {
            write_to(&client, &manifest, set, &options).await.unwrap();
            let ReadSet {
                manifest: read,
                report,
                ..
            } = read_set(&client, set, None).await.unwrap();
            assert!(report.refused.is_empty(), "{report:?}");
            assert_eq!(chunks(&read), chunks(&manifest));
        }
    }
    assert!(files(root.path()).contains(&"kept".to_owned()));
}

#[tokio::test]
async fn of_an_old_set_nothing_is_left() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    let set = "s3://sets/days.parquet";
    let small = WriteOptions::default().with_record_size(Some(1));
    write_to(&client, &scanned("atl03_like.h5").await, set, &small)
        .await
        .unwrap();
    let before = files(root.path());
    let manifest = scanned("mur_like_20200601.nc").await;
    server.reset();
    write_to(&client, &manifest, set, &WriteOptions::default())
        .await
        .unwrap();
    let after = files(root.path());
    assert!(
        before.iter().any(|path| path.contains("gt1l")),
        "{before:?}"
    );
    assert!(!after.iter().any(|path| path.contains("gt1l")), "{after:?}");
    // The old set is none before anything else is changed, and the new one only when all is there.
    let changes: Vec<_> = server
        .log()
        .into_iter()
        .filter(|one| one.method == "PUT" || one.method == "POST")
        .collect();
    assert_eq!(changes[0].method, "POST");
    let removals = changes
        .iter()
        .filter(|one| one.query.contains("delete"))
        .count();
    assert_eq!(removals, 2, "{changes:?}");
    assert!(changes.last().unwrap().path.ends_with("/.zmetadata"));
    let read = read_set(&client, set, None).await.unwrap();
    assert_eq!(chunks(&read.manifest), chunks(&manifest));
}

#[tokio::test]
async fn a_set_that_was_broken_off_is_none_and_may_be_written_again() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .fault(S3Fault::new(
            "PUT",
            "analysed_sst/refs",
            S3Trouble::Status(403),
        ))
        .fault(S3Fault::new("PUT", ".zmetadata", S3Trouble::Status(400)))
        .start()
        .await;
    let client = client(&server);
    let manifest = scanned("mur_like_20200601.nc").await;
    let set = "s3://sets/days.parquet";
    for _ in 0..2 {
        let error = write_to(&client, &manifest, set, &WriteOptions::default()).await;
        assert!(matches!(error, Err(WriteError::Object { .. })), "{error:?}");
        assert!(read_set(&client, set, None).await.is_err());
        assert_eq!(files(root.path()), ["kept"]);
    }
    write_to(&client, &manifest, set, &WriteOptions::default())
        .await
        .unwrap();
    let read = read_set(&client, set, None).await.unwrap();
    assert_eq!(chunks(&read.manifest), chunks(&manifest));
}

#[tokio::test]
async fn what_is_no_set_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .object("sets", "mine.parquet/photo", "photo")
        .object("sets", "mine.parquet/.zmetadata", "{}")
        .start()
        .await;
    let client = client(&server);
    let manifest = Arc::new(Manifest::default());
    let set = "s3://sets/mine.parquet";
    let error = write_to(&client, &manifest, set, &WriteOptions::default()).await;
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "s3://sets/mine.parquet: a folder that holds other objects (photo), which is not replaced"
    );
    assert_eq!(
        files(root.path()),
        ["kept", "mine.parquet/.zmetadata", "mine.parquet/photo"]
    );
}

#[tokio::test]
async fn what_the_format_can_not_say_leaves_what_was_there() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .object("sets", "a.json", "before")
        .start()
        .await;
    let client = client(&server);
    let mut manifest = Manifest::default();
    manifest
        .root
        .groups
        .insert(".zgroup".to_owned(), chunkref::manifest::Group::default());
    let manifest = Arc::new(manifest);
    let error = write_to(
        &client,
        &manifest,
        "s3://sets/a.json",
        &WriteOptions::default(),
    )
    .await;
    assert!(
        matches!(error, Err(WriteError::Manifest { .. })),
        "{error:?}"
    );
    assert_eq!(
        std::fs::read(root.path().join("sets/a.json")).unwrap(),
        b"before"
    );
}

#[tokio::test]
async fn what_is_replaced_by_what_was_made_of_it_is_never_lost() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .fault(
            S3Fault::new(
                "PUT",
                "days.parquet/analysed_sst/refs",
                S3Trouble::Status(403),
            )
            .after(1),
        )
        .start()
        .await;
    let client = client(&server);
    let manifest = scanned("mur_like_20200601.nc").await;
    let (set, options) = ("s3://sets/days.parquet", WriteOptions::default());
    write_to(&client, &manifest, set, &options).await.unwrap();
    let error = write_in_place(&client, &manifest, set, &options)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "s3://sets/days.parquet: not replaced; what was to come in its place is whole at \
         s3://sets/days.new.parquet"
    );
    assert!(read_set(&client, set, None).await.is_err());
    let saved = read_set(&client, "s3://sets/days.new.parquet", None)
        .await
        .unwrap();
    assert_eq!(chunks(&saved.manifest), chunks(&manifest));
    // It may be all that is left: nothing replaces it.
    let error = write_in_place(&client, &manifest, set, &options).await;
    assert!(
        matches!(error, Err(WriteError::InTheWay { .. })),
        "{error:?}"
    );
    let beside = client.folder("s3://sets/days.new.parquet").unwrap();
    let left: Vec<String> = beside.list().try_collect().await.unwrap();
    beside.delete(left).await.unwrap();
    write_in_place(&client, &manifest, set, &options)
        .await
        .unwrap();
    let read = read_set(&client, set, None).await.unwrap();
    assert_eq!(chunks(&read.manifest), chunks(&manifest));
    let left = files(root.path());
    assert!(!left.iter().any(|path| path.contains(".new")), "{left:?}");
}
