//! Objects written to a server of S3 that checks signatures, through its troubles.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chunkref_io::{Client, ClientOptions, Error};
use chunkref_testkit::{S3Fault, S3Server, S3ServerBuilder, S3Trouble, content};
use futures::TryStreamExt as _;

const SECRET: &str = "s3cr3t-key";
/// One part, as `Upload` makes them.
const PART: usize = 8 << 20;

fn server(root: &Path) -> S3ServerBuilder {
    S3Server::builder(root)
        .object("sets", "other/kept", "kept")
        .keys("id", SECRET)
}

fn client(server: &S3Server) -> Client {
    Client::new(
        ClientOptions::default()
            .with_backoff(Duration::from_millis(1))
            .with_store_option("aws_endpoint", server.endpoint())
            .with_store_option("aws_allow_http", "true")
            .with_store_option("aws_access_key_id", "id")
            .with_store_option("aws_secret_access_key", SECRET),
    )
}

/// Writes an object in pieces of odd lengths.
async fn write(client: &Client, url: &str, content: &[u8]) -> chunkref_io::Result<()> {
    let mut upload = client.upload(url)?;
    for piece in content.chunks(1_234_567) {
        upload.write(piece).await?;
    }
    upload.finish().await
}

/// What S3 keeps of uploads under way.
fn leftovers(root: &Path) -> Vec<String> {
    let names = std::fs::read_dir(root).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".upload"))
        .collect()
}

fn stored(root: &Path, key: &str) -> Option<Vec<u8>> {
    std::fs::read(root.join("sets").join(key)).ok()
}

async fn listed(client: &Client, url: &str) -> chunkref_io::Result<Vec<String>> {
    client.folder(url)?.list().try_collect().await
}

#[tokio::test]
async fn short_objects_are_one_put() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    for length in [0, 1, PART] {
        server.reset();
        write(&client, "s3://sets/a b+c/d.json", &content(length))
            .await
            .unwrap();
        assert_eq!(stored(root.path(), "a b+c/d.json"), Some(content(length)));
        let log = server.log();
        assert_eq!(log.len(), 1, "{log:?}");
        assert_eq!(log[0].method, "PUT");
    }
    assert_eq!(
        client.log().snapshot().sent,
        1 + u64::try_from(PART).unwrap()
    );
}

#[tokio::test]
async fn long_objects_are_uploaded_in_parts() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    let content = content(3 * PART + 17);
    write(&client, "s3://sets/long.json", &content)
        .await
        .unwrap();
    assert_eq!(stored(root.path(), "long.json"), Some(content));
    assert!(leftovers(root.path()).is_empty());
    let log = server.log();
    let puts = log.iter().filter(|one| one.method == "PUT").count();
    assert_eq!(puts, 4, "{log:?}");
}

#[tokio::test]
async fn what_fails_for_a_while_is_sent_again() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .fault(S3Fault::new("PUT", "short", S3Trouble::Status(503)).times(2))
        .fault(S3Fault::new("PUT", "lost", S3Trouble::AnswerLost))
        .fault(S3Fault::new("POST", "uploads", S3Trouble::Status(500)))
        .fault(S3Fault::new("PUT", "partNumber=2", S3Trouble::Broken))
        .fault(S3Fault::new("PUT", "partNumber=1", S3Trouble::Status(500)).times(3))
        .fault(S3Fault::new("POST", "uploadId", S3Trouble::ErrorBody))
        .start()
        .await;
    let client = client(&server);
    write(&client, "s3://sets/short", b"short").await.unwrap();
    assert_eq!(stored(root.path(), "short").unwrap(), b"short");
    write(&client, "s3://sets/lost", b"lost").await.unwrap();
    assert_eq!(stored(root.path(), "lost").unwrap(), b"lost");
    assert_eq!(client.log().snapshot().retries, 3);
    let long = content(2 * PART + 5);
    write(&client, "s3://sets/long", &long).await.unwrap();
    assert_eq!(stored(root.path(), "long"), Some(long));
    assert!(client.log().snapshot().retries >= 9);
}

#[tokio::test]
async fn an_upload_that_fails_is_aborted_and_replaces_nothing() {
    let root = tempfile::tempdir().unwrap();
    for fault in [
        S3Fault::new("PUT", "partNumber=2", S3Trouble::Status(403)),
        S3Fault::new("PUT", "partNumber=3", S3Trouble::Broken).times(100),
        S3Fault::new("POST", "uploadId", S3Trouble::Status(400)),
    ] {
        let server = server(root.path())
            .object("sets", "a.json", "before")
            .fault(fault.clone())
            .start()
            .await;
        let client = client(&server);
        let error = write(&client, "s3://sets/a.json", &content(2 * PART + 5))
            .await
            .unwrap_err();
        assert_eq!(error.url(), "s3://sets/a.json");
        assert_eq!(
            stored(root.path(), "a.json").unwrap(),
            b"before",
            "{fault:?}"
        );
        assert!(leftovers(root.path()).is_empty(), "{fault:?}");
        let log = server.log();
        let aborts = log
            .iter()
            .filter(|one| one.method == "DELETE" && one.query.contains("uploadId"));
        assert_eq!(aborts.count(), 1, "{log:?}");
    }
}

