//! Granules made by hand, joined.

mod granule;
mod like;
mod lookups;
mod refused;
mod values;
