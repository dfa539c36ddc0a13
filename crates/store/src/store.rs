//! Keys in, bytes out.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chunkref_io::Client;
use chunkref_manifest::{LocationId, Manifest};
use futures::future::{FutureExt as _, try_join_all};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use zarrs_storage::byte_range::{ByteRange, InvalidByteRangeError};

use crate::chunk::{self, Chunk, Decoding, Stored};
use crate::document::{Documents, Refused};
use crate::error::{Error, Result};
use crate::joined::{self, Decoded};
use crate::key::{Target, target};
use crate::options::StoreOptions;
use crate::read;
use crate::source::{OBJECTS_AT_ONCE, Request, Sources};

/// Chunks that are put together at one time.
const TOGETHER_AT_ONCE: usize = 8;

/// A manifest served as a Zarr hierarchy. A clone serves the same.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    manifest: Arc<Manifest>,
    options: StoreOptions,
    sources: Sources,
    documents: OnceLock<Documents>,
    decoded: Decoded,
}

/// The value of a key.
enum Value<'a> {
    Document(Bytes),
    Chunk(Chunk<'a>),
}

impl Store {
    /// Serves a manifest as Zarr v3 for `zarrs`; chunks are read through `client`.
    pub fn new(manifest: Arc<Manifest>, client: Client) -> Self {
        Self::with_options(manifest, client, StoreOptions::new())
    }

