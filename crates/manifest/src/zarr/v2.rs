//! Zarr v2: `.zgroup`, `.zarray` and `.zattrs`, as kerchunk and fsspec expect them.
//!
//! xarray takes the `fill_value` of a v2 array for its `_FillValue`, whatever the attributes say,
//! and shows those elements as missing. So a document has one only where the file has the
//! attribute, and null otherwise: absent chunks then read as zeros, and where that would be wrong
//! they have to be there ([`absent_chunk`]).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use super::attributes::attributes_json;
use super::scalar::{Format, element, same, scalar_json, zero};
use crate::array::{Array, Codec, Group, Manifest};
use crate::chunk_grid::{cell_count, join};
use crate::data_type::{ByteOrder, DataType, Field};
use crate::error::{Error, Result};
use crate::tree::check_name;

/// The most absent chunks of one array that are written out.
pub const MAX_ABSENT_CHUNKS: u64 = 1_000_000;

/// The documents of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayDocuments {
    /// `.zarray`.
    pub zarray: Json,
    /// `.zattrs`.
    pub zattrs: Json,
}

/// The document `.zgroup`.
pub fn zgroup() -> Json {
    json!({"zarr_format": 2})
}

/// The document `.zattrs` of a group.
pub fn group_zattrs(group: &Group) -> Json {
    Json::Object(attributes_json(&group.attributes))
}

/// The documents of an array.
///
/// # Errors
/// When Zarr v2 can't say its type or its fill value, or it has not one dimension name and one
/// chunk length for each axis.
pub fn array_documents(array: &Array) -> Result<ArrayDocuments> {
    documents_with(array, array.codecs(), array.is_complete())
}

/// As [`array_documents`], for chunks that are not in the layout; `complete` where none is absent.
pub(crate) fn streamed_documents(array: &Array, complete: bool) -> Result<ArrayDocuments> {
    documents_with(array, array.codecs(), complete)
}

/// As [`array_documents`], for chunks that are decoded before they are served.
///
/// # Errors
/// As for [`array_documents`].
pub fn plain_documents(array: &Array) -> Result<ArrayDocuments> {
    documents_with(array, &[], array.is_complete())
}

fn documents_with(array: &Array, codecs: &[Codec], complete: bool) -> Result<ArrayDocuments> {
    array.check_axes()?;
    let mut attributes = attributes_json(&array.attributes);
    let fill_value = fill_value(array, complete)?;
    if !fill_value.is_null() {
        attributes.remove("_FillValue");
    } else if let Some(bytes) = fill_attribute(array)
        && !masks(&array.data_type)
    {
        // xarray compares with it: an object or a list can't be.
        attributes.insert("_FillValue".to_owned(), STANDARD.encode(bytes).into());
    } else if let Some(fill @ Json::Object(_)) = attributes.get("_FillValue") {
        // Of a record that is of another type.
        let text = fill.to_string();
        attributes.insert("_FillValue".to_owned(), text.into());
    }
    attributes.insert(
        "_ARRAY_DIMENSIONS".to_owned(),
        array.dimension_names.clone().into(),
    );
    let filters: Vec<Json> = codecs.iter().map(filter).collect::<Result<_>>()?;
    Ok(ArrayDocuments {
        zarray: json!({
            "zarr_format": 2,
            "shape": array.shape,
            "chunks": array.chunk_shape(),
            "dtype": dtype(&array.data_type)?,
            "compressor": null,
            "filters": if filters.is_empty() { Json::Null } else { Json::Array(filters) },
            "order": "C",
            "fill_value": fill_value,
            "dimension_separator": ".",
        }),
        zattrs: Json::Object(attributes),
    })
}

/// What a store must have under the keys of absent chunks: the encoded chunk of fill values, or
/// nothing (`None`) where the document says what they hold.
///
/// # Errors
/// When there must be such a chunk and the array has none, or there are more than
/// [`MAX_ABSENT_CHUNKS`].
pub fn absent_chunk(array: &Array) -> Result<Option<&Bytes>> {
    let stored = array.stored_chunks();
    let cells = cell_count(&array.chunk_grid()?).unwrap_or(u64::MAX);
    if stored >= cells || says_absent(array)? {
        return Ok(None);
    }
    let absent = cells.saturating_sub(stored);
    if absent > MAX_ABSENT_CHUNKS {
        return Err(too_many_absent(absent));
    }
    stand_in(array).map(Some)
}

/// Whether the documents of an array that lacks chunks say what those hold.
pub(crate) fn says_absent(array: &Array) -> Result<bool> {
    let zeros = !array.data_type.casts_zero() && fill_bytes(array).iter().all(|byte| *byte == 0);
    Ok(zeros || !fill_value(array, false)?.is_null())
}

