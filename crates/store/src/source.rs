//! The objects that chunks lie in.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chunkref_io::{Client, Object};
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
        let key = first.key;
        let failed = |source| Error::Read {
            key: key.to_owned(),
            source,
        };
        let (location, object) = self.open(manifest, key, first.location).await?;
        let ranges: Vec<_> = wave
            .iter()
            .map(|(_, request)| request.range.clone())
            .collect();
        let read = object.read(&ranges).await.map_err(failed)?;
        unchanged(key, location, &object)?;
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
        let (_, object) = self.open(manifest, key, id).await?;
        object.size().await.map_err(|source| Error::Read {
            key: key.to_owned(),
            source,
        })
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
        let opened = self.cell(id);
        let object = opened
            .get_or_try_init(|| self.client.open(&location.url))
            .await
            .map_err(|source| Error::Read {
                key: key.to_owned(),
                source,
            })?;
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

/// Whether the object is still the one that was scanned. Where both have an `ETag`,
/// `Last-Modified` does not count: servers behind one name may differ in it.
fn unchanged(key: &str, location: &Location, object: &Object) -> Result<()> {
    let before = &location.pin;
    let now = object.pin();
    let changed = |what, before: String, now: String| Error::Changed {
        key: key.to_owned(),
        url: location.url.clone(),
        what,
        before,
        now,
    };
    if let (Some(before), Some(now)) = (before.size, now.size)
        && before != now
    {
        return Err(changed("size", before.to_string(), now.to_string()));
    }
    let (what, before, now) = match (&before.etag, &now.etag) {
        (Some(_), Some(_)) => ("ETag", &before.etag, &now.etag),
        _ => ("Last-Modified", &before.last_modified, &now.last_modified),
    };
    match (before, now) {
        (Some(before), Some(now)) if before != now => {
            Err(changed(what, before.clone(), now.clone()))
        }
        _ => Ok(()),
    }
}
