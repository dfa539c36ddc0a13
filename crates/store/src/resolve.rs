//! Values of keys become bytes: kept, put together, read, decoded.

use bytes::Bytes;
use chunkref_manifest::Location;
use futures::future::{FutureExt as _, try_join_all};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::chunk::{Chunk, Decoding, Stored};
use crate::decoded;
use crate::error::{Error, Result};
use crate::read;
use crate::source::{OBJECTS_AT_ONCE, Request};
use crate::store::Store;

/// Chunks that are put together at one time.
const TOGETHER_AT_ONCE: usize = 8;

impl Store {
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
                self.decoded_chunks().keep(name, decoded.clone()).await;
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
                && let Some(bytes) = self.decoded_chunks().get(known).await
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
        let size = self.sources().size(&key, location).await?;
        Ok((place, location, size))
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
