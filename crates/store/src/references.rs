//! Where groups, arrays and references come from: all at once, or when they are asked for.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use chunkref_manifest::{Array, Locations, Manifest, chunk_index};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::chunk;
use crate::document::Refused;
use crate::error::{Error, Result};

/// Arrays whose references are asked for at one time.
const ARRAYS_AT_ONCE: usize = 16;

/// Why a source can't tell.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Groups and arrays, and those that are left out with the reason.
#[derive(Clone, Debug)]
pub struct Part {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) refused: Arc<Vec<Refused>>,
    pub(crate) has_references: bool,
}

/// A dataset whose groups, arrays and references of chunks are told when they are asked for. Paths are
/// such as `/a/b`; the root is `/`. What it tells must stay the same.
#[async_trait::async_trait]
pub trait ReferenceSource: std::fmt::Debug + Send + Sync {
    /// All groups and arrays; tables of chunks may be empty, where [`Self::references`] tells them.
    ///
    /// # Errors
    ///
    /// If they can't be read.
    async fn tree(&self) -> Result<Part, SourceError>;

    /// Whether all of a dataset must be read for [`Self::tree`].
    fn reads_all_for_tree(&self) -> bool;

    /// A group with its attributes, its arrays and which groups are in it, perhaps more; `None` if
    /// there is no such group.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    async fn group(&self, path: &str) -> Result<Option<Part>, SourceError>;

    /// A manifest in which the array at a path has at least the references of these chunks: runs of
    /// numbers in C order, ascending and apart. `None` if there is no such array.
    ///
    /// # Errors
    ///
    /// If they can't be read.
    async fn references(
        &self,
        path: &str,
        chunks: &[Range<u64>],
    ) -> Result<Option<Arc<Manifest>>, SourceError>;
}

/// Where the references of a store come from.
#[derive(Clone, Debug)]
pub(crate) enum References {
    /// All are here.
    Here(Part),
    /// They are asked for.
    OnDemand(Arc<dyn ReferenceSource>),
}

/// An array, and the objects that its chunks lie in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Referenced<'a> {
    pub(crate) array: &'a Array,
    pub(crate) locations: &'a Locations,
}

impl<'a> Referenced<'a> {
    pub(crate) fn at(manifest: &'a Manifest, path: &str) -> Option<Self> {
        Some(Self {
            array: manifest.array(path)?,
            locations: &manifest.locations,
        })
    }
}

impl References {
    /// All groups and arrays.
    pub(crate) async fn tree(&self) -> Result<Part> {
        match self {
            Self::Here(part) => Ok(part.clone()),
            Self::OnDemand(source) => source.tree().await.map_err(|error| failed("/", error)),
        }
    }

    /// A group and what is in it; `None` if there is no such group.
    pub(crate) async fn group(&self, path: &str) -> Result<Option<Part>> {
        match self {
            Self::Here(part) => Ok(part.manifest.group(path).map(|_| part.clone())),
            Self::OnDemand(source) => {
                let group = source.group(path).await;
                group.map_err(|error| failed(path, error))
            }
        }
    }

    /// The array at a path, perhaps without references.
    pub(crate) async fn array(&self, path: &str) -> Result<Option<Arc<Manifest>>> {
        self.chunks(path, &[]).await
    }

    /// The array at a path with the references of these chunks.
    pub(crate) async fn chunks(
        &self,
        path: &str,
        chunks: &[Range<u64>],
    ) -> Result<Option<Arc<Manifest>>> {
        match self {
            Self::Here(part) => {
                let manifest = &part.manifest;
                Ok(manifest.array(path).map(|_| Arc::clone(manifest)))
            }
            Self::OnDemand(source) => {
                let found = source.references(path, chunks).await;
                let found = found.map_err(|error| failed(path, error))?;
                Ok(found.filter(|manifest| manifest.array(path).is_some()))
            }
        }
    }

    /// Fails if the array or group at a path is left out.
    pub(crate) async fn check_not_refused(&self, path: &str) -> Result<()> {
        let path = path.trim_matches('/');
        let part = self.group(&rooted(parent(path))).await?;
        part.map_or(Ok(()), |part| part.check_not_refused(path))
    }

