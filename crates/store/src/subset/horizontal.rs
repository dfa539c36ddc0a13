//! Which arrays hold latitude and longitude (CF 4.1, 4.2 and 5).

use std::collections::BTreeMap;

use chunkref_manifest::{Array, Attribute, Manifest};

use super::Misfit;
use super::coordinate::{coordinate_of, parent};
use super::query::Query;

/// Latitude and longitude of an array, by their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Horizontal {
    pub(crate) latitude: String,
    pub(crate) longitude: String,
}

/// How latitude, or longitude, is told.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    short: &'static str,
    /// The option that names it.
    option: &'static str,
    units: [&'static str; 6],
}

const LATITUDE: Kind = Kind {
    name: "latitude",
    short: "lat",
    option: "--lat",
    units: [
        "degrees_north",
        "degree_north",
        "degree_n",
        "degrees_n",
        "degreen",
        "degreesn",
    ],
};

const LONGITUDE: Kind = Kind {
    name: "longitude",
    short: "lon",
    option: "--lon",
    units: [
        "degrees_east",
        "degree_east",
        "degree_e",
        "degrees_e",
        "degreee",
        "degreese",
    ],
};

/// How sure it is that an array is what is looked for; the first is surest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    StandardName,
    UnitsAndName,
    Units,
    Name,
    PartOfName,
}

impl Kind {
    fn evidence(&self, path: &str, array: &Array) -> Option<Evidence> {
        let text = |name| array.attributes.get(name).and_then(Attribute::as_text);
        if text("standard_name") == Some(self.name) {
            return Some(Evidence::StandardName);
        }
        let units = text("units").map(|units| units.trim().to_ascii_lowercase());
        let has_units = units.is_some_and(|units| self.units.contains(&units.as_str()));
        let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = name.to_ascii_lowercase();
        let is_name = name == self.name || name == self.short;
        let mut parts = name.split('_');
        let is_part = |part: Option<&str>| part == Some(self.name) || part == Some(self.short);
        let is_part = is_part(parts.next()) || is_part(parts.next_back());
        match (has_units, is_name, is_part) {
            (true, true, _) | (true, _, true) => Some(Evidence::UnitsAndName),
            (true, ..) => Some(Evidence::Units),
            (_, true, _) => Some(Evidence::Name),
            (.., true) => Some(Evidence::PartOfName),
            _ => None,
        }
    }

    /// The one among candidates that there is most evidence for.
    fn choose(&self, candidates: &BTreeMap<String, &Array>) -> Result<Option<String>, String> {
        let found = candidates
            .iter()
            .filter_map(|(path, array)| Some((self.evidence(path, array)?, path)));
        let found: Vec<_> = found.collect();
        let Some(best) = found.iter().map(|(evidence, _)| *evidence).min() else {
            return Ok(None);
        };
        let mut best = found.iter().filter(|(evidence, _)| *evidence == best);
        match (best.next(), best.next()) {
            (Some((_, path)), None) => Ok(Some((*path).clone())),
            (Some((_, one)), Some((_, other))) => Err(format!(
                "both {one} and {other} could be its {}; name it ({})",
                self.name, self.option
            )),
            (None, _) => Ok(None),
        }
    }

    /// The one that the query names, or the one that there is most evidence for.
    fn find(
        &self,
        named: Option<&str>,
        manifest: &Manifest,
        group: &str,
        places: &[BTreeMap<String, &Array>],
    ) -> Result<String, Misfit> {
        if let Some(name) = named {
            return resolve(manifest, group, name)
                .map(|(path, _)| path)
                .ok_or_else(|| Misfit::NotAlong(format!("no array {name} ({})", self.option)));
        }
        for candidates in places {
            if let Some(path) = self.choose(candidates)? {
                return Ok(path);
            }
        }
        Err(Misfit::NotAlong(format!(
            "no {name} along its dimensions: looked for standard_name {name}, units {}, and names \
             such as {name}, {short}, {short}_... in its attribute `coordinates`, its group and those \
             above; name it ({})",
            self.units.first().copied().unwrap_or_default(),
            self.option,
            name = self.name,
            short = self.short,
        )))
    }
}

