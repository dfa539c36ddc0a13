//! `chunkref convert`, `relocate`, `repin`, `inspect` of sets: what is printed, where, and how they end.

use crate::setting::{DAY, chunkref, fails, server, set_up, text, well};

#[test]
fn helps_name_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    for (command, parts) in [
        (
            "convert",
            &[
                "--concat-dim",
                "--scheme",
                "--group",
                "--report",
                "--strict",
            ][..],
        ),
        (
            "relocate",
            &["--from", "--to", "--check", "--sample", "s3://a/b fits"],
        ),
        ("repin", &["--output"]),
        ("inspect", &["--sources", "--json", "--plot", "--source"]),
    ] {
        let help = well(&[command, "--help"], folder.path());
        for part in parts.iter().chain(&["Exit codes:", "Connections:"]) {
            assert!(help.contains(part), "{part} is not in\n{help}");
        }
    }
}

#[test]
fn relocations_say_what_they_did() {
    let (folder, root) = set_up();
    let folder = folder.path();
    let direct = chunkref(&["read", "set.json", "analysed_sst", "-o", "-"], folder);
    let to = "s3://granules/2020";
    // Relative paths are taken from the working folder, as everywhere.
    assert_eq!(
        well(
            &[
                "relocate",
                "set.json",
                "--from",
                "data",
                "--to",
                to,
                "-o",
                "far.parquet"
            ],
            folder
        ),
        "1 locations changed, 0 did not\n"
    );
    let sources = well(&["inspect", "far.parquet", "--sources"], folder);
    assert!(
        sources.contains(&format!("\n  0: {to}/{DAY}: ")),
        "{sources}"
    );
    let bucket = tempfile::tempdir().unwrap();
    let server = server(bucket.path()).start_blocking();
    let endpoint = server.endpoint();
    let run = chunkref(
        &[
            "read",
            "far.parquet",
            "analysed_sst",
            "-o",
            "-",
            "--endpoint",
            &endpoint,
        ],
        folder,
    );
    assert!(run.stdout == direct.stdout, "{}", text(&run.stderr));
    // Back, in place, and checked.
    let back = [
        "relocate",
        "far.parquet",
        "--from",
        to,
        "--to",
        "data/",
        "--check",
    ];
    assert_eq!(
        well(&back, folder),
        "1 locations changed, 0 did not\n\
         1 of 1 sources opened, all fit: 0 with the ETag they had, 0 with another\n"
    );
    let none = format!(
        "error: far.parquet: no location lies under {to}: the set has 1, such as {root}/data/{DAY}\n"
    );
    fails(
        &["relocate", "far.parquet", "--from", to, "--to", "x"],
        folder,
        1,
        &none,
    );
}

#[test]
fn sources_that_do_not_fit_stop_a_relocation() {
    let (folder, root) = set_up();
    let folder = folder.path();
    std::fs::create_dir(folder.join("short")).unwrap();
    std::fs::write(folder.join("short").join(DAY), "short").unwrap();
    let before = std::fs::read(folder.join("set.json")).unwrap();
    let run = chunkref(
        &[
            "relocate", "set.json", "--from", "data", "--to", "short", "--check",
        ],
        folder,
    );
    let error = text(&run.stderr);
    assert!(
        error.starts_with(&format!("error: {root}/short/{DAY}: has 5 bytes, ")),
        "{error}"
    );
    assert!(
        error.ends_with(
            "error: set.json: 1 of 1 sources that were opened do not fit; nothing was written\n"
        ),
        "{error}"
    );
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(std::fs::read(folder.join("set.json")).unwrap(), before);
    let absent = format!(
        "error: {root}/nowhere/{DAY}: not found\n\
         error: set.json: 1 of 1 sources that were opened do not fit; nothing was written\n"
    );
    let arguments = [
        "relocate", "set.json", "--from", "data", "--to", "nowhere", "--check",
    ];
    fails(&arguments, folder, 1, &absent);
}

