//! Heaps: local (III.D), global (III.E) and fractal (III.G).

use crate::address::Address;

pub(crate) mod fractal;
mod global;
pub(crate) mod local;
mod objects;
mod shared;

pub(crate) use global::GlobalHeap;
pub(crate) use local::{DataSegment, LocalHeap};
pub use objects::HeapObjects;
pub(crate) use shared::SharedMessages;

/// An object of the global heap (III.E).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeapId {
    /// The collection that holds it.
    pub collection: Address,
    /// Its index within the collection; 0 stands for no object.
    pub index: u32,
}
