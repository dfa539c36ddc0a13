//! What a manifest must hold so that granules can be sorted.

use bytes::Bytes;
use chunkref_manifest::{Array, Attribute, DataType, Layout, Manifest};
use chunkref_store::Elements;

use crate::units::{array_mut, sibling};
use crate::{coordinate, inline};

/// Paths of arrays whose values granules are sorted by along a dimension, and that are not in the
/// manifest: its coordinate, and that one's bounds.
///
/// Only numbers count, as nothing else is sorted by. [`hold`] puts values in.
pub fn not_held(manifest: &Manifest, dimension: &str) -> Vec<String> {
    let Some((path, coordinate)) = coordinate::find(manifest, dimension) else {
        return Vec::new();
    };
    let bounds = coordinate.attributes.get("bounds");
    let bounds = bounds.and_then(Attribute::as_text);
    let bounds = bounds.map(|name| sibling(&path, name));
    let mut paths = vec![path];
    paths.extend(bounds);
    paths.dedup();
    paths.retain(|path| manifest.array(path).is_some_and(is_wanted));
    paths
}

fn is_wanted(array: &Array) -> bool {
    let is_number = matches!(
        array.data_type,
        DataType::Int { .. } | DataType::UInt { .. } | DataType::Float { .. }
    );
    is_number && !array.shape.contains(&0) && inline::held(array).is_none()
}

/// Coordinates of other dimensions than that which granules are joined along, with their values where those
/// are in the manifest. They are the first granule's in what is joined, and say where the values of all lie.
///
/// Only those whose elements have one size count.
pub fn beside(manifest: &Manifest, dimension: &str) -> Vec<(String, Option<Bytes>)> {
    let arrays = manifest.arrays().filter_map(|(path, array)| {
        let path = path.trim_start_matches('/');
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let is_coordinate = matches!(array.dimension_names.as_slice(), [only] if only == name);
        let is_wanted = is_coordinate && name != dimension && array.data_type.size().is_some();
        is_wanted.then(|| (path.to_owned(), inline::held(array)))
    });
    arrays.collect()
}

/// Puts the values of an array into a manifest, in place of where they lie; whether they are values of
/// that array.
#[must_use]
pub fn hold(manifest: &mut Manifest, path: &str, values: Elements) -> bool {
    let array = array_mut(&mut manifest.root, path);
    let Some(array) = array.filter(|array| {
        array.shape == values.shape
            && array.data_type == values.data_type
            && inline::byte_size(array) == Some(values.bytes.len())
    }) else {
        return false;
    };
    array.layout = Layout::Inline { data: values.bytes };
    true
}
