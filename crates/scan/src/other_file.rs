//! Other files that a granule names, and the datasets in them that are sources of virtual ones.

use std::collections::{BTreeSet, HashMap};
use std::pin;
use std::sync::Arc;

use chunkref_hdf5::{self as hdf5, Address, Dataset, Datatype, File, LinkTarget, ObjectKind, Scan};
use chunkref_io::{Client, Object};
use chunkref_manifest::{Array, Layout, Location, LocationId, Locations, Pin};

use crate::data_type::Refusal;
use crate::dataset::{Mapped, Mapper, Named};
use crate::dimension::{Dimensions, Scope};
use crate::drive::drive;
use crate::elsewhere::{Elsewhere, resolve};
use crate::error::{Error, Result};
use crate::layout::{Failure, Granule};
use crate::links::{Links, group};
use crate::neighbour::neighbours;
use crate::options::ScanOptions;
use crate::value::Decoder;

/// Virtual datasets are sources of one another at most so deep.
const MAX_DEPTH: usize = 8;
/// Soft links on the way to a source.
const MAX_LINKS: usize = 16;
/// Most chunks and parts of mappings of all sources of a scan, each as often as it is held.
const MAX_WEIGHT: u64 = 1 << 24;
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
    /// Chunks and parts of mappings.
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
            let opened = match self.opened.get(&url) {
                Some(opened) => opened.clone(),
                None => {
                    if self.opened.len() >= MAX_FILES {
                        let reason = format!("more than {MAX_FILES} other files");
                        return Ok(Opened::Refused(reason));
                    }
                    let opened = self.open_new(&url).await?;
                    self.opened.insert(url, opened.clone());
                    opened
                }
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

    async fn open_new(&mut self, url: &str) -> Result<Opened> {
        let opened = match self.client.open(url).await {
            Ok(object) => object.size().await.map(|size| (object, size)),
            Err(error) => Err(error),
        };
        match opened {
            Ok((object, size)) => {
                let Some(location) = self.locations.intern(location(&object, size)) else {
                    return Ok(Opened::Refused("more than 2^32 files".to_owned()));
                };
                Ok(Opened::There(Arc::new(Here {
                    object,
                    url: url.to_owned(),
                    size,
                    location,
                })))
            }
            Err(chunkref_io::Error::NotFound { .. }) => Ok(Opened::Missing),
            Err(
                error @ (chunkref_io::Error::Denied { .. }
                | chunkref_io::Error::Address { .. }
                | chunkref_io::Error::File { .. }
                | chunkref_io::Error::Store { .. }),
            ) => Ok(Opened::Refused(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the weight of a source that is held once more.
    pub(crate) fn spend(&mut self, source: &Source) -> std::result::Result<(), Refusal> {
        self.weight = self.weight.saturating_add(source.weight);
        if self.weight > MAX_WEIGHT {
            return Err(format!(
                "sources of more than {MAX_WEIGHT} chunks and mappings"
            ));
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
        self.load(here, file, vec![path.to_owned()]).await?;
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
        paths: Vec<String>,
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
                wanted.push(path);
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
                let elsewhere = resolve(self, &mut parser, there).await?;
                return self.map(parser.file()?, there, &elsewhere, paths);
            }
        }
        let reason = "soft links that lead nowhere".to_owned();
        let all = paths.iter().map(|path| (path.clone(), Err(reason.clone())));
        Ok(all.collect())
    }

    /// The arrays of the datasets.
    fn map(
        &self,
        file: &File,
        there: &Here,
        elsewhere: &Elsewhere,
        paths: &[String],
    ) -> Result<Vec<(String, Outcome)>> {
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
        let mut mapped = Vec::with_capacity(paths.len());
        for path in paths {
            let outcome = match walk(file, path) {
                Walked::Missing => Ok(Found::Missing),
                Walked::Refused(reason) => Err(format!("{}: {path:?}: {reason}", there.url)),
                Walked::Unread(_) => Err(format!("{}: {path:?} was not read", there.url)),
                Walked::Dataset(address, dataset) => {
                    match source(&mapper, file, there, (path, address, dataset)) {
                        Ok(source) => Ok(Found::There(Arc::new(source))),
                        Err(Failure::Refused(reason)) => {
                            Err(format!("{}: {path:?}: {reason}", there.url))
                        }
                        Err(Failure::Fatal(error)) => return Err(error),
                    }
                }
            };
            mapped.push((path.clone(), outcome));
        }
        Ok(mapped)
    }
}

fn source(
    mapper: &Mapper<'_>,
    file: &File,
    there: &Here,
    (path, address, dataset): (&str, Address, &Dataset),
) -> std::result::Result<Source, Failure> {
    let object = file.object(address).ok_or("it was not read")?;
    let named = Named {
        path,
        scope: Scope { groups: &[] },
        address,
        object,
        dataset,
    };
    let array = match mapper.map(named, &mut Vec::new())? {
        Mapped::Ready(array, _) | Mapped::Beyond(array, _) => *array,
        Mapped::Late(_) => return Err("sources of this kind are not supported".into()),
    };
    Ok(Source {
        name: (there.url.clone(), path.to_owned()),
        weight: weight(&array),
        array,
        datatype: dataset.datatype.clone(),
    })
}

fn weight(array: &Array) -> u64 {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let own = match &array.layout {
        Layout::Chunked { chunks, .. } => chunks.stored(),
        Layout::External { segments, .. } => count(segments.len()),
        Layout::Virtual {
            sources, mappings, ..
        } => sources.iter().fold(count(mappings.len()), |sum, source| {
            sum.saturating_add(weight(source))
        }),
        _ => 0,
    };
    own.saturating_add(1)
}

/// Where a path leads in a file.
enum Walked<'f> {
    Dataset(Address, &'f Dataset),
    /// To this path, which was not asked for.
    Unread(String),
    Missing,
    Refused(Refusal),
}

/// Follows a path from the root, over hard and soft links. As with libhdf5, the last name alone
/// may be missing.
fn walk<'f>(file: &'f File, path: &str) -> Walked<'f> {
    let mut left = MAX_LINKS;
    let mut names: Vec<String> = components(path);
    names.reverse();
    let (mut at, mut whole) = (file.root, Vec::<String>::new());
    while let Some(name) = names.pop() {
        let Some(here) = group(file, at) else {
            return Walked::Refused(format!("{name:?} lies in no group"));
        };
        if !here.listed {
            return Walked::Unread(joined(whole, Some(name), names));
        }
        let Some(link) = here.links.iter().find(|link| link.name == name) else {
            return if names.is_empty() {
                Walked::Missing
            } else {
                Walked::Refused(format!("the group {name:?} is not there"))
            };
        };
        match &link.target {
            LinkTarget::Hard(address) => {
                at = *address;
                whole.push(name);
            }
            LinkTarget::Soft(target) => {
                let Some(fewer) = left.checked_sub(1) else {
                    return Walked::Refused("too many soft links".to_owned());
                };
                left = fewer;
                let start = if target.starts_with('/') {
                    Vec::new()
                } else {
                    whole.clone()
                };
                let rest = names.drain(..).rev();
                let mut full: Vec<String> = start
                    .into_iter()
                    .chain(components(target))
                    .chain(rest)
                    .collect();
                full.reverse();
                names = full;
                at = file.root;
                whole.clear();
            }
            LinkTarget::External { file, .. } => {
                return Walked::Refused(format!("an external link into {file:?}"));
            }
            LinkTarget::UserDefined(class) => {
                return Walked::Refused(format!("a user-defined link of class {class}"));
            }
        }
        if file.object(at).is_none() {
            return Walked::Unread(joined(whole, None, names));
        }
    }
    match file.object(at).map(|object| &object.kind) {
        Some(ObjectKind::Dataset(dataset)) => Walked::Dataset(at, dataset),
        Some(ObjectKind::Refused(error)) => Walked::Refused(error.to_string()),
        _ => Walked::Refused("not a dataset".to_owned()),
    }
}

/// The names gone through, the next, and those after it, last first.
fn joined(mut whole: Vec<String>, next: Option<String>, rest: Vec<String>) -> String {
    whole.extend(next);
    whole.extend(rest.into_iter().rev());
    whole.join("/")
}

fn components(path: &str) -> Vec<String> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    names.map(str::to_owned).collect()
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
