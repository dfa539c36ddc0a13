//! Manifests made by hand over a small object, served and read.

mod dataset;
mod elements;
mod errors;
mod joined;
mod keys;
mod listing;
mod parts;
mod put_together;
mod requests;
mod subset;
mod values;
mod whole;
