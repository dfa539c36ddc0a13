//! `chunkref search` as a user runs it, against a server of CMR.

use std::process::{Command, Output};

use chunkref_testkit::{CmrCollection, CmrFault, CmrServer};
use serde_json::Value;

const MUR: &str = "MUR-JPL-L4-GLOB-v4.1";

fn server() -> CmrServer {
    let mut mur = CmrCollection::daily(2000, MUR, "2013-01-01", 21, 3652);
    mur.virtual_stores = vec![
        "https://data.example.org/mur/mur.json".to_owned(),
        "s3://test-public/mur/mur.icechunk/".to_owned(),
    ];
    let mut mixed = CmrCollection::daily(10, "MIXED", "2000-01-01", 24, 5);
    mixed.granules[0].files = vec!["a.hdf".to_owned()];
    mixed.granules[1].files = vec!["b.hdf".to_owned()];
    mixed.granules[2].files = vec!["c.cdf".to_owned()];
    mixed.granules[3].files = Vec::new();
    let mut several = CmrCollection::daily(20, "SEVERAL", "2000-01-01", 24, 2);
    several.granules[0].files = vec!["a.nc".to_owned(), "b.nc".to_owned()];
    CmrServer::builder()
        .collection(mur)
        .collection(mixed)
        .collection(several)
        .start()
}

fn search(server: &CmrServer, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .args(["search", "--retries", "0"])
        .args(arguments)
        .env("CHUNKREF_CMR_URL", server.url())
        .output()
        .unwrap()
}

/// What a search that ends well prints: results, and what it says beside them.
fn found(server: &CmrServer, arguments: &[&str]) -> (String, String) {
    let output = search(server, arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
    (out, err)
}

/// The one line of an error.
fn refused(server: &CmrServer, arguments: &[&str], code: i32) -> String {
    let output = search(server, arguments);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {output:?}"
    );
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_season_of_ten_years() {
    let server = server();
    let season = [
        "--short-name",
        MUR,
        "--season",
        "12-24,12-25",
        "--years",
        "2013:2022",
    ];
    let (out, err) = found(&server, &season);
    let rows: Vec<_> = out.lines().collect();
    assert_eq!(rows.len(), 21, "{out}");
    assert!(rows[0].starts_with("granule "), "{out}");
    let row: Vec<_> = rows[1].split_whitespace().collect();
    assert_eq!(
        row,
        [
            "20131224-MUR-JPL-L4-GLOB-v4.1",
            "2013-12-23T21:00:00Z",
            "2013-12-24T21:00:00Z",
            "1.6",
            "20131224-MUR-JPL-L4-GLOB-v4.1.nc",
        ]
    );
    assert!(err.contains("10 granules of which less than half"), "{err}");
    let with = |more: &[&str]| found(&server, &[&season[..], more].concat());
    assert_eq!(with(&["--count"]).0, "20\n");
    assert_eq!(with(&["--count", "--touching"]).0, "30\n");
    let (links, _) = with(&["--links", "s3", "--limit", "2"]);
    let path = format!("test-protected/{MUR}/20131224-{MUR}.nc");
    let links: Vec<_> = links.lines().collect();
    assert_eq!(
        (links.len(), links[0]),
        (2, format!("s3://{path}").as_str())
    );
    let (links, _) = with(&["--links", "https"]);
    assert!(
        links.starts_with(&format!("https://data.example.org/{path}\n")),
        "{links}"
    );
    let (links, _) = with(&["--links", "opendap"]);
    assert_eq!(links.lines().count(), 20);
    let (_, err) = with(&["--stats"]);
    assert!(err.contains("requests 2, bytes"), "{err}");
}

#[test]
fn all_that_is_known_as_json() {
    let server = server();
    let day = [
        "--short-name",
        MUR,
        "--temporal",
        "2013-06-01T09:00,2013-06-01T10:00",
    ];
    let (out, _) = found(
        &server,
        &[&day[..], &["--json", "--bbox=-95,40,-73,49"]].concat(),
    );
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["hits"], 1);
    assert_eq!(
        json["collections"][0]["s3_credentials"],
        "https://data.example.org/s3credentials"
    );
    let granule = &json["granules"][0];
    assert_eq!(granule["native_id"], format!("20130601-{MUR}"));
    assert_eq!(granule["temporal"][0], "2013-05-31T21:00:00Z");
    assert_eq!(granule["spatial"][0]["box"][3], 90.0);
    assert_eq!(granule["files"][0]["size"], 1_572_864);
    assert_eq!(granule["files"][0]["format"], "netCDF-4");
    assert_eq!(granule["links"].as_array().unwrap().len(), 7);
    assert!(
        json["query"]
            .as_str()
            .unwrap()
            .contains("bounding_box[]=-95,40,-73,49")
    );
}

