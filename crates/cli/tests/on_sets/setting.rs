//! A set of one granule, a server of S3, and the command run beside them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chunkref_testkit::S3Server;

pub(crate) const DAY: &str = "mur_like_20200601.nc";

pub(crate) fn chunkref(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chunkref"))
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "s3cr3t-key")
        .env("AWS_ALLOW_HTTP", "true")
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs it; it succeeds, with nothing on standard error.
pub(crate) fn well(arguments: &[&str], folder: &Path) -> String {
    let run = chunkref(arguments, folder);
    assert_eq!(text(&run.stderr), "", "{arguments:?}");
    assert_eq!(run.status.code(), Some(0));
    text(&run.stdout)
}

/// Runs it; it fails with this code and this on standard error, and nothing on standard output.
pub(crate) fn fails(arguments: &[&str], folder: &Path, code: i32, expected: &str) {
    let run = chunkref(arguments, folder);
    assert_eq!(text(&run.stderr), expected, "{arguments:?}");
    assert_eq!(run.status.code(), Some(code), "{arguments:?}");
    assert_eq!(text(&run.stdout), "");
}

pub(crate) fn granule(name: &str) -> PathBuf {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    path.canonicalize().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a copy of the granule in `data/` and a set of it.
pub(crate) fn set_up() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::copy(granule(DAY), folder.path().join("data").join(DAY)).unwrap();
    let path = format!("data/{DAY}");
    let run = chunkref(&["scan", &path, "-o", "set.json"], folder.path());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let root = folder.path().to_str().unwrap().to_owned();
    (folder, root)
}

pub(crate) fn server(root: &Path) -> chunkref_testkit::S3ServerBuilder {
    let bytes = std::fs::read(granule(DAY)).unwrap();
    S3Server::builder(root)
        .object("granules", &format!("2020/{DAY}"), bytes)
        .object("sets", "kept", "kept")
        .keys("id", "s3cr3t-key")
}
