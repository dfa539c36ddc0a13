//! The files that a set is built of: found by a search, or named.

use std::collections::BTreeSet;

use chunkref_earthdata::{
    Cmr, Collection, Collections, Error, FileChoice, Found, Granule, GranuleSearch, Unfit,
};
use chunkref_io::{Client, printable};
use chunkref_manifest as manifest;
use serde_json::json;

use super::error::BuildError;
use super::events::{Event, Tell};
use super::source::Source;
use super::{files, queries};
use crate::provenance::collection_record;

/// What a set is built of.
#[derive(Debug)]
#[non_exhaustive]
pub enum Sources {
    /// The granules of a search.
    Search {
        /// What is searched for.
        search: Box<GranuleSearch>,
        /// Where.
        cmr: Box<Cmr>,
        /// Which of their files are taken.
        choice: FileChoice,
    },
    /// Files: URLs and paths, globs of buckets or of this machine, folders.
    Files(Vec<String>),
}

/// The files, and what is known of them together.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// In their order.
    pub(crate) sources: Vec<Source>,
    /// Granules without a file that can be scanned.
    pub(crate) unfit: Vec<Unfit>,
    pub(crate) collection: Option<manifest::Collection>,
    /// What was searched for, as provenance has it.
    pub(crate) query: Option<String>,
    /// What names the listing, if all that fits was asked for.
    pub(crate) listing: Option<String>,
    pub(crate) out_of_season: u64,
    /// How many did not come all the same.
    pub(crate) missing: u64,
}

impl Sources {
    pub(crate) async fn gather(
        &self,
        client: &Client,
        tell: &mut Tell<'_>,
    ) -> Result<Gathered, BuildError> {
        let mut gathered = match self {
            Self::Search {
                search,
                cmr,
                choice,
            } => searched(search, cmr, choice, tell).await?,
            Self::Files(patterns) => {
                let named = files::named(client, patterns).await?;
                Gathered {
                    sources: named.sources,
                    listing: named.listing,
                    ..Gathered::default()
                }
            }
        };
        gathered.sources.sort_by(|a, b| a.order().cmp(&b.order()));
        if let Some(caution) = queries::check(&gathered.sources)? {
            tell(Event::Remark(&caution));
        }
        Ok(gathered)
    }

    /// The CMR that was asked.
    pub(crate) fn cmr(&self) -> Option<&Cmr> {
        match self {
            Self::Search { cmr, .. } => Some(cmr),
            Self::Files(_) => None,
        }
    }
}

async fn searched(
    search: &GranuleSearch,
    cmr: &Cmr,
    choice: &FileChoice,
    tell: &mut Tell<'_>,
) -> Result<Gathered, BuildError> {
    let found = search
        .run_with(cmr, |progress| {
            tell(Event::Searched {
                received: progress.received,
                hits: progress.hits,
            });
        })
        .await?;
    if found.granules.is_empty() {
        let found = Box::new(found);
        return Err(BuildError::NoGranules { found });
    }
    let collections = collections(&found, cmr).await?;
    let mut gathered = Gathered {
        collection: match collections.as_slice() {
            [one] => Some(collection_record(one)),
            _ => None,
        },
        listing: is_unlimited(&found).then(|| named(&found.query, search, cmr, choice)),
        query: Some(found.query.clone()),
        out_of_season: found.progress.left_out,
        missing: found.missing,
        ..Gathered::default()
    };
    for granule in &found.granules {
        let collection = collection_of(granule, &collections);
        let files = match granule.choose(choice) {
            Ok(files) => files,
            // That is a question to whoever asked, not a fault of the archive.
            Err(several @ Unfit::Several { .. }) => return Err(Error::from(several).into()),
            Err(unfit) => {
                gathered.unfit.push(unfit);
                continue;
            }
        };
        let sources = files
            .iter()
            .filter_map(|file| Source::of_granule(granule, file, collection));
        let mut sources: Vec<Source> = sources.collect();
        queries::tell_apart(&mut sources);
        gathered.sources.extend(sources);
    }
    Ok(gathered)
}

/// What names a listing: all that decides which files it has. The same parameters mean something else
/// to another CMR, and to a search that leaves out what only touches a season.
fn named(query: &str, search: &GranuleSearch, cmr: &Cmr, choice: &FileChoice) -> String {
    let name = json!({
        "query": query,
        "cmr": printable(cmr.url()),
        "leaves_out": search.leaves_out(),
        "files": choice.glob(),
        "all_files": choice.takes_all(),
    });
    name.to_string()
}

/// Whether no limit ended the search.
fn is_unlimited(found: &Found) -> bool {
    let progress = found.progress;
    let came = progress
        .received
        .saturating_add(progress.left_out)
        .saturating_add(found.missing);
    came >= progress.hits
}

/// The collections that the granules are of. Where the search did not look them up, the one that all are
/// of is asked for.
async fn collections(found: &Found, cmr: &Cmr) -> Result<Vec<Collection>, BuildError> {
    if !found.collections.is_empty() {
        return Ok(found.collections.clone());
    }
    let ids: BTreeSet<&str> = found
        .granules
        .iter()
        .filter_map(|granule| granule.collection_concept_id.as_deref())
        .collect();
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (Some(only), None) => {
            let search = Collections::search().concept_id(only).limit(1);
            Ok(search.run(cmr).await?)
        }
        _ => Ok(Vec::new()),
    }
}

fn collection_of<'a>(granule: &Granule, all: &'a [Collection]) -> Option<&'a Collection> {
    let id = granule.collection_concept_id.as_ref();
    let named = all.iter().find(|one| Some(&one.concept_id) == id);
    named.or(match all {
        [one] if id.is_none() => Some(one),
        _ => None,
    })
}
