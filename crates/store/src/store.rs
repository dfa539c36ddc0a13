//! Keys in, bytes out.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_io::{Client, Object};
use chunkref_manifest::Manifest;
use tokio::sync::OnceCell;

use crate::chunk::{Chunk, Stored};
use crate::decoded::DecodedChunks;
use crate::disk_cache::DiskCache;
use crate::document::{Documents, Refused};
use crate::error::Result;
use crate::lookup::Value;
use crate::options::{CacheStats, StoreOptions};
use crate::references::{Part, ReferenceSource, References, rooted};
use crate::source::{Request, Sources};

/// Groups of which documents are kept for lists, where not all are known.
const GROUPS: u64 = 16;

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
    /// Of groups that are listed, by the addresses of their manifests, which they keep alive.
    of_groups: moka::future::Cache<usize, Arc<Documents>>,
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
            of_groups: moka::future::Cache::new(GROUPS),
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

    pub(crate) fn decoded_chunks(&self) -> &DecodedChunks {
        &self.inner.decoded
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.inner.sources
    }

    pub(crate) fn all_references(&self) -> &References {
        &self.inner.references
    }

    /// Whether the root's document of Zarr v3 holds all others.
    pub(crate) fn consolidates(&self) -> bool {
        let asked = self.inner.options.consolidated;
        asked.unwrap_or(!self.inner.references.reads_all_for_tree())
    }

    pub(crate) fn documents_of_groups(&self) -> &moka::future::Cache<usize, Arc<Documents>> {
        &self.inner.of_groups
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
