//! The folder beside the output, in which an export grows.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::ExportError;

/// The Zarr store that grows. What an array or a group may be called is no matter of what lies beside.
const STORE: &str = "store";
/// What is no part of it: what is exported, and files that are being written.
const WORK: &str = "work";
/// What is exported, within.
const FINGERPRINT: &str = "what";

/// A store that is being written. Each file appears whole.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    store: PathBuf,
    written: AtomicU64,
}

impl Folder {
    /// Begins an export, or goes on with one of the same, unless it is to begin anew. Whether what
    /// an earlier run had written was removed for that.
    pub(super) fn open(
        output: &Path,
        fingerprint: &str,
        anew: bool,
    ) -> Result<(Self, bool), ExportError> {
        let in_the_way = |path: &Path, what: &str| ExportError::InTheWay {
            path: path.to_owned(),
            what: what.to_owned(),
        };
        if output.symlink_metadata().is_ok() && !is_empty_folder(output) {
            return Err(in_the_way(
                output,
                "is there already, and is not replaced: remove it, or name another output",
            ));
        }
        let Some(name) = output.file_name() else {
            return Err(in_the_way(output, "not the name of a folder"));
        };
        let mut beside = name.to_owned();
        beside.push(".partial");
        let path = output.with_file_name(beside);
        let folder = Self {
            store: path.join(STORE),
            path,
            written: AtomicU64::new(0),
        };
        let work = folder.path.join(WORK);
        match fs::read_to_string(work.join(FINGERPRINT)) {
            Ok(found) if found == fingerprint => {
                // What was being written when a run was killed.
                for left in fs::read_dir(&work).map_err(|error| failed(&work, error))? {
                    let left = left.map_err(|error| failed(&work, error))?.path();
                    if left.file_name() != Some(FINGERPRINT.as_ref()) {
                        fs::remove_file(&left).map_err(|error| failed(&left, error))?;
                    }
                }
                let is_removed = anew && !is_empty_folder(&folder.store);
                if is_removed {
                    let store = &folder.store;
                    fs::remove_dir_all(store).map_err(|error| failed(store, error))?;
                }
                folder.begin()?;
                Ok((folder, is_removed))
            }
            Err(_) if folder.path.symlink_metadata().is_err() || is_empty_folder(&folder.path) => {
                fs::create_dir_all(&work).map_err(|error| failed(&work, error))?;
                folder.put_at(&work.join(FINGERPRINT), fingerprint.as_bytes())?;
                folder.begin()?;
                Ok((folder, false))
            }
            _ => Err(in_the_way(
                &folder.path,
                "holds an unfinished export of something else (other sources, arrays or options): \
                 remove it, or name another output",
            )),
        }
    }

    fn begin(&self) -> Result<(), ExportError> {
        fs::create_dir_all(&self.store).map_err(|error| failed(&self.store, error))
    }

    /// Where a file is.
    pub(super) fn path_of(&self, key: &str) -> PathBuf {
        self.store.join(key)
    }

    /// Whether a file is there, whole.
    pub(super) fn has(&self, key: &str) -> bool {
        self.path_of(key).is_file()
    }

    /// Writes a file.
    pub(super) fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.path_of(key);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        self.put_at(&path, bytes)
    }

    fn put_at(&self, path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let beside = format!("{}.{number}", std::process::id());
        let beside = self.path.join(WORK).join(beside);
        let write = || -> io::Result<()> {
            let mut file = fs::File::create(&beside)?;
            file.write_all(bytes)?;
            drop(file);
            fs::rename(&beside, path)
        };
        write().map_err(|error| failed(path, error))
    }

    /// Gives the store its name.
    pub(super) fn finish(&self, output: &Path) -> Result<(), ExportError> {
        // An empty folder is replaced; where there is none, there is nothing to remove.
        let _ = fs::remove_dir(output);
        fs::rename(&self.store, output).map_err(|error| failed(output, error))?;
        fs::remove_dir_all(&self.path).map_err(|error| failed(&self.path, error))
    }
}

fn is_empty_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn failed(path: &Path, source: io::Error) -> ExportError {
    ExportError::Write {
        path: path.to_owned(),
        source,
    }
}
