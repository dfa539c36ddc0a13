//! `scan`, `inspect` and `read` of files: help, errors, exit codes, outputs.

use std::path::Path;
use std::process::Output;

use crate::run::{chunkref, granule, text};

fn stderr(output: &Output) -> String {
    text(&output.stderr)
}

fn stdout(output: &Output) -> String {
    text(&output.stdout)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn help_names_every_option_and_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let help = chunkref(&["scan", "--help"], folder.path());
    assert_eq!(help.status.code(), Some(0));
    let text = stdout(&help);
    for part in [
        "--output",
        "--group",
        "--variable",
        "--inline-threshold",
        "--concat-dim",
        "--stats",
        "--explain",
        "--report",
        "--strict",
        "Exit codes:",
        "  0  ",
        "  1  ",
        "  2  ",
        "  3  ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_granule_becomes_references_with_absolute_paths() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        granule("mur_like_20200601.nc"),
        folder.path().join("day.nc"),
    )
    .unwrap();
    let run = chunkref(
        &["scan", "day.nc", "-o", "out.json", "--stats"],
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let stats = stderr(&run);
    for word in ["requests ", "bytes ", "waves ", "seconds "] {
        assert!(stats.contains(word), "{stats}");
    }
    let json = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    let absolute = std::path::absolute(folder.path().join("day.nc")).unwrap();
    assert!(json.contains(absolute.to_str().unwrap()));
    assert!(json.contains("analysed_sst/.zarray"));
    assert_eq!(names(folder.path()), ["day.nc", "out.json"]);
}

#[test]
fn waves_are_explained() {
    let file = std::fs::read(granule("mur_like_20200601.nc")).unwrap();
    let server = chunkref_testkit::RangeServer::builder()
        .object("/day.nc", file)
        .start_blocking();
    let url = server.url_of("day.nc");
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["scan", &url, "-o", "out.json", "--stats", "--explain"];
    let run = chunkref(&arguments, folder.path());
    let told = stderr(&run);
    assert_eq!(run.status.code(), Some(0), "{told}");
    let waves = told.lines().filter(|line| line.starts_with("wave "));
    let fetched: u64 = waves
        .map(|line| {
            assert!(line.contains("wanted "), "{line}");
            let (_, rest) = line.split_once("; fetched ").unwrap();
            let (bytes, _) = rest.split_once(' ').unwrap();
            bytes.parse::<u64>().unwrap()
        })
        .sum();
    assert_eq!(fetched, server.bytes(), "{told}");
    assert!(told.contains("wave 1: wanted ") && told.contains("start of the file"));
    for words in ["retries 0", "cache hits ", "bytes needed "] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn several_files_are_joined_or_written_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        granule("mur_like_20200601.nc"),
        granule("mur_like_20200602.nc"),
    );
    let joined = chunkref(
        &[
            "scan",
            &one,
            &two,
            "-o",
            "joined.json",
            "--concat-dim",
            "time",
        ],
        folder.path(),
    );
    assert_eq!(joined.status.code(), Some(0), "{}", stderr(&joined));
    let json = std::fs::read_to_string(folder.path().join("joined.json")).unwrap();
    assert!(json.contains("20200601") && json.contains("20200602"));
    let each = chunkref(&["scan", &one, &two, "-o", "each/"], folder.path());
    assert_eq!(each.status.code(), Some(0), "{}", stderr(&each));
    assert_eq!(
        names(&folder.path().join("each")),
        ["mur_like_20200601.nc.json", "mur_like_20200602.nc.json"]
    );
}

#[test]
fn outputs_that_say_too_little_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        granule("mur_like_20200601.nc"),
        granule("mur_like_20200602.nc"),
    );
    let runs: [&[&str]; 5] = [
        &["scan", &one, &two, "-o", "out.json"],
        &["scan", &one, "-o", "out.txt"],
        &["scan", &one, &one, "-o", "each/"],
        &["scan", &one],
        &["scan"],
    ];
    for arguments in runs {
        let run = chunkref(arguments, folder.path());
        assert_eq!(
            run.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&run)
        );
        assert!(stderr(&run).starts_with("error: "), "{}", stderr(&run));
    }
    assert!(names(folder.path()).is_empty());
}

