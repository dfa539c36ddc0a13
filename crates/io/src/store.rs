//! The stores of `object_store`, all over the one connector.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use crate::address::BucketKind;
use crate::transport::{Connector, Net};

/// A store of any kind.
pub(crate) type Store = Arc<dyn ObjectStore>;

/// `object_store`'s own retries, switched off: they know nothing of `Retry-After`.
fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// A store for the one object at this URL; its path is empty, so that the URL stays as it is,
/// query included.
pub(crate) fn http(net: &Arc<Net>, url: &Url) -> Result<Store, String> {
    let options = object_store::ClientOptions::new().with_allow_http(true);
    let store = HttpBuilder::new()
        .with_url(url.as_str())
        .with_client_options(options)
        .with_retry(no_retries())
        .with_http_connector(Connector(Arc::clone(net)))
        .build()
        .map_err(|error| printable(&error))?;
    Ok(Arc::new(store))
}

/// A store for a bucket: from the environment, then from the client's `store_options`.
pub(crate) fn bucket(
    net: &Arc<Net>,
    kind: BucketKind,
    base: &str,
    name: &str,
) -> Result<Store, String> {
    let options = &net.options.store_options;
    let connector = Connector(Arc::clone(net));
    match kind {
        BucketKind::S3 => {
            let mut builder = AmazonS3Builder::from_env();
            for (key, value) in known::<AmazonS3ConfigKey>(options, "aws_")? {
                builder = builder.with_config(key, value);
            }
            let builder = builder.with_bucket_name(name).with_retry(no_retries());
            let store = builder.with_http_connector(connector).build();
            Ok(Arc::new(store.map_err(|error| printable(&error))?))
        }
        BucketKind::Google => {
            let mut builder = GoogleCloudStorageBuilder::from_env();
            for (key, value) in known::<GoogleConfigKey>(options, "google_")? {
                builder = builder.with_config(key, value);
            }
            let builder = builder.with_bucket_name(name).with_retry(no_retries());
            let store = builder.with_http_connector(connector).build();
            Ok(Arc::new(store.map_err(|error| printable(&error))?))
        }
        BucketKind::Azure => {
            let mut builder = MicrosoftAzureBuilder::from_env();
            for (key, value) in known::<AzureConfigKey>(options, "azure_")? {
                builder = builder.with_config(key, value);
            }
            let builder = builder.with_url(base).with_retry(no_retries());
            let store = builder.with_http_connector(connector).build();
            Ok(Arc::new(store.map_err(|error| printable(&error))?))
        }
    }
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
