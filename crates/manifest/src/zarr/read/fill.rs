//! The `fill_value` of a document `.zarray`.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value as Json;

use super::brief;
use super::dtype::MAX_ELEMENT;
use crate::attribute::{Attribute, Value};
use crate::data_type::DataType;
use crate::zarr::scalar::element;
use crate::zarr::v2::masks;

/// What absent chunks hold.
#[derive(Debug)]
pub(super) struct Fill {
    /// An element.
    pub(super) bytes: Bytes,
    /// As `_FillValue`, for which readers take it.
    pub(super) attribute: Option<Attribute>,
}

/// The fill value; `None` where the document leaves it open.
///
/// # Errors
/// The reason, where it is no element of the type.
pub(super) fn fill_value(data_type: &DataType, json: &Json) -> Result<Option<Fill>, String> {
    if json.is_null() {
        return Ok(None);
    }
    let wrong = || {
        format!(
            "fill_value {}, expected one of type {data_type}",
            brief(json)
        )
    };
    let value = value(data_type, json).ok_or_else(wrong)?;
    let bytes = match (data_type, &value) {
        (DataType::Record { .. } | DataType::Raw { .. }, Value::Bytes(bytes)) => bytes.clone(),
        (DataType::FixedString { .. }, Value::Text(text)) if text.is_empty() => {
            zeros(data_type).ok_or_else(wrong)?
        }
        _ => element(data_type, &value).ok_or_else(wrong)?.into(),
    };
    let attribute = masks(data_type).then(|| Attribute {
        data_type: data_type.clone(),
        shape: Some(Vec::new()),
        values: vec![value],
    });
    Ok(Some(Fill { bytes, attribute }))
}

/// The value, such that the type holds it exactly.
fn value(data_type: &DataType, json: &Json) -> Option<Value> {
    let is_zero = json.as_f64() == Some(0.0);
    match data_type {
        DataType::Bool => match json {
            Json::Bool(value) => Some(Value::Bool(*value)),
            number => Some(Value::Bool(match number.as_u64()? {
                0 => false,
                1 => true,
                _ => return None,
            })),
        },
        DataType::Int { .. } | DataType::UInt { .. } => match json {
            Json::Bool(value) => Some(Value::UInt(u64::from(*value))),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Some(Value::Int(value)),
                (None, Some(value)) => Some(Value::UInt(value)),
                (None, None) => Some(Value::Float(number.as_f64()?)),
            },
            _ => None,
        },
        DataType::Float { size, .. } => Some(Value::Float(nearest(float(json)?, *size))),
        DataType::Complex { size, .. } => {
            let (real, imaginary) = match json {
                Json::Array(parts) => match parts.as_slice() {
                    [real, imaginary] => (float(real)?, float(imaginary)?),
                    _ => return None,
                },
                real => (float(real)?, 0.0),
            };
            let half = size.checked_div(2)?;
            Some(Value::Complex(
                nearest(real, half),
                nearest(imaginary, half),
            ))
        }
        DataType::FixedString { .. } => {
            let mut bytes = match json {
                Json::String(text) => STANDARD.decode(text).ok()?,
                _ => is_zero.then(Vec::new)?,
            };
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            Some(match String::from_utf8(bytes) {
                Ok(text) => Value::Text(text),
                Err(error) => Value::Bytes(error.into_bytes().into()),
            })
        }
        DataType::Raw { .. } | DataType::Record { .. } => Some(Value::Bytes(raw(data_type, json)?)),
        DataType::VariableString => match json {
            Json::String(text) => Some(Value::Text(text.clone())),
            _ => is_zero.then(|| Value::Text(String::new())),
        },
        DataType::VariableBytes => match json {
            Json::String(text) => Some(Value::Bytes(STANDARD.decode(text).ok()?.into())),
            _ => is_zero.then(|| Value::Bytes(Bytes::new())),
        },
        DataType::Sequence { .. } | DataType::Reference => None,
    }
}

fn raw(data_type: &DataType, json: &Json) -> Option<Bytes> {
    let Json::String(text) = json else {
        return (json.as_f64() == Some(0.0)).then(|| zeros(data_type))?;
    };
    let bytes = STANDARD.decode(text).ok()?;
    let size = data_type.size()?;
    (u32::try_from(bytes.len()) == Ok(size)).then(|| bytes.into())
}

/// An element of zeros. All share their bytes: a document of a few letters may describe large ones.
fn zeros(data_type: &DataType) -> Option<Bytes> {
    static ZEROS: OnceLock<Bytes> = OnceLock::new();
    let most = usize::try_from(MAX_ELEMENT).ok()?;
    let size = usize::try_from(data_type.size()?).ok()?;
    let zeros = ZEROS.get_or_init(|| vec![0; most].into());
    (size <= most).then(|| zeros.slice(..size))
}

fn float(json: &Json) -> Option<f64> {
    match json {
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        other => other.as_f64(),
    }
}

/// The float of this size that is nearest to the value, as NumPy casts. A decimal that is none of
/// two bytes stays, and is refused.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the standard library has no other way from f64 to f32"
)]
fn nearest(value: f64, size: u8) -> f64 {
    match size {
        4 => f64::from(value as f32),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data_type::{ByteOrder, Field};

    fn bytes(data_type: &DataType, json: &Json) -> Option<Vec<u8>> {
        let fill = fill_value(data_type, json).ok()??;
        Some(fill.bytes.to_vec())
    }

    #[test]
    fn elements_of_every_kind() {
        let order = ByteOrder::Little;
        let float = DataType::Float { size: 4, order };
        assert_eq!(bytes(&float, &json!(null)), None);
        assert_eq!(bytes(&float, &json!(0)), Some(vec![0; 4]));
        assert_eq!(
            bytes(&float, &json!(1e20)),
            Some(1e20_f32.to_le_bytes().to_vec())
        );
        assert_eq!(
            bytes(&float, &json!("-Infinity")),
            Some(f32::NEG_INFINITY.to_le_bytes().to_vec())
        );
        assert!(fill_value(&float, &json!("nothing")).is_err());
        let int = DataType::Int {
            size: 2,
            order: ByteOrder::Big,
        };
        assert_eq!(bytes(&int, &json!(-2)), Some(vec![255, 254]));
        assert_eq!(bytes(&int, &json!(-2.0)), Some(vec![255, 254]));
        assert!(fill_value(&int, &json!(40_000)).is_err());
        assert!(fill_value(&int, &json!(0.5)).is_err());
        let text = DataType::FixedString { length: 3 };
        assert_eq!(bytes(&text, &json!("IA==")), Some(b" \0\0".to_vec()));
        assert_eq!(bytes(&text, &json!("")), Some(vec![0; 3]));
        assert!(fill_value(&text, &json!("!!")).is_err());
        assert!(fill_value(&text, &json!("AAAAAAAA")).is_ok());
        let record = DataType::Record {
            size: 4,
            fields: vec![Field {
                name: "a".into(),
                offset: 0,
                data_type: int.clone(),
                shape: vec![2],
            }],
        };
        assert_eq!(bytes(&record, &json!("AQIDBA==")), Some(vec![1, 2, 3, 4]));
        assert_eq!(bytes(&record, &json!(0)), Some(vec![0; 4]));
        let complex = DataType::Complex { size: 8, order };
        assert_eq!(bytes(&complex, &json!([0.0, "NaN"])).unwrap().len(), 8);
        assert_eq!(
            bytes(&DataType::VariableString, &json!("é")),
            Some("é".as_bytes().to_vec())
        );
    }
}
