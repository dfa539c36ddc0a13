//! The dictionaries of locations, merged.

use chunkref_manifest::{Location, LocationId, Locations, Manifest, Pin};

use crate::error::{Difference, Error, Result};

/// The locations of all granules, and what each granule's numbers became.
pub(crate) struct Merged {
    pub(crate) locations: Locations,
    numbers: Vec<Vec<LocationId>>,
}

impl Merged {
    /// The number that a granule's location has now.
    pub(crate) fn number(&self, granule: usize, id: LocationId) -> Option<LocationId> {
        let old = usize::try_from(id.0).ok()?;
        self.numbers.get(granule)?.get(old).copied()
    }
}

/// Merges the dictionaries. One object scanned twice must be the same object both times.
pub(crate) fn merge(
    manifests: &[&Manifest],
    names: &[String],
    differences: &mut Vec<Difference>,
) -> Result<Merged> {
    let mut merged = Locations::default();
    let mut numbers = Vec::with_capacity(manifests.len());
    for (manifest, name) in manifests.iter().zip(names) {
        let mut own = Vec::with_capacity(manifest.locations.len());
        for (_, location) in manifest.locations.iter() {
            let id = merged
                .intern(location.clone())
                .ok_or(Error::TooManyLocations)?;
            if let Some(known) = merged.get(id) {
                differences.extend(changed(known, location, name));
            }
            own.push(id);
        }
        numbers.push(own);
    }
    Ok(Merged {
        locations: merged,
        numbers,
    })
}

fn changed(known: &Location, found: &Location, granule: &str) -> Option<Difference> {
    (known.pin != found.pin).then(|| Difference {
        granule: granule.to_owned(),
        variable: String::new(),
        reason: format!(
            "{} was scanned as {}, elsewhere as {}",
            found.url,
            pinned(&found.pin),
            pinned(&known.pin)
        ),
    })
}

fn pinned(pin: &Pin) -> String {
    format!(
        "size {}, ETag {}, Last-Modified {}",
        pin.size
            .map_or_else(|| "unknown".to_owned(), |size| size.to_string()),
        pin.etag.as_deref().unwrap_or("unknown"),
        pin.last_modified.as_deref().unwrap_or("unknown"),
    )
}
