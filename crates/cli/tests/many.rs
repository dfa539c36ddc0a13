//! Many files in one scan: order, bounds, and those that fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use chunkref_testkit::{Fault, RangeServer, When};

const DAYS: [&str; 6] = [
    "mur_like_20200601.nc",
    "mur_like_20200602.nc",
    "mur_like_20200603.nc",
    "mur_like_20200604.nc",
    "mur_like_20200605.nc",
    "mur_like_20200606.nc",
];

fn granules() -> PathBuf {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules"]
        .iter()
        .collect();
    path.canonicalize().unwrap()
}

fn scan(files: &[String], more: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .arg("scan")
        .args(files)
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// A server that answers later ones sooner, so that files end in another order than they begin.
fn server() -> RangeServer {
    let mut builder = RangeServer::builder().root(granules());
    for (index, day) in (0_u64..).zip(DAYS) {
        let late = Fault::Delay(Duration::from_millis(20 * (6 - index)));
        builder = builder.fault_on(&format!("/{day}"), late, When::Always);
    }
    builder.start_blocking()
}

fn urls(server: &RangeServer) -> Vec<String> {
    DAYS.iter().map(|day| server.url_of(day)).collect()
}

#[test]
fn outputs_and_reports_do_not_depend_on_how_many_are_scanned_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let mut seen = Vec::new();
    for jobs in ["1", "3", "16"] {
        let more = [
            "-o",
            "o.json",
            "--concat-dim",
            "time",
            "--jobs",
            jobs,
            "--report",
            "r.json",
        ];
        let run = scan(&urls(&server), &more, folder.path());
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        let (json, report) = (read(folder.path(), "o.json"), read(folder.path(), "r.json"));
        seen.push((json, report, stderr(&run)));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(seen[0].1.matches("\"file\"").count(), 6);
}

#[test]
fn requests_to_one_host_are_bounded_for_all_files_together() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let more = ["-o", "all/", "--jobs", "6", "--concurrency", "3"];
    let run = scan(&urls(&server), &more, folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!((2..=3).contains(&server.max_in_flight()));
    server.reset();
    let run = scan(
        &urls(&server),
        &["-o", "all/", "--jobs", "1"],
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    // One file after the other, in their order.
    let mut paths: Vec<_> = server.log().into_iter().map(|one| one.path).collect();
    paths.dedup();
    let days: Vec<_> = DAYS.iter().map(|day| format!("/{day}")).collect();
    assert_eq!(paths, days);
}

/// The days, with one that is not there and one that is no HDF5 among them.
fn with_two_bad(folder: &Path) -> Vec<String> {
    std::fs::write(folder.join("page.nc"), "<!DOCTYPE html>").unwrap();
    let day = |day: &str| granules().join(day).to_str().unwrap().to_owned();
    let mut files: Vec<_> = DAYS.iter().map(|name| day(name)).collect();
    files.insert(1, "page.nc".into());
    files.insert(4, "nowhere.nc".into());
    files
}

#[test]
fn files_that_fail_are_named_in_the_end_while_the_others_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let files = with_two_bad(folder.path());
    let more = ["-o", "each/", "--report", "r.json", "--jobs", "2"];
    let run = scan(&files, &more, folder.path());
    assert_eq!(run.status.code(), Some(1));
    let text = stderr(&run);
    let errors: Vec<_> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 3, "{text}");
    assert!(
        errors[0].starts_with("error: page.nc: not an HDF5 file"),
        "{text}"
    );
    assert!(errors[1].contains("nowhere.nc: not found"), "{text}");
    assert_eq!(errors[2], "error: 2 of 8 files could not be scanned");
    let written = std::fs::read_dir(folder.path().join("each")).unwrap();
    assert_eq!(written.count(), 6);
    let report = read(folder.path(), "r.json");
    assert_eq!(report.matches("\"file\"").count(), 8);
    assert_eq!(report.matches("\"error\"").count(), 2);
}

#[test]
fn on_error_says_whether_the_rest_is_joined() {
    let folder = tempfile::tempdir().unwrap();
    let files = with_two_bad(folder.path());
    let join = |action: &str| {
        let more = [
            "-o",
            "o.json",
            "--concat-dim",
            "time",
            "--on-error",
            action,
            "--jobs",
            "1",
        ];
        let run = scan(&files, &more, folder.path());
        let errors = stderr(&run).matches("error: ").count();
        (
            run.status.code(),
            errors,
            folder.path().join("o.json").exists(),
        )
    };
    // The first that fails is the second of the files: nothing is said of the other.
    assert_eq!(join("fail"), (Some(1), 1, false));
    assert_eq!(join("collect"), (Some(1), 3, false));
    assert_eq!(join("skip"), (Some(4), 3, true));
    let good: Vec<_> = DAYS
        .iter()
        .map(|day| granules().join(day).to_str().unwrap().to_owned())
        .collect();
    let run = scan(
        &good,
        &["-o", "good.json", "--concat-dim", "time"],
        folder.path(),
    );
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(read(folder.path(), "o.json") == read(folder.path(), "good.json"));
    // With nothing left there is nothing to write.
    let more = ["-o", "n.json", "--concat-dim", "time", "--on-error", "skip"];
    let run = scan(&["a.nc".into(), "b.nc".into()], &more, folder.path());
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    assert!(!folder.path().join("n.json").exists());
}
