//! The documents that describe the tree to Zarr readers, in versions 2 and 3 of the format.

mod attributes;
pub(crate) mod read;
mod scalar;
pub mod v2;
pub mod v3;

pub(crate) use attributes::float_json;
pub use attributes::{attribute_json, attributes_json, value_json};
