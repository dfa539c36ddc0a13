//! Granules that were there before and are not any more.

use std::collections::{BTreeMap, BTreeSet};

use chunkref_earthdata::{Cmr, Timestamp};

use super::events::GoneGranule;
use super::gather::Gathered;
use super::journal::{Journal, Listing};

/// Those of a listing that were there before and did not come now.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// Their keys, and when they were deleted, as far as that is known.
    gone: BTreeMap<String, Option<Timestamp>>,
    /// Those of which nothing is known, as not all came that CMR counts.
    unknown: BTreeSet<String>,
}

impl Gone {
    /// What the same search found before and does not find now. What another search found is not asked
    /// for any more, which is something else; and where not all came, nothing is known of the others.
    pub(crate) async fn find(journal: &Journal, gathered: &Gathered, cmr: Option<&Cmr>) -> Self {
        let listing = gathered.listing.as_deref();
        let Some(before) = listing.and_then(|name| journal.listing(name)) else {
            return Self::default();
        };
        let now: BTreeSet<&String> = gathered.sources.iter().map(|source| &source.key).collect();
        // One that could not be scanned never was in a set.
        let is_done = |key: &&String| journal.get(key).is_some_and(|entry| entry.done().is_some());
        let keys = before.keys.iter().filter(|key| !now.contains(key));
        let keys = keys.filter(is_done);
        if gathered.missing > 0 {
            return Self {
                unknown: keys.cloned().collect(),
                ..Self::default()
            };
        }
        let mut gone: BTreeMap<String, Option<Timestamp>> =
            keys.map(|key| (key.clone(), None)).collect();
        if let (Some(cmr), false) = (cmr, gone.is_empty()) {
            // It only tells more of them: that CMR does not say is no matter.
            let deleted = deleted(journal, before, &gone, cmr).await;
            for (key, when) in &mut gone {
                let record = journal
                    .get(key)
                    .and_then(|entry| entry.source.record.as_ref());
                *when = record.and_then(|record| deleted.get(&record.concept_id).copied());
            }
        }
        Self {
            gone,
            ..Self::default()
        }
    }

    /// Those that stay in the set. Only what is known to be gone is dropped.
    pub(crate) fn kept(&self, prune: bool) -> impl Iterator<Item = &String> {
        let gone = self.gone.keys().filter(move |_| !prune);
        gone.chain(&self.unknown)
    }

    pub(crate) fn report(&self, journal: &Journal, pruned: bool) -> Vec<GoneGranule> {
        let gone = self.gone.iter();
        gone.map(|(key, deleted)| GoneGranule {
            name: journal
                .get(key)
                .map_or_else(|| key.clone(), |entry| entry.source.name().to_owned()),
            deleted: *deleted,
            pruned,
        })
        .collect()
    }
}

/// When granules of the collections of those that are gone were deleted, by concept id.
async fn deleted(
    journal: &Journal,
    listing: &Listing,
    gone: &BTreeMap<String, Option<Timestamp>>,
    cmr: &Cmr,
) -> BTreeMap<String, Timestamp> {
    let records = || {
        let entries = gone.keys().filter_map(|key| journal.get(key));
        entries.filter_map(|entry| entry.source.record.as_ref())
    };
    let collections: BTreeSet<&String> = records()
        .filter_map(|record| record.collection.as_ref())
        .collect();
    // All that is in the journal was seen before they were deleted.
    let before = listing.keys.iter();
    let revised = before.filter_map(|key| journal.get(key)?.source.record.as_ref()?.revised);
    let Some(since) = revised.max().map(Timestamp::from_millis) else {
        return BTreeMap::new();
    };
    let mut times = BTreeMap::new();
    for collection in collections {
        // That CMR can't be asked is no matter here either.
        let Ok(deleted) = cmr.deleted(collection, since).await else {
            continue;
        };
        let known = deleted.granules.into_iter();
        times.extend(known.filter_map(|one| Some((one.concept_id, one.deleted?))));
    }
    times
}
