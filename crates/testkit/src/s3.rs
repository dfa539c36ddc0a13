//! A server of S3 over a folder: `s3s-fs` behind latency, with what real S3 adds to it.

mod auth;
mod fault;
mod rules;
mod temporary;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::Body;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;

use crate::serving::{self, Running, header, lock};
use auth::{Access, Auth};
pub use fault::{S3Fault, S3Trouble};
use rules::{Rules, error, key_id, region};
pub use temporary::TemporaryKeys;

/// Builds an [`S3Server`].
#[derive(Default)]
#[must_use]
pub struct S3ServerBuilder {
    root: PathBuf,
    objects: Vec<(String, String, Bytes)>,
    keys: Option<(String, String)>,
    rules: Rules,
    faults: Vec<S3Fault>,
    port: u16,
}

impl S3ServerBuilder {
    /// Puts an object into a bucket, as S3 does: its `ETag` is stored.
    pub fn object(mut self, bucket: &str, key: &str, bytes: impl Into<Bytes>) -> Self {
        let object = (bucket.to_owned(), key.to_owned(), bytes.into());
        self.objects.push(object);
        self
    }

    /// Checks signatures: with these keys.
    pub fn keys(mut self, id: &str, secret: &str) -> Self {
        self.keys = Some((id.to_owned(), secret.to_owned()));
        self.rules.fixed = Some(id.to_owned());
        self
    }

    /// Checks signatures, and takes these temporary keys, beside others: unknown or expired ones, and
    /// those without their session token, are refused as S3 does.
    pub fn temporary_keys(mut self, keys: &TemporaryKeys) -> Self {
        self.rules.temporary.push(keys.clone());
        self
    }

    /// Wants this session token of signed requests.
    pub fn token(mut self, token: &str) -> Self {
        self.rules.token = Some(token.to_owned());
        self
    }

    /// Answers requests without a signature too.
    pub fn anonymous(mut self) -> Self {
        self.rules.anonymous = true;
        self
    }

    /// Wants requests to be signed for this region. Others are answered with this status: 301 as
    /// `PermanentRedirect`, which names the region in a header; 400 as
    /// `AuthorizationHeaderMalformed`, which names it in the body.
    ///
    /// # Panics
    ///
    /// If this is no status.
    pub fn region(mut self, name: &str, status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        self.rules.region = Some((name.to_owned(), status));
        self
    }

    /// Wants requests to say that the requester pays.
    pub fn requester_pays(mut self) -> Self {
        self.rules.requester_pays = true;
        self
    }

    /// Waits this long before each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.rules.latency = latency;
        self
    }

    /// Treats some requests badly. Of several faults that a request fits the first strikes.
    pub fn fault(mut self, fault: S3Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Listens on this port; 0, the default, is any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the server from async code.
    ///
    /// # Panics
    ///
    /// As [`start_blocking`](Self::start_blocking).
    pub async fn start(self) -> S3Server {
        serving::from_async(|| self.start_blocking()).await
    }

    /// Starts the server on threads of its own; it stops when the handle is dropped.
    ///
    /// # Panics
    ///
    /// If the folder can't be used, an object not be put, or no port be had.
    pub fn start_blocking(self) -> S3Server {
        let (listener, address) = serving::listen(self.port);
        let entries = Arc::new(Mutex::default());
        let denies = Arc::clone(&self.rules.denies);
        let (ready, is_ready) = std::sync::mpsc::channel();
        let running = Running::start("s3-server", {
            let entries = Arc::clone(&entries);
            move || async move {
                let shared = self.shared(entries).await;
                let _ = ready.send(());
                serving::answer(listener, move |request| {
                    let shared = Arc::clone(&shared);
                    async move { shared.answer(request).await }
                })
                .await;
            }
        });
        is_ready.recv().expect("a server that has begun");
        S3Server {
            address,
            entries,
            denies,
            _running: running,
        }
    }

    async fn shared(self, entries: Arc<Mutex<Vec<S3Request>>>) -> Arc<Shared> {
        let files = || FileSystem::new(&self.root).expect("a folder for S3");
        let open = S3ServiceBuilder::new(files()).build();
        for (bucket, key, bytes) in self.objects {
            std::fs::create_dir_all(self.root.join(&bucket)).expect("a folder for the bucket");
            put(&open, &bucket, &key, bytes).await;
        }
        let mut service = S3ServiceBuilder::new(files());
        if self.keys.is_some() || !self.rules.temporary.is_empty() {
            service.set_auth(Auth {
                fixed: self.keys,
                temporary: self.rules.temporary.clone(),
            });
            service.set_access(Access {
                anonymous: self.rules.anonymous,
            });
        }
        Arc::new(Shared {
            service: service.build(),
            rules: self.rules,
            faults: Mutex::new(self.faults),
            entries,
        })
    }
}

