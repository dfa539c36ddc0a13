//! Manifests as files and objects: whole or not at all.

mod local;
mod remote;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::Manifest;

use crate::format::SetFormat;
use crate::parquet::WriteOptions;
pub use local::write_file;

/// Bytes that are gathered before they go to the file.
const BUFFER: usize = 1 << 20;
/// What fsspec looks for in a Parquet reference set.
const CONSOLIDATED: &str = ".zmetadata";

/// Why an output was not written. What was there before is still there, except a Parquet set in a
/// bucket: that can only be replaced file by file, and is no readable set until all are there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The name does not tell the format.
    #[error("{}: unknown kind of output, expected a name that ends in .json, .json.gz, .json.zst, .parquet or .parq", path.display())]
    Suffix {
        /// The output.
        path: PathBuf,
    },
    /// Nothing can be written to a URL of this kind.
    #[error(
        "{url}: nothing is written over {scheme}: expected a path, or a URL of file, s3, gs or az"
    )]
    Scheme {
        /// The output.
        url: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// Something else is where the output should be.
    #[error("{}: {what}, which is not replaced", path.display())]
    InTheWay {
        /// The output.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// A file could not be written.
    #[error("{}: not written", path.display())]
    Io {
        /// The output.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An object could not be written.
    #[error("not written")]
    Object {
        /// Which, and why not.
        source: chunkref_io::Error,
    },
    /// A set could not be replaced by what was made of it. What was there before is lost, but what was
    /// to be written is there, at another place.
    #[error("{set}: not replaced; what was to come in its place is whole at {beside}")]
    Replaced {
        /// The set.
        set: String,
        /// Where the new one is.
        beside: String,
        /// Why not.
        source: Box<WriteError>,
    },
    /// The format can't say what is in the manifest.
    #[error("{}: not written", path.display())]
    Manifest {
        /// The output.
        path: PathBuf,
        /// What it can't say.
        source: chunkref_manifest::Error,
    },
}

/// Where an output goes.
#[derive(Debug)]
enum Place {
    Local(PathBuf),
    /// An `s3`, `gs` or `az` URL.
    Bucket(String),
}

fn place(output: &str) -> Result<Place, WriteError> {
    let Some((scheme, _)) = output.split_once("://") else {
        return Ok(Place::Local(output.into()));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => chunkref_io::file_path(output)
            .map(Place::Local)
            .map_err(|source| WriteError::Object { source }),
        "s3" | "s3a" | "gs" | "gcs" | "az" | "azure" | "abfs" | "abfss" => {
            Ok(Place::Bucket(output.to_owned()))
        }
        _ => Err(WriteError::Scheme {
            url: output.split(['?', '#']).next().unwrap_or(output).to_owned(),
            scheme: scheme.to_owned(),
        }),
    }
}

/// Whether a set can be written to this path or URL, as far as its name tells, and what is there on this
/// machine.
///
/// # Errors
/// When its suffix names no format, nothing can be written to such a URL, or something else is there.
pub fn check_output(output: &str) -> Result<(), WriteError> {
    match (place(output)?, SetFormat::of_name(output)) {
        (_, None) => Err(WriteError::Suffix {
            path: output.into(),
        }),
        (Place::Local(path), Some(SetFormat::Parquet)) => local::check_replaceable(&path),
        (Place::Local(path), Some(SetFormat::Json(_))) => local::check_no_folder(&path),
        (Place::Bucket(_), Some(_)) => Ok(()),
    }
}

/// Writes a manifest as a Kerchunk reference set: JSON if the name ends in `.json` (compressed if
/// it ends in `.json.gz` or `.json.zst`), a folder of Parquet files if it ends in `.parquet` or `.parq`.
/// It is written beside and then renamed, so that it appears whole or not at all.
///
/// ```
/// use chunkref::{Manifest, write};
///
/// let folder = tempfile::tempdir()?;
/// write(&Manifest::default(), folder.path().join("empty.json"))?;
/// write(&Manifest::default(), folder.path().join("empty.parquet"))?;
/// assert!(write(&Manifest::default(), folder.path().join("empty.txt")).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the suffix is another, the format can't say what is in the manifest, or writing fails.
pub fn write(manifest: &Manifest, path: impl AsRef<Path>) -> Result<(), WriteError> {
    write_with(manifest, path, &WriteOptions::new())
}

/// As [`write()`], as the options say.
///
/// # Errors
/// As for [`write()`].
pub fn write_with(
    manifest: &Manifest,
    path: impl AsRef<Path>,
    options: &WriteOptions,
) -> Result<(), WriteError> {
    let path = path.as_ref();
    match path.to_str().and_then(SetFormat::of_name) {
        Some(SetFormat::Json(compression)) => local::write_json_file(manifest, path, compression),
        Some(SetFormat::Parquet) => local::write_folder(manifest, path, options),
        None => Err(WriteError::Suffix {
            path: path.to_owned(),
        }),
    }
}

/// Writes a manifest as [`write()`] does, to a path, a `file` URL, or into a bucket (`s3`, `gs`, `az`).
///
/// In a bucket, JSON is one object, which appears whole or not at all; memory does not grow with its
/// size. Of a Parquet set the records come first and `.zmetadata` last. One that is there is no set
/// any more while it is replaced: its `.zmetadata` goes first, and records that the new one does not
/// have are removed. A folder that holds anything else is left alone.
///
/// ```no_run
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use chunkref::{Client, Manifest, WriteOptions, write_to};
///
/// let client = Client::default();
/// let manifest = Arc::new(Manifest::default());
/// write_to(&client, &manifest, "s3://bucket/sets/days.parquet", &WriteOptions::default()).await?;
/// # Ok::<(), chunkref::WriteError>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// As for [`write()`], and when nothing can be written to such a URL or the store refuses it.
pub async fn write_to(
    client: &Client,
    manifest: &Arc<Manifest>,
    output: &str,
    options: &WriteOptions,
) -> Result<(), WriteError> {
    check_output(output)?;
    match (place(output)?, SetFormat::of_name(output)) {
        (Place::Local(path), _) => {
            let (manifest, options) = (Arc::clone(manifest), options.clone());
            remote::apart(move || write_with(&manifest, &path, &options)).await
        }
        (Place::Bucket(url), Some(SetFormat::Parquet)) => {
            remote::parquet(client, manifest, &url, options).await
        }
        (Place::Bucket(url), Some(SetFormat::Json(compression))) => {
            remote::json(client, manifest, &url, compression).await
        }
        (Place::Bucket(url), None) => Err(WriteError::Suffix { path: url.into() }),
    }
}

/// Writes what was made of a set in its place, as [`write_to`] does, so that at no time neither is
/// there: a Parquet set in a bucket, which can't be swapped, is first written beside it (`NAME.new.parquet`),
/// then in its place, and removed beside.
///
/// # Errors
/// As for [`write_to`].
pub async fn write_in_place(
    client: &Client,
    manifest: &Arc<Manifest>,
    set: &str,
    options: &WriteOptions,
) -> Result<(), WriteError> {
    check_output(set)?;
    match (place(set)?, SetFormat::of_name(set)) {
        (Place::Bucket(url), Some(SetFormat::Parquet)) => {
            remote::in_place(client, manifest, url.trim_end_matches('/'), options).await
        }
        _ => write_to(client, manifest, set, options).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_told_by_their_names() {
        for output in [
            "a.json",
            "/b/c.PARQ",
            "s3://b/c.parquet/",
            "gs://b/c.json",
            "az://c/d.parq",
            "file:///a/b.json",
        ] {
            check_output(output).unwrap();
        }
        for (output, part) in [
            ("a.nc", "expected a name that ends in .json"),
            ("s3://bucket/a", "expected a name that ends in .json"),
            (
                "https://h/a.json?sig=s",
                "https://h/a.json: nothing is written over https",
            ),
            ("ftp://h/a.json", "nothing is written over ftp"),
            ("file://h/a.json", "not a file URL"),
        ] {
            let error = check_output(output).unwrap_err();
            let text = format!("{error} {:?}", std::error::Error::source(&error));
            assert!(text.contains(part), "{text}");
            assert!(!text.contains("sig="), "{text}");
        }
    }
}
