//! Parquet sets whose references are read when they are asked for.

mod cache;
mod gathered;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chunkref_io::Client;
use chunkref_manifest::extras::{Extras, PARQUET_PATH};
use chunkref_manifest::kerchunk::{ParquetSet, RecordRows, SetIndex, SetReport};
use chunkref_manifest::{ChunkRef, Layout, Location, Manifest};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use crate::granule_file::learn;
use crate::read_set::{AT_ONCE, OpenError, file, resolved, zmetadata};
use cache::{Cache, Key};
use gathered::Gathered;

/// Bytes of references that are kept unless told otherwise.
const CACHE_BYTES: usize = 64 << 20;

/// What a location takes beside its URL, in bytes, about.
const LOCATION_BYTES: usize = 160;

/// A Kerchunk Parquet set of which only `.zmetadata` is read to open it. A file of references is
/// fetched when a chunk in it is asked for, once by all who ask at the same time, and kept while
/// there is room. A clone shares what is kept.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("set.parquet");
/// # let set = path.to_str().unwrap();
/// use chunkref::{ChunkPlace, Client, ClientOptions, LazySet, ScanOptions, scan, write};
///
/// let client = Client::new(ClientOptions::default());
/// let granule = "../../fixtures/granules/mur_like_20200601.nc";
/// write(&scan(&client, granule, &ScanOptions::default()).await?.manifest, set)?;
///
/// let opened = LazySet::open(&client, set).await?;
/// assert!(opened.manifest().array("analysed_sst").is_some());
/// match opened.chunk("/analysed_sst", 0).await? {
///     Some(ChunkPlace::Range { location, offset, length }) => {
///         println!("{length} bytes at {offset} of {}", location.url);
///     }
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct LazySet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    set: String,
    index: SetIndex,
    manifest: Arc<Manifest>,
    report: SetReport,
    cache: Mutex<Cache>,
}

/// Where a chunk lies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkPlace {
    /// In an object.
    Range {
        /// The object.
        location: Arc<Location>,
        /// First byte within it.
        offset: u64,
        /// Stored size in bytes.
        length: u64,
    },
    /// All of an object.
    Whole {
        /// The object.
        location: Arc<Location>,
    },
    /// In the set, encoded as the array's codecs say.
    Inline(Bytes),
}