/// A part by labels is read as one by indices, each file as it needs.
#[test]
fn parts_are_read_by_labels_and_by_indices() {
    let folder = tempfile::tempdir().unwrap();
    let day = granule("mur_like_20200601.nc");
    let read = |arguments: &[&str]| {
        let arguments = [&["read", &day, "analysed_sst", "-o", "-"], arguments].concat();
        let run = chunkref(&arguments, folder.path());
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        (npy(&run.stdout), stderr(&run))
    };
    let latitudes = chunkref(&["read", &day, "lat", "-o", "-"], folder.path());
    let (_, latitudes) = npy(&latitudes.stdout);
    let latitude = |place: usize| {
        let bytes = latitudes[4 * place..4 * place + 4].try_into().unwrap();
        f32::from_le_bytes(bytes)
    };
    let (by_index, _) = read(&["--isel", "time=0,lat=2:5", "--isel", "lon=::3"]);
    let label = format!("time=2020-06-01T09:00,lat={}:{}", latitude(4), latitude(2));
    let (by_label, told) = read(&["--sel", &label, "--isel", "lon=::3", "--stats"]);
    assert_eq!(by_label, by_index);
    assert!(told.starts_with("read time=0, lat=2:5, lon=0:"), "{told}");
    let (nothing, told) = read(&["--isel", "lat=5:5"]);
    assert!(nothing.1.is_empty());
    assert!(told.starts_with("warning: nothing lies in"), "{told}");
}

/// The one line of a run that fails, without the folder's path.
fn error_line(file: &str, content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), content).unwrap();
    std::fs::write(folder.path().join("kept.json"), "before").unwrap();
    let run = chunkref(&["scan", file, "-o", "kept.json"], folder.path());
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    assert_eq!(stderr(&run).matches('\n').count(), 1, "{}", stderr(&run));
    let kept = std::fs::read_to_string(folder.path().join("kept.json")).unwrap();
    assert_eq!(kept, "before");
    assert_eq!(names(folder.path()).len(), 2, "something was left beside");
    stderr(&run).replace(folder.path().to_str().unwrap(), "")
}

#[test]
fn what_is_not_hdf5_gets_one_clear_line() {
    let page = error_line(
        "page.h5",
        b"<!DOCTYPE html>\n<html><body>Earthdata Login</body></html>",
    );
    assert_eq!(
        page,
        "error: page.h5: not an HDF5 file: it is an HTML page (a login page?)\n"
    );
    let empty = error_line("empty.h5", b"");
    assert_eq!(empty, "error: empty.h5: not an HDF5 file: it is empty\n");
    let classic = error_line("classic.nc", b"CDF\x01rest of a file of netCDF classic");
    assert!(classic.contains("netCDF-3"), "{classic}");
}

#[test]
fn a_cut_file_is_called_truncated() {
    let whole = std::fs::read(granule("atl03_like.h5")).unwrap();
    let line = error_line("cut.h5", &whole[..whole.len() / 2]);
    assert!(line.starts_with("error: cut.h5: "), "{line}");
    assert!(line.contains("truncated file?"), "{line}");
}

