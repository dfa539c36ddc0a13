//! The filter pipeline message (IV.A.2.l).

/// The number of a filter, as registered with The HDF Group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(pub u16);

impl FilterId {
    /// Deflate (zlib).
    pub const DEFLATE: Self = Self(1);
    /// Byte shuffle.
    pub const SHUFFLE: Self = Self(2);
    /// Fletcher-32 checksum.
    pub const FLETCHER32: Self = Self(3);
    /// Szip.
    pub const SZIP: Self = Self(4);
    /// N-bit packing.
    pub const NBIT: Self = Self(5);
    /// Scale-offset.
    pub const SCALEOFFSET: Self = Self(6);
    /// LZF (h5py).
    pub const LZF: Self = Self(32000);
    /// Blosc.
    pub const BLOSC: Self = Self(32001);
    /// LZ4 with HDF5's own framing.
    pub const LZ4: Self = Self(32004);
    /// Bitshuffle.
    pub const BITSHUFFLE: Self = Self(32008);
    /// Zstandard.
    pub const ZSTD: Self = Self(32015);
    /// Blosc 2.
    pub const BLOSC2: Self = Self(32026);
    /// Bzip2.
    pub const BZIP2: Self = Self(307);
}

/// One filter of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Which filter.
    pub id: FilterId,
    /// Its name, if the file gives one.
    pub name: Option<String>,
    /// Whether a chunk may go without it when it fails (flag bit 0).
    pub optional: bool,
    /// Parameters ("client data values").
    pub parameters: Vec<u32>,
}
