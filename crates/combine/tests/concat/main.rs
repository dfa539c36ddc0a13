//! Granules made by hand, joined.

mod granule;
mod like;
mod lookups;
mod provenance;
mod refused;
mod units;
mod values;