#[test]
fn repin_opens_each_source() {
    let (folder, root) = set_up();
    let folder = folder.path();
    assert_eq!(
        well(&["repin", "set.json", "-o", "out.json"], folder),
        "1 of 1 sources opened, all fit: 0 with the ETag they had, 0 with another\n"
    );
    std::fs::write(folder.join("data").join(DAY), "short").unwrap();
    let run = chunkref(&["repin", "set.json"], folder);
    let error = text(&run.stderr);
    assert!(
        error.starts_with(&format!("error: {root}/data/{DAY}: has 5 bytes, ")),
        "{error}"
    );
    assert_eq!(run.status.code(), Some(1));
}

#[test]
fn mistakes_in_the_command_are_one_clear_line() {
    let (folder, _) = set_up();
    let folder = folder.path();
    let from_to = ["--from", "a", "--to", "b"];
    for (arguments, expected) in [
        (
            &["convert", "a.nc", "-o", "b.json"][..],
            "a.nc: expected a reference set (.json, .parquet); `chunkref scan` makes one of a file",
        ),
        (
            &["convert", "set.json", "-o", "b.txt"],
            "b.txt: unknown kind of output, expected a name that ends in .json, .json.gz, .json.zst, .parquet or .parq",
        ),
        (
            &["convert", "set.json", "-o", "https://h/b.json?sig=s3cr3t"],
            "https://h/b.json: nothing is written over https: expected a path, or a URL of file, s3, gs or az",
        ),
        (
            &["convert", "set.json", "set.json", "-o", "b.json"],
            "several sets and one output: expected --concat-dim",
        ),
        (
            &[
                "relocate",
                "https://h/a.json",
                from_to[0],
                from_to[1],
                from_to[2],
                from_to[3],
            ],
            "https://h/a.json: nothing is written over https: expected a path, or a URL of file, s3, gs or az",
        ),
        (
            &[
                "relocate",
                "set.json",
                "--from",
                "https://h/a?x=1",
                "--to",
                "b",
            ],
            "\"https://h/a\": not a prefix of URLs or paths: expected one without a query, such as s3://bucket/folder",
        ),
        (
            &["repin", "a.nc"],
            "a.nc: expected a reference set (.json, .parquet)",
        ),
        (
            &["scan", "a.nc", "-o", "http://h/a.json"],
            "http://h/a.json: nothing is written over http: expected a path, or a URL of file, s3, gs or az",
        ),
    ] {
        fails(arguments, folder, 2, &format!("error: {expected}\n"));
    }
    for (arguments, expected) in [
        (
            &["convert", "set.json", "-o", "b.json", "--group", "g"][..],
            "no group g",
        ),
        (
            &["convert", "set.json", "-o", "b.json", "--scheme", "s3"],
            "no s3 URL of it is known (1 of 1 locations lack one)",
        ),
        (
            &["inspect", "set.json", "--plot", "p.svg", "--source", "7"],
            "set.json: source 7: no chunks to draw; --sources lists the 1 sources",
        ),
        (&["convert", "none.json", "-o", "b.json"], "not found"),
    ] {
        let run = chunkref(arguments, folder);
        let error = text(&run.stderr);
        assert!(
            error.starts_with("error: ") && error.ends_with(&format!("{expected}\n")),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
        assert_eq!(run.status.code(), Some(1));
    }
    assert!(!folder.join("b.json").exists());
}

#[test]
fn inspect_tells_what_a_reader_should_know() {
    let (folder, _) = set_up();
    let folder = folder.path();
    let shown = well(
        &["inspect", "set.json", "--sources", "--plot", "p.svg"],
        folder,
    );
    for part in [
        "\nstored:\n  all: 100 %, ",
        "\nchunks by stored size:\n  0 B to 1.0 KiB: ",
        "\nsources:\n  0: ",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let picture = std::fs::read_to_string(folder.join("p.svg")).unwrap();
    for part in [
        "Chunks of mur_like_20200601.nc",
        "analysed_sst",
        "position in the file in MB",
    ] {
        assert!(picture.contains(part), "{part}");
    }
    let json = well(&["inspect", &format!("data/{DAY}"), "--json"], folder);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let sst = &json["arrays"][0];
    assert_eq!(sst["path"], "/analysed_sst");
    assert_eq!(sst["chunk_shape"], serde_json::json!([1, 45, 90]));
    assert_eq!(sst["references"], 16);
    assert_eq!(json["sources"][0]["past_end"], 0);
    assert_eq!(json["warnings"], serde_json::json!([]));
}
