//! Local outputs: written beside what they replace, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chunkref_manifest::Manifest;
use chunkref_manifest::kerchunk::{Blobs, Compression, write_json_compressed};

use super::remote::is_of_a_set;
use super::{BUFFER, WriteError};
use crate::parquet::{WriteOptions, write_set};

/// Writes a file beside `path` and renames it: whole or not at all. A link is followed.
///
/// # Errors
/// When the file can't be made, `content` fails, or it can't be renamed.
pub fn write_file(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let failed = |source| WriteError::Io {
        path: path.to_owned(),
        source,
    };
    check_no_folder(path)?;
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = Beside::new(&target, "tmp").map_err(failed)?;
    let file = create(&beside.path).map_err(failed)?;
    let mut out = BufWriter::with_capacity(BUFFER, file);
    content(&mut out)
        .and_then(|()| out.flush())
        .and_then(|()| {
            drop(out);
            fs::rename(&beside.path, &target)
        })
        .map_err(failed)
}

pub(super) fn write_json_file(
    manifest: &Manifest,
    path: &Path,
    compression: Compression,
) -> Result<(), WriteError> {
    let mut failure = None;
    let written = write_file(path, |out| {
        write_json_compressed(manifest, out, compression).map_err(|error| {
            failure = Some(error);
            io::Error::other("the manifest")
        })
    });
    match (written, failure) {
        (Err(_), Some(source)) => Err(WriteError::Manifest {
            path: path.to_owned(),
            source,
        }),
        (written, _) => written,
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A name beside another; what stands under it is removed in the end.
#[derive(Debug)]
struct Beside {
    path: PathBuf,
}

impl Beside {
    fn new(target: &Path, purpose: &str) -> io::Result<Self> {
        let Some(name) = target.file_name() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not the name of a file",
            ));
        };
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}.{purpose}", std::process::id()));
        let path = target.with_file_name(beside);
        let this = Self { path };
        // Left by an earlier process of the same number.
        this.remove();
        Ok(this)
    }

    fn remove(&self) {
        // It is gone when it was renamed; an error has been or will be told by what comes next.
        if self.path.is_dir() {
            let _ = fs::remove_dir_all(&self.path);
        } else {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A folder that blobs are put into.
struct Folder<'a>(&'a Path);

impl Blobs for Folder<'_> {
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        let path = self.0.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)
    }
}

pub(super) fn write_folder(
    manifest: &Manifest,
    path: &Path,
    options: &WriteOptions,
) -> Result<(), WriteError> {
    let failed = |source| WriteError::Io {
        path: path.to_owned(),
        source,
    };
    check_replaceable(path)?;
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let new = Beside::new(&target, "tmp").map_err(failed)?;
    fs::create_dir(&new.path).map_err(failed)?;
    write_set(manifest, &mut Folder(&new.path), options).map_err(|source| {
        WriteError::Manifest {
            path: path.to_owned(),
            source,
        }
    })?;
    swap(&new.path, &target).map_err(failed)
}

/// A folder does not give way to a file.
pub(super) fn check_no_folder(path: &Path) -> Result<(), WriteError> {
    if path.is_dir() {
        return Err(WriteError::InTheWay {
            path: path.to_owned(),
            what: "a folder".to_owned(),
        });
    }
    Ok(())
}

/// Only a reference set, or an empty folder, gives way to a reference set.
pub(super) fn check_replaceable(path: &Path) -> Result<(), WriteError> {
    let what = match fs::read_dir(path) {
        Ok(_) => match other_file(path, "") {
            Ok(None) => return Ok(()),
            Ok(Some(other)) => format!("a folder that holds other files ({other})"),
            Err(source) => {
                return Err(WriteError::Io {
                    path: path.to_owned(),
                    source,
                });
            }
        },
        Err(_) if path.exists() => "a file".to_owned(),
        Err(_) => return Ok(()),
    };
    Err(WriteError::InTheWay {
        path: path.to_owned(),
        what,
    })
}

/// The path within a folder of something that is not of a reference set, if there is any.
fn other_file(folder: &Path, within: &str) -> io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let found = match within {
            "" => name.to_string_lossy().into_owned(),
            within => format!("{within}/{}", name.to_string_lossy()),
        };
        let other = if entry.file_type()?.is_dir() {
            other_file(&entry.path(), &found)?
        } else {
            (!is_of_a_set(&found)).then_some(found)
        };
        if other.is_some() {
            return Ok(other);
        }
    }
    Ok(None)
}

/// Puts a folder in the place of another; when that fails the other stays.
fn swap(new: &Path, target: &Path) -> io::Result<()> {
    if !target.exists() {
        return fs::rename(new, target);
    }
    let old = Beside::new(target, "old")?;
    fs::rename(target, &old.path)?;
    if let Err(error) = fs::rename(new, target) {
        // Back as it was; the first error is the one to tell.
        let _ = fs::rename(&old.path, target);
        return Err(error);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::CONSOLIDATED;
    use super::*;
    use crate::write;

    #[test]
    fn a_failed_write_leaves_what_was_there_and_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        fs::write(&path, "before").unwrap();
        let failed = write_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_replaces_a_reference_set_but_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.parquet");
        write(&Manifest::default(), &path).unwrap();
        fs::create_dir(path.join("stale")).unwrap();
        fs::write(path.join("stale/refs.0.parq"), "").unwrap();
        write(&Manifest::default(), &path).unwrap();
        assert!(!path.join("stale").exists());
        assert!(path.join(CONSOLIDATED).is_file());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        let other = folder.path().join("mine.parquet");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("photo"), "").unwrap();
        let error = write(&Manifest::default(), &other).unwrap_err();
        assert!(error.to_string().contains("holds other files"), "{error}");
        assert!(other.join("photo").exists());

        // Something of one's own beside a set.
        fs::create_dir(path.join("mine")).unwrap();
        fs::write(path.join("mine/notes"), "").unwrap();
        let error = write(&Manifest::default(), &path).unwrap_err();
        assert!(error.to_string().contains("(mine/notes)"), "{error}");
        assert!(path.join("mine/notes").exists() && path.join(CONSOLIDATED).is_file());
    }
}
