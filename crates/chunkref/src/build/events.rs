//! What a build tells while it goes on, and in the end.

use std::collections::{BTreeMap, BTreeSet};

use chunkref_combine::{CombineReport, Difference};
use chunkref_earthdata::{Timestamp, Unfit};

/// What has just happened in a build.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A page of the search came.
    Searched {
        /// Granules so far.
        received: u64,
        /// Of how many.
        hits: u64,
    },
    /// It is known what there is to do.
    Planned(&'a Plan),
    /// A file whose record changed was compared with what was scanned before.
    Compared,
    /// All are compared that are to be, and scans begin.
    Scanning {
        /// Of how many files.
        files: usize,
    },
    /// A file was scanned.
    Scanned {
        /// The granule or file.
        name: &'a str,
        /// Why not, if it could not be.
        failed: Option<&'a str>,
    },
    /// A manifest was taken from the journal.
    Loaded,
    /// Something that whoever reads the set should know.
    Remark(&'a str),
    /// All is written.
    Written,
}

/// What there is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Files of all granules.
    pub files: usize,
    /// Bytes of those whose size is known.
    pub bytes: u64,
    /// Those that are in the journal as they are now.
    pub kept: usize,
    /// Those in the journal whose record alone changed.
    pub renewed: usize,
    /// Those in the journal of which one small request tells whether they changed.
    pub to_compare: usize,
    /// Those that are to be scanned.
    pub to_scan: usize,
    /// Of these, those that were scanned before, and have changed.
    pub changed: usize,
    /// Of these, those that could not be scanned before.
    pub failed_before: usize,
    /// The requests that reading them will take, judged by earlier scans of this build, or by what small
    /// granules mostly take.
    pub requests: u64,
    /// The bytes that these will bring, where earlier scans tell.
    pub bytes_read: Option<u64>,
}

/// A file that could not be scanned, or a granule that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedFile {
    /// The granule or file.
    pub name: String,
    /// Why not.
    pub reason: String,
}

/// A granule that was there before and is not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GoneGranule {
    /// The granule or file.
    pub name: String,
    /// When it was deleted, if CMR tells.
    pub deleted: Option<Timestamp>,
    /// Whether it was dropped from the set.
    pub pruned: bool,
}

/// A dataset that references lack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LackingDataset {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
    /// Whether chunkref's store reads it nevertheless.
    pub decoded: bool,
    /// In how many granules.
    pub granules: usize,
    /// The first of them.
    pub first: String,
}

/// What a build did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// What there was to do.
    pub plan: Plan,
    /// Files that are in what was written.
    pub granules: usize,
    /// Files that were scanned now.
    pub scanned: usize,
    /// Files that could not be scanned.
    pub failed: Vec<FailedFile>,
    /// Granules without a file that can be scanned.
    pub unfit: Vec<Unfit>,
    /// Granules that are unlike the others and were left out: how.
    pub unlike: Vec<Difference>,
    /// Granules in whose place newer ones of the same time were taken: old and new.
    pub superseded: Vec<(String, String)>,
    /// Granules that are not there any more.
    pub gone: Vec<GoneGranule>,
    /// Granules that the search left out, as less than half of them lies in the season.
    pub out_of_season: u64,
    /// Granules that CMR counted beyond those that came.
    pub missing: u64,
    /// Datasets that references lack.
    pub lacking: Vec<LackingDataset>,
    /// What the join did; `None` where granules are not joined.
    pub joined: Option<CombineReport>,
}

impl Summary {
    /// Whether something that was asked for is not in what was written.
    pub fn is_incomplete(&self) -> bool {
        let lacks = !self.failed.is_empty() || !self.unfit.is_empty() || !self.unlike.is_empty();
        lacks || self.missing > 0
    }

    /// How many granules were left out as they are unlike the others.
    pub fn unlike_granules(&self) -> usize {
        let names: BTreeSet<&String> = self.unlike.iter().map(|one| &one.granule).collect();
        names.len()
    }

    /// Adds what references lack of one granule.
    pub(crate) fn lack(&mut self, granule: &str, path: &str, reason: &str, decoded: bool) {
        let known = self
            .lacking
            .iter_mut()
            .find(|one| one.path == path && one.reason == reason);
        if let Some(known) = known {
            known.granules = known.granules.saturating_add(1);
            return;
        }
        self.lacking.push(LackingDataset {
            path: path.to_owned(),
            reason: reason.to_owned(),
            decoded,
            granules: 1,
            first: granule.to_owned(),
        });
    }

    /// The granules without a file that can be scanned, counted by kind, with the first of each.
    pub fn unfit_by_kind(&self) -> Vec<(usize, &Unfit)> {
        by_kind(&self.unfit)
    }
}

/// Granules without a file that can be scanned, counted by kind, with the first of each.
pub(crate) fn by_kind(all: &[Unfit]) -> Vec<(usize, &Unfit)> {
    let mut kinds: BTreeMap<String, (usize, &Unfit)> = BTreeMap::new();
    for unfit in all {
        let kind = match unfit {
            Unfit::NoDataLink { .. } => "no data link".to_owned(),
            Unfit::Several { .. } => "several".to_owned(),
            Unfit::NoneFits { .. } => "none fits".to_owned(),
            Unfit::Format { format, .. } => format.to_string(),
            _ => "other".to_owned(),
        };
        kinds.entry(kind).or_insert((0, unfit)).0 += 1;
    }
    kinds.into_values().collect()
}

/// What is told of a build.
pub(crate) type Tell<'a> = dyn FnMut(Event<'_>) + Send + 'a;
