//! Buckets of a server of S3 that checks signatures.
//!
//! Nothing here may reach a real service: every client is given an endpoint.

use chunkref_io::{Client, ClientOptions, Credentials, Error, Result};
use chunkref_testkit::{S3Server, S3ServerBuilder, content};

const SECRET: &str = "s3cr3t-key";
const TOKEN: &str = "s3cr3t-token";

fn server(folder: &tempfile::TempDir) -> S3ServerBuilder {
    S3Server::builder(folder.path()).object("granules", "2020/a b+1.h5", content(100_000))
}

fn options(server: &S3Server) -> ClientOptions {
    ClientOptions::default()
        .with_keep_records(true)
        .with_head_read(100)
        .with_store_option("aws_endpoint", server.endpoint())
}

fn with_keys(options: ClientOptions, secret: &str) -> ClientOptions {
    options
        .with_store_option("aws_allow_http", "true")
        .with_store_option("aws_access_key_id", "id")
        .with_store_option("aws_secret_access_key", secret)
}

/// Reads a granule; neither the outcome nor what the client shows of itself gives a secret away.
async fn read(options: ClientOptions, key: &str) -> Result<()> {
    let client = Client::new(options);
    let object = client.open(&format!("s3://granules/{key}")).await;
    let shown = format!("{client:?} {object:?} {:?}", client.log().entries());
    assert!(!shown.contains("s3cr3t"), "{shown}");
    let object = object?;
    let read = object.read(&[0..50, 70_000..70_050]).await;
    let shown = format!(
        "{client:?} {object:?} {read:?} {:?}",
        client.log().entries()
    );
    assert!(!shown.contains("s3cr3t"), "{shown}");
    if let Err(error) = &read {
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
    let read = read?;
    assert_eq!(read[0], content(100_000)[0..50]);
    assert_eq!(read[1], content(100_000)[70_000..70_050]);
    let pin = object.pin();
    assert_eq!(pin.size, Some(100_000));
    assert!(pin.etag.is_some() && pin.last_modified.is_some());
    Ok(())
}

#[tokio::test]
async fn keys_sign_and_wrong_ones_are_denied() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).keys("id", SECRET).start().await;
    read(with_keys(options(&server), SECRET), "2020/a b+1.h5")
        .await
        .unwrap();
    let log = server.log();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(
        log.iter()
            .all(|one| one.status == 206 && one.method == "GET")
    );
    assert_eq!(log[0].signed_for.as_deref(), Some("us-east-1"));
    let error = read(with_keys(options(&server), "s3cr3t-other"), "2020/a b+1.h5")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert!(
        error.to_string().contains("SignatureDoesNotMatch"),
        "{error}"
    );
    let error = read(with_keys(options(&server), SECRET), "none.h5").await;
    assert!(matches!(error, Err(Error::NotFound { .. })), "{error:?}");
}

#[tokio::test]
async fn public_buckets_are_read_without_signing() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).keys("id", SECRET).anonymous().start().await;
    read(
        options(&server).with_credentials(Credentials::Anonymous),
        "2020/a b+1.h5",
    )
    .await
    .unwrap();
    assert!(server.log().iter().all(|one| one.signed_for.is_none()));
    // Anonymous is anonymous, whatever keys there are.
    server.reset();
    let both = with_keys(options(&server), SECRET).with_credentials(Credentials::Anonymous);
    read(both, "2020/a b+1.h5").await.unwrap();
    assert!(server.log().iter().all(|one| one.signed_for.is_none()));
}

#[tokio::test]
async fn a_bucket_that_is_not_public_denies() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).keys("id", SECRET).start().await;
    let error = read(
        options(&server).with_credentials(Credentials::Anonymous),
        "2020/a b+1.h5",
    )
    .await
    .unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert!(error.to_string().contains("AccessDenied"), "{error}");
}

#[tokio::test]
async fn session_tokens_travel_along() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder)
        .keys("id", SECRET)
        .token(TOKEN)
        .start()
        .await;
    let keys = with_keys(options(&server), SECRET);
    let with_token = keys.clone().with_store_option("aws_session_token", TOKEN);
    read(with_token, "2020/a b+1.h5").await.unwrap();
    let error = read(keys, "2020/a b+1.h5").await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert!(error.to_string().contains("InvalidToken"), "{error}");
}

