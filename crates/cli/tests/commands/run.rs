//! The command, and files and sets to run it on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) const DAY: &str = "mur_like_20200601.nc";

pub(crate) fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkref"));
    command.args(arguments).current_dir(folder);
    command
}

pub(crate) fn chunkref(arguments: &[&str], folder: &Path) -> Output {
    command(arguments, folder).output().unwrap()
}

/// The path of a granule.
pub(crate) fn granule(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a copy of the granule and a set of it.
pub(crate) fn set_up() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(granule(DAY), folder.path().join(DAY)).unwrap();
    let run = chunkref(&["scan", DAY, "-o", "set.json"], folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    folder
}
