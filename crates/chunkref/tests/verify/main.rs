//! `verify`: sound sets are sound, and one thing changed is found.

#[cfg(feature = "libhdf5")]
mod libhdf5;
mod references;
mod sets;
mod sources;
mod values;
