//! A part of a virtual dataset copied into a real Zarr v3 store on disk.

mod chunk;
mod folder;
mod output;
mod plan;
mod planned;
mod sources;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::Manifest;
use chunkref_store::{ReadOptions, Selection, Store};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::Counter;
use chunk::Task;
use folder::Folder;
use output::Output;
use plan::Plan;
use sources::Sources;

/// Chunks that are under way at one time, where memory allows.
const AT_ONCE: usize = 32;
/// What a permit of memory stands for, in bytes.
const PERMIT: u64 = 1024;

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportCodec {
    /// Not at all.
    None,
    /// Zstandard.
    Zstd {
        /// Compression level, 1 to 22.
        level: i32,
    },
    /// Gzip.
    Gzip {
        /// Compression level, 0 to 9.
        level: u8,
    },
}

impl Default for ExportCodec {
    fn default() -> Self {
        Self::Zstd { level: 3 }
    }
}

impl ExportCodec {
    /// As it stands among the codecs of a document.
    fn document(self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Zstd { level } => Some(json!({
                "name": "zstd", "configuration": {"level": level, "checksum": false},
            })),
            Self::Gzip { level } => Some(json!({
                "name": "gzip", "configuration": {"level": level},
            })),
        }
    }
}

/// What is exported, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportOptions {
    /// Only this group and what is below it; `None`: all.
    pub group: Option<String>,
    /// Only these arrays, as paths from the group, and the coordinates of their dimensions; empty:
    /// all.
    pub arrays: Vec<String>,
    /// By the path of an array from the root, what of it is exported; of the others all.
    pub selections: BTreeMap<String, Selection>,
    /// By the name of a dimension, how long chunks are along it; along others as the source has them.
    pub chunks: BTreeMap<String, u64>,
    /// How chunks are compressed (default zstd).
    pub codec: ExportCodec,
    /// About how many bytes are held, beside the manifest (default 256 MiB; one chunk may be more).
    pub memory: u64,
    /// The most bytes that a chunk may take in memory, read or written (default 1 GiB).
    pub limit: u64,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            group: None,
            arrays: Vec::new(),
            selections: BTreeMap::new(),
            chunks: BTreeMap::new(),
            codec: ExportCodec::default(),
            memory: 256 << 20,
            limit: 1 << 30,
        }
    }
}

impl ExportOptions {
    /// All, with zstd.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`group`](Self::group).
    #[must_use]
    pub fn with_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Sets [`arrays`](Self::arrays).
    #[must_use]
    pub fn with_arrays<T: Into<String>>(mut self, arrays: impl IntoIterator<Item = T>) -> Self {
        self.arrays = arrays.into_iter().map(Into::into).collect();
        self
    }

    /// Adds one of the [`selections`](Self::selections).
    #[must_use]
    pub fn with_selection(mut self, path: impl Into<String>, selection: Selection) -> Self {
        self.selections.insert(path.into(), selection);
        self
    }

    /// Adds one of the [`chunks`](Self::chunks).
    #[must_use]
    pub fn with_chunks(mut self, dimension: impl Into<String>, length: u64) -> Self {
        self.chunks.insert(dimension.into(), length);
        self
    }

    /// Sets [`codec`](Self::codec).
    #[must_use]
    pub fn with_codec(mut self, codec: ExportCodec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets [`memory`](Self::memory).
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets [`limit`](Self::limit).
    #[must_use]
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }
}

/// What was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// How many arrays.
    pub arrays: u64,
    /// Chunks that were read and written.
    pub written: u64,
    /// Chunks that an earlier run had written.
    pub kept: u64,
    /// Chunks that are absent, in the source and in what was written.
    pub absent: u64,
    /// Arrays that could not be exported, with the reason.
    pub refused: Vec<(String, String)>,
    /// Why what an earlier run had written was not gone on with, but removed.
    pub begun_anew: Option<String>,
}

