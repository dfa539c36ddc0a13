//! Datasets opened, whatever they are: reference sets and bare granules.

mod granule;
mod kind;
mod parquet_set;

use std::sync::Arc;

use chunkref_io::Client;
use chunkref_scan::{Granule, ScanOptions};
use chunkref_store::{Part, Store, StoreOptions};

use crate::format::SetFormat;
use crate::lazy::LazySet;
use crate::read_set::{OpenError, read_set};
use granule::GranuleReferences;
use parquet_set::refused;

/// How a dataset is opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// How a granule is scanned. Its group and variables are of no use: groups are scanned when they
    /// are asked for.
    pub scan: ScanOptions,
    /// How the dataset is served.
    pub store: StoreOptions,
}

impl OpenOptions {
    /// Sets how a granule is scanned.
    #[must_use]
    pub fn with_scan(mut self, scan: ScanOptions) -> Self {
        self.scan = scan;
        self
    }

    /// Sets how the dataset is served.
    #[must_use]
    pub fn with_store(mut self, store: StoreOptions) -> Self {
        self.store = store;
        self
    }
}

/// Opens a dataset as a Zarr store: a reference set (its name ends in `.json`, `.json.gz`, `.json.zst`,
/// `.parquet` or `.parq`), or a bare HDF5 or NetCDF-4 file. The address is a path, or a URL of http,
/// https, s3, gs or az.
///
/// Of a Parquet set only its documents are read here; files of references are when a chunk in them is
/// asked for, each once. Of a granule only the start is read here; a group is scanned when it, or
/// something in it, is asked for. JSON is read as a whole.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chunkref::store::{ReadOptions, Selection, Slice};
/// use chunkref::{Client, ClientOptions, open};
///
/// let client = Client::new(ClientOptions::default());
/// let store = open(&client, "../../fixtures/granules/mur_like_20200601.nc").await?;
/// let corner = Selection::slices([Slice::at(0), Slice::new(0, 2), Slice::new(0, 3)]);
/// let read = store.read("/analysed_sst", &corner, ReadOptions::default()).await?;
/// assert_eq!(read.shape, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// When it can't be read, is malformed, or is something else; the error says what and what to do.
pub async fn open(client: &Client, address: &str) -> Result<Store, OpenError> {
    open_with(client, address, OpenOptions::default()).await
}

/// As [`open`], with options.
///
/// # Errors
/// As there.
pub async fn open_with(
    client: &Client,
    address: &str,
    options: OpenOptions,
) -> Result<Store, OpenError> {
    let OpenOptions { scan, store } = options;
    match SetFormat::of_address(address) {
        Some(SetFormat::Parquet) => {
            let set = Arc::new(LazySet::open(client, address).await?);
            Ok(Store::on_demand(set, None, client.clone(), store))
        }
        Some(SetFormat::Json(_)) => {
            let read = read_set(client, address, None).await?;
            let part = Part::new(Arc::new(read.manifest)).with_refused(refused(&read.report));
            Ok(Store::of_part(part, client.clone(), store))
        }
        None => {
            kind::check_path(address)?;
            let failed = |error| granule::failed(address, error);
            let opened = Granule::open(client, address, scan).await.map_err(failed)?;
            let object = opened.object().clone();
            let is_plain = kind::check(address, &object).await?;
            let references = GranuleReferences::new(opened, address);
            if !is_plain {
                // Perhaps HDF5 behind a user block; else this says what is wrong.
                references.root().await?;
            }
            let references = Arc::new(references);
            Ok(Store::on_demand(
                references,
                Some(object),
                client.clone(),
                store,
            ))
        }
    }
}