/// Finds latitude and longitude of an array at a path.
///
/// # Errors
/// With the reason, where there is none or more than one, and what to do.
pub(crate) fn find(
    manifest: &Manifest,
    path: &str,
    array: &Array,
    query: &Query,
) -> Result<Horizontal, Misfit> {
    let group = parent(path).unwrap_or("/");
    let places = places(manifest, group, path, array);
    let find =
        |kind: &Kind, named: &Option<String>| kind.find(named.as_deref(), manifest, group, &places);
    Ok(Horizontal {
        latitude: find(&LATITUDE, &query.latitude)?,
        longitude: find(&LONGITUDE, &query.longitude)?,
    })
}

/// Where to look, one place after the other: what the array itself names, its group, those above.
fn places<'a>(
    manifest: &'a Manifest,
    group: &str,
    path: &str,
    array: &Array,
) -> Vec<BTreeMap<String, &'a Array>> {
    let named = coordinates(manifest, path, array);
    let fits = |other: &Array| !other.shape.is_empty() && lies_along(other, array);
    let mut places = vec![named.filter(|(_, other)| fits(other)).collect()];
    let mut above = Some(group);
    while let Some(group) = above {
        let arrays = manifest.group(group).into_iter();
        let arrays = arrays.flat_map(|group| &group.arrays);
        let found = arrays.map(|(name, other)| (join(group, name), other));
        let found = found.filter(|(other_path, other)| {
            fits(other) && other_path.trim_matches('/') != path.trim_matches('/')
        });
        places.push(found.collect());
        above = parent(group);
    }
    places
}

/// The coordinates of the dimensions of an array, and those that its attribute `coordinates` names
/// (CF 5).
pub(crate) fn coordinates<'a>(
    manifest: &'a Manifest,
    path: &str,
    array: &Array,
) -> impl Iterator<Item = (String, &'a Array)> {
    let group = parent(path).unwrap_or("/");
    let dimensions = array.dimension_names.iter().zip(&array.shape);
    let of_dimensions = dimensions.filter_map(move |(name, length)| {
        let path = coordinate_of(manifest, group, name, *length)?;
        let array = manifest.array(&path)?;
        Some((path, array))
    });
    let text = array.attributes.get("coordinates");
    let listed = text.and_then(Attribute::as_text).unwrap_or_default();
    let named = listed.split_whitespace();
    of_dimensions.chain(named.filter_map(move |name| resolve(manifest, group, name)))
}

/// Whether all dimensions of an array are dimensions of another, as often.
pub(crate) fn lies_along(array: &Array, other: &Array) -> bool {
    let dimensions = |of: &Array| {
        let names = of.dimension_names.iter().cloned();
        names.zip(of.shape.iter().copied()).collect::<Vec<_>>()
    };
    let mut left = dimensions(other);
    dimensions(array).iter().all(|one| {
        let found = left.iter().position(|other| other == one);
        found.map(|place| left.swap_remove(place)).is_some()
    })
}

/// The array that a name means in a group: there or in a group above, or from the root where it
/// begins with a slash.
pub(crate) fn resolve<'a>(
    manifest: &'a Manifest,
    group: &str,
    name: &str,
) -> Option<(String, &'a Array)> {
    if name.starts_with('/') {
        return Some((name.to_owned(), manifest.array(name)?));
    }
    let mut above = Some(group);
    while let Some(group) = above {
        let path = join(group, name);
        if let Some(array) = manifest.array(&path) {
            return Some((path, array));
        }
        above = parent(group);
    }
    None
}

fn join(group: &str, name: &str) -> String {
    format!("{}/{name}", group.trim_end_matches('/'))
}
