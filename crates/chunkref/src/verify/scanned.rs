//! References compared with those of a new scan of each object.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::{Array, ChunkRef, Layout, Location, LocationId, Manifest};
use chunkref_scan::{Error, ScanOptions};
use chunkref_store::{ReadOptions, Selection, Store};
use futures::{StreamExt as _, stream};

use super::VerifyOptions;
use super::alike::{Differs, compare, described, same};
use super::finding::{Finding, FindingKind, Findings};
use super::listed::{Listed, spread};
use super::objects::ObjectState;
use super::text::told;

/// Scans that are under way at one time.
const AT_ONCE: usize = 8;

/// The comparison of a set with new scans of its objects.
pub(super) struct Comparing<'a> {
    client: &'a Client,
    manifest: &'a Manifest,
    listed: &'a [Listed<'a>],
    objects: &'a [ObjectState],
    /// The objects in which each table has chunks.
    located: Vec<BTreeSet<LocationId>>,
    /// Tables and objects of theirs for which a scan has answered. What a file says of its virtual
    /// datasets, external data and links comes before what those other files say of themselves: it
    /// has the lower number.
    answered: BTreeSet<(usize, LocationId)>,
    /// Chunks that were compared.
    pub(super) compared: u64,
    not_compared: BTreeSet<String>,
}

