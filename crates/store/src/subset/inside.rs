//! What of an array lies in a box: along two axes, along a track, in a swath.

use chunkref_manifest::{Array, Layout, Manifest};

use super::bounding_box::BoundingBox;
use super::coordinate::Coordinate;
use super::horizontal::Horizontal;
use super::runs::{runs, windows};
use super::{Misfit, Subset, SubsetAxis};
use crate::cf::Numbers;
use crate::read::{Elements, Slice};

/// So many elements of an uncompressed array that lie between others are fetched with them.
const NEAR: u64 = 4096;

/// Which elements of the windows lie in the box.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inside {
    /// The dimensions along which latitude and longitude lie: one of a track, two of a swath.
    pub dimensions: Vec<String>,
    /// For each element of the windows along these dimensions, in C order.
    pub mask: Vec<bool>,
}

impl Inside {
    /// How many elements lie in the box.
    pub fn count(&self) -> u64 {
        let inside = self.mask.iter().filter(|inside| **inside).count();
        u64::try_from(inside).unwrap_or(u64::MAX)
    }

    /// Those elements alone that lie in the box, of some whose axis of this number is the track.
    pub(super) fn of(&self, elements: Elements, axis: usize) -> Elements {
        let narrow = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
        let element = elements.data_type.size().map_or(1, u64::from);
        let inner = elements.shape.iter().skip(axis.saturating_add(1));
        let inner = inner.fold(element, |bytes, length| bytes.saturating_mul(*length));
        let mut kept = Vec::new();
        let rows = elements.bytes.chunks(narrow(inner).max(1));
        for (row, inside) in rows.zip(self.mask.iter().cycle()) {
            if *inside {
                kept.extend_from_slice(row);
            }
        }
        let mut shape = elements.shape;
        if let Some(length) = shape.get_mut(axis) {
            *length = self.count();
        }
        Elements {
            shape,
            data_type: elements.data_type,
            bytes: kept.into(),
        }
    }
}

/// Narrows a part of an array to a box, by its latitudes and longitudes.
///
/// # Errors
/// With the reason, where these are not as they should be.
pub(super) fn take(
    subset: &mut Subset,
    taken: &[bool],
    array: &Array,
    manifest: &Manifest,
    found: &Horizontal,
    degrees: (Option<Coordinate>, Option<Coordinate>),
    bounds: BoundingBox,
) -> Result<(), Misfit> {
    let latitudes = checked(degrees.0, &found.latitude, -90.0, 90.0)?;
    let longitudes = checked(degrees.1, &found.longitude, -360.0, 540.0)?;
    let axes = |path: &str| {
        let other = manifest
            .array(path)
            .ok_or_else(|| format!("{path}: no such array"))?;
        axes_of(array, other, path, taken)
    };
    let (of_latitude, of_longitude) = (axes(&found.latitude)?, axes(&found.longitude)?);
    let within = (
        bounds.latitudes_inside(&latitudes),
        bounds.longitudes_inside(&longitudes),
    );
    match (of_latitude.as_slice(), of_longitude.as_slice()) {
        (&[latitude], &[longitude]) if latitude != longitude => {
            if let Some(axis) = subset.axes.get_mut(latitude) {
                axis.windows = runs(&within.0);
            }
            if let Some(axis) = subset.axes.get_mut(longitude) {
                axis.windows = from_west(runs(&within.1), &longitudes, bounds);
            }
            Ok(())
        }
        (&[along], &[_]) => {
            let both = both(&within);
            if let Some(axis) = subset.axes.get_mut(along) {
                axis.windows = windows(runs(&both), chunk_length(array, along));
                let mask = axis_places(axis).filter_map(|place| both.get(place).copied());
                subset.inside = Some(Inside {
                    mask: mask.collect(),
                    dimensions: vec![axis.name.clone()],
                });
            }
            Ok(())
        }
        (&[rows, columns], other) if other == [rows, columns] => {
            swath(subset, array, (rows, columns), &both(&within));
            Ok(())
        }
        _ => Err(format!(
            "latitude {} along {:?} and longitude {} along {:?}: expected both along one dimension or \
             the same two, or each along one of its own",
            found.latitude,
            names(array, &of_latitude),
            found.longitude,
            names(array, &of_longitude)
        )
        .into()),
    }
}

fn names<'a>(array: &'a Array, axes: &[usize]) -> Vec<&'a str> {
    let names = axes
        .iter()
        .filter_map(|axis| array.dimension_names.get(*axis));
    names.map(String::as_str).collect()
}

fn both((latitudes, longitudes): &(Vec<bool>, Vec<bool>)) -> Vec<bool> {
    let pairs = latitudes.iter().zip(longitudes);
    pairs.map(|(one, other)| *one && *other).collect()
}

