//! Reading reference sets, whoever wrote them.
//!
//! A set is untrusted. What contradicts the format is an error that names the key; what the model
//! can't say refuses its array, with the reason in the [`SetReport`]. Memory and work stay in
//! proportion to what is read: what a few bytes may expand to (templates, `gen`, records of
//! Parquet) is bounded.

mod document;
mod json;
mod parquet;
mod rows;
mod template;
mod tree;

pub use json::{JsonOptions, read_json};
pub use parquet::{BlobSource, ParquetSet, Record, read_parquet};

use crate::array::Manifest;

/// Remarks beyond these are only counted.
const MAX_REMARKS: usize = 100;

/// A reference set.
#[derive(Debug)]
pub struct ReadSet {
    /// What it describes. Every array is [`Layout::Chunked`](crate::Layout::Chunked), and its
    /// locations are as the set writes them: they may be relative, and have no pins.
    pub manifest: Manifest,
    /// What of it is not in the manifest.
    pub report: SetReport,
}

/// What of a set could not be taken as it is.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SetReport {
    /// Arrays and groups that are not in the manifest.
    pub refused: Vec<RefusedNode>,
    /// What else a user should know.
    pub remarks: Vec<String>,
    /// How many remarks were dropped because there were too many.
    pub more_remarks: u64,
}

/// An array or a group of a set that is not in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedNode {
    /// Its path from the root, as the set's keys have it.
    pub path: String,
    /// Why not.
    pub reason: String,
}

impl SetReport {
    pub(crate) fn refuse(&mut self, path: &str, reason: impl Into<String>) {
        self.refused.push(RefusedNode {
            path: format!("/{path}"),
            reason: reason.into(),
        });
    }

    pub(crate) fn remark(&mut self, remark: impl FnOnce() -> String) {
        if self.remarks.len() < MAX_REMARKS {
            self.remarks.push(remark());
        } else {
            self.more_remarks = self.more_remarks.saturating_add(1);
        }
    }
}
