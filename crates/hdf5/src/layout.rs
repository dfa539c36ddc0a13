//! The data layout message (IV.A.2.i), versions 1 to 5, and external data files (IV.A.2.h).

mod external;
mod mapping;
mod parse;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::address::Address;
use crate::chunk_index::ChunkIndex;
use crate::heap::HeapId;

/// Where the raw data of a dataset lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In the object header.
    Compact {
        /// The data.
        data: Bytes,
    },
    /// In one run of bytes (or in external files, see [`crate::Dataset::external_files`]).
    Contiguous {
        /// Where; `None` when not allocated.
        address: Option<Address>,
        /// How many bytes, where the message says so (not in versions 1 and 2).
        size: Option<u64>,
    },
    /// In chunks of equal shape.
    Chunked {
        /// Lengths of a chunk's axes in elements.
        chunk_shape: Vec<u64>,
        /// Size in bytes of an element, as the layout message has it.
        element_size: u32,
        /// Whether chunks that reach over the edge of the array are stored without filters
        /// (flag bit 0 of version 4).
        unfiltered_edges: bool,
        /// What finds the chunks.
        index: ChunkIndex,
    },
    /// In other datasets; the mapping lies in the global heap.
    Virtual {
        /// Where the mapping is; `None` when there is none.
        mapping: Option<HeapId>,
    },
}

pub(crate) use external::ExternalFileList;
pub use mapping::VirtualMapping;

/// One entry of the external data files message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalFile {
    /// Path of the file, as the writer gave it.
    pub name: String,
    /// First byte within it.
    pub offset: u64,
    /// Bytes of the dataset it holds; `None` for unlimited.
    pub size: Option<u64>,
}