/// Why nothing was exported. What has been written waits beside the output, and another run goes on
/// there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// What is asked for is not there, or does not fit.
    #[error("{what}: {reason}")]
    Asked {
        /// What is asked for.
        what: String,
        /// Why not.
        reason: String,
    },
    /// Something else is where the output should be.
    #[error("{}: {what}", path.display())]
    InTheWay {
        /// The output, or what lies beside it.
        path: PathBuf,
        /// What is there, and what to do.
        what: String,
    },
    /// An object can't be asked what it is now.
    #[error("not read")]
    Source {
        /// Which, and why not.
        #[source]
        source: chunkref_io::Error,
    },
    /// An object is another one than when the export began.
    #[error(
        "{url}: changed while it was exported: {reason}; remove what lies beside the output, and scan again"
    )]
    Changed {
        /// Its URL or path.
        url: String,
        /// What is other than it was.
        reason: String,
    },
    /// A chunk can't be read.
    #[error("not read")]
    Read {
        /// Which, and why not.
        #[source]
        source: chunkref_store::Error,
    },
    /// A file could not be written.
    #[error("{}: not written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Copies arrays of a manifest into a new Zarr v3 store, the folder `output`: with their attributes,
/// dimension names, fill values and consolidated metadata. What Zarr v3 can't say is refused with its
/// reason. `counter` counts chunks.
///
/// All is written into a folder beside (`OUTPUT.partial/store`), which gets its name in the end. A run
/// that was killed is gone on with: chunks that are there are not read again. That takes objects which
/// are known to be the same: by what pins them in the manifest, or by the `ETag` or time that they
/// have now. Where there is neither, the export begins anew.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let output = folder.path().join("sst.zarr");
/// use std::sync::Arc;
/// use chunkref::export::{ExportOptions, export};
/// use chunkref::{Client, ClientOptions, Counter, ScanOptions, scan};
///
/// let client = Client::new(ClientOptions::default());
/// let granule = "../../fixtures/granules/mur_like_20200601.nc";
/// let manifest = Arc::new(scan(&client, granule, &ScanOptions::default()).await?.manifest);
/// let options = ExportOptions::new().with_arrays(["analysed_sst"]);
/// let exported = export(&client, &manifest, &output, &options, &Counter::new()).await?;
/// assert_eq!(exported.arrays, 4); // and time, lat and lon
/// assert!(output.join("analysed_sst/zarr.json").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// When what is asked for is not there, the output is there already, or a chunk can't be read or
/// written.
pub async fn export(
    client: &Client,
    manifest: &Arc<Manifest>,
    output: &Path,
    options: &ExportOptions,
    counter: &Counter,
) -> Result<Exported, ExportError> {
    let plan = Plan::new(manifest, options)?;
    let sources = Sources::ask(client, manifest, &plan).await?;
    let doubt = sources.doubt();
    let fingerprint = plan.fingerprint(manifest, options, &sources.text());
    let (folder, is_removed) = Folder::open(output, &fingerprint, doubt.is_some())?;
    let folder = Arc::new(folder);
    let store = Store::new(Arc::clone(manifest), client.clone());
    let mut exported = Exported {
        arrays: u64::try_from(plan.arrays.len()).unwrap_or(u64::MAX),
        refused: plan.refused.clone(),
        begun_anew: doubt.filter(|_| is_removed),
        ..Exported::default()
    };
    let outputs = plan.arrays.iter().map(|array| Output::new(array, &folder));
    let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
    let (count, absent) = plan.count();
    counter.expect(count);
    exported.absent = absent;
    let permits = (options.memory / PERMIT).clamp(1, u64::from(u32::MAX >> 3));
    let room = Semaphore::new(usize::try_from(permits).unwrap_or(1));
    let (room, store) = (&room, &store);
    let read = ReadOptions::default()
        .with_limit(options.limit)
        .with_memory((options.memory / 16).max(1 << 20));
    let tasks = outputs.iter().flat_map(Output::tasks);
    let done = stream::iter(tasks).map(|task: Task<'_>| async move {
        // A read chunk, what decodes it, and what it is compressed to.
        let wanted = task.bytes().saturating_mul(3).div_ceil(PERMIT);
        let wanted = u32::try_from(wanted.clamp(1, permits)).unwrap_or(1);
        // It is never closed.
        let _room = room.acquire_many(wanted).await;
        let written = task.run(store, read).await?;
        counter.add(1);
        Ok::<_, ExportError>(written)
    });
    let mut done = done.boxed().buffer_unordered(AT_ONCE);
    while let Some(written) = done.try_next().await? {
        let count = if written {
            &mut exported.written
        } else {
            &mut exported.kept
        };
        *count = count.saturating_add(1);
    }
    drop(done);
    for (key, document) in plan.documents() {
        folder.put(&key, document.to_string().as_bytes())?;
    }
    // What was read from the first to the last chunk are the same objects.
    sources.check(client).await?;
    folder.finish(output)?;
    Ok(exported)
}
