//! The scan of one granule.

use chunkref_hdf5::{File, ObjectKind, Scan};
use chunkref_io::{Client, Object};
use chunkref_manifest::{Group, Location, Locations, Manifest, Pin};

use crate::data_type::refers;
use crate::dataset::{GRANULE, Mapper};
use crate::dimension::Dimensions;
use crate::drive::drive;
use crate::error::Result;
use crate::late::{self, Late};
use crate::layout::Granule;
use crate::links::Links;
use crate::narrow::{check_asked_for, parser_options};
use crate::options::ScanOptions;
use crate::report::{Outcome, Report};
use crate::tree::{Tree, walk};
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
    let size = object.size().await?;
    let mut parser = Scan::new(parser_options(options, size, true));
    drive(&mut parser, &object).await?;
    check_asked_for(parser.file()?, options)?;
    let wider = scan_wider(&parser, &object, options, size).await?;
    let Tree { root, late, report } = map(&parser, wider.as_ref(), options, size)?;
    let mut scanned = Scanned {
        manifest: Manifest {
            root,
            locations: locations(&object, size),
        },
        report: Report {
            file: object.url().to_owned(),
            ..report
        },
    };
    if !late.is_empty() {
        let finished = late::finish(
            &mut parser,
            &object,
            late,
            wider.as_ref(),
            options.string_limit,
        )
        .await?;
        for (late, outcome) in finished {
            scanned.place(late, outcome);
        }
    }
    Ok(scanned)
}

/// The metadata of all datasets of the groups, where a scan of single variables does not do: the
/// name of an anonymous axis depends on the other scales of its group, and a reference may be to
/// any object.
async fn scan_wider(
    parser: &Scan,
    object: &Object,
    options: &ScanOptions,
    size: u64,
) -> Result<Option<Scan>> {
    if options.variables.is_empty() {
        return Ok(None);
    }
    if !has_anonymous(parser.file()?) && !has_references(parser.file()?) {
        return Ok(None);
    }
    let mut wider = Scan::new(parser_options(options, size, false));
    drive(&mut wider, object).await?;
    Ok(Some(wider))
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

fn map(parser: &Scan, wider: Option<&Scan>, options: &ScanOptions, size: u64) -> Result<Tree> {
    let file = parser.file()?;
    let links = Links::new(file);
    let decoder = Decoder::new(file, &links);
    let wider = wider.map_or(Ok(file), Scan::file)?;
    let wider_links = Links::new(wider);
    let wider_decoder = Decoder::new(wider, &wider_links);
    let dimensions = Dimensions::new(wider, &wider_links, &wider_decoder);
    let mapper = Mapper {
        granule: Granule {
            location: GRANULE,
            size: Some(size),
            base_address: file.superblock.offset,
        },
        options,
        decoder: &decoder,
        dimensions: &dimensions,
    };
    walk(file, &links, mapper)
}

/// The file as the only location.
fn locations(object: &Object, size: u64) -> Locations {
    let pin = object.pin();
    let mut locations = Locations::default();
    locations.intern(Location {
        url: object.url().to_owned(),
        pin: Pin {
            size: Some(size),
            etag: pin.etag.clone(),
            last_modified: pin.last_modified.clone(),
        },
    });
    locations
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
