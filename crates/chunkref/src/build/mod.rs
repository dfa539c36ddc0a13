//! Sets built of many granules, which survive being killed and grow when run again.
//!
//! A build finds granules by a search or takes files that are named, scans those that it has not scanned
//! before, joins them along a dimension, and writes the set. What was scanned goes into a journal beside
//! the output. Whether a build runs through, or is killed any number of times, or is run again when there
//! are more granules: what it writes depends on the granules and the options alone.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let output = folder.path().join("june.json");
//! # let output = output.to_str().unwrap();
//! use chunkref::Client;
//! use chunkref::build::{Build, Sources};
//!
//! let days = Sources::Files(vec!["../../fixtures/granules/mur_like_*.nc".to_owned()]);
//! let build = Build::new(output).with_concat_dim("time");
//! let summary = build.run(&Client::default(), &days, &mut |_| ()).await?;
//! assert_eq!((summary.granules, summary.scanned), (6, 6));
//! // All are in the journal now.
//! let again = build.run(&Client::default(), &days, &mut |_| ()).await?;
//! assert_eq!((again.granules, again.scanned), (6, 0));
//! # Ok::<(), chunkref::build::BuildError>(())
//! # }).unwrap();
//! ```

mod error;
mod events;
mod files;
mod gather;
mod gone;
mod index;
mod joining;
mod journal;
mod ours;
mod output;
mod plan;
mod provenance;
mod queries;
mod scanning;
mod settings;
mod source;
mod taking_in;

use chunkref_io::Client;

pub use error::BuildError;
pub use events::{Event, FailedFile, GoneGranule, LackingDataset, Plan, Summary};
pub use gather::Sources;
pub use settings::{Build, OnError, OnUnlike, Supersede, is_folder};

use events::Tell;
use gather::Gathered;
use gone::Gone;
use journal::{Journal, Listing};
use plan::{Step, Steps};
use provenance::Origin;
use source::Source;

impl Build {
    /// What there is to do, without doing it: nothing is read but the search or the listing, nothing
    /// written.
    ///
    /// # Errors
    /// When the search fails or finds nothing, or the journal can't be read or is of other options.
    pub async fn plan(
        &self,
        client: &Client,
        sources: &Sources,
        tell: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Summary, BuildError> {
        self.check_output()?;
        let gathered = self.gather(client, sources, tell).await?;
        let journal = Journal::look(&self.journal_folder()?, &self.options(), self.rescan)?;
        let steps = Steps::new(&journal, &gathered.sources, self.compare);
        let gone = Gone::find(&journal, &gathered, sources.cmr()).await;
        Ok(self.summary(&journal, gathered, steps.plan, &gone))
    }

    /// Builds the set.
    ///
    /// # Errors
    /// When the search fails or finds nothing, the journal can't be used, files can't be scanned (as
    /// [`with_on_error`](Self::with_on_error) says), granules are unlike, or the output can't be written.
    /// What was scanned is in the journal all the same.
    pub async fn run(
        &self,
        client: &Client,
        sources: &Sources,
        tell: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Summary, BuildError> {
        self.check_output()?;
        let folder = self.journal_folder()?;
        let mut gathered = self.gather(client, sources, tell).await?;
        let mut journal = Journal::open(&folder, &self.options(), self.rescan)?;
        if let Some(caution) = journal.caution() {
            tell(Event::Remark(&caution));
        }
        let gone = Gone::find(&journal, &gathered, sources.cmr()).await;
        let mut steps = Steps::new(&journal, &gathered.sources, self.compare);
        tell(Event::Planned(&steps.plan));
        steps
            .compare(client, &mut journal, &gathered.sources, tell)
            .await?;
        let to_scan = steps.places(&[Step::Scan, Step::ScanAgain]);
        let to_scan: Vec<&Source> = to_scan
            .into_iter()
            .filter_map(|place| gathered.sources.get(place))
            .collect();
        let files = to_scan.len();
        tell(Event::Scanning { files });
        let how = scanning::How {
            options: &self.scan_options(),
            many: &self.many,
            dimension: self.concat_dim.as_deref(),
            must_have_it: self.on_unlike == OnUnlike::Fail,
        };
        let ended = scanning::scan_all(client, &to_scan, how, self.on_error, &mut journal, tell);
        let ended = ended.await?;
        let found = gathered.sources.len();
        let mut keys: Vec<String> = gathered.sources.iter().map(|one| one.key.clone()).collect();
        keys.extend(gone.kept(self.prune).cloned());
        if let Some(query) = gathered.listing.clone() {
            let keys = keys.iter().cloned().collect();
            journal.list(Listing { query, keys })?;
        }
        journal.sync()?;
        let origin = Origin {
            collection: gathered.collection.take(),
            query: gathered.query.take(),
        };
        let mut summary = self.summary(&journal, gathered, steps.plan, &gone);
        (summary.scanned, summary.failed) = (ended.scanned, ended.failed);
        keys.retain(|key| journal.get(key).is_some_and(|entry| entry.done().is_some()));
        let failed = summary.failed.len().saturating_add(summary.unfit.len());
        if keys.is_empty() || failed > 0 && self.on_error != OnError::Skip {
            return Err(BuildError::Failed {
                failed,
                of: found.saturating_add(summary.unfit.len()),
                journaled: !keys.is_empty(),
            });
        }
        output::write(self, client, &journal, &keys, &origin, &mut summary, tell).await?;
        tell(Event::Written);
        Ok(summary)
    }

    /// What is known before anything is scanned.
    fn summary(&self, journal: &Journal, gathered: Gathered, plan: Plan, gone: &Gone) -> Summary {
        Summary {
            plan,
            unfit: gathered.unfit,
            gone: gone.report(journal, self.prune),
            out_of_season: gathered.out_of_season,
            missing: gathered.missing,
            ..Summary::default()
        }
    }

    async fn gather(
        &self,
        client: &Client,
        sources: &Sources,
        tell: &mut Tell<'_>,
    ) -> Result<Gathered, BuildError> {
        let gathered = sources.gather(client, tell).await?;
        if let (OnError::Fail, Some(unfit)) = (self.on_error, gathered.unfit.first()) {
            return Err(BuildError::Search(unfit.clone().into()));
        }
        for (count, unfit) in events::by_kind(&gathered.unfit) {
            let more = match count.saturating_sub(1) {
                0 => String::new(),
                more => format!(" (and {more} more granules like it)"),
            };
            tell(Event::Remark(&format!("{unfit}{more}")));
        }
        if gathered.sources.is_empty() {
            let of = gathered.unfit.len();
            return Err(BuildError::Failed {
                failed: of,
                of,
                journaled: false,
            });
        }
        Ok(gathered)
    }
}
