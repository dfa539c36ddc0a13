//! Builds that are killed and run again.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::setting::{Archive, NAME, text};

/// How often a build is killed in all.
const KILLS: usize = 50;
const DAYS: usize = 16;

/// Numbers that differ, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Of how many files `--dry-run` says that they are in the journal.
fn in_journal(archive: &Archive, output: &str) -> usize {
    let (out, _) = archive.well(&[&search(output)[..], &["--dry-run"]].concat());
    let line = out
        .lines()
        .find(|line| line.starts_with("in the journal"))
        .unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

fn search(output: &str) -> Vec<&str> {
    vec![
        "--short-name",
        NAME,
        "--concat-dim",
        "time",
        "-o",
        output,
        "--jobs",
        "3",
    ]
}

/// The granules that were asked for since the log was forgotten.
fn asked(archive: &Archive) -> BTreeSet<String> {
    archive
        .files
        .log()
        .into_iter()
        .map(|one| one.path)
        .collect()
}

#[test]
fn killed_at_any_moment_and_run_again_it_is_the_same_byte_for_byte() {
    let archive = Archive::new(DAYS, 15);
    let start = Instant::now();
    archive.well(&search("whole.json"));
    // Within the time that a build takes here and now.
    let length = u64::try_from(start.elapsed().as_millis()).unwrap();
    let whole = std::fs::read(archive.folder.path().join("whole.json")).unwrap();
    let mut random = Random(7);
    let (mut killed, mut rounds, mut resumed) = (0, 0, 0);
    while killed < KILLS {
        let output = format!("{rounds}.json");
        let path = archive.folder.path().join(&output);
        rounds += 1;
        // Killed again and again until it ends by itself.
        loop {
            let known = in_journal(&archive, &output);
            archive.files.reset();
            let mut child = archive
                .command(&search(&output))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(random.below(length + 20)));
            let ended = child.try_wait().unwrap();
            child.kill().unwrap();
            let status = child.wait().unwrap();
            // What was in the journal is not read again.
            let asked = asked(&archive).len();
            assert!(
                asked <= DAYS - known,
                "{asked} of {DAYS} read, {known} known"
            );
            if known > 0 && known < DAYS {
                resumed += 1;
            }
            if ended.is_some() {
                let said = child.stderr.take().map(|mut pipe| {
                    let mut said = Vec::new();
                    std::io::Read::read_to_end(&mut pipe, &mut said).unwrap();
                    text(&said)
                });
                assert_eq!(status.code(), Some(0), "{said:?}");
                break;
            }
            killed += 1;
            // An output is there whole, or not at all.
            if path.exists() {
                assert!(std::fs::read(&path).unwrap() == whole, "kill {killed}");
            }
            if killed >= KILLS {
                break;
            }
        }
        archive.well(&search(&output));
        assert!(std::fs::read(&path).unwrap() == whole, "round {rounds}");
        archive.files.reset();
        archive.well(&search(&output));
        assert_eq!(archive.files.requests(), 0);
    }
    assert!(
        resumed > 5,
        "{resumed} of {killed} were killed on their way"
    );
    // Nothing half written is left.
    let names = std::fs::read_dir(archive.folder.path()).unwrap();
    let names: Vec<_> = names
        .map(|one| one.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}

#[test]
fn a_parquet_set_is_the_same_too() {
    let archive = Archive::new(6, 15);
    archive.well(&search("whole.parquet"));
    let mut random = Random(3);
    for _ in 0..6 {
        let mut child = archive
            .command(&search("set.parquet"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(random.below(300)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    archive.well(&search("set.parquet"));
    let root = archive.folder.path();
    let mut folders = vec![root.join("whole.parquet")];
    let mut compared = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let within = path.strip_prefix(root.join("whole.parquet")).unwrap();
            let other = root.join("set.parquet").join(within);
            assert!(
                std::fs::read(&path).unwrap() == std::fs::read(&other).unwrap(),
                "{within:?}"
            );
            compared += 1;
        }
    }
    assert!(compared > 3, "{compared}");
}

#[test]
fn one_build_at_one_time_uses_a_journal() {
    let archive = Archive::new(4, 400);
    let mut first = archive
        .command(&search("set.json"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lock = archive.folder.path().join("set.json.journal/log");
    while !lock.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = archive.run(&search("set.json"));
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains("another build is using it"), "{said}");
    assert!(first.wait().unwrap().success());
    archive.well(&search("set.json"));
}
