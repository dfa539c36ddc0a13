//! Granules that were deleted.

use serde_json::Value;

use crate::time::Timestamp;
use crate::umm;

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
        let id = umm::owned(item, &["granule-concept-id"]);
        Ok(Self {
            concept_id: id.ok_or("a deleted granule without granule-concept-id")?,
            name: umm::owned(item, &["granule-ur"]).unwrap_or_default(),
            deleted: umm::time(item, &["revision-date"]),
        })
    }
}
