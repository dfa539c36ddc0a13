//! The objects that are read, and whether they stay the same from one run to the next.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chunkref_io::{Client, Object, Pin};
use chunkref_manifest::{
    Array, ChunkRef, ChunkTable, Layout, Location, LocationId, Manifest, chunk_coordinates,
};
use chunkref_store::Slice;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::ExportError;
use super::plan::Plan;

/// Objects that are asked at one time.
const AT_ONCE: usize = 64;

/// Objects that the manifest does not pin by more than a size, and local files: as they are now.
#[derive(Debug)]
pub(super) struct Sources {
    known: Vec<(String, Pin)>,
    /// The first of those that nothing but a size tells from another, and how many there are.
    weak: Option<(String, usize)>,
}

impl Sources {
    /// Asks the objects that are read, as far as what pins them does not say enough.
    pub(super) async fn ask(
        client: &Client,
        manifest: &Manifest,
        plan: &Plan<'_>,
    ) -> Result<Self, ExportError> {
        let mut used = BTreeSet::new();
        for planned in &plan.arrays {
            locations(planned.array, Some(&planned.slices), &mut used);
        }
        let used = used
            .into_iter()
            .filter_map(|id| manifest.locations.get(id).cloned());
        let asked = stream::iter(used).map(|location| one(client, location));
        let asked: Vec<Option<(String, Pin)>> =
            asked.boxed().buffered(AT_ONCE).try_collect().await?;
        let known: Vec<(String, Pin)> = asked.into_iter().flatten().collect();
        let weak = |(_, pin): &&(String, Pin)| pin.etag.is_none() && pin.last_modified.is_none();
        let count = known.iter().filter(weak).count();
        let first = known.iter().find(weak);
        let weak = first.map(|(url, _)| (url.clone(), count));
        Ok(Self { known, weak })
    }

    /// What tells them from others.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (url, pin) in &self.known {
            // Writing to a string does not fail.
            let _ = write!(text, "{url}{pin:?}");
        }
        text
    }

    /// Why what an earlier run has written may be of other objects, if it may be.
    pub(super) fn doubt(&self) -> Option<String> {
        let (url, count) = self.weak.as_ref()?;
        let more = match count.saturating_sub(1) {
            0 => String::new(),
            more => format!(" (nor of {more} more)"),
        };
        Some(format!(
            "{url}: its server gives neither ETag nor Last-Modified{more}, so that nothing tells \
             whether it is still what an earlier run has read: the export began anew"
        ))
    }

    /// Looks whether they are what they were before.
    pub(super) async fn check(&self, client: &Client) -> Result<(), ExportError> {
        let asked = stream::iter(&self.known).map(|(url, before)| async move {
            let changed = |now: String| ExportError::Changed {
                url: url.clone(),
                reason: now,
            };
            let now = probe(client, url).await?;
            match (&before.etag, &now.etag) {
                _ if before.size != now.size => Err(changed(format!(
                    "{} bytes, before {}",
                    told(now.size),
                    told(before.size)
                ))),
                (Some(before), Some(now)) if before == now => Ok(()),
                (Some(_), Some(_)) => Err(changed("another ETag than before".to_owned())),
                _ if before.last_modified == now.last_modified => Ok(()),
                _ => Err(changed("another Last-Modified than before".to_owned())),
            }
        });
        asked.boxed().buffered(AT_ONCE).try_collect().await
    }
}

fn told(size: Option<u64>) -> String {
    size.map_or_else(
        || "an unknown number of".to_owned(),
        |size| size.to_string(),
    )
}

/// What an object is pinned by now; `None` where the manifest says enough, which each read compares.
async fn one(client: &Client, location: Location) -> Result<Option<(String, Pin)>, ExportError> {
    let urls: Vec<_> = location.urls().collect();
    let url = client.choose(&urls).await;
    let url = url.map_err(|source| ExportError::Source { source })?;
    let object = open(client, url).await?;
    let pinned = location.pin.etag.is_some() || location.pin.last_modified.is_some();
    if pinned && !object.is_local() {
        return Ok(None);
    }
    let pin = object.probe().await;
    let pin = pin.map_err(|source| ExportError::Source { source })?;
    Ok(Some((url.to_owned(), pin)))
}

async fn open(client: &Client, url: &str) -> Result<Object, ExportError> {
    let object = client.open(url).await;
    object.map_err(|source| ExportError::Source { source })
}

async fn probe(client: &Client, url: &str) -> Result<Pin, ExportError> {
    let object = open(client, url).await?;
    let pin = object.probe().await;
    pin.map_err(|source| ExportError::Source { source })
}

/// The objects in which an array lies, or a part of it.
fn locations(array: &Array, slices: Option<&[Slice]>, found: &mut BTreeSet<LocationId>) {
    match &array.layout {
        Layout::Chunked {
            chunk_shape,
            chunks,
            ..
        } => of_table(chunks, slices.map(|slices| (slices, &**chunk_shape)), found),
        Layout::Contiguous { location, .. } => {
            found.insert(*location);
        }
        Layout::External { segments, .. } => {
            let places = segments.iter().filter_map(|segment| segment.place);
            found.extend(places.map(|(location, _)| location));
        }
        Layout::Virtual { sources, .. } => {
            for source in sources {
                locations(source, None, found);
            }
        }
        Layout::Concat(concat) => {
            for profile in concat.profiles() {
                of_table(&profile.chunks, None, found);
            }
        }
        _ => {}
    }
}

fn of_table(
    chunks: &ChunkTable,
    part: Option<(&[Slice], &[u64])>,
    found: &mut BTreeSet<LocationId>,
) {
    for (index, chunk) in chunks {
        let (ChunkRef::Range { location, .. } | ChunkRef::Whole { location }) = chunk else {
            continue;
        };
        if found.contains(&location) {
            continue;
        }
        let is_read = part.is_none_or(|(slices, chunk_shape)| {
            let place = chunk_coordinates(index, chunks.grid()).unwrap_or_default();
            let mut axes = slices.iter().zip(place).zip(chunk_shape);
            axes.all(|((slice, at), length)| {
                let start = at.saturating_mul(*length);
                slice.start < start.saturating_add(*length) && start < slice.stop
            })
        });
        if is_read {
            found.insert(location);
        }
    }
}
