//! Proof that what a set says is true: its objects, its references, its chunks.

mod alike;
mod decode;
mod file;
mod finding;
mod held;
#[cfg(feature = "libhdf5")]
mod libhdf5;
mod listed;
mod meaning;
mod missing;
mod objects;
mod references;
mod runs;
mod sample;
mod scanned;
mod strings;
mod tiles;

use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::Manifest;
use chunkref_store::Store;

use crate::Counter;
use decode::{Decoder, Ended};
use finding::Findings;
pub use finding::{Finding, FindingKind};
#[cfg(feature = "libhdf5")]
use libhdf5::Referee;
use listed::Listed;

/// How a set is verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// How many chunks are read and decoded, spread over arrays and objects, always the same ones;
    /// `None`: all (default 100).
    pub sample: Option<u64>,
    /// Whether references are compared with those of a new scan of each object; with a sample of at
    /// most so many objects (default yes).
    pub scan: bool,
    /// Whether the values of chunks that are decoded are compared with what libhdf5 reads of local
    /// files (default no).
    #[cfg(feature = "libhdf5")]
    pub libhdf5: bool,
    /// So many findings are kept (default 1000); all are counted.
    pub findings: usize,
    /// About how many bytes are held, beside the manifest (default 256 MiB; one chunk may be more).
    pub memory: u64,
    /// A chunk that takes more bytes than this in memory is not decoded, which is a finding (default
    /// 1 GiB).
    pub limit: u64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            sample: Some(100),
            scan: true,
            #[cfg(feature = "libhdf5")]
            libhdf5: false,
            findings: 1000,
            memory: 256 << 20,
            limit: 1 << 30,
        }
    }
}

impl VerifyOptions {
    /// A hundred chunks, and scans of their objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`sample`](Self::sample).
    #[must_use]
    pub fn with_sample(mut self, chunks: Option<u64>) -> Self {
        self.sample = chunks;
        self
    }

    /// Sets [`scan`](Self::scan).
    #[must_use]
    pub fn with_scan(mut self, scan: bool) -> Self {
        self.scan = scan;
        self
    }

    /// Sets [`libhdf5`](Self::libhdf5).
    #[cfg(feature = "libhdf5")]
    #[must_use]
    pub fn with_libhdf5(mut self, libhdf5: bool) -> Self {
        self.libhdf5 = libhdf5;
        self
    }

