//! Chunk indexes: where each chunk of a dataset lies.

mod btree_v1;
mod columns;
mod elements;
mod extensible_array;
mod fixed_array;
mod grid;
#[cfg(test)]
mod tests;
mod walk;

use crate::address::Address;

pub(crate) use grid::Grid;
pub(crate) use walk::ChunkWalk;

/// What finds the chunks of a dataset (IV.A.2.i, chunk indexing types).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkIndex {
    /// Version 1 B-tree, node type 1 (III.A.1). Undefined address: no chunk is stored.
    BTreeV1 {
        /// The root node.
        address: Address,
    },
    /// The whole array is one chunk.
    SingleChunk {
        /// The chunk.
        address: Address,
        /// Stored size in bytes and filter mask, if it is filtered.
        filtered: Option<(u64, u32)>,
    },
    /// Chunks of full size, one after another.
    Implicit {
        /// The first chunk.
        address: Address,
    },
    /// Fixed array (VII.C).
    FixedArray {
        /// The header.
        address: Address,
    },
    /// Extensible array (VII.D).
    ExtensibleArray {
        /// The header.
        address: Address,
    },
    /// Version 2 B-tree, record types 10 and 11 (III.A.2).
    BTreeV2 {
        /// The header.
        address: Address,
    },
}

impl ChunkIndex {
    /// Its root: a node, a header, or the first chunk.
    pub fn address(&self) -> Address {
        match self {
            Self::BTreeV1 { address }
            | Self::SingleChunk { address, .. }
            | Self::Implicit { address }
            | Self::FixedArray { address }
            | Self::ExtensibleArray { address }
            | Self::BTreeV2 { address } => *address,
        }
    }
}

/// The chunks that are stored, as columns of equal length, ascending by `indices`.
///
/// Chunks that lie wholly outside of the array (left by a shrinking resize) are not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    /// Chunks along each axis: the array's length divided by the chunk's, rounded up.
    pub grid: Vec<u64>,
    /// Numbers of the chunks in the grid, C order.
    pub indices: Vec<u64>,
    /// Bytes from the start of the file (the base address is added).
    pub offsets: Vec<u64>,
    /// Stored sizes in bytes.
    pub lengths: Vec<u64>,
    /// Chunks whose filter mask is not zero: position in the columns and mask, ascending.
    pub filter_masks: Vec<(u64, u32)>,
}
