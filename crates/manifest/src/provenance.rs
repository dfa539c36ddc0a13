//! Where a set comes from.

use serde::{Deserialize, Serialize};

use crate::location::LocationId;

/// What a set was made of and by. It names no user, no local path and no time, so that equal
/// inputs give equal sets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Provenance {
    /// The collection whose granules these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<Collection>,
    /// What was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The granules, in the order in which they were joined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granules: Vec<GranuleRecord>,
    /// The version of chunkref that made the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunkref: Option<String>,
}

/// A collection, as CMR describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Collection {
    /// Concept id, such as `C1996881146-POCLOUD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept_id: Option<String>,
    /// Short name, such as `MUR-JPL-L4-GLOB-v4.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_name: Option<String>,
    /// Version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// DOI, without a resolver's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doi: Option<String>,
    /// The data centre that keeps it, such as `NASA/JPL/PODAAC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_center: Option<String>,
}

/// A granule of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct GranuleRecord {
    /// Its name: the `GranuleUR` or native id in CMR.
    pub name: String,
    /// Concept id, such as `G1234567890-POCLOUD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept_id: Option<String>,
    /// The revision of that record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The objects that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<LocationId>,
}

impl GranuleRecord {
    /// A granule of which only the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

impl Provenance {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
