//! Zarr v3: `zarr.json`, with the names that zarr-python 3.1 gives to what the format leaves open.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::attributes::attributes_json;
use super::scalar::{Format, scalar_json};
use super::v2::{fill_attribute, fill_bytes, prefix, with_padding};
use crate::array::{Array, Codec, Group, Manifest};
use crate::chunk_grid::join;
use crate::data_type::{ByteOrder, DataType};
use crate::error::{Error, Result};

/// The document `zarr.json` of a group, without consolidated metadata.
pub fn group_document(group: &Group) -> Json {
    json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes_json(&group.attributes),
    })
}

/// The document `zarr.json` of the root group, with the documents of all below it.
///
/// # Errors
/// As for [`documents`].
pub fn consolidated(manifest: &Manifest) -> Result<Json> {
    let metadata: Map<String, Json> = documents(manifest)?
        .into_iter()
        .filter_map(|(key, document)| Some((key.strip_suffix("/zarr.json")?.to_owned(), document)))
        .collect();
    let mut root = group_document(&manifest.root);
    if let Some(root) = root.as_object_mut() {
        root.insert(
            "consolidated_metadata".to_owned(),
            json!({"kind": "inline", "must_understand": false, "metadata": metadata}),
        );
    }
    Ok(root)
}

/// All documents with their keys, group by group: `zarr.json`, `a/zarr.json`, ...
///
/// # Errors
/// As for [`array_document`], with the path; and when a name can't be a part of a key.
pub fn documents(manifest: &Manifest) -> Result<Vec<(String, Json)>> {
    let mut documents = Vec::new();
    for (path, group) in manifest.groups() {
        let prefix = prefix(&path);
        for name in group.groups.keys().chain(group.arrays.keys()) {
            crate::tree::check_name(name).map_err(|error| error.at(&path))?;
        }
        documents.push((format!("{prefix}zarr.json"), group_document(group)));
        let arrays = group.arrays.iter();
        for (name, array) in arrays.filter(|(_, array)| array.beyond_zarr().is_none()) {
            let document =
                array_document(array).map_err(|error| error.at(&format!("/{prefix}{name}")))?;
            documents.push((format!("{prefix}{name}/zarr.json"), document));
        }
    }
    Ok(documents)
}

/// The document `zarr.json` of an array.
///
/// # Errors
/// When Zarr v3 can't say its type or its fill value, or it has not one dimension name and one
/// chunk length for each axis.
pub fn array_document(array: &Array) -> Result<Json> {
    document_with(array, array.codecs())
}

/// As [`array_document`], for chunks that are decoded before they are served.
///
/// # Errors
/// As for [`array_document`].
pub fn plain_document(array: &Array) -> Result<Json> {
    document_with(array, &[])
}

fn document_with(array: &Array, codecs: &[Codec]) -> Result<Json> {
    array.check_axes()?;
    let fill = fill_bytes(array);
    let fill_value = scalar_json(&array.data_type, &fill, Format::V3).ok_or_else(|| {
        Error::unsupported(format!(
            "a fill value of {} bytes for elements of {}",
            fill.len(),
            array.data_type
        ))
    })?;
    let mut attributes = attributes_json(&array.attributes);
    if attributes.remove("_FillValue").is_some()
        && let Some(value) =
            fill_attribute(array).and_then(|bytes| xarray_fill_value(&array.data_type, &bytes))
    {
        attributes.insert("_FillValue".to_owned(), value);
    }
    Ok(json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": array.shape,
        "data_type": data_type(&array.data_type)?,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": array.chunk_shape()},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill_value,
        "codecs": all_codecs(array, codecs)?,
        "dimension_names": array.dimension_names,
        "attributes": attributes,
    }))
}

/// The key of the chunk at this place in the grid, within its array: `c/1/2`, or `c` for a scalar.
pub fn chunk_key(coordinates: &[u64]) -> String {
    if coordinates.is_empty() {
        "c".to_owned()
    } else {
        format!("c/{}", join(coordinates, '/'))
    }
}

/// A data type as zarr-python 3.1 writes it in v3 documents.
///
/// # Errors
/// When v3 can't say it, such as records with big-endian fields: its codec `bytes` swaps whole
/// elements, and zarr-python would read them as little-endian.
pub fn data_type(data_type: &DataType) -> Result<Json> {
    let bits = |size: u8| u32::from(size).saturating_mul(8);
    Ok(match data_type {
        DataType::Bool => "bool".into(),
        DataType::Int { size, .. } => format!("int{}", bits(*size)).into(),
        DataType::UInt { size, .. } => format!("uint{}", bits(*size)).into(),
        DataType::Float { size, .. } => format!("float{}", bits(*size)).into(),
        DataType::Complex { size, .. } => format!("complex{}", bits(*size)).into(),
        DataType::FixedString { length: 0 } | DataType::Raw { length: 0 } => {
            return Err(Error::unsupported("elements of length zero"));
        }
        DataType::FixedString { length } => {
            json!({"name": "null_terminated_bytes", "configuration": {"length_bytes": length}})
        }
        DataType::Raw { length } => {
            json!({"name": "raw_bytes", "configuration": {"length_bytes": length}})
        }
        DataType::Record { size, fields } => {
            json!({"name": "structured", "configuration": {"fields": record(*size, fields)?}})
        }
        DataType::VariableString => "string".into(),
        DataType::VariableBytes => "variable_length_bytes".into(),
        DataType::Sequence { .. } => {
            return Err(Error::unsupported("sequences of variable length"));
        }
        DataType::Reference => return Err(Error::unsupported("references")),
    })
}

