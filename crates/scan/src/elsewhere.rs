//! Datasets whose data lies elsewhere: in external data files, or in the sources of a virtual
//! dataset.

use std::collections::{HashMap, HashSet};

use chunkref_hdf5::{Address, Dataset, ExternalFile, HeapId, Layout, ObjectKind, Scan};
use chunkref_manifest::Segment;

use crate::drive::drive;
use crate::error::{Error, Result};
use crate::external::segments;
use crate::layout::{Failure, extent};
use crate::other_file::{Here, Others};
use crate::virtual_dataset::{self, Virtual};

/// What was found of each such dataset, or why it is refused.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    found: HashMap<Address, Result<Data, String>>,
}

/// Where the data of a dataset lies.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// In external data files; and what should be said of them.
    External(Vec<Segment>, Vec<String>),
    /// In other datasets.
    Virtual(Virtual),
}

impl Elsewhere {
    /// # Errors
    /// The reason, where the dataset is refused.
    pub(crate) fn get(&self, dataset: Address) -> Result<&Data, String> {
        match self.found.get(&dataset) {
            Some(Ok(data)) => Ok(data),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("its data lies elsewhere and was not looked for".to_owned()),
        }
    }

    /// Gives the datasets of another scan of the same file the extents found.
    pub(crate) fn set_shapes(&self, parser: &mut Scan) {
        for (address, data) in &self.found {
            if let Ok(Data::Virtual(found)) = data {
                parser.set_shape(*address, &found.shape);
            }
        }
    }
}

/// Whether a dataset's data lies elsewhere.
pub(crate) fn is_elsewhere(dataset: &Dataset) -> bool {
    is_virtual(dataset) || !dataset.external_files.is_empty()
}

/// Whether a dataset's data lies in other datasets, whose elements are converted there.
pub(crate) fn is_virtual(dataset: &Dataset) -> bool {
    matches!(dataset.layout, Layout::Virtual { .. })
}

/// What is to be found.
enum Wanted {
    External(Vec<ExternalFile>, u64),
    Virtual(Option<HeapId>, Box<Dataset>),
}

/// Finds the data of all such datasets that a scan of the file `here` has read.
///
/// # Errors
/// When this file contradicts itself, or it can't be said whether another is there.
pub(crate) async fn resolve(
    others: &mut Others<'_>,
    parser: &mut Scan,
    here: &Here,
) -> Result<Elsewhere> {
    let mut elsewhere = Elsewhere::default();
    let wanted = wanted(parser, &mut elsewhere)?;
    let mappings: Vec<HeapId> = wanted
        .iter()
        .filter_map(|(_, wanted)| match wanted {
            Wanted::Virtual(mapping, _) => *mapping,
            Wanted::External(..) => None,
        })
        .collect();
    let distinct: HashSet<HeapId> = mappings.iter().copied().collect();
    if distinct.len() < mappings.len() {
        return Err(Error::Malformed {
            path: here.url.clone(),
            what: "the mappings of a virtual dataset belong to two of them".to_owned(),
        });
    }
    if !mappings.is_empty() {
        parser.request_heap_objects(&mappings);
        drive(parser, &here.object).await?;
    }
    for (address, wanted) in wanted {
        let found = match wanted {
            Wanted::External(files, bytes) => segments(others, here, &files, bytes).await,
            Wanted::Virtual(None, dataset) => {
                let nothing = &[];
                virtual_dataset::resolve(others, here, &dataset, nothing)
                    .await
                    .map(Data::Virtual)
            }
            Wanted::Virtual(Some(id), dataset) => match parser.file()?.virtual_mappings(id) {
                Ok(mappings) => virtual_dataset::resolve(others, here, &dataset, &mappings)
                    .await
                    .map(Data::Virtual),
                // libhdf5 opens the file, and fails only to open this dataset.
                Err(error) => Err(Failure::Refused(error.to_string())),
            },
        };
        let found = match found {
            Ok(data) => Ok(data),
            Err(Failure::Refused(reason)) => Err(reason),
            Err(Failure::Fatal(error)) => return Err(error),
        };
        elsewhere.found.insert(address, found);
    }
    elsewhere.set_shapes(parser);
    Ok(elsewhere)
}

/// The datasets whose data lies elsewhere; those of no size are refused.
fn wanted(parser: &Scan, elsewhere: &mut Elsewhere) -> Result<Vec<(Address, Wanted)>> {
    let mut wanted = Vec::new();
    for (address, object) in &parser.file()?.objects {
        let ObjectKind::Dataset(dataset) = &object.kind else {
            continue;
        };
        if !is_elsewhere(dataset) {
            continue;
        }
        let one = match &dataset.layout {
            Layout::Virtual { mapping } => Wanted::Virtual(*mapping, dataset.clone()),
            Layout::Contiguous { .. } => match extent(dataset) {
                Ok(extent) => Wanted::External(dataset.external_files.clone(), extent.bytes),
                Err(reason) => {
                    elsewhere.found.insert(*address, Err(reason));
                    continue;
                }
            },
            _ => {
                let reason = "external data files for a layout that is not contiguous";
                elsewhere.found.insert(*address, Err(reason.to_owned()));
                continue;
            }
        };
        wanted.push((*address, one));
    }
    Ok(wanted)
}
