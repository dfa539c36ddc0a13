//! Parts of arrays as people ask for them: by indices, by labels on coordinates, by a box on the
//! globe.
//!
//! Coordinates are read first, those of all dimensions at once; they say which windows of indices
//! are meant, and then only the chunks that those touch are read.

mod around;
mod bounding_box;
mod coordinate;
mod granules;
mod horizontal;
mod inside;
mod query;
mod runs;

use std::fmt;

use chunkref_manifest::{Array, Manifest};

use crate::error::{Error, Result};
use crate::read::{Elements, ReadOptions, Selection, Slice};
use crate::store::Store;
use coordinate::{Coordinate, Found, coordinate_of, parent};
use horizontal::Horizontal;
use query::Indices;

pub use bounding_box::BoundingBox;
pub use granules::GranuleWindow;
pub use inside::Inside;
pub use query::Query;

/// A part of an array: along each of its dimensions some windows of indices.
///
/// Other arrays along the same dimensions, such as coordinates, have the same part:
/// [`Store::read_subset`] reads it of any of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Subset {
    /// The windows along each axis of the array, in its order.
    pub axes: Vec<SubsetAxis>,
    /// Which elements of the windows lie in the box, where the windows have others too: along a
    /// track (one dimension), whose others are not read, and in a swath (two), where they are.
    pub inside: Option<Inside>,
    /// The paths of latitude and longitude, where a box was asked for.
    pub latitude_longitude: Option<(String, String)>,
}

/// What is wanted along a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubsetAxis {
    /// The dimension.
    pub name: String,
    /// Its length, of which the windows are a part.
    pub length: u64,
    /// Windows of indices, whose elements are read one after the other: from west to east where the
    /// dimension has longitudes of a box, else ascending.
    pub windows: Vec<Slice>,
    /// Whether one place was asked for; the dimension is dropped then.
    pub dropped: bool,
}

impl SubsetAxis {
    /// How many elements.
    pub fn count(&self) -> u64 {
        let counts = self.windows.iter().map(Slice::count);
        counts.fold(0, u64::saturating_add)
    }
}

/// Indices as Python writes them: `time=0, lat=10:20, lon=350:360+0:5`.
impl fmt::Display for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, axis) in self.axes.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{}=", axis.name)?;
            if axis.windows.is_empty() {
                write!(f, "nothing")?;
            }
            for (number, window) in axis.windows.iter().enumerate() {
                let plus = if number == 0 { "" } else { "+" };
                let Slice { start, stop, .. } = window;
                match (axis.dropped, window.step()) {
                    (true, _) => write!(f, "{start}")?,
                    (false, 1) => write!(f, "{plus}{start}:{stop}")?,
                    (false, step) => write!(f, "{plus}{start}:{stop}:{step}")?,
                }
            }
        }
        Ok(())
    }
}

