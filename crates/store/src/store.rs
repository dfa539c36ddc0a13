//! Keys in, bytes out.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_io::{Client, Object};
use chunkref_manifest::{Location, Manifest};
use futures::future::{FutureExt as _, try_join_all};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use crate::chunk::{Chunk, Decoding, Stored};
use crate::decoded::{self, DecodedChunks};
use crate::disk_cache::DiskCache;
use crate::document::{Documents, Refused};
use crate::error::{Error, Result};
use crate::lookup::Value;
use crate::options::{CacheStats, StoreOptions};
use crate::read;
use crate::references::{Part, ReferenceSource, References, rooted};
use crate::source::{OBJECTS_AT_ONCE, Request, Sources};

/// Chunks that are put together at one time.
const TOGETHER_AT_ONCE: usize = 8;

/// A dataset served as a Zarr hierarchy. A clone serves the same.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    references: References,
    options: StoreOptions,
    sources: Sources,
    documents: OnceCell<Arc<Documents>>,
    decoded: DecodedChunks,
}

impl Store {
    /// Serves a manifest as Zarr v3 for `zarrs`; chunks are read through `client`.
    pub fn new(manifest: Arc<Manifest>, client: Client) -> Self {
        Self::with_options(manifest, client, StoreOptions::new())
    }

    /// Serves a manifest as the options say; chunks are read through `client`.
    pub fn with_options(manifest: Arc<Manifest>, client: Client, options: StoreOptions) -> Self {
        Self::of_part(Part::new(manifest), client, options)
    }

    /// Serves a manifest of which something was refused: the keys of that are errors.
    pub fn of_part(part: Part, client: Client, options: StoreOptions) -> Self {
        Self::of(References::Here(part), (client, None), options)
    }

    /// Serves a dataset whose groups and references are asked for when they are needed. What lies in
    /// the object given, if one is, is read through that, which is open already.
    pub fn on_demand(
        source: Arc<dyn ReferenceSource>,
        object: Option<Object>,
        client: Client,
        options: StoreOptions,
    ) -> Self {
        Self::of(References::OnDemand(source), (client, object), options)
    }