    /// Sets [`findings`](Self::findings).
    #[must_use]
    pub fn with_findings(mut self, most: usize) -> Self {
        self.findings = most;
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

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Arrays.
    pub arrays: u64,
    /// Objects, each of which was asked for one byte.
    pub objects: u64,
    /// References, all of which were compared with the sizes of their objects.
    pub references: u64,
    /// Chunks that are in the set itself.
    pub inline: u64,
    /// Chunks that are absent, and read as the fill value.
    pub absent: u64,
    /// Chunks that there are to be decoded: stored, inline, and of arrays that are put together some.
    pub chunks: u64,
    /// Chunks that were decoded to the right size.
    pub decoded: u64,
    /// Chunks that were to be decoded, but lie in objects that have findings of their own.
    pub skipped: u64,
    /// Chunks of variable length behind filters, whose right size nothing tells.
    pub unknown: u64,
    /// Chunks whose references were compared with those of a new scan, and arrays in the set whose
    /// values were.
    pub rescanned: u64,
    /// Chunks whose values were compared with libhdf5's.
    pub compared: u64,
    /// What could not be compared, with the reason.
    pub not_compared: Vec<String>,
    /// What is wrong, as much as is kept.
    pub findings: Vec<Finding>,
    /// How many more findings there were.
    pub more_findings: u64,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Looks whether a manifest is true: every object is there and the one that is pinned, every
/// reference lies within its object, references of an array do not overlap, chunks decode to the right
/// size, and a new scan of each object says the same as the set. It goes on whatever it finds.
/// `counter` counts chunks. What finds what: `docs/verifying.md`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use chunkref::verify::{VerifyOptions, verify};
/// use chunkref::{Client, ClientOptions, Counter, ScanOptions, scan};
///
/// let client = Client::new(ClientOptions::default());
/// let granule = "../../fixtures/granules/mur_like_20200601.nc";
/// let manifest = Arc::new(scan(&client, granule, &ScanOptions::default()).await?.manifest);
/// let options = VerifyOptions::new().with_sample(None);
/// let verified = verify(&client, &manifest, &options, &Counter::new()).await;
/// assert!(verified.is_sound());
/// assert_eq!(verified.decoded, verified.chunks);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub async fn verify(
    client: &Client,
    manifest: &Arc<Manifest>,
    options: &VerifyOptions,
    counter: &Counter,
) -> Verified {
    let mut findings = Findings::new(options.findings);
    let mut verified = Verified {
        objects: wide(manifest.locations.len()),
        ..Verified::default()
    };
    let objects = objects::check(client, manifest, &mut findings).await;
    let sources = listed::sources(manifest).map(|(sources, titles)| (Arc::new(sources), titles));
    let referee = referee(options);
    let store = Store::new(Arc::clone(manifest), client.clone());
    let decoder = Decoder {
        store,
        manifest,
        objects: &objects,
        options,
        referee: referee.as_ref(),
        counter,
    };
    for (path, array) in manifest.arrays() {
        verified.arrays = verified.arrays.saturating_add(1);
        decoder.check_array(&path, array, &mut findings).await;
    }
    let of_sources = sources.as_ref().map(|(manifest, titles)| {
        let decoder = Decoder {
            store: Store::new(Arc::clone(manifest), client.clone()),
            manifest,
            referee: None,
            ..decoder
        };
        (decoder, Listed::all(manifest, titles))
    });
    let listed = Listed::all(manifest, &[]);
    let others = of_sources.as_ref().map_or(&[][..], |(_, listed)| listed);
    // A place takes 32 bytes, sorted beside what is there.
    let overlaps = usize::try_from(options.memory / 32).unwrap_or(usize::MAX);
    for one in listed.iter().chain(others) {
        let found = references::check(manifest, one, &objects, overlaps, &mut findings);
        verified.references = verified.references.saturating_add(found.references);
        verified.inline = verified.inline.saturating_add(found.inline);
        verified.absent = verified.absent.saturating_add(found.absent);
    }
    let counts: Vec<u64> = listed.iter().chain(others).map(Listed::count).collect();
    verified.chunks = counts
        .iter()
        .fold(0, |sum, count| sum.saturating_add(*count));
    let shares = sample::shares(&counts, options.sample);
    counter.expect(
        shares
            .iter()
            .fold(0, |sum, share| sum.saturating_add(*share)),
    );
    let (mine, theirs) = shares.split_at(listed.len().min(shares.len()));
    let mut ended = Ended::default();
    ended.add(decoder.run(&listed, mine, &mut findings).await);
    if let Some((decoder, listed)) = &of_sources {
        ended.add(decoder.run(listed, theirs, &mut findings).await);
    }
    verified.decoded = ended.decoded;
    verified.skipped = ended.skipped;
    verified.unknown = ended.unknown;
    verified.compared = ended.compared;
    if options.scan {
        let mut comparing = scanned::Comparing::new(client, manifest, &listed, &objects);
        comparing.run(options, &mut findings).await;
        verified.rescanned = comparing.compared;
        verified.not_compared = comparing.not_compared();
    }
    if let Some(referee) = referee {
        verified.not_compared.extend(referee.finish());
    }
    (verified.findings, verified.more_findings) = findings.finish();
    verified
}

#[cfg(feature = "libhdf5")]
fn referee(options: &VerifyOptions) -> Option<Referee> {
    options.libhdf5.then(Referee::default)
}

#[cfg(not(feature = "libhdf5"))]
fn referee(_: &VerifyOptions) -> Option<Referee> {
    None
}

/// There is none without the feature `libhdf5`.
#[cfg(not(feature = "libhdf5"))]
#[derive(Debug)]
enum Referee {}

#[cfg(not(feature = "libhdf5"))]
impl Referee {
    #[expect(clippy::unused_async, reason = "as with the feature")]
    async fn compare(
        &self,
        _: &Manifest,
        _: &runs::Run<'_, '_>,
        _: &chunkref_store::Elements,
    ) -> Vec<(runs::Member, Option<String>)> {
        match *self {}
    }

    fn finish(self) -> Vec<String> {
        match self {}
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