impl Store {
    /// The part of the array at a path such as `/a/b` that a query asks for. Coordinates are read
    /// for it, where labels or a box are in the query, and no more.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use chunkref_io::{Client, ClientOptions};
    /// use chunkref_manifest::{Array, Attributes, ByteOrder, DataType, Group, Layout, Locations, Manifest};
    /// use chunkref_store::{Query, ReadOptions, Store};
    ///
    /// # fn array(bytes: Vec<u8>) -> Array {
    /// #     Array {
    /// #         shape: vec![4],
    /// #         data_type: DataType::UInt { size: 1, order: ByteOrder::Little },
    /// #         dimension_names: vec!["depth".to_owned()],
    /// #         fill_value: None,
    /// #         attributes: Attributes::new(),
    /// #         layout: Layout::Inline { data: bytes.into() },
    /// #     }
    /// # }
    /// // Two arrays along one dimension.
    /// let mut root = Group::default();
    /// root.arrays.insert("depth".to_owned(), array(vec![0, 10, 20, 50]));
    /// root.arrays.insert("salt".to_owned(), array(vec![35, 36, 37, 38]));
    /// let manifest = Manifest::new(root, Locations::default());
    /// let store = Store::new(Arc::new(manifest), Client::new(ClientOptions::default()));
    ///
    /// let query = Query::new().with_sel("depth=10:30")?;
    /// let options = ReadOptions::default();
    /// let subset = store.subset("/salt", &query, options).await?;
    /// assert_eq!(subset.to_string(), "depth=1:3");
    /// let salt = store.read_subset("/salt", &subset, options).await?;
    /// assert_eq!(salt.bytes[..], [36, 37]);
    /// # Ok::<(), chunkref_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such array, the query does not fit it ([`Error::NotAlong`] where it lacks what the
    /// query selects along), or a coordinate can't be read.
    pub async fn subset(&self, path: &str, query: &Query, options: ReadOptions) -> Result<Subset> {
        let named = query.latitude.iter().chain(&query.longitude);
        let manifest = self.around(path, named.map(String::as_str)).await?;
        let manifest = &*manifest;
        let array = find(manifest, path)?;
        let wrong = |reason: String| Misfit::Other(reason).of(path);
        let misfit = |misfit: Misfit| misfit.of(path);
        let mut subset = whole(array);
        let mut taken = vec![false; array.shape.len()];
        for (name, indices) in &query.isel {
            let axis = axis(array, name, &mut taken).map_err(misfit)?;
            if let Some(axis) = subset.axes.get_mut(axis) {
                by_indices(axis, *indices).map_err(|reason| wrong(format!("{name}: {reason}")))?;
            }
        }
        let mut labels = Vec::new();
        for (name, label) in &query.sel {
            let axis = axis(array, name, &mut taken).map_err(misfit)?;
            let length = array.shape.get(axis).copied().unwrap_or_default();
            let group = parent(path).unwrap_or("/");
            let coordinate = coordinate_of(manifest, group, name, length).ok_or_else(|| {
                wrong(format!(
                    "dimension {name} has no coordinate, a one-dimensional array {name}; indices are \
                     understood (isel)"
                ))
            })?;
            labels.push((axis, coordinate, label));
        }
        let horizontal = match query.bounding_box {
            None => None,
            Some(_) => Some(horizontal::find(manifest, path, array, query).map_err(misfit)?),
        };
        // All coordinates at once.
        let coordinates = labels.iter().map(|(_, path, _)| path);
        let both = horizontal.iter();
        let both = both.flat_map(|found| [&found.latitude, &found.longitude]);
        let paths: Vec<&str> = coordinates.chain(both).map(String::as_str).collect();
        let mut read = self
            .read_coordinates(manifest, &paths, options)
            .await?
            .into_iter();
        for ((axis, coordinate, label), values) in labels.iter().zip(&mut read) {
            let found = values.find(label, query.nearest);
            let found = found.map_err(|reason| wrong(format!("{coordinate}: {reason}")))?;
            if let Some(axis) = subset.axes.get_mut(*axis) {
                by_found(axis, found);
            }
        }
        if let (Some(found), Some(bounds)) = (horizontal, query.bounding_box) {
            let degrees = (read.next(), read.next());
            inside::take(
                &mut subset,
                &taken,
                array,
                manifest,
                &found,
                degrees,
                bounds,
            )
            .map_err(misfit)?;
            let Horizontal {
                latitude,
                longitude,
            } = found;
            subset.latitude_longitude = Some((latitude, longitude));
        }
        Ok(subset)
    }

    /// The elements of a part of an array: of the one that the part was made for, or of any other
    /// along the same dimensions. Dimensions along which one place was asked for are dropped. Of a
    /// track only the elements in the box are given.
    ///
    /// # Errors
    ///
    /// As for [`Store::read`], and if a dimension has another length than that of the part.
    pub async fn read_subset(
        &self,
        path: &str,
        subset: &Subset,
        options: ReadOptions,
    ) -> Result<Elements> {
        let manifest = self.described(path).await?;
        let array = find(&manifest, path)?;
        let wrong = |reason: String| Error::Selection {
            path: path.to_owned(),
            reason,
        };
        let mut runs = Vec::with_capacity(array.shape.len());
        let mut shape = Vec::with_capacity(array.shape.len());
        let mut track = None;
        for (name, length) in array.dimension_names.iter().zip(&array.shape) {
            // A dimension may be that of several axes, of which none is selected from: in sets of others
            // even of several lengths.
            let named = || subset.axes.iter().filter(|axis| axis.name == *name);
            let fitting = named().find(|axis| axis.length == *length);
            let Some(axis) = fitting.or_else(|| named().next()) else {
                runs.push(vec![Slice::new(0, *length)]);
                shape.push(*length);
                continue;
            };
            if axis.length != *length {
                return Err(wrong(format!(
                    "dimension {name} has {length} elements, expected {}",
                    axis.length
                )));
            }
            if let Some(inside) = &subset.inside
                && inside.dimensions == [name.as_str()]
            {
                track = Some((shape.len(), inside));
            }
            if !axis.dropped {
                shape.push(axis.count());
            }
            runs.push(axis.windows.clone());
        }
        let mut read = self.read(path, &Selection::runs(runs), options).await?;
        read.shape = shape;
        Ok(match track {
            Some((axis, inside)) => inside.of(read, axis),
            None => read,
        })
    }

