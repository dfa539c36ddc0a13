//! The one way to the network, for all stores.
//!
//! [`Connector`] is given to every builder of `object_store`, whose own retries are off. Its
//! [`Service`] tells two kinds of requests apart: ranged GETs of objects carry a [`Ticket`] and
//! are redirected, repeated, checked and counted here; requests for credentials, which
//! `object_store` sends itself, are only counted and held within the cap per host.

mod answer;
mod asking;
mod attempt;
mod cookies;
mod exchange;
mod host;
mod identity;
mod page;
mod part;
mod redirect;
mod refusal;
mod retry;
mod sending;
mod target;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use object_store::ClientConfigKey;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use tokio::task::JoinSet;
use url::Url;

use crate::cost::Cost;
use crate::error::{Error, chain};
use crate::head::Heads;
use crate::log::RequestLog;
use crate::options::{ClientOptions, Credentials};
use crate::ways::Ways;
use attempt::Exchange;
use cookies::Cookies;
use host::Host;
use sending::Sending;

pub(crate) use attempt::read_body;
pub(crate) use part::Whole;
pub(crate) use sending::Writing;
pub(crate) use target::Target;

/// Bytes of one answer that HTTP/2 lets come unread.
const HTTP2_STREAM_WINDOW: u32 = 8 << 20;
/// Bytes of all answers on one connection that HTTP/2 lets come unread.
const HTTP2_WINDOW: u32 = 32 << 20;
/// How long a connection of HTTP/2 may be silent before it is asked whether it still is one, and
/// how long it then has to answer.
const HTTP2_PING: Duration = Duration::from_secs(15);
/// For hosts on the machine's own link, which answer at once where they exist.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// What a ranged GET is for; travels in the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) target: Arc<Target>,
    pub(crate) range: Range<u64>,
    pub(crate) wave: u64,
    /// Set where the server calls the keys expired or unknown that signed the request.
    pub(crate) keys_refused: Arc<AtomicBool>,
}

/// Connections, hosts and the log of one client.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) options: ClientOptions,
    pub(crate) log: RequestLog,
    pub(crate) cost: Cost,
    pub(crate) heads: Heads,
    pub(crate) ways: Ways,
    cookies: Cookies,
    http: OnceLock<Result<reqwest::Client, String>>,
    /// For requests with long bodies: `reqwest` takes the time in which a body is sent for silence
    /// of the server.
    patient: OnceLock<Result<reqwest::Client, String>>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    /// What uploads that were dropped have left to be done.
    left: Mutex<JoinSet<()>>,
}

impl Net {
    pub(crate) fn new(options: ClientOptions) -> Self {
        Self {
            log: RequestLog::new(options.keep_records),
            heads: Heads::new(options.head_read),
            options,
            cost: Cost::default(),
            ways: Ways::default(),
            cookies: Cookies::default(),
            http: OnceLock::new(),
            patient: OnceLock::new(),
            hosts: Mutex::default(),
            left: Mutex::default(),
        }
    }

    /// The pool of connections. Made when first needed: it reads the system's certificates,
    /// which a client that only opens local files has no use for.
    pub(crate) fn http(&self) -> Result<&reqwest::Client, String> {
        let made = self.http.get_or_init(|| {
            let builder = self.http_builder()?;
            build(builder.read_timeout(self.options.read_timeout))
        });
        made.as_ref().map_err(Clone::clone)
    }

    /// The pool of connections over which is written. Its attempts have a time limit only as a
    /// whole.
    fn patient(&self) -> Result<&reqwest::Client, String> {
        let made = self.patient.get_or_init(|| build(self.http_builder()?));
        made.as_ref().map_err(Clone::clone)
    }

    fn http_builder(&self) -> Result<reqwest::ClientBuilder, String> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("chunkref/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.options.connect_timeout)
            .pool_max_idle_per_host(self.options.concurrency)
            // All requests to a host share one connection of HTTP/2: room for what is under way.
            .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW)
            .http2_initial_connection_window_size(HTTP2_WINDOW)
            .http2_keep_alive_interval(HTTP2_PING)
            .http2_keep_alive_timeout(HTTP2_PING);
        if self.options.http1_only {
            builder = builder.http1_only();
        }
        if let Some(path) = &self.options.ca_bundle {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        Ok(builder)
    }

    /// Lets something be done though nobody waits for it; outside of a runtime it can't be.
    pub(crate) fn leave(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            left.spawn_on(task, &runtime);
        }
    }

    /// Waits for what was left to be done.
    pub(crate) async fn settle(&self) {
        let mut left = {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *left)
        };
        while left.join_next().await.is_some() {}
    }

    /// What is shared by all requests to the host of this URL.
    fn host(&self, url: &Url) -> Arc<Host> {
        let name = url.host_str().unwrap_or_default();
        let name = format!("{name}:{}", url.port_or_known_default().unwrap_or(0));
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts
            .entry(name)
            .or_insert_with(|| Arc::new(Host::new(&self.options)));
        Arc::clone(host)
    }
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    builder
        .build()
        .map_err(|error| format!("no HTTP client: {}", chain(&error)))
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let fail = |reason: String| format!("certificates in {}: {reason}", path.display());
    let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| fail(format!("not PEM: {}", chain(&error))))?;
    if certificates.is_empty() {
        return Err(fail("none found, expected PEM".to_owned()));
    }
    Ok(certificates)
}