impl LazySet {
    /// Opens a Parquet set; what it may name is as for [`read_set`](crate::read_set()).
    ///
    /// # Errors
    /// When its `.zmetadata` can't be read or is malformed.
    pub async fn open(client: &Client, set: &str) -> Result<Self, OpenError> {
        let malformed = |source| OpenError::Malformed {
            set: set.to_owned(),
            source,
        };
        let zmetadata = zmetadata(client, set).await?;
        let parquet = ParquetSet::new(&zmetadata).map_err(malformed)?;
        let index = parquet.index();
        let mut read = parquet.finish().map_err(malformed)?;
        if let Some(extras) = file(client, set, PARQUET_PATH)
            .await
            .map_err(OpenError::Io)?
        {
            let extras = Extras::parse(&extras).map_err(malformed)?;
            read = extras.apply_to_documents(read);
            read.manifest.locations = resolved(set, &read.manifest.locations)?;
            learn(client, read.manifest.locations.prefixes());
        }
        let inner = Inner {
            client: client.clone(),
            set: set.to_owned(),
            index,
            manifest: Arc::new(read.manifest),
            report: read.report,
            cache: Mutex::new(Cache::new(CACHE_BYTES)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Keeps at most so many bytes of references, but always those of the file that was read last.
    pub fn set_cache_bytes(&self, bytes: usize) {
        self.cache().limit = bytes;
        self.cache().shrink(None);
    }

    /// The groups and arrays. Their tables of chunks are empty: [`chunk`](Self::chunk) tells where
    /// chunks lie. Only arrays that references can't say are here with all that the extras say.
    pub fn manifest(&self) -> &Manifest {
        &self.inner.manifest
    }

    /// What of the set could not be taken as it is.
    pub fn report(&self) -> &SetReport {
        &self.inner.report
    }

    /// Where a chunk of the array at a path lies, by its number in C order; `None` if it is absent
    /// or outside of the array. Nothing is allocated where its file is kept.
    ///
    /// # Errors
    /// When there is no such array, or its file can't be read or is malformed.
    pub async fn chunk(&self, array: &str, chunk: u64) -> Result<Option<ChunkPlace>, OpenError> {
        let Some(number) = self.inner.index.array(array) else {
            return self.in_full(array, chunk);
        };
        let Some((file, row)) = self.inner.index.row(number, chunk) else {
            return Ok(None);
        };
        let record = self.record((number, file)).await?;
        Ok(record.get().and_then(|rows| rows.place(row)))
    }

    /// The references of a file, which are there.
    async fn record(&self, key: Key) -> Result<Arc<OnceCell<Rows>>, OpenError> {
        let kept = self.cache().get(key);
        if !kept.initialized() {
            let rows = kept.get_or_try_init(|| self.fetch(key)).await?;
            self.cache().keep(key, rows.bytes);
        }
        Ok(kept)
    }

    pub(crate) fn tree(&self) -> &Arc<Manifest> {
        &self.inner.manifest
    }

    /// The array at a path with the references of these chunks, given as runs of their numbers,
    /// ascending and apart, alone in a manifest; `None` where its chunks are in no files.
    pub(crate) async fn array_with(
        &self,
        path: &str,
        chunks: &[Range<u64>],
    ) -> Result<Option<Manifest>, OpenError> {
        let index = &self.inner.index;
        let (Some(number), Some(array)) = (index.array(path), self.tree().array(path)) else {
            return Ok(None);
        };
        let Layout::Chunked { chunks: table, .. } = &array.layout else {
            return Ok(None);
        };
        let records = self.records_of(number, table.cells(), chunks);
        let records = records.into_iter().map(|record| async move {
            let rows = self.record((number, record)).await?;
            Ok::<_, OpenError>((index.first_chunk(record), rows))
        });
        // Collected, so that nothing is borrowed from what makes them.
        let records: Vec<_> = records.collect();
        let mut records = stream::iter(records).buffered(AT_ONCE);
        let mut gathered = Gathered::new(array, chunks);
        while let Some((first, rows)) = records.try_next().await? {
            if let Some(rows) = rows.get() {
                let taken = gathered.take(first, &rows.record, &rows.locations);
                taken.map_err(|source| OpenError::Malformed {
                    set: self.inner.set.clone(),
                    source,
                })?;
            }
        }
        Ok(Some(gathered.finish(path)))
    }

    /// The numbers of the files that have these chunks.
    fn records_of(&self, array: usize, cells: u64, chunks: &[Range<u64>]) -> BTreeSet<u64> {
        let record = |chunk| self.inner.index.row(array, chunk).map(|(record, _)| record);
        let mut records = BTreeSet::new();
        for run in chunks {
            let last = run.end.min(cells).saturating_sub(1);
            if let (Some(first), Some(last)) = (record(run.start), record(last)) {
                records.extend(first..=last);
            }
        }
        records
    }

    /// A chunk of an array that is in the extras alone.
    fn in_full(&self, path: &str, chunk: u64) -> Result<Option<ChunkPlace>, OpenError> {
        let manifest = &self.inner.manifest;
        let array = manifest.array(path.trim_end_matches('/'));
        let array = array
            .filter(|array| !array.is_put_together())
            .ok_or_else(|| self.no_array(path))?;
        let location = |id| manifest.locations.get(id).cloned().map(Arc::new);
        Ok(array
            .chunk(chunk)
            .and_then(|chunk| ChunkPlace::of(chunk, location)))
    }

    fn no_array(&self, array: &str) -> OpenError {
        let path = format!("/{}", array.trim_matches('/'));
        let refused = &self.inner.report.refused;
        let reason = refused.iter().find(|node| node.path == path);
        OpenError::NoArray {
            set: self.inner.set.clone(),
            reason: match (reason, self.inner.manifest.array(&path)) {
                (Some(node), _) => format!("refused: {}", node.reason),
                (None, Some(_)) => {
                    "its chunks lie nowhere as such, only a store makes them".to_owned()
                }
                (None, None) => "not an array".to_owned(),
            },
            path,
        }
    }

    async fn fetch(&self, (array, number): (usize, u64)) -> Result<Rows, OpenError> {
        let Inner {
            client, set, index, ..
        } = &*self.inner;
        let path = index.path(array, number).unwrap_or_default();
        let file = file(client, set, &path).await.map_err(OpenError::Io)?;
        let rows = match file {
            Some(file) => index.rows(array, number, &file),
            None => Ok(RecordRows::absent()),
        };
        let rows = rows.map_err(|source| OpenError::Malformed {
            set: set.clone(),
            source,
        })?;
        let locations = resolved(set, rows.locations())?;
        let known = &self.inner.manifest.locations;
        let locations: Vec<_> = locations
            .iter()
            .map(|(_, location)| {
                // With what pins it, where the extras know it.
                let known = known.find(&location.url).and_then(|id| known.get(id));
                Arc::new(known.unwrap_or(location).clone())
            })
            .collect();
        let bytes = locations
            .iter()
            .map(|location| location.url.len().saturating_add(LOCATION_BYTES))
            .fold(rows.heap_bytes(), usize::saturating_add);
        Ok(Rows {
            record: rows,
            locations,
            bytes,
        })
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // Nothing panics while it is held; a poisoned cache is whole.
        self.inner
            .cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The references of one file.
#[derive(Debug)]
struct Rows {
    record: RecordRows,
    locations: Vec<Arc<Location>>,
    bytes: usize,
}

impl Rows {
    fn place(&self, row: u64) -> Option<ChunkPlace> {
        let location = |id: chunkref_manifest::LocationId| {
            let number = usize::try_from(id.0).ok()?;
            self.locations.get(number).cloned()
        };
        ChunkPlace::of(self.record.get(row)?, location)
    }
}

impl ChunkPlace {
    fn of(
        chunk: ChunkRef<'_>,
        location: impl Fn(chunkref_manifest::LocationId) -> Option<Arc<Location>>,
    ) -> Option<Self> {
        Some(match chunk {
            ChunkRef::Range {
                location: id,
                offset,
                length,
            } => Self::Range {
                location: location(id)?,
                offset,
                length,
            },
            ChunkRef::Whole { location: id } => Self::Whole {
                location: location(id)?,
            },
            ChunkRef::Inline(data) => Self::Inline(data.clone()),
        })
    }
}
