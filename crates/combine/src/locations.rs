//! Where the chunks of all granules lie.

use chunkref_manifest::{Location, LocationId, Locations, Manifest, Pin, Prefix};

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

/// Merges the dictionaries. One object scanned twice must be the same object both times; what only
/// one scan knew of it stays known.
pub(crate) fn merge(
    manifests: &[&Manifest],
    names: &[String],
    differences: &mut Vec<Difference>,
) -> Result<Merged> {
    // The first granule's numbers stay, even where two of them name one URL.
    let first = manifests.first().map(|manifest| &manifest.locations);
    let mut merged = first.cloned().unwrap_or_default();
    let mut numbers: Vec<Vec<LocationId>> = Vec::with_capacity(manifests.len());
    numbers.extend(first.map(|first| first.iter().map(|(id, _)| id).collect()));
    for (manifest, name) in manifests.iter().zip(names).skip(1) {
        let mut own = Vec::with_capacity(manifest.locations.len());
        let difference = |reason| Difference {
            granule: name.clone(),
            variable: String::new(),
            reason,
        };
        for (_, location) in manifest.locations.iter() {
            let before = merged.find(&location.url);
            let id = merged
                .intern(location.clone())
                .ok_or(Error::TooManyLocations)?;
            if before.is_some()
                && let Some(known) = merged.get(id)
                && known != location
            {
                differences.extend(changed(known, location).map(difference));
                let (pin, alternates) = both(known, location);
                merged.describe(id, pin, alternates);
            }
            own.push(id);
        }
        for prefix in manifest.locations.prefixes() {
            differences.extend(add_prefix(&mut merged, prefix).map(difference));
        }
        numbers.push(own);
    }
    Ok(Merged {
        locations: merged,
        numbers,
    })
}

/// What either scan knew of an object.
fn both(known: &Location, found: &Location) -> (Pin, Vec<String>) {
    let pin = known.pin.clone();
    let pin = Pin {
        concept_id: pin.concept_id.or_else(|| found.pin.concept_id.clone()),
        revision: pin.revision.or(found.pin.revision),
        ..pin
    };
    let mut alternates = known.alternates.clone();
    let new = found.alternates.iter();
    alternates.extend(new.filter(|url| !known.alternates.contains(url)).cloned());
    (pin, alternates)
}

fn add_prefix(merged: &mut Locations, found: &Prefix) -> Option<String> {
    let known = merged
        .prefixes()
        .binary_search_by(|known| known.prefix.cmp(&found.prefix));
    let known = known.ok().and_then(|place| merged.prefixes().get(place));
    let Some(known) = known.cloned() else {
        merged.set_prefix(found.clone());
        return None;
    };
    let mut all = known.clone();
    all.region = all.region.or_else(|| found.region.clone());
    all.credentials_endpoint = all
        .credentials_endpoint
        .or_else(|| found.credentials_endpoint.clone());
    merged.set_prefix(all);
    let fields = [
        ("region", &known.region, &found.region),
        (
            "credentials endpoint",
            &known.credentials_endpoint,
            &found.credentials_endpoint,
        ),
    ];
    fields.into_iter().find_map(|(what, known, now)| {
        let (known, now) = (known.as_ref()?, now.as_ref()?);
        (known != now).then(|| format!("{what} of {} is {now}, elsewhere {known}", found.prefix))
    })
}

fn changed(known: &Location, found: &Location) -> Option<String> {
    let (before, now) = (&known.pin, &found.pin);
    let same = (before.size, &before.etag, &before.last_modified)
        == (now.size, &now.etag, &now.last_modified);
    // Not every scan asks CMR.
    let same_record = agree(before.concept_id.as_ref(), now.concept_id.as_ref())
        && agree(before.revision.as_ref(), now.revision.as_ref());
    (!same || !same_record).then(|| {
        format!(
            "{} was scanned as {}, elsewhere as {}",
            found.url,
            pinned(now),
            pinned(before)
        )
    })
}

fn agree<T: PartialEq>(before: Option<&T>, now: Option<&T>) -> bool {
    before.zip(now).is_none_or(|(before, now)| before == now)
}

fn pinned(pin: &Pin) -> String {
    let mut text = format!(
        "size {}, ETag {}, Last-Modified {}",
        pin.size
            .map_or_else(|| "unknown".to_owned(), |size| size.to_string()),
        pin.etag.as_deref().unwrap_or("unknown"),
        pin.last_modified.as_deref().unwrap_or("unknown"),
    );
    if let Some(concept) = &pin.concept_id {
        text.push_str(", granule ");
        text.push_str(concept);
    }
    if let Some(revision) = pin.revision {
        text.push_str(", revision ");
        text.push_str(&revision.to_string());
    }
    text
}
