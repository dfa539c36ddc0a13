//! Single elements: their bytes, and the JSON that Zarr's fill values are written in.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::attributes::float_json;
use crate::attribute::Value;
use crate::data_type::{ByteOrder, DataType, Field};

/// A version of the Zarr format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    V2,
    V3,
}

/// An element of zeros (an empty string), as an element's bytes.
pub(crate) fn zero(data_type: &DataType) -> Vec<u8> {
    let size = data_type.size().unwrap_or(0);
    vec![0; usize::try_from(size).unwrap_or(0)]
}

/// The bytes of an element that equals `value` exactly, in the byte order of the type; those of a
/// [`DataType::VariableString`] are its UTF-8. `None` when the type can't hold the value.
pub(crate) fn element(data_type: &DataType, value: &Value) -> Option<Vec<u8>> {
    match data_type {
        DataType::Bool => match integer(value)? {
            0 => Some(vec![0]),
            1 => Some(vec![1]),
            _ => None,
        },
        DataType::Int { size, order } => {
            let value = i64::try_from(integer(value)?).ok()?;
            let bits = u32::from(*size).checked_mul(8)?;
            let unused = 64_u32.checked_sub(bits)?;
            let narrow = value.checked_shl(unused)?.checked_shr(unused)?;
            (narrow == value).then(|| ordered(&value.to_le_bytes(), *size, *order))?
        }
        DataType::UInt { size, order } => {
            let value = u64::try_from(integer(value)?).ok()?;
            let bytes = value.to_le_bytes();
            let unused = bytes.get(usize::from(*size)..)?;
            unused
                .iter()
                .all(|byte| *byte == 0)
                .then(|| ordered(&bytes, *size, *order))?
        }
        DataType::Float { size, order } => float(number(value)?, *size, *order),
        DataType::Complex { size, order } => {
            let (real, imaginary) = match value {
                Value::Complex(real, imaginary) => (*real, *imaginary),
                value => (number(value)?, 0.0),
            };
            let half = size.checked_div(2)?;
            let mut bytes = float(real, half, *order)?;
            bytes.extend(float(imaginary, half, *order)?);
            Some(bytes)
        }
        DataType::FixedString { length } => {
            let mut bytes = match value {
                Value::Text(text) => text.as_bytes().to_vec(),
                Value::Bytes(bytes) => bytes.to_vec(),
                _ => return None,
            };
            let length = usize::try_from(*length).ok()?;
            if bytes.len() > length {
                return None;
            }
            bytes.resize(length, 0);
            Some(bytes)
        }
        DataType::Raw { length } => match value {
            Value::Bytes(bytes) if u32::try_from(bytes.len()) == Ok(*length) => {
                Some(bytes.to_vec())
            }
            _ => None,
        },
        DataType::Record { fields, .. } => match value {
            Value::Record(values) => record(data_type, fields, values),
            // As it lies in the chunks: fields of a flattened record have no values of their own.
            Value::Bytes(bytes) if u32::try_from(bytes.len()).ok() == data_type.size() => {
                Some(bytes.to_vec())
            }
            _ => None,
        },
        DataType::VariableBytes => match value {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        },
        DataType::VariableString => match value {
            Value::Text(text) => Some(text.as_bytes().to_vec()),
            _ => None,
        },
        DataType::Sequence { .. } | DataType::Reference => None,
    }
}

fn record(data_type: &DataType, fields: &[Field], values: &[(String, Value)]) -> Option<Vec<u8>> {
    let mut bytes = zero(data_type);
    for field in fields {
        let (_, value) = values.iter().find(|(name, _)| *name == field.name)?;
        let encoded = elements(&field.data_type, value)?;
        let start = usize::try_from(field.offset).ok()?;
        let end = start.checked_add(encoded.len())?;
        bytes.get_mut(start..end)?.copy_from_slice(&encoded);
    }
    Some(bytes)
}

/// The elements of a field, which may have axes of its own.
fn elements(data_type: &DataType, value: &Value) -> Option<Vec<u8>> {
    let Value::List(values) = value else {
        return element(data_type, value);
    };
    let each = values.iter().map(|value| elements(data_type, value));
    Some(each.collect::<Option<Vec<_>>>()?.concat())
}

