//! The keys of buckets, beside what a login gives to requests over https.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chunkref_io::{Authority, BucketInfo, BucketKeys, Client, ClientOptions, HeaderValue, Url};

use super::endpoint::{Ask, EndpointKeys};
use super::places::{Place, Places};
use crate::login::EarthdataAuthority;

/// So many endpoints are asked by one client.
const ENDPOINTS: usize = 64;

/// Gives requests what a login gives them, and buckets the temporary keys that the login is good for.
///
/// ```
/// use std::sync::Arc;
/// use chunkref_earthdata::{BucketAuthority, EarthdataAuthority, Login, LoginSources, System};
/// use chunkref_io::{Client, ClientOptions};
///
/// // Nothing is looked for before it is needed.
/// let options = ClientOptions::default();
/// let login = Login::new(System::Prod, LoginSources::environment(), options.clone());
/// let authority = BucketAuthority::of_login(EarthdataAuthority::new(login), &options);
/// let client = Client::new(options.with_authority(Arc::new(authority)));
/// ```
///
/// An endpoint is asked for keys only if it is trusted, whoever names it. A clone shares the keys.
#[derive(Clone)]
pub struct BucketAuthority {
    login: Arc<dyn Authority>,
    inner: Arc<Inner>,
}

struct Inner {
    /// Asks the endpoints, with the login.
    asker: Arc<dyn Ask>,
    trusts: Box<dyn Fn(&Url) -> bool + Send + Sync>,
    places: Mutex<Places>,
    /// By their URLs.
    endpoints: Mutex<HashMap<String, Arc<EndpointKeys>>>,
}

impl BucketAuthority {
    /// Asks endpoints through a client with these options and this login, if `trusts` says so: of
    /// hosts to which the login may go. Nothing is asked before keys are needed.
    pub fn new(
        login: Arc<dyn Authority>,
        options: &ClientOptions,
        trusts: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> Self {
        let options = options.clone().with_keep_records(false);
        let client = Client::new(options.with_authority(Arc::clone(&login)));
        Self::with_asker(login, Arc::new(client), trusts)
    }

    /// The same, with an Earthdata Login: endpoints are asked of hosts that it trusts, and if there is a
    /// login at all.
    pub fn of_login(login: EarthdataAuthority, options: &ClientOptions) -> Self {
        let login = Arc::new(login);
        let who = Arc::clone(&login);
        let trusts = move |url: &Url| who.trust().trusts(url) && who.login().is_found();
        Self::new(login, options, trusts)
    }

    pub(super) fn with_asker(
        login: Arc<dyn Authority>,
        asker: Arc<dyn Ask>,
        trusts: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner {
            asker,
            trusts: Box::new(trusts),
            places: Mutex::default(),
            endpoints: Mutex::default(),
        };
        Self {
            login,
            inner: Arc::new(inner),
        }
    }

    /// How often keys were had, from all endpoints together.
    pub fn renewals(&self) -> u64 {
        let endpoints = lock(&self.inner.endpoints);
        endpoints.values().map(|one| one.renewals()).sum()
    }

    /// The URL of an endpoint that may be asked.
    fn trusted(&self, endpoint: &str) -> Option<Url> {
        let url = Url::parse(endpoint).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_safe = url.scheme() == "https" || is_this_machine(&url);
        (is_plain && is_safe && (self.inner.trusts)(&url)).then_some(url)
    }

    fn endpoint(&self, place: &Place) -> Option<Arc<EndpointKeys>> {
        let url = self.trusted(&place.endpoint)?;
        let mut endpoints = lock(&self.inner.endpoints);
        if !endpoints.contains_key(url.as_str()) && endpoints.len() >= ENDPOINTS {
            return None;
        }
        let keys = endpoints
            .entry(url.as_str().to_owned())
            .or_insert_with(|| Arc::new(EndpointKeys::new(url, Arc::clone(&self.inner.asker))));
        if let Some(region) = &place.region {
            keys.set_region(region);
        }
        Some(Arc::clone(keys))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a URL of http leads to the machine that this runs on.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    url.scheme() == "http"
        && (host == "localhost" || address.is_ok_and(|address| address.is_loopback()))
}

/// What somebody is to do whom a bucket refuses.
fn of_bucket(url: &Url, status: Option<u16>, body: &str) -> Option<&'static str> {
    let host = url.host_str().unwrap_or_default();
    if !host.ends_with(".amazonaws.com") || status != Some(403) {
        return None;
    }
    let says = |code: &str| body.contains(&format!("<Code>{code}</Code>"));
    if says("RequestTimeTooSkewed") {
        return Some("this machine's clock is wrong: set it");
    }
    says("AccessDenied").then_some(
        "NASA's buckets are read only from within their region: elsewhere take the https URL \
         (chunkref search --links https)",
    )
}

#[async_trait]
impl Authority for BucketAuthority {
    async fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, String> {
        self.login.authorization(url).await
    }

    async fn refused(&self, url: &Url, sent: &HeaderValue) -> bool {
        self.login.refused(url, sent).await
    }

    fn keeps_cookies(&self, url: &Url) -> bool {
        self.login.keeps_cookies(url)
    }

    fn is_login(&self, url: &Url) -> bool {
        self.login.is_login(url)
    }

    fn advice(&self, url: &Url, status: Option<u16>, body: &str) -> Option<String> {
        let advice = self.login.advice(url, status, body);
        advice.or_else(|| of_bucket(url, status, body).map(str::to_owned))
    }

    fn learn(&self, known: &BucketInfo) {
        let endpoint = known.credentials_endpoint.as_deref();
        // One that is not trusted would only hide one that is.
        if let Some(url) = endpoint.and_then(|endpoint| self.trusted(endpoint)) {
            lock(&self.inner.places).learn(known, url.as_str());
        }
        self.login.learn(known);
    }

    fn keys(&self, bucket: &str, key: &str) -> Option<Arc<dyn BucketKeys>> {
        let place = lock(&self.inner.places).of(bucket, key);
        let keys = place.and_then(|place| self.endpoint(&place));
        match keys {
            Some(keys) => Some(keys),
            None => self.login.keys(bucket, key),
        }
    }
}

/// Without keys.
impl fmt::Debug for BucketAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketAuthority")
            .field("login", &self.login)
            .field("endpoints", &lock(&self.inner.endpoints).values())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_by_a_bucket_hears_what_to_do() {
        let url = |text: &str| Url::parse(text).unwrap();
        let bucket = url("https://s3.us-west-2.amazonaws.com/bucket/a.h5");
        let denied = "<Error><Code>AccessDenied</Code></Error>";
        let skewed = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
        let told = of_bucket(&bucket, Some(403), denied).unwrap();
        assert!(told.contains("https"), "{told}");
        let told = of_bucket(&bucket, Some(403), skewed).unwrap();
        assert!(told.contains("clock"), "{told}");
        let elsewhere = url("https://s3.amazonaws.com.example/bucket/a.h5");
        for (url, status, body) in [
            (&bucket, Some(404), denied),
            (&bucket, Some(403), "<Code>SlowDown</Code>"),
            (&elsewhere, Some(403), denied),
        ] {
            assert_eq!(of_bucket(url, status, body), None);
        }
    }
}
