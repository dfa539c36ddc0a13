//! The HDF5 filter pipeline: chunks decoded, and encoded where one must be written.
//!
//! A [`Pipeline`] takes the bytes of a chunk as an HDF5 file stores them and undoes its filters,
//! exactly as libhdf5 does. No stage may give more bytes than the chunk can have held at that
//! stage, so a chunk that claims to be small can't unfold into a large one.

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

mod bitplanes;
mod bits;
mod bitshuffle;
mod blosc;
mod bzip2;
mod cursor;
mod deflate;
mod error;
mod fletcher32;
mod lz;
mod lz4;
mod lzf;
mod lzo;
mod nbit;
mod pipeline;
mod registered;
mod room;
mod scaleoffset;
mod shuffle;
mod szip;
mod zstd;

pub use error::{Error, Result};
pub use pipeline::{Filter, Pipeline};
