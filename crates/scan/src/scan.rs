//! The scan of one granule.

use chunkref_hdf5::File;
use chunkref_io::{Client, Object};
use chunkref_manifest::{Group, LocationId, Locations, Manifest};

use crate::dataset::Mapper;
use crate::dimension::Dimensions;
use crate::elsewhere::{Elsewhere, resolve};
use crate::error::Result;
use crate::graft::settle;
use crate::late::{self, Late};
use crate::layout::Granule;
use crate::links::Links;
use crate::member::explain;
use crate::narrow::{check_asked_for, check_reached, parser_options};
use crate::options::ScanOptions;
use crate::other_file::{Here, Others, location};
use crate::report::{Outcome, Report};
use crate::sources::{Source, Sources};
use crate::tree::{MappedFile, Tree, walk};
use crate::value::Decoder;

/// What a scan gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    /// All of the file that Zarr can say.
    pub manifest: Manifest,
    /// How each dataset ended.
    pub report: Report,
}

/// Reads the metadata of the HDF5 or NetCDF-4 file at `url` (a URL or a path) and says where its
/// chunks lie.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chunkref_io::{Client, ClientOptions};
/// use chunkref_scan::{ScanOptions, scan};
///
/// let client = Client::new(ClientOptions::default());
/// let granule = "../../fixtures/granules/mur_like_20200601.nc";
/// let scanned = scan(&client, granule, &ScanOptions::default()).await?;
/// let sst = &scanned.manifest.root.arrays["analysed_sst"];
/// assert_eq!(sst.dimension_names, ["time", "lat", "lon"]);
/// assert_eq!(scanned.report.refused().count(), 0);
/// # Ok::<(), chunkref_scan::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// When the file can't be read, is not HDF5, or contradicts the specification; or a group or
/// variable asked for is not there. A dataset that is sound but can't be said in Zarr is not an
/// error: the [`Report`] gives the reason.
pub async fn scan(client: &Client, url: &str, options: &ScanOptions) -> Result<Scanned> {
    let object = client.open(url).await?;
    scan_object(client, url, object, options).await
}

/// As [`scan`], of a file that is open.
pub(crate) async fn scan_object(
    client: &Client,
    url: &str,
    object: Object,
    options: &ScanOptions,
) -> Result<Scanned> {
    let size = object.size().await?;
    let narrow = parser_options(options, size, true);
    let wide = parser_options(options, size, false);
    let granule = match Source::read(object, size, narrow, wide).await {
        Ok(granule) => granule,
        Err(error) => return Err(explain(client, url, error).await),
    };
    check_asked_for(granule.parser.file()?, options)?;
    let mut sources = Sources::new(granule);
    if options.external_links {
        sources.follow(client, options).await?;
    }
    let (locations, ids) = locations(&sources);
    let mut others = Others::new(client, options, locations);
    let elsewhere = find_elsewhere(&mut others, &mut sources, &ids).await?;
    let Tree {
        root,
        mut late,
        report,
        others: linked,
    } = map(&sources, &ids, &elsewhere, options)?;
    let locations = others.locations;
    late::read_elsewhere(client, &locations, &mut late).await?;
    let mut scanned = Scanned {
        manifest: Manifest::new(root, locations),
        report: Report {
            file: url_of(&sources),
            ..report
        },
    };
    late::hold_within_bounds(&mut late, options.string_limit);
    late.sort_by_key(|one| one.source);
    for (index, source) in sources.all.iter_mut().enumerate() {
        let own = late
            .extract_if(.., |one| one.source == index)
            .collect::<Vec<_>>();
        if own.is_empty() {
            continue;
        }
        let Source {
            parser,
            object,
            wider,
            ..
        } = source;
        let limit = options.string_limit;
        let finished = late::finish(parser, object, own, wider.as_ref(), limit).await?;
        for (late, outcome) in finished {
            scanned.place(late, outcome);
        }
    }
    let remarks = settle(&mut scanned.manifest.root, &linked);
    scanned.report.warnings.extend(remarks);
    check_reached(&scanned, options)?;
    Ok(scanned)
}