    /// Serves a manifest as the options say; chunks are read through `client`.
    pub fn with_options(manifest: Arc<Manifest>, client: Client, options: StoreOptions) -> Self {
        let inner = Inner {
            manifest,
            options,
            sources: Sources::new(client),
            documents: OnceLock::new(),
            decoded: joined::cache(options.cache_bytes),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What is served.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.inner.manifest
    }

    /// How it is served.
    pub fn options(&self) -> StoreOptions {
        self.inner.options
    }

    /// Groups and arrays that can't be served, with the reason.
    pub fn refused(&self) -> Vec<Refused> {
        self.documents().refused().collect()
    }

    /// The values of several keys; `None` for keys that are not there. Chunks that lie in one
    /// object are read together, neighbours by one request.
    ///
    /// # Errors
    ///
    /// If any of the values can't be read or decoded.
    pub async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.value(key)?.map(|value| match value {
                Value::Document(bytes) => Chunk {
                    stored: Stored::Here(bytes),
                    decode: None,
                },
                Value::Chunk(chunk) => chunk,
            }));
        }
        self.resolve(keys, values).await
    }

    /// The bytes of these values, read and decoded; errors name the keys.
    pub(crate) async fn resolve<K: AsRef<str>>(
        &self,
        keys: &[K],
        values: Vec<Option<Chunk<'_>>>,
    ) -> Result<Vec<Option<Bytes>>> {
        let stored = self.stored(keys, values).await?;
        let answers = keys.iter().zip(stored).map(|(key, value)| async move {
            match value {
                None => Ok(None),
                Some((stored, decode)) => decoded(key.as_ref(), stored, decode).await.map(Some),
            }
        });
        try_join_all(answers.collect::<Vec<_>>()).await
    }

    /// The stored bytes of these values, and how they are decoded; errors name the keys.
    pub(crate) async fn stored<K: AsRef<str>>(
        &self,
        keys: &[K],
        mut values: Vec<Option<Chunk<'_>>>,
    ) -> Result<Vec<Option<(Bytes, Option<Decoding>)>>> {
        self.put_all_together(keys, &mut values).await?;
        self.settle(keys, &mut values).await?;
        let requests: Vec<_> = keys
            .iter()
            .zip(&values)
            .filter_map(|(key, value)| match value.as_ref()?.stored {
                Stored::There {
                    location,
                    offset,
                    end,
                } => Some(Request {
                    key: key.as_ref(),
                    location,
                    range: offset..end,
                }),
                _ => None,
            })
            .collect();
        let mut read = self.read_ranges(&requests).await?.into_iter();
        let stored = values.into_iter().map(|value| {
            let chunk = value?;
            let stored = match chunk.stored {
                Stored::Here(bytes) => bytes,
                // None is left that is to be put together, or whole.
                Stored::There { .. } | Stored::Joined { .. } | Stored::Whole { .. } => {
                    read.next().unwrap_or_default()
                }
            };
            Some((stored, chunk.decode))
        });
        Ok(stored.collect())
    }

    /// Puts chunks together that lie nowhere as such, several at one time.
    async fn put_all_together<K: AsRef<str>>(
        &self,
        keys: &[K],
        values: &mut [Option<Chunk<'_>>],
    ) -> Result<()> {
        let mut under_way = Vec::new();
        for (place, (key, value)) in keys.iter().zip(&*values).enumerate() {
            if let Some(Stored::Joined { array, index, .. }) =
                value.as_ref().map(|chunk| &chunk.stored)
            {
                let together = self.put_together(key.as_ref(), array, *index);
                under_way.push(together.map(move |bytes| (place, bytes)));
            }
        }
        let mut together = stream::iter(under_way).buffer_unordered(TOGETHER_AT_ONCE);
        while let Some((place, bytes)) = together.next().await {
            if let Some(Some(chunk)) = values.get_mut(place) {
                chunk.stored = Stored::Here(bytes?);
            }
        }
        Ok(())
    }

    /// Turns chunks that are whole objects into ranges, for which the objects tell their sizes.
    async fn settle<K: AsRef<str>>(
        &self,
        keys: &[K],
        values: &mut [Option<Chunk<'_>>],
    ) -> Result<()> {
        let mut wanted = Vec::new();
        for (place, (key, value)) in keys.iter().zip(&*values).enumerate() {
            if let Some(Chunk {
                stored: Stored::Whole { location },
                ..
            }) = value
            {
                wanted.push(self.whole_size(place, key.as_ref().to_owned(), *location));
            }
        }
        let mut sizes = stream::iter(wanted).buffer_unordered(OBJECTS_AT_ONCE);
        while let Some((place, location, end)) = sizes.try_next().await? {
            if let Some(Some(chunk)) = values.get_mut(place) {
                chunk.stored = Stored::There {
                    location,
                    offset: 0,
                    end,
                };
            }
        }
        Ok(())
    }

    async fn whole_size(
        &self,
        place: usize,
        key: String,
        location: LocationId,
    ) -> Result<(usize, LocationId, u64)> {
        let Inner {
            sources, manifest, ..
        } = &*self.inner;
        let size = sources.size(manifest, &key, location).await?;
        Ok((place, location, size))
    }

    /// Parts of the value of a key; `None` if the key is not there.
    pub(crate) async fn parts(&self, key: &str, parts: &[ByteRange]) -> Result<Option<Vec<Bytes>>> {
        let chunk = match self.value(key)? {
            None => return Ok(None),
            Some(Value::Document(bytes)) => return slices(key, &bytes, parts).map(Some),
            Some(Value::Chunk(chunk)) => self.settled(key, chunk).await?,
        };
        let size = chunk.size().unwrap_or_default();
        let (
            &Stored::There {
                location, offset, ..
            },
            None,
        ) = (&chunk.stored, &chunk.decode)
        else {
            let whole = self.get_many(&[key]).await?.pop().flatten();
            return whole.map(|bytes| slices(key, &bytes, parts)).transpose();
        };
        let mut requests = Vec::with_capacity(parts.len());
        for part in parts {
            let range = within(key, *part, size)?;
            // Within the chunk, whose end was checked.
            let range = offset.saturating_add(range.start)..offset.saturating_add(range.end);
            requests.push(Request {
                key,
                location,
                range,
            });
        }
        let read = self
            .inner
            .sources
            .read(&self.inner.manifest, &requests)
            .await?;
        Ok(Some(read))
    }

    async fn settled<'c>(&self, key: &str, chunk: Chunk<'c>) -> Result<Chunk<'c>> {
        let mut values = [Some(chunk)];
        self.settle(&[key], &mut values).await?;
        let [chunk] = values;
        chunk.ok_or_else(|| whole(key))
    }

    /// The length in bytes of the value of a key; `None` if it is not there. Nothing is read.
    ///
    /// # Errors
    ///
    /// If there can be none, or the chunk is a whole object.
    pub(crate) fn size(&self, key: &str) -> Result<Option<u64>> {
        match self.value(key)? {
            None => Ok(None),
            Some(Value::Document(bytes)) => {
                Ok(Some(u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
            }
            Some(Value::Chunk(chunk)) => chunk.size().map(Some).ok_or_else(|| whole(key)),
        }
    }

    /// As [`Self::size`], and whole objects are asked for theirs.
    pub(crate) async fn size_asked(&self, key: &str) -> Result<Option<u64>> {
        match self.value(key)? {
            Some(Value::Chunk(chunk)) => Ok(self.settled(key, chunk).await?.size()),
            _ => self.size(key),
        }
    }

    pub(crate) fn decoded_chunks(&self) -> &Decoded {
        &self.inner.decoded
    }

    /// The stored bytes of one chunk.
    pub(crate) async fn bytes_of(&self, key: &str, stored: Stored<'_>) -> Result<Bytes> {
        let chunk = Chunk {
            stored,
            decode: None,
        };
        let mut read = Box::pin(self.stored(&[key], vec![Some(chunk)])).await?;
        let found = read.pop().flatten();
        found.map(|(bytes, _)| bytes).ok_or_else(|| whole(key))
    }

    pub(crate) fn documents(&self) -> &Documents {
        self.inner
            .documents
            .get_or_init(|| Documents::new(&self.inner.manifest, self.inner.options))
    }

    /// Bytes of the manifest's objects, in the order asked.
    pub(crate) async fn read_ranges(&self, requests: &[Request<'_>]) -> Result<Vec<Bytes>> {
        let inner = &self.inner;
        inner.sources.read(&inner.manifest, requests).await
    }

    fn value(&self, key: &str) -> Result<Option<Value<'_>>> {
        let StoreOptions {
            version, reader, ..
        } = self.inner.options;
        match target(&self.inner.manifest, key, version) {
            Target::Document => Ok(self.documents().get(key)?.map(Value::Document)),
            Target::Chunk { array, coordinates } => {
                let found = chunk::find(array, &coordinates, version, reader);
                let found = found.map_err(|reason| Error::Manifest {
                    key: key.to_owned(),
                    reason,
                })?;
                Ok(found.map(Value::Chunk))
            }
        }
    }
}

fn whole(key: &str) -> Error {
    Error::Manifest {
        key: key.to_owned(),
        reason: "a whole object, whose size is known only when it is opened".to_owned(),
    }
}

/// Decodes off the async threads.
async fn decoded(key: &str, stored: Bytes, decode: Option<Decoding>) -> Result<Bytes> {
    let Some(decoding) = decode else {
        return Ok(stored);
    };
    let owned = key.to_owned();
    let done = tokio::task::spawn_blocking(move || read::decode(&owned, stored, decoding)).await;
    match done {
        Ok(decoded) => decoded,
        Err(_) => Err(Error::Cancelled {
            key: key.to_owned(),
        }),
    }
}

fn slices(key: &str, bytes: &Bytes, parts: &[ByteRange]) -> Result<Vec<Bytes>> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    parts
        .iter()
        .map(|part| {
            let range = within(key, *part, size)?;
            let bounds = usize::try_from(range.start)
                .ok()
                .zip(usize::try_from(range.end).ok());
            let slice = bounds.and_then(|(start, end)| bytes.get(start..end));
            slice
                .map(|slice| bytes.slice_ref(slice))
                .ok_or_else(|| outside(key, *part, size))
        })
        .collect()
}

/// The bytes that a part is, which must lie within a value of this size.
fn within(key: &str, part: ByteRange, size: u64) -> Result<std::ops::Range<u64>> {
    let range = match part {
        ByteRange::FromStart(start, None) => Some(start..size),
        ByteRange::FromStart(start, Some(length)) => {
            start.checked_add(length).map(|end| start..end)
        }
        ByteRange::Suffix(length) => size.checked_sub(length).map(|start| start..size),
    };
    range
        .filter(|range| range.start <= range.end && range.end <= size)
        .ok_or_else(|| outside(key, part, size))
}

fn outside(key: &str, part: ByteRange, size: u64) -> Error {
    // The text of a part whose end can't be counted overflows in `zarrs_storage`.
    let part = match part {
        ByteRange::FromStart(start, Some(length)) if start.checked_add(length).is_none() => {
            ByteRange::FromStart(start, None)
        }
        part => part,
    };
    Error::Range {
        key: key.to_owned(),
        source: InvalidByteRangeError::new(part, size),
    }
}
