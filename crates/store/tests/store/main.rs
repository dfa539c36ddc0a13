//! Manifests made by hand over a small object, served and read.

mod caching;
mod dataset;
mod elements;
mod errors;
mod joined;
mod keys;
mod kit;
mod listing;
mod parts;
mod pins;
mod put_together;
mod requests;
mod subset;
mod values;
mod whole;
