//! The client: what all its objects share.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;

use crate::address::{Address, BucketKind, printable};
use crate::authority::BucketKeys;
use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::flight::Flights;
use crate::local::Local;
use crate::log::RequestLog;
use crate::object::{Object, Source};
use crate::options::{ClientOptions, Credentials};
use crate::pin::Pin;
use crate::remote::Remote;
use crate::request::{Request, Response};
use crate::store::Store;
use crate::transport::{Net, Target};

/// Opens objects. Clones are cheap and share connections, cache and request log.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    net: Arc<Net>,
    cache: Arc<Mutex<Cache>>,
    /// Stores by `scheme://bucket` and the keys that open them, so that credentials are asked for once.
    stores: Mutex<HashMap<String, Vec<(Keys, Store)>>>,
    /// The same for buckets that are written to.
    written: Mutex<HashMap<String, Store>>,
    opened: AtomicU64,
}

/// The keys of a bucket that the authority has given.
type Keys = Option<Arc<dyn BucketKeys>>;

impl Client {
    /// A client that has not yet opened anything.
    pub fn new(options: ClientOptions) -> Self {
        Self(Arc::new(Inner {
            cache: Arc::new(Mutex::new(Cache::new(options.cache_bytes))),
            net: Arc::new(Net::new(options)),
            stores: Mutex::default(),
            written: Mutex::default(),
            opened: AtomicU64::new(0),
        }))
    }

    /// The requests so far.
    pub fn log(&self) -> &RequestLog {
        &self.0.net.log
    }

    /// How this client reads.
    pub fn options(&self) -> &ClientOptions {
        &self.0.net.options
    }

    /// Opens a path or a `file`, `http`, `https`, `s3`, `gs` or `az` URL. Nothing is asked of a
    /// server before the first read.
    ///
    /// The keys of buckets are taken as they are: `s3://bucket/a b#1.h5` needs no
    /// percent-encoding.
    ///
    /// # Errors
    ///
    /// If the address is not one of these, a local file can't be opened, or the settings of a
    /// store are not right.
    pub async fn open(&self, url: &str) -> Result<Object> {
        self.open_pinned(url, Pin::default()).await
    }

    /// Opens an object of which something is known beforehand, such as what a set of references says:
    /// every answer is compared with it, and where the size is known, nothing is read to find it out.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use chunkref_io::{Client, Error, Pin};
    ///
    /// let mut pin = Pin::default();
    /// pin.size = Some(7);
    /// let opened = Client::default().open_pinned("Cargo.toml", pin).await;
    /// assert!(matches!(opened, Err(Error::Changed { what: "size", .. })));
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Client::open`]; of a local file also if it is another one than that.
    pub async fn open_pinned(&self, url: &str, pin: Pin) -> Result<Object> {
        let name = printable(url);
        let store_error = |reason| Error::Store {
            url: name.clone(),
            reason,
        };
        let net = &self.0.net;
        let (store, path, target) = match Address::parse(url)? {
            Address::File(path) => {
                let local = Local::open(Arc::clone(net), name, path).await?;
                let mut known = pin;
                known.agree(&local.name, local.pin())?;
                return Ok(Object(Source::Local(Arc::new(local))));
            }
            Address::Http { url, login } => {
                let store = Store::http(net, &url).map_err(store_error)?;
                (store, Path::default(), Target::new(name, login, pin))
            }
            Address::Bucket {
                kind,
                base,
                bucket,
                key,
            } => {
                let path = Path::parse(&key).map_err(|error| Error::Address {
                    url: name.clone(),
                    reason: format!("not a key that can be read: {error}"),
                })?;
                let keys = self.keys(kind, &bucket, &key);
                let store = self.bucket(kind, base, bucket, keys).map_err(store_error)?;
                (store, path, Target::in_bucket(name, pin))
            }
        };
        Ok(Object(Source::Remote(Arc::new(Remote {
            net: Arc::clone(net),
            cache: Arc::clone(&self.0.cache),
            id: self.0.opened.fetch_add(1, Ordering::Relaxed),
            store,
            path,
            target: Arc::new(target),
            first: Arc::default(),
            flights: Flights::default(),
            head: AtomicU64::new(0),
            needed: Mutex::default(),
        }))))
    }

    /// Asks a service. Failures of the connection, 429 and 5xx are repeated as reads of objects are,
    /// within the same limits, counts and log.
    ///
    /// ```no_run
    /// # async fn example(client: chunkref_io::Client) -> chunkref_io::Result<()> {
    /// use chunkref_io::Request;
    ///
    /// let request = Request::get("https://cmr.earthdata.nasa.gov/search/health")?;
    /// let response = client.request(&request).await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If no answer came, or one that is too long. An answer of any status is none.
    pub async fn request(&self, request: &Request) -> Result<Response> {
        self.0.net.ask(request).await
    }

    pub(crate) fn net(&self) -> &Arc<Net> {
        &self.0.net
    }

    /// The store of a bucket that is written to, made when first needed.
    pub(crate) fn written(
        &self,
        kind: BucketKind,
        base: String,
        name: String,
    ) -> Result<Store, String> {
        let stores = self.0.written.lock();
        let mut stores = stores.unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(&base) {
            return Ok(store.clone());
        }
        let store = Store::written(&self.0.net, kind, base.clone(), name)?;
        stores.insert(base, store.clone());
        Ok(store)
    }

    /// The keys for an object of a bucket, if the authority has any.
    fn keys(&self, kind: BucketKind, bucket: &str, key: &str) -> Keys {
        let options = &self.0.net.options;
        if kind != BucketKind::S3 || options.credentials == Credentials::Anonymous {
            return None;
        }
        options.authority.as_ref()?.keys(bucket, key)
    }

    /// The store of a bucket, made when first needed with these keys.
    fn bucket(
        &self,
        kind: BucketKind,
        base: String,
        name: String,
        keys: Keys,
    ) -> Result<Store, String> {
        let mut stores = self.0.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let of_bucket = stores.entry(base.clone()).or_default();
        let known = of_bucket
            .iter()
            .find(|(made_with, _)| match (made_with, &keys) {
                (Some(made_with), Some(keys)) => Arc::ptr_eq(made_with, keys),
                (None, None) => true,
                _ => false,
            });
        if let Some((_, store)) = known {
            return Ok(store.clone());
        }
        let store = Store::bucket(&self.0.net, kind, base, name, keys.clone())?;
        of_bucket.push((keys, store.clone()));
        Ok(store)
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new(ClientOptions::default())
    }
}

/// Without the stores, which hold credentials.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.0.net.options)
            .field("stats", &self.0.net.log.snapshot())
            .finish_non_exhaustive()
    }
}
