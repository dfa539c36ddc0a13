//! A server of NASA's Common Metadata Repository (CMR): searches of collections and granules.

mod answering;
mod catalog;
mod deleted;
mod fault;
mod parameters;
mod recorded;
mod search;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;

use crate::serving::{self, Running, lock};
pub use catalog::{CmrCollection, CmrGranule};
pub use fault::CmrFault;
use recorded::Recorded;

/// One request to a [`CmrServer`], and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CmrRequest {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The parameters, form-encoded: of the query, or of the body.
    pub query: String,
    /// `CMR-Search-After`.
    pub search_after: Option<String>,
    /// `Client-Id`.
    pub client_id: Option<String>,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// The status.
    pub status: u16,
    /// The length of the body in bytes, as it was sent.
    pub bytes: usize,
}

/// Builds a [`CmrServer`].
#[derive(Debug, Default)]
#[must_use]
pub struct CmrServerBuilder {
    shared: Shared,
    port: u16,
}

#[derive(Default)]
struct Shared {
    catalog: Mutex<Vec<CmrCollection>>,
    recorded: Vec<Recorded>,
    faults: Mutex<Vec<CmrFault>>,
    log: Mutex<Vec<CmrRequest>>,
    latency: Duration,
    gzip: bool,
    /// Granules that are counted and never come.
    withheld: AtomicU64,
    /// So many records come of a page before the time is up.
    cut: Mutex<Option<usize>>,
}

impl CmrServerBuilder {
    /// Knows of this collection.
    pub fn collection(self, collection: CmrCollection) -> Self {
        lock(&self.shared.catalog).push(collection);
        self
    }

    /// Answers from recorded pairs of a folder whose names begin so, where one has the right kind, page
    /// size and place. What follows after the last one is an empty page.
    ///
    /// # Panics
    ///
    /// If there are none, or they can't be read.
    pub fn recorded(mut self, folder: &Path, start: &str) -> Self {
        self.shared.recorded.extend(Recorded::read(folder, start));
        self
    }

    /// Waits this long before each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.shared.latency = latency;
        self
    }

    /// Compresses answers for those who take them so.
    pub fn gzip(mut self) -> Self {
        self.shared.gzip = true;
        self
    }

    /// Goes wrong. Of several faults that a request fits the first strikes.
    pub fn fault(self, fault: CmrFault) -> Self {
        lock(&self.shared.faults).push(fault);
        self
    }

    /// Listens on this port; 0, the default, is any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the server on threads of its own; it stops when the handle is dropped.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    pub fn start(self) -> CmrServer {
        let (listener, address) = serving::listen(self.port);
        let shared = Arc::new(self.shared);
        let running = Running::start("cmr-server", {
            let shared = Arc::clone(&shared);
            move || {
                serving::answer(listener, move |request| {
                    let shared = Arc::clone(&shared);
                    async move { shared.answer(request).await }
                })
            }
        });
        CmrServer {
            shared,
            address,
            _running: running,
        }
    }
}

/// A server of CMR on a loopback port.
///
/// It filters by the parameters that tests need, and refuses all others as CMR refuses those that it
/// does not know. What it finds, refuses and says is as in CMR's own documentation and code.
#[derive(Debug)]
pub struct CmrServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    _running: Running,
}

impl CmrServer {
    /// A server to be built.
    pub fn builder() -> CmrServerBuilder {
        CmrServerBuilder::default()
    }

    /// `http://127.0.0.1:port/search`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}/search", self.address)
    }

    /// All requests since the start or the last [`reset`](Self::reset).
    pub fn log(&self) -> Vec<CmrRequest> {
        lock(&self.shared.log).clone()
    }

    /// Forgets the log.
    pub fn reset(&self) {
        lock(&self.shared.log).clear();
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Vec<CmrFault>) {
        *lock(&self.shared.faults) = faults;
    }

    /// Counts so many granules more than it sends, as a CMR whose index is being changed.
    pub fn withhold(&self, granules: u64) {
        self.shared.withheld.store(granules, Ordering::Relaxed);
    }

    /// Is out of time after so many records of a page: those come, as if they were all, and a header says
    /// so. `None`: it has time again.
    pub fn time_out(&self, records: Option<usize>) {
        *lock(&self.shared.cut) = records;
    }

    /// Changes what it knows of, between two requests.
    pub fn change(&self, change: impl FnOnce(&mut Vec<CmrCollection>)) {
        change(&mut lock(&self.shared.catalog));
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("requests", &lock(&self.log).len())
            .finish_non_exhaustive()
    }
}
