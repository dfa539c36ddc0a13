//! Sources of virtual datasets: datasets in this file and others.

use std::collections::BTreeSet;
use std::pin;
use std::sync::Arc;

use chunkref_hdf5::{self as hdf5, Address, Dataset, Datatype, File, Scan};
use chunkref_manifest::{Array, Layout};
use futures::stream::{self, StreamExt as _};

use crate::data_type::{Refusal, split_axes};
use crate::dataset::{Mapped, Mapper, Named};
use crate::dimension::{Dimensions, Scope};
use crate::drive::drive;
use crate::elsewhere::{Elsewhere, resolve};
use crate::error::{Error, Result};
use crate::late;
use crate::layout::{Failure, Granule};
use crate::links::Links;
use crate::neighbour::neighbours;
use crate::other_file::{AHEAD, Here, MAX_FILES, Opened, Others, open_object};
use crate::source_path::{MAX_LINKS, Walked, walk};
use crate::value::Decoder;

/// Virtual datasets are sources of one another at most so deep.
const MAX_DEPTH: usize = 8;
/// What all sources of a scan may weigh, each as often as it is held: about 256 MiB of memory.
const MAX_WEIGHT: u64 = 1 << 24;
/// A chunk weighs 1, and these weigh more.
const MAPPING: u64 = 16;
const ARRAY: u64 = 32;

/// A dataset in this or another file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// URL of the file and path of the dataset.
    pub(crate) name: (String, String),
    pub(crate) array: Array,
    pub(crate) datatype: Datatype,
    /// See [`MAX_WEIGHT`].
    weight: u64,
}

impl Source {
    /// Its extent, without the axes of an array datatype.
    pub(crate) fn shape(&self) -> &[u64] {
        let inner = split_axes(&self.datatype).0.len();
        let outer = self.array.shape.len().saturating_sub(inner);
        self.array.shape.get(..outer).unwrap_or_default()
    }
}

/// Whether a source is there.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    There(Arc<Source>),
    Missing,
}

pub(crate) type Outcome = std::result::Result<Found, Refusal>;
type Scanning<'s> = pin::Pin<Box<dyn Future<Output = Result<Vec<(String, Outcome)>>> + Send + 's>>;

