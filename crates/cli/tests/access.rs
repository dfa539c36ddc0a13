//! The command on sets whose sources lie in a bucket and on a web server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chunkref::manifest::Location;
use chunkref::{Client, GranuleFile, ScanOptions, scan, write};
use chunkref_testkit::{RangeServer, S3Server};

const SECRET: &str = "s3cr3t-key";
const DAY: &str = "mur_like_20200601.nc";

fn granule(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    std::fs::read(path).unwrap()
}

/// Reads an array of the set with this environment and nothing else of AWS in it.
fn read(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkref"));
    command
        .args([
            "read",
            "set.json",
            "analysed_sst",
            "-o",
            "out.npy",
            "--stats",
        ])
        .args(arguments)
        .current_dir(folder);
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    let run = command.envs(environment.iter().copied()).output().unwrap();
    let told = String::from_utf8(run.stderr.clone()).unwrap();
    assert!(!told.contains("s3cr3t"), "{told}");
    (run, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_read_where_they_are_in_reach() {
    let (root, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bucket = S3Server::builder(root.path())
        .object("granules", DAY, granule(DAY))
        .keys("id", SECRET)
        .start()
        .await;
    let web = RangeServer::builder().root(root.path()).start().await;
    let url = web.url_of(&format!("granules/{DAY}"));
    let scanned = scan(&Client::default(), &url, &ScanOptions::default()).await;
    let mut manifest = scanned.unwrap().manifest;
    let location = Location::new(&url).with_alternates([format!("s3://granules/{DAY}")]);
    GranuleFile::of_location(location, Vec::new()).describe(&mut manifest);
    write(&manifest, folder.path().join("set.json")).unwrap();

    let endpoint = bucket.endpoint();
    let keys = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ENDPOINT", &endpoint),
    ];
    let out = folder.path().join("out.npy");
    let mut all = Vec::new();
    let egress = "over https 0 (egress)";
    let direct = "bytes from buckets 0 ";
    for (arguments, environment, none) in [
        (&[][..], &keys[..], egress),
        (&[], &[], direct),
        (&["--access", "direct"], &keys, egress),
        (&["--access", "external"], &keys, direct),
    ] {
        let (run, told) = read(folder.path(), arguments, environment);
        assert_eq!(run.status.code(), Some(0), "{arguments:?}: {told}");
        assert!(told.contains(none), "{arguments:?}: {told}");
        assert!(!told.contains("note:"), "{told}");
        all.push(std::fs::read(&out).unwrap());
        std::fs::remove_file(&out).unwrap();
    }
    assert!(all.iter().all(|one| *one == all[0]));

    bucket.set_denied(true);
    let (run, told) = read(folder.path(), &[], &keys);
    assert_eq!(run.status.code(), Some(0), "{told}");
    let notes = told.lines().filter(|line| line.starts_with("note: "));
    assert_eq!(notes.count(), 1, "{told}");
    let (run, told) = read(folder.path(), &["--access", "direct"], &keys);
    assert_eq!(run.status.code(), Some(1), "{told}");
    assert!(told.contains("AccessDenied"), "{told}");
    let (run, told) = read(folder.path(), &["--access", "both"], &keys);
    assert_eq!(run.status.code(), Some(2), "{told}");
}
