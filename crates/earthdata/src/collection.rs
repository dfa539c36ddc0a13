//! Collections: records of UMM-C.

use std::fmt;

use serde_json::Value;

use crate::citation::Citation;
use crate::link::{Link, LinkKind};
use crate::time::TimeRange;
use crate::umm;

/// A collection, as its record in CMR describes it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Collection {
    /// CMR's name for it: `C` and a number, `-`, the provider.
    pub concept_id: String,
    /// The revision of the record, from 1.
    pub revision: u64,
    /// The short name.
    pub short_name: String,
    /// The version, which is text: `006`, `4.1`.
    pub version: String,
    /// The title.
    pub title: String,
    /// The provider of the record.
    pub provider: String,
    /// The DOI, without `https://doi.org/`.
    pub doi: Option<String>,
    /// The data centre that archives or distributes it.
    pub data_center: Option<String>,
    /// How it wants to be cited, as far as the record tells it.
    pub citation: Citation,
    /// When its data were taken; without an end, data still come.
    pub temporal: Option<TimeRange>,
    /// The region of its buckets of S3.
    pub region: Option<String>,
    /// Where temporary credentials for its buckets are handed out.
    pub s3_credentials: Option<String>,
    /// Its buckets, each with the beginning of keys.
    pub s3_prefixes: Vec<String>,
    /// All links.
    pub links: Vec<Link>,
}

impl Collection {
    /// A collection of an item of an answer in `umm_json`.
    pub(crate) fn of(item: &Value) -> Result<Self, String> {
        let umm = item.get("umm").unwrap_or(&Value::Null);
        let meta = |name: &str| umm::owned(item, &["meta", name]);
        let concept_id = meta("concept-id").ok_or("a collection without concept-id")?;
        let needed = |name: &str| {
            umm::owned(umm, &[name]).ok_or_else(|| format!("{concept_id} without {name}"))
        };
        let direct = umm::at(umm, &["DirectDistributionInformation"]).unwrap_or(&Value::Null);
        let prefixes = umm::list(direct, &["S3BucketAndObjectPrefixNames"]).iter();
        Ok(Self {
            revision: umm::whole(item, &["meta", "revision-id"]).unwrap_or(0),
            short_name: needed("ShortName")?,
            version: needed("Version")?,
            title: umm::owned(umm, &["EntryTitle"]).unwrap_or_default(),
            provider: meta("provider-id").unwrap_or_default(),
            doi: umm::text(umm, &["DOI", "DOI"]).map(|doi| bare_doi(doi).to_owned()),
            data_center: data_center(umm),
            citation: Citation::of(umm),
            temporal: temporal(umm),
            region: umm::owned(direct, &["Region"]),
            s3_credentials: umm::owned(direct, &["S3CredentialsAPIEndpoint"]),
            s3_prefixes: prefixes
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            links: umm::links(umm),
            concept_id,
        })
    }

    /// Whether its data lie in buckets that its record names.
    pub fn is_cloud_hosted(&self) -> bool {
        self.s3_credentials.is_some() || !self.s3_prefixes.is_empty()
    }

    /// Ready-made virtual stores that the record advertises.
    pub fn virtual_stores(&self) -> Vec<VirtualStore> {
        let links = self.links.iter();
        links
            .filter(|link| link.kind == LinkKind::Virtual)
            .map(|link| VirtualStore {
                url: link.url.clone(),
                format: VirtualFormat::of(link),
            })
            .collect()
    }
}

/// Short name, version, provider and concept id.
impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} version {} of {} ({})",
            self.short_name, self.version, self.provider, self.concept_id
        )
    }
}

/// A ready-made virtual store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VirtualStore {
    /// Where it is.
    pub url: String,
    /// Its format.
    pub format: VirtualFormat,
}

/// The format of a virtual store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VirtualFormat {
    /// References in Kerchunk's format, as JSON: chunkref reads it.
    KerchunkJson,
    /// References in Kerchunk's format, as Parquet: chunkref reads it.
    KerchunkParquet,
    /// Icechunk, which chunkref does not read.
    Icechunk,
    /// The record does not tell.
    Unknown,
}

impl VirtualFormat {
    fn of(link: &Link) -> Self {
        let url = link.url.to_ascii_lowercase();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_end_matches('/');
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| path.ends_with(suffix));
        let said = link.format.as_deref().unwrap_or_default();
        let said = said.to_ascii_lowercase();
        if url.starts_with("icechunk") || path.contains("icechunk") || said.contains("icechunk") {
            Self::Icechunk
        } else if ends(&[".json", ".json.gz", ".json.zst"]) {
            Self::KerchunkJson
        } else if ends(&[".parquet", ".parq"]) || said.contains("parquet") {
            Self::KerchunkParquet
        } else {
            Self::Unknown
        }
    }

    /// Whether chunkref opens it.
    pub fn can_be_opened(self) -> bool {
        matches!(self, Self::KerchunkJson | Self::KerchunkParquet)
    }
}

impl fmt::Display for VirtualFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KerchunkJson => "Kerchunk JSON",
            Self::KerchunkParquet => "Kerchunk Parquet",
            Self::Icechunk => "Icechunk",
            Self::Unknown => "unknown",
        })
    }
}

/// A DOI without what it is resolved by.
pub(crate) fn bare_doi(doi: &str) -> &str {
    let doi = doi.trim();
    let starts = [
        "https://doi.org/",
        "http://doi.org/",
        "https://dx.doi.org/",
        "doi:",
        "DOI:",
    ];
    let bare = starts.iter().find_map(|start| doi.strip_prefix(start));
    bare.unwrap_or(doi).trim()
}

/// The first centre that archives or distributes, else the first.
fn data_center(umm: &Value) -> Option<String> {
    let centers = umm::list(umm, &["DataCenters"]);
    let keeps = |center: &&Value| {
        let mut roles = umm::list(center, &["Roles"]).iter();
        roles.any(|role| matches!(role.as_str(), Some("ARCHIVER" | "DISTRIBUTOR")))
    };
    let center = centers.iter().find(keeps).or_else(|| centers.first())?;
    umm::owned(center, &["ShortName"])
}

/// From the first beginning to the last end of all ranges.
fn temporal(umm: &Value) -> Option<TimeRange> {
    let extents = umm::list(umm, &["TemporalExtents"]).iter();
    let ranges = extents.flat_map(|extent| umm::list(extent, &["RangeDateTimes"]));
    let ranges = ranges.filter_map(umm::range);
    ranges.reduce(|all, one| TimeRange {
        start: all.start.zip(one.start).map(|(a, b)| a.min(b)),
        end: all.end.zip(one.end).map(|(a, b)| a.max(b)),
    })
}