/// Gives `object_store` the one service.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) net: Arc<Net>,
    /// For a store that is written to: then its requests are repeated here too.
    pub(crate) writing: Option<Arc<Writing>>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &object_store::ClientOptions) -> object_store::Result<HttpClient> {
        let allow_http = options.get_config_value(&ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(Service {
            net: Arc::clone(&self.net),
            writing: self.writing.clone(),
            allow_http: allow_http.is_some_and(|value| value == "true"),
        }))
    }
}

#[derive(Debug)]
struct Service {
    net: Arc<Net>,
    writing: Option<Arc<Writing>>,
    allow_http: bool,
}

/// Wraps an error of ours so that it comes through `object_store` and can be found again.
fn refuse(error: Error) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let ticket = request.extensions().get::<Ticket>().cloned();
        let printed = match &ticket {
            Some(ticket) => ticket.target.name.clone(),
            None => crate::address::printable(&request.uri().to_string()),
        };
        let store_error = |reason: String| {
            refuse(Error::Store {
                url: printed.clone(),
                reason,
            })
        };
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())
            .map_err(|error| store_error(format!("not a URL: {error}")))?;
        if url.scheme() == "http" && !self.allow_http {
            return Err(store_error(
                "credentials are not sent over http: AWS_ALLOW_HTTP=true, or the store option \
                 `allow_http`, permits it"
                    .into(),
            ));
        }
        let Some(ticket) = ticket else {
            return match &self.writing {
                Some(writing) if !on_link(&url) => {
                    let sending = Sending::new(&self.net, writing, url, parts, &body);
                    sending.run().await.map_err(refuse)
                }
                _ => self.plain(parts, url, body).await.map_err(store_error),
            };
        };
        let exchange = Exchange {
            net: &self.net,
            ticket: &ticket,
            url,
            headers: parts.headers,
        };
        exchange.run().await.map_err(refuse)
    }
}

impl Service {
    /// Sends a request that is not for an object: one for credentials.
    async fn plain(
        &self,
        parts: http::request::Parts,
        url: Url,
        body: object_store::client::HttpRequestBody,
    ) -> Result<HttpResponse, String> {
        /// Longer answers are no credentials.
        const MAX_BODY: usize = 1 << 20;
        if is_metadata_service(&url) && self.net.options.credentials != Credentials::Instance {
            return Err("this machine's metadata service is asked only where that is permitted \
                        (--instance-credentials): set credentials, or read anonymously (--anonymous)"
                .to_owned());
        }
        let body = body.as_bytes().cloned().unwrap_or_default();
        let timeout = if on_link(&url) {
            METADATA_TIMEOUT
        } else {
            self.net.options.attempt_timeout
        };
        let host = self.net.host(&url);
        let printed = crate::address::printable(url.as_str());
        let request = self
            .net
            .http()?
            .request(parts.method, url)
            .headers(parts.headers)
            .body(body);
        let _permit = host.enter().await;
        let answered = tokio::time::timeout(timeout, async {
            let response = request.send().await.map_err(attempt::transport_reason)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut body = BytesMut::new();
            let read = attempt::read_body(response, MAX_BODY, &mut body).await;
            read.map_err(|failure| failure.reason().to_owned())?;
            Ok::<_, String>((status, headers, body.freeze()))
        })
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", timeout.as_secs())));
        let (bytes, status) = answered.as_ref().map_or((0, None), |(status, _, body)| {
            (crate::pieces::end(0, body), Some(status.as_u16()))
        });
        self.net.log.request(bytes, || crate::log::RequestRecord {
            url: printed,
            range: 0..0,
            bytes,
            wave: 0,
            status,
        });
        let (status, headers, body) = answered?;
        let mut response = HttpResponse::new(body.into());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// Whether a host is the service that tells a machine in the cloud about itself, and hands out its
/// credentials. (Those of containers have other addresses, which the environment must name.)
fn is_metadata_service(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.octets() == [169, 254, 169, 254],
        Some(url::Host::Ipv6(address)) => {
            address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
        Some(url::Host::Domain(name)) => name.starts_with("metadata.google.internal"),
        None => false,
    }
}

/// Whether a host is on the machine's own link, as those are that hand out credentials.
fn on_link(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_link_local(),
        Some(url::Host::Ipv6(address)) => address.is_unique_local(),
        Some(url::Host::Domain(name)) => name.starts_with("metadata.google.internal"),
        None => false,
    }
}
