//! The pages of a search.

use crate::cmr::Cmr;
use crate::collection::Collection;
use crate::error::Result;
use crate::granule::Granule;
use crate::paging::Paging;
use crate::query::Query;
use crate::time::TimeRange;

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many granules there are, as CMR said with the last page (`CMR-Hits`). For a season that is
    /// how many touch it.
    pub hits: u64,
    /// How many have come and are part of the result.
    pub received: u64,
    /// How many have come and were left out, as they only touch the season.
    pub left_out: u64,
    /// How many came again, as the order changed between two pages; they are left out too.
    pub repeated: u64,
}

/// What a search found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// The granules, in CMR's order.
    pub granules: Vec<Granule>,
    /// The collections that were named; none, where ids or only a provider were given.
    pub collections: Vec<Collection>,
    /// The parameters that were sent, as `name=value&name=value`, not encoded.
    pub query: String,
    /// The counts at the end.
    pub progress: Progress,
    /// How many granules CMR counted at the end beyond those that came, though no limit ended the
    /// search: records were added meanwhile where the search had already been. Search again.
    pub missing: u64,
}

/// The granules of a search, page by page; see [`GranuleSearch::pages`](crate::GranuleSearch::pages).
///
/// CMR sends what leads to the next page with each page (`CMR-Search-After`). What is added, changed
/// or removed meanwhile may come or not; nothing comes twice.
#[derive(Debug)]
pub struct Pages {
    cmr: Cmr,
    query: Query,
    page_size: usize,
    limit: Option<u64>,
    /// Only granules that lie mostly in one of these; all, if there is none.
    most_of: Vec<TimeRange>,
    collections: Vec<Collection>,
    paging: Paging,
    progress: Progress,
}

impl Pages {
    pub(crate) fn new(cmr: Cmr, query: Query, page_size: usize, limit: Option<u64>) -> Self {
        Self {
            cmr,
            query,
            page_size,
            limit,
            most_of: Vec::new(),
            collections: Vec::new(),
            paging: Paging::new("granules"),
            progress: Progress::default(),
        }
    }

    pub(crate) fn of_collections(mut self, collections: Vec<Collection>) -> Self {
        self.collections = collections;
        self
    }

    pub(crate) fn with_most_of(mut self, ranges: Vec<TimeRange>) -> Self {
        self.most_of = ranges;
        self
    }

    /// The collections that were named.
    pub fn collections(&self) -> &[Collection] {
        &self.collections
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    pub(crate) fn found(self, granules: Vec<Granule>) -> Found {
        Found {
            granules,
            collections: self.collections,
            query: self.query.readable(),
            progress: self.progress,
            missing: self.paging.missing(),
        }
    }

    /// How many granules there are, without any of them.
    pub(crate) async fn count(&self) -> Result<u64> {
        let page = self.cmr.page("granules", &self.query, None, 0, |_| Ok(()));
        Ok(page.await?.hits)
    }

    /// The granules of the next page that are part of the result, which may be none; `None` at the
    /// end.
    ///
    /// # Errors
    ///
    /// If CMR can't be asked, refuses, or answers with what is no page.
    pub async fn next(&mut self) -> Result<Option<Vec<Granule>>> {
        let left = self.limit.map_or(u64::MAX, |limit| {
            limit.saturating_sub(self.progress.received)
        });
        if left == 0 {
            return Ok(None);
        }
        // Of a season more come than are kept.
        let most = if self.most_of.is_empty() {
            usize::try_from(left).map_or(self.page_size, |left| left.min(self.page_size))
        } else {
            self.page_size
        };
        let page = self
            .paging
            .next(&self.cmr, &self.query, most, Granule::of, |granule| {
                &granule.concept_id
            });
        let Some(mut granules) = page.await? else {
            return Ok(None);
        };
        self.progress.hits = self.paging.hits();
        self.progress.repeated = self.paging.repeated();
        let came = granules.len();
        granules.retain(|granule| self.lies_in(granule));
        let left_out = came.saturating_sub(granules.len());
        granules.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let count = |granules: usize| u64::try_from(granules).unwrap_or(u64::MAX);
        let Progress {
            received,
            left_out: all_left_out,
            ..
        } = &mut self.progress;
        *received = received.saturating_add(count(granules.len()));
        *all_left_out = all_left_out.saturating_add(count(left_out));
        Ok(Some(granules))
    }

    /// Whether a granule is part of the season. One that does not say when it was taken is.
    fn lies_in(&self, granule: &Granule) -> bool {
        let Some(taken) = granule.temporal else {
            return true;
        };
        self.most_of.is_empty() || self.most_of.iter().any(|range| range.holds_most_of(&taken))
    }
}
