//! Granules that were deleted.
//!
//! | field                  | content                                                              |
//! |------------------------|----------------------------------------------------------------------|
//! | `concept-id`           | text                                                                 |
//! | `granule-ur`           | text                                                                 |
//! | `parent-collection-id` | text                                                                 |
//! | `provider-id`          | text                                                                 |
//! | `revision-date`        | when it was deleted: `2026-09-07T18:51:39+0000`, or with milliseconds and `Z` |

use serde_json::Value;

use crate::time::Timestamp;
use crate::umm;

/// What CMR tells of granules that were deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeletedGranules {
    /// Some of them, in no order: CMR sends ten at most, and there is no way to the others.
    pub granules: Vec<Deleted>,
    /// How many there are.
    pub hits: u64,
}

/// A granule that CMR does not have any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deleted {
    /// Its concept id.
    pub concept_id: String,
    /// Its name (`GranuleUR`).
    pub name: String,
    /// When it was deleted.
    pub deleted: Option<Timestamp>,
}

impl Deleted {
    /// One of the list that CMR answers with.
    pub(crate) fn of(item: &Value) -> Result<Self, String> {
        let id = umm::owned(item, &["concept-id"]);
        Ok(Self {
            concept_id: id.ok_or("a deleted granule without concept-id")?,
            name: umm::owned(item, &["granule-ur"]).unwrap_or_default(),
            deleted: umm::time(item, &["revision-date"]),
        })
    }
}
