//! Sets whose sources lie elsewhere now, or were uploaded anew: no scan is needed.

mod places;
mod prefix;

use chunkref_manifest::{Location, LocationId, Manifest, Pin};

pub(crate) use places::told;
pub use places::{Checked, Misfit, PlacesError, check, repin};
use prefix::Change;

/// Why the locations of a set can't be changed. The set is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelocateError {
    /// A prefix is none.
    #[error(
        "{prefix:?}: not a prefix of URLs or paths: expected one without a query, such as s3://bucket/folder"
    )]
    Prefix {
        /// What was given.
        prefix: String,
    },
    /// No location lies under the prefix.
    #[error("no location lies under {from}: {}", among(.locations.to_owned(), .first.as_deref()))]
    NoneFits {
        /// The prefix.
        from: String,
        /// How many locations there are.
        locations: usize,
        /// The first of them.
        first: Option<String>,
    },
    /// A location can't be written under the other prefix.
    #[error("{url}: {reason}")]
    Unfit {
        /// The location.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A location has no URL of the scheme that was asked for.
    #[error("{url}: no {scheme} URL of it is known ({missing} of {locations} locations lack one)")]
    NoAlternate {
        /// The first location without one.
        url: String,
        /// The scheme.
        scheme: String,
        /// How many lack one.
        missing: usize,
        /// How many locations there are.
        locations: usize,
    },
}

fn among(locations: usize, first: Option<&str>) -> String {
    match first {
        Some(first) => format!("the set has {locations}, such as {first}"),
        None => "the set has none".to_owned(),
    }
}

/// A location that was given another URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The location.
    pub id: LocationId,
    /// The `ETag` of the object at its old place.
    pub etag: Option<String>,
}

/// What a relocation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relocated {
    /// The locations whose URL changed.
    pub moved: Vec<Moved>,
    /// Locations of which only another URL of theirs changed.
    pub alternates: usize,
    /// Locations that stayed as they were.
    pub unchanged: usize,
}

/// Puts one prefix of URLs in place of another, in all locations that lie under it.
///
/// A prefix ends where a name does: `s3://a/b` fits `s3://a/b/x` and not `s3://a/bc/x`. Names are
/// percent-encoded for `http`, `https` and `file` and as they are elsewhere; a path and its `file`
/// URL are one place. The size of an object stays pinned. Its `ETag` and `Last-Modified` are those
/// of the old place and are dropped; [`check()`] finds out the new ones.
///
/// ```
/// use chunkref::manifest::{Location, Manifest};
/// use chunkref::relocate::relocate;
///
/// let mut manifest = Manifest::default();
/// manifest.locations.intern(Location::new("s3://archive/2020/a b.h5"));
/// let relocated = relocate(&mut manifest, "s3://archive", "https://mirror.example.org/data")?;
/// assert_eq!(relocated.moved.len(), 1);
/// let (_, location) = manifest.locations.iter().next().unwrap();
/// assert_eq!(location.url, "https://mirror.example.org/data/2020/a%20b.h5");
/// # Ok::<(), chunkref::relocate::RelocateError>(())
/// ```
///
/// # Errors
/// When no location lies under the prefix, or one can't be written under the other. The manifest is
/// then as it was.
pub fn relocate(manifest: &mut Manifest, from: &str, to: &str) -> Result<Relocated, RelocateError> {
    let change = Change::new(from, to)?;
    let mut relocated = Relocated::default();
    let mut numbers = (0..).map(LocationId);
    let locations = manifest.locations.try_map(|location| {
        let id = numbers.next().unwrap_or(LocationId(u32::MAX));
        one(&change, id, location, &mut relocated)
    })?;
    if relocated.moved.is_empty() && relocated.alternates == 0 {
        return Err(RelocateError::NoneFits {
            from: from.to_owned(),
            locations: manifest.locations.len(),
            first: first_url(manifest),
        });
    }
    manifest.locations = locations;
    Ok(relocated)
}

fn first_url(manifest: &Manifest) -> Option<String> {
    let (_, first) = manifest.locations.iter().next()?;
    Some(first.url.clone())
}

/// What becomes of one location.
fn one(
    change: &Change,
    id: LocationId,
    location: &Location,
    relocated: &mut Relocated,
) -> Result<Location, RelocateError> {
    let url = change.apply(&location.url)?;
    let mut alternates = Vec::with_capacity(location.alternates.len());
    let mut others = false;
    for alternate in &location.alternates {
        let new = change.apply(alternate)?;
        others |= new.is_some();
        alternates.push(new.unwrap_or_else(|| alternate.clone()));
    }
    let pin = location.pin.clone();
    let pin = match &url {
        Some(url) => {
            let etag = pin.etag.clone();
            relocated.moved.push(Moved { id, etag });
            // What stays where it is keeps what pins it.
            if *url == location.url {
                pin
            } else {
                elsewhere(pin)
            }
        }
        None if others => {
            relocated.alternates = relocated.alternates.saturating_add(1);
            pin
        }
        None => {
            relocated.unchanged = relocated.unchanged.saturating_add(1);
            pin
        }
    };
    let url = url.unwrap_or_else(|| location.url.clone());
    alternates.retain(|alternate| *alternate != url);
    Ok(Location::new(url).with_alternates(alternates).with_pin(pin))
}

/// What pins the same bytes at another place.
fn elsewhere(pin: Pin) -> Pin {
    Pin {
        etag: None,
        last_modified: None,
        ..pin
    }
}

