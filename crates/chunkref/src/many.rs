//! Many granules at once.

use std::sync::Arc;

use chunkref_io::Client;
use chunkref_scan::{Error as ScanError, ScanOptions, Scanned, scan};
use futures::{Stream, StreamExt};

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

/// Scans many files, at most `jobs` at one time (at least 1), each on a task of its own; gives each
/// as soon as it is done, whatever the order. A file that can't be scanned does not stop the others.
///
/// All share the client: its connections, its cap on requests to one host, which goes round among
/// the scans, its cache and its budget for retries. Memory grows with `jobs`, not with the number of
/// files, as long as the results are not kept. When the stream is dropped, the scans under way end.
///
/// The stream must be read within a `tokio` runtime.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chunkref::{Client, ClientOptions, ScanOptions, scan_many};
/// use futures::StreamExt as _;
///
/// let client = Client::new(ClientOptions::default());
/// let files = ["20200601", "20200602"]
///     .map(|day| format!("../../fixtures/granules/mur_like_{day}.nc"));
/// let mut scans = scan_many(&client, files, &ScanOptions::default(), 16);
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
    jobs: usize,
) -> impl Stream<Item = Finished> + Send + Unpin + 'static {
    let files: Vec<String> = files.into_iter().map(Into::into).collect();
    let (client, options) = (client.clone(), Arc::new(options.clone()));
    let scans = files.into_iter().enumerate().map(move |(index, file)| {
        let (client, options) = (client.clone(), Arc::clone(&options));
        async move {
            let mut task = Task(tokio::spawn({
                let file = file.clone();
                async move { scan(&client, &file, &options).await }
            }));
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
    });
    futures::stream::iter(scans)
        .buffer_unordered(jobs.max(1))
        .boxed()
}

/// A task that ends when nobody waits for it any more.
struct Task<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
