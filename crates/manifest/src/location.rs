//! Where the bytes of chunks lie: objects in a store or files, and what pins them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::prefix::{Prefix, Prefixes};

/// The number of a [`Location`] in its [`Locations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct LocationId(pub u32);

/// What tells whether an object is still the one that was scanned. Further fields may come:
/// construct it with `..Pin::default()`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Pin {
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// `ETag`, as the server gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified`, as the server gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The granule's concept id in CMR, such as `G1234567890-POCLOUD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept_id: Option<String>,
    /// The revision of that record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
}

/// One object that holds chunks.
///
/// ```
/// use chunkref_manifest::{Location, Pin};
///
/// let location = Location::new("https://archive.example.org/a.nc")
///     .with_alternates(["s3://archive/a.nc"])
///     .with_pin(Pin { size: Some(1000), ..Pin::default() });
/// assert_eq!(location.alternates.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Location {
    /// Its URL or path, without credentials or signature.
    pub url: String,
    /// Other URLs of the same object, such as `s3` beside `https`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternates: Vec<String>,
    /// What pins it.
    #[serde(flatten)]
    pub pin: Pin,
}

impl Location {
    /// An object that nothing pins.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    /// The same with what pins it.
    #[must_use]
    pub fn with_pin(mut self, pin: Pin) -> Self {
        self.pin = pin;
        self
    }

    /// The same with its other URLs.
    #[must_use]
    pub fn with_alternates<T: Into<String>>(
        mut self,
        alternates: impl IntoIterator<Item = T>,
    ) -> Self {
        self.alternates = alternates.into_iter().map(Into::into).collect();
        self
    }

    /// The same at another URL.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Its URL and its alternates, in this order.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.url.as_str()).chain(self.alternates.iter().map(String::as_str))
    }
}

/// The dictionary of locations; equal URLs have one number. What belongs to many locations at once
/// is kept once for each [`Prefix`] of their URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations {
    entries: Vec<Location>,
    by_url: HashMap<String, LocationId>,
    prefixes: Prefixes,
}

impl Locations {
    /// Locations numbered in this order, even where two are equal. `None` past 2^32 - 1 of them.
    pub fn from_entries(entries: Vec<Location>) -> Option<Self> {
        u32::try_from(entries.len()).ok()?;
        let mut by_url = HashMap::with_capacity(entries.len());
        for (id, location) in (0_u32..).map(LocationId).zip(&entries) {
            by_url.entry(location.url.clone()).or_insert(id);
        }
        Some(Self {
            entries,
            by_url,
            prefixes: Prefixes::default(),
        })
    }

    /// The same, with what is known of prefixes; of several for one prefix the last.
    #[must_use]
    pub fn with_prefixes(mut self, prefixes: Vec<Prefix>) -> Self {
        self.prefixes = Prefixes::new(prefixes);
        self
    }

    /// The number of a location; it is added if its URL is new. `None` past 2^32 - 1 locations.
    pub fn intern(&mut self, location: Location) -> Option<LocationId> {
        if let Some(&id) = self.by_url.get(&location.url) {
            return Some(id);
        }
        let id = LocationId(u32::try_from(self.entries.len()).ok()?);
        self.by_url.insert(location.url.clone(), id);
        self.entries.push(location);
        Some(id)
    }

    /// The number of the location with this URL (its alternates do not count).
    pub fn find(&self, url: &str) -> Option<LocationId> {
        self.by_url.get(url).copied()
    }

    /// The locations that `change` makes of these, under the same numbers, even where two become
    /// equal. The prefixes stay.
    ///
    /// # Errors
    /// The first that `change` gives.
    pub fn try_map<E>(
        &self,
        change: impl FnMut(&Location) -> Result<Location, E>,
    ) -> Result<Self, E> {
        let entries = self.entries.iter().map(change);
        let entries = entries.collect::<Result<Vec<_>, E>>()?;
        // As many as there were.
        let mapped = Self::from_entries(entries).unwrap_or_default();
        Ok(Self {
            prefixes: self.prefixes.clone(),
            ..mapped
        })
    }

    /// The location with this number.
    pub fn get(&self, id: LocationId) -> Option<&Location> {
        self.entries.get(usize::try_from(id.0).ok()?)
    }

    /// Replaces what pins a location, and its other URLs. Whether there is one of this number.
    pub fn describe(&mut self, id: LocationId, pin: Pin, alternates: Vec<String>) -> bool {
        let entry = usize::try_from(id.0).ok();
        let entry = entry.and_then(|number| self.entries.get_mut(number));
        entry.is_some_and(|location| {
            location.pin = pin;
            location.alternates = alternates;
            true
        })
    }

    /// All locations, by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (LocationId, &Location)> {
        // There are never more than numbers.
        let numbered = self.entries.iter().enumerate();
        numbered.map(|(number, location)| {
            (
                LocationId(u32::try_from(number).unwrap_or(u32::MAX)),
                location,
            )
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known of the URLs under a prefix; one for the same prefix is replaced.
    pub fn set_prefix(&mut self, prefix: Prefix) {
        self.prefixes.set(prefix);
    }

    /// What is known of prefixes, ascending.
    pub fn prefixes(&self) -> &[Prefix] {
        self.prefixes.all()
    }

    /// The longest prefix that a URL lies under.
    pub fn prefix_of(&self, url: &str) -> Option<&Prefix> {
        self.prefixes.of(url)
    }
}
