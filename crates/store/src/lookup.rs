//! What keys name, and what is known of it.

use std::sync::Arc;

use bytes::Bytes;
use chunkref_manifest::Manifest;

use crate::chunk::{self, Chunk};
use crate::document::{self, Documents};
use crate::error::{Error, Result};
use crate::key::{Form, Target, form, target};
use crate::options::ZarrVersion;
use crate::references::{Part, Referenced, References, parent, rooted};
use crate::store::Store;

/// What is known of a key before its value is.
#[derive(Debug)]
pub(crate) enum Known {
    /// A document, or nothing.
    Document(Option<Bytes>),
    /// A chunk of an array that this manifest has, with its reference if there is one.
    Chunk(Arc<Manifest>),
}

/// The value of a key.
pub(crate) enum Value<'k> {
    Document(Bytes),
    Chunk(Chunk<'k>),
}

impl Store {
    /// What is known of these keys, in their order.
    pub(crate) async fn look_up(&self, keys: &[&str]) -> Result<Vec<Known>> {
        let version = self.options().version;
        let mut known = Vec::with_capacity(keys.len());
        if let References::Here(part) = self.all_references() {
            for key in keys {
                known.push(match target(&part.manifest, key, version) {
                    Target::Document => Known::Document(self.documents().await?.get(key)?),
                    Target::Chunk { .. } => Known::Chunk(Arc::clone(&part.manifest)),
                });
            }
            return Ok(known);
        }
        let (mut chunks, mut numbers) = (Vec::new(), Vec::new());
        for (number, key) in keys.iter().enumerate() {
            known.push(Known::Document(match form(key, version) {
                Form::Other => None,
                Form::Consolidated => self.documents().await?.get(key)?,
                Form::Document("") if version == ZarrVersion::V3 && self.consolidates() => {
                    self.documents().await?.get(key)?
                }
                Form::Document(path) => self.document(path, key).await?,
                Form::Chunk(path, place) => {
                    chunks.push((rooted(path), place));
                    numbers.push(number);
                    None
                }
            }));
        }
        let manifests = self.all_references().of_chunks(&chunks).await?;
        for ((number, manifest), (path, _)) in numbers.into_iter().zip(manifests).zip(&chunks) {
            let Some(manifest) = manifest else {
                self.all_references().check_not_refused(path).await?;
                continue;
            };
            if let Some(slot) = known.get_mut(number) {
                *slot = Known::Chunk(manifest);
            }
        }
        Ok(known)
    }

    pub(crate) async fn look_up_one(&self, key: &str) -> Result<Known> {
        let known = self.look_up(&[key]).await?.pop();
        Ok(known.unwrap_or(Known::Document(None)))
    }

    /// The value of a key of which this is known; `None` if it is not there.
    pub(crate) fn value<'k>(&self, known: &'k Known, key: &str) -> Result<Option<Value<'k>>> {
        let manifest = match known {
            Known::Document(document) => return Ok(document.clone().map(Value::Document)),
            Known::Chunk(manifest) => manifest,
        };
        let options = self.options();
        let Target::Chunk { array, coordinates } = target(manifest, key, options.version) else {
            // Of another number of axes.
            return Ok(None);
        };
        let of = Referenced {
            array,
            locations: &manifest.locations,
        };
        let found = chunk::find(of, &coordinates, options.version, options.reader);
        let found = found.map_err(|reason| Error::Manifest {
            key: key.to_owned(),
            reason,
        })?;
        Ok(found.map(Value::Chunk))
    }

    /// The document of the group or array at a path, which alone is read.
    async fn document(&self, path: &str, key: &str) -> Result<Option<Bytes>> {
        let references = self.all_references();
        if let Some(group) = references.group(&rooted(path)).await? {
            return document::one(&group, path, key, self.options());
        }
        match references.group(&rooted(parent(path))).await? {
            Some(group) => document::one(&group, path, key, self.options()),
            None => Ok(None),
        }
    }

    /// The documents of all that is in a part: those of all groups and arrays, where they are known.
    pub(crate) async fn documents_of(&self, part: Part) -> Result<Arc<Documents>> {
        if self.all_references().reads_all_for_tree() {
            return Ok(Arc::new(Documents::new(part, self.options(), false)));
        }
        self.documents().await.map(Arc::clone)
    }
}
