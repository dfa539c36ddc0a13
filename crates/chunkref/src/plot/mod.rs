//! A picture of where the chunks of each variable lie in a file, and how large they are.

mod bins;
mod svg;

use std::collections::BTreeMap;

use chunkref_manifest::{Location, LocationId, Manifest};

use crate::reach::each_range;
use bins::{Lane, SizeGrid};

/// Variables that have a lane of their own; the others share one.
const LANES: usize = 20;
/// Columns along the file.
const COLUMNS: usize = 800;

/// What is drawn of one variable.
#[derive(Debug)]
struct Variable {
    /// Its path; of the lane that several share, what they are.
    name: String,
    references: u64,
    stored: u64,
    /// Bytes of references by column.
    lane: Lane,
}

/// What is drawn of one source.
#[derive(Debug)]
struct Picture<'a> {
    location: &'a Location,
    /// From 0 to here the file is drawn, in bytes.
    end: u64,
    variables: Vec<Variable>,
    sizes: SizeGrid,
}

/// Draws, as SVG, where the chunks of each variable lie in one source of a dataset and how large they
/// are. The picture is bounded, however many chunks there are: they are gathered into columns.
///
/// `None` if there is no such source, or nothing refers to it by ranges.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chunkref::{Client, ScanOptions, plot, scan};
/// use chunkref::manifest::LocationId;
///
/// let client = Client::default();
/// let granule = "../../fixtures/granules/mur_like_20200601.nc";
/// let options = ScanOptions::default().with_inline_threshold(0);
/// let manifest = scan(&client, granule, &options).await?.manifest;
/// let svg = plot(&manifest, LocationId(0)).unwrap();
/// assert!(svg.starts_with("<svg") && svg.contains("analysed_sst"));
/// # Ok::<(), chunkref::ScanError>(())
/// # }).unwrap();
/// ```
pub fn plot(manifest: &Manifest, source: LocationId) -> Option<String> {
    let location = manifest.locations.get(source)?;
    let (stored, end) = totals(manifest, source);
    let end = location.pin.size.unwrap_or(end).max(end);
    if stored.is_empty() || end == 0 {
        return None;
    }
    // The largest have lanes of their own.
    let mut by_size: Vec<_> = stored.iter().map(|(path, bytes)| (*bytes, path)).collect();
    by_size.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let most = if by_size.len() > LANES {
        LANES - 1
    } else {
        LANES
    };
    let others = by_size.len().saturating_sub(most);
    let mut numbers = BTreeMap::new();
    let mut variables = Vec::new();
    for (number, (_, path)) in by_size.iter().take(most).enumerate() {
        numbers.insert((*path).clone(), number);
        variables.push(Variable::new((*path).clone(), end));
    }
    if others > 0 {
        variables.push(Variable::new(format!("{others} smaller ones"), end));
    }
    let mut sizes = SizeGrid::new(end);
    for (path, array) in manifest.arrays() {
        let number = numbers.get(&path).copied().unwrap_or(most);
        each_range(array, &mut |id, offset, length| {
            let Some(variable) = variables.get_mut(number).filter(|_| id == source) else {
                return;
            };
            variable.references = variable.references.saturating_add(1);
            variable.stored = variable.stored.saturating_add(length);
            variable.lane.add(offset, length);
            sizes.add(number, offset, length);
        });
    }
    let picture = Picture {
        location,
        end,
        variables,
        sizes,
    };
    Some(svg::draw(&picture))
}

impl Variable {
    fn new(name: String, end: u64) -> Self {
        Self {
            name,
            references: 0,
            stored: 0,
            lane: Lane::new(end, COLUMNS),
        }
    }
}

/// What each array has in a source, in bytes, and where the last reference into it ends.
fn totals(manifest: &Manifest, source: LocationId) -> (BTreeMap<String, u64>, u64) {
    let mut stored = BTreeMap::new();
    let mut end = 0_u64;
    for (path, array) in manifest.arrays() {
        let mut bytes = None;
        each_range(array, &mut |id, offset, length| {
            if id == source {
                bytes = Some(bytes.unwrap_or(0_u64).saturating_add(length));
                end = end.max(offset.saturating_add(length));
            }
        });
        if let Some(bytes) = bytes {
            stored.insert(path, bytes);
        }
    }
    (stored, end)
}
