//! Sets built of an archive: a server of CMR, and one of the granules that its records name.

mod archive;
mod coordinates;
mod grown;
mod revisions;
mod sources;
mod unlike;
