//! How each dataset of a file ended.

use std::fmt;

/// How a dataset ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// Its chunks are referred to where they lie.
    Referenced,
    /// Its data is in the manifest.
    Inlined,
    /// It is referred to, and only this project's store can decode it.
    Decoded,
    /// It is not in the manifest, for the reason given.
    Refused,
    /// It stands for a netCDF dimension without a variable; other arrays carry its name.
    Dimension,
}

impl Outcome {
    /// The word in the report's JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Referenced => "referenced",
            Self::Inlined => "inlined",
            Self::Decoded => "decoded",
            Self::Refused => "refused",
            Self::Dimension => "dimension",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How one dataset ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetReport {
    /// Its path from the root of the granule.
    pub path: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, if it was refused or only the store can decode it.
    pub reason: Option<String>,
}

/// An attribute that is not in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAttribute {
    /// The path of its object.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A link that was not followed, so that nothing stands in the manifest under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// How all that is in a file ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The file, as it is named in the references.
    pub file: String,
    /// Every dataset, once for each of its names.
    pub datasets: Vec<DatasetReport>,
    /// Attributes that are not in the manifest.
    pub attributes_refused: Vec<RefusedAttribute>,
    /// Links that were not followed.
    pub links: Vec<LinkReport>,
    /// What is as it should be and yet may surprise.
    pub warnings: Vec<String>,
}

impl Report {
    /// The datasets that were refused.
    pub fn refused(&self) -> impl Iterator<Item = &DatasetReport> {
        self.datasets
            .iter()
            .filter(|dataset| dataset.outcome == Outcome::Refused)
    }

    /// The datasets that no reference set can hold, though chunkref's store reads them.
    pub fn decoded(&self) -> impl Iterator<Item = &DatasetReport> {
        self.datasets
            .iter()
            .filter(|dataset| dataset.outcome == Outcome::Decoded)
    }

    /// The report as a JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        let datasets: Vec<_> = self
            .datasets
            .iter()
            .map(|dataset| {
                serde_json::json!({
                    "path": dataset.path,
                    "outcome": dataset.outcome.as_str(),
                    "reason": dataset.reason,
                })
            })
            .collect();
        let attributes: Vec<_> = self
            .attributes_refused
            .iter()
            .map(|refused| {
                serde_json::json!({
                    "path": refused.path,
                    "name": refused.name,
                    "reason": refused.reason,
                })
            })
            .collect();
        let links: Vec<_> = self
            .links
            .iter()
            .map(|link| serde_json::json!({ "path": link.path, "reason": link.reason }))
            .collect();
        serde_json::json!({
            "file": self.file,
            "datasets": datasets,
            "attributes_refused": attributes,
            "links": links,
            "warnings": self.warnings,
        })
    }

    pub(crate) fn dataset(&mut self, path: &str, outcome: Outcome) {
        self.datasets.push(DatasetReport {
            path: path.to_owned(),
            outcome,
            reason: None,
        });
    }

    pub(crate) fn refuse(&mut self, path: &str, reason: impl Into<String>) {
        self.datasets.push(DatasetReport {
            path: path.to_owned(),
            outcome: Outcome::Refused,
            reason: Some(reason.into()),
        });
    }

    pub(crate) fn beyond_zarr(&mut self, path: &str, reason: String) {
        self.datasets.push(DatasetReport {
            path: path.to_owned(),
            outcome: Outcome::Decoded,
            reason: Some(reason),
        });
    }

    pub(crate) fn link(&mut self, path: String, reason: impl Into<String>) {
        self.links.push(LinkReport {
            path,
            reason: reason.into(),
        });
    }
}
