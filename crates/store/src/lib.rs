//! A manifest served as Zarr, through the storage traits of `zarrs`.
//!
//! [`Store`] answers keys of a Zarr hierarchy: documents from the manifest, chunks by ranged reads
//! of the objects they lie in. What it serves is a whole manifest, or a [`ReferenceSource`] that tells
//! groups and references when they are asked for. [`BlockingStore`] does the same for callers without async code.
//!
//! A chunk that the manifest says is absent is no key (`None`): readers take the fill value. A
//! chunk that can't be read is an error, never `None`.

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

mod blocking;
pub mod cf;
mod chunk;
mod conversion;
mod decoded;
mod disk_cache;
mod document;
mod error;
mod joined;
mod key;
mod list;
mod lookup;
mod options;
mod parts;
mod put_together;
mod read;
mod references;
mod resolve;
mod source;
mod store;
mod subset;
mod traits;
mod unpacking;
mod virtual_dataset;

pub use blocking::BlockingStore;
pub use chunk::pipeline;
pub use conversion::{Conversion, Float, Integer};
pub use document::Refused;
pub use error::{Error, Result};
pub use options::{CacheStats, ReaderProfile, StoreOptions, ZarrVersion};
pub use read::{Element, Elements, ReadOptions, Selection, Slice};
pub use references::{Part, ReferenceSource, SourceError};
pub use store::Store;
pub use subset::{BoundingBox, GranuleWindow, Inside, Query, Subset, SubsetAxis};
