//! Searches for collections.

use crate::cmr::Cmr;
use crate::collection::{Collection, bare_doi};
use crate::error::{Error, Result};
use crate::paging::Paging;
use crate::query::Query;
use crate::spatial::BoundingBox;
use crate::time::TimeRange;

/// Collections that come at one time. Their records are long.
const PAGE: usize = 100;

/// Collections: see [`Collections::search`].
#[derive(Clone, Copy, Debug)]
pub struct Collections;

impl Collections {
    /// A search for collections.
    ///
    /// ```no_run
    /// # async fn example(cmr: chunkref_earthdata::Cmr) -> chunkref_earthdata::Result<()> {
    /// use chunkref_earthdata::Collections;
    ///
    /// let found = Collections::search()
    ///     .keyword("sea surface temperature")
    ///     .cloud_hosted(true)
    ///     .limit(10)
    ///     .run(&cmr)
    ///     .await?;
    /// for collection in found {
    ///     println!("{collection}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn search() -> CollectionSearch {
        CollectionSearch::default()
    }
}

/// A search for collections. Parameters that are given several times are met by any of their values.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CollectionSearch {
    pub(crate) short_names: Vec<String>,
    pub(crate) versions: Vec<String>,
    pub(crate) providers: Vec<String>,
    pub(crate) dois: Vec<String>,
    concept_ids: Vec<String>,
    keyword: Option<String>,
    pub(crate) cloud_hosted: Option<bool>,
    temporal: Vec<TimeRange>,
    bounding_boxes: Vec<BoundingBox>,
    sort_keys: Vec<String>,
    pattern: bool,
    any_state: bool,
    limit: Option<usize>,
}

impl CollectionSearch {
    /// Of this short name.
    pub fn short_name(mut self, name: &str) -> Self {
        self.short_names.push(name.to_owned());
        self
    }

    /// Of this version, which is text: `006` is not `6`.
    pub fn version(mut self, version: &str) -> Self {
        self.versions.push(version.to_owned());
        self
    }

    /// Of this provider.
    pub fn provider(mut self, provider: &str) -> Self {
        self.providers.push(provider.to_owned());
        self
    }

    /// With this DOI, bare or as a URL.
    pub fn doi(mut self, doi: &str) -> Self {
        self.dois.push(bare_doi(doi).to_owned());
        self
    }

    /// With this concept id.
    pub fn concept_id(mut self, id: &str) -> Self {
        self.concept_ids.push(id.to_owned());
        self
    }

    /// With these words in the record.
    pub fn keyword(mut self, words: &str) -> Self {
        self.keyword = Some(words.to_owned());
        self
    }

    /// Whether the data are in the cloud.
    pub fn cloud_hosted(mut self, cloud_hosted: bool) -> Self {
        self.cloud_hosted = Some(cloud_hosted);
        self
    }

    /// With data of this time.
    pub fn temporal(mut self, range: TimeRange) -> Self {
        self.temporal.push(range);
        self
    }

    /// With data in this box.
    pub fn bounding_box(mut self, edges: BoundingBox) -> Self {
        self.bounding_boxes.push(edges);
        self
    }

    /// In this order: a key of CMR, with `-` before it for the reverse.
    pub fn sort_key(mut self, key: &str) -> Self {
        self.sort_keys.push(key.to_owned());
        self
    }

    /// At most so many.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Short names are patterns, where `*` stands for anything.
    pub(crate) fn pattern(mut self) -> Self {
        self.pattern = true;
        self
    }

    /// In whatever state: CMR may leave out collections that are planned, in review or deprecated where a
    /// version, an id or a DOI does not name them.
    pub(crate) fn any_state(mut self) -> Self {
        self.any_state = true;
        self
    }

    fn query(&self) -> Result<Query> {
        let mut query = Query::default();
        for (name, values) in [
            ("short_name", &self.short_names),
            ("version", &self.versions),
            ("provider", &self.providers),
            ("doi", &self.dois),
            ("concept_id", &self.concept_ids),
            ("sort_key", &self.sort_keys),
        ] {
            not_empty(name, values)?;
            query.push_all(name, values);
        }
        if self.pattern {
            query.push("options[short_name][pattern]", &true);
        }
        if self.any_state {
            query.push("include_non_operational", &true);
        }
        query.push_some("keyword", self.keyword.as_ref());
        query.push_some("cloud_hosted", self.cloud_hosted.as_ref());
        query.push_all("temporal", &self.temporal);
        query.push_any("bounding_box", &self.bounding_boxes);
        Ok(query)
    }

    /// How many there are, however many the limit.
    ///
    /// # Errors
    ///
    /// If CMR can't be asked, or refuses.
    pub async fn count(&self, cmr: &Cmr) -> Result<u64> {
        let query = self.query()?;
        let page = cmr.page("collections", &query, None, 0, |_| Ok(())).await?;
        Ok(page.hits)
    }

    /// All that fit, in CMR's order.
    ///
    /// # Errors
    ///
    /// If CMR can't be asked, or refuses.
    pub async fn run(&self, cmr: &Cmr) -> Result<Vec<Collection>> {
        let query = self.query()?;
        let mut found: Vec<Collection> = Vec::new();
        let mut paging = Paging::new("collections");
        loop {
            let left = self
                .limit
                .map_or(PAGE, |limit| limit.saturating_sub(found.len()).min(PAGE));
            if left == 0 {
                return Ok(found);
            }
            let page = paging.next(cmr, &query, left, Collection::of, |one| &one.concept_id);
            let Some(page) = page.await? else {
                return Ok(found);
            };
            found.extend(page);
        }
    }
}

/// An empty value would be met by everything.
pub(crate) fn not_empty(name: &str, values: &[String]) -> Result<()> {
    if values.iter().any(|value| value.trim().is_empty()) {
        return Err(Error::query(format!(
            "{name}: expected a value, found none"
        )));
    }
    Ok(())
}
