//! A server of CMR, one of granules, and the command.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use chunkref_testkit::{CmrCollection, CmrServer, RangeServer};

pub(crate) const NAME: &str = "MUR-LIKE";

/// A build of all granules, joined into `set.json`.
pub(crate) const BUILD: [&str; 6] = [
    "--short-name",
    NAME,
    "--concat-dim",
    "time",
    "-o",
    "set.json",
];

/// The granule of a day, counted from 2020-06-01.
pub(crate) fn granule(day: usize) -> Vec<u8> {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "../../fixtures/granules/mur_like_20200601.nc",
    ]
    .iter()
    .collect();
    let mut bytes = std::fs::read(path).unwrap();
    let first = 1_243_846_800_i32;
    let old = first.to_le_bytes();
    let place = (0..bytes.len() - 4)
        .find(|&at| bytes[at..at + 4] == old)
        .unwrap();
    let new = first + 86_400 * i32::try_from(day).unwrap();
    bytes[place..place + 4].copy_from_slice(&new.to_le_bytes());
    bytes
}

pub(crate) struct Archive {
    pub(crate) cmr: CmrServer,
    pub(crate) files: RangeServer,
    pub(crate) folder: tempfile::TempDir,
}

impl Archive {
    pub(crate) fn new(days: usize, latency_ms: u64) -> Self {
        let files = RangeServer::builder()
            .latency(Duration::from_millis(latency_ms))
            .start_blocking();
        let collection = CmrCollection::daily(100, NAME, "2020-06-01", 21, days);
        for (day, one) in collection.granules.iter().enumerate() {
            files.put(&one.files[0], granule(day));
        }
        let collection = collection.with_links(&files.url(), None);
        Self {
            cmr: CmrServer::builder().collection(collection).start(),
            files,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chunkref"));
        command
            .args(["build", "--retries", "0"])
            .args(arguments)
            .env("CHUNKREF_CMR_URL", self.cmr.url())
            .current_dir(self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a build that ends well says on standard output and standard error.
    pub(crate) fn well(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
        (out, err)
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