/// An element's bytes as the fill value of a Zarr document; `None` if their number is not that of
/// the type.
pub(crate) fn scalar_json(data_type: &DataType, bytes: &[u8], format: Format) -> Option<Json> {
    if let Some(size) = data_type.size()
        && usize::try_from(size) != Ok(bytes.len())
    {
        return None;
    }
    match data_type {
        DataType::Bool => Some(Json::from(bytes.first()? != &0)),
        DataType::Int { order, .. } => {
            let mut bytes = little(bytes, *order);
            let sign = if bytes.last()? & 0x80 == 0 { 0 } else { 0xff };
            bytes.resize(8, sign);
            Some(Json::from(i64::from_le_bytes(bytes.try_into().ok()?)))
        }
        DataType::UInt { order, .. } => {
            let mut bytes = little(bytes, *order);
            bytes.resize(8, 0);
            Some(Json::from(u64::from_le_bytes(bytes.try_into().ok()?)))
        }
        DataType::Float { order, .. } => part_json(&little(bytes, *order), format),
        DataType::Complex { order, .. } => {
            let (real, imaginary) = bytes.split_at_checked(bytes.len().checked_div(2)?)?;
            Some(Json::Array(vec![
                part_json(&little(real, *order), format)?,
                part_json(&little(imaginary, *order), format)?,
            ]))
        }
        DataType::FixedString { .. }
        | DataType::Raw { .. }
        | DataType::Record { .. }
        | DataType::VariableBytes => Some(Json::from(STANDARD.encode(bytes))),
        DataType::VariableString => Some(Json::from(std::str::from_utf8(bytes).ok()?)),
        DataType::Sequence { .. } | DataType::Reference => None,
    }
}

/// Whether two elements are the same value: the same bytes, or numbers that are no number.
pub(crate) fn same(data_type: &DataType, one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    let DataType::Float { order, .. } = data_type else {
        return false;
    };
    [one, other]
        .iter()
        .all(|bytes| float_value(&little(bytes, *order)).is_some_and(f64::is_nan))
}

/// The value of a float of 2, 4 or 8 bytes, least significant first.
fn float_value(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        2 => Some(half_value(u16::from_le_bytes(bytes.try_into().ok()?))),
        4 => Some(f64::from(f32::from_le_bytes(bytes.try_into().ok()?))),
        8 => Some(f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

fn part_json(bytes: &[u8], format: Format) -> Option<Json> {
    let value = float_value(bytes)?;
    // Zarr v3: "NaN" is the quiet one with sign and payload zero, others are given bit by bit.
    if format == Format::V3
        && value.is_nan()
        && bytes != float(f64::NAN, u8::try_from(bytes.len()).ok()?, ByteOrder::Little)?
    {
        let mut hex = String::from("0x");
        for byte in bytes.iter().rev() {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        return Some(Json::from(hex));
    }
    Some(float_json(value))
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(value) => Some(i128::from(*value)),
        Value::Int(value) => Some(i128::from(*value)),
        Value::UInt(value) => Some(i128::from(*value)),
        // Every whole f64 below 2^63 prints as its digits alone.
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 9.3e18 => {
            format!("{value:.0}").parse().ok()
        }
        _ => None,
    }
}

/// The value as f64, if that is exact.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        value => {
            let integer = integer(value)?;
            let number: f64 = integer.to_string().parse().ok()?;
            (format!("{number:.0}") == integer.to_string()).then_some(number)
        }
    }
}

/// The bytes of a float that equals `value` exactly.
fn float(value: f64, size: u8, order: ByteOrder) -> Option<Vec<u8>> {
    let bytes = match size {
        2 => half_bits(value)?.to_le_bytes().to_vec(),
        4 => single(value)?.to_le_bytes().to_vec(),
        8 if value.is_nan() => 0x7ff8_0000_0000_0000_u64.to_le_bytes().to_vec(),
        8 => value.to_le_bytes().to_vec(),
        _ => return None,
    };
    ordered(&bytes, size, order)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the standard library has no other way from f64 to f32; the result is compared"
)]
fn single(value: f64) -> Option<f32> {
    if value.is_nan() {
        return Some(f32::from_bits(0x7fc0_0000));
    }
    let single = value as f32;
    (f64::from(single).to_bits() == value.to_bits()).then_some(single)
}

/// IEEE 754 binary16 as f64, exactly.
fn half_value(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2_f64.powi(exponent.saturating_sub(25)),
    };
    sign * magnitude
}

/// The binary16 that equals `value`, if there is one.
fn half_bits(value: f64) -> Option<u16> {
    if value.is_nan() {
        return Some(0x7e00);
    }
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    // Magnitudes ascend with their bits; 0x7c00 is infinity.
    let (mut low, mut high) = (0_u16, 0x7c00_u16);
    while low < high {
        let middle = low.midpoint(high);
        if half_value(middle) < value.abs() {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    (half_value(low).to_bits() == value.abs().to_bits()).then_some(low | sign)
}

/// The first `size` of some little-endian bytes, in the wanted order.
fn ordered(bytes: &[u8], size: u8, order: ByteOrder) -> Option<Vec<u8>> {
    Some(little(bytes.get(..usize::from(size))?, order))
}

/// Turns bytes in this order into little-endian ones, and back.
fn little(bytes: &[u8], order: ByteOrder) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    bytes
}
