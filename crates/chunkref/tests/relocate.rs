//! Sources that moved or were uploaded anew, before a server of S3.

use std::path::{Path, PathBuf};

use chunkref::manifest::{Location, Manifest, Pin};
use chunkref::relocate::{PlacesError, check, relocate};
use chunkref::{Client, ClientOptions, ScanOptions, repin, scan};
use chunkref_testkit::{S3Server, S3ServerBuilder};

fn content() -> Vec<u8> {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "../../fixtures/granules/mur_like_20200601.nc",
    ]
    .iter()
    .collect();
    std::fs::read(path).unwrap()
}

fn server(root: &Path) -> S3ServerBuilder {
    S3Server::builder(root)
        .object("old", "a.nc", content())
        .object("new", "data/a.nc", content())
        .keys("id", "secret")
}

fn client(server: &S3Server) -> Client {
    Client::new(
        ClientOptions::default()
            .with_store_option("aws_endpoint", server.endpoint())
            .with_store_option("aws_allow_http", "true")
            .with_store_option("aws_access_key_id", "id")
            .with_store_option("aws_secret_access_key", "secret"),
    )
}

async fn scanned(client: &Client) -> Manifest {
    let options = ScanOptions::default().with_inline_threshold(0);
    let scanned = scan(client, "s3://old/a.nc", &options).await.unwrap();
    scanned.manifest
}

fn only(manifest: &Manifest) -> &Location {
    manifest.locations.iter().next().unwrap().1
}

fn misfits(error: PlacesError) -> Vec<(String, String)> {
    match error {
        PlacesError::Misfits { misfits, .. } => {
            let pairs = misfits.into_iter();
            pairs.map(|one| (one.url, one.reason)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_copy_keeps_its_size_and_perhaps_its_etag() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    let mut manifest = scanned(&client).await;
    let before = only(&manifest).pin.clone();
    assert!(before.etag.is_some());
    // To where it is.
    let stayed = relocate(&mut manifest, "s3://old", "s3://old/").unwrap();
    assert_eq!((stayed.moved.len(), &only(&manifest).pin), (1, &before));
    let relocated = relocate(&mut manifest, "s3://old", "s3://new/data").unwrap();
    assert_eq!(only(&manifest).url, "s3://new/data/a.nc");
    assert_eq!(only(&manifest).pin.size, before.size);
    assert_eq!(only(&manifest).pin.etag, None);
    server.reset();
    let checked = check(&client, &mut manifest, &relocated.moved, None)
        .await
        .unwrap();
    assert_eq!(
        (checked.opened, checked.same_etag, checked.other_etag),
        (1, 1, 0)
    );
    assert_eq!(only(&manifest).pin.etag, before.etag);
    let log = server.log();
    assert_eq!(log.len(), 1, "one request for one byte: {log:?}");
    assert_eq!(
        (log[0].range.as_deref(), log[0].bytes),
        (Some("bytes=0-0"), 1)
    );
}

#[tokio::test]
async fn an_upload_of_the_same_bytes_is_pinned_anew() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path()).start().await;
    let client = client(&server);
    let mut manifest = scanned(&client).await;
    let mut pin = only(&manifest).pin.clone();
    let (right, id) = (pin.clone(), manifest.locations.iter().next().unwrap().0);
    pin.etag = Some("\"of an upload in parts\"".to_owned());
    manifest
        .locations
        .describe(id, pin.clone(), vec!["https://h/a.nc".to_owned()]);
    let checked = repin(&client, &mut manifest).await.unwrap();
    assert_eq!((checked.same_etag, checked.other_etag), (0, 1));
    assert_eq!(only(&manifest).pin, right);
    assert_eq!(only(&manifest).alternates, ["https://h/a.nc"]);
    // Another size is another file, whatever else fits.
    let size = right.size.unwrap();
    pin.size = Some(size + 1);
    manifest.locations.describe(id, pin.clone(), Vec::new());
    let error = repin(&client, &mut manifest).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "1 of 1 sources that were opened do not fit: s3://old/a.nc: has {size} bytes, expected \
             the {} that are pinned",
            size + 1
        )
    );
    assert_eq!(only(&manifest).pin, pin);
}

/// Sets of others have no pins: then the references themselves must fit.
#[tokio::test]
async fn without_pins_the_last_reference_must_lie_within() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .object("new", "short/a.nc", content()[..2000].to_vec())
        .start()
        .await;
    let client = client(&server);
    let mut manifest = scanned(&client).await;
    let id = manifest.locations.iter().next().unwrap().0;
    manifest.locations.describe(id, Pin::default(), Vec::new());
    let mut short = manifest.clone();
    let relocated = relocate(&mut manifest, "s3://old", "s3://new/data").unwrap();
    check(&client, &mut manifest, &relocated.moved, None)
        .await
        .unwrap();
    let size = u64::try_from(content().len()).unwrap();
    assert_eq!(only(&manifest).pin.size, Some(size));
    let relocated = relocate(&mut short, "s3://old", "s3://new/short").unwrap();
    let error = check(&client, &mut short, &relocated.moved, None)
        .await
        .unwrap_err();
    let [(url, reason)] = &misfits(error)[..] else {
        panic!("one")
    };
    assert_eq!(url, "s3://new/short/a.nc");
    assert!(
        reason.starts_with("has 2000 bytes, and references reach to "),
        "{reason}"
    );
    assert_eq!(only(&short).pin, Pin::default());
}

#[tokio::test]
async fn a_sample_is_spread_and_many_misfits_end_it() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path())
        .object("many", "0.nc", "0")
        .object("many", "25.nc", "25")
        .start()
        .await;
    let client = client(&server);
    let mut manifest = Manifest::default();
    for number in 0..50 {
        let location = Location::new(format!("s3://gone/{number}.nc"));
        manifest.locations.intern(location).unwrap();
    }
    let relocated = relocate(&mut manifest, "s3://gone", "s3://many").unwrap();
    assert_eq!(relocated.moved.len(), 50);
    let checked = check(&client, &mut manifest, &relocated.moved, Some(2))
        .await
        .unwrap();
    assert_eq!((checked.opened, checked.of), (2, 50));
    let pinned: Vec<_> = manifest
        .locations
        .iter()
        .filter(|(_, one)| one.pin.size.is_some())
        .collect();
    assert_eq!(pinned.len(), 2);
    let before = manifest.clone();
    let error = check(&client, &mut manifest, &relocated.moved, None)
        .await
        .unwrap_err();
    let misfits = misfits(error);
    assert_eq!(misfits.len(), 20);
    assert!(
        misfits.iter().all(|(_, reason)| reason == "not found"),
        "{misfits:?}"
    );
    assert!(manifest == before);
    let none = check(&client, &mut manifest, &[], Some(5)).await.unwrap();
    assert_eq!((none.opened, none.of), (0, 0));
}