#[test]
fn a_missing_file_and_a_missing_group_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = chunkref(&["scan", "nowhere.h5", "-o", "o.json"], folder.path());
    assert_eq!(run.status.code(), Some(1));
    assert!(
        stderr(&run).contains("nowhere.h5: not found"),
        "{}",
        stderr(&run)
    );
    let atl03 = granule("atl03_like.h5");
    for more in [["--group", "nowhere"], ["--variable", "nowhere"]] {
        let run = chunkref(
            &["scan", &atl03, "-o", "o.json", more[0], more[1]],
            folder.path(),
        );
        assert_eq!(run.status.code(), Some(1), "{more:?}: {}", stderr(&run));
        assert!(stderr(&run).contains("nowhere"), "{}", stderr(&run));
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn refused_datasets_are_named_and_strict_makes_them_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let external = granule("external_segments.h5");
    let run = chunkref(
        &["scan", &external, "-o", "o.json", "--report", "-"],
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(stderr(&run).contains("refused: "), "{}", stderr(&run));
    assert!(
        stdout(&run).contains("\"outcome\": \"refused\""),
        "{}",
        stdout(&run)
    );
    let strict = chunkref(
        &["scan", &external, "-o", "o.json", "--strict"],
        folder.path(),
    );
    assert_eq!(strict.status.code(), Some(3));
}

#[test]
fn inspect_prints_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let day = granule("mur_like_20200601.nc");
    let run = chunkref(&["inspect", &day], folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let text = stdout(&run);
    let sst = text
        .lines()
        .find(|line| line.contains("analysed_sst"))
        .unwrap();
    for part in [
        "time: 1",
        "lat: ",
        "lon: ",
        "int16",
        "chunks 1x",
        "deflate(",
        "ratio ",
    ] {
        assert!(sst.contains(part), "{part} is not in {sst}");
    }
    assert_eq!(
        chunkref(&["inspect", &day, "--attributes"], folder.path())
            .status
            .code(),
        Some(0)
    );
}

/// The shape, type and elements of an `.npy` file as its header gives them.
fn npy(bytes: &[u8]) -> (String, Vec<u8>) {
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\0");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, elements) = bytes[10..].split_at(length);
    let header = String::from_utf8(header.to_vec()).unwrap();
    (header.trim_end().to_owned(), elements.to_vec())
}

#[test]
fn read_writes_one_array_as_npy_whatever_its_filters() {
    let folder = tempfile::tempdir().unwrap();
    let layouts = granule("layouts_latest.h5");
    let references = chunkref(&["scan", &layouts, "-o", "all.json"], folder.path());
    assert!(
        stderr(&references).contains("/refused/lzf"),
        "no Zarr codec undoes it: {}",
        stderr(&references)
    );
    let run = chunkref(
        &["read", &layouts, "refused/lzf", "-o", "lzf.npy", "--stats"],
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(stderr(&run).starts_with("requests "), "{}", stderr(&run));
    let (header, lzf) = npy(&std::fs::read(folder.path().join("lzf.npy")).unwrap());
    assert_eq!(names(folder.path()), ["all.json", "lzf.npy"]);
    let grouped = ["read", &layouts, "lzf", "--group", "refused", "-o", "-"];
    let printed = chunkref(&grouped, folder.path());
    assert_eq!(npy(&printed.stdout), (header.clone(), lzf.clone()));
    assert_eq!(
        header,
        "{'descr': '<i4', 'fortran_order': False, 'shape': (512,), }"
    );
    let expected: Vec<u8> = (0..512)
        .flat_map(|number: i32| (number / 8).to_le_bytes())
        .collect();
    assert_eq!(lzf, expected);
}

#[test]
fn what_read_can_not_write_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let (types, external) = (granule("types.h5"), granule("external_segments.h5"));
    let layouts = granule("layouts_latest.h5");
    let cases: [(&[&str], i32, &str); 6] = [
        (
            &[&types, "/strings/variable", "-o", "o.npy"],
            1,
            "chunkref scan",
        ),
        (
            &[&external, "missing", "-o", "o.npy"],
            1,
            "/missing: refused: its external data file",
        ),
        (&[&layouts, "nowhere", "-o", "o.npy"], 1, "nowhere"),
        (
            &[&layouts, "refused/lzf", "-o", "o.npy", "--limit", "10"],
            1,
            "over the limit of 10",
        ),
        (
            &[&layouts, "refused/lzf", "-o", "o.json"],
            2,
            "ends in .npy",
        ),
        (&[&layouts, "-o", "o.npy"], 2, "ARRAY"),
    ];
    for (arguments, code, part) in cases {
        let run = chunkref(&[&["read"], arguments].concat(), folder.path());
        assert_eq!(run.status.code(), Some(code), "{}", stderr(&run));
        assert!(stderr(&run).starts_with("error: "), "{}", stderr(&run));
        assert!(stderr(&run).contains(part), "{part}: {}", stderr(&run));
    }
    assert!(names(folder.path()).is_empty());
    let help = stdout(&chunkref(&["read", "--help"], folder.path()));
    for part in [
        "--output",
        "--group",
        "--isel",
        "--sel",
        "--nearest",
        "--bounding-box",
        "[alias: --bbox]",
        "--lat",
        "--lon",
        "--format",
        "--concat-dim",
        "--memory",
        "--limit",
        "--stats",
        "  2  ",
    ] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
}
