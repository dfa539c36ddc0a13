//! Scans that say what made them.

use chunkref_io::Client;
use chunkref_scan::{ScanOptions, Scanned};

/// Reads the metadata of the HDF5 or NetCDF-4 file at `url` (a URL or a path) and says where its
/// chunks lie; the version of this crate is in the manifest's provenance.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chunkref::{Client, ClientOptions, ScanOptions, scan};
///
/// let client = Client::new(ClientOptions::default());
/// let granule = "../../fixtures/granules/mur_like_20200601.nc";
/// let scanned = scan(&client, granule, &ScanOptions::default()).await?;
/// let sst = &scanned.manifest.root.arrays["analysed_sst"];
/// assert_eq!(sst.dimension_names, ["time", "lat", "lon"]);
/// assert!(scanned.manifest.provenance.chunkref.is_some());
/// # Ok::<(), chunkref::ScanError>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// When the file can't be read, is not HDF5, or contradicts the specification; or a group or
/// variable asked for is not there. A dataset that is sound but can't be said in Zarr is not an
/// error: the [`Report`](crate::Report) gives the reason.
pub async fn scan(
    client: &Client,
    url: &str,
    options: &ScanOptions,
) -> Result<Scanned, chunkref_scan::Error> {
    let mut scanned = chunkref_scan::scan(client, url, options).await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    scanned.manifest.provenance.chunkref = Some(version);
    Ok(scanned)
}
