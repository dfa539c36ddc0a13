//! Where a set comes from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::array::Manifest;
use crate::attribute::{Attribute, Attributes};
use crate::location::LocationId;

/// The attribute of the root that tells what was done to a dataset, one line a step (CF 2.6.2).
pub const HISTORY: &str = "history";
/// The attribute of the root that holds the DOI of the collection.
pub const SOURCE_DOI: &str = "source_doi";

/// How our lines in [`HISTORY`] begin, and what tells them from others.
const LINE: (&str, &str) = ("chunkref ", ": virtual dataset of ");

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
    /// The title of its record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// DOI, without a resolver's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doi: Option<String>,
    /// The data centre that keeps it, such as `NASA/JPL/PODAAC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_center: Option<String>,
    /// How it wants to be cited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<CitationRecord>,
}

/// How a collection wants to be cited, as its record says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct CitationRecord {
    /// Who made it: names as the record has them, which is free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// The title it is cited by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it was published, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_date: Option<String>,
    /// Who published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
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
    /// When its data begin, as its record says it (ISO 8601).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// When they end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The objects that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<LocationId>,
}

impl Collection {
    /// Whether two records are of one collection: of the same concept id, short name and version.
    pub fn is_same(&self, other: &Self) -> bool {
        let known_by = |one: &Self| {
            (
                one.concept_id.clone(),
                one.short_name.clone(),
                one.version.clone(),
            )
        };
        let named = known_by(self);
        if named == (None, None, None) {
            return self == other;
        }
        named == known_by(other)
    }
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

impl Manifest {
    /// Says in the attributes of the root what the dataset was made of: a line at the end of
    /// [`HISTORY`], in place of one that was there, and [`SOURCE_DOI`], unless the files have one.
    /// Doing it twice is doing it once, and nothing of it depends on the time.
    ///
    /// For datasets that are more than a view of one file: those that were joined, or found by a
    /// search.
    ///
    /// ```
    /// use chunkref_manifest::{GranuleRecord, HISTORY, Manifest};
    ///
    /// let mut manifest = Manifest::default();
    /// manifest.provenance.granules.push(GranuleRecord::new("20200601"));
    /// manifest.describe_source("0.1.0");
    /// manifest.describe_source("0.1.0");
    /// let history = manifest.root.attributes[HISTORY].as_text();
    /// assert_eq!(history, Some("chunkref 0.1.0: virtual dataset of 1 granule"));
    /// ```
    pub fn describe_source(&mut self, version: &str) {
        let attributes = &self.root.attributes;
        let before = attributes.get(HISTORY);
        // What is no text can't be added to: it is the files' own.
        if before.is_none_or(|history| history.as_text().is_some()) {
            let before = before_us(attributes).unwrap_or_default();
            let mut history = before.trim_end_matches('\n').to_owned();
            if !history.is_empty() {
                history.push('\n');
            }
            history.push_str(&self.history_line(version));
            self.root
                .attributes
                .insert(HISTORY.to_owned(), Attribute::text(history));
        }
        let collection = self.provenance.collection.as_ref();
        if let Some(doi) = collection.and_then(|collection| collection.doi.clone()) {
            let attributes = &mut self.root.attributes;
            attributes
                .entry(SOURCE_DOI.to_owned())
                .or_insert_with(|| Attribute::text(doi));
        }
    }

