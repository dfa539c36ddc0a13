//! The server: how it is built, and the handle to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::connection;
use crate::content::{Content, Found};
use crate::fault::{Fault, Rule, When};
use crate::log::Entry;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    content: Mutex<Content>,
    rules: Mutex<Vec<Rule>>,
    entries: Mutex<Vec<Entry>>,
    pub(crate) latency: Duration,
    pub(crate) bandwidth: Option<u64>,
    pub(crate) in_flight: AtomicU64,
    pub(crate) max_in_flight: AtomicU64,
}

/// A panic elsewhere must not hide the log from the test that reads it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn find(&self, path: &str) -> Option<Found> {
        lock(&self.content).find(path)
    }

    pub(crate) fn record(&self, entry: Entry) {
        lock(&self.entries).push(entry);
    }

    /// The faults that this request is to have.
    pub(crate) fn strike(&self, path: &str) -> Vec<Fault> {
        lock(&self.rules)
            .iter_mut()
            .filter_map(|rule| rule.strike(path))
            .collect()
    }
}

/// Builds a [`RangeServer`].
#[derive(Debug, Default)]
#[must_use]
pub struct RangeServerBuilder {
    root: Option<PathBuf>,
    content: Content,
    rules: Vec<Rule>,
    latency: Duration,
    bandwidth: Option<u64>,
    port: u16,
}

impl RangeServerBuilder {
    /// Serves the files under this folder, never one outside it.
    pub fn root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.root = Some(folder.into());
        self
    }

    /// Serves these bytes under this name.
    pub fn object(mut self, name: &str, bytes: impl Into<Bytes>) -> Self {
        self.content.put(name, bytes.into());
        self
    }

    /// Waits this long before each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sends at most so many bytes a second on each connection; 0 is no limit.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = (bytes_per_second > 0).then_some(bytes_per_second);
        self
    }

    /// Listens on this port; 0, the default, is any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Goes wrong for requests of any path.
    pub fn fault(mut self, fault: Fault, when: When) -> Self {
        self.rules.push(Rule {
            path: None,
            fault,
            when,
            seen: 0,
        });
        self
    }

    /// Goes wrong for requests of this path.
    pub fn fault_on(mut self, path: &str, fault: Fault, when: When) -> Self {
        self.rules.push(Rule {
            path: Some(path.to_owned()),
            fault,
            when,
            seen: 0,
        });
        self
    }

    /// Starts the server from async code.
    ///
    /// # Panics
    ///
    /// As [`start_blocking`](Self::start_blocking).
    pub async fn start(self) -> RangeServer {
        match tokio::task::spawn_blocking(|| self.start_blocking()).await {
            Ok(server) => server,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Starts the server on threads of its own; it stops when the handle is dropped.
    ///
    /// # Panics
    ///
    /// If the root is not a folder, or the port of the loopback interface can't be had.
    pub fn start_blocking(mut self) -> RangeServer {
        if let Some(root) = &self.root {
            assert!(
                self.content.set_root(root),
                "root {}: not a folder",
                root.display()
            );
        }
        let shared = Arc::new(Shared {
            content: Mutex::new(self.content),
            rules: Mutex::new(self.rules),
            entries: Mutex::default(),
            latency: self.latency,
            bandwidth: self.bandwidth,
            in_flight: AtomicU64::new(0),
            max_in_flight: AtomicU64::new(0),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))
            .expect("a port of the loopback interface");
        listener
            .set_nonblocking(true)
            .expect("a socket that does not block");
        let address = listener.local_addr().expect("the port that was bound");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || run(listener, &shared, stopped)
        });
        RangeServer {
            shared,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

/// The server's own runtime; ends when `stopped` resolves.
fn run(listener: std::net::TcpListener, shared: &Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("range-server")
        .enable_all()
        .build()
        .expect("a tokio runtime");
    let accept = async {
        let listener = TcpListener::from_std(listener).expect("a listener that does not block");
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(shared);
                tokio::spawn(async move {
                    // A client that went away is no fault of the server.
                    let _ = connection::serve(stream, &shared).await;
                });
            }
        }
    };
    runtime.block_on(async {
        tokio::select! {
            () = accept => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

/// An HTTP/1.1 server with ranges, latency, faults and a request log.
#[derive(Debug)]
pub struct RangeServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RangeServer {
    /// A server to be built.
    pub fn builder() -> RangeServerBuilder {
        RangeServerBuilder::default()
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of an object or file; the name is taken as it is, percent-encoding included.
    pub fn url_of(&self, name: &str) -> String {
        format!("{}/{}", self.url(), name.trim_start_matches('/'))
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests since the start or the last [`reset`](Self::reset), as they were answered.
    pub fn log(&self) -> Vec<Entry> {
        lock(&self.shared.entries).clone()
    }

    /// How many requests were answered.
    pub fn requests(&self) -> u64 {
        u64::try_from(lock(&self.shared.entries).len()).unwrap_or(u64::MAX)
    }

    /// How many bytes of body were sent.
    pub fn bytes(&self) -> u64 {
        lock(&self.shared.entries)
            .iter()
            .map(|entry| entry.bytes)
            .sum()
    }

    /// The most requests that were under way at once.
    pub fn max_in_flight(&self) -> u64 {
        self.shared.max_in_flight.load(Ordering::SeqCst)
    }

    /// Forgets the log. Schedules of faults go on.
    pub fn reset(&self) {
        lock(&self.shared.entries).clear();
        self.shared.max_in_flight.store(0, Ordering::SeqCst);
    }

    /// Adds or replaces an object in memory.
    pub fn put(&self, name: &str, bytes: impl Into<Bytes>) {
        lock(&self.shared.content).put(name, bytes.into());
    }

    /// Removes an object from memory.
    pub fn remove(&self, name: &str) {
        lock(&self.shared.content).remove(name);
    }

    /// Replaces all faults by this one; its count begins anew.
    pub fn set_fault(&self, fault: Fault, when: When) {
        *lock(&self.shared.rules) = vec![Rule {
            path: None,
            fault,
            when,
            seen: 0,
        }];
    }

    /// Goes wrong no more.
    pub fn clear_faults(&self) {
        lock(&self.shared.rules).clear();
    }
}

impl Drop for RangeServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
