//! What Kerchunk's sets can't say, kept beside them (`docs/extras.md`, `docs/extras.schema.json`).
//!
//! A JSON set has it as its member `chunkref`, before `refs`; a Parquet set as the file
//! [`PARQUET_PATH`]. Other readers ignore both. It holds locations with pins, alternates and
//! prefixes; provenance; attributes whose types the documents don't tell; of each array its exact
//! type, fill value and layout; and in full those that are [beyond Zarr](crate::Array::beyond_zarr).
//!
//! Documents and references say the same as far as they can, and other tools may change them: an
//! array is taken only if both agree ([`Extras::apply`]).

mod agree;
mod apply;
mod checks;
mod column;
mod concat;
mod layout;
mod table;
mod types;
mod value;

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::array::{Array, Group, Layout, Manifest};
use crate::attribute::{Attribute, Attributes};
use crate::error::{Error, Result};
use crate::location::{Location, Locations};
use crate::prefix::Prefix;
use crate::provenance::Provenance;
use crate::tree::check_name;
use crate::zarr::read::{attributes, brief};
use column::Budget;
use layout::{Held, WrittenArray};
use value::WrittenAttribute;

/// The version that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// The member of a JSON set.
pub const JSON_MEMBER: &str = "chunkref";

/// The file of a Parquet set, beside `.zmetadata`.
pub const PARQUET_PATH: &str = ".chunkref/extras.json";

/// Groups are nested at most so deep.
const MAX_DEPTH: usize = 128;

/// All as it is written.
#[derive(Debug, Deserialize, Serialize)]
struct Written {
    version: u64,
    #[serde(default, skip_serializing_if = "Provenance::is_empty")]
    provenance: Provenance,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    prefixes: Vec<Prefix>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<String, WrittenGroup>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    arrays: BTreeMap<String, WrittenArray>,
}

#[derive(Debug, Deserialize, Serialize)]
struct WrittenGroup {
    attributes: BTreeMap<String, WrittenAttribute>,
}

/// Writes what a Kerchunk set can't say of a manifest: one JSON object.
///
/// # Errors
/// When Zarr v2 can't say an array that is to be in the set, something is nested too deep to be
/// read again, or the writer fails.
pub fn write(manifest: &Manifest, out: impl io::Write) -> Result<()> {
    let mut written = Written {
        version: VERSION,
        provenance: manifest.provenance.clone(),
        prefixes: manifest.locations.prefixes().to_vec(),
        locations: manifest
            .locations
            .iter()
            .map(|(_, location)| location.clone())
            .collect(),
        groups: BTreeMap::new(),
        arrays: BTreeMap::new(),
    };
    for (path, group) in manifest.groups() {
        if let Some(group) = written_group(group) {
            written.groups.insert(path, group);
        }
    }
    let mut budget = Budget::new(0);
    for (path, array) in manifest.arrays() {
        let array = written_array(array, &manifest.locations, &mut budget)
            .map_err(|error| error.at(&path))?;
        written.arrays.insert(path, array);
    }
    // What was read cannot be nested deeper than what is read again.
    serde_json::to_writer(out, &written).map_err(|error| Error::Io {
        what: "extras".to_owned(),
        source: error.into(),
    })
}

/// The attributes of a group that its document does not say exactly.
fn written_group(group: &Group) -> Option<WrittenGroup> {
    let said = attributes(&crate::zarr::attributes_json(&group.attributes));
    let untold = group.attributes.iter().filter(|(name, attribute)| {
        said.get(*name)
            .is_none_or(|said| !value::same(said, attribute))
    });
    let attributes: BTreeMap<String, WrittenAttribute> = untold
        .map(|(name, attribute)| (name.clone(), attribute.into()))
        .collect();
    (!attributes.is_empty()).then_some(WrittenGroup { attributes })
}

fn written_array(
    array: &Array,
    locations: &Locations,
    budget: &mut Budget,
) -> Result<WrittenArray> {
    if array.beyond_zarr().is_some() {
        let full = WrittenArray::new(array, Held::Here, true, |_, _| false, budget);
        return Ok(full);
    }
    crate::zarr::v2::array_documents(array)?;
    // What documents say that are not read again is nothing.
    let said = agree::said(array).ok();
    let is_said = |name: &str, attribute: &Attribute| {
        let said = said.as_ref().and_then(|said| said.attributes.get(name));
        said.is_some_and(|said| value::same(said, attribute))
    };
    let held = if agree::is_in_references(array, locations) {
        Held::InReferences
    } else {
        Held::Here
    };
    Ok(WrittenArray::new(array, held, false, is_said, budget))
}

