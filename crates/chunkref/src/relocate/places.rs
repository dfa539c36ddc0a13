//! Sources opened at their places, and pinned as they are there.

use chunkref_io::Client;
use chunkref_manifest::{Location, LocationId, Locations, Manifest, Pin};
use futures::{StreamExt as _, stream};

use super::Moved;
use crate::reach::reach;

/// Sources that are opened at one time.
const AT_ONCE: usize = 64;
/// After so many that do not fit no more are opened: most often all are wrong for one reason.
const ENOUGH: usize = 20;

/// What was found at the places of sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// Sources that were opened.
    pub opened: usize,
    /// Sources that could have been opened.
    pub of: usize,
    /// Those whose `ETag` is the one that was known before: their bytes are the same.
    pub same_etag: usize,
    /// Those that have another `ETag` than before. Their size fits; stores make another one also of
    /// the same bytes, when they are uploaded in other parts.
    pub other_etag: usize,
}

/// A source that is not what the set says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misfit {
    /// Its URL.
    pub url: String,
    /// Why not.
    pub reason: String,
}

/// Why sources can't be taken for those of the set. No pin was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlacesError {
    /// Sources are not what the set says of them.
    #[error("{} of {opened} sources that were opened do not fit: {}", .misfits.len(), first(.misfits))]
    Misfits {
        /// Those that do not fit.
        misfits: Vec<Misfit>,
        /// How many were opened.
        opened: usize,
    },
}

fn first(misfits: &[Misfit]) -> String {
    let text = |one: &Misfit| format!("{}: {}", one.url, one.reason);
    misfits.first().map_or_else(String::new, text)
}

/// Opens sources that were moved, each with one request for one byte, and pins them as they are
/// there: size, `ETag` and `Last-Modified`. A size that was pinned must be the same; where none was,
/// the last reference must lie within the object.
///
/// With a `sample` only so many are opened, spread evenly; the others keep their pins.
///
/// # Errors
/// When a source can't be opened or its size does not fit. Then no pin is changed.
pub async fn check(
    client: &Client,
    manifest: &mut Manifest,
    moved: &[Moved],
    sample: Option<usize>,
) -> Result<Checked, PlacesError> {
    let count = sample.map_or(moved.len(), |most| most.min(moved.len()));
    let chosen = (0..count).filter_map(|number| {
        // Neither overflows: both are at most the number of locations, which fits in 32 bits.
        let at = number.saturating_mul(moved.len()) / count.max(1);
        let one = moved.get(at)?;
        Some((one.id, one.etag.clone()))
    });
    let chosen: Vec<_> = chosen.collect();
    let checked = pin_all(client, manifest, chosen).await?;
    Ok(Checked {
        of: moved.len(),
        ..checked
    })
}

/// Opens all sources, each with one request for one byte, and pins them as they are now: after an
/// upload of the same bytes, which changes `ETag` and `Last-Modified`.
///
/// # Errors
/// When a source can't be opened or its size is not the one that is pinned. Then no pin is changed.
pub async fn repin(client: &Client, manifest: &mut Manifest) -> Result<Checked, PlacesError> {
    let all = manifest.locations.iter();
    let all: Vec<_> = all
        .map(|(id, location)| (id, location.pin.etag.clone()))
        .collect();
    pin_all(client, manifest, all).await
}

async fn pin_all(
    client: &Client,
    manifest: &mut Manifest,
    sources: Vec<(LocationId, Option<String>)>,
) -> Result<Checked, PlacesError> {
    let ends = reach(manifest);
    let locations = &manifest.locations;
    let mut checked = Checked {
        of: sources.len(),
        ..Checked::default()
    };
    let mut probes =
        stream::iter(sources)
            .filter_map(|(id, etag)| async move { Some((id, etag, locations.get(id)?)) })
            .map(|(id, etag, location)| async move {
                (id, etag, location, probe(client, location).await)
            })
            .boxed()
            .buffer_unordered(AT_ONCE);
    let mut misfits = Vec::new();
    let mut pins = Vec::new();
    while let Some((id, etag, location, probed)) = probes.next().await {
        checked.opened = checked.opened.saturating_add(1);
        let end = usize::try_from(id.0)
            .ok()
            .and_then(|number| ends.get(number));
        let fitting = probed.and_then(|now| {
            fits(&location.pin, &now, end.copied().unwrap_or(0))?;
            Ok(now)
        });
        match fitting {
            Ok(now) => {
                match (&etag, &now.etag) {
                    (Some(before), Some(now)) if before == now => checked.same_etag += 1,
                    (Some(_), Some(_)) => checked.other_etag += 1,
                    _ => {}
                }
                let pin = Pin {
                    size: now.size,
                    etag: now.etag,
                    last_modified: now.last_modified,
                    ..location.pin.clone()
                };
                pins.push((id, pin));
            }
            Err(reason) => misfits.push(Misfit {
                url: location.url.clone(),
                reason,
            }),
        }
        if misfits.len() >= ENOUGH {
            break;
        }
    }
    drop(probes);
    if !misfits.is_empty() {
        misfits.sort_by(|a, b| a.url.cmp(&b.url));
        let opened = checked.opened;
        return Err(PlacesError::Misfits { misfits, opened });
    }
    set_pins(&mut manifest.locations, pins);
    Ok(checked)
}

async fn probe(client: &Client, location: &Location) -> Result<chunkref_io::Pin, String> {
    let object = client.open(&location.url).await;
    match object {
        Ok(object) => object.probe().await.map_err(|error| told(&error)),
        Err(error) => Err(told(&error)),
    }
}

/// An error of io with its source, without the object, which it names first.
pub(crate) fn told(error: &chunkref_io::Error) -> String {
    let text = error.to_string();
    let named = format!("{}: ", error.url());
    let text = text.strip_prefix(&named).unwrap_or(&text);
    match std::error::Error::source(error) {
        Some(source) => format!("{text}: {source}"),
        None => text.to_owned(),
    }
}

/// Whether an object as it is now may be the one that the set refers to.
fn fits(pinned: &Pin, now: &chunkref_io::Pin, end: u64) -> Result<(), String> {
    let Some(size) = now.size else {
        return Err("its size is not told".to_owned());
    };
    match pinned.size {
        Some(before) if before != size => Err(format!(
            "has {size} bytes, expected the {before} that are pinned"
        )),
        _ if end > size => Err(format!("has {size} bytes, and references reach to {end}")),
        _ => Ok(()),
    }
}

fn set_pins(locations: &mut Locations, pins: Vec<(LocationId, Pin)>) {
    for (id, pin) in pins {
        let alternates = locations.get(id).map(|one| one.alternates.clone());
        locations.describe(id, pin, alternates.unwrap_or_default());
    }
}
