//! From an HDF5 granule to a manifest: drives the parser over io and maps HDF5 to Zarr.
//!
//! [`scan`] reads the metadata of one file and gives a [`Scanned`]: the [`Manifest`] of all that
//! Zarr can say, and the [`Report`], in which every dataset of the file ends as referenced,
//! inlined or refused with its reason.
//!
//! # Dimension names
//! In this order:
//! 1. The last scale that `DIMENSION_LIST` attaches to an axis, if the axis is as long as the
//!    dimension. An unlimited axis that is shorter than its unlimited dimension (the longest of those
//!    that were read) is shown as long, with fill values at its end, as netCDF readers show it; where
//!    those can't be told for certain (no fill value is defined) it stays as it is, and anonymous.
//! 2. For a dimension scale: its own name for one axis; for several, the scales that
//!    `_Netcdf4Coordinates` lists by their `_Netcdf4Dimid`.
//! 3. Otherwise the axis is anonymous, and shared as netCDF-C shares its "phony" dimensions: with
//!    the first dimension of the same group that has the same length, is as (un)limited, and is not
//!    used by another axis of the same dataset. A phony dimension is named after what it is
//!    (`phony_{length}`, `phony_{length}_unlimited`; then `phony_{length}_2`, ...), so that a name
//!    has one length everywhere and does not depend on what else was scanned.
//!
//! A scale goes by its own name where it lies in the group of the dataset or above it, with none of
//! the same name between; otherwise by its whole path.
//!
//! # Links
//! Datasets and groups appear under every name that hard and soft links give them, and external
//! links where those are followed; what is not followed is in the report with the reason. Arrays of
//! other files keep the dimension names that they have there, but for names that have another length
//! on the path from the root: those get the length as a suffix (`x_7`).

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

mod absent;
mod attribute;
mod codec;
mod contiguous;
mod converted;
mod data_type;
mod dataset;
mod dimension;
mod drive;
mod element;
mod elsewhere;
mod error;
mod external;
mod fill_value;
mod flat;
mod graft;
mod granule;
mod grown;
mod late;
mod layout;
mod links;
mod member;
mod metadata_filters;
mod narrow;
mod neighbour;
mod options;
mod other_file;
mod placed_elsewhere;
mod raw;
mod reference;
mod report;
mod room;
mod scan;
mod source;
mod source_path;
mod sources;
mod strings;
mod tree;
mod value;
mod variable;
mod virtual_dataset;

pub use chunkref_manifest::Manifest;
pub use error::{Error, Result};
pub use granule::Granule;
pub use options::ScanOptions;
pub use report::{DatasetReport, LinkReport, Outcome, RefusedAttribute, Report};
pub use scan::{Scanned, scan};
