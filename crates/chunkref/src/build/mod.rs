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
mod source;
mod taking_in;

use std::path::{Path, PathBuf};

use chunkref_io::{Client, printable};
use chunkref_scan::ScanOptions;
use serde_json::{Value, json};

pub use error::BuildError;
pub use events::{Event, FailedFile, GoneGranule, LackingDataset, Plan, Summary};
pub use gather::Sources;

use events::Tell;
use gather::Gathered;
use gone::Gone;
use journal::{Journal, Listing};
use plan::{Step, Steps};
use provenance::Origin;
use source::Source;

use crate::many::ManyOptions;
use crate::parquet::WriteOptions;

/// What becomes of the others when a file can't be scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Stop at once.
    Fail,
    /// Finish them, so that they are in the journal, and write nothing.
    #[default]
    Collect,
    /// Finish them, and write the set without those that failed.
    Skip,
}

/// What becomes of granules that are unlike the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnlike {
    /// Nothing is written.
    #[default]
    Fail,
    /// They are left out.
    Skip,
}

/// What becomes of granules of one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supersede {
    /// Nothing is written.
    #[default]
    Error,
    /// That which was made last is taken.
    Latest,
}

/// A build of one set; see [the module](self) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct Build {
    output: String,
    concat_dim: Option<String>,
    journal: Option<PathBuf>,
    scan: ScanOptions,
    many: ManyOptions,
    write: WriteOptions,
    on_error: OnError,
    on_unlike: OnUnlike,
    supersede: Supersede,
    prune: bool,
    rescan: bool,
    compare: bool,
}

impl Build {
    /// A build of a set at a path or URL: with [`with_concat_dim`](Self::with_concat_dim) one set,
    /// `.json` or `.parquet`; without, a folder of one manifest a granule and an index of them.
    pub fn new(output: impl Into<String>) -> Self {
        Self {
            output: output.into(),
            concat_dim: None,
            journal: None,
            scan: ScanOptions::default(),
            many: ManyOptions::default(),
            write: WriteOptions::default(),
            on_error: OnError::default(),
            on_unlike: OnUnlike::default(),
            supersede: Supersede::default(),
            prune: false,
            rescan: false,
            compare: false,
        }
    }

    /// Joins all granules along this dimension.
    pub fn with_concat_dim(mut self, dimension: impl Into<String>) -> Self {
        self.concat_dim = Some(dimension.into());
        self
    }

    /// Keeps the journal in this folder (default: beside the output, `NAME.journal`; sets in buckets
    /// need one).
    pub fn with_journal(mut self, folder: impl Into<PathBuf>) -> Self {
        self.journal = Some(folder.into());
        self
    }

    /// How files are scanned. Where granules are joined, arrays of up to 500 bytes are inlined in paged
    /// files too, unless a threshold is given. The coordinate that granules are joined along, and its bounds,
    /// are inlined whatever it is: without their values nothing is sorted.
    pub fn with_scan(mut self, options: ScanOptions) -> Self {
        self.scan = options;
        self
    }

    /// How many files are scanned at one time.
    pub fn with_many(mut self, options: ManyOptions) -> Self {
        self.many = options;
        self
    }

