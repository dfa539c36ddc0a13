//! Keys listed.

use std::collections::BTreeSet;
use std::sync::Arc;

use chunkref_manifest::{Array, Manifest, cell_count, chunk_coordinates, zarr};
use zarrs_storage::{StorageError, StoreKey, StoreKeys, StoreKeysPrefixes, StorePrefix};

use crate::chunk;
use crate::error::{Error, Result};
use crate::options::ZarrVersion;
use crate::references::{Part, parent, rooted};
use crate::store::Store;

/// The most chunks of an array that are listed: a formula can stand for any number.
const MAX_KEYS: u64 = 1 << 24;

impl Store {
    /// The keys that begin with `prefix` (empty, or ending in `/`), ascending.
    pub(crate) async fn keys(&self, prefix: &str) -> std::result::Result<StoreKeys, StorageError> {
        let documents = self.documents().await?;
        let tree = documents.part();
        let mut keys: Vec<String> = documents
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        for (path, array) in tree.manifest.arrays() {
            let path = path.trim_start_matches('/');
            let under = format!("{path}/");
            if !(under.starts_with(prefix) || prefix.starts_with(&under))
                || !documents.describes(&under)
            {
                continue;
            }
            let listed = |key: String| {
                if key.starts_with(prefix) {
                    keys.push(key);
                }
            };
            if tree.has_references {
                self.each_chunk(path, array, listed)?;
            } else if let Some(manifest) = self.all_chunks(path, array).await? {
                self.each_chunk_of(path, &manifest, listed)?;
            }
        }
        keys.sort_unstable();
        keys.into_iter()
            .map(|key| Ok(StoreKey::new(key)?))
            .collect()
    }

    /// The keys and prefixes just below `prefix`, ascending.
    pub(crate) async fn children(
        &self,
        prefix: &str,
    ) -> std::result::Result<StoreKeysPrefixes, StorageError> {
        let mut keys = BTreeSet::new();
        let mut prefixes = BTreeSet::new();
        let mut add = |key: &str| match key.strip_prefix(prefix).map(|rest| rest.split_once('/')) {
            Some(Some((child, _))) => {
                prefixes.insert(format!("{prefix}{child}/"));
            }
            Some(None) => {
                keys.insert(key.to_owned());
            }
            None => {}
        };
        let path = prefix.trim_end_matches('/');
        if let Some(group) = self.all_references().group(&rooted(path)).await? {
            // Every array has a document: only within one do chunks add anything.
            let documents = self.documents_of(group).await?;
            documents.keys().for_each(|key| add(key));
        } else if let Some((path, manifest)) = self.array_around(path).await? {
            let documents = self.documents_of(Part::new(Arc::clone(&manifest))).await?;
            if documents.describes(&format!("{path}/")) {
                documents.keys().for_each(|key| add(key));
                let manifest = match manifest.array(path) {
                    Some(array) => self.all_chunks(path, array).await?,
                    None => None,
                };
                if let Some(manifest) = manifest {
                    self.each_chunk_of(path, &manifest, |key| add(&key))?;
                }
            }
        }
        let keys = keys
            .into_iter()
            .map(StoreKey::new)
            .collect::<std::result::Result<_, _>>()?;
        let prefixes = prefixes
            .into_iter()
            .map(StorePrefix::new)
            .collect::<std::result::Result<_, _>>()?;
        Ok(StoreKeysPrefixes::new(keys, prefixes))
    }

    /// The length in bytes of all values whose keys begin with `prefix`.
    pub(crate) async fn size_under(&self, prefix: &str) -> std::result::Result<u64, StorageError> {
        let mut sum = 0_u64;
        for key in self.keys(prefix).await? {
            sum = sum.saturating_add(self.size(key.as_str()).await?.unwrap_or(0));
        }
        Ok(sum)
    }

    /// The array that a path is of or leads into, with its own path.
    async fn array_around<'p>(&self, path: &'p str) -> Result<Option<(&'p str, Arc<Manifest>)>> {
        let mut path = path;
        while !path.is_empty() {
            if let Some(manifest) = self.all_references().array(&rooted(path)).await? {
                return Ok(Some((path, manifest)));
            }
            path = parent(path);
        }
        Ok(None)
    }

    /// An array with the references of all its chunks.
    async fn all_chunks(&self, path: &str, array: &Array) -> Result<Option<Arc<Manifest>>> {
        let cells = array.chunk_grid().ok().and_then(|grid| cell_count(&grid));
        let all = 0..cells.unwrap_or(u64::MAX);
        let all = std::slice::from_ref(&all);
        self.all_references().chunks(&rooted(path), all).await
    }

    fn each_chunk_of(
        &self,
        path: &str,
        manifest: &Manifest,
        each: impl FnMut(String),
    ) -> Result<()> {
        match manifest.array(path) {
            Some(array) => self.each_chunk(path, array, each),
            None => Ok(()),
        }
    }

    fn each_chunk(&self, path: &str, array: &Array, mut each: impl FnMut(String)) -> Result<()> {
        let version = self.options().version;
        let manifest_error = |reason| Error::Manifest {
            key: path.to_owned(),
            reason,
        };
        let grid = chunk::grid(array).map_err(manifest_error)?;
        let filled = array.is_put_together()
            || chunk::absent(array, version, self.options().reader)
                .map_err(manifest_error)?
                .is_some();
        let count = if filled {
            cell_count(&grid).unwrap_or(u64::MAX)
        } else {
            array.stored_chunks()
        };
        if count > MAX_KEYS {
            return Err(Error::TooManyKeys {
                path: path.to_owned(),
                keys: count,
                limit: MAX_KEYS,
            });
        }
        let mut give = |index: u64| {
            if let Some(place) = chunk_coordinates(index, &grid) {
                each(match version {
                    ZarrVersion::V2 => format!("{path}/{}", zarr::v2::chunk_key(&place)),
                    ZarrVersion::V3 => format!("{path}/{}", zarr::v3::chunk_key(&place)),
                });
            }
        };
        if filled {
            (0..count).for_each(&mut give);
        } else {
            array.chunks().for_each(|(index, _)| give(index));
        }
        Ok(())
    }
}
