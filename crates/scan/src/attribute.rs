//! Attributes of groups and datasets.

use chunkref_hdf5::{self as hdf5, Dataset, Dataspace, Datatype, Object, ObjectKind};
use chunkref_manifest::{Attribute, Attributes, DataType, Value};

use crate::data_type::{Refusal, attribute_type, split_axes};
use crate::element::fixed;
use crate::report::{RefusedAttribute, Report};
use crate::value::Decoder;

/// Attributes that say how the file is built, not what is in it; netCDF-C hides the same.
const HIDDEN: [&str; 6] = [
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_nc3_strict",
    "_NCProperties",
];

/// The attribute of this name.
pub(crate) fn find<'a>(object: &'a Object, name: &str) -> Option<&'a hdf5::Attribute> {
    object
        .attributes
        .iter()
        .find(|attribute| attribute.name == name)
}

/// The string that an attribute holds, if it is one of fixed length.
pub(crate) fn fixed_text<'a>(object: &'a Object, name: &str) -> Option<&'a [u8]> {
    let attribute = find(object, name)?;
    match attribute.datatype {
        Datatype::String { padding, .. } => Some(crate::value::trimmed(&attribute.data, padding)),
        _ => None,
    }
}

/// Whether a dataset is a dimension scale.
pub(crate) fn is_scale(object: &Object) -> bool {
    fixed_text(object, "CLASS").is_some_and(|class| before_padding(class) == b"DIMENSION_SCALE")
}

fn before_padding(text: &[u8]) -> &[u8] {
    crate::value::before_nul(text).trim_ascii_end()
}

/// The attributes of an object that are its content.
pub(crate) fn attributes(
    decoder: &Decoder<'_>,
    path: &str,
    object: &Object,
    report: &mut Report,
) -> Attributes {
    let scale = is_scale(object);
    let hidden = |name: &str| HIDDEN.contains(&name) || scale && matches!(name, "CLASS" | "NAME");
    let mut refuse = |name: &str, reason: String| {
        report.attributes_refused.push(RefusedAttribute {
            path: path.to_owned(),
            name: name.to_owned(),
            reason,
        });
    };
    for (name, error) in &object.refused_attributes {
        if !hidden(name) {
            refuse(name, error.to_string());
        }
    }
    let mut attributes = Attributes::new();
    for attribute in object.attributes.iter().filter(|one| !hidden(&one.name)) {
        match convert(decoder, attribute) {
            Ok(converted) => {
                let converted = match &object.kind {
                    ObjectKind::Dataset(dataset) if attribute.name == "_FillValue" => {
                        fill_record(converted, attribute, dataset)
                    }
                    _ => converted,
                };
                attributes.insert(attribute.name.clone(), converted);
            }
            Err(reason) => refuse(&attribute.name, reason),
        }
    }
    attributes
}

/// A `_FillValue` of a dataset of records, as an element of the array: what is one field there may
/// be several in the array.
fn fill_record(attribute: Attribute, stored: &hdf5::Attribute, dataset: &Dataset) -> Attribute {
    let (_, element) = split_axes(&dataset.datatype);
    let is_element = *element == stored.datatype && matches!(element, Datatype::Compound(_));
    if !is_element || stored.dataspace.elements() != Some(1) {
        return attribute;
    }
    let Ok(fixed) = fixed(element) else {
        return attribute;
    };
    let bytes = match &fixed.conversion {
        None => stored.data.to_vec(),
        Some(conversion) => conversion.apply(&stored.data).unwrap_or_default(),
    };
    let is_record = matches!(fixed.data_type, DataType::Record { .. });
    if !is_record || u32::try_from(bytes.len()).ok() != fixed.data_type.size() {
        return attribute;
    }
    Attribute {
        data_type: fixed.data_type,
        values: vec![Value::Bytes(bytes.into())],
        ..attribute
    }
}

/// One attribute; the axes of an array datatype come behind those of its dataspace.
fn convert(decoder: &Decoder<'_>, attribute: &hdf5::Attribute) -> Result<Attribute, Refusal> {
    let (axes, element) = split_axes(&attribute.datatype);
    let data_type = attribute_type(element)?;
    if attribute.dataspace == Dataspace::Null {
        return Ok(Attribute {
            data_type,
            shape: None,
            values: Vec::new(),
        });
    }
    let mut shape = attribute.dataspace.shape().to_vec();
    shape.extend(axes.iter().map(|&axis| u64::from(axis)));
    let count = if shape.contains(&0) {
        Some(0)
    } else {
        shape
            .iter()
            .try_fold(1_u64, |count, &axis| count.checked_mul(axis))
    };
    let count = count.ok_or_else(|| "more than 2^64 elements".to_owned())?;
    Ok(Attribute {
        data_type,
        shape: Some(shape),
        values: decoder.elements(element, &attribute.data, count)?,
    })
}

/// The integers that an attribute holds; `None` where it holds something else.
pub(crate) fn integers(decoder: &Decoder<'_>, object: &Object, name: &str) -> Option<Vec<i64>> {
    let converted = convert(decoder, find(object, name)?).ok()?;
    converted
        .values
        .iter()
        .map(|value| match value {
            Value::Int(value) => Some(*value),
            Value::UInt(value) => i64::try_from(*value).ok(),
            _ => None,
        })
        .collect()
}
