//! Buckets that commands write to: what is there afterwards, and what is said where they refuse.

use std::path::Path;
use std::process::Command;

use chunkref_testkit::{S3Fault, S3Trouble};

use crate::setting::{DAY, chunkref, fails, server, set_up, text, well};

#[test]
fn buckets_are_written_to_by_every_command() {
    let (folder, _) = set_up();
    let folder = folder.path();
    let bucket = tempfile::tempdir().unwrap();
    let server = server(bucket.path()).start_blocking();
    let endpoint = server.endpoint();
    let source = format!("s3://granules/2020/{DAY}");
    let far = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--endpoint", &endpoint]);
        well(&all, folder)
    };
    assert_eq!(far(&["scan", &source, "-o", "s3://sets/a.parquet"]), "");
    assert_eq!(far(&["scan", &source, "-o", "s3://sets/each/"]), "");
    assert_eq!(
        far(&["convert", "s3://sets/a.parquet", "-o", "s3://sets/c.json"]),
        ""
    );
    let from_to = [
        "--from",
        "s3://granules/2020",
        "--to",
        "s3://granules/2020/",
        "--check",
    ];
    let mut relocate = vec!["relocate", "s3://sets/c.json"];
    relocate.extend(from_to);
    let told = far(&relocate);
    assert!(
        told.starts_with("1 locations changed, 0 did not\n1 of 1 sources opened, all fit"),
        "{told}"
    );
    far(&["repin", "s3://sets/a.parquet"]);
    for set in [
        "s3://sets/a.parquet",
        "s3://sets/c.json",
        &format!("s3://sets/each/{DAY}.json"),
    ] {
        let tree = far(&["inspect", set]);
        assert!(tree.contains(" references, 1 source\n"), "{tree}");
    }
    assert!(bucket.path().join("sets/kept").exists());
    let bytes = far(&["read", "s3://sets/c.json", "lat", "-o", "out.npy"]);
    assert_eq!(bytes, "");
}

#[test]
fn a_bucket_that_refuses_is_one_clear_line_and_leaves_nothing() {
    let (folder, _) = set_up();
    let folder = folder.path();
    let bucket = tempfile::tempdir().unwrap();
    let server = server(bucket.path())
        .fault(S3Fault::new("PUT", "a.json", S3Trouble::Status(403)))
        .fault(S3Fault::new("PUT", "refs.0.parq", S3Trouble::Status(400)))
        .start_blocking();
    let endpoint = server.endpoint();
    let write = |out: &str, expected: &str| {
        let arguments = ["convert", "set.json", "-o", out, "--endpoint", &endpoint];
        fails(
            &arguments,
            folder,
            1,
            &format!("error: not written: {expected}\n"),
        );
    };
    write(
        "s3://sets/a.json",
        "s3://sets/a.json: access was denied: status 403 Forbidden (Trouble)",
    );
    let arguments = [
        "convert",
        "set.json",
        "-o",
        "s3://sets/a.parquet",
        "--endpoint",
        &endpoint,
    ];
    let run = chunkref(&arguments, folder);
    let error = text(&run.stderr);
    assert!(
        error.starts_with("error: not written: s3://sets/a.parquet/"),
        "{error}"
    );
    assert!(
        error.ends_with("refs.0.parq: status 400 Bad Request (Trouble) (attempts: 1)\n"),
        "{error}"
    );
    // The server keeps the folder of what was removed.
    let left = std::fs::read_dir(bucket.path().join("sets/a.parquet")).unwrap();
    for entry in left {
        let path = entry.unwrap().path();
        let files = std::fs::read_dir(&path).unwrap().count();
        assert_eq!(files, 0, "{}", path.display());
    }
}

/// Parts of an upload that was begun would stay on the server, to be paid for.
#[cfg(unix)]
#[test]
fn an_interrupted_upload_is_aborted() {
    use std::io::Read as _;
    use std::time::{Duration, Instant};

    let (folder, _) = set_up();
    let bucket = tempfile::tempdir().unwrap();
    // The second part never ends: it is refused for as long as the command is patient.
    let fault = S3Fault::new("PUT", "partNumber=2", S3Trouble::Status(503)).times(u32::MAX);
    let server = server(bucket.path()).fault(fault).start_blocking();
    large_set(&folder.path().join("large.json"));
    let mut run = Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .args(["convert", "large.json", "-o", "s3://sets/large.json"])
        .args(["--endpoint", &server.endpoint(), "--retries", "1000"])
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "s3cr3t-key")
        .env("AWS_ALLOW_HTTP", "true")
        .current_dir(folder.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !server.log().iter().any(|one| one.status == 503) {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "{:?}",
            server.log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let mut error = String::new();
    run.stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert_eq!(error, "error: interrupted\n");
    let aborted = |one: &chunkref_testkit::S3Request| {
        one.method == "DELETE" && one.query.contains("uploadId") && one.status == 204
    };
    assert!(server.log().iter().any(aborted), "{:?}", server.log());
    assert!(!bucket.path().join("sets/large.json").exists());
}

/// A set whose JSON takes more than two parts.
fn large_set(path: &Path) {
    use std::fmt::Write as _;

    const CHUNKS: usize = 300_000;
    let zarray = format!(
        r#"{{\"zarr_format\":2,\"shape\":[{CHUNKS}],\"chunks\":[1],\"dtype\":\"<i4\",\"order\":\"C\",\"compressor\":null,\"filters\":null,\"fill_value\":null}}"#
    );
    let mut text = format!(r#"{{"a/.zarray":"{zarray}""#);
    for number in 0..CHUNKS {
        let url = "s3://a-bucket-with-a-long-name/and/a/folder/in/it/granule.nc";
        write!(text, r#","a/{number}":["{url}",{},4]"#, number * 4).unwrap();
    }
    text.push('}');
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_set_in_a_bucket_that_names_local_files_is_warned_of() {
    let (folder, root) = set_up();
    let bucket = tempfile::tempdir().unwrap();
    let server = server(bucket.path()).start_blocking();
    let endpoint = server.endpoint();
    let arguments = [
        "convert",
        "set.json",
        "-o",
        "s3://sets/a.json",
        "--endpoint",
        &endpoint,
    ];
    let run = chunkref(&arguments, folder.path());
    assert_eq!(run.status.code(), Some(0));
    assert_eq!(
        text(&run.stderr),
        format!(
            "warning: s3://sets/a.json: names 1 files of this machine, such as {root}/data/{DAY}: it \
             is not read from a URL; `chunkref relocate` changes where they lie\n"
        )
    );
}
