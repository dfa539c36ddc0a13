//! The objects that chunks lie in.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chunkref_io::{Client, Object, Pin};
use chunkref_manifest::{Location, LocationId, Manifest};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use crate::error::{Error, Result};

/// Objects read from at one time: each of them makes several requests of its own.
pub(crate) const OBJECTS_AT_ONCE: usize = 32;

/// Objects kept open: a local file takes one of the few handles that a process has.
const OBJECTS_OPEN: usize = 256;

/// Bytes wanted from one object.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The chunk they are for.
    pub(crate) key: &'a str,
    /// The object.
    pub(crate) location: LocationId,
    /// The bytes.
    pub(crate) range: Range<u64>,
}

/// The objects of a manifest, opened when first read.
#[derive(Debug)]
pub(crate) struct Sources {
    client: Client,
    opened: Mutex<HashMap<LocationId, Arc<OnceCell<Object>>>>,
}

impl Sources {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            opened: Mutex::default(),
        }
    }

    /// The bytes wanted, in the order asked: one wave for each object.
    pub(crate) async fn read(
        &self,
        manifest: &Manifest,
        requests: &[Request<'_>],
    ) -> Result<Vec<Bytes>> {
        let mut answers = vec![Bytes::new(); requests.len()];
        let mut waves = BTreeMap::<LocationId, Vec<(usize, &Request<'_>)>>::new();
        for (place, request) in requests.iter().enumerate() {
            if !request.range.is_empty() {
                waves
                    .entry(request.location)
                    .or_default()
                    .push((place, request));
            }
        }
        let waves: Vec<_> = waves
            .into_values()
            .map(|wave| self.wave(manifest, wave))
            .collect();
        let read: Vec<_> = stream::iter(waves)
            .buffer_unordered(OBJECTS_AT_ONCE)
            .try_collect()
            .await?;
        for (place, bytes) in read.into_iter().flatten() {
            if let Some(answer) = answers.get_mut(place) {
                *answer = bytes;
            }
        }
        Ok(answers)
    }

    /// Reads from one object. All requests name the same.
    async fn wave(
        &self,
        manifest: &Manifest,
        wave: Vec<(usize, &Request<'_>)>,
    ) -> Result<Vec<(usize, Bytes)>> {
        let Some(&(_, first)) = wave.first() else {
            return Ok(Vec::new());
        };
        let (location, object) = self.open(manifest, first.key, first.location).await?;
        let ranges: Vec<_> = wave
            .iter()
            .map(|(_, request)| request.range.clone())
            .collect();
        let read = object.read(&ranges).await;
        let read = read.map_err(|error| failed(first.key, location, error))?;
        let mut answers = Vec::with_capacity(wave.len());
        let mut read = read.into_iter();
        for (place, request) in wave {
            let bytes = read.next().unwrap_or_default();
            let expected = request.range.end.saturating_sub(request.range.start);
            if u64::try_from(bytes.len()) != Ok(expected) {
                return Err(Error::Short {
                    key: request.key.to_owned(),
                    found: bytes.len(),
                    expected,
                });
            }
            answers.push((place, bytes));
        }
        Ok(answers)
    }

    /// The size in bytes of an object.
    pub(crate) async fn size(&self, manifest: &Manifest, key: &str, id: LocationId) -> Result<u64> {
        let (location, object) = self.open(manifest, key, id).await?;
        let size = object.size().await;
        size.map_err(|error| failed(key, location, error))
    }

    async fn open<'a>(
        &self,
        manifest: &'a Manifest,
        key: &str,
        id: LocationId,
    ) -> Result<(&'a Location, Object)> {
        let location = manifest.locations.get(id);
        let location = location.ok_or_else(|| Error::Location {
            key: key.to_owned(),
            id,
        })?;
        let cell = self.cell(id);
        let object = cell
            .get_or_try_init(|| self.client.open_pinned(&location.url, pin(location)))
            .await;
        let object = object.map_err(|error| failed(key, location, error))?;
        Ok((location, object.clone()))
    }

    fn cell(&self, id: LocationId) -> Arc<OnceCell<Object>> {
        // Nothing panics while it is held; a poisoned map is whole.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= OBJECTS_OPEN && !opened.contains_key(&id) {
            opened.clear(); // those being read stay open until they are
        }
        Arc::clone(opened.entry(id).or_default())
    }
}

/// What an object must still be like to be the one that was scanned.
fn pin(location: &Location) -> Pin {
    let mut pin = Pin::default();
    pin.size = location.pin.size;
    pin.etag.clone_from(&location.pin.etag);
    pin.last_modified.clone_from(&location.pin.last_modified);
    pin
}

/// Why a chunk of an object can't be read.
fn failed(key: &str, location: &Location, error: chunkref_io::Error) -> Error {
    match error {
        chunkref_io::Error::Changed {
            what, before, now, ..
        } if is_pinned(location, what) => Error::Changed {
            key: key.to_owned(),
            url: location.url.clone(),
            what,
            before,
            now,
        },
        source => Error::Read {
            key: key.to_owned(),
            source,
        },
    }
}

/// Whether the manifest says this of an object; else two answers differ in it.
fn is_pinned(location: &Location, what: &str) -> bool {
    match what {
        "size" => location.pin.size.is_some(),
        "ETag" => location.pin.etag.is_some(),
        _ => location.pin.last_modified.is_some(),
    }
}