impl Others<'_> {
    /// Opens files and reads the metadata of datasets in them, as far as that goes without
    /// trouble: all at once, so that [`Self::load`] and [`Self::open`] need not wait for each.
    pub(crate) async fn read_ahead(&mut self, here: &Here, wanted: &[(String, Vec<String>)]) {
        self.ahead.clear();
        let first = |file: &String| {
            let urls = neighbours(&here.url, file, &self.options.trusted).ok()?;
            urls.into_iter().next().filter(|_| file != ".")
        };
        let urls: Vec<Option<String>> = wanted.iter().map(|(file, _)| first(file)).collect();
        let room = MAX_FILES.saturating_sub(self.files);
        let new: BTreeSet<&String> = urls.iter().flatten().collect();
        let client = self.client;
        let opening = new
            .into_iter()
            .filter(|url| !self.opened.contains_key(*url))
            .take(room)
            .map(|url| async move { (url.clone(), open_object(client, url).await) });
        let opening: Vec<_> = opening.collect();
        let mut opening = stream::iter(opening).buffered(AHEAD);
        while let Some((url, opened)) = opening.next().await {
            // Trouble is met again when the file's turn comes.
            let _ = self.note(url, opened);
        }
        drop(opening);
        let mut reading = Vec::new();
        for (url, (_, paths)) in urls.iter().zip(wanted) {
            let opened = url.as_ref().and_then(|url| self.opened.get(url));
            if let (Some(Opened::There(there)), false) = (opened, paths.is_empty()) {
                let there = Arc::clone(there);
                let known = |path: &&String| {
                    let name = (there.url.clone(), (*path).clone());
                    !self.sources.contains_key(&name)
                };
                let paths: Vec<String> = paths.iter().filter(known).cloned().collect();
                reading.push(async move {
                    let read = read(&there, &paths).await;
                    Some((there.url.clone(), (paths, read.ok()??)))
                });
            }
        }
        let mut reading = stream::iter(reading).buffered(AHEAD);
        while let Some(read) = reading.next().await {
            self.ahead.extend(read);
        }
    }

    /// Takes the weight of a source that is held once more.
    pub(crate) fn spend(&mut self, source: &Source) -> std::result::Result<(), Refusal> {
        self.weight = self.weight.saturating_add(source.weight);
        if self.weight > MAX_WEIGHT {
            return Err(
                "sources of too many chunks and mappings to be held at one time".to_owned(),
            );
        }
        Ok(())
    }

    /// The dataset `path` in the file that `here` calls `file`.
    pub(crate) async fn source(
        &mut self,
        here: &Here,
        file: &str,
        path: &str,
    ) -> std::result::Result<Found, Failure> {
        self.load(here, file, &[path.to_owned()]).await?;
        let there = match self.open(here, file).await.map_err(Failure::Fatal)? {
            Opened::There(there) => there,
            Opened::Missing => return Ok(Found::Missing),
            Opened::Refused(reason) => return Err(reason.into()),
        };
        match self.sources.get(&(there.url.clone(), path.to_owned())) {
            Some(Ok(found)) => Ok(found.clone()),
            Some(Err(reason)) => Err(Failure::Refused(reason.clone())),
            None => Err("a source that was not looked for".into()),
        }
    }

    /// Looks for datasets in the file that `here` calls `file`, all at once.
    pub(crate) async fn load(
        &mut self,
        here: &Here,
        file: &str,
        paths: &[String],
    ) -> std::result::Result<(), Failure> {
        let there = match self.open(here, file).await.map_err(Failure::Fatal)? {
            Opened::There(there) => there,
            Opened::Missing => return Ok(()),
            Opened::Refused(reason) => return Err(reason.into()),
        };
        let mut wanted = Vec::new();
        for path in paths {
            let name = (there.url.clone(), path.clone());
            if self.under_way.contains(&name) {
                return Err(format!("{path:?} in {:?} is a source of itself", there.url).into());
            }
            if !self.sources.contains_key(&name) {
                wanted.push(path.clone());
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        if self.depth >= MAX_DEPTH {
            return Err(
                format!("virtual datasets nested deeper than {MAX_DEPTH} within sources").into(),
            );
        }
        let before = self.under_way.len();
        let names = wanted.iter().map(|path| (there.url.clone(), path.clone()));
        self.under_way.extend(names);
        self.depth = self.depth.saturating_add(1);
        let loaded = self.scan(&there, &wanted).await;
        self.depth = self.depth.saturating_sub(1);
        self.under_way.truncate(before);
        let loaded = match loaded {
            Ok(loaded) => loaded,
            // What is wrong with another file is no fault of this one.
            Err(error @ (Error::Hdf5(_) | Error::Malformed { .. } | Error::Stuck { .. })) => {
                let reason = format!("{}: {error}", there.url);
                wanted
                    .iter()
                    .map(|path| (path.clone(), Err(reason.clone())))
                    .collect()
            }
            Err(error) => return Err(Failure::Fatal(error)),
        };
        for (path, outcome) in loaded {
            self.sources.insert((there.url.clone(), path), outcome);
        }
        Ok(())
    }

    /// Scans a file for datasets.
    fn scan<'s>(&'s mut self, there: &'s Here, paths: &'s [String]) -> Scanning<'s> {
        // Boxed: a source may have sources in its turn.
        Box::pin(self.scan_once(there, paths))
    }

    async fn scan_once(
        &mut self,
        there: &Here,
        paths: &[String],
    ) -> Result<Vec<(String, Outcome)>> {
        let parser = match self.ahead.remove(&there.url) {
            Some((ahead, parser)) if ahead == paths => Some(parser),
            _ => read(there, paths).await?,
        };
        let Some(mut parser) = parser else {
            let reason = "soft links that lead nowhere".to_owned();
            let all = paths.iter().map(|path| (path.clone(), Err(reason.clone())));
            return Ok(all.collect());
        };
        let elsewhere = resolve(self, &mut parser, there).await?;
        let mapped = self.map(parser.file()?, there, &elsewhere, paths)?;
        self.finish(&mut parser, there, mapped).await
    }

    /// Reads the strings of those that are of strings.
    async fn finish(
        &self,
        parser: &mut Scan,
        there: &Here,
        mapped: Vec<(String, Pending)>,
    ) -> Result<Vec<(String, Outcome)>> {
        let mut done = Vec::with_capacity(mapped.len());
        let mut late = Vec::new();
        let mut types = Vec::new();
        for (path, pending) in mapped {
            let found = match pending {
                Ok(Some((mapped, datatype))) => match *mapped {
                    Mapped::Ready(array, _) | Mapped::Beyond(array, _) => {
                        Ok(found(there, &path, *array, datatype))
                    }
                    Mapped::Late(mut one) => {
                        one.path.clone_from(&path);
                        late.push(*one);
                        types.push(datatype);
                        continue;
                    }
                },
                Ok(None) => Ok(Found::Missing),
                Err(reason) => Err(reason),
            };
            done.push((path, found));
        }
        let limit = self.options.string_limit;
        late::hold_within_bounds(&mut late, limit);
        let finished = late::finish(parser, &there.object, late, None, limit).await?;
        for ((one, outcome), datatype) in finished.into_iter().zip(types) {
            let outcome = outcome
                .map(|()| found(there, &one.path, one.array, datatype))
                .map_err(|reason| format!("{}: {:?}: {reason}", there.url, one.path));
            done.push((one.path, outcome));
        }
        Ok(done)
    }

    /// The arrays of the datasets.
    fn map(
        &self,
        file: &File,
        there: &Here,
        elsewhere: &Elsewhere,
        paths: &[String],
    ) -> Result<Vec<(String, Pending)>> {
        let links = Links::new(file);
        let decoder = Decoder::new(file, &links);
        let dimensions = Dimensions::new(file, &links, &decoder);
        let mapper = Mapper {
            granule: Granule {
                location: there.location,
                size: Some(there.size),
                base_address: file.superblock.offset,
                is_paged: file.superblock.page_size.is_some(),
            },
            options: &self.options,
            decoder: &decoder,
            dimensions: &dimensions,
            elsewhere,
            is_source: true,
        };
        let mut found = Vec::with_capacity(paths.len());
        for path in paths {
            let outcome = match walk(file, path) {
                Walked::Missing => Ok(None),
                Walked::Refused(reason) => Err(format!("{}: {path:?}: {reason}", there.url)),
                Walked::Unread(_) => Err(format!("{}: {path:?} was not read", there.url)),
                Walked::Dataset(address, dataset) => {
                    match source(&mapper, file, (path, address, dataset)) {
                        Ok(source) => Ok(Some(source)),
                        Err(Failure::Refused(reason)) => {
                            Err(format!("{}: {path:?}: {reason}", there.url))
                        }
                        Err(Failure::Fatal(error)) => return Err(error),
                    }
                }
            };
            found.push((path.clone(), outcome));
        }
        Ok(found)
    }
}

