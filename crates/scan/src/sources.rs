//! The granule, and the files that its external links lead to.
//!
//! Files are read in rounds: the granule first, then what its links lead to, then what the links of
//! those files lead to. In each round a file is read once, narrowed to the targets of all links that
//! lead there; what an earlier round has read of it is not read again, so files that refer to one
//! another come to an end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chunkref_hdf5::{self as hdf5, File, Narrow, ObjectKind, Scan};
use chunkref_io::{Client, Object};

use crate::data_type::{Refusal, refers};
use crate::dimension::Dimensions;
use crate::drive::drive;
use crate::error::Result;
use crate::links::Links;
use crate::neighbour::neighbours;
use crate::options::ScanOptions;
use crate::value::Decoder;

/// External links are followed from file to file at most so often.
const MAX_ROUNDS: usize = 16;
/// Most files that one scan reads.
const MAX_FILES: usize = 1000;
/// Most times that one scan reads files, each for other targets.
const MAX_SOURCES: usize = 4000;

/// A file, as far as it was read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) object: Object,
    /// Its size in bytes.
    pub(crate) size: u64,
    pub(crate) parser: Scan,
    /// More metadata, where that of what was asked for does not do: an unlimited axis may be as long
    /// as a scale in another group, the name of an anonymous axis depends on the other scales of its
    /// group, and a reference may be to any object.
    pub(crate) wider: Option<Scan>,
    /// What of it was asked for.
    narrow: Narrow,
}

/// All files of a scan, the granule first.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) all: Vec<Source>,
    leads: HashMap<Lead, Result<usize, Refusal>>,
    /// The sources of each file, by the URL that it was opened by.
    by_url: HashMap<String, Vec<usize>>,
    /// Files opened, there or not.
    opened: usize,
}

/// An external link: the source that it is in, the file and the path that it names.
type Lead = (usize, String, String);

/// What links ask of a file.
#[derive(Debug, Default)]
struct Asked {
    trees: BTreeSet<String>,
    objects: BTreeSet<String>,
    leads: Vec<Lead>,
}

impl Source {
    /// Reads a file as far as `options` say, and further as `wide` says where names of dimensions
    /// need it.
    pub(crate) async fn read(
        object: Object,
        size: u64,
        mut options: hdf5::ScanOptions,
        mut wide: hdf5::ScanOptions,
    ) -> Result<Self> {
        options.hints = !object.is_local();
        wide.hints = options.hints;
        let narrow = Narrow::new(&options);
        let is_narrow = !options.variables.is_empty();
        // Of a whole file nothing that a path leads to is left unread.
        let is_whole = !is_narrow && options.group.is_none() && options.trees.is_empty();
        let mut parser = Scan::new(options.clone());
        drive(&mut parser, &object).await?;
        let file = parser.file()?;
        let scales = if is_whole {
            BTreeSet::new()
        } else {
            unread_scales(file)
        };
        let mut wider = None;
        if !scales.is_empty() {
            let mut options = options;
            options.chunks = false;
            wider = Some(with_scales(options, &scales, &object).await?);
        }
        let known = wider.as_ref().map_or(Ok(file), Scan::file)?;
        if is_narrow && (has_anonymous(known) || has_references(file)) {
            wider = Some(with_scales(wide, &scales, &object).await?);
        }
        Ok(Self {
            object,
            size,
            parser,
            wider,
            narrow,
        })
    }

    /// Whether all that is asked for was read.
    fn covers(&self, asked: &Asked) -> bool {
        let below = |path: &String| {
            let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
            self.narrow
                .below(&names.map(str::to_owned).collect::<Vec<_>>())
        };
        let is_self = |paths: &[String]| paths.iter().any(String::is_empty);
        asked.trees.iter().all(|path| is_self(&below(path).0))
            && asked.objects.iter().all(|path| {
                let (trees, objects) = below(path);
                is_self(&trees) || is_self(&objects)
            })
    }
}

/// Reads a file as far as `options` say, and the scales of dimensions at these paths.
async fn with_scales(
    mut options: hdf5::ScanOptions,
    scales: &BTreeSet<String>,
    object: &Object,
) -> Result<Scan> {
    let is_whole = options.group.is_none() && options.variables.is_empty();
    if !is_whole || !options.trees.is_empty() {
        options.trees.extend(scales.iter().cloned());
    }
    let mut scan = Scan::new(options);
    drive(&mut scan, object).await?;
    Ok(scan)
}

/// The paths of the scales that were not read and may say how long unlimited axes are.
fn unread_scales(file: &File) -> BTreeSet<String> {
    let links = Links::new(file);
    let decoder = Decoder::new(file, &links);
    let dimensions = Dimensions::new(file, &links, &decoder);
    let objects = file.objects.iter();
    objects
        .flat_map(|(&address, object)| dimensions.unread(address, object))
        .collect()
}

/// Whether an axis of any dataset read has no name of its own.
fn has_anonymous(file: &File) -> bool {
    let links = Links::new(file);
    let decoder = Decoder::new(file, &links);
    let dimensions = Dimensions::new(file, &links, &decoder);
    let mut objects = file.objects.iter();
    objects.any(|(&address, object)| dimensions.has_anonymous(address, object))
}

