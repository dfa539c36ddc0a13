//! Zarr v2 documents that others wrote, as the model has it.
//!
//! What the model can't say refuses the array with a reason; nothing is left out in silence.

mod attributes;
mod codecs;
mod dtype;
mod fill;

use serde_json::{Map, Value as Json};

pub(crate) use attributes::attributes;

use super::scalar::{element, same};
use crate::array::{Array, Layout};
use crate::attribute::Attribute;
use crate::chunk_grid::{cell_count, chunk_grid};
use crate::chunk_table::ChunkTable;
use fill::fill_value;

/// The most axes of an array, as in NumPy.
const MAX_AXES: usize = 64;

/// An array whose chunks are not known yet.
#[derive(Debug)]
pub(crate) struct V2Array {
    /// Its layout is an empty table.
    pub(crate) array: Array,
    /// Between the places in its chunk keys.
    pub(crate) separator: char,
    /// Chunks along each axis.
    pub(crate) grid: Vec<u64>,
    /// What a user should know.
    pub(crate) remarks: Vec<String>,
}

/// The array that `.zarray` and `.zattrs` describe; its name is for dimensions without one.
///
/// # Errors
/// The reason, where the model can't say it or it contradicts the format.
pub(crate) fn v2_array(
    zarray: &Json,
    zattrs: Option<&Map<String, Json>>,
    name: &str,
) -> Result<V2Array, String> {
    let document = zarray.as_object().ok_or(".zarray: expected an object")?;
    let member = |name: &str| document.get(name).unwrap_or(&Json::Null);
    match member("zarr_format").as_u64() {
        Some(2) => {}
        _ => {
            return Err(format!(
                "zarr_format {}, expected 2",
                brief(member("zarr_format"))
            ));
        }
    }
    let shape = lengths(member("shape"), "shape")?;
    let mut chunk_shape = lengths(member("chunks"), "chunks")?;
    for (length, chunk) in shape.iter().zip(&mut chunk_shape) {
        // Some writers give an empty axis chunks of length zero.
        if *length == 0 && *chunk == 0 {
            *chunk = 1;
        }
    }
    let grid = chunk_grid(&shape, &chunk_shape).ok_or_else(|| {
        format!("chunks {chunk_shape:?} for the shape {shape:?}, expected one length above zero for each axis")
    })?;
    if cell_count(&grid).is_none() {
        return Err(format!("chunk grid {grid:?}: more than 2^64 - 1 chunks"));
    }
    match member("order").as_str() {
        Some("C") => {}
        // One axis is the same in either order.
        Some("F") if shape.len() < 2 => {}
        _ => {
            return Err(format!(
                "order {} is not supported, expected \"C\"",
                brief(member("order"))
            ));
        }
    }
    let separator = match document.get("dimension_separator") {
        None | Some(Json::Null) => '.',
        Some(Json::String(text)) if text == "." => '.',
        Some(Json::String(text)) if text == "/" => '/',
        Some(other) => {
            return Err(format!(
                "dimension_separator {}, expected \".\" or \"/\"",
                brief(other)
            ));
        }
    };
    let objects = codecs::object_codec(member("filters"))?;
    let data_type = dtype::data_type(member("dtype"), objects)?;
    let codecs = codecs::codecs(member("filters"), member("compressor"), &data_type)?;
    let mut remarks = Vec::new();
    let mut attributes = attributes(zattrs.unwrap_or(&Map::new()));
    let names = attributes.remove("_ARRAY_DIMENSIONS");
    let names = zattrs
        .filter(|_| names.is_some())
        .and_then(|zattrs| zattrs.get("_ARRAY_DIMENSIONS"));
    let dimension_names = dimension_names(names, shape.len(), name, &mut remarks);
    let fill = fill_value(&data_type, member("fill_value"))?;
    let fill_bytes = fill.as_ref().map(|fill| fill.bytes.clone());
    if let Some(attribute) = fill.and_then(|fill| fill.attribute) {
        // Readers take a v2 `fill_value` for `_FillValue`, whatever the attributes say.
        let said = attributes.insert("_FillValue".to_owned(), attribute);
        let agrees = |said: &Attribute| match said.values.as_slice() {
            [value] => element(&data_type, value)
                .zip(fill_bytes.as_deref())
                .is_some_and(|(said, fill)| same(&data_type, &said, fill)),
            _ => false,
        };
        if said.is_some_and(|said| !agrees(&said)) {
            remarks.push(
                "its attribute _FillValue gives way to its fill_value, as in every reader"
                    .to_owned(),
            );
        }
    }
    Ok(V2Array {
        array: Array {
            shape,
            data_type,
            dimension_names,
            fill_value: fill_bytes,
            attributes,
            layout: Layout::Chunked {
                chunk_shape,
                codecs,
                chunks: ChunkTable::default(),
                fill_chunk: None,
            },
        },
        separator,
        grid,
        remarks,
    })
}

fn lengths(value: &Json, what: &str) -> Result<Vec<u64>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("{what} {}, expected a list of lengths", brief(value)))?;
    if list.len() > MAX_AXES {
        return Err(format!(
            "{what} of {} axes, expected at most {MAX_AXES}",
            list.len()
        ));
    }
    list.iter()
        .map(|length| {
            length.as_u64().ok_or_else(|| {
                format!(
                    "{what}: {}, expected a length of 0 to 2^64 - 1",
                    brief(length)
                )
            })
        })
        .collect()
}

/// `_ARRAY_DIMENSIONS`; where they are no name for each axis, names that no other array has.
fn dimension_names(
    names: Option<&Json>,
    axes: usize,
    array: &str,
    remarks: &mut Vec<String>,
) -> Vec<String> {
    if let Some(names) = names {
        let list = names.as_array().map(Vec::as_slice).unwrap_or_default();
        let texts: Vec<_> = list.iter().filter_map(Json::as_str).collect();
        if names.is_array() && texts.len() == list.len() && texts.len() == axes {
            return texts.into_iter().map(str::to_owned).collect();
        }
        remarks.push(format!(
            "_ARRAY_DIMENSIONS {} gives no name to each of its {axes} axes",
            brief(names)
        ));
    }
    (0..axes)
        .map(|axis| format!("{array}_dim_{axis}"))
        .collect()
}

/// A value as it may stand in a message: not longer than a line.
pub(crate) fn brief(value: &Json) -> String {
    let text = value.to_string();
    if text.chars().nth(80).is_none() {
        return text;
    }
    let start: String = text.chars().take(80).collect();
    format!("{start}...")
}
