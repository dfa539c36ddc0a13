//! The command in a folder, with no other environment than is given.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) const DAY: &str = "mur_like_20200601.nc";

pub(crate) fn chunkref(arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkref"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars() {
        let lower = name.to_ascii_lowercase();
        let starts = ["chunkref_", "aws_", "xdg_", "rust_log"];
        if starts.iter().any(|start| lower.starts_with(start)) || lower.ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command.env("HOME", folder.join("home"));
    command.envs(environment.iter().copied()).output().unwrap()
}

pub(crate) fn granule(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

pub(crate) fn path(name: &str) -> PathBuf {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    path.canonicalize().unwrap()
}

/// What was printed, if the command ended as it should.
pub(crate) fn printed(run: &Output) -> String {
    assert_eq!(run.status.code(), Some(0), "{}", said(run));
    String::from_utf8(run.stdout.clone()).unwrap()
}

/// What was said on standard error.
pub(crate) fn said(run: &Output) -> String {
    String::from_utf8_lossy(&run.stderr).into_owned()
}
