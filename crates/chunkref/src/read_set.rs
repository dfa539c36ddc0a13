//! Reference sets opened, wherever they lie.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use chunkref_io::Client;
use chunkref_manifest::Locations;
use chunkref_manifest::extras::PARQUET_PATH;
use chunkref_manifest::kerchunk::{JsonOptions, ParquetSet, ReadSet, Record, read_json_from};

use crate::format::{SetFormat, is_file_url, is_remote};
use crate::granule_file::learn;
use crate::stream::{self, Failed};

/// Files of a Parquet set that are fetched at one time.
pub(crate) const AT_ONCE: usize = 16;

/// Why a dataset can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file of the set can't be read.
    #[error(transparent)]
    Io(chunkref_io::Error),
    /// The set is malformed.
    #[error("{set}")]
    Malformed {
        /// The set.
        set: String,
        /// Where and how.
        source: chunkref_manifest::Error,
    },
    /// There is no such array in the set.
    #[error("{set}: {path}: {reason}")]
    NoArray {
        /// The set.
        set: String,
        /// The path that was asked for.
        path: String,
        /// Why it is not there.
        reason: String,
    },
    /// What should be a granule can't be read as one.
    #[error("{address}")]
    Granule {
        /// Its address.
        address: String,
        /// Why not.
        source: Box<chunkref_scan::Error>,
    },
    /// What several wanted at one time can't be read.
    #[error(transparent)]
    Shared(std::sync::Arc<OpenError>),
    /// An address names something that is no dataset.
    #[error("{address}: {found}: {advice}")]
    NotADataset {
        /// The address.
        address: String,
        /// What is there.
        found: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The set names an object that it may not.
    #[error("{set}: names {url:?}: {reason}")]
    Location {
        /// The set.
        set: String,
        /// What it names.
        url: String,
        /// Why it may not.
        reason: &'static str,
    },
}

/// Reads a Kerchunk reference set, JSON (also compressed by gzip or zstd) or Parquet; given an
/// array's path, of a Parquet set only the references of that array. The text of JSON is never in
/// memory as a whole.
///
/// URLs in a set that are relative paths are taken from the folder in which the set lies. A local
/// set may name any other local file. A remote one may name none: not by a path, and not by a
/// `file` URL. No source is opened. What the set says of buckets the client takes note of
/// ([`Client::learn`]).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("set.json");
/// # let set = path.to_str().unwrap();
/// use chunkref::{Client, ClientOptions, read_set};
///
/// # std::fs::write(set, r#"{"version": 1, "refs": {".zgroup": "{\"zarr_format\": 2}"}}"#).unwrap();
/// let client = Client::new(ClientOptions::default());
/// let opened = read_set(&client, set, None).await?;
/// for refused in &opened.report.refused {
///     eprintln!("{}: {}", refused.path, refused.reason);
/// }
/// assert!(opened.manifest.root.arrays.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// When a file of the set can't be read, it is malformed, or it names what it may not.
pub async fn read_set(
    client: &Client,
    set: &str,
    array: Option<&str>,
) -> Result<ReadSet, OpenError> {
    let malformed = |source| OpenError::Malformed {
        set: set.to_owned(),
        source,
    };
    let mut read = if SetFormat::of_address(set) == Some(SetFormat::Parquet) {
        parquet(client, set, array).await?
    } else {
        let object = client.open(set).await.map_err(OpenError::Io)?;
        let json = stream::parse(object, |open| read_json_from(open, &JsonOptions::new()));
        json.await.map_err(|failed| match failed {
            Failed::Read(error) => OpenError::Io(error),
            Failed::Parse(error) => malformed(error),
        })?
    };
    read.manifest.locations = resolved(set, &read.manifest.locations)?;
    learn(client, read.manifest.locations.prefixes());
    Ok(read)
}

async fn whole(client: &Client, url: &str) -> chunkref_io::Result<Bytes> {
    let object = client.open(url).await?;
    let size = object.size().await?;
    let mut read = object.read(std::slice::from_ref(&(0..size))).await?;
    Ok(read.pop().unwrap_or_default())
}

async fn parquet(client: &Client, set: &str, array: Option<&str>) -> Result<ReadSet, OpenError> {
    let malformed = |source| OpenError::Malformed {
        set: set.to_owned(),
        source,
    };
    let zmetadata = zmetadata(client, set).await?;
    let mut reading = ParquetSet::new(&zmetadata).map_err(malformed)?;
    let wanted = |record: &Record| {
        array.is_none_or(|array| record.array_path.trim_matches('/') == array.trim_matches('/'))
    };
    let records: Vec<Record> = reading.records().filter(wanted).collect();
    for batch in records.chunks(AT_ONCE) {
        let files = batch.iter().map(|record| file(client, set, &record.path));
        for (record, file) in batch.iter().zip(futures::future::join_all(files).await) {
            if let Some(file) = file.map_err(OpenError::Io)? {
                reading.supply(record, &file).map_err(malformed)?;
            }
        }
    }
    if let Some(extras) = file(client, set, PARQUET_PATH)
        .await
        .map_err(OpenError::Io)?
    {
        reading.supply_extras(&extras).map_err(malformed)?;
    }
    reading.finish_with(array).map_err(malformed)
}

