//! The stores of `object_store`, all over the one connector.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::BytesMut;
use futures::StreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{
    CredentialProvider, GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore, RetryConfig,
};
use url::Url;

use crate::address::BucketKind;
use crate::authority::BucketKeys;
use crate::error::Error;
use crate::options::Credentials;
use crate::region::{check_region, is_region};
use crate::transport::{Connector, Net, Ticket, Whole, Writing};

pub(crate) type Made = Arc<dyn ObjectStore>;

/// The store of a bucket, or of one object behind a URL. Clones share what is found out of it.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    /// What it takes to make the store anew, for another region.
    bucket: Option<Bucket>,
    now: Mutex<Now>,
}

struct Bucket {
    net: Arc<Net>,
    kind: BucketKind,
    /// `scheme://bucket`.
    base: String,
    name: String,
    writing: Option<Arc<Writing>>,
    keys: Option<Arc<dyn BucketKeys>>,
}

#[derive(Clone)]
struct Now {
    made: Made,
    /// The region that the server named.
    region: Option<String>,
}

impl Store {
    /// A store for the one object at this URL; its path is empty, so that the URL stays as it is,
    /// query included.
    pub(crate) fn http(net: &Arc<Net>, url: &Url) -> Result<Self, String> {
        let options = object_store::ClientOptions::new().with_allow_http(true);
        let made = HttpBuilder::new()
            .with_url(url.as_str())
            .with_client_options(options)
            .with_retry(no_retries())
            .with_http_connector(Connector {
                net: Arc::clone(net),
                writing: None,
            })
            .build()
            .map_err(|error| printable(&error))?;
        Ok(Self::new(None, Arc::new(made)))
    }

    /// A store for a bucket: from the environment, then from the client's options; opened with these
    /// keys, if there are any.
    pub(crate) fn bucket(
        net: &Arc<Net>,
        kind: BucketKind,
        base: String,
        name: String,
        keys: Option<Arc<dyn BucketKeys>>,
    ) -> Result<Self, String> {
        Self::of_bucket(net, kind, base, name, None, keys)
    }

    /// The store of a bucket that is written to.
    pub(crate) fn written(
        net: &Arc<Net>,
        kind: BucketKind,
        base: String,
        name: String,
    ) -> Result<Self, String> {
        Self::of_bucket(net, kind, base, name, Some(Arc::default()), None)
    }

    fn of_bucket(
        net: &Arc<Net>,
        kind: BucketKind,
        base: String,
        name: String,
        writing: Option<Arc<Writing>>,
        keys: Option<Arc<dyn BucketKeys>>,
    ) -> Result<Self, String> {
        let bucket = Bucket {
            net: Arc::clone(net),
            kind,
            base,
            name,
            writing,
            keys,
        };
        let made = bucket.make(None)?;
        Ok(Self::new(Some(bucket), made))
    }