/// The metadata of datasets of a file; `None` where soft links lead on and on.
async fn read(there: &Here, paths: &[String]) -> Result<Option<Scan>> {
    let mut variables: BTreeSet<String> = paths.iter().cloned().collect();
    for _ in 0..=MAX_LINKS {
        let mut options = hdf5::ScanOptions::default();
        options.file_size = Some(there.size);
        options.attributes = false;
        options.hints = !there.object.is_local();
        options.variables = variables.iter().cloned().collect();
        let mut parser = Scan::new(options);
        drive(&mut parser, &there.object).await?;
        // Soft links lead to what was not asked for.
        let before = variables.len();
        for path in paths {
            if let Walked::Unread(target) = walk(parser.file()?, path) {
                variables.insert(target);
            }
        }
        if variables.len() == before {
            return Ok(Some(parser));
        }
    }
    Ok(None)
}

/// A dataset that is there, `None` one that is not, or why it is refused.
type Pending = std::result::Result<Option<(Box<Mapped>, Datatype)>, Refusal>;

fn source(
    mapper: &Mapper<'_>,
    file: &File,
    (path, address, dataset): (&str, Address, &Dataset),
) -> std::result::Result<(Box<Mapped>, Datatype), Failure> {
    let object = file.object(address).ok_or("it was not read")?;
    let named = Named {
        path,
        scope: Scope { groups: &[] },
        address,
        object,
        dataset,
    };
    let array = mapper.map(named, &mut Vec::new())?;
    Ok((Box::new(array), dataset.datatype.clone()))
}

fn found(there: &Here, path: &str, array: Array, datatype: Datatype) -> Found {
    Found::There(Arc::new(Source {
        name: (there.url.clone(), path.to_owned()),
        weight: weight(&array),
        array,
        datatype,
    }))
}

fn weight(array: &Array) -> u64 {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let own = match &array.layout {
        Layout::Chunked { chunks, .. } => chunks.stored(),
        Layout::External { segments, .. } => count(segments.len()).saturating_mul(2),
        Layout::Inline { data } => count(data.len() / 16),
        Layout::Virtual {
            sources, mappings, ..
        } => {
            let mappings = count(mappings.len()).saturating_mul(MAPPING);
            sources
                .iter()
                .fold(mappings, |sum, source| sum.saturating_add(weight(source)))
        }
        _ => 0,
    };
    own.saturating_add(ARRAY)
}