#[tokio::test]
async fn a_bucket_in_another_region_is_asked_there() {
    for status in [301, 400] {
        let folder = tempfile::tempdir().unwrap();
        let server = server(&folder)
            .object("granules", "b.h5", content(100_000))
            .keys("id", SECRET)
            .region("eu-central-1", status)
            .start()
            .await;
        let client = Client::new(with_keys(options(&server), SECRET));
        for key in ["2020/a b+1.h5", "b.h5"] {
            let object = client.open(&format!("s3://granules/{key}")).await.unwrap();
            let read = object.read(&[0..50, 70_000..70_050]).await.unwrap();
            assert_eq!(read[1], content(100_000)[70_000..70_050]);
        }
        // Found out with the first object, and kept for all of the bucket.
        let wrong = server
            .log()
            .iter()
            .filter(|one| one.status == status)
            .count();
        assert!((1..=2).contains(&wrong), "{:?}", server.log());
        let last = server.log().pop().unwrap();
        assert_eq!(last.signed_for.as_deref(), Some("eu-central-1"));
        server.reset();
        let object = client.open("s3://granules/b.h5").await.unwrap();
        object.size().await.unwrap();
        assert_eq!(server.log().len(), 1);
    }
}

#[tokio::test]
async fn a_region_that_would_make_another_host_is_refused() {
    let of = |region: &str| {
        ClientOptions::default()
            .with_keep_records(true)
            .with_credentials(Credentials::Anonymous)
            .with_store_option("aws_region", region)
    };
    for region in [
        "",
        "evil.example/",
        "x@evil.example",
        "us-west-2.evil.example#",
    ] {
        let client = Client::new(of(region));
        let error = match client.open("s3://granules/a.h5").await {
            Ok(object) => object.size().await.unwrap_err(),
            Err(error) => error,
        };
        let expected = format!(
            "s3://granules/a.h5: region {region:?} (AWS_REGION): expected the name of a region: letters, digits, \
             - and _, such as us-west-2"
        );
        assert_eq!(error.to_string(), expected);
        assert!(client.log().entries().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_sends_everyone_elsewhere_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    for (name, reason) in [("Evil.example/", "status 400"), ("eu-x-1", "AWS_REGION")] {
        let server = server(&folder)
            .keys("id", SECRET)
            .region(name, 400)
            .start()
            .await;
        let options = with_keys(options(&server), "s3cr3t-other");
        let error = read(options, "2020/a b+1.h5").await.unwrap_err();
        // The name is a region's or it is not used.
        if name.contains('/') {
            assert!(error.to_string().contains(reason), "{error}");
            assert!(server.log().iter().all(|one| one.status == 400));
        } else {
            assert!(matches!(error, Error::Denied { .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn requester_pays_is_said_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder)
        .keys("id", SECRET)
        .requester_pays()
        .start()
        .await;
    let keys = with_keys(options(&server), SECRET);
    let error = read(keys.clone(), "2020/a b+1.h5").await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    read(keys.with_requester_pays(true), "2020/a b+1.h5")
        .await
        .unwrap();
}

#[tokio::test]
async fn no_credentials_are_an_error_that_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).start().await;
    let error = read(options(&server), "2020/a b+1.h5").await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    for part in [
        "s3://granules/2020/a b+1.h5: no credentials",
        "AWS_ACCESS_KEY_ID",
        "anonymous",
        "--instance-credentials",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(server.log().is_empty());
}

/// The stores of others fall back to the machine's metadata service as well: it is not asked.
#[tokio::test]
async fn the_metadata_service_is_not_asked_unless_told_to() {
    for url in ["gs://bucket/a.h5", "az://bucket/a.h5"] {
        let options = ClientOptions::default()
            .with_retries(0)
            .with_keep_records(true)
            .with_store_option("azure_storage_account_name", "account");
        let client = Client::new(options);
        let object = client.open(url).await.unwrap();
        let error = object.size().await.unwrap_err();
        assert!(
            error.to_string().contains("--instance-credentials"),
            "{error}"
        );
        assert_eq!(client.log().snapshot().requests, 0);
    }
}

/// Where it may be asked, a machine's credentials are found: here from a service of our own.
#[tokio::test]
async fn a_metadata_service_that_is_named_is_asked() {
    let metadata = chunkref_testkit::RangeServer::builder().start().await;
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder).keys("id", SECRET).start().await;
    let options = options(&server)
        .with_store_option("aws_allow_http", "true")
        .with_store_option("aws_metadata_endpoint", metadata.url());
    let error = read(options, "2020/a b+1.h5").await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    assert!(metadata.requests() > 0);
    assert!(server.log().is_empty());
}