#[test]
fn virtual_stores_and_collections() {
    let server = server();
    let (out, _) = found(&server, &["--short-name", MUR, "--virtual"]);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines[0].starts_with("https://data.example.org/mur/mur.json  Kerchunk JSON  "));
    assert!(
        lines[1].contains("Icechunk, which chunkref does not open"),
        "{out}"
    );
    let error = refused(&server, &["--short-name", "MIXED", "--virtual"], 1);
    assert!(
        error.contains("none of 1 collections advertises"),
        "{error}"
    );
    let (out, _) = found(&server, &["--collections", "--provider", "TESTCLOUD"]);
    assert_eq!(out.lines().count(), 3, "{out}");
    assert!(
        out.contains("MIXED version 1 of TESTCLOUD (C10-TESTCLOUD): "),
        "{out}"
    );
}

#[test]
fn what_is_no_hdf5_is_named_and_counted() {
    let server = server();
    let (out, err) = found(&server, &["--short-name", "MIXED"]);
    assert_eq!(out.matches("(HDF4)").count(), 2, "{out}");
    assert_eq!(out.matches("(netCDF-3)").count(), 1, "{out}");
    assert_eq!(out.matches("(no link to data)").count(), 1, "{out}");
    assert!(err.contains("its data are HDF4 (a.hdf)"), "{err}");
    assert!(err.contains("(and 1 more granules like it)"), "{err}");
    let (out, err) = found(&server, &["--short-name", "MIXED", "--links", "s3"]);
    assert_eq!(out.lines().count(), 1, "{out}");
    assert_eq!(err.lines().count(), 3, "{err}");
    let (out, _) = found(
        &server,
        &["--short-name", "MIXED", "--links", "s3", "--files", "*.hdf"],
    );
    assert_eq!(out.lines().count(), 2, "{out}");
}

#[test]
fn several_files_want_a_choice() {
    let server = server();
    let several = ["--short-name", "SEVERAL"];
    let (out, err) = found(&server, &several);
    assert!(
        out.contains("(2 files)") && err.contains("--files"),
        "{out}{err}"
    );
    let links = |more: &[&'static str]| [&several[..], &["--links", "https"], more].concat();
    let error = refused(&server, &links(&[]), 1);
    assert!(error.contains("2 data files (a.nc, b.nc)"), "{error}");
    assert_eq!(
        found(&server, &links(&["--all-files"])).0.lines().count(),
        3
    );
    assert_eq!(
        found(&server, &links(&["--files", "a*"])).0.lines().count(),
        1
    );
}

#[test]
fn sizes_may_be_anything() {
    let server = server();
    server.change(|all| all[2].granules[0].size = u64::MAX);
    let (out, _) = found(&server, &["--short-name", "SEVERAL", "--all-files"]);
    assert!(out.contains("a.nc, b.nc"), "{out}");
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let server = server();
    for (arguments, code, words) in [
        (
            &["--short-name", "MUR"][..],
            1,
            "did you mean MUR-JPL-L4-GLOB-v4.1 version 1",
        ),
        (
            &["--short-name", MUR, "--temporal", "1999"],
            1,
            "has data from 2012-12-31T21:00:00Z on",
        ),
        (
            &["--concept-id", "C1-NONE"],
            1,
            "no granule fits: check the concept id",
        ),
        (&["--doi", "10.1/2"], 1, "no collection has the DOI 10.1/2"),
        (
            &["--short-name", MUR, "--sort-key", "size"],
            1,
            "sort key [size] is not a valid field",
        ),
        (
            &[],
            2,
            "expected a short name, a DOI, a concept id or a provider",
        ),
        (&["--short-name", MUR, "--files", "["], 2, "not a glob"),
    ] {
        let error = refused(&server, arguments, code);
        assert!(error.contains(words), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert_eq!(
        found(
            &server,
            &["--short-name", MUR, "--temporal", "1999", "--count"]
        )
        .0,
        "0\n"
    );
    // Told by the parser of the command line, with the option.
    for (arguments, words) in [
        (["--temporal", "soon"], "expected a date"),
        (["--bbox", "1,2,3"], "WEST,SOUTH,EAST,NORTH"),
        (["--season", "12-24,12-25"], "--years"),
        (["--system", "ops"], "expected prod or uat"),
        (["--links", "ftp"], "possible values"),
    ] {
        let error = refused(&server, &arguments, 2);
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
    server.set_faults(vec![CmrFault::always(503, "")]);
    let error = refused(&server, &["--short-name", MUR], 1);
    assert!(error.contains("not available (status 503)"), "{error}");
    let nowhere = Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .args(["search", "--short-name", MUR, "--retries", "0"])
        .args(["--cmr-url", "http://cmr.invalid/search"])
        .output()
        .unwrap();
    let error = String::from_utf8(nowhere.stderr).unwrap();
    assert!(error.contains("check the network"), "{error}");
    assert_eq!((nowhere.status.code(), error.lines().count()), (Some(1), 1));
}

#[test]
fn help_reads_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .args(["search", "--help"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "Examples:",
        "Exit codes:",
        "--bounding-box <WEST,SOUTH,EAST,NORTH>",
        "[alias: --bbox]",
        "--season <MM-DD,MM-DD>",
        "--version <VERSION>",
        "Of which collection:",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
