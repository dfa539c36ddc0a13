//! How a client reads.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::access::{Access, Notices};
use crate::authority::Authority;

macro_rules! setters {
    ($($(#[$doc:meta])* $setter:ident $field:ident $type:ty;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $setter(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        })*
    };
}

/// How a [`Client`](crate::Client) reads. Sizes are in bytes.
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Requests under way at once to one host (default 128).
    pub concurrency: usize,
    /// How long a request takes until its first byte comes (default: measured while reading).
    pub latency: Option<Duration>,
    /// Bytes a second that one connection brings (default: measured while reading).
    pub bandwidth: Option<u64>,
    /// Remote ranges are merged over a gap of at most this (default: what a connection brings in
    /// the time that a request takes, divided by the requests under way at once; at least 16 KiB
    /// and at most 1 MiB).
    pub merge_gap: Option<u64>,
    /// Ranges of local files are merged over a gap of at most this (default 4 KiB).
    pub local_merge_gap: u64,
    /// Longer remote ranges are asked for in parts of at most this (default 8 MiB).
    pub max_span: u64,
    /// Bytes of one object under way at once (default 24 MiB).
    pub in_flight_bytes: u64,
    /// What a first read near the start of a remote object asks for at least (default 256 KiB); once
    /// other objects were read, what was of use of theirs, if that is less.
    pub head_read: u64,
    /// What is kept of all remote objects together (default 40 MiB). Data that are read at once and
    /// take more than an eighth of it are not kept.
    pub cache_bytes: u64,
    /// A server that ignores `Range` is put up with for objects of at most this (default 8 MiB).
    pub whole_object: u64,
    /// How often a failed request is sent again (default 5).
    pub retries: u32,
    /// How many retries all requests to one host may take before answers make up for them: one for
    /// every two (default 200). Then a host is taken to be down.
    pub retry_budget: u32,
    /// The wait before the first retry; it doubles with each (default 200 ms).
    pub backoff: Duration,
    /// No retry begins later than this after the first attempt (default 3 min).
    pub retry_timeout: Duration,
    /// For a connection to be made (default 10 s).
    pub connect_timeout: Duration,
    /// For the next byte to come, the first one of an answer too (default 30 s).
    pub read_timeout: Duration,
    /// For one attempt as a whole (default 2 min).
    pub attempt_timeout: Duration,
    /// How many redirects in a row are followed (default 10).
    pub max_redirects: u32,
    /// Whether HTTP/2 is not used even where a server offers it (default no).
    pub http1_only: bool,
    /// Certificates to trust beside the system's: a PEM file. (The variable `SSL_CERT_FILE` names
    /// one to trust in place of the system's.)
    pub ca_bundle: Option<PathBuf>,
    /// Where the credentials for buckets come from.
    pub credentials: Credentials,
    /// Says who asks, host by host (default: nobody does).
    pub authority: Option<Arc<dyn Authority>>,
    /// Which way is taken to an object to which several lead.
    pub access: Access,
    /// Who is told what a user should know though nothing failed; else it is logged as a warning.
    pub notices: Option<Notices>,
    /// Whether whoever reads an S3 bucket pays for it, if the bucket's owner wants that
    /// (default no).
    pub requester_pays: bool,
    /// Whether the log keeps a record of every request (default no: counts only).
    pub keep_records: bool,
    /// Settings for the stores behind `s3`, `gs` and `az`, in addition to the environment, named
    /// as `object_store` names them: `aws_endpoint`, `aws_skip_signature`, ...
    pub store_options: Vec<(String, String)>,
}

/// Where the credentials for buckets come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// The environment and the store options; where these name none, an `s3` URL can't be opened.
    #[default]
    Environment,
    /// Nowhere: buckets are public, requests are not signed, and no credentials are looked for.
    Anonymous,
    /// As `Environment`, and where that has none, the metadata service of the machine in the cloud
    /// that this runs on.
    Instance,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            concurrency: 128,
            latency: None,
            bandwidth: None,
            merge_gap: None,
            local_merge_gap: 4 << 10,
            max_span: 8 << 20,
            in_flight_bytes: 24 << 20,
            head_read: 256 << 10,
            cache_bytes: 40 << 20,
            whole_object: 8 << 20,
            retries: 5,
            retry_budget: 200,
            backoff: Duration::from_millis(200),
            retry_timeout: Duration::from_mins(3),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            attempt_timeout: Duration::from_mins(2),
            max_redirects: 10,
            http1_only: false,
            ca_bundle: None,
            credentials: Credentials::Environment,
            access: Access::Auto,
            notices: None,
            authority: None,
            requester_pays: false,
            keep_records: false,
            store_options: Vec::new(),
        }
    }
}

