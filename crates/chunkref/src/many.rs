//! Many granules at once.

use std::iter::Enumerate;
use std::sync::Arc;
use std::vec::IntoIter;

use chunkref_io::Client;
use chunkref_scan::{Error as ScanError, ScanOptions, Scanned};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};

use crate::versioned::scan;

/// One file of many, scanned or not.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The file's place among those that were given, from 0.
    pub index: usize,
    /// The file, as it was given.
    pub file: String,
    /// What the scan gave.
    pub result: Result<Scanned, ScanError>,
}

/// How many scans are under way at one time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ManyOptions {
    /// No more than so many (default 64; at least 1).
    pub jobs: usize,
    /// Fewer, where those would take more memory than this together, in bytes (default 1 GiB). What
    /// one takes is estimated from what was fetched for those before it; until the first is done, no
    /// more than 8 are under way.
    pub memory: u64,
}

impl Default for ManyOptions {
    fn default() -> Self {
        Self {
            jobs: 64,
            memory: 1 << 30,
        }
    }
}

impl ManyOptions {
    /// Sets [`jobs`](Self::jobs).
    #[must_use]
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Sets [`memory`](Self::memory).
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How many may be under way when `finished` are done and `under_way` about half done, for all
    /// of which `bytes` were fetched.
    fn allowed(&self, finished: u64, under_way: usize, bytes: u64) -> usize {
        let fitting = if finished == 0 {
            UNKNOWN
        } else {
            let half = u64::try_from(under_way / 2).unwrap_or(u64::MAX);
            let mean = bytes / finished.saturating_add(half);
            let one = FOR_ONE.saturating_add(mean.saturating_mul(TIMES_FETCHED));
            usize::try_from(self.memory / one).unwrap_or(usize::MAX)
        };
        self.jobs.min(fitting).max(1)
    }
}

/// Scans under way as long as nothing is known of them.
const UNKNOWN: usize = 8;
/// Bytes that a scan takes however small the file is.
const FOR_ONE: u64 = 4 << 20;
/// Bytes that a scan takes for each byte fetched: those that are held, what was parsed of them, and
/// the manifest.
const TIMES_FETCHED: u64 = 4;

/// Scans many files, several at one time, each on a task of its own; gives each as soon as it is
/// done, whatever the order. A file that can't be scanned does not stop the others.
///
/// All share the client: its connections, its cap on requests to one host, which goes round among
/// the scans, its cache and its budget for retries. Memory does not grow with the number of files,
/// as long as the results are not kept. When the stream is dropped, the scans under way end.
///
/// The stream must be read within a `tokio` runtime.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chunkref::{Client, ClientOptions, ManyOptions, ScanOptions, scan_many};
/// use futures::StreamExt as _;
///
/// let client = Client::new(ClientOptions::default());
/// let files = ["20200601", "20200602"]
///     .map(|day| format!("../../fixtures/granules/mur_like_{day}.nc"));
/// let mut scans = scan_many(&client, files, &ScanOptions::default(), &ManyOptions::default());
/// let mut manifests = vec![None, None];
/// while let Some(finished) = scans.next().await {
///     match finished.result {
///         Ok(scanned) => manifests[finished.index] = Some(scanned.manifest),
///         Err(error) => eprintln!("{}: {error}", finished.file),
///     }
/// }
/// assert!(manifests.iter().all(Option::is_some));
/// # });
/// ```
pub fn scan_many<S: Into<String>>(
    client: &Client,
    files: impl IntoIterator<Item = S>,
    options: &ScanOptions,
    many: &ManyOptions,
) -> impl Stream<Item = Finished> + Send + Unpin + 'static {
    let files: Vec<String> = files.into_iter().map(Into::into).collect();
    let scans = Scans {
        fetched_before: client.log().snapshot().bytes,
        client: client.clone(),
        options: Arc::new(options.clone()),
        many: many.clone(),
        waiting: files.into_iter().enumerate(),
        under_way: FuturesUnordered::new(),
        finished: 0,
    };
    futures::stream::unfold(scans, |mut scans| async move {
        let finished = scans.next().await?;
        Some((finished, scans))
    })
    .boxed()
}

/// The scans that are under way, and those to come.
struct Scans {
    client: Client,
    options: Arc<ScanOptions>,
    many: ManyOptions,
    waiting: Enumerate<IntoIter<String>>,
    under_way: FuturesUnordered<BoxFuture<'static, Finished>>,
    finished: u64,
    /// Bytes that the client had fetched before.
    fetched_before: u64,
}

impl Scans {
    async fn next(&mut self) -> Option<Finished> {
        let fetched = self.client.log().snapshot().bytes;
        let fetched = fetched.saturating_sub(self.fetched_before);
        let under_way = self.under_way.len();
        let allowed = self.many.allowed(self.finished, under_way, fetched);
        while self.under_way.len() < allowed
            && let Some((index, file)) = self.waiting.next()
        {
            self.under_way.push(self.start(index, file));
        }
        let finished = self.under_way.next().await?;
        self.finished = self.finished.saturating_add(1);
        Some(finished)
    }

    fn start(&self, index: usize, file: String) -> BoxFuture<'static, Finished> {
        let (client, options) = (self.client.clone(), Arc::clone(&self.options));
        let scanned = file.clone();
        let mut task = Task(tokio::spawn(async move {
            scan(&client, &scanned, &options).await
        }));
        async move {
            let result = match (&mut task.0).await {
                Ok(result) => result,
                // The task is not cancelled while it is waited for: it can only have panicked.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            Finished {
                index,
                file,
                result,
            }
        }
        .boxed()
    }
}

/// A task that ends when nobody waits for it any more.
struct Task<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::ManyOptions;

    #[test]
    fn large_granules_are_fewer_at_one_time() {
        let many = ManyOptions::default();
        assert_eq!(many.allowed(0, 0, 0), 8);
        // 100 kB each; 10 MB; 1 GB.
        assert_eq!(many.allowed(200, 0, 20_000_000), 64);
        assert!((20..30).contains(&many.allowed(3, 16, 110_000_000)));
        assert_eq!(many.allowed(1, 1, 1_000_000_000), 1);
        assert_eq!(many.clone().with_memory(0).allowed(1, 0, 1), 1);
        assert_eq!(many.clone().with_jobs(3).allowed(0, 0, 0), 3);
        assert_eq!(many.with_jobs(0).allowed(0, 0, 0), 1);
    }
}