/// Degrees that are such.
fn checked(
    coordinate: Option<Coordinate>,
    path: &str,
    least: f64,
    most: f64,
) -> Result<Numbers, String> {
    let Some(Coordinate::Numbers(numbers)) = coordinate else {
        return Err(format!(
            "{path} holds times, not degrees; name the right one (--lat, --lon)"
        ));
    };
    let is_wrong = |value: &&f64| !value.is_nan() && !(least..=most).contains(*value);
    match numbers.values.iter().find(is_wrong) {
        Some(value) => Err(format!(
            "{path} holds {value}, which is not in {least}..{most} degrees; name the right one \
             (--lat, --lon)"
        )),
        None => Ok(numbers),
    }
}

/// The axes of an array along which a coordinate lies, in the coordinate's order.
fn axes_of(
    array: &Array,
    coordinate: &Array,
    path: &str,
    taken: &[bool],
) -> Result<Vec<usize>, Misfit> {
    let dimensions = coordinate.dimension_names.iter().zip(&coordinate.shape);
    dimensions
        .map(|(name, length)| {
            let mut of_array = array.dimension_names.iter().zip(&array.shape);
            let axis = of_array.position(|(one, other)| one == name && other == length);
            if of_array.any(|(one, _)| one == name) {
                return Err(format!(
                    "two of its axes are of the dimension {name:?}, along which {path} lies"
                )
                .into());
            }
            let axis = axis.ok_or_else(|| {
                let dimensions = array.dimension_names.join(", ");
                Misfit::NotAlong(format!(
                    "{path} lies along {name} ({length}), and the array along {dimensions}"
                ))
            })?;
            if taken.get(axis).copied().unwrap_or(false) {
                return Err(
                    format!("dimension {name:?} is selected twice: {path} lies along it").into(),
                );
            }
            Ok(axis)
        })
        .collect()
}

/// The windows in the order in which they lie from the west of the box to its east.
fn from_west(mut runs: Vec<Slice>, longitudes: &Numbers, bounds: BoundingBox) -> Vec<Slice> {
    let at = |place: u64| {
        let place = usize::try_from(place).ok()?;
        longitudes.values.get(place).copied()
    };
    let west = |run: &Slice| {
        let last = run.stop.saturating_sub(1);
        let from_west =
            |one: Option<f64>| one.map_or(f64::INFINITY, |one| bounds.eastwards(one, longitudes));
        from_west(at(run.start)).min(from_west(at(last)))
    };
    runs.sort_by(|one, other| west(one).total_cmp(&west(other)));
    // Where longitudes descend, they do so from the east.
    let mut pairs = longitudes
        .values
        .iter()
        .zip(longitudes.values.iter().skip(1));
    let (first, second) = pairs.next().unzip();
    if second < first && first.is_some() {
        runs.reverse();
    }
    runs
}

fn swath(subset: &mut Subset, array: &Array, (rows, columns): (usize, usize), both: &[bool]) {
    let narrow = |length: Option<&u64>| {
        length.map_or(0, |length| usize::try_from(*length).unwrap_or(usize::MAX))
    };
    let width = narrow(array.shape.get(columns)).max(1);
    let mut in_row = vec![false; narrow(array.shape.get(rows))];
    let mut in_column = vec![false; narrow(array.shape.get(columns))];
    for (row, inside) in both.chunks(width).zip(&mut in_row) {
        for (inside_here, column) in row.iter().zip(&mut in_column) {
            *inside |= inside_here;
            *column |= inside_here;
        }
    }
    let mut dimensions = Vec::new();
    for (axis, wanted) in [(rows, &in_row), (columns, &in_column)] {
        let chunk = chunk_length(array, axis);
        if let Some(axis) = subset.axes.get_mut(axis) {
            axis.windows = windows(runs(wanted), chunk);
            dimensions.push(axis.name.clone());
        }
    }
    let (rows, columns) = (subset.axes.get(rows), subset.axes.get(columns));
    if let (Some(rows), Some(columns)) = (rows, columns) {
        let columns: Vec<usize> = axis_places(columns).collect();
        let rows = axis_places(rows).map(|row| both.chunks(width).nth(row).unwrap_or_default());
        let mask = rows.flat_map(|row| {
            let places = columns.iter();
            places.map(|column| row.get(*column).copied().unwrap_or(false))
        });
        subset.inside = Some(Inside {
            mask: mask.collect(),
            dimensions,
        });
    }
}

/// The places of all elements of the windows along an axis.
fn axis_places(axis: &SubsetAxis) -> impl Iterator<Item = usize> {
    let places = axis.windows.iter();
    let places = places.flat_map(|window| window.start..window.stop);
    places.filter_map(|place| usize::try_from(place).ok())
}

/// What is fetched at once along an axis, in elements.
fn chunk_length(array: &Array, axis: usize) -> u64 {
    let chunk = array.chunk_shape().get(axis).copied().unwrap_or(1);
    match &array.layout {
        Layout::Contiguous { .. } => chunk.min(NEAR),
        Layout::Chunked { codecs, .. } if codecs.is_empty() => chunk.min(NEAR),
        _ => chunk,
    }
}
