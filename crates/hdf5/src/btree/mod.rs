//! B-trees (III.A).

pub(crate) mod v2;
