//! An array and what is written beside it.

use std::sync::Arc;

use chunkref::Store;
use chunkref::manifest::{Attributes, DataType, Manifest};
use chunkref::store::{Elements, Error, Inside, ReadOptions, Subset};
use futures::future::try_join_all;

use crate::failure::one_line;

/// An array and its coordinates.
#[derive(Debug)]
pub(crate) struct Variables {
    pub(crate) array: Variable,
    pub(crate) coordinates: Vec<Variable>,
    /// The attributes of its group.
    pub(crate) attributes: Attributes,
    /// Of a swath: which elements lie in the box.
    pub(crate) inside: Option<Inside>,
    /// For each dimension that is left: its places in the array that was read.
    pub(crate) places: Vec<(String, Vec<u64>)>,
}

/// A part of an array.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// The dimensions that are left.
    pub(crate) dimensions: Vec<String>,
    pub(crate) elements: Elements,
    pub(crate) attributes: Attributes,
}

impl Variable {
    pub(crate) fn is_empty(&self) -> bool {
        self.elements.shape.contains(&0)
    }

    /// Whether it is the coordinate of a dimension.
    pub(crate) fn is_of_dimension(&self) -> bool {
        self.dimensions == [self.name.as_str()]
    }
}

/// A part of an array, and nothing beside it.
pub(crate) async fn alone(
    store: &Store,
    path: &str,
    subset: &Subset,
    options: ReadOptions,
) -> Result<Variables, Error> {
    let array = variable(store, path, subset, options).await?;
    Ok(Variables {
        array,
        coordinates: Vec::new(),
        attributes: Attributes::new(),
        inside: None,
        places: Vec::new(),
    })
}

/// A part of an array, and the same of its coordinates.
pub(crate) async fn with_coordinates(
    store: &Store,
    path: &str,
    subset: &Subset,
    options: ReadOptions,
) -> Result<Variables, Error> {
    let mut paths = Vec::new();
    for path in store.coordinates(path, subset).await? {
        if is_of_variable_length(&described(store, &path).await?.1) {
            eprintln!(
                "warning: {}: a coordinate of strings of variable length, left out",
                one_line(&path)
            );
        } else {
            paths.push(path);
        }
    }
    let all = paths.iter().map(String::as_str).chain([path]);
    let reads = all.map(|path| variable(store, path, subset, options));
    let mut coordinates = try_join_all(reads.collect::<Vec<_>>()).await?;
    let array = coordinates.pop().ok_or_else(|| no_array(path))?;
    let (manifest, _) = described(store, path).await?;
    let group = path.rsplit_once('/').map_or("", |(group, _)| group);
    let attributes = manifest.group(group).map(|group| group.attributes.clone());
    let inside = subset.inside.clone();
    Ok(Variables {
        coordinates,
        attributes: attributes.unwrap_or_default(),
        inside: inside.filter(|inside| inside.dimensions.len() > 1),
        places: places(subset, array.is_empty()),
        array,
    })
}

async fn variable(
    store: &Store,
    path: &str,
    subset: &Subset,
    options: ReadOptions,
) -> Result<Variable, Error> {
    let elements = store.read_subset(path, subset, options).await?;
    let (_, array) = described(store, path).await?;
    let is_dropped = |name: &String| {
        let axis = subset.axes.iter().find(|axis| axis.name == *name);
        axis.is_some_and(|axis| axis.dropped)
    };
    let dimensions = array.dimension_names.iter();
    Ok(Variable {
        name: path.rsplit('/').next().unwrap_or(path).to_owned(),
        dimensions: dimensions
            .filter(|name| !is_dropped(name))
            .cloned()
            .collect(),
        elements,
        attributes: array.attributes,
    })
}

/// An array without its chunks, and the manifest around it.
pub(super) async fn described(
    store: &Store,
    path: &str,
) -> Result<(Arc<Manifest>, Described), Error> {
    let manifest = store.around_array(path).await?;
    let manifest = manifest.ok_or_else(|| no_array(path))?;
    let array = manifest.array(path).ok_or_else(|| no_array(path))?;
    let described = Described {
        data_type: array.data_type.clone(),
        dimension_names: array.dimension_names.clone(),
        attributes: array.attributes.clone(),
    };
    Ok((manifest, described))
}

/// What an array is.
pub(super) struct Described {
    pub(super) data_type: DataType,
    dimension_names: Vec<String>,
    attributes: Attributes,
}

/// Whether an array has elements of no fixed size.
pub(super) fn is_of_variable_length(array: &Described) -> bool {
    matches!(
        array.data_type,
        DataType::VariableString | DataType::VariableBytes
    )
}

fn no_array(path: &str) -> Error {
    Error::NoArray {
        path: path.to_owned(),
    }
}

/// For each dimension that is left the places that were read; of an empty array none, where others of
/// its dimensions may be as long as a file likes to say.
fn places(subset: &Subset, is_empty: bool) -> Vec<(String, Vec<u64>)> {
    let kept = subset.axes.iter().filter(|axis| !axis.dropped);
    kept.map(|axis| {
        let mut places = Vec::new();
        for window in axis.windows.iter().filter(|_| !is_empty) {
            let step = usize::try_from(window.step()).unwrap_or(usize::MAX);
            places.extend((window.start..window.stop).step_by(step));
        }
        if let Some(inside) = &subset.inside
            && inside.dimensions == [axis.name.as_str()]
        {
            let mut mask = inside.mask.iter();
            places.retain(|_| mask.next().copied().unwrap_or(false));
        }
        (axis.name.clone(), places)
    })
    .collect()
}