    /// Whether all references are here.
    pub(crate) fn are_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }

    /// Whether all of the dataset must be read to know all groups and arrays.
    pub(crate) fn reads_all_for_tree(&self) -> bool {
        match self {
            Self::Here(_) => false,
            Self::OnDemand(source) => source.reads_all_for_tree(),
        }
    }

    /// For each of these chunks, given by the paths of their arrays and their places in the grids, a
    /// manifest that has its reference; `None` where there is no such array.
    pub(crate) async fn of_chunks(
        &self,
        wanted: &[(String, Vec<u64>)],
    ) -> Result<Vec<Option<Arc<Manifest>>>> {
        let mut arrays = BTreeMap::<&str, Vec<usize>>::new();
        for (number, (path, _)) in wanted.iter().enumerate() {
            arrays.entry(path).or_default().push(number);
        }
        let asked = arrays.into_iter().map(|(path, numbers)| async move {
            let Some(described) = self.array(path).await? else {
                return Ok((numbers, None));
            };
            let places = numbers.iter().filter_map(|number| wanted.get(*number));
            let places = places.map(|(_, place)| place.as_slice());
            let runs = match described.array(path) {
                Some(array) => runs_of(array, places),
                None => Vec::new(),
            };
            Ok::<_, Error>((numbers, self.chunks(path, &runs).await?))
        });
        // Collected, so that nothing is borrowed from what makes them.
        let asked: Vec<_> = asked.collect();
        let mut told = stream::iter(asked).buffer_unordered(ARRAYS_AT_ONCE);
        let mut manifests = vec![None; wanted.len()];
        while let Some((numbers, manifest)) = told.try_next().await? {
            for number in numbers {
                if let Some(slot) = manifests.get_mut(number) {
                    slot.clone_from(&manifest);
                }
            }
        }
        Ok(manifests)
    }
}

impl Part {
    /// These groups and arrays, where they are in the whole, with all references of their chunks.
    pub fn new(manifest: Arc<Manifest>) -> Self {
        Self {
            manifest,
            refused: Arc::default(),
            has_references: true,
        }
    }

    /// The same, and what is there but can't be in a manifest: its keys are errors, not absent.
    #[must_use]
    pub fn with_refused(mut self, refused: Vec<Refused>) -> Self {
        self.refused = Arc::new(refused);
        self
    }

    /// The same, whose tables of chunks tell nothing: references are asked for.
    #[must_use]
    pub fn without_references(mut self) -> Self {
        self.has_references = false;
        self
    }

    /// The groups and arrays.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// Fails if a path, or a key, is or lies under something refused.
    pub(crate) fn check_not_refused(&self, path: &str) -> Result<()> {
        match self.why_refused(path) {
            None => Ok(()),
            Some((path, reason)) => Err(Error::Refused {
                path: path.to_owned(),
                reason: reason.to_owned(),
            }),
        }
    }

    /// What of it is refused that a path, without a slash before it, is or lies under, with the reason.
    pub(crate) fn why_refused(&self, path: &str) -> Option<(&str, &str)> {
        let refused = self.refused.iter().find(|refused| {
            let rest = path.strip_prefix(refused.path.trim_start_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })?;
        Some((&refused.path, &refused.reason))
    }
}

/// A path as a source takes it: `/a/b`; `/` for the root.
pub(crate) fn rooted(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}

/// The path of the group in which something lies.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').unwrap_or_default().0
}

/// The numbers of chunks at these places, as runs. Those outside the grid have none.
fn runs_of<'p>(array: &Array, places: impl Iterator<Item = &'p [u64]>) -> Vec<Range<u64>> {
    if array.shape.is_empty() {
        return runs([0]);
    }
    // What contradicts itself is found when the chunk is looked up.
    let grid = chunk::grid(array).unwrap_or_default();
    let mut numbers: Vec<u64> = places.filter_map(|at| chunk_index(at, &grid)).collect();
    numbers.sort_unstable();
    runs(numbers)
}

/// Ascending numbers as runs.
pub(crate) fn runs(numbers: impl IntoIterator<Item = u64>) -> Vec<Range<u64>> {
    let mut runs = Vec::<Range<u64>>::new();
    for number in numbers {
        let next = number.saturating_add(1);
        match runs.last_mut() {
            Some(last) if last.end >= number => last.end = last.end.max(next),
            _ => runs.push(number..next),
        }
    }
    runs
}

fn failed(path: &str, source: SourceError) -> Error {
    Error::References {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_runs() {
        assert_eq!(runs([]), []);
        assert_eq!(runs([3, 4, 4, 5, 9]), [3..6, 9..10]);
    }

    #[test]
    fn what_lies_under_something_refused_is_refused() {
        let refused = Refused {
            path: "/a/b".to_owned(),
            reason: "why".to_owned(),
        };
        let part = Part::new(Arc::default()).with_refused(vec![refused]);
        assert_eq!(part.why_refused("a/b/c"), Some(("/a/b", "why")));
        assert_eq!(part.why_refused("a/b"), Some(("/a/b", "why")));
        assert_eq!(part.why_refused("a/bc"), None);
        assert_eq!(part.why_refused("a"), None);
    }
}
