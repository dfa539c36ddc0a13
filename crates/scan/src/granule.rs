//! A granule that is read group by group.

use chunkref_io::{Client, Object};

use crate::error::Result;
use crate::options::ScanOptions;
use crate::scan::{Scanned, scan_object};

/// A granule whose groups are read when they are asked for. Clones are cheap.
///
/// What was read on the way to one group is kept (within the bounds of the client's cache) for the
/// way to the next.
#[derive(Clone, Debug)]
pub struct Granule {
    client: Client,
    url: String,
    object: Object,
    options: ScanOptions,
}

impl Granule {
    /// Opens the HDF5 or NetCDF-4 file at `url` (a URL or a path). Of a remote one the start is read,
    /// and no more. The options hold for every group; their group and variables are of no use here.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use chunkref_io::{Client, ClientOptions};
    /// use chunkref_scan::{Granule, ScanOptions};
    ///
    /// let client = Client::new(ClientOptions::default());
    /// let file = "../../fixtures/granules/atl03_like.h5";
    /// let granule = Granule::open(&client, file, ScanOptions::default()).await?;
    /// let root = granule.group("/").await?.manifest.root;
    /// assert!(root.groups.contains_key("gt1l") && root.groups["gt1l"].groups.is_empty());
    /// let beam = granule.group("/gt1l/heights").await?.manifest;
    /// assert!(beam.group("/gt1l/heights").is_some_and(|group| !group.arrays.is_empty()));
    /// # Ok::<(), chunkref_scan::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// When the file can't be read.
    pub async fn open(client: &Client, url: &str, options: ScanOptions) -> Result<Self> {
        let object = client.open(url).await?;
        object.size().await?;
        Ok(Self {
            client: client.clone(),
            url: url.to_owned(),
            object,
            options,
        })
    }

    /// The file.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Reads all of the file's metadata, as [`scan`](crate::scan()) does.
    ///
    /// # Errors
    /// As there.
    pub async fn all(&self) -> Result<Scanned> {
        let mut options = self.options.clone();
        options.group = None;
        options.variables = Vec::new();
        options.subgroups = true;
        scan_object(&self.client, &self.url, self.object.clone(), &options).await
    }

    /// Reads one group, by its path from the root: its attributes, its arrays, and which groups are
    /// in it. Those have their attributes, but are empty. In the manifest the group has the place
    /// that it has in the file.
    ///
    /// # Errors
    /// As [`scan`](crate::scan).
    pub async fn group(&self, path: &str) -> Result<Scanned> {
        let mut options = self.options.clone();
        options.group = Some(path.to_owned());
        options.variables = Vec::new();
        options.subgroups = false;
        scan_object(&self.client, &self.url, self.object.clone(), &options).await
    }
}
