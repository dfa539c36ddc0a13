//! The objects that chunks lie in.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Objects by the URLs of their locations.
#[derive(Debug, Default)]
struct Opened {
    objects: HashMap<String, Arc<OnceCell<Source>>>,
    /// What those were that are closed again, and the URL at which they were.
    closed: HashMap<String, (String, Pin)>,
}

/// An open object, and the one of its location's URLs by which it is read.
#[derive(Clone, Debug)]
struct Source {
    url: String,
    object: Object,
}

impl Source {
    /// Whether what is read is surely what this location pins, be it by its alternate.
    fn is_as_pinned(&self, location: &Location) -> bool {
        let etag = &location.pin.etag;
        self.url == location.url || (etag.is_some() && self.object.pin().etag == *etag)
    }
}

/// Bytes that were read.
#[derive(Clone, Debug, Default)]
struct Fetched {
    bytes: Bytes,
    /// Whether they are surely those of the object that the manifest pins.
    is_as_pinned: bool,
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
            let fetched = self.fetch(requests).await?;
            return Ok(fetched.into_iter().map(|one| one.bytes).collect());
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
                let one = fetched.next().unwrap_or_default();
                *found = Some(one.bytes.clone());
                let name = name.filter(|_| one.is_as_pinned);
                new.extend(name.map(|name| (name, one.bytes)));
            }
        }
        disk.keep(new).await;
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The bytes wanted, in the order asked: one wave for each object.
    async fn fetch(&self, requests: &[Request<'_>]) -> Result<Vec<Fetched>> {
        let mut answers = vec![Fetched::default(); requests.len()];
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
        for (place, fetched) in read.into_iter().flatten() {
            if let Some(answer) = answers.get_mut(place) {
                *answer = fetched;
            }
        }
        Ok(answers)
    }

    /// Reads from one object. All requests name the same. Where the way to it turns out to be closed
    /// another one is taken, if there is one.
    async fn wave(&self, wave: Vec<(usize, &Request<'_>)>) -> Result<Vec<(usize, Fetched)>> {
        let Some(&(_, first)) = wave.first() else {
            return Ok(Vec::new());
        };
        let mut source = self.open(first.key, first.location).await?;
        let ranges: Vec<_> = wave
            .iter()
            .map(|(_, request)| request.range.clone())
            .collect();
        let mut read = source.object.read(&ranges).await;
        if let Err(error) = &read
            && self.leaves(first.location, &source, error).await
        {
            source = self.open(first.key, first.location).await?;
            read = source.object.read(&ranges).await;
        }
        let read = read.map_err(|error| failed(first.key, first.location, error))?;
        let mut answers = Vec::with_capacity(wave.len());
        let mut read = read.into_iter();
        for (place, request) in wave {
            unchanged(request.key, request.location, &source)?;
            let bytes = read.next().unwrap_or_default();
            let expected = request.range.end.saturating_sub(request.range.start);
            if u64::try_from(bytes.len()) != Ok(expected) {
                return Err(Error::Short {
                    key: request.key.to_owned(),
                    found: bytes.len(),
                    expected,
                });
            }
            let is_as_pinned = source.is_as_pinned(request.location);
            answers.push((
                place,
                Fetched {
                    bytes,
                    is_as_pinned,
                },
            ));
        }
        Ok(answers)
    }

    /// The size in bytes of an object.
    pub(crate) async fn size(&self, key: &str, location: &Location) -> Result<u64> {
        let mut source = self.open(key, location).await?;
        let mut size = source.object.size().await;
        if let Err(error) = &size
            && self.leaves(location, &source, error).await
        {
            source = self.open(key, location).await?;
            size = source.object.size().await;
        }
        let size = size.map_err(|error| failed(key, location, error))?;
        unchanged(key, location, &source)?;
        Ok(size)
    }

    async fn open(&self, key: &str, location: &Location) -> Result<Source> {
        if let Some(given) = &self.given
            && given.url() == location.url
        {
            return Ok(Source {
                url: location.url.clone(),
                object: given.clone(),
            });
        }
        let (cell, before) = self.cell(&location.url);
        let open = || async {
            let urls: Vec<_> = location.urls().collect();
            let (url, mut pin) = self.client.choose_pinned(&urls, pin(location)).await?;
            if let Some((at, before)) = before {
                if pin.is_of_other_url && at == url {
                    // It was found to be the one that is pinned, and must stay what it was here.
                    pin.etag = None;
                    pin.last_modified = None;
                    pin.is_of_other_url = false;
                }
                // Where nothing else pins it, it must at least stay what it was.
                pin.size = pin.size.or(before.size);
                if at == url {
                    pin.etag = pin.etag.or(before.etag);
                    pin.last_modified = pin.last_modified.or(before.last_modified);
                }
            }
            let object = self.client.open_pinned(url, pin).await?;
            let url = url.to_owned();
            Ok::<_, chunkref_io::Error>(Source { url, object })
        };
        let source = cell.get_or_try_init(open).await;
        let source = source.map_err(|error| failed(key, location, error))?;
        Ok(source.clone())
    }

    /// Whether an object is to be opened anew by another of its URLs, since the way by this one is
    /// closed.
    async fn leaves(
        &self,
        location: &Location,
        source: &Source,
        error: &chunkref_io::Error,
    ) -> bool {
        let urls: Vec<_> = location.urls().collect();
        let other = self.client.other_way(&urls, &source.url, error).await;
        if other.is_none_or(|other| other == source.url) {
            return false;
        }
        let mut opened = self.opened();
        let cell = opened.objects.get(&location.url);
        let held = cell.and_then(|cell| cell.get());
        if held.is_some_and(|held| held.url == source.url) {
            opened.objects.remove(&location.url);
        }
        true
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        // Nothing panics while it is held; a poisoned map is whole.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object of a location with this URL, and what and where it was when it was closed, if it was.
    fn cell(&self, url: &str) -> (Arc<OnceCell<Source>>, Option<(String, Pin)>) {
        let mut opened = self.opened();
        let Opened { objects, closed } = &mut *opened;
        if let Some(cell) = objects.get(url) {
            return (Arc::clone(cell), closed.get(url).cloned());
        }
        if objects.len() >= OBJECTS_OPEN {
            // Those being read stay open until they are.
            for (url, source) in objects.drain() {
                if let Some(source) = source.get()
                    && closed.len() < PINS_KEPT
                {
                    closed.insert(url, (source.url.clone(), source.object.pin()));
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
            url,
            what,
            before,
            now,
        } if is_pinned(location, what) => Error::Changed {
            key: key.to_owned(),
            url,
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
/// differ in it. Of what is read by an alternate that counts which can be compared.
fn unchanged(key: &str, location: &Location, source: &Source) -> Result<()> {
    let (mut before, now) = (pin(location), source.object.pin());
    if source.url != location.url {
        before.is_of_other_url = true;
        let agreed = before.agree(source.object.url(), now);
        return agreed.map_err(|error| failed(key, location, error));
    }
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
