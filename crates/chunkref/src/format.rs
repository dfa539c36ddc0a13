//! The kinds of reference sets, told by their names.

use std::path::Path;

use chunkref_manifest::kerchunk::Compression;

/// How a set is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetFormat {
    /// Kerchunk JSON.
    Json(Compression),
    /// A folder of Kerchunk Parquet files.
    Parquet,
}

impl SetFormat {
    /// What the name of a file or folder says: `.json`, `.json.gz`, `.json.zst`, `.parquet` or
    /// `.parq`, in either case; a slash at its end does not count.
    ///
    /// ```
    /// use chunkref::SetFormat;
    ///
    /// assert_eq!(SetFormat::of_name("sets/a.parq/"), Some(SetFormat::Parquet));
    /// assert_eq!(SetFormat::of_name("a.nc"), None);
    /// ```
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.trim_end_matches('/');
        let compression = Compression::of_name(name);
        let plain = match compression {
            Compression::None => name,
            _ => name.rsplit_once('.').unwrap_or_default().0,
        };
        let (_, suffix) = plain.rsplit_once('.')?;
        match (suffix.to_ascii_lowercase().as_str(), compression) {
            ("json", _) => Some(Self::Json(compression)),
            ("parquet" | "parq", Compression::None) => Some(Self::Parquet),
            _ => None,
        }
    }

    /// What an address says; also a local folder that holds `.zmetadata` is a set.
    pub(crate) fn of_address(address: &str) -> Option<Self> {
        let remote = is_remote(address);
        let name = if remote {
            // Only URLs of servers have a query.
            address.split(['?', '#']).next().unwrap_or(address)
        } else {
            address
        };
        Self::of_name(name).or_else(|| {
            let folder = !remote && Path::new(address).join(".zmetadata").is_file();
            folder.then_some(Self::Parquet)
        })
    }
}

/// Whether an address is that of a reference set by its name: `.json`, `.json.gz`, `.json.zst`,
/// `.parquet` or `.parq`, or a local folder that holds `.zmetadata`.
pub fn is_set(address: &str) -> bool {
    SetFormat::of_address(address).is_some()
}

pub(crate) fn is_remote(address: &str) -> bool {
    address.contains("://") && !is_file_url(address)
}

pub(crate) fn is_file_url(url: &str) -> bool {
    url.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_told_by_their_names() {
        let json = SetFormat::Json(Compression::None);
        for (address, expected) in [
            ("a/b.json", Some(json)),
            ("https://h/b.JSON?token=x", Some(json)),
            ("a/b.json.gz", Some(SetFormat::Json(Compression::Gzip))),
            ("a/b.JSON.ZST", Some(SetFormat::Json(Compression::Zstd))),
            ("s3://b/k.parquet/", Some(SetFormat::Parquet)),
            ("b.parq", Some(SetFormat::Parquet)),
            ("b.parq.gz", None),
            ("b.nc", None),
            ("b.gz", None),
            ("https://h/b.nc?x.json", None),
            ("json", None),
            ("json.gz", None),
            ("../../fixtures", None),
        ] {
            assert_eq!(SetFormat::of_address(address), expected, "{address}");
        }
    }
}
