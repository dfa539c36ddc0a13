//! How a build is done.

use std::path::{Path, PathBuf};

use chunkref_io::printable;
use chunkref_scan::ScanOptions;
use serde_json::{Value, json};

use super::error::BuildError;
use super::ours;
use crate::many::ManyOptions;
use crate::parquet::WriteOptions;

/// Arrays of so many bytes are inlined where granules are joined, in paged files too.
const INLINED: u64 = 500;

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

/// A build of one set; see [the module](super) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct Build {
    pub(super) output: String,
    pub(super) concat_dim: Option<String>,
    pub(super) journal: Option<PathBuf>,
    pub(super) scan: ScanOptions,
    pub(super) many: ManyOptions,
    pub(super) write: WriteOptions,
    pub(super) on_error: OnError,
    pub(super) on_unlike: OnUnlike,
    pub(super) supersede: Supersede,
    pub(super) prune: bool,
    pub(super) rescan: bool,
    pub(super) compare: bool,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $setter:ident $field:ident $type:ty;)*) => {
        $($(#[$doc])*
        pub fn $setter(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        })*
    };
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

    setters! {
        /// How files are scanned. Where granules are joined, arrays of up to 500 bytes are inlined in
        /// paged files too, unless a threshold is given. The coordinate that granules are joined along, and
        /// its bounds, are inlined whatever it is: without their values nothing is sorted.
        with_scan scan ScanOptions;
        /// How many files are scanned at one time.
        with_many many ManyOptions;
        /// How Parquet sets are written.
        with_write write WriteOptions;
        /// What becomes of the others when a file can't be scanned.
        with_on_error on_error OnError;
        /// What becomes of granules that are unlike the others.
        with_on_unlike on_unlike OnUnlike;
        /// What becomes of granules of one time.
        with_supersede supersede Supersede;
        /// Whether granules that are not there any more are dropped from the set.
        with_prune prune bool;
        /// Whether all is scanned anew, whatever the journal has.
        with_rescan rescan bool;
        /// Whether files in the journal are compared with what they are now, with one small request each.
        with_compare compare bool;
    }

    /// Whether the output can be written, as far as its name tells.
    pub(super) fn check_output(&self) -> Result<(), BuildError> {
        if self.concat_dim.is_some() {
            return Ok(crate::write::check_output(&self.output)?);
        }
        // One of the manifests in it.
        let one = format!("{}/a.json", self.output.trim_end_matches('/'));
        crate::write::check_output(&one)?;
        ours::check_index(&self.output)
    }

    /// Where the journal is.
    pub(super) fn journal_folder(&self) -> Result<PathBuf, BuildError> {
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

    /// The folder of a journal, for those who tell of it; `None` where there can be none.
    pub fn journal(&self) -> Option<PathBuf> {
        self.journal_folder().ok()
    }

    /// The options of scans.
    pub(super) fn scan_options(&self) -> ScanOptions {
        let mut options = self.scan.clone();
        if self.concat_dim.is_some() && options.inline_threshold.is_none() {
            options.inline_threshold = Some(INLINED);
        }
        options
    }

    /// Those that change what a scan gives, as the journal keeps them.
    pub(super) fn options(&self) -> Value {
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
}

/// Whether an output is a folder of manifests: one that is there, or whose name ends with a slash.
pub fn is_folder(output: &str) -> bool {
    output.ends_with(std::path::is_separator) || Path::new(output).is_dir()
}
