//! References compared with those of a new scan of each object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::{Array, ChunkRef, LocationId, Manifest};
use chunkref_scan::{Error, Outcome, Scanned};
use chunkref_store::Store;
use futures::{StreamExt as _, stream};

use super::VerifyOptions;
use super::alike::{Alike, Differs, compare, described, moved};
use super::file::{NewScan, Scan, is_alike, locations_of, scan};
use super::finding::{Finding, FindingKind, Findings};
use super::held::Kept;
use super::listed::{Listed, spread};
use super::meaning::{self, Compared, bare_path};
use super::objects::ObjectState;
use super::tiles::{Starts, Tiles, joined_axes};
use crate::text::told;

/// Scans that are under way at one time.
const AT_ONCE: usize = 8;

/// What is left to do for a table and a file.
enum Left {
    Nothing,
    /// Other tables may tell where the part of the file is.
    Start,
    /// Values are compared, moved by so many elements from where they are in the file.
    Values(Vec<u64>),
    /// No other table tells where the part of the file is.
    Anywhere,
}

/// A table, and what a file has of it.
struct Pair<'b, 'a> {
    listed: &'b Listed<'a>,
    array: &'b Array,
    there: &'b Listed<'b>,
    /// The objects of the set, by their numbers in the scan.
    same: &'b BTreeMap<LocationId, LocationId>,
    /// How far the chunks that are in the set are moved.
    inline: Option<&'b [u64]>,
}

/// The comparison of a set with new scans of its objects.
pub(super) struct Comparing<'a> {
    client: &'a Client,
    pub(super) manifest: &'a Manifest,
    pub(super) store: Store,
    pub(super) listed: &'a [Listed<'a>],
    objects: &'a [ObjectState],
    /// The objects in which each table has chunks.
    pub(super) located: Vec<BTreeSet<LocationId>>,
    /// Whether a table has chunks that are in the set.
    pub(super) held: Vec<bool>,
    /// Tables and objects of theirs for which a scan has answered. What a file says of its virtual
    /// datasets, external data and links comes before what those other files say of themselves: it
    /// has the lower number.
    pub(super) answered: BTreeSet<(usize, LocationId)>,
    /// Tables that some file has.
    pub(super) seen: BTreeSet<usize>,
    /// Tables that refer to no object and were compared with the first file that has them.
    whole: BTreeSet<usize>,
    /// Objects that others name.
    named: BTreeSet<LocationId>,
    /// Paths of what files have that is no array of a manifest.
    pub(super) no_arrays: BTreeSet<String>,
    tiles: Tiles,
    /// Parts of arrays whose place nothing else tells.
    pub(super) kept: BTreeMap<usize, Vec<Kept>>,
    /// Chunks that were compared.
    pub(super) compared: u64,
    pub(super) not_compared: BTreeSet<String>,
}