async fn put(service: &S3Service, bucket: &str, key: &str, bytes: Bytes) {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._".contains(byte);
    let key: String = key
        .bytes()
        .map(|byte| {
            if plain(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let request = Request::put(format!("http://localhost/{bucket}/{key}"))
        .header("content-length", bytes.len())
        .body(Body::from(bytes))
        .expect("a request");
    let mut answer = service.call(request).await.expect("an answer");
    let status = answer.status();
    let body = answer.body_mut().store_all_limited(1 << 16).await;
    let said = body.map(|body| String::from_utf8_lossy(&body).into_owned());
    assert_eq!(
        status,
        StatusCode::OK,
        "{bucket}/{key} was not put: {said:?}"
    );
}

struct Shared {
    service: S3Service,
    rules: Rules,
    faults: Mutex<Vec<S3Fault>>,
    entries: Arc<Mutex<Vec<S3Request>>>,
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        tokio::time::sleep(self.rules.latency).await;
        let mut entry = S3Request {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            range: header(request.headers(), "range"),
            signed_for: header(request.headers(), "authorization").and_then(|text| region(&text)),
            key_id: header(request.headers(), "authorization").and_then(|text| key_id(&text)),
            token: header(request.headers(), "x-amz-security-token"),
            status: 0,
            bytes: 0,
        };
        let trouble = {
            let asked = format!("{}?{}", entry.path, entry.query);
            let mut faults = lock(&self.faults);
            let mut faults = faults.iter_mut();
            faults.find_map(|fault| fault.strikes(&entry.method, &asked))
        };
        let closed = || Err(io::Error::other("closed by a fault"));
        if trouble == Some(S3Trouble::Broken) {
            lock(&self.entries).push(entry);
            return closed();
        }
        let refused = trouble.and_then(S3Trouble::answer);
        let refused = refused.or_else(|| self.rules.refusal(&entry, request.headers()));
        let answered = match refused {
            Some(refused) => {
                // Where a body is left unread the connection is closed, and the answer may be lost.
                let _ = request.into_body().collect().await;
                refused
            }
            None => match self.service.call(request.map(Body::from)).await {
                Ok(answered) => answered,
                Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", ""),
            },
        };
        entry.status = answered.status().as_u16();
        entry.bytes = header(answered.headers(), "content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        lock(&self.entries).push(entry);
        if trouble == Some(S3Trouble::AnswerLost) {
            return closed();
        }
        Ok(answered)
    }
}

/// One request to an [`S3Server`], and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct S3Request {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded.
    pub path: String,
    /// The query, percent-encoded; empty without one.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The region for which it is signed, if it is.
    pub signed_for: Option<String>,
    /// The id of the key that it is signed with.
    pub key_id: Option<String>,
    /// The session token that came with it.
    pub token: Option<String>,
    /// The status; of a request that a fault broke off before it was done, 0.
    pub status: u16,
    /// The length of the answer's body in bytes.
    pub bytes: u64,
}

/// A server of S3 over a folder, on a loopback port; path style: `endpoint/bucket/key`.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    entries: Arc<Mutex<Vec<S3Request>>>,
    denies: Arc<AtomicBool>,
    _running: Running,
}

impl S3Server {
    /// A server to be built, over a folder whose folders are the buckets.
    pub fn builder(root: impl Into<PathBuf>) -> S3ServerBuilder {
        S3ServerBuilder {
            root: root.into(),
            ..S3ServerBuilder::default()
        }
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests since the start or the last [`reset`](Self::reset), in the order in which they
    /// were answered.
    pub fn log(&self) -> Vec<S3Request> {
        lock(&self.entries).clone()
    }

    /// Denies all requests from now on, as buckets do to those from other regions; or no longer.
    pub fn set_denied(&self, denied: bool) {
        self.denies.store(denied, Ordering::SeqCst);
    }

    /// Forgets the log.
    pub fn reset(&self) {
        lock(&self.entries).clear();
    }
}

/// Without the keys.
impl fmt::Debug for S3ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3ServerBuilder")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