fn url_of(sources: &Sources) -> String {
    let granule = sources.all.first();
    granule.map_or_else(String::new, |granule| granule.object.url().to_owned())
}

/// Finds the data of each file's datasets that lies in other files.
async fn find_elsewhere(
    others: &mut Others<'_>,
    sources: &mut Sources,
    ids: &[LocationId],
) -> Result<Vec<Elsewhere>> {
    let mut found = Vec::with_capacity(ids.len());
    for (source, &location) in sources.all.iter_mut().zip(ids) {
        let here = Here {
            object: source.object.clone(),
            url: source.object.url().to_owned(),
            size: source.size,
            location,
        };
        let elsewhere = resolve(others, &mut source.parser, &here).await?;
        if let Some(wider) = &mut source.wider {
            elsewhere.set_shapes(wider);
        }
        found.push(elsewhere);
    }
    Ok(found)
}

/// Maps all that was read.
fn map(
    sources: &Sources,
    ids: &[LocationId],
    elsewhere: &[Elsewhere],
    options: &ScanOptions,
) -> Result<Tree> {
    let files = |wider: bool| -> Result<Vec<&File>> {
        let all = sources.all.iter();
        all.map(|source| {
            let wider = source.wider.as_ref().filter(|_| wider);
            Ok(wider.unwrap_or(&source.parser).file()?)
        })
        .collect()
    };
    let (files, wider) = (files(false)?, files(true)?);
    let links: Vec<_> = files.iter().map(|file| Links::new(file)).collect();
    let wider_links: Vec<_> = wider.iter().map(|file| Links::new(file)).collect();
    let decoder = |(file, links)| Decoder::new(file, links);
    let decoders: Vec<_> = files.iter().copied().zip(&links).map(decoder).collect();
    let wider_decoders: Vec<_> = wider
        .iter()
        .copied()
        .zip(&wider_links)
        .map(decoder)
        .collect();
    let dimensions: Vec<_> = wider
        .iter()
        .zip(wider_links.iter().zip(&wider_decoders))
        .map(|(file, (links, decoder))| Dimensions::new(file, links, decoder))
        .collect();
    let mapped: Vec<_> = files
        .iter()
        .zip(sources.all.iter().zip(ids))
        .zip(&links)
        .zip(decoders.iter().zip(&dimensions).zip(elsewhere))
        .map(
            |(((&file, (source, &location)), links), ((decoder, dimensions), elsewhere))| {
                let granule = Granule {
                    location,
                    size: Some(source.size),
                    base_address: file.superblock.offset,
                    is_paged: file.superblock.page_size.is_some(),
                };
                let mapper = Mapper {
                    granule,
                    options,
                    decoder,
                    dimensions,
                    elsewhere,
                    is_source: false,
                };
                MappedFile {
                    file,
                    links,
                    mapper,
                }
            },
        )
        .collect();
    walk(sources, &mapped, options)
}

/// The files as locations, the granule first, and that of each source.
fn locations(sources: &Sources) -> (Locations, Vec<LocationId>) {
    let mut locations = Locations::default();
    let ids = sources.all.iter().map(|source| {
        let id = locations.intern(location(&source.object, source.size));
        // There are fewer sources than numbers.
        id.unwrap_or(LocationId(u32::MAX))
    });
    let ids = ids.collect();
    (locations, ids)
}

impl Scanned {
    /// Puts an array that was read late where it belongs, or its refusal into the report.
    fn place(&mut self, late: Late, outcome: Result<(), String>) {
        if let Err(reason) = outcome {
            let entry = self
                .report
                .datasets
                .iter_mut()
                .find(|dataset| dataset.path == late.path);
            if let Some(entry) = entry {
                entry.outcome = Outcome::Refused;
                entry.reason = Some(reason);
            }
            return;
        }
        if let Some(remark) = &late.remark {
            let remark = format!("{}: {remark}", late.path);
            self.report.warnings.push(remark);
        }
        let (groups, name) = late.place;
        let mut at: Option<&mut Group> = Some(&mut self.manifest.root);
        for group in &groups {
            at = at.and_then(|parent| parent.groups.get_mut(group));
        }
        if let Some(group) = at {
            group.arrays.insert(name, late.array);
        }
    }
}
