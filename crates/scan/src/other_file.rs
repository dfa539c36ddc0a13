//! Other files that a granule names, and the datasets in them that are sources of virtual ones.

use std::collections::{BTreeSet, HashMap};
use std::pin;
use std::sync::Arc;

use chunkref_hdf5::{self as hdf5, Address, Dataset, Datatype, File, Scan};
use chunkref_io::{Client, Object};
use chunkref_manifest::{Array, Layout, Location, LocationId, Locations, Pin};
use futures::stream::{self, StreamExt as _};

use crate::data_type::Refusal;
use crate::dataset::{Mapped, Mapper, Named};
use crate::dimension::{Dimensions, Scope};
use crate::drive::drive;
use crate::elsewhere::{Elsewhere, resolve};
use crate::error::{Error, Result};
use crate::late;
use crate::layout::{Failure, Granule};
use crate::links::Links;
use crate::neighbour::neighbours;
use crate::options::ScanOptions;
use crate::source_path::{MAX_LINKS, Walked, walk};
use crate::value::Decoder;

/// Virtual datasets are sources of one another at most so deep.
const MAX_DEPTH: usize = 8;
/// What all sources of a scan may weigh, each as often as it is held: about 256 MiB of memory.
const MAX_WEIGHT: u64 = 1 << 24;
/// A chunk weighs 1, and these weigh more.
const MAPPING: u64 = 16;
const ARRAY: u64 = 32;
/// So many files are read at one time.
pub(crate) const AHEAD: usize = 16;
/// Most other files that a scan opens.
const MAX_FILES: usize = 20_000;

/// A file that is open.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    pub(crate) object: Object,
    /// As it was named to be opened, which names in it are relative to.
    pub(crate) url: String,
    pub(crate) size: u64,
    pub(crate) location: LocationId,
}

/// What a name leads to.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    There(Arc<Here>),
    Missing,
    Refused(Refusal),
}

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
        let inner = crate::data_type::split_axes(&self.datatype).0.len();
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

type Outcome = std::result::Result<Found, Refusal>;
type Scanning<'s> = pin::Pin<Box<dyn Future<Output = Result<Vec<(String, Outcome)>>> + Send + 's>>;

/// The other files of a scan.
#[derive(Debug)]
pub(crate) struct Others<'a> {
    client: &'a Client,
    pub(crate) options: ScanOptions,
    pub(crate) locations: Locations,
    opened: HashMap<String, Opened>,
    /// By URL of the file and path of the dataset.
    sources: HashMap<(String, String), Outcome>,
    /// Those that are being resolved.
    under_way: Vec<(String, String)>,
    /// How many files deep that is.
    depth: usize,
    weight: u64,
    /// Metadata that was read ahead, by URL, and of which datasets.
    ahead: HashMap<String, (Vec<String>, Scan)>,
}

impl<'a> Others<'a> {
    pub(crate) fn new(client: &'a Client, options: &ScanOptions, locations: Locations) -> Self {
        let mut options = options.clone();
        // Sources are read by the store, chunk by chunk.
        options.inline_threshold = 0;
        Self {
            client,
            options,
            locations,
            opened: HashMap::new(),
            sources: HashMap::new(),
            under_way: Vec::new(),
            depth: 0,
            weight: 0,
            ahead: HashMap::new(),
        }
    }

    /// Opens the file that `here` calls `name`.
    ///
    /// # Errors
    /// When it can't be said whether it is there.
    pub(crate) async fn open(&mut self, here: &Here, name: &str) -> Result<Opened> {
        if name == "." {
            return Ok(Opened::There(Arc::new(here.clone())));
        }
        let urls = match neighbours(&here.url, name, &self.options.trusted) {
            Ok(urls) => urls,
            Err(reason) => return Ok(Opened::Refused(reason)),
        };
        // Where an absolute name leads may not be looked at unasked: that it is not there can't be
        // said.
        let unseen = name.starts_with('/') && !urls.iter().any(|url| url == name);
        for url in urls {
            let opened = if let Some(opened) = self.opened.get(&url) {
                opened.clone()
            } else {
                if self.opened.len() >= MAX_FILES {
                    let reason = format!("more than {MAX_FILES} other files");
                    return Ok(Opened::Refused(reason));
                }
                let opened = open_object(self.client, &url).await;
                self.note(url, opened)?
            };
            if !matches!(opened, Opened::Missing) {
                return Ok(opened);
            }
        }
        Ok(if unseen {
            Opened::Refused(format!(
                "{name:?} is not beside the file that names it, and where it lies is not trusted (--trust)"
            ))
        } else {
            Opened::Missing
        })
    }

    /// Notes what opening a URL gave.
    fn note(&mut self, url: String, opened: chunkref_io::Result<(Object, u64)>) -> Result<Opened> {
        let opened = match opened {
            Ok((object, size)) => match self.locations.intern(location(&object, size)) {
                Some(location) => Opened::There(Arc::new(Here {
                    object,
                    url: url.clone(),
                    size,
                    location,
                })),
                None => Opened::Refused("more than 2^32 files".to_owned()),
            },
            Err(chunkref_io::Error::NotFound { .. }) => Opened::Missing,
            Err(
                error @ (chunkref_io::Error::Denied { .. }
                | chunkref_io::Error::Address { .. }
                | chunkref_io::Error::File { .. }
                | chunkref_io::Error::Store { .. }),
            ) => Opened::Refused(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        self.opened.insert(url, opened.clone());
        Ok(opened)
    }

    /// Opens files and reads the metadata of datasets in them, as far as that goes without
    /// trouble: all at once, so that [`Self::load`] and [`Self::open`] need not wait for each.
    pub(crate) async fn read_ahead(&mut self, here: &Here, wanted: &[(String, Vec<String>)]) {
        self.ahead.clear();
        let first = |file: &String| {
            let urls = neighbours(&here.url, file, &self.options.trusted).ok()?;
            urls.into_iter().next().filter(|_| file != ".")
        };
        let urls: Vec<Option<String>> = wanted.iter().map(|(file, _)| first(file)).collect();
        let room = MAX_FILES.saturating_sub(self.opened.len());
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

async fn open_object(client: &Client, url: &str) -> chunkref_io::Result<(Object, u64)> {
    let object = client.open(url).await?;
    let size = object.size().await?;
    Ok((object, size))
}

/// The metadata of datasets of a file; `None` where soft links lead on and on.
async fn read(there: &Here, paths: &[String]) -> Result<Option<Scan>> {
    let mut variables: BTreeSet<String> = paths.iter().cloned().collect();
    for _ in 0..=MAX_LINKS {
        let mut options = hdf5::ScanOptions::default();
        options.file_size = Some(there.size);
        options.attributes = false;
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

/// What pins an object.
pub(crate) fn location(object: &Object, size: u64) -> Location {
    let pin = object.pin();
    Location {
        url: object.url().to_owned(),
        pin: Pin {
            size: Some(size),
            etag: pin.etag,
            last_modified: pin.last_modified,
        },
    }
}
