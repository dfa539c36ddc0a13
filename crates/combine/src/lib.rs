//! Many manifests joined into one.
//!
//! [`concat()`] joins like granules along one dimension into plain references: columns of chunk
//! tables are appended, no chunk is read. Times that manifests hold are counted in one unit. Whatever
//! else is unlike is refused, with the granule, the variable and the reason; nothing is joined that would
//! read as other numbers.

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

mod chunks;
mod compare;
mod concat;
mod coordinate;
mod error;
mod held;
mod inline;
mod join;
mod locations;
mod options;
mod provenance;
mod report;
mod units;
mod words;

pub use concat::concat;
pub use coordinate::check_dimension;
pub use error::{Difference, Error, Result};
pub use held::{beside, hold, not_held};
pub use options::ConcatOptions;
pub use report::{CombineReport, Duplicate};
