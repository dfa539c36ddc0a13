//! Keys listed.

use std::collections::BTreeSet;

use chunkref_manifest::{Array, cell_count, chunk_coordinates, zarr};
use zarrs_storage::{StorageError, StoreKey, StoreKeys, StoreKeysPrefixes, StorePrefix};

use crate::chunk;
use crate::error::{Error, Result};
use crate::options::ZarrVersion;
use crate::store::Store;

/// The most chunks of an array that are listed: a formula can stand for any number.
const MAX_KEYS: u64 = 1 << 24;

impl Store {
    /// The keys that begin with `prefix` (empty, or ending in `/`), ascending.
    pub(crate) fn keys(&self, prefix: &str) -> std::result::Result<StoreKeys, StorageError> {
        let mut keys: Vec<String> = self
            .documents()
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        for (path, array) in self.manifest().arrays() {
            let path = path.trim_start_matches('/');
            let under = format!("{path}/");
            if (under.starts_with(prefix) || prefix.starts_with(&under))
                && self.documents().describes(&under)
            {
                self.each_chunk(path, array, |key| {
                    if key.starts_with(prefix) {
                        keys.push(key);
                    }
                })?;
            }
        }
        keys.sort_unstable();
        keys.into_iter()
            .map(|key| Ok(StoreKey::new(key)?))
            .collect()
    }

    /// The keys and prefixes just below `prefix`, ascending.
    pub(crate) fn children(
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
        for key in self.documents().keys() {
            add(key);
        }
        // Every array has a document: only within one do chunks add anything.
        let path = prefix.split('/').scan(0_usize, |end, part| {
            *end = end.saturating_add(part.len()).saturating_add(1);
            prefix.get(..end.saturating_sub(1))
        });
        for path in path {
            if let Some(array) = self.manifest().array(path)
                && self.documents().describes(&format!("{path}/"))
            {
                self.each_chunk(path, array, |key| add(&key))?;
                break;
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
    pub(crate) fn size_under(&self, prefix: &str) -> std::result::Result<u64, StorageError> {
        let mut sum = 0_u64;
        for key in self.keys(prefix)? {
            sum = sum.saturating_add(self.size(key.as_str())?.unwrap_or(0));
        }
        Ok(sum)
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
