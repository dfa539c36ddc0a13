//! What a build wrote before. Only that is overwritten and removed.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chunkref_io::{Client, Error as IoError};
use serde_json::Value;

use super::error::BuildError;
use super::index::{INDEX, within};
use crate::format::is_file_url;
use crate::write::WriteError;

/// All manifests of a build begin so.
const BEGINNING: &[u8] = br#"{"version":1,"chunkref":{"#;
/// No index is longer.
const LONGEST: u64 = 1 << 30;

/// Whether an index is one of a build.
pub(crate) fn is_index(text: &[u8]) -> bool {
    let index: Value = serde_json::from_slice(text).unwrap_or_default();
    let is_version = index.get("version").and_then(Value::as_u64) == Some(1);
    let is_made = index.get("chunkref").is_some_and(Value::is_string);
    is_version && is_made && index.get("granules").is_some_and(Value::is_array)
}

/// Whether a file is a manifest that chunkref wrote.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let mut start = Vec::new();
    let length = u64::try_from(BEGINNING.len()).unwrap_or(u64::MAX);
    file.take(length).read_to_end(&mut start).is_ok() && start == BEGINNING
}

/// Whether the index of a folder of this machine, if there is one, is a build's.
pub(crate) fn check_index(folder: &str) -> Result<(), BuildError> {
    let Some(folder) = local(folder)? else {
        return Ok(());
    };
    let path = folder.join(INDEX);
    let failed = |source| {
        let path = path.clone();
        BuildError::Write(WriteError::Io { path, source })
    };
    match std::fs::read(&path) {
        Ok(text) if is_index(&text) => Ok(()),
        Ok(_) => Err(foreign_index(path.display().to_string())),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Whether all that is about to be overwritten in a folder was written by a build. Of a bucket the index
/// tells.
pub(crate) async fn check(
    client: &Client,
    folder: &str,
    manifests: impl Iterator<Item = &String>,
) -> Result<(), BuildError> {
    let Some(local) = local(folder)? else {
        let url = within(folder, INDEX);
        return match read(client, &url).await {
            Ok(text) if is_index(&text) => Ok(()),
            Ok(_) => Err(foreign_index(url)),
            Err(IoError::NotFound { .. }) => Ok(()),
            Err(error) => Err(BuildError::Io(error)),
        };
    };
    for name in manifests {
        let path = local.join(name);
        let is_there = path.symlink_metadata().is_ok();
        if is_there && !is_manifest(&path) {
            return Err(BuildError::Foreign {
                path: path.display().to_string(),
                reason:
                    "is there, and is no manifest that chunkref wrote, so it is not overwritten"
                        .to_owned(),
            });
        }
    }
    Ok(())
}

async fn read(client: &Client, url: &str) -> Result<Vec<u8>, IoError> {
    let object = client.open(url).await?;
    let size = object.size().await?.min(LONGEST);
    let parts = object.read(std::slice::from_ref(&(0..size))).await?;
    Ok(parts.concat())
}

/// The path of a folder of this machine.
fn local(folder: &str) -> Result<Option<PathBuf>, BuildError> {
    if is_file_url(folder) {
        return Ok(Some(
            chunkref_io::file_path(folder).map_err(BuildError::Io)?,
        ));
    }
    Ok((!folder.contains("://")).then(|| PathBuf::from(folder)))
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn foreign_index(path: String) -> BuildError {
    let reason = "is there, and is no index of granules that chunkref wrote, so nothing in this folder \
                  is overwritten";
    BuildError::Foreign {
        path,
        reason: reason.to_owned(),
    }
}