/// What stands beside a set.
#[derive(Debug)]
pub struct Extras {
    provenance: Provenance,
    locations: Locations,
    groups: BTreeMap<String, Attributes>,
    arrays: BTreeMap<String, Extra>,
}

/// An array.
#[derive(Debug)]
struct Extra {
    /// Of one that documents and references have, too: with the attributes alone that the documents
    /// don't say exactly.
    array: Array,
    /// Where its chunks are.
    held: Held,
    /// Whether documents and references leave it out.
    is_full: bool,
}

impl Extras {
    /// Reads extras. Memory is bounded in proportion to their size.
    ///
    /// # Errors
    /// When they are of another version than [`VERSION`], or malformed; the error names the node.
    pub fn parse(extras: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            #[serde(default)]
            version: Json,
        }
        let malformed = |error: serde_json::Error| wrong("", format!("not extras: {error}"));
        let Version { version } = serde_json::from_slice(extras).map_err(malformed)?;
        if version.as_u64() != Some(VERSION) {
            return Err(wrong(
                "version",
                format!(
                    "extras of version {} are not known, only of version {VERSION}: read the set \
                     with a newer chunkref, or remove them to read its references alone",
                    brief(&version)
                ),
            ));
        }
        let written: Written = serde_json::from_slice(extras).map_err(malformed)?;
        Self::new(written, &mut Budget::new(extras.len()))
    }

    fn new(written: Written, budget: &mut Budget) -> Result<Self> {
        let count = written.locations.len();
        let locations = Locations::from_entries(written.locations)
            .ok_or_else(|| wrong("locations", "more than 2^32 - 1".to_owned()))?
            .with_prefixes(written.prefixes);
        for granule in &written.provenance.granules {
            for id in &granule.locations {
                table::location(id.0.into(), count)
                    .map_err(|reason| wrong("provenance", format!("{}: {reason}", granule.name)))?;
            }
        }
        let mut groups = BTreeMap::new();
        for (path, group) in written.groups {
            let mut attributes = Attributes::new();
            for (name, attribute) in group.attributes {
                let attribute = Attribute::try_from(attribute)
                    .map_err(|reason| wrong(&path, format!("attribute {name:?}: {reason}")))?;
                attributes.insert(name, attribute);
            }
            groups.insert(path, attributes);
        }
        let mut arrays = BTreeMap::new();
        for (path, array) in written.arrays {
            check_path(&path)?;
            let is_full = array.full;
            let (array, held) = array
                .read(count, budget)
                .map_err(|reason| wrong(&path, reason))?;
            if is_full && held == Held::InReferences {
                return Err(wrong(&path, "in full, but without its chunks".to_owned()));
            }
            arrays.insert(
                path,
                Extra {
                    array,
                    held,
                    is_full,
                },
            );
        }
        Ok(Self {
            provenance: written.provenance,
            locations,
            groups,
            arrays,
        })
    }
}

fn wrong(place: &str, reason: String) -> Error {
    Error::Malformed {
        key: match place {
            "" => JSON_MEMBER.to_owned(),
            place => format!("{JSON_MEMBER}: {place}"),
        },
        reason,
    }
}

fn check_path(path: &str) -> Result<()> {
    let names = path.strip_prefix('/');
    let names =
        names.ok_or_else(|| wrong(path, "a path that begins without a slash".to_owned()))?;
    if names.split('/').nth(MAX_DEPTH).is_some() {
        return Err(wrong(
            path,
            format!("it lies deeper than {MAX_DEPTH} groups"),
        ));
    }
    for name in names.split('/') {
        check_name(name).map_err(|error| wrong(path, error.to_string()))?;
    }
    Ok(())
}

/// An empty layout in place of one that moves elsewhere.
fn no_layout() -> Layout {
    Layout::Absent {
        chunk_shape: Vec::new(),
        fill_chunk: None,
    }
}
