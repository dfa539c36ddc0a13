//! The objects that chunks lie in.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chunkref_io::{Client, Object, Pin};
use chunkref_manifest::Location;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use crate::disk_cache::{DiskCache, name};
use crate::error::{Error, Result};

/// Objects read from at one time: each of them makes several requests of its own.
pub(crate) const OBJECTS_AT_ONCE: usize = 32;

/// Objects kept open: a local file takes one of the few handles that a process has.
const OBJECTS_OPEN: usize = 256;

/// Objects of which it is remembered what they were when they are closed.
const PINS_KEPT: usize = 1 << 16;

/// Bytes wanted from one object.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The chunk they are for.
    pub(crate) key: &'a str,
    /// The object.
    pub(crate) location: &'a Location,
    /// The bytes.
    pub(crate) range: Range<u64>,
}

/// The objects that chunks lie in, by their URLs, opened when first read.
#[derive(Debug)]
pub(crate) struct Sources {
    client: Client,
    opened: Mutex<Opened>,
    /// One that was open already.
    given: Option<Object>,
    disk: Option<DiskCache>,
}

/// Objects by their URLs.
#[derive(Debug, Default)]
struct Opened {
    objects: HashMap<String, Arc<OnceCell<Object>>>,
    /// What those were that are closed again.
    closed: HashMap<String, Pin>,
}

impl Sources {
    pub(crate) fn new(client: Client, given: Option<Object>, disk: Option<DiskCache>) -> Self {
        Self {
            client,
            given,
            disk,
            opened: Mutex::default(),
        }
    }

    /// What is kept on disk, if that was asked for.
    pub(crate) fn disk(&self) -> Option<&DiskCache> {
        self.disk.as_ref()
    }

    /// The bytes wanted, in the order asked.
    pub(crate) async fn read(&self, requests: &[Request<'_>]) -> Result<Vec<Bytes>> {
        let Some(disk) = &self.disk else {
            return self.fetch(requests).await;
        };
        let names = requests.iter().map(|one| name(one.location, &one.range));
        let names: Vec<_> = names.collect();
        let mut found = disk.get(&names).await;
        let missing = requests.iter().zip(&found);
        let missing = missing.filter(|(_, found)| found.is_none());
        let missing: Vec<_> = missing.map(|(request, _)| request.clone()).collect();
        let mut fetched = self.fetch(&missing).await?.into_iter();
        let mut new = Vec::new();
        for (name, found) in names.into_iter().zip(&mut found) {
            if found.is_none() {
                let bytes = fetched.next().unwrap_or_default();
                *found = Some(bytes.clone());
                new.extend(name.map(|name| (name, bytes)));
            }
        }
        disk.keep(new).await;
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The bytes wanted, in the order asked: one wave for each object.
    async fn fetch(&self, requests: &[Request<'_>]) -> Result<Vec<Bytes>> {
        let mut answers = vec![Bytes::new(); requests.len()];
        let mut waves = BTreeMap::<&str, Vec<(usize, &Request<'_>)>>::new();
        for (place, request) in requests.iter().enumerate() {
            if !request.range.is_empty() {
                waves
                    .entry(&request.location.url)
                    .or_default()
                    .push((place, request));
            }
        }
        let waves: Vec<_> = waves.into_values().map(|wave| self.wave(wave)).collect();
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
    async fn wave(&self, wave: Vec<(usize, &Request<'_>)>) -> Result<Vec<(usize, Bytes)>> {
        let Some(&(_, first)) = wave.first() else {
            return Ok(Vec::new());
        };
        let object = self.open(first.key, first.location).await?;
        let ranges: Vec<_> = wave
            .iter()
            .map(|(_, request)| request.range.clone())
            .collect();
        let read = object.read(&ranges).await;
        let read = read.map_err(|error| failed(first.key, first.location, error))?;
        let mut answers = Vec::with_capacity(wave.len());
        let mut read = read.into_iter();
        for (place, request) in wave {
            unchanged(request.key, request.location, &object)?;
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
    pub(crate) async fn size(&self, key: &str, location: &Location) -> Result<u64> {
        let object = self.open(key, location).await?;
        let size = object.size().await;
        let size = size.map_err(|error| failed(key, location, error))?;
        unchanged(key, location, &object)?;
        Ok(size)
    }

    async fn open(&self, key: &str, location: &Location) -> Result<Object> {
        if let Some(given) = &self.given
            && given.url() == location.url
        {
            return Ok(given.clone());
        }
        let (cell, before) = self.cell(&location.url);
        let open = || async {
            let mut pin = pin(location);
            if let Some(before) = before {
                // Where nothing else pins it, it must at least stay what it was.
                pin.size = pin.size.or(before.size);
                pin.etag = pin.etag.or(before.etag);
                pin.last_modified = pin.last_modified.or(before.last_modified);
            }
            self.client.open_pinned(&location.url, pin).await
        };
        let object = cell.get_or_try_init(open).await;
        let object = object.map_err(|error| failed(key, location, error))?;
        Ok(object.clone())
    }

    /// The object at a URL, and what it was when it was closed, if it was.
    fn cell(&self, url: &str) -> (Arc<OnceCell<Object>>, Option<Pin>) {
        // Nothing panics while it is held; a poisoned map is whole.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let Opened { objects, closed } = &mut *opened;
        if let Some(cell) = objects.get(url) {
            return (Arc::clone(cell), closed.get(url).cloned());
        }
        if objects.len() >= OBJECTS_OPEN {
            // Those being read stay open until they are.
            for (url, object) in objects.drain() {
                if let Some(object) = object.get()
                    && closed.len() < PINS_KEPT
                {
                    closed.insert(url, object.pin());
                }
            }
        }
        let cell = objects.entry(url.to_owned()).or_default();
        (Arc::clone(cell), closed.get(url).cloned())
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

/// Compares an object with what this location says of it: it may have been opened by another of the
/// same URL. Where both have an `ETag`, `Last-Modified` does not count: servers behind one name may
/// differ in it.
fn unchanged(key: &str, location: &Location, object: &Object) -> Result<()> {
    let (before, now) = (pin(location), object.pin());
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
        let bytes = |size| format!("{size} bytes");
        return Err(changed("size", bytes(before), bytes(now)));
    }
    let (what, before, now) = match (before.etag, now.etag) {
        (Some(before), Some(now)) => ("ETag", Some(before), Some(now)),
        _ => ("Last-Modified", before.last_modified, now.last_modified),
    };
    match (before, now) {
        (Some(before), Some(now)) if before != now => Err(changed(what, before, now)),
        _ => Ok(()),
    }
}
