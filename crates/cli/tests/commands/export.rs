//! `chunkref export`.

use std::path::Path;
use std::time::{Duration, Instant};

use chunkref_testkit::RangeServer;

use crate::run::{DAY, chunkref, command, granule, set_up, text};

/// Chunks of an array under a folder.
fn chunks(folder: &Path) -> usize {
    let mut count = 0;
    let mut left = vec![folder.join("analysed_sst/c")];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                count += 1;
            }
        }
    }
    count
}

#[test]
fn a_run_that_is_killed_is_gone_on_with() {
    let server = RangeServer::builder()
        .object(DAY, std::fs::read(granule(DAY)).unwrap())
        .start_blocking();
    let folder = tempfile::tempdir().unwrap();
    let url = server.url_of(DAY);
    let run = chunkref(&["scan", &url, "-o", "set.json"], folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    drop(server);

    // So slow that it can be killed in the middle; at the same place for the set.
    let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    let slow = RangeServer::builder()
        .object(DAY, std::fs::read(granule(DAY)).unwrap())
        .port(port.parse().unwrap())
        .latency(Duration::from_millis(150))
        .start_blocking();
    let set = std::fs::read_to_string(folder.path().join("set.json")).unwrap();
    // The server was started anew, at another time.
    let set = untimed(&set);
    std::fs::write(folder.path().join("set.json"), set).unwrap();
    let arguments = [
        "export",
        "set.json",
        "out.zarr",
        "--variable",
        "analysed_sst",
        "--concurrency",
        "1",
        "--stats",
    ];
    let mut killed = command(&arguments, folder.path()).spawn().unwrap();
    let partial = folder.path().join("out.zarr.partial");
    let start = Instant::now();
    let store = partial.join("store");
    while chunks(&store) < 3 {
        assert!(start.elapsed() < Duration::from_mins(1));
        assert!(killed.try_wait().unwrap().is_none(), "it ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = chunks(&store);
    assert!(before >= 3 && !folder.path().join("out.zarr").exists());

    slow.reset();
    let run = chunkref(&arguments, folder.path());
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{said}");
    let kept: usize = said
        .split("there before ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{said}"));
    assert!(kept >= before, "{said}");
    assert!(!partial.exists());

    let once = chunkref(
        &[
            "export",
            "set.json",
            "once.zarr",
            "--variable",
            "analysed_sst",
        ],
        folder.path(),
    );
    assert_eq!(once.status.code(), Some(0), "{}", text(&once.stderr));
    let all = chunks(&folder.path().join("once.zarr"));
    assert_eq!(chunks(&folder.path().join("out.zarr")), all);
    assert!(before < all, "{before} of {all}");
}

/// A set without the times of its sources.
fn untimed(set: &str) -> String {
    let mut set = set.to_owned();
    while let Some(start) = set.find(",\"last_modified\":\"") {
        let rest = &set[start + 18..];
        let end = start + 18 + rest.find('"').unwrap() + 1;
        set.replace_range(start..end, "");
    }
    set
}

#[test]
fn what_is_there_is_not_replaced() {
    let folder = set_up();
    let run = chunkref(
        &["export", "set.json", "out.zarr", "--stats"],
        folder.path(),
    );
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("arrays 6, chunks written 51, there before 0, absent 0\n"),
        "{said}"
    );
    let run = chunkref(&["export", "set.json", "out.zarr"], folder.path());
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(
        text(&run.stderr),
        "error: out.zarr: is there already, and is not replaced: remove it, or name another output\n"
    );
}
