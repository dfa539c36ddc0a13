//! How pages follow one another, whatever is on them.

use std::collections::HashSet;

use serde_json::Value;

use crate::cmr::Cmr;
use crate::error::Result;
use crate::query::Query;

/// The place of a search among its pages. CMR sends what leads to the next page with each page
/// (`CMR-Search-After`).
#[derive(Debug)]
pub(crate) struct Paging {
    /// `granules` or `collections`.
    what: &'static str,
    search_after: Option<String>,
    seen: HashSet<Box<str>>,
    hits: u64,
    repeated: u64,
    ended: bool,
}

impl Paging {
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            search_after: None,
            seen: HashSet::new(),
            hits: 0,
            repeated: 0,
            ended: false,
        }
    }

    /// How many there are, as CMR said with the last page.
    pub(crate) fn hits(&self) -> u64 {
        self.hits
    }

    /// How many came again.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How many CMR counted at the end beyond those that came.
    pub(crate) fn missing(&self) -> u64 {
        let missing = self.hits.saturating_sub(self.seen());
        if self.ended { missing } else { 0 }
    }

    fn seen(&self) -> u64 {
        u64::try_from(self.seen.len()).unwrap_or(u64::MAX)
    }

    /// The records of the next page, of at most so many, that had not come before; `None` at the end.
    /// Each page but the last brings something new, so there is an end.
    ///
    /// # Errors
    ///
    /// If CMR can't be asked, refuses, answers with what is no page, or with one that leads nowhere.
    pub(crate) async fn next<T>(
        &mut self,
        cmr: &Cmr,
        query: &Query,
        most: usize,
        record: impl FnMut(&Value) -> Result<T, String>,
        id: impl Fn(&T) -> &str,
    ) -> Result<Option<Vec<T>>> {
        if self.ended {
            return Ok(None);
        }
        let after = self.search_after.take();
        let page = cmr.page(self.what, query, after.as_deref(), most, record);
        let page = page.await?;
        self.hits = page.hits;
        let came = page.items.len();
        let mut new = page.items;
        new.retain(|one| self.seen.insert(id(one).into()));
        let again = came.saturating_sub(new.len());
        let again = u64::try_from(again).unwrap_or(u64::MAX);
        self.repeated = self.repeated.saturating_add(again);
        let nowhere = |reason| Err(cmr.not_an_answer(self.what, reason));
        if came == most && new.is_empty() {
            return nowhere(format!(
                "all {came} {} of a page had come before",
                self.what
            ));
        }
        // A page that is not full is the last one, unless CMR counts more.
        let all_came = self.seen() >= self.hits;
        let is_last = new.is_empty() || (came < most && all_came);
        match page.search_after {
            Some(after) if !is_last => self.search_after = Some(after),
            None if came == most && !all_came => {
                let (seen, hits) = (self.seen(), self.hits);
                return nowhere(format!(
                    "{seen} of {hits} {} came, and no CMR-Search-After that leads to the others",
                    self.what
                ));
            }
            _ => self.ended = true,
        }
        Ok(Some(new))
    }
}
