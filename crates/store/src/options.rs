//! How a manifest is served.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    pub(crate) version: ZarrVersion,
    pub(crate) reader: ReaderProfile,
    pub(crate) cache_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            version: ZarrVersion::default(),
            reader: ReaderProfile::default(),
            cache_bytes: CACHE_BYTES,
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

    /// Keeps decoded chunks of at most so many bytes (default 64 MiB), which more than one chunk that
    /// is served needs.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Serves this reader.
    #[must_use]
    pub fn with_reader(mut self, reader: ReaderProfile) -> Self {
        self.reader = reader;
        self
    }
}
