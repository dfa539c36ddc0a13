//! The connection to CMR.

use std::fmt;

use chrono::{TimeDelta, Utc};
use chunkref_io::{Client, Request, Response};

use crate::answer::{self, Page, without, words};
use crate::deleted::{Deleted, DeletedGranules};
use crate::error::{Error, Result};
use crate::query::Query;
use crate::system::System;
use crate::time::Timestamp;

/// Longer queries travel in the body of a `POST`.
const LONGEST_URL: usize = 4000;
/// A page may have so many bytes for each record on it.
const RECORD: usize = 64 << 10;
/// A page may have at least so many bytes: one of few records may have long ones.
const PAGE: usize = answer::LONGEST_RECORD.saturating_mul(2);
/// So many deleted granules at most are read of one answer.
const MOST_DELETED: usize = 10_000;
/// And of each so many bytes.
const RECORD_OF_DELETED: usize = 1 << 10;
/// CMR knows for 365 days what was deleted, and refuses to say what was before; one day is for a clock
/// that is not quite right.
const DELETED_FOR: TimeDelta = TimeDelta::days(364);
/// What tells that an answer has only what was found before the time was up. CMR's documentation names it
/// in two ways.
const TIMED_OUT: [&str; 2] = ["cmr-timed-out", "cmr-time-out"];

/// Where searches are sent, and as whom. Clones are cheap.
///
/// Requests go through a [`Client`] of `chunkref-io`: what fails for a while (429, 5xx) is asked again
/// with growing waits, and not before `Retry-After`; all of it is in the client's log.
#[derive(Clone)]
pub struct Cmr {
    client: Client,
    system: System,
    url: String,
    client_id: String,
    token: Option<String>,
}

impl Cmr {
    /// CMR itself, asked anonymously.
    pub fn new(client: Client) -> Self {
        Self::of_system(client, System::Prod)
    }

    /// The CMR of a system, asked anonymously.
    pub fn of_system(client: Client, system: System) -> Self {
        Self {
            client,
            system,
            url: system.search_url().to_owned(),
            client_id: concat!("chunkref/", env!("CARGO_PKG_VERSION")).to_owned(),
            token: None,
        }
    }

    /// Another CMR: what comes before `/granules.umm_json`.
    #[must_use]
    pub fn with_url(mut self, url: &str) -> Self {
        url.trim_end_matches('/').clone_into(&mut self.url);
        self
    }

    /// Who asks, for CMR's operators (default: chunkref and its version).
    #[must_use]
    pub fn with_client_id(mut self, name: &str) -> Self {
        name.clone_into(&mut self.client_id);
        self
    }

    /// Asks as the user of a bearer token, who may see more than others. The token is printed nowhere,
    /// and sent over https only.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Where it is: what comes before `/granules.umm_json`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The system whose CMR it is.
    pub fn system(&self) -> System {
        self.system
    }

    /// What all requests go through.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks for a page of at most `most` records.
    pub(crate) async fn page<T>(
        &self,
        what: &str,
        query: &Query,
        search_after: Option<&str>,
        most: usize,
        record: impl FnMut(&serde_json::Value) -> Result<T, String>,
    ) -> Result<Page<T>> {
        let mut query = query.clone();
        query.push("page_size", &most);
        let most_bytes = most.saturating_mul(RECORD).max(PAGE);
        let url = self.address(what);
        let response = self.ask(url, &query, search_after, most_bytes).await?;
        if TIMED_OUT
            .iter()
            .any(|name| response.header(name) == Some("true"))
        {
            let url = self.address(what);
            return Err(Error::TimedOut { url });
        }
        answer::page(&response, most, record).map_err(|reason| self.not_an_answer(what, reason))
    }

    /// What came is not what CMR answers.
    pub(crate) fn not_an_answer(&self, what: &str, reason: String) -> Error {
        Error::Answer {
            url: self.address(what),
            reason,
        }
    }

    fn address(&self, what: &str) -> String {
        format!("{}/{what}.umm_json", self.url)
    }

    /// Granules of a collection that were deleted since a moment; of what was before a year ago CMR knows
    /// nothing. It sends a few of them only: see [`DeletedGranules`].
    ///
    /// ```no_run
    /// # async fn example(cmr: chunkref_earthdata::Cmr) -> chunkref_earthdata::Result<()> {
    /// use chunkref_earthdata::Timestamp;
    ///
    /// let since = Timestamp::begin("2026-01-01")?;
    /// let deleted = cmr.deleted("C1996881146-POCLOUD", since).await?;
    /// println!("{} were deleted, such as:", deleted.hits);
    /// for granule in deleted.granules {
    ///     println!("{}", granule.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If CMR can't be asked, refuses, or answers with something else.
    pub async fn deleted(&self, collection: &str, since: Timestamp) -> Result<DeletedGranules> {
        let first = Utc::now().checked_sub_signed(DELETED_FOR);
        let first = first.map(|time| Timestamp::from_millis(time.timestamp_millis()));
        let since = first.map_or(since, |first| since.max(first));
        let mut query = Query::default();
        query.push("parent_collection_id", collection);
        query.push("revision_date", &since);
        let url = format!("{}/deleted-granules.json", self.url);
        let most_bytes = MOST_DELETED.saturating_mul(RECORD_OF_DELETED);
        let response = self.ask(url.clone(), &query, None, most_bytes).await?;
        let granules = answer::list(response.body(), MOST_DELETED, Deleted::of);
        let granules = granules.map_err(|reason| Error::Answer { url, reason })?;
        let came = u64::try_from(granules.len()).unwrap_or(u64::MAX);
        let hits = answer::hits(&response).unwrap_or(came).max(came);
        Ok(DeletedGranules { granules, hits })
    }

    async fn ask(
        &self,
        url: String,
        query: &Query,
        search_after: Option<&str>,
        most_bytes: usize,
    ) -> Result<Response> {
        let encoded = query.encoded();
        let request = if encoded.len() > LONGEST_URL {
            Request::post(&url, "application/x-www-form-urlencoded", encoded)
        } else {
            Request::get(&format!("{url}?{encoded}"))
        };
        let mut request = request?
            .with_max_answer(most_bytes)
            .with_header("Client-Id", &self.client_id)?;
        if let Some(after) = search_after {
            request = request.with_header("CMR-Search-After", after)?;
        }
        if let Some(token) = &self.token {
            request = request.with_bearer(token)?;
        }
        let response = self.client.request(&request).await;
        let response = response.map_err(Error::of_io)?;
        if response.is_success() {
            return Ok(response);
        }
        Err(refusal(url, &response, self.token.as_deref()))
    }
}

/// What an answer means that is no success.
fn refusal(url: String, response: &Response, token: Option<&str>) -> Error {
    let words = without(&words(response.body()), token.as_slice());
    match response.status() {
        401 => Error::Unauthorized { url, words },
        403 => Error::Forbidden { url, words },
        status @ (408 | 425 | 429 | 500..=599) => Error::Unavailable {
            url,
            status,
            words,
            retry_after: response
                .header("retry-after")
                .and_then(|seconds| seconds.trim().parse().ok()),
        },
        status @ 300..=399 => Error::Refused {
            words: "it redirects elsewhere; is this the address of a CMR?".to_owned(),
            url,
            status,
        },
        status => Error::Refused { url, status, words },
    }
}

/// Without the token.
impl fmt::Debug for Cmr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cmr")
            .field("system", &self.system)
            .field("url", &self.url)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
