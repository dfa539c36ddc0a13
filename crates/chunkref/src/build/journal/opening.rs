//! Journals that are opened, begun, or looked at.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use serde_json::Value;

use super::{Journal, anew, reading, refused};
use crate::build::error::BuildError;

impl Journal {
    /// Opens a journal, or begins one. `options` are those that change what a scan gives: a journal of
    /// others is refused, unless all is to be scanned anew, or nothing is done in it.
    pub(crate) fn open(folder: &Path, options: &Value, anew: bool) -> Result<Self, BuildError> {
        let failed = |error: io::Error| refused(folder, error.to_string());
        let lock = locked(folder)?;
        // One without a byte was made by a machine that failed before it knew of any.
        let log = fs::metadata(folder.join("log"));
        let is_empty = log.map_or(true, |log| log.len() == 0);
        if anew {
            reading::set_aside(folder).map_err(failed)?;
        }
        if anew || is_empty {
            anew::begin(folder, options).map_err(failed)?;
        }
        let read = || {
            let path = folder.join("log");
            let log = OpenOptions::new().read(true).append(true).open(path);
            let mut journal = Self::new(folder, Some(log.map_err(failed)?), options);
            let is_of_these = journal.read(true)?;
            Ok::<_, BuildError>((journal, is_of_these))
        };
        let (mut journal, is_of_these) = read()?;
        if !is_of_these {
            anew::begin(folder, options).map_err(failed)?;
            (journal, _) = read()?;
        }
        journal.lock = Some(lock);
        journal.make_room()?;
        Ok(journal)
    }

    /// What is in a journal, without a lock and without changing it.
    pub(crate) fn look(folder: &Path, options: &Value, anew: bool) -> Result<Self, BuildError> {
        use io::ErrorKind::{NotADirectory, NotFound};

        let log = match File::open(folder.join("log")) {
            Ok(log) if !anew => Some(log),
            Ok(_) => None,
            Err(error) if error.kind() == NotFound => None,
            Err(error) if error.kind() == NotADirectory => return Err(no_folder(folder)),
            Err(error) => return Err(refused(folder, error.to_string())),
        };
        let mut journal = Self::new(folder, log, options);
        journal.read(false)?;
        Ok(journal)
    }
}

/// The lock of a journal, whose folder is made if it is not there.
fn locked(folder: &Path) -> Result<File, BuildError> {
    let failed = |error: io::Error| refused(folder, error.to_string());
    if folder.exists() && !folder.is_dir() {
        return Err(no_folder(folder));
    }
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("lock"))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(refused(
            folder,
            "another build is using it: wait until that has ended, or give another one with --journal"
                .to_owned(),
        )),
        // Some file systems know no locks.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(lock),
        Err(fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn no_folder(folder: &Path) -> BuildError {
    refused(
        folder,
        "is a file, expected a folder: name another with --journal".to_owned(),
    )
}
