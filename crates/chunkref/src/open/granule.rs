//! A bare granule, scanned group by group when something is asked for.

use std::ops::Range;
use std::sync::Arc;

use chunkref_manifest::Manifest;
use chunkref_scan::{Error as ScanError, Granule, Outcome, Report, Scanned};
use chunkref_store::{Part, ReferenceSource, Refused, SourceError};
use tokio::sync::OnceCell;

use crate::read_set::OpenError;

/// Groups that are kept. A file whose links lead in circles has no end of them.
const GROUPS: u64 = 1024;

/// The groups and references of a granule.
#[derive(Debug)]
pub(super) struct GranuleReferences {
    granule: Granule,
    address: String,
    /// By their paths; `None` where there is no such group.
    groups: moka::future::Cache<String, Option<Part>>,
    whole: OnceCell<Part>,
}

impl GranuleReferences {
    pub(super) fn new(granule: Granule, address: &str) -> Self {
        Self {
            granule,
            address: address.to_owned(),
            groups: moka::future::Cache::new(GROUPS),
            whole: OnceCell::new(),
        }
    }

    /// The root group; fails if the file is no HDF5.
    pub(super) async fn root(&self) -> Result<(), OpenError> {
        let failed = |error: Arc<OpenError>| match Arc::try_unwrap(error) {
            Ok(error) => error,
            Err(shared) => OpenError::Shared(shared),
        };
        self.scanned("/").await.map(|_| ()).map_err(failed)
    }

    async fn scanned(&self, path: &str) -> Result<Option<Part>, Arc<OpenError>> {
        let scan = async {
            match self.granule.group(path).await {
                Ok(scanned) => Ok(Some(part(scanned))),
                Err(ScanError::NoSuchGroup { .. }) => Ok(None),
                Err(error) => Err(failed(&self.address, error)),
            }
        };
        self.groups.try_get_with_by_ref(path, scan).await
    }

    /// Whether the group in which a path lies is known, and has no such group.
    async fn is_known_not_to_be(&self, path: &str) -> bool {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let parent = if parent.is_empty() { "/" } else { parent };
        match self.groups.get(parent).await {
            Some(Some(known)) => known.manifest().group(path).is_none(),
            Some(None) => true,
            None => false,
        }
    }
}

/// Why a granule can't be read.
pub(super) fn failed(address: &str, error: ScanError) -> OpenError {
    match error {
        ScanError::Io(error) => OpenError::Io(error),
        error => OpenError::Granule {
            address: address.to_owned(),
            source: Box::new(error),
        },
    }
}

fn part(scanned: Scanned) -> Part {
    Part::new(Arc::new(scanned.manifest)).with_refused(refused(scanned.report))
}

fn refused(report: Report) -> Vec<Refused> {
    let datasets = report.datasets.into_iter();
    let datasets = datasets.filter(|dataset| dataset.outcome == Outcome::Refused);
    let datasets = datasets.map(|dataset| Refused {
        path: dataset.path,
        reason: dataset.reason.unwrap_or_default(),
    });
    let links = report.links.into_iter().map(|link| Refused {
        path: link.path,
        reason: link.reason,
    });
    datasets.chain(links).collect()
}

#[async_trait::async_trait]
impl ReferenceSource for GranuleReferences {
    async fn tree(&self) -> Result<Part, SourceError> {
        let scan = || async {
            let scanned = self.granule.all().await;
            scanned
                .map(part)
                .map_err(|error| failed(&self.address, error))
        };
        Ok(self.whole.get_or_try_init(scan).await?.clone())
    }

    fn reads_all_for_tree(&self) -> bool {
        true
    }

    async fn group(&self, path: &str) -> Result<Option<Part>, SourceError> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole.manifest().group(path).map(|_| whole.clone()));
        }
        if path != "/" && self.is_known_not_to_be(path).await {
            return Ok(None);
        }
        Ok(self.scanned(path).await.map_err(OpenError::Shared)?)
    }

    async fn references(
        &self,
        path: &str,
        _chunks: &[Range<u64>],
    ) -> Result<Option<Arc<Manifest>>, SourceError> {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let parent = if parent.is_empty() { "/" } else { parent };
        let group = self.group(parent).await?;
        Ok(group
            .filter(|group| group.manifest().array(path).is_some())
            .map(|group| Arc::clone(group.manifest())))
    }
}
