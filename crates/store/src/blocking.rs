//! The store for callers without async code.

use std::sync::mpsc;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use zarrs_storage::byte_range::{ByteRange, ByteRangeIterator};
use zarrs_storage::{
    ListableStorageTraits, MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError,
    StoreKey, StoreKeys, StoreKeysPrefixes, StorePrefix,
};

use crate::document::Refused;
use crate::error::{Error, Result};
use crate::read::{Elements, ReadOptions, Selection};
use crate::store::Store;
use crate::subset::{GranuleWindow, Query, Subset};

/// A [`Store`] with a runtime of its own: every call blocks its thread until the answer is there.
#[derive(Debug)]
pub struct BlockingStore {
    store: Store,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl BlockingStore {
    /// Starts the runtime that reads for the store.
    ///
    /// # Errors
    ///
    /// If the system gives no threads for it.
    pub fn new(store: Store) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("chunkref-store")
            .enable_all()
            .build()
            .map_err(|error| Error::Runtime {
                reason: error.to_string(),
            })?;
        Ok(Self {
            store,
            runtime: Some(runtime),
        })
    }

    /// The store it reads from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What can't be served, as [`Store::refused`] gives it.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn refused(&self) -> Result<Vec<Refused>> {
        let store = self.store.clone();
        self.wait(async move { store.refused().await })?
    }

    /// The values of several keys, as [`Store::get_many`] gives them.
    ///
    /// # Errors
    ///
    /// If any of the values can't be read or decoded.
    pub fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let store = self.store.clone();
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.wait(async move {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            store.get_many(&keys).await
        })?
    }

    /// A whole array, as [`Store::read_array`] gives it.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn read_array(&self, path: &str, limit: u64) -> Result<Elements> {
        let store = self.store.clone();
        let path = path.to_owned();
        self.wait(async move { store.read_array(&path, limit).await })?
    }

    /// Elements of an array, as [`Store::read`] gives them.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn read(
        &self,
        path: &str,
        selection: &Selection,
        options: ReadOptions,
    ) -> Result<Elements> {
        let store = self.store.clone();
        let (path, selection) = (path.to_owned(), selection.clone());
        self.wait(async move { store.read(&path, &selection, options).await })?
    }

    /// The part of an array that a query asks for, as [`Store::subset`] gives it.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn subset(&self, path: &str, query: &Query, options: ReadOptions) -> Result<Subset> {
        let store = self.store.clone();
        let (path, query) = (path.to_owned(), query.clone());
        self.wait(async move { store.subset(&path, &query, options).await })?
    }

    /// From which objects a part of an array comes, as [`Store::granule_windows`] says.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn granule_windows(&self, path: &str, subset: &Subset) -> Result<Vec<GranuleWindow>> {
        let store = self.store.clone();
        let (path, subset) = (path.to_owned(), subset.clone());
        self.wait(async move { store.granule_windows(&path, &subset).await })?
    }

    /// The elements of a part of an array, as [`Store::read_subset`] gives them.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn read_subset(
        &self,
        path: &str,
        subset: &Subset,
        options: ReadOptions,
    ) -> Result<Elements> {
        let store = self.store.clone();
        let (path, subset) = (path.to_owned(), subset.clone());
        self.wait(async move { store.read_subset(&path, &subset, options).await })?
    }

    /// Runs on the store's own threads, so that it works on a thread of another runtime, too.
    fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let gone = |reason: &str| Error::Runtime {
            reason: reason.to_owned(),
        };
        let runtime = self
            .runtime
            .as_ref()
            .ok_or_else(|| gone("it was shut down"))?;
        let (answer, answered) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Nobody waits any more only if this store's caller is gone.
            let _ = answer.send(future.await);
        });
        answered
            .recv()
            .map_err(|_| gone("its task ended without an answer"))
    }
}

impl Drop for BlockingStore {
    fn drop(&mut self) {
        // A runtime that is dropped on a thread of another one panics.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl ReadableStorageTraits for BlockingStore {
    fn get(&self, key: &StoreKey) -> std::result::Result<MaybeBytes, StorageError> {
        Ok(self.get_many(&[key.as_str()])?.pop().flatten())
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> std::result::Result<MaybeBytesIterator<'a>, StorageError> {
        let store = self.store.clone();
        let key = key.clone();
        let parts: Vec<ByteRange> = byte_ranges.collect();
        let found = self.wait(async move { store.parts(key.as_str(), &parts).await })??;
        Ok(found
            .map(|parts| -> Box<dyn Iterator<Item = _>> { Box::new(parts.into_iter().map(Ok)) }))
    }

    fn size_key(&self, key: &StoreKey) -> std::result::Result<Option<u64>, StorageError> {
        let (store, key) = (self.store.clone(), key.clone());
        Ok(self.wait(async move { store.size(key.as_str()).await })??)
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}

impl ListableStorageTraits for BlockingStore {
    fn list(&self) -> std::result::Result<StoreKeys, StorageError> {
        let store = self.store.clone();
        self.wait(async move { store.keys("").await })?
    }

    fn list_prefix(&self, prefix: &StorePrefix) -> std::result::Result<StoreKeys, StorageError> {
        let (store, prefix) = (self.store.clone(), prefix.clone());
        self.wait(async move { store.keys(prefix.as_str()).await })?
    }

    fn list_dir(
        &self,
        prefix: &StorePrefix,
    ) -> std::result::Result<StoreKeysPrefixes, StorageError> {
        let (store, prefix) = (self.store.clone(), prefix.clone());
        self.wait(async move { store.children(prefix.as_str()).await })?
    }

    fn size_prefix(&self, prefix: &StorePrefix) -> std::result::Result<u64, StorageError> {
        let (store, prefix) = (self.store.clone(), prefix.clone());
        self.wait(async move { store.size_under(prefix.as_str()).await })?
    }
}
