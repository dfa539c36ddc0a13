//! The command before servers of S3 and HTTPS, with its credentials in the environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chunkref_testkit::{RangeServer, S3Server};

const SECRET: &str = "s3cr3t-key";
const TOKEN: &str = "s3cr3t-token";
const DAY: &str = "mur_like_20200601.nc";

fn granule(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    std::fs::read(path).unwrap()
}

/// Runs the command with this environment and nothing else of AWS in it, and looks for secrets in
/// all that it wrote.
fn chunkref(arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkref"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("SSL_") {
            command.env_remove(name);
        }
    }
    let run = command.envs(environment.iter().copied()).output().unwrap();
    let mut written = vec![run.stdout.clone(), run.stderr.clone()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            written.push(std::fs::read(path).unwrap());
        }
    }
    for bytes in written {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    run
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn keys(secret: &str) -> Vec<(&str, &str)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_ALLOW_HTTP", "true"),
    ]
}

#[test]
fn buckets_are_read_with_what_the_environment_holds() {
    let (root, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = S3Server::builder(root.path())
        .object("granules", DAY, granule(DAY))
        .keys("id", SECRET)
        .token(TOKEN)
        .region("eu-central-1", 301)
        .requester_pays()
        .start_blocking();
    let (url, endpoint) = (format!("s3://granules/{DAY}"), server.endpoint());
    let scan = [
        "scan", &url, "-o", "o.json", "--stats", "--report", "r.json",
    ];
    let flags = ["--endpoint", &endpoint, "--requester-pays"];
    let all = [&scan[..], &flags].concat();
    let with_token = [keys(SECRET), vec![("AWS_SESSION_TOKEN", TOKEN)]].concat();
    let run = chunkref(&all, &with_token, folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let json = std::fs::read_to_string(folder.path().join("o.json")).unwrap();
    assert!(json.contains(&url) && !json.contains(&endpoint));
    // The endpoint from the environment, and the region said beforehand.
    server.reset();
    let inspect = [
        "inspect",
        &url,
        "--requester-pays",
        "--region",
        "eu-central-1",
    ];
    let environment = [with_token.clone(), vec![("AWS_ENDPOINT", &endpoint)]].concat();
    let run = chunkref(&inspect, &environment, folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(server.log().iter().all(|one| one.status == 206));
    // Through the references, one array.
    let read = ["read", "o.json", "lat", "-o", "lat.npy"];
    let run = chunkref(&[&read[..], &flags].concat(), &with_token, folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    // What is not right is denied.
    for (arguments, environment, code) in [
        (&all, keys(SECRET), "InvalidToken"),
        (
            &all,
            [keys("s3cr3t-other"), vec![("AWS_SESSION_TOKEN", TOKEN)]].concat(),
            "SignatureDoesNotMatch",
        ),
        (
            &[&scan[..], &["--endpoint", &endpoint]].concat(),
            with_token.clone(),
            "AccessDenied",
        ),
    ] {
        let run = chunkref(arguments, &environment, folder.path());
        assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
        assert!(stderr(&run).contains(code), "{}", stderr(&run));
        assert!(stderr(&run).contains(&url), "{}", stderr(&run));
    }
}

#[test]
fn public_buckets_need_a_switch_and_no_credentials() {
    let (root, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = S3Server::builder(root.path())
        .object("granules", DAY, granule(DAY))
        .keys("id", SECRET)
        .anonymous()
        .start_blocking();
    let (url, endpoint) = (format!("s3://granules/{DAY}"), server.endpoint());
    let scan = ["scan", &url, "-o", "o.json", "--endpoint", &endpoint];
    let run = chunkref(&scan, &[], folder.path());
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    for part in [&url, "no credentials", "AWS_ACCESS_KEY_ID", "--anonymous"] {
        assert!(stderr(&run).contains(part), "{}", stderr(&run));
    }
    assert!(server.log().is_empty());
    let run = chunkref(
        &[&scan[..], &["--anonymous"]].concat(),
        &keys("s3cr3t-unused"),
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(server.log().iter().all(|one| one.signed_for.is_none()));
}

#[test]
fn certificates_are_added_or_put_in_place_of_the_systems() {
    let folder = tempfile::tempdir().unwrap();
    let server = RangeServer::builder()
        .object(DAY, granule(DAY))
        .tls(true)
        .start_blocking();
    let bundle = folder.path().join("bundle.pem");
    std::fs::write(&bundle, server.certificate().unwrap()).unwrap();
    let (url, bundle) = (server.url_of(DAY), bundle.to_str().unwrap());
    let scan = ["scan", &url, "-o", "o.json", "--retries", "0"];
    let run = chunkref(&scan, &[], folder.path());
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    assert!(stderr(&run).contains("certificate"), "{}", stderr(&run));
    let added = [&scan[..], &["--ca-bundle", bundle]].concat();
    let run = chunkref(&added, &[], folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(server.log().iter().all(|one| one.http2));
    server.reset();
    let http1 = [&scan[..], &["--http1"]].concat();
    let run = chunkref(&http1, &[("SSL_CERT_FILE", bundle)], folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(server.log().iter().all(|one| !one.http2));
}

#[test]
fn what_was_read_is_read_from_the_cache_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = RangeServer::builder()
        .object(DAY, granule(DAY))
        .start_blocking();
    let scan = ["scan", &server.url_of(DAY), "-o", "o.json"];
    let run = chunkref(&scan, &[], folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let read = |out: &str| {
        let read = ["read", "o.json", "analysed_sst", "-o", out, "--stats"];
        let cached = ["--cache", "kept", "--cache-size", "10000000"];
        let run = chunkref(&[&read[..], &cached].concat(), &[], folder.path());
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        (
            std::fs::read(folder.path().join(out)).unwrap(),
            stderr(&run),
        )
    };
    server.reset();
    let (first, said) = read("one.npy");
    assert!(said.contains("on disk 0 ranges, not there "), "{said}");
    assert!(server.requests() > 0);
    server.reset();
    let (second, said) = read("two.npy");
    assert_eq!(first, second);
    assert!(said.contains(", not there 0, bytes written 0"), "{said}");
    assert_eq!(server.requests(), 0);
    let sizeless = ["read", "o.json", "a", "-o", "-", "--cache-size", "1"];
    let run = chunkref(&sizeless, &[], folder.path());
    assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
}