#[tokio::test]
async fn an_upload_that_is_dropped_is_aborted() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    let mut upload = client.upload("s3://sets/a.json").unwrap();
    upload.write(&content(PART + 1)).await.unwrap();
    assert!(!leftovers(root.path()).is_empty());
    drop(upload);
    client.settle().await;
    assert!(leftovers(root.path()).is_empty());
    assert_eq!(stored(root.path(), "a.json"), None);
}

#[tokio::test]
async fn an_upload_whose_end_is_not_known_says_so() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .fault(S3Fault::new("POST", "uploadId", S3Trouble::AnswerLost))
        .start()
        .await;
    let client = client(&server);
    let error = write(&client, "s3://sets/a.json", &content(PART + 1))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error:?}");
    assert!(
        error.to_string().contains("may have been written"),
        "{error}"
    );
}

#[tokio::test]
async fn folders_are_listed_filled_and_cleared() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    assert_eq!(
        listed(&client, "s3://sets/days.parquet/").await.unwrap(),
        [""; 0]
    );
    let folder = client.folder("s3://sets/days.parquet/").unwrap();
    for path in [".zmetadata", "a b/refs.0.parq", "c+d/é/refs.1.parq"] {
        folder
            .put(path, &Bytes::from(path.to_owned()))
            .await
            .unwrap();
    }
    let mut found = listed(&client, "s3://sets/days.parquet").await.unwrap();
    found.sort();
    assert_eq!(
        found,
        [".zmetadata", "a b/refs.0.parq", "c+d/é/refs.1.parq"]
    );
    let gone = vec!["a b/refs.0.parq".to_owned(), "not/there".to_owned()];
    folder.delete(gone).await.unwrap();
    assert_eq!(
        listed(&client, "s3://sets/days.parquet")
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(stored(root.path(), "other/kept").unwrap(), b"kept");
}

#[tokio::test]
async fn a_bucket_in_another_region_is_written_there() {
    for status in [301, 400] {
        let root = tempfile::tempdir().unwrap();
        let server = server(root.path())
            .region("eu-central-1", status)
            .start()
            .await;
        write(&client(&server), "s3://sets/a.json", b"first")
            .await
            .unwrap();
        let other = client(&server);
        write(&other, "s3://sets/long.json", &content(PART + 1))
            .await
            .unwrap();
        server.reset();
        write(&other, "s3://sets/b.json", b"second").await.unwrap();
        assert_eq!(server.log().len(), 1, "{:?}", server.log());
        assert_eq!(
            listed(&client(&server), "s3://sets/other").await.unwrap(),
            ["kept"]
        );
        assert_eq!(stored(root.path(), "a.json").unwrap(), b"first");
    }
}

#[tokio::test]
async fn what_can_not_be_written_says_why() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let wrong = Client::new(
        ClientOptions::default()
            .with_store_option("aws_endpoint", server.endpoint())
            .with_store_option("aws_allow_http", "true")
            .with_store_option("aws_access_key_id", "id")
            .with_store_option("aws_secret_access_key", "s3cr3t-other"),
    );
    let error = write(&wrong, "s3://sets/a.json", b"a").await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert!(
        error.to_string().starts_with("s3://sets/a.json: "),
        "{error}"
    );
    assert!(!error.to_string().contains("s3cr3t"), "{error}");
    for (url, part) in [
        (
            "https://h/a.json?sig=s3cr3t",
            "nothing is written over http or https",
        ),
        ("/a.json", "a local path"),
        ("s3://sets", "no key"),
        ("s3://sets/a/../b", "not a key that can be written"),
    ] {
        let error = client(&server).upload(url).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("s3cr3t"), "{error}");
    }
}

/// The machine's metadata service is asked for credentials only where that is permitted, for writing
/// as for reading.
#[tokio::test]
async fn the_metadata_service_is_not_asked_unless_told_to() {
    for url in ["gs://bucket/a.json", "az://bucket/a.json"] {
        let options = ClientOptions::default()
            .with_retries(0)
            .with_store_option("azure_storage_account_name", "account");
        let client = Client::new(options);
        let error = write(&client, url, b"a").await.unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("{url}: ")),
            "{error}"
        );
        assert!(
            error.to_string().contains("--instance-credentials"),
            "{error}"
        );
        assert_eq!(client.log().snapshot().requests, 0);
    }
}
