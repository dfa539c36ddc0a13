//! Granules: records of UMM-G.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::error::Error;
use crate::files::Archived;
use crate::link::{Link, LinkKind};
use crate::spatial::{Geometry, geometries};
use crate::time::{TimeRange, Timestamp};
use crate::umm;

/// When of the day data were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DayNight {
    /// By day.
    Day,
    /// By night.
    Night,
    /// By day and by night.
    Both,
    /// The record does not say.
    Unspecified,
}

impl DayNight {
    /// As CMR's parameter takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Night => "night",
            Self::Both => "both",
            Self::Unspecified => "unspecified",
        }
    }
}

impl fmt::Display for DayNight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DayNight {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let all = [Self::Day, Self::Night, Self::Both, Self::Unspecified];
        let fits = |one: &Self| one.name().eq_ignore_ascii_case(text);
        all.into_iter().find(fits).ok_or_else(|| {
            Error::query(format!(
                "day/night flag {text:?}: expected day, night, both or unspecified"
            ))
        })
    }
}

/// A granule, as its record in CMR describes it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Granule {
    /// CMR's name for it: `G` and a number, `-`, the provider.
    pub concept_id: String,
    /// The revision of the record, from 1.
    pub revision: u64,
    /// The provider's name for the record.
    pub native_id: String,
    /// The granule's own name (`GranuleUR`).
    pub name: String,
    /// The provider of the record.
    pub provider: String,
    /// The collection that it is in.
    pub collection_concept_id: Option<String>,
    /// That collection's short name and version.
    pub collection: Option<(String, String)>,
    /// When the data were taken.
    pub temporal: Option<TimeRange>,
    /// Where.
    pub spatial: Vec<Geometry>,
    /// The size in bytes of all its files together, as far as the record tells it.
    pub size: Option<u64>,
    /// By day or by night.
    pub day_night: Option<DayNight>,
    /// How much is covered by clouds, in percent.
    pub cloud_cover: Option<f64>,
    /// When the data were made.
    pub production_date: Option<Timestamp>,
    /// When this revision of the record was made.
    pub revision_date: Option<Timestamp>,
    /// All links.
    pub links: Vec<Link>,
    pub(crate) archived: Vec<Archived>,
}

impl Granule {
    /// A granule of an item of an answer in `umm_json`.
    ///
    /// # Errors
    ///
    /// If it lacks the ids by which it is known.
    pub(crate) fn of(item: &Value) -> Result<Self, String> {
        let meta = |name: &str| umm::owned(item, &["meta", name]);
        let needed = |name: &str| meta(name).ok_or_else(|| format!("a granule without {name}"));
        let umm = item.get("umm").unwrap_or(&Value::Null);
        let native_id = needed("native-id")?;
        let concept_id = needed("concept-id")?;
        let archived = Archived::all(umm);
        let sizes = archived.iter().filter_map(|file| file.size);
        let collection = umm::owned(umm, &["CollectionReference", "ShortName"])
            .zip(umm::owned(umm, &["CollectionReference", "Version"]));
        Ok(Self {
            revision: umm::whole(item, &["meta", "revision-id"])
                .ok_or_else(|| format!("{concept_id} without revision-id"))?,
            provider: needed("provider-id")?,
            name: umm::owned(umm, &["GranuleUR"]).unwrap_or_else(|| native_id.clone()),
            collection_concept_id: meta("collection-concept-id"),
            collection,
            temporal: temporal(umm),
            spatial: geometries(umm),
            size: sizes.reduce(u64::saturating_add),
            day_night: umm::text(umm, &["DataGranule", "DayNightFlag"])
                .and_then(|text| text.parse().ok()),
            cloud_cover: umm::number(umm, &["CloudCover"]),
            production_date: umm::time(umm, &["DataGranule", "ProductionDateTime"]),
            revision_date: umm::time(item, &["meta", "revision-date"]),
            links: umm::links(umm),
            archived,
            native_id,
            concept_id,
        })
    }

    /// The URLs of all links of a kind.
    pub fn links_of(&self, kind: LinkKind) -> impl Iterator<Item = &str> {
        let links = self.links.iter().filter(move |link| link.kind == kind);
        links.map(|link| link.url.as_str())
    }

    /// Where temporary credentials for the granule's bucket are handed out; the collection's record
    /// says it too.
    pub fn s3_credentials(&self) -> Option<&str> {
        self.links_of(LinkKind::S3Credentials).next()
    }
}

/// `TemporalExtent`: a range, or one moment.
fn temporal(umm: &Value) -> Option<TimeRange> {
    let extent = umm::at(umm, &["TemporalExtent"])?;
    if let Some(range) = umm::at(extent, &["RangeDateTime"]) {
        return umm::range(range);
    }
    let moment = umm::time(extent, &["SingleDateTime"])?;
    TimeRange::between(Some(moment), Some(moment)).ok()
}
