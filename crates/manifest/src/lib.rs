//! The model of a virtual Zarr dataset, and its Kerchunk JSON and Parquet forms.
//!
//! Everything here is pure: bytes in, bytes out. A [`Manifest`] is a tree of groups and arrays;
//! the chunks of an array are a columnar [`ChunkTable`] that says where each lies.

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
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "tests build their own data"
    )
)]

mod array;
mod attribute;
mod chunk_grid;
mod chunk_table;
mod chunks;
mod concat;
mod conversion;
mod data_type;
mod error;
pub mod extras;
pub mod kerchunk;
mod location;
mod mapping;
mod prefix;
mod provenance;
mod tree;
mod words;
pub mod zarr;

pub use array::{Array, Codec, Group, Layout, Manifest, Segment};
pub use attribute::{Attribute, Attributes, Value};
pub use chunk_grid::{cell_count, chunk_coordinates, chunk_grid, chunk_index};
pub use chunk_table::{ChunkRef, ChunkTable, ChunkTableBuilder, ChunkTableIter};
pub use chunks::Chunks;
pub use concat::{
    Concat, ConcatBuilder, ConcatPart, ConcatParts, Encoding, Packing, PartSource, Profile, Span,
    SpanSource,
};
pub use conversion::{Change, Conversion, Part, StoredFloat, StoredInteger, StoredOrder};
pub use data_type::{ByteOrder, DataType, Field};
pub use error::{Error, Result};
pub use location::{Location, LocationId, Locations, Pin};
pub use mapping::{Loop, Mapping, Side, Step};
pub use prefix::Prefix;
pub use provenance::{
    CitationRecord, Collection, GranuleRecord, HISTORY, Provenance, SOURCE_DOI, before_us,
};
pub use tree::check_name;