fn record(size: u32, fields: &[crate::data_type::Field]) -> Result<Vec<Json>> {
    with_padding(size, fields)?
        .into_iter()
        .map(|field| {
            if byte_order(&field.data_type) == Some(ByteOrder::Big) {
                return Err(Error::unsupported(format!(
                    "Zarr v3 records with big-endian fields ({:?})",
                    field.name
                )));
            }
            if !field.shape.is_empty() {
                return Err(Error::unsupported(format!(
                    "Zarr v3 records with array fields ({:?})",
                    field.name
                )));
            }
            Ok(json!([field.name, data_type(&field.data_type)?]))
        })
        .collect()
}

fn all_codecs(array: &Array, bytes_codecs: &[Codec]) -> Result<Vec<Json>> {
    let mut codecs = Vec::new();
    if !matches!(
        array.data_type,
        DataType::VariableString | DataType::VariableBytes
    ) {
        let endian = match byte_order(&array.data_type) {
            Some(ByteOrder::Big) => "big",
            Some(ByteOrder::Little) | None => "little",
        };
        codecs.push(json!({"name": "bytes", "configuration": {"endian": endian}}));
    }
    for codec in bytes_codecs {
        codecs.push(codec_json(codec)?);
    }
    Ok(codecs)
}

fn codec_json(codec: &Codec) -> Result<Json> {
    let (name, configuration) = match codec {
        Codec::Shuffle { element_size } => {
            ("numcodecs.shuffle", json!({"elementsize": element_size}))
        }
        Codec::Zlib { level } => ("numcodecs.zlib", json!({"level": level})),
        Codec::Fletcher32 => ("numcodecs.fletcher32", json!({})),
        Codec::Zstd { level } => ("zstd", json!({"level": level, "checksum": false})),
        Codec::Bz2 { level } => ("numcodecs.bz2", json!({"level": level})),
        // What else a decoder needs stands in each chunk.
        Codec::Blosc { element_size } => (
            "blosc",
            json!({
                "typesize": element_size, "cname": "lz4", "clevel": 5, "shuffle": "shuffle",
                "blocksize": 0,
            }),
        ),
        Codec::Hdf5 { id, .. } => {
            return Err(Error::unsupported(format!("HDF5 filter {id} as a codec")));
        }
        Codec::VlenUtf8 => ("vlen-utf8", json!({})),
        Codec::VlenBytes => ("vlen-bytes", json!({})),
        Codec::Convert(conversion) => return Err(Error::unsupported(conversion.reason.clone())),
    };
    Ok(json!({"name": name, "configuration": configuration}))
}

/// The byte order of numbers; `None` where there is none or one byte.
fn byte_order(data_type: &DataType) -> Option<ByteOrder> {
    match data_type {
        DataType::Int { size: 1, .. } | DataType::UInt { size: 1, .. } => None,
        DataType::Int { order, .. }
        | DataType::UInt { order, .. }
        | DataType::Float { order, .. }
        | DataType::Complex { order, .. } => Some(*order),
        _ => None,
    }
}

/// `_FillValue` as xarray's `FillValueCoder` decodes it from v3 attributes: integers and booleans
/// plain, floats as base64 of a little-endian f64. `None` for types it fails on, which leaves the
/// attribute out: one that can't be decoded keeps xarray from opening the group.
fn xarray_fill_value(data_type: &DataType, bytes: &[u8]) -> Option<Json> {
    let base64 = |value: Json| {
        let value = match value {
            Json::String(special) => special.parse().unwrap_or(f64::NAN),
            value => value.as_f64()?,
        };
        Some(Json::from(STANDARD.encode(value.to_le_bytes())))
    };
    let value = scalar_json(data_type, bytes, Format::V2)?;
    match (data_type, value) {
        (DataType::Bool | DataType::Int { .. } | DataType::UInt { .. }, value) => Some(value),
        (DataType::Float { .. }, value) => base64(value),
        (DataType::Complex { .. }, Json::Array(parts)) => parts
            .into_iter()
            .map(base64)
            .collect::<Option<Vec<_>>>()
            .map(Json::Array),
        _ => None,
    }
}