pub(crate) fn too_many_absent(absent: u64) -> Error {
    Error::unsupported(format!(
        "{absent} absent chunks whose fill value a Zarr v2 document can't say (it is neither \
         zero nor _FillValue), expected at most {MAX_ABSENT_CHUNKS}"
    ))
}

/// The chunk that stands for absent ones of which the documents do not say what they hold.
pub(crate) fn stand_in(array: &Array) -> Result<&Bytes> {
    array.fill_chunk().ok_or_else(|| {
        Error::unsupported(
            "absent chunks whose fill value a Zarr v2 document can't say (it is neither zero nor \
             _FillValue), without an encoded chunk of it",
        )
    })
}

/// All documents with their keys, group by group: `.zgroup`, `.zattrs`, `a/.zarray`, ...
/// Arrays that are [beyond Zarr](Array::beyond_zarr) have none.
///
/// # Errors
/// As for [`array_documents`], with the path; and when a name can't be a part of a key.
pub fn documents(manifest: &Manifest) -> Result<Vec<(String, Json)>> {
    let mut documents = Vec::new();
    for (path, group) in manifest.groups() {
        let prefix = prefix(&path);
        let at = |error: Error| error.at(&path);
        for name in group.groups.keys().chain(group.arrays.keys()) {
            check_name(name).map_err(at)?;
        }
        documents.push((format!("{prefix}.zgroup"), zgroup()));
        documents.push((format!("{prefix}.zattrs"), group_zattrs(group)));
        let arrays = group.arrays.iter();
        for (name, array) in arrays.filter(|(_, array)| array.beyond_zarr().is_none()) {
            let ArrayDocuments { zarray, zattrs } =
                array_documents(array).map_err(|error| error.at(&format!("/{prefix}{name}")))?;
            documents.push((format!("{prefix}{name}/.zarray"), zarray));
            documents.push((format!("{prefix}{name}/.zattrs"), zattrs));
        }
    }
    Ok(documents)
}

/// The document `.zmetadata`, which holds all others.
///
/// # Errors
/// As for [`documents`].
pub fn consolidated(manifest: &Manifest) -> Result<Json> {
    documents(manifest).map(consolidate)
}

/// The document `.zmetadata` of all others.
pub(crate) fn consolidate(documents: Vec<(String, Json)>) -> Json {
    let metadata: Map<String, Json> = documents.into_iter().collect();
    let mut whole = Map::new();
    whole.insert("zarr_consolidated_format".to_owned(), 1.into());
    whole.insert("metadata".to_owned(), metadata.into());
    whole.into()
}

/// The key of the chunk at this place in the grid, within its array: `1.2`, or `0` for a scalar.
pub fn chunk_key(coordinates: &[u64]) -> String {
    if coordinates.is_empty() {
        "0".to_owned()
    } else {
        join(coordinates, '.')
    }
}

/// A data type as Zarr v2 writes it: NumPy's type string, or its list of fields.
///
/// # Errors
/// When Zarr v2 can't say it.
pub fn dtype(data_type: &DataType) -> Result<Json> {
    Ok(match data_type {
        DataType::Bool => "|b1".into(),
        DataType::Int { size, order } => number('i', *size, *order),
        DataType::UInt { size, order } => number('u', *size, *order),
        DataType::Float { size, order } => number('f', *size, *order),
        DataType::Complex { size, order } => number('c', *size, *order),
        DataType::FixedString { length: 0 } | DataType::Raw { length: 0 } => {
            return Err(Error::unsupported("elements of length zero"));
        }
        DataType::FixedString { length } => format!("|S{length}").into(),
        DataType::Raw { length } => format!("|V{length}").into(),
        DataType::Record { size, fields } => Json::Array(
            with_padding(*size, fields)?
                .into_iter()
                .map(|field| {
                    let mut descr = vec![Json::from(field.name), dtype(&field.data_type)?];
                    if !field.shape.is_empty() {
                        descr.push(field.shape.into());
                    }
                    Ok(Json::Array(descr))
                })
                .collect::<Result<_>>()?,
        ),
        DataType::VariableString | DataType::VariableBytes => "|O".into(),
        DataType::Sequence { .. } => {
            return Err(Error::unsupported("sequences of variable length"));
        }
        DataType::Reference => return Err(Error::unsupported("references")),
    })
}

/// Why zarr-python 3.1 can't open a v2 array of this type though the format can say it; `None` if
/// it can.
pub fn zarr_python_refuses(data_type: &DataType) -> Option<&'static str> {
    let DataType::Record { fields, .. } = data_type else {
        return None;
    };
    fields.iter().find_map(|field| {
        if matches!(field.data_type, DataType::Record { .. }) {
            Some("records within records")
        } else if field.shape.is_empty() {
            None
        } else {
            Some("arrays within records")
        }
    })
}

