//! The command as a user runs it: help, errors, exit codes, outputs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn chunkref(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn granule(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
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
    let external = granule("external.h5");
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
