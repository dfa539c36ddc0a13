//! A Parquet set whose references are asked for.

use std::ops::Range;
use std::sync::Arc;

use chunkref_manifest::Manifest;
use chunkref_manifest::kerchunk::SetReport;
use chunkref_store::{Part, ReferenceSource, Refused, SourceError};

use crate::lazy::LazySet;

/// What of a set was refused.
pub(super) fn refused(report: &SetReport) -> Vec<Refused> {
    let refused = report.refused.iter();
    refused
        .map(|node| Refused {
            path: node.path.clone(),
            reason: node.reason.clone(),
        })
        .collect()
}

impl LazySet {
    fn part(&self) -> Part {
        Part::new(Arc::clone(self.tree()))
            .with_refused(refused(self.report()))
            .without_references()
    }
}

#[async_trait::async_trait]
impl ReferenceSource for LazySet {
    async fn tree(&self) -> Result<Part, SourceError> {
        Ok(self.part())
    }

    fn reads_all_for_tree(&self) -> bool {
        false
    }

    async fn group(&self, path: &str) -> Result<Option<Part>, SourceError> {
        Ok(self.tree().group(path).map(|_| self.part()))
    }

    async fn references(
        &self,
        path: &str,
        chunks: &[Range<u64>],
    ) -> Result<Option<Arc<Manifest>>, SourceError> {
        if !chunks.is_empty()
            && let Some(array) = self.array_with(path, chunks).await?
        {
            return Ok(Some(Arc::new(array)));
        }
        let tree = self.tree();
        Ok(tree.array(path).map(|_| Arc::clone(tree)))
    }
}