    /// How Parquet sets are written.
    pub fn with_write(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// What becomes of the others when a file can't be scanned.
    pub fn with_on_error(mut self, action: OnError) -> Self {
        self.on_error = action;
        self
    }

    /// What becomes of granules that are unlike the others.
    pub fn with_on_unlike(mut self, action: OnUnlike) -> Self {
        self.on_unlike = action;
        self
    }

    /// What becomes of granules of one time.
    pub fn with_supersede(mut self, which: Supersede) -> Self {
        self.supersede = which;
        self
    }

    /// Whether granules that are not there any more are dropped from the set.
    pub fn with_prune(mut self, prune: bool) -> Self {
        self.prune = prune;
        self
    }

    /// Whether all is scanned anew, whatever the journal has.
    pub fn with_rescan(mut self, rescan: bool) -> Self {
        self.rescan = rescan;
        self
    }

    /// Whether files in the journal are compared with what they are now, with one small request each.
    pub fn with_compare(mut self, compare: bool) -> Self {
        self.compare = compare;
        self
    }

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
        Ok(Summary {
            plan: steps.plan,
            unfit: gathered.unfit,
            gone: gone.report(&journal, self.prune),
            out_of_season: gathered.out_of_season,
            missing: gathered.missing,
            ..Summary::default()
        })
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
        let gathered = self.gather(client, sources, tell).await?;
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
        };
        let ended = scanning::scan_all(client, &to_scan, how, self.on_error, &mut journal, tell);
        let ended = ended.await?;
        let mut keys: Vec<String> = gathered.sources.iter().map(|one| one.key.clone()).collect();
        keys.extend(gone.kept(self.prune).cloned());
        if let Some(query) = gathered.listing.clone() {
            let keys = keys.iter().cloned().collect();
            journal.list(Listing { query, keys })?;
        }
        journal.sync()?;
        let mut summary = Summary {
            plan: steps.plan,
            scanned: ended.scanned,
            failed: ended.failed,
            unfit: gathered.unfit,
            gone: gone.report(&journal, self.prune),
            out_of_season: gathered.out_of_season,
            missing: gathered.missing,
            ..Summary::default()
        };
        keys.retain(|key| journal.get(key).is_some_and(|entry| entry.done().is_some()));
        let failed = summary.failed.len().saturating_add(summary.unfit.len());
        if keys.is_empty() || failed > 0 && self.on_error != OnError::Skip {
            return Err(BuildError::Failed {
                failed,
                of: gathered.sources.len().saturating_add(summary.unfit.len()),
                journaled: !keys.is_empty(),
            });
        }
        let origin = Origin {
            collection: gathered.collection,
            query: gathered.query,
        };
        output::write(self, client, &journal, &keys, &origin, &mut summary, tell).await?;
        tell(Event::Written);
        Ok(summary)
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
        let summary = Summary {
            unfit: gathered.unfit.clone(),
            ..Summary::default()
        };
        for (count, unfit) in summary.unfit_by_kind() {
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

    /// Whether the output can be written, as far as its name tells.
    fn check_output(&self) -> Result<(), BuildError> {
        if self.concat_dim.is_some() {
            return Ok(crate::write::check_output(&self.output)?);
        }
        // One of the manifests in it.
        let one = format!("{}/a.json", self.output.trim_end_matches('/'));
        crate::write::check_output(&one)?;
        ours::check_index(&self.output)
    }

    /// Where the journal is.
    fn journal_folder(&self) -> Result<PathBuf, BuildError> {
        if let Some(folder) = &self.journal {
            return Ok(folder.clone());
        }
        let refused = |reason: &str| BuildError::sources(format!("{}: {reason}", self.output));
        let path = match self.output.split_once("://") {
            None => PathBuf::from(&self.output),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => {
                chunkref_io::file_path(&self.output).map_err(BuildError::Io)?
            }
            Some(_) => {
                return Err(refused(
                    "a set in a bucket has no journal beside it: say with --journal DIR where on this \
                     machine it is kept",
                ));
            }
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| {
            refused("no name to call a journal after: say with --journal DIR where it is kept")
        })?;
        Ok(path.with_file_name(format!("{name}.journal")))
    }

    /// The options of scans.
    fn scan_options(&self) -> ScanOptions {
        let mut options = self.scan.clone();
        if self.concat_dim.is_some() && options.inline_threshold.is_none() {
            options.inline_threshold = Some(INLINED);
        }
        options
    }

    /// Those that change what a scan gives, as the journal keeps them.
    fn options(&self) -> Value {
        let options = self.scan_options();
        let trusted: Vec<_> = options.trusted.iter().map(|one| printable(one)).collect();
        let mut all = json!({
            "group": options.group,
            "variables": options.variables,
            "subgroups": options.subgroups,
            "attributes": options.attributes,
            "inline_threshold": options.inline_threshold,
            "split_size": options.split_size,
            "string_limit": options.string_limit,
            "fill_limit": options.fill_limit,
            "external_links": options.external_links,
            "trusted": trusted,
        });
        // Its coordinate is taken in.
        if let (Some(all), Some(dimension)) = (all.as_object_mut(), &self.concat_dim) {
            all.insert("concat_dim".to_owned(), json!(dimension));
        }
        all
    }

    /// The folder of a journal, for those who tell of it; `None` where there can be none.
    pub fn journal(&self) -> Option<PathBuf> {
        self.journal_folder().ok()
    }
}

/// Arrays of so many bytes are inlined where granules are joined, in paged files too.
const INLINED: u64 = 500;

/// Whether an output is a folder of manifests: one that is there, or whose name ends with a slash.
pub fn is_folder(output: &str) -> bool {
    output.ends_with(std::path::is_separator) || Path::new(output).is_dir()
}
