//! The tree of groups and arrays.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::chunk_table::ChunkTable;
use crate::concat::Concat;
use crate::conversion::Conversion;
use crate::data_type::DataType;
use crate::location::{LocationId, Locations};
use crate::mapping::Mapping;
use crate::provenance::Provenance;

/// A virtual dataset.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// The root group.
    pub root: Group,
    /// The objects that chunks refer to.
    pub locations: Locations,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Manifest {
    /// A manifest of this tree, of unknown provenance.
    pub fn new(root: Group, locations: Locations) -> Self {
        Self {
            root,
            locations,
            provenance: Provenance::default(),
        }
    }
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its attributes.
    pub attributes: Attributes,
    /// Its arrays, by name.
    pub arrays: BTreeMap<String, Array>,
    /// Its groups, by name; no name is both an array's and a group's.
    pub groups: BTreeMap<String, Group>,
}

/// An array.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Lengths of its axes in elements; empty for a scalar.
    pub shape: Vec<u64>,
    /// The type of its elements.
    pub data_type: DataType,
    /// The name of each axis.
    pub dimension_names: Vec<String>,
    /// What absent chunks hold: one element in `data_type`'s byte order. `None`: zeros.
    pub fill_value: Option<Bytes>,
    /// Its attributes, `_FillValue` among them if the file has one.
    pub attributes: Attributes,
    /// How its bytes lie.
    pub layout: Layout,
}

/// How the bytes of an array lie.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Layout {
    /// In chunks of equal shape; the last ones of an axis may reach over its end.
    Chunked {
        /// Lengths of a chunk's axes in elements, one per axis of the array, none zero.
        chunk_shape: Vec<u64>,
        /// What a writer applies, in this order.
        codecs: Vec<Codec>,
        /// Where the chunks lie.
        chunks: ChunkTable,
        /// A chunk full of the fill value, encoded: only where there are absent chunks whose fill
        /// value a Zarr v2 document can't say (it is not zero, and not `_FillValue`).
        fill_chunk: Option<Bytes>,
    },
    /// In one run of uncompressed bytes, C order.
    Contiguous {
        /// The object.
        location: LocationId,
        /// First byte within it.
        offset: u64,
        /// Length in bytes: elements times their size.
        length: u64,
        /// How it is split into chunks along the leading axes: every chunk is whole and one run.
        chunk_shape: Vec<u64>,
    },
    /// Here: uncompressed bytes, C order, or (for types of variable length) as
    /// [`Codec::VlenUtf8`] or [`Codec::VlenBytes`] encodes them, in one chunk of the array's shape.
    Inline {
        /// The bytes.
        data: Bytes,
    },
    /// Nowhere: every element is the fill value (never allocated, or an axis of length zero).
    Absent {
        /// Lengths of a chunk's axes in elements, for the documents.
        chunk_shape: Vec<u64>,
        /// As in [`Layout::Chunked`], uncompressed.
        fill_chunk: Option<Bytes>,
    },
    /// In several runs of uncompressed bytes one after the other, C order, which do not end where
    /// chunks do (external data files). Only chunkref's store puts them together.
    External {
        /// The runs; together at least as long as the array.
        segments: Vec<Segment>,
        /// Lengths of a chunk's axes: before the first that is not that of the array all are 1,
        /// after the first that is not 1 all are those of the array.
        chunk_shape: Vec<u64>,
    },
    /// In other arrays, whose chunks it does not follow. Only chunkref's store puts it together.
    /// What no mapping covers is the fill value.
    Virtual {
        /// Lengths of a chunk's axes in elements.
        chunk_shape: Vec<u64>,
        /// The arrays; their numbers are of equal kind, perhaps of other width or byte order.
        sources: Vec<Array>,
        /// What the sources give; later mappings over earlier ones.
        mappings: Vec<Mapping>,
    },
    /// In chunks of several kinds, joined along an axis. Only chunkref's store puts it together.
    Concat(Box<Concat>),
}

/// A run of bytes of a [`Layout::External`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The object and the first byte within it; `None` where it has ended, which reads as zeros.
    pub place: Option<(LocationId, u64)>,
    /// How many bytes.
    pub length: u64,
}

/// One step of a chunk's encoding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Bytes of equal significance together (HDF5 filter 2).
    Shuffle {
        /// Size in bytes of an element.
        element_size: u32,
    },
    /// Deflate in a zlib container (HDF5 filter 1).
    Zlib {
        /// Compression level, 0 to 9.
        level: u8,
    },
    /// Fletcher-32 checksum in the last four bytes (HDF5 filter 3).
    Fletcher32,
    /// Zstandard (HDF5 filter 32015).
    Zstd {
        /// Compression level.
        level: i32,
    },
    /// Bzip2 (HDF5 filter 307).
    Bz2 {
        /// Compression level, 1 to 9.
        level: u8,
    },
    /// Blosc, whose chunks say themselves how they are compressed (HDF5 filter 32001).
    Blosc {
        /// Size in bytes of an element.
        element_size: u32,
    },
    /// Any other HDF5 filter: no Zarr codec undoes it, but chunkref's store does.
    Hdf5 {
        /// The number of the filter.
        id: u16,
        /// Its parameters ("client data values").
        parameters: Vec<u32>,
    },
    /// Strings as `numcodecs.VLenUTF8` has them: count (u32), then length (u32) and bytes of each; little-endian.
    VlenUtf8,
    /// Bytes as `numcodecs.VLenBytes` has them, framed as in [`Codec::VlenUtf8`].
    VlenBytes,
    /// A change of the elements before all filters, first among the codecs: no Zarr codec undoes
    /// it, but chunkref's store does.
    Convert(Conversion),
}

impl Codec {
    /// Whether what these made is undone in the same way: levels of compression are no matter, nor is
    /// shuffle of single bytes, which does nothing.
    pub fn are_undone_alike(left: &[Self], right: &[Self]) -> bool {
        let does = |codec: &&Self| !matches!(codec, Self::Shuffle { element_size: 1 });
        let alike = |left: &Self, right: &Self| {
            matches!(
                (left, right),
                (Self::Zlib { .. }, Self::Zlib { .. })
                    | (Self::Zstd { .. }, Self::Zstd { .. })
                    | (Self::Bz2 { .. }, Self::Bz2 { .. })
                    | (Self::Blosc { .. }, Self::Blosc { .. })
            ) || left == right
        };
        let (mut left, mut right) = (left.iter().filter(does), right.iter().filter(does));
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(one), Some(other)) if alike(one, other) => {}
                _ => return false,
            }
        }
    }
}
