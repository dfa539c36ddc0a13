//! Sans-IO parser of HDF5 metadata: bytes in, wanted ranges out.
//!
//! The parser does no I/O. [`Scan::poll`] says which byte ranges it wants, [`Scan::supply`] hands
//! them over in any order and any split, and [`Scan::into_file`] gives the [`File`]: every group,
//! dataset and attribute, and where each chunk lies.
//!
//! Section numbers in the documentation ("III.D") are those of the *HDF5 File Format
//! Specification*, version 4.0.

#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "tests build their own bytes"
    )
)]

mod address;
mod attribute;
mod btree;
mod cache_image;
mod checksum;
mod chunk_index;
mod cursor;
mod dataspace;
mod datatype;
mod decode;
mod driver;
mod error;
mod fill_value;
mod filter;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod heap;
mod held;
#[cfg(test)]
mod hostile;
mod layout;
mod link;
mod message;
mod object;
mod object_header;
mod path;
mod reference;
mod scan;
mod selection;
mod superblock;
mod text;
mod variable_length;
mod walk;

pub use address::{Address, Sizes};
pub use attribute::Attribute;
pub use chunk_index::{ChunkIndex, Chunks};
pub use dataspace::Dataspace;
pub use datatype::{
    ByteOrder, CharacterSet, Compound, Datatype, EnumMember, Field, FloatLayout, Padding, Reference,
};
pub use decode::Decode;
pub use error::{Error, Result};
pub use fill_value::FillValue;
pub use filter::{Filter, FilterId};
pub use heap::{HeapId, HeapObjects};
pub use layout::{ExternalFile, Layout, VirtualMapping};
pub use link::{Link, LinkTarget};
pub use object::{Dataset, ExternalLink, File, Followed, Group, Object, ObjectKind};
pub use path::{LinkEnd, Nowhere};
pub use reference::{Referent, ReferentPart};
pub use scan::{Hint, Limits, Narrow, Progress, Scan, ScanOptions};
pub use selection::{Hyperslab, Selection};
pub use superblock::Superblock;
pub use variable_length::{heap_ids, is_variable};
