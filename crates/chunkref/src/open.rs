//! Reference sets opened, wherever they lie.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use chunkref_io::Client;
use chunkref_manifest::Locations;
use chunkref_manifest::kerchunk::{JsonOptions, ParquetSet, ReadSet, Record, read_json};

/// Files of a Parquet set that are fetched at one time.
const AT_ONCE: usize = 16;

/// Why a reference set can't be opened.
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

/// Whether an address is that of a reference set by its name: `.json`, `.parquet` or `.parq`, or a
/// local folder that holds `.zmetadata`.
pub fn is_set(address: &str) -> bool {
    kind(address).is_some()
}

/// How a set is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Parquet,
}

fn kind(address: &str) -> Option<Kind> {
    let remote = is_remote(address);
    let name = if remote {
        // Only URLs of servers have a query.
        address.split(['?', '#']).next().unwrap_or(address)
    } else {
        address
    };
    let name = name.trim_end_matches('/');
    let (_, suffix) = name.rsplit_once('.').unwrap_or_default();
    match suffix.to_ascii_lowercase().as_str() {
        "json" => Some(Kind::Json),
        "parquet" | "parq" => Some(Kind::Parquet),
        _ if !remote && Path::new(address).join(".zmetadata").is_file() => Some(Kind::Parquet),
        _ => None,
    }
}

/// Reads a Kerchunk reference set, JSON or Parquet; given an array's path, of a Parquet set only
/// the references of that array.
///
/// URLs in a set that are relative paths are taken from the folder in which the set lies. A local
/// set may name any other local file. A remote one may name none: not by a path, and not by a
/// `file` URL. No source is opened.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("set.json");
/// # let set = path.to_str().unwrap();
/// use chunkref::{Client, ClientOptions, open};
///
/// # std::fs::write(set, r#"{"version": 1, "refs": {".zgroup": "{\"zarr_format\": 2}"}}"#).unwrap();
/// let client = Client::new(ClientOptions::default());
/// let opened = open(&client, set, None).await?;
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
pub async fn open(client: &Client, set: &str, array: Option<&str>) -> Result<ReadSet, OpenError> {
    let malformed = |source| OpenError::Malformed {
        set: set.to_owned(),
        source,
    };
    let mut read = if kind(set) == Some(Kind::Parquet) {
        parquet(client, set, array).await?
    } else {
        let bytes = whole(client, set).await.map_err(OpenError::Io)?;
        read_json(&bytes, &JsonOptions::new()).map_err(malformed)?
    };
    read.manifest.locations = resolved(set, &read.manifest.locations)?;
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
    let zmetadata = whole(client, &within(set, ".zmetadata"))
        .await
        .map_err(OpenError::Io)?;
    let mut reading = ParquetSet::new(&zmetadata).map_err(malformed)?;
    let wanted = |record: &Record| {
        array.is_none_or(|array| record.array_path.trim_matches('/') == array.trim_matches('/'))
    };
    let records: Vec<Record> = reading.records().filter(wanted).collect();
    for batch in records.chunks(AT_ONCE) {
        let files = batch.iter().map(|record| file(client, set, record));
        for (record, file) in batch.iter().zip(futures::future::join_all(files).await) {
            if let Some(file) = file.map_err(OpenError::Io)? {
                reading.supply(record, &file).map_err(malformed)?;
            }
        }
    }
    reading.finish().map_err(malformed)
}

/// A file of a Parquet set, if it is there.
async fn file(
    client: &Client,
    set: &str,
    record: &Record,
) -> Result<Option<Bytes>, chunkref_io::Error> {
    let url = within(set, &record.path);
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

fn is_remote(address: &str) -> bool {
    address.contains("://") && !is_file_url(address)
}

fn is_file_url(url: &str) -> bool {
    url.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
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
fn resolved(set: &str, locations: &Locations) -> Result<Locations, OpenError> {
    locations.try_map(|location| match resolve(set, &location.url) {
        Ok(url) => Ok(location.clone().with_url(url)),
        Err(reason) => Err(OpenError::Location {
            set: set.to_owned(),
            url: location.url.clone(),
            reason,
        }),
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
    fn sets_are_told_by_their_names() {
        for (address, expected) in [
            ("a/b.json", Some(Kind::Json)),
            ("https://h/b.JSON?token=x", Some(Kind::Json)),
            ("s3://b/k.parquet/", Some(Kind::Parquet)),
            ("b.parq", Some(Kind::Parquet)),
            ("b.nc", None),
            ("https://h/b.nc?x.json", None),
            ("json", None),
            ("../../fixtures", None),
        ] {
            assert_eq!(kind(address), expected, "{address}");
        }
    }

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