    fn history_line(&self, version: &str) -> String {
        let (program, made) = LINE;
        let held: BTreeSet<LocationId> = self
            .provenance
            .granules
            .iter()
            .flat_map(|granule| granule.locations.iter().copied())
            .collect();
        let granules = self.provenance.granules.len();
        let files = self.locations.len();
        // Granules count only where they are all that there is.
        let (count, what) = if granules > 0 && held.len() >= files {
            (granules, "granule")
        } else {
            (files, "file")
        };
        let plural = if count == 1 { "" } else { "s" };
        let mut line = format!("{program}{version}{made}{count} {what}{plural}");
        if let Some(collection) = &self.provenance.collection {
            let names = [
                (" of ", &collection.short_name),
                (" version ", &collection.version),
            ];
            for (before, name) in names {
                let Some(name) = name else { break };
                line.push_str(before);
                // One line, whatever the record holds.
                line.extend(
                    name.chars()
                        .map(|one| if one.is_control() { ' ' } else { one }),
                );
            }
        }
        line
    }
}

/// The history of attributes without lines of ours; `None` if there is none, or it is no text.
pub fn before_us(attributes: &Attributes) -> Option<String> {
    let history = attributes.get(HISTORY)?.as_text()?;
    let (program, made) = LINE;
    let is_ours = |line: &str| line.starts_with(program) && line.contains(made);
    let others: Vec<&str> = history.split('\n').filter(|line| !is_ours(line)).collect();
    Some(others.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    fn of_two(history: Option<&str>) -> Manifest {
        let mut manifest = Manifest::default();
        for url in ["a.nc", "b.nc"] {
            manifest.locations.intern(Location::new(url));
        }
        if let Some(history) = history {
            let attributes = &mut manifest.root.attributes;
            attributes.insert(HISTORY.to_owned(), Attribute::text(history));
        }
        manifest
    }

    fn history(manifest: &Manifest) -> &str {
        manifest.root.attributes[HISTORY].as_text().unwrap()
    }

    #[test]
    fn what_files_tell_of_themselves_stays_before_our_line() {
        let mut manifest = of_two(Some("made by hand\nthen changed\n\n"));
        manifest.describe_source("0.1.0");
        let once = "made by hand\nthen changed\nchunkref 0.1.0: virtual dataset of 2 files";
        assert_eq!(history(&manifest), once);
        manifest.describe_source("0.1.0");
        assert_eq!(history(&manifest), once);
        // A later version, of more: its line takes the place of the first.
        manifest.locations.intern(Location::new("c.nc"));
        manifest.describe_source("0.2.0");
        assert!(history(&manifest).ends_with("chunkref 0.2.0: virtual dataset of 3 files"));
        assert_eq!(history(&manifest).matches("chunkref").count(), 1);
    }

    #[test]
    fn granules_are_counted_where_they_hold_all_files() {
        let mut manifest = of_two(None);
        manifest.provenance.collection = Some(Collection {
            short_name: Some("ATL03\n".to_owned()),
            version: Some("006".to_owned()),
            doi: Some("10.5067/X".to_owned()),
            ..Collection::default()
        });
        let mut granule = GranuleRecord::new("one");
        granule.locations = vec![LocationId(0)];
        manifest.provenance.granules.push(granule.clone());
        manifest.describe_source("0.1.0");
        let line = "chunkref 0.1.0: virtual dataset of 2 files of ATL03  version 006";
        assert_eq!(history(&manifest), line);
        granule.locations = vec![LocationId(1)];
        manifest.provenance.granules.push(granule);
        manifest.describe_source("0.1.0");
        assert!(history(&manifest).contains("of 2 granules of ATL03"));
        let doi = manifest.root.attributes[SOURCE_DOI].as_text();
        assert_eq!(doi, Some("10.5067/X"));
    }

    #[test]
    fn what_files_say_otherwise_is_left_alone() {
        let mut manifest = of_two(None);
        let number = Attribute {
            values: Vec::new(),
            ..Attribute::text("")
        };
        let attributes = &mut manifest.root.attributes;
        attributes.insert(HISTORY.to_owned(), number.clone());
        attributes.insert(SOURCE_DOI.to_owned(), Attribute::text("10.1/own"));
        manifest.provenance.collection = Some(Collection {
            doi: Some("10.2/other".to_owned()),
            ..Collection::default()
        });
        manifest.describe_source("0.1.0");
        assert_eq!(manifest.root.attributes[HISTORY], number);
        let doi = manifest.root.attributes[SOURCE_DOI].as_text();
        assert_eq!(doi, Some("10.1/own"));
    }
}
