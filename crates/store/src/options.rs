//! How a manifest is served.

use std::path::PathBuf;

/// The version of the Zarr format that is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZarrVersion {
    /// `.zgroup`, `.zarray`, `.zattrs`, `.zmetadata`; chunk keys such as `a/0.1`.
    V2,
    /// `zarr.json`; chunk keys such as `a/c/0/1`.
    #[default]
    V3,
}

/// What the reader on the other side can decode. What it can't, the store decodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReaderProfile {
    /// The Rust crate `zarrs`: no fletcher32 (0.23 fails on payloads of odd length), and fixed
    /// strings only as raw bits.
    #[default]
    Zarrs,
    /// zarr-python 3: everything a manifest holds.
    ZarrPython,
}

/// How a manifest is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    pub(crate) version: ZarrVersion,
    pub(crate) reader: ReaderProfile,
    pub(crate) cache_bytes: u64,
    pub(crate) consolidated: Option<bool>,
    pub(crate) disk_cache: Option<(PathBuf, u64)>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            version: ZarrVersion::default(),
            reader: ReaderProfile::default(),
            cache_bytes: CACHE_BYTES,
            consolidated: None,
            disk_cache: None,
        }
    }
}

/// Decoded chunks that are kept, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

impl StoreOptions {
    /// Zarr v3 for `zarrs`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves this version of the format.
    #[must_use]
    pub fn with_zarr_version(mut self, version: ZarrVersion) -> Self {
        self.version = version;
        self
    }

    /// Keeps decoded chunks of at most so many bytes in memory (default 64 MiB): those that more than one
    /// chunk that is served needs, and those that a reader may ask for part by part.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Keeps what is read of remote objects in a folder, about so many bytes of it: what was used longest
    /// ago is dropped first. Several processes may share the folder. Only objects that an `ETag` or
    /// `Last-Modified` in the manifest pins are kept: what comes from there is what was scanned, even
    /// if the object has changed since.
    #[must_use]
    pub fn with_disk_cache(mut self, folder: impl Into<PathBuf>, bytes: u64) -> Self {
        self.disk_cache = Some((folder.into(), bytes));
        self
    }

    /// Sets whether the root's document of Zarr v3 holds those of all groups and arrays (default: yes,
    /// but where all of a file must be read for it, as of a granule that is not scanned yet). The
    /// document `.zmetadata` of Zarr v2 is always there.
    #[must_use]
    pub fn with_consolidated_metadata(mut self, consolidated: bool) -> Self {
        self.consolidated = Some(consolidated);
        self
    }

    /// Serves this reader.
    #[must_use]
    pub fn with_reader(mut self, reader: ReaderProfile) -> Self {
        self.reader = reader;
        self
    }
}

/// What the caches of a store had, and had not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Decoded chunks that were in memory.
    pub memory_hits: u64,
    /// Decoded chunks that were not.
    pub memory_misses: u64,
    /// Ranges of objects that were on disk.
    pub disk_hits: u64,
    /// Ranges that could have been there, and were not.
    pub disk_misses: u64,
    /// Ranges that could not be written to disk.
    pub disk_failures: u64,
    /// Bytes written to disk.
    pub disk_written: u64,
}
