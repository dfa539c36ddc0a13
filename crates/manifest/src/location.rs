//! Where the bytes of chunks lie: objects in a store or files, and what pins them.

use std::collections::HashMap;

/// The number of a [`Location`] in its [`Locations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocationId(pub u32);

/// What tells whether an object is still the one that was scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// Size in bytes.
    pub size: Option<u64>,
    /// `ETag`, as the server gave it.
    pub etag: Option<String>,
    /// `Last-Modified`, as the server gave it.
    pub last_modified: Option<String>,
}

/// One object that holds chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Its URL or path, without credentials or signature.
    pub url: String,
    /// What pins it.
    pub pin: Pin,
}

/// The dictionary of locations; equal URLs have one number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations {
    entries: Vec<Location>,
    by_url: HashMap<String, LocationId>,
}

impl Locations {
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

    /// The locations that `change` makes of these, under the same numbers, even where two become
    /// equal.
    ///
    /// # Errors
    /// The first that `change` gives.
    pub fn try_map<E>(
        &self,
        change: impl FnMut(&Location) -> Result<Location, E>,
    ) -> Result<Self, E> {
        let entries = self
            .entries
            .iter()
            .map(change)
            .collect::<Result<Vec<_>, E>>()?;
        let mut by_url = HashMap::with_capacity(entries.len());
        for (id, location) in (0_u32..).map(LocationId).zip(&entries) {
            by_url.entry(location.url.clone()).or_insert(id);
        }
        Ok(Self { entries, by_url })
    }

    /// The location with this number.
    pub fn get(&self, id: LocationId) -> Option<&Location> {
        self.entries.get(usize::try_from(id.0).ok()?)
    }

    /// All locations, by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (LocationId, &Location)> {
        (0_u32..)
            .map(LocationId)
            .zip(&self.entries)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