    fn new(bucket: Option<Bucket>, made: Made) -> Self {
        let now = Mutex::new(Now { made, region: None });
        Self(Arc::new(Inner { bucket, now }))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One ranged GET. A bucket that turns out to be in another region is asked there, and what is
    /// missing of an answer that broke off is asked for by itself.
    pub(crate) async fn get_opts(
        &self,
        path: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        let mut result = self.ask(path, options.clone()).await?;
        let (meta, range) = (result.meta.clone(), result.range.clone());
        let (attributes, extensions) = (result.attributes.clone(), result.extensions.clone());
        let mut joined = result.bytes().await?;
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        while joined.len() < length && extensions.get::<Whole>().is_none() {
            let came = u64::try_from(joined.len()).unwrap_or(u64::MAX);
            let missing = range.start.saturating_add(came)..range.end;
            let mut options = options.clone();
            if let Some(ticket) = options.extensions.get_mut::<Ticket>() {
                ticket.range = missing.clone();
            }
            options.range = Some(GetRange::Bounded(missing));
            result = self.ask(path, options).await?;
            if result.extensions.get::<Whole>().is_some() {
                return Ok(result);
            }
            let mut more = BytesMut::from(joined);
            more.extend_from_slice(&result.bytes().await?);
            joined = more.freeze();
        }
        Ok(GetResult {
            payload: GetResultPayload::Stream(
                futures::stream::once(async move { Ok(joined) }).boxed(),
            ),
            meta,
            range,
            attributes,
            extensions,
        })
    }

    /// Does something with a store that is written to; once more where the bucket turns out to be in
    /// another region.
    pub(crate) async fn change<T, F>(&self, act: impl Fn(Made) -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let now = self.now().clone();
        let error = match act(now.made).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let bucket = self.0.bucket.as_ref();
        let named = bucket
            .and_then(|bucket| bucket.writing.as_ref())
            .and_then(|writing| writing.region());
        match (bucket, named) {
            (Some(bucket), Some(region)) if now.region.as_ref() != Some(&region) => {
                let Ok(made) = bucket.make(Some(&region)) else {
                    return Err(error);
                };
                *self.now() = Now {
                    made: Arc::clone(&made),
                    region: Some(region),
                };
                act(made).await
            }
            _ => Err(error),
        }
    }

    /// Asks with the keys of the bucket; once more where they are called expired, and are renewed.
    async fn ask(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        let bucket = self.0.bucket.as_ref();
        let keys = bucket.and_then(|bucket| bucket.keys.as_ref());
        let (Some(keys), Some(ticket)) = (keys, options.extensions.get::<Ticket>()) else {
            return self.ask_in_region(path, options).await;
        };
        let keys_refused = Arc::clone(&ticket.keys_refused);
        // Those that sign, or those just before: it is the same where they are renewed meanwhile.
        let used = keys.get().await;
        let answered = self.ask_in_region(path, options.clone()).await;
        if let (Err(_), Ok(used)) = (&answered, &used)
            && keys_refused.swap(false, Ordering::Relaxed)
            && keys.refused(used).await
        {
            return self.ask_in_region(path, options).await;
        }
        answered
    }

    async fn ask_in_region(
        &self,
        path: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        let now = self.now().clone();
        let answered = now.made.get_opts(path, options.clone()).await;
        let (Err(_), Some(bucket), Some(ticket)) = (
            &answered,
            &self.0.bucket,
            options.extensions.get::<Ticket>(),
        ) else {
            return answered;
        };
        match ticket.target.region() {
            Some(region) if now.region.as_ref() != Some(&region) => {
                let Ok(made) = bucket.make(Some(&region)) else {
                    return answered;
                };
                let now = Now {
                    made: Arc::clone(&made),
                    region: Some(region),
                };
                *self.now() = now;
                made.get_opts(path, options).await
            }
            _ => answered,
        }
    }
}

/// The keys of a bucket, as `object_store` asks for them.
#[derive(Debug)]
struct Signing {
    keys: Arc<dyn BucketKeys>,
    /// `scheme://bucket`.
    base: String,
}

#[async_trait]
impl CredentialProvider for Signing {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let keys = self.keys.get().await;
        keys.map_err(|reason| object_store::Error::Generic {
            store: "S3",
            source: Box::new(Error::Store {
                url: self.base.clone(),
                reason,
            }),
        })
    }
}

/// `object_store`'s own retries, switched off: they know nothing of `Retry-After`.
fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

impl Bucket {
    /// Makes the store, for this region if one is given.
    fn make(&self, region: Option<&str>) -> Result<Made, String> {
        let options = &self.net.options;
        let settings = &options.store_options;
        let connector = Connector {
            net: Arc::clone(&self.net),
            writing: self.writing.clone(),
        };
        match self.kind {
            BucketKind::S3 => {
                let builder = self.s3(region)?.with_retry(no_retries());
                let store = builder.with_http_connector(connector).build();
                Ok(Arc::new(store.map_err(|error| printable(&error))?))
            }
            BucketKind::Google => {
                let mut builder = GoogleCloudStorageBuilder::from_env();
                for (key, value) in known::<GoogleConfigKey>(settings, "google_")? {
                    builder = builder.with_config(key, value);
                }
                if options.credentials == Credentials::Anonymous {
                    builder = builder.with_skip_signature(true);
                }
                let builder = builder
                    .with_bucket_name(&self.name)
                    .with_retry(no_retries());
                let store = builder.with_http_connector(connector).build();
                Ok(Arc::new(store.map_err(|error| printable(&error))?))
            }
            BucketKind::Azure => {
                let mut builder = MicrosoftAzureBuilder::from_env();
                for (key, value) in known::<AzureConfigKey>(settings, "azure_")? {
                    builder = builder.with_config(key, value);
                }
                if options.credentials == Credentials::Anonymous {
                    builder = builder.with_skip_signature(true);
                }
                let builder = builder.with_url(&self.base).with_retry(no_retries());
                let store = builder.with_http_connector(connector).build();
                Ok(Arc::new(store.map_err(|error| printable(&error))?))
            }
        }
    }