/// The fields of a record with its gaps as fields of their own, named so that no other field has
/// that name.
pub(super) fn with_padding(size: u32, fields: &[Field]) -> Result<Vec<Field>> {
    let mut padded = Vec::new();
    let mut end = 0_u32;
    for field in fields {
        let repeated = fields.iter().filter(|other| other.name == field.name);
        if field.name.is_empty() || repeated.count() > 1 {
            return Err(Error::unsupported(format!(
                "records with a field name that is empty or repeated ({:?})",
                field.name
            )));
        }
        padding(&mut padded, fields, end, field.offset)?;
        let elements = field
            .shape
            .iter()
            .try_fold(1_u32, |product, length| product.checked_mul(*length));
        end = field
            .data_type
            .size()
            .and_then(|size| size.checked_mul(elements?))
            .and_then(|length| field.offset.checked_add(length))
            .filter(|end| *end <= size)
            .ok_or_else(|| {
                Error::unsupported(format!(
                    "records with a field of variable length or beyond their size ({:?})",
                    field.name
                ))
            })?;
        padded.push(field.clone());
    }
    padding(&mut padded, fields, end, size)?;
    if padded.is_empty() {
        return Err(Error::unsupported("records without fields"));
    }
    Ok(padded)
}

fn padding(padded: &mut Vec<Field>, fields: &[Field], start: u32, end: u32) -> Result<()> {
    let length = end
        .checked_sub(start)
        .ok_or_else(|| Error::unsupported("records with fields that overlap"))?;
    if length == 0 {
        return Ok(());
    }
    let mut name = format!("_pad{start}");
    while fields.iter().any(|field| field.name == name) {
        name.insert(0, '_');
    }
    padded.push(Field {
        name,
        offset: start,
        data_type: DataType::Raw { length },
        shape: Vec::new(),
    });
    Ok(())
}

fn number(kind: char, size: u8, order: ByteOrder) -> Json {
    let order = match (size, order) {
        (1, _) => '|',
        (_, ByteOrder::Little) => '<',
        (_, ByteOrder::Big) => '>',
    };
    format!("{order}{kind}{size}").into()
}

fn filter(codec: &Codec) -> Result<Json> {
    Ok(match codec {
        Codec::Shuffle { element_size } => json!({"id": "shuffle", "elementsize": element_size}),
        Codec::Zlib { level } => json!({"id": "zlib", "level": level}),
        Codec::Fletcher32 => json!({"id": "fletcher32"}),
        Codec::Zstd { level } => json!({"id": "zstd", "level": level}),
        Codec::Bz2 { level } => json!({"id": "bz2", "level": level}),
        // What else a decoder needs stands in each chunk.
        Codec::Blosc { .. } => {
            json!({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0})
        }
        Codec::Hdf5 { id, .. } => {
            return Err(Error::unsupported(format!("HDF5 filter {id} as a codec")));
        }
        Codec::VlenUtf8 => json!({"id": "vlen-utf8"}),
        Codec::VlenBytes => json!({"id": "vlen-bytes"}),
        Codec::Convert(conversion) => return Err(Error::unsupported(conversion.reason.clone())),
    })
}

/// Keys under the group at `path` begin with this.
pub(crate) fn prefix(path: &str) -> String {
    match path.trim_start_matches('/') {
        "" => String::new(),
        path => format!("{path}/"),
    }
}

/// The `fill_value` of the document: `_FillValue` where absent chunks hold just that or there are
/// none, otherwise null.
fn fill_value(array: &Array, complete: bool) -> Result<Json> {
    let data_type = &array.data_type;
    let fill = fill_bytes(array);
    if scalar_json(data_type, &fill, Format::V2).is_none() {
        return Err(Error::unsupported(format!(
            "a fill value of {} bytes for elements of {data_type}",
            fill.len()
        )));
    }
    let Some(attribute) = fill_attribute(array).filter(|_| masks(data_type)) else {
        return Ok(Json::Null);
    };
    if complete || same(data_type, &attribute, &fill) {
        Ok(scalar_json(data_type, &attribute, Format::V2).unwrap_or_default())
    } else {
        Ok(Json::Null)
    }
}

/// Whether xarray can mask elements of this type: it can't compare records and raw bytes.
pub(super) fn masks(data_type: &DataType) -> bool {
    !matches!(
        data_type,
        DataType::Raw { .. } | DataType::Record { .. } | DataType::VariableBytes
    )
}

/// The attribute `_FillValue` as an element, if it is one that the type can hold.
pub(super) fn fill_attribute(array: &Array) -> Option<Vec<u8>> {
    match array.attributes.get("_FillValue")?.values.as_slice() {
        [value] => element(&array.data_type, value),
        _ => None,
    }
}

/// What absent chunks hold, as an element.
pub(crate) fn fill_bytes(array: &Array) -> Vec<u8> {
    match &array.fill_value {
        Some(bytes) => bytes.to_vec(),
        None => zero(&array.data_type),
    }
}