pub(crate) async fn zmetadata(client: &Client, set: &str) -> Result<Bytes, OpenError> {
    let url = within(set, ".zmetadata");
    whole(client, &url).await.map_err(OpenError::Io)
}

/// A file of a Parquet set, if it is there.
pub(crate) async fn file(
    client: &Client,
    set: &str,
    path: &str,
) -> Result<Option<Bytes>, chunkref_io::Error> {
    let url = within(set, path);
    // Most of the files that may be there are not, and asking for one by its name is cheap.
    if !is_remote(set) && fs::metadata(&url).is_err_and(|error| is_absent(&error)) {
        return Ok(None);
    }
    match whole(client, &url).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(chunkref_io::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// The address of a file in the folder of a Parquet set.
fn within(set: &str, path: &str) -> String {
    let (folder, query) = match set.find('?') {
        Some(at) if is_remote(set) && set.starts_with("http") => set.split_at(at),
        _ => (set, ""),
    };
    format!("{}/{path}{query}", folder.trim_end_matches('/'))
}

/// The objects that a set names, as addresses that can be opened.
pub(crate) fn resolved(set: &str, locations: &Locations) -> Result<Locations, OpenError> {
    let resolved = |url: &str| {
        resolve(set, url).map_err(|reason| OpenError::Location {
            set: set.to_owned(),
            url: url.to_owned(),
            reason,
        })
    };
    locations.try_map(|location| {
        let alternates = location.alternates.iter().map(|url| resolved(url));
        let alternates = alternates.collect::<Result<Vec<_>, _>>()?;
        let url = resolved(&location.url)?;
        Ok(location.clone().with_url(url).with_alternates(alternates))
    })
}

/// The folder in which a set lies.
fn folder(set: &str) -> &str {
    let path = match set.find(['?', '#']) {
        Some(at) if is_remote(set) => set.get(..at).unwrap_or(set),
        _ => set,
    };
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

fn resolve(set: &str, url: &str) -> Result<String, &'static str> {
    let relative = !url.contains("://");
    let local = is_file_url(url)
        || relative && (Path::new(url).is_absolute() || url.starts_with(['/', '\\']));
    if local && is_remote(set) {
        return Err("a remote set may name no local file");
    }
    if local || !relative {
        return Ok(url.to_owned());
    }
    Ok(format!("{}/{url}", folder(set)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_names_lie_beside_the_set() {
        for (set, url, expected) in [
            ("/d/set.json", "a.nc", Ok("/d/a.nc")),
            ("/d/set.parquet/", "../a.nc", Ok("/d/../a.nc")),
            ("set.json", "a.nc", Ok("./a.nc")),
            ("/set.json", "a.nc", Ok("/a.nc")),
            ("/d/set.json", "/e/a.nc", Ok("/e/a.nc")),
            ("/d/set.json", "file:///e/a.nc", Ok("file:///e/a.nc")),
            ("file:///d/set.json", "/e/a.nc", Ok("/e/a.nc")),
            ("/d/set.json", "s3://b/k", Ok("s3://b/k")),
            ("https://h/d/set.json?q=/x", "a.nc", Ok("https://h/d/a.nc")),
            ("s3://b/d/set.parquet", "a.nc", Ok("s3://b/d/a.nc")),
            ("https://h/set.json", "s3://b/k", Ok("s3://b/k")),
            ("https://h/set.json", "/etc/passwd", Err(())),
            ("https://h/set.json", "FILE:///etc/passwd", Err(())),
            ("s3://b/set.json", "\\etc\\passwd", Err(())),
        ] {
            let found = resolve(set, url).map_err(drop);
            assert_eq!(
                found.as_deref(),
                expected.as_ref().copied().map_err(|()| &()),
                "{set} {url}"
            );
        }
    }

    #[test]
    fn files_of_a_set_keep_its_query() {
        assert_eq!(within("/d/a.parq/", ".zmetadata"), "/d/a.parq/.zmetadata");
        assert_eq!(
            within("https://h/a.parq?s=1", "x/refs.0.parq"),
            "https://h/a.parq/x/refs.0.parq?s=1"
        );
    }
}
