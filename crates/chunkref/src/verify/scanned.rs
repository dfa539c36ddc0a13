//! References compared with those of a new scan of each object.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::{Array, ChunkRef, Codec, DataType, Layout, Location, LocationId, Manifest};
use chunkref_scan::{Error, ScanOptions};
use chunkref_store::{ReadOptions, Selection, Store};
use futures::{StreamExt as _, stream};

use super::VerifyOptions;
use super::finding::{Finding, FindingKind, Findings, Place};
use super::listed::{Listed, place_of, spread};
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

/// Whether elements are equal; what follows on the first NUL of a string is no part of it.
fn same(mine: &[u8], theirs: &[u8], data_type: &DataType) -> bool {
    let length = match data_type {
        DataType::FixedString { length } => usize::try_from(*length).unwrap_or(usize::MAX),
        _ => return mine == theirs,
    };
    let text = |element: &[u8]| element.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
    let mut elements = mine.chunks(length.max(1)).zip(theirs.chunks(length.max(1)));
    mine.len() == theirs.len() && elements.all(|(a, b)| text(a) == text(b))
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

/// Where the description of an array differs from that in the file.
fn described(listed: &Listed<'_>, there: &Array, joined: bool) -> Option<String> {
    let differs = |what: &str, mine: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        Some(format!("{what} {mine:?}, in the file {theirs:?}"))
    };
    let array = listed.array;
    if *listed.data_type() != there.data_type {
        return differs("data type", listed.data_type(), &there.data_type);
    }
    let axes = array.shape.iter().zip(&there.shape);
    let others = axes.filter(|(mine, theirs)| mine != theirs).count();
    if array.shape.len() != there.shape.len() || others > usize::from(joined) {
        return differs("shape", &array.shape, &there.shape);
    }
    let chunk_shape = there.chunk_shape();
    if listed.chunk_shape() != *chunk_shape {
        return differs("chunk shape", &listed.chunk_shape(), &chunk_shape);
    }
    // Shuffle of single bytes does nothing.
    let does = |codec: &&Codec| !matches!(codec, Codec::Shuffle { element_size: 1 });
    let codecs: (Vec<_>, Vec<_>) = (
        listed.codecs().iter().filter(does).collect(),
        there.codecs().iter().filter(does).collect(),
    );
    let same = codecs.0.len() == codecs.1.len()
        && codecs
            .0
            .iter()
            .zip(&codecs.1)
            .all(|(mine, theirs)| undo_alike(mine, theirs));
    if !same {
        return differs("codecs", &codecs.0, &codecs.1);
    }
    let is_zero = |fill: &Option<bytes::Bytes>| {
        fill.as_ref()
            .is_none_or(|fill| fill.iter().all(|byte| *byte == 0))
    };
    let (fill, other) = match listed.encoding().and_then(|one| one.packing.as_ref()) {
        Some(packing) => (&packing.fill_value, &there.fill_value),
        None => (&array.fill_value, &there.fill_value),
    };
    // What no chunk holds is the fill value.
    if listed.absent() > 0 && fill != other && !(is_zero(fill) && is_zero(other)) {
        return differs("fill value", fill, other);
    }
    None
}

/// Whether two codecs are undone in the same way.
fn undo_alike(mine: &Codec, theirs: &Codec) -> bool {
    match (mine, theirs) {
        (Codec::Zlib { .. }, Codec::Zlib { .. })
        | (Codec::Zstd { .. }, Codec::Zstd { .. })
        | (Codec::Bz2 { .. }, Codec::Bz2 { .. })
        | (Codec::Blosc { .. }, Codec::Blosc { .. }) => true,
        (mine, theirs) => mine == theirs,
    }
}

/// What differs in one chunk, or in how many there are: the chunk, first byte and length, and how.
struct Differs {
    key: Option<String>,
    place: Option<Place>,
    reason: String,
}

/// Compares the chunks that a table has in some objects with those of a scan, which are numbered
/// otherwise there, one by one; gives how many there are. Where several objects are joined, all may
/// lie further along one axis.
fn compare(
    listed: &Listed<'_>,
    there: &Listed<'_>,
    same: &BTreeMap<LocationId, LocationId>,
    joined: bool,
) -> Result<u64, Differs> {
    let ranges = |chunk: (u64, Option<ChunkRef<'_>>)| Some((chunk.0, place_of(chunk.1)?));
    let wanted: BTreeSet<LocationId> = same.values().copied().collect();
    let mine = listed.chunks().filter_map(ranges);
    let mut mine = mine.filter(|(_, place)| wanted.contains(&place.location));
    let theirs = there.chunks().filter_map(ranges);
    let mut theirs = theirs.filter_map(|(number, place)| {
        let location = *same.get(&place.location)?;
        Some((number, Place { location, ..place }))
    });
    let mut moved: Option<Vec<u64>> = None;
    let mut count = 0_u64;
    loop {
        let (number, place, other, there_place) = match (mine.next(), theirs.next()) {
            (None, None) => return Ok(count),
            (Some((number, place)), Some((other, there_place))) => {
                (number, place, other, there_place)
            }
            (Some((number, place)), None) => {
                return Err(Differs {
                    key: Some(listed.key(number)),
                    place: Some(place),
                    reason: format!("the file has only {count} chunks"),
                });
            }
            (None, Some((other, _))) => {
                return Err(Differs {
                    key: None,
                    place: None,
                    reason: format!("lacks the file's chunk {}", there.key(other)),
                });
            }
        };
        count = count.saturating_add(1);
        let differs = |reason| Differs {
            key: Some(listed.key(number)),
            place: Some(place),
            reason,
        };
        if place.location != there_place.location {
            return Err(differs("in another file".to_owned()));
        }
        if place != there_place {
            return Err(differs(format!(
                "in the file {} bytes at {}",
                there_place.length, there_place.offset
            )));
        }
        let masks = (listed.filter_mask(number), there.filter_mask(other));
        if masks.0 != masks.1 {
            return Err(differs(format!(
                "filter mask {:#x}, in the file {:#x}",
                masks.0, masks.1
            )));
        }
        let places = listed.place(number).into_iter().zip(there.place(other));
        let by: Option<Vec<u64>> = places
            .map(|(mine, theirs)| mine.checked_sub(theirs))
            .collect();
        let axes = by.iter().flatten().filter(|by| **by > 0).count();
        let alike = moved.is_none() || moved == by;
        if by.is_none() || axes > usize::from(joined) || !alike {
            return Err(differs(format!("in the file it is {}", there.key(other))));
        }
        moved = by;
    }
}