    fn s3(&self, region: Option<&str>) -> Result<AmazonS3Builder, String> {
        let options = &self.net.options;
        let mut builder = AmazonS3Builder::from_env();
        for (key, value) in known::<AmazonS3ConfigKey>(&options.store_options, "aws_")? {
            builder = builder.with_config(key, value);
        }
        if options.credentials == Credentials::Anonymous {
            // Without credentials there is nothing that http could give away.
            builder = builder.with_skip_signature(true).with_allow_http(true);
        } else if let Some(keys) = &self.keys {
            let keys = Arc::clone(keys);
            let base = self.base.clone();
            // What the environment says of a region is about other buckets.
            if let Some(region) = keys.region().filter(|region| is_region(region)) {
                builder = builder.with_region(region);
            }
            builder = builder
                .with_skip_signature(false)
                .with_credentials(Arc::new(Signing { keys, base }));
        } else if options.credentials != Credentials::Instance && !has_credentials(&builder) {
            return Err(NO_CREDENTIALS.to_owned());
        }
        if options.requester_pays {
            builder = builder.with_request_payer(true);
        }
        let told = || {
            // What the user says of the region goes before what records say.
            let is_set = known::<AmazonS3ConfigKey>(&options.store_options, "aws_");
            let is_region = |key: &AmazonS3ConfigKey| {
                matches!(
                    key,
                    AmazonS3ConfigKey::Region | AmazonS3ConfigKey::DefaultRegion
                )
            };
            let is_set = is_set.is_ok_and(|set| set.iter().any(|(key, _)| is_region(key)));
            let known = || self.net.ways.region_of_bucket(&self.base);
            if is_set { None } else { known() }
        };
        if let Some(region) = region.map(str::to_owned).or_else(told) {
            builder = builder.with_region(region);
        }
        if let Some(region) = builder.get_config_value(&AmazonS3ConfigKey::Region) {
            check_region(&region)
                .map_err(|expected| format!("region {region:?} (AWS_REGION): {expected}"))?;
        }
        Ok(builder.with_bucket_name(&self.name))
    }
}

pub(crate) const NO_CREDENTIALS: &str = "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and \
    AWS_SESSION_TOKEN for temporary ones), read a public bucket anonymously (--anonymous), or let \
    this machine's metadata service be asked (--instance-credentials)";

/// Whether anything says where credentials come from. `object_store` would otherwise ask the
/// metadata service, which for most is an address that never answers.
fn has_credentials(builder: &AmazonS3Builder) -> bool {
    let set = |key| builder.get_config_value(&key).is_some();
    set(AmazonS3ConfigKey::AccessKeyId)
        || set(AmazonS3ConfigKey::SecretAccessKey)
        || set(AmazonS3ConfigKey::WebIdentityTokenFile)
        || set(AmazonS3ConfigKey::ContainerCredentialsRelativeUri)
        || set(AmazonS3ConfigKey::ContainerCredentialsFullUri)
        || set(AmazonS3ConfigKey::MetadataEndpoint)
        || builder
            .get_config_value(&AmazonS3ConfigKey::SkipSignature)
            .is_some_and(|skip| skip == "true")
}

/// The settings that a kind of store knows. One with its prefix that it does not know is an
/// error; those of other kinds are passed over.
fn known<'a, K: FromStr>(
    options: &'a [(String, String)],
    prefix: &str,
) -> Result<Vec<(K, &'a str)>, String> {
    let mut found = Vec::new();
    for (key, value) in options {
        let key = key.to_ascii_lowercase();
        match key.parse() {
            Ok(parsed) => found.push((parsed, value.as_str())),
            Err(_) if key.starts_with(prefix) => {
                return Err(format!("unknown store option {key}"));
            }
            Err(_) => {}
        }
    }
    Ok(found)
}

/// An error of `object_store`, without secrets.
fn printable(error: &dyn Display) -> String {
    crate::address::printable_message(&error.to_string())
}