/// Whether any dataset read may refer to objects.
fn has_references(file: &File) -> bool {
    let mut objects = file.objects.values();
    objects.any(|object| match &object.kind {
        ObjectKind::Dataset(dataset) => refers(&dataset.datatype),
        _ => false,
    })
}

impl Sources {
    pub(crate) fn new(granule: Source) -> Self {
        let url = granule.object.url().to_owned();
        Self {
            all: vec![granule],
            leads: HashMap::new(),
            by_url: HashMap::from([(url, vec![0])]),
            opened: 1,
        }
    }

    /// The source that an external link leads to, or why there is none; `None` where it was not
    /// asked for.
    pub(crate) fn lead(
        &self,
        source: usize,
        file: &str,
        path: &str,
    ) -> Option<&Result<usize, Refusal>> {
        self.leads.get(&(source, file.to_owned(), path.to_owned()))
    }

    /// The first source of the same file: objects are told apart by it and their addresses.
    pub(crate) fn file_number(&self, source: usize) -> usize {
        let url = self.all.get(source).map(|source| source.object.url());
        let known = url.and_then(|url| self.by_url.get(url)?.first());
        known.copied().unwrap_or(source)
    }

    /// Reads the files that external links lead to. Those that can't be read are no error: their
    /// links give the reason.
    pub(crate) async fn follow(&mut self, client: &Client, options: &ScanOptions) -> Result<()> {
        let mut first = 0;
        for _ in 0..MAX_ROUNDS {
            let end = self.all.len();
            if first == end {
                return Ok(());
            }
            for (urls, asked) in self.ask(first..end, options)? {
                let found = self.find(client, &urls, &asked).await;
                for lead in asked.leads {
                    self.leads.insert(lead, found.clone());
                }
            }
            first = end;
        }
        for (_, asked) in self.ask(first..self.all.len(), options)? {
            for lead in asked.leads {
                let reason = format!("over {MAX_ROUNDS} external links lead there");
                self.leads.insert(lead, Err(reason));
            }
        }
        Ok(())
    }

    /// What the external links of these sources ask for, by where the files may lie.
    fn ask(
        &mut self,
        sources: std::ops::Range<usize>,
        options: &ScanOptions,
    ) -> Result<BTreeMap<Vec<String>, Asked>> {
        let mut asked: BTreeMap<Vec<String>, Asked> = BTreeMap::new();
        for index in sources {
            let Some(source) = self.all.get(index) else {
                continue;
            };
            for link in &source.parser.file()?.external_links {
                let lead = (index, link.file.clone(), link.path.clone());
                match neighbours(source.object.url(), &link.file, &options.trusted) {
                    Err(reason) => {
                        self.leads.insert(lead, Err(reason));
                    }
                    Ok(urls) => {
                        let asked = asked.entry(urls).or_default();
                        let (trees, objects) = source.narrow.below(&link.at);
                        let beyond = |rest: String| format!("{}/{rest}", link.path);
                        asked.trees.extend(trees.into_iter().map(beyond));
                        asked.objects.extend(objects.into_iter().map(beyond));
                        asked.leads.push(lead);
                    }
                }
            }
        }
        Ok(asked)
    }

    /// The source with what is asked for of the first of these files that is there.
    async fn find(
        &mut self,
        client: &Client,
        urls: &[String],
        asked: &Asked,
    ) -> Result<usize, Refusal> {
        let mut last = String::new();
        for url in urls {
            match self.read(client, url, asked).await {
                Ok(source) => return Ok(source),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    async fn read(&mut self, client: &Client, url: &str, asked: &Asked) -> Result<usize, Refusal> {
        let sources = self.by_url.get(url).map_or(&[][..], Vec::as_slice);
        let mut read = sources
            .iter()
            .filter_map(|&index| Some((index, self.all.get(index)?)));
        let known = read.clone().next().map(|(_, source)| source.object.clone());
        if let Some((index, _)) = read.find(|(_, source)| source.covers(asked)) {
            return Ok(index);
        }
        if self.all.len() >= MAX_SOURCES {
            return Err(format!("over {MAX_SOURCES} targets are named"));
        }
        let object = match known {
            Some(object) => object,
            None if self.opened >= MAX_FILES => {
                return Err(format!("over {MAX_FILES} files are named"));
            }
            None => {
                self.opened = self.opened.saturating_add(1);
                client.open(url).await.map_err(|error| error.to_string())?
            }
        };
        let size = object.size().await.map_err(|error| error.to_string())?;
        let mut narrow = hdf5::ScanOptions::default();
        narrow.file_size = Some(size);
        narrow.trees = asked.trees.iter().cloned().collect();
        let mut wide = narrow.clone();
        wide.chunks = false;
        narrow.variables = asked.objects.iter().cloned().collect();
        let groups = asked.objects.iter().map(|path| {
            let (group, _) = path
                .trim_end_matches('/')
                .rsplit_once('/')
                .unwrap_or_default();
            group.to_owned()
        });
        wide.trees.extend(groups);
        let source = Source::read(object, size, narrow, wide).await;
        let index = self.all.len();
        self.all
            .push(source.map_err(|error| format!("{url}: {error}"))?);
        let sources = self.by_url.entry(url.to_owned()).or_default();
        sources.push(index);
        Ok(index)
    }
}
