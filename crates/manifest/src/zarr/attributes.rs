//! Attributes as JSON (`docs/attributes.md`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use crate::attribute::{Attribute, Attributes, Value};
use crate::data_type::DataType;

/// All attributes as one JSON object.
pub fn attributes_json(attributes: &Attributes) -> Map<String, Json> {
    attributes
        .iter()
        .map(|(name, attribute)| (name.clone(), attribute_json(attribute)))
        .collect()
}

/// An attribute as JSON: one element alone for a scalar and for one axis of length one (as xarray
/// shows netCDF-4 attributes), nested lists otherwise. A null dataspace, in which netCDF-4 keeps
/// attributes of length zero, is an empty string or an empty list.
pub fn attribute_json(attribute: &Attribute) -> Json {
    let Some(shape) = &attribute.shape else {
        return match attribute.data_type {
            DataType::FixedString { .. } | DataType::VariableString => Json::from(""),
            _ => Json::Array(Vec::new()),
        };
    };
    match (shape.as_slice(), attribute.values.as_slice()) {
        ([] | [1], [value]) => value_json(value),
        (_, values) => {
            let elements = values.iter().map(value_json).collect();
            nest(elements, shape.get(1..).unwrap_or_default())
        }
    }
}

/// Splits a list of elements into nested lists with these inner lengths; lengths that do not
/// divide it are left out.
fn nest(elements: Vec<Json>, inner: &[u64]) -> Json {
    let mut elements = elements;
    for length in inner.iter().rev() {
        let Ok(length @ 1..) = usize::try_from(*length) else {
            break;
        };
        if elements.len().checked_rem(length) != Some(0) {
            break;
        }
        let mut rest = elements.into_iter();
        let mut lists = Vec::new();
        loop {
            let list: Vec<Json> = rest.by_ref().take(length).collect();
            if list.is_empty() {
                break;
            }
            lists.push(Json::Array(list));
        }
        elements = lists;
    }
    Json::Array(elements)
}

/// A value as JSON.
pub fn value_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::UInt(value) => Json::from(*value),
        Value::Float(value) => float_json(*value),
        Value::Complex(real, imaginary) => {
            Json::Array(vec![float_json(*real), float_json(*imaginary)])
        }
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        Value::List(values) => Json::Array(values.iter().map(value_json).collect()),
        Value::Record(fields) => Json::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), value_json(value)))
                .collect(),
        ),
        Value::Null => Json::Null,
    }
}

/// A number, or a string where JSON has none.
pub(crate) fn float_json(value: f64) -> Json {
    if value.is_finite() {
        Json::from(value)
    } else if value.is_nan() {
        Json::from("NaN")
    } else if value > 0.0 {
        Json::from("Infinity")
    } else {
        Json::from("-Infinity")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::data_type::ByteOrder;

    fn attribute(shape: Option<Vec<u64>>, values: Vec<Value>) -> Json {
        attribute_json(&Attribute {
            data_type: DataType::Float {
                size: 8,
                order: ByteOrder::Little,
            },
            shape,
            values,
        })
    }

    #[test]
    fn shapes() {
        let numbers = |count: i64| (0..count).map(Value::Int).collect::<Vec<_>>();
        assert_eq!(attribute(Some(vec![]), numbers(1)), json!(0));
        assert_eq!(attribute(Some(vec![1]), numbers(1)), json!(0));
        assert_eq!(attribute(Some(vec![2]), numbers(2)), json!([0, 1]));
        assert_eq!(attribute(Some(vec![1, 1]), numbers(1)), json!([[0]]));
        assert_eq!(
            attribute(Some(vec![2, 1, 3]), numbers(6)),
            json!([[[0, 1, 2]], [[3, 4, 5]]])
        );
        assert_eq!(attribute(Some(vec![0]), numbers(0)), json!([]));
        assert_eq!(attribute(Some(vec![1 << 60, 0]), numbers(0)), json!([]));
        assert_eq!(
            attribute(Some(vec![2, 3]), numbers(5)),
            json!([0, 1, 2, 3, 4])
        );
        assert_eq!(attribute(None, numbers(0)), json!([]));
        let text = Attribute {
            shape: None,
            values: Vec::new(),
            ..Attribute::text("")
        };
        assert_eq!(attribute_json(&text), json!(""));
    }

    #[test]
    fn values() {
        let one = |value| attribute(Some(vec![]), vec![value]);
        assert_eq!(one(Value::Bool(true)), json!(true));
        assert_eq!(one(Value::UInt(u64::MAX)), json!(u64::MAX));
        assert_eq!(
            one(Value::Float(f64::from(0.1_f32))),
            json!(0.100_000_001_490_116_12)
        );
        assert_eq!(one(Value::Float(1.0)).to_string(), "1.0");
        assert_eq!(one(Value::Float(f64::NAN)), json!("NaN"));
        assert_eq!(one(Value::Float(f64::NEG_INFINITY)), json!("-Infinity"));
        assert_eq!(
            one(Value::Complex(1.0, f64::INFINITY)),
            json!([1.0, "Infinity"])
        );
        assert_eq!(one(Value::Text("é\"".into())), json!("é\""));
        assert_eq!(
            one(Value::Bytes(Bytes::from_static(b"\0\xff"))),
            json!("AP8=")
        );
        assert_eq!(
            one(Value::List(vec![Value::Int(-1), Value::Null])),
            json!([-1, null])
        );
        assert_eq!(
            one(Value::Record(vec![("a".into(), Value::Int(1))])),
            json!({"a": 1})
        );
    }
}