/// Takes, of all URLs that are known of each location, one of this scheme (`s3`, `https`); the one
/// that was taken before becomes an alternate. As for [`relocate()`], the size stays pinned.
///
/// # Errors
/// When a location has no URL of this scheme. The manifest is then as it was.
pub fn choose_scheme(manifest: &mut Manifest, scheme: &str) -> Result<Relocated, RelocateError> {
    let is_wanted = |url: &str| {
        let found = url.split_once("://").map(|(scheme, _)| scheme);
        found.is_some_and(|found| found.eq_ignore_ascii_case(scheme))
    };
    let locations = &manifest.locations;
    let lacking = |location: &&Location| !location.urls().any(is_wanted);
    let all = locations.iter().map(|(_, location)| location);
    let without: Vec<_> = all.filter(lacking).collect();
    if let Some(first) = without.first() {
        return Err(RelocateError::NoAlternate {
            url: first.url.clone(),
            scheme: scheme.to_owned(),
            missing: without.len(),
            locations: locations.len(),
        });
    }
    let mut relocated = Relocated::default();
    let mut numbers = (0..).map(LocationId);
    let chosen = manifest.locations.try_map(|location| {
        let id = numbers.next().unwrap_or(LocationId(u32::MAX));
        let other = location.alternates.iter().find(|url| is_wanted(url));
        let Some(url) = other.filter(|_| !is_wanted(&location.url)) else {
            relocated.unchanged = relocated.unchanged.saturating_add(1);
            return Ok(location.clone());
        };
        let etag = location.pin.etag.clone();
        relocated.moved.push(Moved { id, etag });
        let others = location.urls().filter(|other| other != url);
        Ok::<_, RelocateError>(
            Location::new(url.as_str())
                .with_alternates(others)
                .with_pin(elsewhere(location.pin.clone())),
        )
    })?;
    manifest.locations = chosen;
    Ok(relocated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> Pin {
        Pin {
            size: Some(10),
            etag: Some("\"e\"".to_owned()),
            last_modified: Some("m".to_owned()),
            revision: Some(3),
            ..Pin::default()
        }
    }

    fn manifest() -> Manifest {
        let mut manifest = Manifest::default();
        for location in [
            Location::new("s3://a/b/x")
                .with_alternates(["https://h/x"])
                .with_pin(pin()),
            Location::new("s3://a/bc/x")
                .with_alternates(["https://h/y"])
                .with_pin(pin()),
            Location::new("https://h/z")
                .with_alternates(["s3://a/b/z"])
                .with_pin(pin()),
        ] {
            manifest.locations.intern(location).unwrap();
        }
        manifest
    }

    fn shown(manifest: &Manifest) -> Vec<(String, Vec<String>, Pin)> {
        let locations = manifest.locations.iter();
        locations
            .map(|(_, one)| (one.url.clone(), one.alternates.clone(), one.pin.clone()))
            .collect()
    }

    #[test]
    fn what_moves_is_pinned_by_its_size_alone() {
        let mut manifest = manifest();
        let relocated = relocate(&mut manifest, "s3://a/b", "s3://c").unwrap();
        assert_eq!(relocated.moved.len(), 1);
        assert_eq!(relocated.moved[0].etag.as_deref(), Some("\"e\""));
        assert_eq!((relocated.alternates, relocated.unchanged), (1, 1));
        let moved = elsewhere(pin());
        assert_eq!((moved.size, moved.revision), (Some(10), Some(3)));
        assert_eq!((&moved.etag, &moved.last_modified), (&None, &None));
        assert_eq!(
            shown(&manifest),
            [
                ("s3://c/x".to_owned(), vec!["https://h/x".to_owned()], moved),
                (
                    "s3://a/bc/x".to_owned(),
                    vec!["https://h/y".to_owned()],
                    pin()
                ),
                ("https://h/z".to_owned(), vec!["s3://c/z".to_owned()], pin()),
            ]
        );
    }

    #[test]
    fn nothing_that_fits_is_an_error_and_changes_nothing() {
        let mut manifest = manifest();
        let error = relocate(&mut manifest, "s3://b", "s3://c")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "no location lies under s3://b: the set has 3, such as s3://a/b/x"
        );
        let empty = relocate(&mut Manifest::default(), "s3://b", "s3://c").unwrap_err();
        assert_eq!(
            empty.to_string(),
            "no location lies under s3://b: the set has none"
        );
        assert_eq!(shown(&manifest), shown(&self::manifest()));
    }

    #[test]
    fn a_scheme_is_chosen_for_all_or_none() {
        let mut manifest = manifest();
        let relocated = choose_scheme(&mut manifest, "https").unwrap();
        assert_eq!((relocated.moved.len(), relocated.unchanged), (2, 1));
        let (url, alternates, pin) = shown(&manifest).swap_remove(0);
        assert_eq!(
            (url.as_str(), alternates[0].as_str()),
            ("https://h/x", "s3://a/b/x")
        );
        assert_eq!((pin.size, pin.etag), (Some(10), None));
        let before = shown(&manifest);
        let error = choose_scheme(&mut manifest, "gs").unwrap_err().to_string();
        assert_eq!(
            error,
            "https://h/x: no gs URL of it is known (3 of 3 locations lack one)"
        );
        assert_eq!(shown(&manifest), before);
    }
}
