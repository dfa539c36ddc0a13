//! A server of NASA's Common Metadata Repository (CMR): searches of collections and granules.

mod catalog;
mod recorded;
mod search;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use crate::serving::{self, Running, header, lock};
pub use catalog::{CmrCollection, CmrGranule};
use recorded::Recorded;
use search::Parameters;

/// An answer in place of the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CmrFault {
    /// Only requests whose path ends so: `granules.umm_json`; empty for all.
    pub path: String,
    /// So many requests are let through before.
    pub skip: u32,
    /// So many have the fault.
    pub count: u32,
    /// The status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: String,
}

impl CmrFault {
    /// All requests are answered with this status and body.
    pub fn always(status: u16, body: &str) -> Self {
        Self {
            path: String::new(),
            skip: 0,
            count: u32::MAX,
            status,
            retry_after: None,
            body: body.to_owned(),
        }
    }

    fn strikes(&mut self, path: &str) -> bool {
        if !path.ends_with(&self.path) || self.count == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.count -= 1;
        true
    }
}

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

/// Status, headers and body of an answer.
type Answered = (StatusCode, Vec<(String, String)>, Vec<u8>);

impl Shared {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, http::Error> {
        tokio::time::sleep(self.latency).await;
        let (parts, body) = request.into_parts();
        let text = |name: &str| header(&parts.headers, name);
        let query = if parts.method == Method::POST {
            let body = body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes);
            String::from_utf8_lossy(&body.unwrap_or_default()).into_owned()
        } else {
            parts.uri.query().unwrap_or_default().to_owned()
        };
        let path = parts.uri.path().to_owned();
        let after = text("cmr-search-after");
        let (status, headers, mut body) = self
            .faulty(&path)
            .unwrap_or_else(|| self.search(&path, &query, after.as_deref()));
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        if self.gzip && text("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).expect("bytes in memory");
            body = encoder.finish().expect("bytes in memory");
            response = response.header("content-encoding", "gzip");
        }
        lock(&self.log).push(CmrRequest {
            method: parts.method.clone(),
            path,
            query,
            search_after: after,
            client_id: text("client-id"),
            authorization: text("authorization"),
            status: status.as_u16(),
            bytes: body.len(),
        });
        response.body(Full::new(body.into()))
    }

    fn faulty(&self, path: &str) -> Option<Answered> {
        let mut faults = lock(&self.faults);
        let mut striking = faults
            .iter_mut()
            .filter_map(|fault| fault.strikes(path).then_some(fault));
        let fault = striking.next()?.clone();
        let wait = fault
            .retry_after
            .map(|wait| ("retry-after".to_owned(), wait.to_string()));
        let status = StatusCode::from_u16(fault.status).expect("a status");
        Some((status, wait.into_iter().collect(), fault.body.into_bytes()))
    }

    fn search(&self, path: &str, query: &str, after: Option<&str>) -> Answered {
        let parameters = Parameters::parse(query);
        let what = path.rsplit('/').next().unwrap_or_default();
        let size = parameters.page_size().to_string();
        let recorded = self.recorded.iter();
        let mut fitting = recorded.filter(|one| one.answers(what, &size, after));
        if let Some(one) = fitting.next() {
            let status = StatusCode::from_u16(one.status).expect("a status");
            let ours = |(name, _): &&(String, String)| name.starts_with("cmr-");
            let headers = one.headers.iter().filter(ours).cloned();
            return (status, headers.collect(), one.body.clone());
        }
        if let Some(hits) = self.recorded.iter().find_map(|one| one.hits(what)) {
            let headers = vec![("cmr-hits".to_owned(), hits)];
            let body = br#"{"hits":0,"took":1,"items":[]}"#;
            return (StatusCode::OK, headers, body.to_vec());
        }
        let catalog = lock(&self.catalog);
        if path.ends_with("granules/deleted.json") {
            return match search::deleted(&catalog, &parameters) {
                Ok(records) => {
                    let headers = vec![("cmr-hits".to_owned(), records.len().to_string())];
                    let body = serde_json::Value::Array(records).to_string();
                    (StatusCode::OK, headers, body.into_bytes())
                }
                Err(refusal) => refused(refusal),
            };
        }
        let found = match what {
            "granules.umm_json" => search::granules(&catalog, &parameters, after),
            "collections.umm_json" => search::collections(&catalog, &parameters, after),
            _ => Err((StatusCode::NOT_FOUND, format!("{what}: not found"))),
        };
        match found {
            Ok(answer) => {
                let withheld = match what {
                    "granules.umm_json" => self.withheld.load(Ordering::Relaxed),
                    _ => 0,
                };
                let hits = u64::try_from(answer.hits).expect("a count") + withheld;
                let mut headers = vec![("cmr-hits".to_owned(), hits.to_string())];
                headers.extend(
                    answer
                        .search_after
                        .map(|key| ("cmr-search-after".to_owned(), key)),
                );
                let records = answer.records.join(",");
                let body = format!(r#"{{"hits":{},"took":1,"items":[{records}]}}"#, answer.hits);
                (StatusCode::OK, headers, body.into_bytes())
            }
            Err(refusal) => refused(refusal),
        }
    }
}

/// CMR's words in its own form.
fn refused((status, words): (StatusCode, String)) -> Answered {
    let body = serde_json::json!({"errors": [words]}).to_string();
    (status, Vec::new(), body.into_bytes())
}

/// A server of CMR on a loopback port.
///
/// It filters by the parameters that tests need, and refuses all others as CMR refuses those that it
/// does not know.
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