    /// The paths of the coordinates of an array: of its dimensions, of what its attribute
    /// `coordinates` names, and latitude and longitude of a part of it. They lie along its dimensions
    /// and no others, and no two have one name.
    ///
    /// # Errors
    ///
    /// If there is no such array, or what is around it can't be read.
    pub async fn coordinates(&self, path: &str, subset: &Subset) -> Result<Vec<String>> {
        let both = subset.latitude_longitude.iter();
        let both = both.flat_map(|(latitude, longitude)| [latitude, longitude]);
        let manifest = self.around(path, both.map(String::as_str)).await?;
        let manifest = &*manifest;
        let array = find(manifest, path)?;
        let both = subset.latitude_longitude.iter();
        let both = both.flat_map(|(latitude, longitude)| [latitude, longitude]);
        let both = both.filter_map(|path| Some((path.clone(), manifest.array(path)?)));
        let all = horizontal::coordinates(manifest, path, array);
        let mut found: Vec<String> = Vec::new();
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        for (other, coordinate) in all.chain(both) {
            let is_new = found.iter().all(|held| name(held) != name(&other));
            if is_new && horizontal::lies_along(coordinate, array) && name(&other) != name(path) {
                found.push(other);
            }
        }
        Ok(found)
    }

    /// Coordinates at paths of a manifest, fetched together.
    async fn read_coordinates(
        &self,
        manifest: &Manifest,
        paths: &[&str],
        options: ReadOptions,
    ) -> Result<Vec<Coordinate>> {
        let parts: Vec<_> = paths.iter().map(|path| (*path, &Selection::All)).collect();
        let read = self.read_all(&parts, options).await?;
        let coordinates = paths.iter().zip(&read).map(|(path, elements)| {
            let array = find(manifest, path)?;
            Coordinate::new(elements, array).map_err(|reason| Error::Selection {
                path: (*path).to_owned(),
                reason,
            })
        });
        coordinates.collect()
    }
}

fn find<'a>(manifest: &'a Manifest, path: &str) -> Result<&'a Array> {
    manifest.array(path).ok_or_else(|| Error::NoArray {
        path: path.to_owned(),
    })
}

/// All of an array.
fn whole(array: &Array) -> Subset {
    let axes = array.dimension_names.iter().zip(&array.shape);
    Subset {
        axes: axes
            .map(|(name, length)| SubsetAxis {
                name: name.clone(),
                length: *length,
                windows: vec![Slice::new(0, *length)],
                dropped: false,
            })
            .collect(),
        inside: None,
        latitude_longitude: None,
    }
}

/// How a query does not fit an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The array does not lie along what is selected along.
    NotAlong(String),
    Other(String),
}

impl From<String> for Misfit {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

impl Misfit {
    /// The error of the array at this path.
    fn of(self, path: &str) -> Error {
        let path = path.to_owned();
        match self {
            Self::NotAlong(reason) => Error::NotAlong { path, reason },
            Self::Other(reason) => Error::Selection { path, reason },
        }
    }
}

/// The number of the axis with this name, which is taken then.
fn axis(array: &Array, name: &str, taken: &mut [bool]) -> std::result::Result<usize, Misfit> {
    let names = &array.dimension_names;
    let mut found = names.iter().enumerate().filter(|(_, one)| *one == name);
    let (axis, more) = (found.next(), found.next());
    let Some((axis, _)) = axis else {
        return Err(Misfit::NotAlong(match names.as_slice() {
            [] => format!("no dimension {name:?}: the array has none"),
            names => format!("no dimension {name:?}; the array has {}", names.join(", ")),
        }));
    };
    if more.is_some() {
        return Err(format!("two of its axes are of the dimension {name:?}").into());
    }
    match taken.get_mut(axis) {
        Some(taken) if !*taken => *taken = true,
        _ => return Err(format!("dimension {name:?} is selected twice").into()),
    }
    Ok(axis)
}

fn by_indices(axis: &mut SubsetAxis, indices: Indices) -> std::result::Result<(), String> {
    let length = axis.length;
    // From the end where it is negative, and not beyond either end.
    let place = |index: i64| {
        let size = index.unsigned_abs();
        if index < 0 {
            length.saturating_sub(size)
        } else {
            size.min(length)
        }
    };
    match indices {
        Indices::At(index) => {
            let size = index.unsigned_abs();
            let is_there = if index < 0 {
                size <= length
            } else {
                size < length
            };
            if !is_there {
                return Err(format!("index {index}: it has {length} elements"));
            }
            axis.windows = vec![Slice::at(place(index))];
            axis.dropped = true;
        }
        Indices::Slice { start, stop, step } => {
            let start = start.map_or(0, place);
            let stop = stop.map_or(length, place);
            axis.windows = if start < stop {
                vec![Slice::new(start, stop).with_step(step)]
            } else {
                Vec::new()
            };
        }
    }
    Ok(())
}

fn by_found(axis: &mut SubsetAxis, found: Found) {
    let wide = |place: usize| u64::try_from(place).unwrap_or(u64::MAX);
    match found {
        Found::One(place) => {
            axis.windows = vec![Slice::at(wide(place))];
            axis.dropped = true;
        }
        Found::Range(range) if range.is_empty() => axis.windows = Vec::new(),
        Found::Range(range) => axis.windows = vec![Slice::new(wide(range.start), wide(range.end))],
    }
}