impl<'a> Comparing<'a> {
    pub(super) fn new(
        client: &'a Client,
        manifest: &'a Arc<Manifest>,
        listed: &'a [Listed<'a>],
        objects: &'a [ObjectState],
    ) -> Self {
        let located = listed.iter().map(locations_of).collect();
        let held = listed.iter().map(|listed| {
            let mut chunks = listed.chunks();
            chunks.any(|(_, chunk)| matches!(chunk, Some(ChunkRef::Inline(_))))
        });
        Self {
            client,
            manifest,
            store: Store::new(Arc::clone(manifest), client.clone()),
            listed,
            objects,
            located,
            held: held.collect(),
            answered: BTreeSet::new(),
            seen: BTreeSet::new(),
            whole: BTreeSet::new(),
            named: BTreeSet::new(),
            no_arrays: BTreeSet::new(),
            tiles: Tiles::default(),
            kept: BTreeMap::new(),
            compared: 0,
            not_compared: BTreeSet::new(),
        }
    }

    /// What could not be compared, with the reason.
    pub(super) fn not_compared(&self) -> Vec<String> {
        self.not_compared.iter().cloned().collect()
    }

    /// Scans the objects, or as many of them as there are chunks in the sample, and compares what
    /// the set says of each.
    pub(super) async fn run(&mut self, options: &VerifyOptions, findings: &mut Findings) {
        for one in self.listed.iter().filter(|one| one.is_put_together()) {
            self.not_compared.insert(format!(
                "{}: put together from other arrays or files",
                one.path
            ));
        }
        let all: Vec<_> = self
            .manifest
            .locations
            .iter()
            .zip(self.objects)
            .filter_map(|(location, state)| state.is_sound.then_some(location))
            .collect();
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let most = options.sample.unwrap_or(u64::MAX);
        let mut all_known = most >= count && all.len() == self.objects.len();
        let chosen = spread(count, most, 0);
        let chosen = chosen.filter_map(|at| all.get(usize::try_from(at).ok()?).copied());
        let client = self.client;
        let mut scans = stream::iter(chosen)
            .map(|(id, location)| async move { (id, location, scan(client, location).await) })
            .boxed()
            .buffered(AT_ONCE);
        let mut scanned_ids = BTreeSet::new();
        while let Some((id, location, scanned)) = scans.next().await {
            match scanned {
                // Files of raw data are none, nor those of other formats, of which sets may be too.
                Err(
                    Error::Hdf5(error @ chunkref_hdf5::Error::NotHdf5 { .. })
                    | Error::Part { error, .. },
                ) => {
                    self.not_compared
                        .insert(format!("{}: {error}", location.url));
                }
                Err(error) => {
                    all_known = false;
                    let kind = FindingKind::Scan;
                    findings.add(Finding::of_object(kind, &location.url, told(&error)));
                }
                Ok(scanned) => {
                    scanned_ids.insert(id);
                    let scan = self.take(id, scanned);
                    self.file(&scan, options, findings).await;
                }
            }
        }
        drop(scans);
        self.compare_kept(findings, all_known).await;
        let are_granules = self.named.is_empty();
        let told = self
            .tiles
            .finish(self.manifest, all_known, are_granules, findings);
        self.not_compared.extend(told);
        if most >= count {
            self.unanswered(&scanned_ids, findings);
            self.unseen(&scanned_ids, findings);
        }
    }

    /// What is known of a file that was scanned.
    fn take(&mut self, id: LocationId, scan: NewScan) -> Scan {
        let Scanned {
            manifest, report, ..
        } = scan.scanned;
        let is_granule = !self.named.contains(&id);
        let named = manifest.locations.iter();
        let named = named.filter_map(|(_, location)| self.manifest.locations.find(&location.url));
        self.named.extend(named.filter(|named| *named != id));
        let is_array = |outcome| !matches!(outcome, Outcome::Refused | Outcome::Dimension);
        let no_arrays = report.datasets.iter();
        let no_arrays = no_arrays.filter(|dataset| !is_array(dataset.outcome));
        self.no_arrays
            .extend(no_arrays.map(|dataset| bare_path(&dataset.path)));
        let manifest = Arc::new(manifest);
        let as_read = scan.as_read.map_or_else(|| Arc::clone(&manifest), Arc::new);
        Scan {
            id,
            store: Store::new(as_read, self.client.clone()),
            manifest,
            is_granule,
        }
    }

    /// Compares all tables with what a file says.
    async fn file(&mut self, scan: &Scan, options: &VerifyOptions, findings: &mut Findings) {
        let mut starts = Starts::default();
        let mut left: Vec<usize> = (0..self.listed.len()).collect();
        for last in [false, true] {
            let mut again = Vec::new();
            for number in left {
                match self.table(number, scan, &mut starts, last, findings) {
                    Left::Nothing => {}
                    Left::Start => again.push(number),
                    Left::Values(moved) => {
                        self.values(number, scan, &moved, options, findings).await;
                    }
                    Left::Anywhere => self.keep(number, scan, options).await,
                }
            }
            left = again;
        }
    }

    /// Compares a table with what the scan of an object has under the same path.
    fn table(
        &mut self,
        number: usize,
        scan: &Scan,
        starts: &mut Starts,
        last: bool,
        findings: &mut Findings,
    ) -> Left {
        let (Some(listed), Some(located)) = (self.listed.get(number), self.located.get(number))
        else {
            return Left::Nothing;
        };
        let Some((path, array)) = scan.array(&listed.path) else {
            return Left::Nothing;
        };
        if listed.is_put_together() {
            return Left::Nothing;
        }
        self.seen.insert(number);
        let unlocated = located.is_empty();
        let held = self.held.get(number).copied().unwrap_or(false);
        let alike = is_alike(listed, array);
        let there = Listed::of(&path, array);
        let there = match there.as_slice() {
            [there] if !there.is_put_together() => there,
            // Its values are those that the store puts together.
            [_] if held && unlocated && alike && scan.is_granule => {
                return Left::Values(vec![0; array.shape.len()]);
            }
            _ => {
                if unlocated {
                    let path = &listed.path;
                    self.not_compared
                        .insert(format!("{path}: put together in a new scan"));
                }
                return Left::Nothing;
            }
        };
        let id = scan.id;
        if scan.is_granule {
            self.tiles.shape(&listed.path, id, &array.shape);
        }
        // The objects of the set, by their numbers in the scan.
        let same: BTreeMap<LocationId, LocationId> = locations_of(there)
            .into_iter()
            .filter_map(|there| {
                let url = &scan.manifest.locations.get(there)?.url;
                Some((there, self.manifest.locations.find(url)?))
            })
            .filter(|(_, mine)| !self.answered.contains(&(number, *mine)))
            .collect();
        let mine: BTreeSet<LocationId> = same.values().copied().collect();
        let here = !mine.is_disjoint(located);
        // What is not joined is of one of the granules, and what is stored otherwise in another
        // profile.
        if mine.is_empty() && located.contains(&id) && !self.answered.contains(&(number, id)) {
            self.not_compared
                .insert(format!("{}: a new scan has it otherwise", listed.title));
            self.answered.insert((number, id));
        }
        let joined = self.manifest.locations.len() > 1;
        // What refers to no object is the first granule's, where it is not joined.
        let first = unlocated && alike && scan.is_granule && (last || self.whole.insert(number));
        let part = held && scan.is_granule && !alike && listed.encoding().is_none();
        if !here && !first && !part && (mine.is_empty() || alike || listed.encoding().is_some()) {
            return Left::Nothing;
        }
        let fits = array.shape.len() == listed.array.shape.len()
            && joined_axes(listed.array, &array.shape).len() <= usize::from(joined);
        let by = if !held || !fits {
            None
        } else if alike {
            Some(vec![0; array.shape.len()])
        } else {
            moved(listed, there, &same)
                .or_else(|| starts.moved(self.manifest, &listed.path, listed.array, &array.shape))
        };
        if held && fits && by.is_none() {
            return match (last, unlocated) {
                (false, _) => Left::Start,
                (true, true) => Left::Anywhere,
                (true, false) => {
                    let title = &listed.title;
                    self.not_compared.insert(format!(
                        "{title}: nothing tells where the part of a file is that is in the set"
                    ));
                    Left::Nothing
                }
            };
        }
        // Values in the set may be stored otherwise: they are compared, and what they mean.
        if held && unlocated && fits {
            return by.map_or(Left::Nothing, Left::Values);
        }
        let pair = Pair {
            listed,
            array,
            there,
            same: &same,
            inline: by.as_deref(),
        };
        let is_same = self.references(&pair, id, starts, findings);
        self.answered
            .extend(mine.into_iter().map(|id| (number, id)));
        match by {
            Some(by) if is_same => Left::Values(by),
            _ => Left::Nothing,
        }
    }

    /// Compares what describes an array, and its references. Whether they are the same.
    fn references(
        &mut self,
        pair: &Pair<'_, '_>,
        id: LocationId,
        starts: &mut Starts,
        findings: &mut Findings,
    ) -> bool {
        let Pair {
            listed,
            array,
            there,
            same,
            inline,
        } = *pair;
        let joined = self.manifest.locations.len() > 1;
        let packed = listed.encoding().is_some_and(|one| one.packing.is_some());
        let compared = if packed {
            Compared::Unpacked
        } else {
            Compared::All
        };
        let reason = described(listed, array, joined)
            .or_else(|| meaning::differs(&listed.path, listed.array, array, compared));
        let found = match reason {
            Some(reason) => Err(Differs {
                key: None,
                place: None,
                reason,
            }),
            None => compare(listed, there, same, joined, inline),
        };
        let found = found.and_then(|Alike { count, moved }| {
            self.compared = self.compared.saturating_add(count);
            let Some(moved) = moved.filter(|_| joined) else {
                return Ok(());
            };
            let (path, shape) = (&listed.path, &array.shape);
            self.tiles.part(path, id, listed.array, shape, &moved);
            match starts.record(self.manifest, path, listed.array, shape, &moved) {
                Some(reason) => Err(Differs {
                    key: None,
                    place: None,
                    reason,
                }),
                None => Ok(()),
            }
        });
        let is_same = found.is_ok();
        if let Err(Differs { key, place, reason }) = found {
            let finding = Finding::of_array(FindingKind::Scan, &listed.title, reason);
            let object = place.map_or(id, |place| place.location);
            let object = self.manifest.locations.get(object);
            findings.add(Finding {
                chunk: key,
                object: object.map(|location| location.url.clone()),
                offset: place.map(|place| place.offset),
                length: place.map(|place| place.length),
                ..finding
            });
        }
        is_same
    }
}
