//! What a new scan of one file says.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::{Array, ChunkRef, Location, LocationId, Manifest};
use chunkref_scan::{Error, ScanOptions, Scanned};
use chunkref_store::Store;

use super::listed::Listed;
use super::meaning::bare_path;

/// What one file says.
pub(super) struct Scan {
    pub(super) id: LocationId,
    pub(super) manifest: Arc<Manifest>,
    pub(super) store: Store,
    /// Whether no file before named it, so that it stands for itself.
    pub(super) is_granule: bool,
}

impl Scan {
    /// What the file has under a path of the set, and its path there: sets of others keep what
    /// netCDF-C puts before names.
    pub(super) fn array(&self, path: &str) -> Option<(String, &Array)> {
        if let Some(array) = self.manifest.array(path) {
            return Some((path.to_owned(), array));
        }
        let path = bare_path(path);
        let array = self.manifest.array(&path)?;
        Some((path, array))
    }
}

/// A new scan of an object, by the way that is open.
pub(super) struct NewScan {
    /// With the object under the URL by which the set knows it.
    pub(super) scanned: Scanned,
    /// With the URL by which it was scanned, where that is another one.
    pub(super) as_read: Option<Manifest>,
}

pub(super) async fn scan(client: &Client, location: &Location) -> Result<NewScan, Error> {
    let options = ScanOptions::default()
        .with_inline_threshold(0)
        .with_external_links(true);
    let urls: Vec<_> = location.urls().collect();
    let url = client.choose(&urls).await?;
    let mut scanned = chunkref_scan::scan(client, url, &options).await?;
    let mut as_read = None;
    if url != location.url {
        as_read = Some(scanned.manifest.clone());
        let first = scanned.manifest.locations.get(LocationId(0));
        let first = first.map(|one| one.url.clone());
        let renamed = scanned.manifest.locations.try_map(|one| {
            let is_it = Some(&one.url) == first.as_ref();
            let one = one.clone();
            Ok::<_, Infallible>(if is_it {
                one.with_url(location.url.clone())
            } else {
                one
            })
        });
        scanned.manifest.locations = renamed.unwrap_or_default();
    }
    Ok(NewScan { scanned, as_read })
}

/// The objects in which a table has chunks.
pub(super) fn locations_of(listed: &Listed<'_>) -> BTreeSet<LocationId> {
    if listed.is_put_together() {
        return BTreeSet::new();
    }
    let mut found = BTreeSet::new();
    let mut last = None;
    for (_, chunk) in listed.chunks() {
        let location = location_of(chunk);
        // Neighbours lie in one object most often.
        if location != last {
            found.extend(location);
            last = location;
        }
    }
    found
}

/// Whether an array has the shape that it has in a file.
pub(super) fn is_alike(listed: &Listed<'_>, there: &Array) -> bool {
    listed.array.shape == there.shape
}

pub(super) fn location_of(chunk: Option<ChunkRef<'_>>) -> Option<LocationId> {
    match chunk? {
        ChunkRef::Range { location, .. } | ChunkRef::Whole { location } => Some(location),
        ChunkRef::Inline(_) => None,
    }
}
