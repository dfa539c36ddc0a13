//! Sets built of an archive: a server of CMR, and one of the granules that its records name.

mod archive;
mod coordinates;
mod folders;
mod grown;
mod identity;
mod listings;
mod revisions;
mod sources;
mod unlike;
