//! Decoded chunks that are kept: those of which several chunks that are served need a part, and those
//! that readers ask for part by part.
//!
//! Bytes as they are stored are kept by `io`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::chunk::{Chunk, Stored};
use crate::error::{Error, Result};
use crate::unpacking::Unpacking;

/// Decoded chunks, those used least dropped first.
#[derive(Debug)]
pub(crate) struct DecodedChunks {
    kept: moka::future::Cache<String, Bytes>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl DecodedChunks {
    /// Keeps at most about so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let weight = |name: &String, chunk: &Bytes| {
            let bytes = chunk.len().saturating_add(name.len());
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = moka::future::Cache::builder()
            .max_capacity(bytes)
            .weigher(weight);
        Self {
            kept: kept.build(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(crate) async fn get(&self, name: &str) -> Option<Bytes> {
        let found = self.kept.get(name).await;
        self.count(found.is_some());
        found
    }

    pub(crate) async fn keep(&self, name: String, chunk: Bytes) {
        self.kept.insert(name, chunk).await;
    }

    /// The chunk of this name; it is made if it is not kept, once for all who ask at the same time.
    pub(crate) async fn get_or_make(
        &self,
        name: String,
        make: impl Future<Output = Result<Bytes>>,
    ) -> Result<Bytes> {
        let mut is_new = false;
        let make = async {
            is_new = true;
            make.await
        };
        let found = self.kept.try_get_with(name, make).await;
        self.count(!is_new);
        found.map_err(|error: Arc<Error>| Error::Shared(error))
    }

    fn count(&self, hit: bool) {
        let count = if hit { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// How often a chunk was there, and how often it was not.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.hits), read(&self.misses))
    }
}

/// A name that only this chunk has, decoded as it is to be: where its bytes are, what pins them, and all
/// that is done to them. `None` if they are in no object.
pub(crate) fn name(chunk: &Chunk<'_>, unpacking: Option<&Unpacking>) -> Option<String> {
    let Stored::There {
        location,
        offset,
        end,
    } = &chunk.stored
    else {
        return None;
    };
    let (url, pin, decode) = (&location.url, &location.pin, &chunk.decode);
    Some(format!(
        "{url} {offset}..{end} {pin:?} {decode:?} {unpacking:?}"
    ))
}