impl ClientOptions {
    setters! {
        /// Sets [`concurrency`](Self::concurrency).
        with_concurrency concurrency usize;
        /// Sets [`local_merge_gap`](Self::local_merge_gap).
        with_local_merge_gap local_merge_gap u64;
        /// Sets [`max_span`](Self::max_span).
        with_max_span max_span u64;
        /// Sets [`in_flight_bytes`](Self::in_flight_bytes).
        with_in_flight_bytes in_flight_bytes u64;
        /// Sets [`head_read`](Self::head_read).
        with_head_read head_read u64;
        /// Sets [`cache_bytes`](Self::cache_bytes).
        with_cache_bytes cache_bytes u64;
        /// Sets [`whole_object`](Self::whole_object).
        with_whole_object whole_object u64;
        /// Sets [`retries`](Self::retries).
        with_retries retries u32;
        /// Sets [`retry_budget`](Self::retry_budget).
        with_retry_budget retry_budget u32;
        /// Sets [`backoff`](Self::backoff).
        with_backoff backoff Duration;
        /// Sets [`retry_timeout`](Self::retry_timeout).
        with_retry_timeout retry_timeout Duration;
        /// Sets [`connect_timeout`](Self::connect_timeout).
        with_connect_timeout connect_timeout Duration;
        /// Sets [`read_timeout`](Self::read_timeout).
        with_read_timeout read_timeout Duration;
        /// Sets [`attempt_timeout`](Self::attempt_timeout).
        with_attempt_timeout attempt_timeout Duration;
        /// Sets [`max_redirects`](Self::max_redirects).
        with_max_redirects max_redirects u32;
        /// Sets [`http1_only`](Self::http1_only).
        with_http1_only http1_only bool;
        /// Sets [`ca_bundle`](Self::ca_bundle).
        with_ca_bundle ca_bundle Option<PathBuf>;
        /// Sets [`credentials`](Self::credentials).
        with_credentials credentials Credentials;
        /// Sets [`access`](Self::access).
        with_access access Access;
        /// Sets [`notices`](Self::notices).
        with_notices notices Option<Notices>;
        /// Sets [`requester_pays`](Self::requester_pays).
        with_requester_pays requester_pays bool;
        /// Sets [`keep_records`](Self::keep_records).
        with_keep_records keep_records bool;
    }

    /// Sets [`latency`](Self::latency).
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Sets [`bandwidth`](Self::bandwidth).
    #[must_use]
    pub fn with_bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = Some(bytes_per_second);
        self
    }

    /// Sets [`merge_gap`](Self::merge_gap).
    #[must_use]
    pub fn with_merge_gap(mut self, merge_gap: u64) -> Self {
        self.merge_gap = Some(merge_gap);
        self
    }

    /// Sets [`authority`](Self::authority).
    #[must_use]
    pub fn with_authority(mut self, authority: Arc<dyn Authority>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Adds one of the [`store_options`](Self::store_options).
    #[must_use]
    pub fn with_store_option(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.store_options.push((key.into(), value.into()));
        self
    }
}

/// The values of `store_options` may be secrets, so only their keys are shown.
impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.store_options.iter().map(|(key, _)| key).collect();
        f.debug_struct("ClientOptions")
            .field("concurrency", &self.concurrency)
            .field("merge_gap", &self.merge_gap)
            .field("max_span", &self.max_span)
            .field("head_read", &self.head_read)
            .field("cache_bytes", &self.cache_bytes)
            .field("retries", &self.retries)
            .field("credentials", &self.credentials)
            .field("access", &self.access)
            .field("authority", &self.authority)
            .field("store_options", &keys)
            .finish_non_exhaustive()
    }
}
