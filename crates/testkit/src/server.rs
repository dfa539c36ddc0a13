//! The server: how it is built, and the handle to it.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::connection;
use crate::content::{Content, Found};
use crate::fault::{Fault, Rule, When};
use crate::log::Entry;
use crate::schedule::{Schedule, mix};
use crate::serving::{self, Running, lock};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    content: Mutex<Content>,
    rules: Mutex<Vec<Rule>>,
    entries: Mutex<Vec<Entry>>,
    latency: Duration,
    jitter: Duration,
    pub(crate) bandwidth: Option<u64>,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    waits: AtomicU64,
    connections: AtomicU64,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

/// Counts a request as under way until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    pub(crate) fn find(&self, path: &str) -> Option<Found> {
        lock(&self.content).find(path)
    }

    pub(crate) fn record(&self, entry: Entry) {
        lock(&self.entries).push(entry);
    }

    /// The faults that this request is to have.
    pub(crate) fn strike(&self, path: &str, range: Option<&Range<u64>>) -> Vec<Fault> {
        lock(&self.rules)
            .iter_mut()
            .filter_map(|rule| rule.strike(path, range))
            .collect()
    }

    /// The latency of the next request.
    pub(crate) fn wait(&self) -> Duration {
        let number = self.waits.fetch_add(1, Ordering::Relaxed);
        let part = u32::try_from(mix(number) % 1001).unwrap_or(0);
        self.latency + self.jitter * part / 1000
    }

    pub(crate) fn under_way(&self) -> UnderWay<'_> {
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.max_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        UnderWay(&self.in_flight)
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.serve(stream, self, number).await;
        }
        connection::serve(stream, self, number).await
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
    jitter: Duration,
    bandwidth: Option<u64>,
    port: u16,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
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

    /// Waits up to this much longer, by a number that is drawn for each request.
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
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
        self.rules.push(Rule::one(None, fault, when));
        self
    }

    /// Goes wrong for requests of this path.
    pub fn fault_on(mut self, path: &str, fault: Fault, when: When) -> Self {
        self.rules.push(Rule::one(Some(path), fault, when));
        self
    }

    /// Goes wrong for requests of this path as a seed has it.
    pub fn schedule(mut self, path: &str, schedule: Schedule) -> Self {
        self.rules.push(Rule::many(path, schedule));
        self
    }

    /// Serves HTTPS with a certificate of its own ([`RangeServer::certificate`]): HTTP/2 where the
    /// client offers it, or only HTTP/1.1.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, http2: bool) -> Self {
        self.tls = Some(Tls::new(http2));
        self
    }

    /// Starts the server from async code.
    ///
    /// # Panics
    ///
    /// As [`start_blocking`](Self::start_blocking).
    pub async fn start(self) -> RangeServer {
        serving::from_async(|| self.start_blocking()).await
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
            jitter: self.jitter,
            bandwidth: self.bandwidth,
            in_flight: AtomicU64::new(0),
            max_in_flight: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            #[cfg(feature = "tls")]
            tls: self.tls,
        });
        let (listener, address) = serving::listen(self.port);
        let running = Running::start("range-server", {
            let shared = Arc::clone(&shared);
            move || {
                serving::accept(listener, move |stream| {
                    let shared = Arc::clone(&shared);
                    async move {
                        // A client that went away is no fault of the server.
                        let _ = shared.serve(stream).await;
                    }
                })
            }
        });
        RangeServer {
            shared,
            address,
            _running: running,
        }
    }
}

/// An HTTP server with ranges, latency, faults and a request log.
#[derive(Debug)]
pub struct RangeServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    _running: Running,
}

impl RangeServer {
    /// A server to be built.
    pub fn builder() -> RangeServerBuilder {
        RangeServerBuilder::default()
    }

    /// `http://127.0.0.1:port`, without a slash at the end; with TLS `https://localhost:port`.
    pub fn url(&self) -> String {
        #[cfg(feature = "tls")]
        if self.shared.tls.is_some() {
            return format!("https://localhost:{}", self.address.port());
        }
        format!("http://{}", self.address)
    }

    /// The certificate to trust, as PEM, if the server has TLS.
    #[cfg(feature = "tls")]
    pub fn certificate(&self) -> Option<&str> {
        Some(self.shared.tls.as_ref()?.certificate())
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
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
        *lock(&self.shared.rules) = vec![Rule::one(None, fault, when)];
    }

    /// Goes wrong no more.
    pub fn clear_faults(&self) {
        lock(&self.shared.rules).clear();
    }
}