    fn of(
        references: References,
        (client, object): (Client, Option<Object>),
        options: StoreOptions,
    ) -> Self {
        let disk = options.disk_cache.clone();
        let disk = disk.map(|(folder, bytes)| DiskCache::new(folder, bytes));
        let inner = Inner {
            references,
            sources: Sources::new(client, object, disk),
            documents: OnceCell::new(),
            decoded: DecodedChunks::new(options.cache_bytes),
            options,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// A manifest in which the array at a path such as `/a/b` is, perhaps without references, with all
    /// that is in its group; `None` if there is no such array.
    ///
    /// # Errors
    ///
    /// If it can't be read, or was refused.
    pub async fn around_array(&self, path: &str) -> Result<Option<Arc<Manifest>>> {
        self.references(path, &[]).await
    }

    /// A manifest in which the group at a path is, with its attributes, its arrays, perhaps without
    /// references, and which groups are in it; `None` if there is no such group.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub async fn around_group(&self, path: &str) -> Result<Option<Arc<Manifest>>> {
        let group = self.inner.references.group(&rooted(path)).await?;
        Ok(group.map(|part| part.manifest))
    }

    /// All groups and arrays, perhaps without references. A granule that is not scanned is, once.
    ///
    /// # Errors
    ///
    /// If they can't be read.
    pub async fn tree(&self) -> Result<Arc<Manifest>> {
        Ok(self.inner.references.tree().await?.manifest)
    }

    /// A manifest in which the array at a path has at least the references of these chunks: runs of
    /// their numbers in C order, ascending and apart. `None` if there is no such array.
    ///
    /// # Errors
    ///
    /// If they can't be read, or the array was refused.
    pub async fn references(
        &self,
        path: &str,
        chunks: &[Range<u64>],
    ) -> Result<Option<Arc<Manifest>>> {
        let references = &self.inner.references;
        let path = rooted(path);
        let found = references.chunks(&path, chunks).await?;
        if found.is_none() {
            references.check_not_refused(&path).await?;
        }
        Ok(found)
    }

    /// How it is served.
    pub fn options(&self) -> &StoreOptions {
        &self.inner.options
    }

    /// What the caches had so far.
    pub fn cache_stats(&self) -> CacheStats {
        let (memory_hits, memory_misses) = self.inner.decoded.counts();
        let disk = self.inner.sources.disk().map(DiskCache::counts);
        let [disk_hits, disk_misses, disk_failures, disk_written] = disk.unwrap_or_default();
        CacheStats {
            memory_hits,
            memory_misses,
            disk_hits,
            disk_misses,
            disk_failures,
            disk_written,
        }
    }

    /// Groups and arrays that can't be served, with the reason.
    ///
    /// # Errors
    ///
    /// If not all can be read.
    pub async fn refused(&self) -> Result<Vec<Refused>> {
        Ok(self.documents().await?.refused().collect())
    }

    /// The values of several keys; `None` for keys that are not there. Chunks that lie in one
    /// object are read together, neighbours by one request.
    ///
    /// # Errors
    ///
    /// If any of the values can't be read or decoded.
    pub async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let known = self.look_up(keys).await?;
        let mut values = Vec::with_capacity(keys.len());
        for (key, known) in keys.iter().zip(&known) {
            values.push(self.value(known, key)?.map(|value| match value {
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
        mut values: Vec<Option<Chunk<'_>>>,
    ) -> Result<Vec<Option<Bytes>>> {
        let names = self.kept(&mut values).await;
        let stored = self.stored(keys, values).await?;
        let answers = keys.iter().zip(stored).zip(names);
        let answers = answers.map(|((key, value), name)| async move {
            let Some((stored, decode)) = value else {
                return Ok(None);
            };
            let decoded = decoded(key.as_ref(), stored, decode).await?;
            if let Some(name) = name {
                self.inner.decoded.keep(name, decoded.clone()).await;
            }
            Ok(Some(decoded))
        });
        try_join_all(answers.collect::<Vec<_>>()).await
    }

    /// Puts decoded chunks that are kept in the place of those that are wanted; gives names to the
    /// others that are to be kept.
    async fn kept(&self, values: &mut [Option<Chunk<'_>>]) -> Vec<Option<String>> {
        let mut names = Vec::with_capacity(values.len());
        for value in values {
            let mut name = match value {
                Some(chunk) if chunk.decode.is_some() => decoded::name(chunk, None),
                _ => None,
            };
            if let Some(known) = &name
                && let Some(bytes) = self.inner.decoded.get(known).await
            {
                *value = Some(Chunk {
                    stored: Stored::Here(bytes),
                    decode: None,
                });
                name = None;
            }
            names.push(name);
        }
        names
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
            if let Some(Stored::Joined { of, index, .. }) =
                value.as_ref().map(|chunk| &chunk.stored)
            {
                let together = self.put_together(key.as_ref(), *of, *index);
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
    pub(crate) async fn settle<K: AsRef<str>>(
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
                wanted.push(self.whole_size(place, key.as_ref().to_owned(), location));
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

    async fn whole_size<'c>(
        &self,
        place: usize,
        key: String,
        location: &'c Location,
    ) -> Result<(usize, &'c Location, u64)> {
        let size = self.inner.sources.size(&key, location).await?;
        Ok((place, location, size))
    }

    pub(crate) fn decoded_chunks(&self) -> &DecodedChunks {
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

    pub(crate) fn all_references(&self) -> &References {
        &self.inner.references
    }

    /// Whether the root's document of Zarr v3 holds all others.
    pub(crate) fn consolidates(&self) -> bool {
        let asked = self.inner.options.consolidated;
        asked.unwrap_or(!self.inner.references.reads_all_for_tree())
    }

    /// The documents of all groups and arrays.
    pub(crate) async fn documents(&self) -> Result<&Arc<Documents>> {
        let Inner {
            references,
            options,
            documents,
            ..
        } = &*self.inner;
        let written = documents.get_or_try_init(|| async {
            let tree = references.tree().await?;
            Ok(Arc::new(Documents::new(tree, options, self.consolidates())))
        });
        written.await
    }

    /// Bytes of objects, in the order asked.
    pub(crate) async fn read_ranges(&self, requests: &[Request<'_>]) -> Result<Vec<Bytes>> {
        self.inner.sources.read(requests).await
    }
}

pub(crate) fn whole(key: &str) -> Error {
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