impl<'a> Comparing<'a> {
    pub(super) fn new(
        client: &'a Client,
        manifest: &'a Manifest,
        listed: &'a [Listed<'a>],
        objects: &'a [ObjectState],
    ) -> Self {
        let located = listed.iter().map(locations_of).collect();
        Self {
            client,
            manifest,
            listed,
            objects,
            located,
            answered: BTreeSet::new(),
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
                    let kind = FindingKind::Scan;
                    findings.add(Finding::of_object(kind, &location.url, told(&error)));
                }
                Ok(scanned) => {
                    scanned_ids.insert(id);
                    for number in 0..self.listed.len() {
                        self.table(number, id, &scanned, findings);
                    }
                    if id == LocationId(0) {
                        self.inline(&Arc::new(scanned), options, findings).await;
                    }
                }
            }
        }
        drop(scans);
        if most >= count {
            self.unanswered(&scanned_ids, findings);
        }
    }

    /// References for which no scan has answered.
    fn unanswered(&self, scanned: &BTreeSet<LocationId>, findings: &mut Findings) {
        for (number, (listed, locations)) in self.listed.iter().zip(&self.located).enumerate() {
            for id in locations.intersection(scanned) {
                if !self.answered.contains(&(number, *id)) {
                    let url = self.manifest.locations.get(*id).map(|one| one.url.clone());
                    let reason = "no file of the set has this array there".to_owned();
                    findings.add(Finding {
                        object: url,
                        ..Finding::of_array(FindingKind::Scan, &listed.title, reason)
                    });
                }
            }
        }
    }

    /// Compares a table with what the scan of an object has under the same path.
    fn table(
        &mut self,
        number: usize,
        id: LocationId,
        scanned: &Manifest,
        findings: &mut Findings,
    ) {
        let (Some(listed), Some(located)) = (self.listed.get(number), self.located.get(number))
        else {
            return;
        };
        let Some(array) = scanned.array(&listed.path) else {
            return;
        };
        if listed.is_put_together() {
            return;
        }
        let there = Listed::of(&listed.path, array);
        let there = match there.as_slice() {
            [there] if !there.is_put_together() => there,
            _ => return,
        };
        // The objects of the set, by their numbers in the scan.
        let same: BTreeMap<LocationId, LocationId> = locations_of(there)
            .into_iter()
            .filter_map(|there| {
                let url = &scanned.locations.get(there)?.url;
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
        if !here && (mine.is_empty() || is_alike(listed, array) || listed.encoding().is_some()) {
            return;
        }
        if listed
            .chunks()
            .any(|(_, chunk)| matches!(chunk, Some(ChunkRef::Inline(_))))
        {
            self.not_compared.insert(format!(
                "{}: some of its chunks are in the set",
                listed.title
            ));
        } else {
            let joined = self.manifest.locations.len() > 1;
            let compared = match described(listed, array, joined) {
                Some(reason) => Err(Differs {
                    key: None,
                    place: None,
                    reason,
                }),
                None => compare(listed, there, &same, joined),
            };
            match compared {
                Ok(count) => self.compared = self.compared.saturating_add(count),
                Err(Differs { key, place, reason }) => {
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
            }
        }
        self.answered
            .extend(mine.into_iter().map(|id| (number, id)));
    }

    /// Compares the values of arrays that are in the set with those in the file.
    async fn inline(
        &mut self,
        scanned: &Arc<Manifest>,
        options: &VerifyOptions,
        findings: &mut Findings,
    ) {
        let store = Store::new(Arc::clone(scanned), self.client.clone());
        for listed in self.listed {
            let Layout::Inline { data } = &listed.array.layout else {
                continue;
            };
            let path = &listed.path;
            let there = scanned.array(path);
            // What granules have in the set is joined.
            if self.manifest.locations.len() > 1
                && there.is_none_or(|there| there.shape != listed.array.shape)
            {
                self.not_compared
                    .insert(format!("{path}: in the set, and of several files"));
                continue;
            }
            let same = match there.map(|there| (&there.layout, &there.shape)) {
                None => Err("the file has no such array, or it is refused".to_owned()),
                Some((_, shape)) if *shape != listed.array.shape => Err(format!(
                    "has the shape {:?}, in the file {shape:?}",
                    listed.array.shape
                )),
                Some((Layout::Inline { data: there }, _)) => {
                    Ok(same(there, data, &listed.array.data_type))
                }
                Some(_) if listed.array.data_type.size().is_none() => {
                    self.not_compared.insert(format!(
                        "{path}: of variable length, and not inline in a new scan"
                    ));
                    continue;
                }
                Some(_) => {
                    let read = ReadOptions::default().with_limit(options.limit);
                    let read = store.read(path, &Selection::All, read).await;
                    read.map(|there| same(&there.bytes, data, &listed.array.data_type))
                        .map_err(|error| told(&error))
                }
            };
            let reason = match same {
                Ok(true) => {
                    self.compared = self.compared.saturating_add(1);
                    continue;
                }
                Ok(false) => "holds other values than the file".to_owned(),
                Err(reason) => reason,
            };
            findings.add(Finding::of_array(FindingKind::Scan, path, reason));
        }
    }
}

async fn scan(client: &Client, location: &Location) -> Result<Manifest, Error> {
    let mut options = ScanOptions::default()
        .with_inline_threshold(0)
        .with_external_links(true);
    options.attributes = false;
    let urls: Vec<_> = location.urls().collect();
    let url = client.choose(&urls).await?;
    let mut manifest = chunkref_scan::scan(client, url, &options).await?.manifest;
    if url != location.url {
        // It is the same object, which the set knows by another URL.
        let scanned = manifest.locations.get(LocationId(0));
        let scanned = scanned.map(|one| one.url.clone());
        let renamed = manifest.locations.try_map(|one| {
            let is_it = Some(&one.url) == scanned.as_ref();
            let one = one.clone();
            Ok::<_, Infallible>(if is_it {
                one.with_url(location.url.clone())
            } else {
                one
            })
        });
        manifest.locations = renamed.unwrap_or_default();
    }
    Ok(manifest)
}

/// The objects in which a table has chunks.
fn locations_of(listed: &Listed<'_>) -> BTreeSet<LocationId> {
    if listed.is_put_together() {
        return BTreeSet::new();
    }
    let mut found = BTreeSet::new();
    let mut last = None;
    for (_, chunk) in listed.chunks() {
        let location = location_of(chunk);
        // Neighbours lie in one object most often.
        if location != last {
            found.extend(location);
            last = location;
        }
    }
    found
}

/// Whether an array has the shape that it has in a file.
fn is_alike(listed: &Listed<'_>, there: &Array) -> bool {
    listed.array.shape == there.shape
}

pub(super) fn location_of(chunk: Option<ChunkRef<'_>>) -> Option<LocationId> {
    match chunk? {
        ChunkRef::Range { location, .. } | ChunkRef::Whole { location } => Some(location),
        ChunkRef::Inline(_) => None,
    }
}
