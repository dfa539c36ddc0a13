//! Attributes as JSON, with their exact types.
//!
//! A value that is of its attribute's type is written plainly; any other as an object of one
//! member that says what it is, such as `{"int": 5}`. JSON has neither NaN nor infinities: these are
//! `"NaN"`, `"Infinity"`, `"-Infinity"`, and a NaN of other bits than the usual ones those bits,
//! `"0x7ff0000000000001"`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::types::WrittenType;
use crate::attribute::{Attribute, Value};
use crate::data_type::{DataType, Field};
use crate::zarr::read::brief;

/// The most axes of an attribute: HDF5 has no more.
const MAX_AXES: usize = 32;

/// An attribute as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct WrittenAttribute {
    #[serde(rename = "type")]
    data_type: WrittenType,
    /// Null: no value at all.
    shape: Option<Vec<u64>>,
    values: Vec<Json>,
}

impl From<&Attribute> for WrittenAttribute {
    fn from(attribute: &Attribute) -> Self {
        let values = attribute.values.iter();
        Self {
            data_type: WrittenType::from(&attribute.data_type),
            shape: attribute.shape.clone(),
            values: values
                .map(|value| written(value, Some(&attribute.data_type)))
                .collect(),
        }
    }
}

impl TryFrom<WrittenAttribute> for Attribute {
    type Error = String;

    fn try_from(attribute: WrittenAttribute) -> Result<Self, String> {
        let data_type = DataType::try_from(attribute.data_type)?;
        if let Some(shape) = &attribute.shape
            && shape.len() > MAX_AXES
        {
            return Err(format!("{} axes, expected at most {MAX_AXES}", shape.len()));
        }
        let values = attribute.values.iter();
        Ok(Self {
            values: values
                .map(|value| read(value, Some(&data_type)))
                .collect::<Result<_, _>>()?,
            shape: attribute.shape,
            data_type,
        })
    }
}

/// Whether two attributes are the same, bit by bit: a NaN is itself, and 0 is not -0.
pub(crate) fn same(one: &Attribute, other: &Attribute) -> bool {
    one.data_type == other.data_type
        && one.shape == other.shape
        && same_values(&one.values, &other.values)
}

fn same_values(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| same_value(one, other))
}

fn same_value(one: &Value, other: &Value) -> bool {
    let same = |one: &f64, other: &f64| one.to_bits() == other.to_bits();
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => same(one, other),
        (Value::Complex(a, b), Value::Complex(c, d)) => same(a, c) && same(b, d),
        (Value::List(one), Value::List(other)) => same_values(one, other),
        (Value::Record(one), Value::Record(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|((name, one), (other_name, other))| {
                        name == other_name && same_value(one, other)
                    })
        }
        (one, other) => one == other,
    }
}

fn written(value: &Value, data_type: Option<&DataType>) -> Json {
    if let Some(plain) = data_type.and_then(|data_type| plainly(value, data_type)) {
        return plain;
    }
    let untyped = |values: &[Value]| -> Json {
        let values = values.iter().map(|value| written(value, None));
        values.collect::<Vec<_>>().into()
    };
    match value {
        Value::Bool(value) => json!({"bool": value}),
        Value::Int(value) => json!({"int": value}),
        Value::UInt(value) => json!({"uint": value}),
        Value::Float(value) => json!({"float": float(*value)}),
        Value::Complex(real, imaginary) => json!({"complex": [float(*real), float(*imaginary)]}),
        Value::Text(text) => json!({"text": text}),
        Value::Bytes(bytes) => json!({"bytes": STANDARD.encode(bytes)}),
        Value::List(values) => json!({"list": untyped(values)}),
        Value::Record(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| json!([name, written(value, None)]));
            json!({"record": fields.collect::<Vec<_>>()})
        }
        Value::Null => json!({"null": null}),
    }
}

/// The value without a word of what it is, if it is what its type says.
fn plainly(value: &Value, data_type: &DataType) -> Option<Json> {
    Some(match (value, data_type) {
        (Value::Bool(value), DataType::Bool) => Json::from(*value),
        (Value::Int(value), DataType::Int { .. }) => Json::from(*value),
        (Value::UInt(value), DataType::UInt { .. }) => Json::from(*value),
        (Value::Float(value), DataType::Float { .. }) => float(*value),
        (Value::Complex(real, imaginary), DataType::Complex { .. }) => {
            json!([float(*real), float(*imaginary)])
        }
        (
            Value::Text(text),
            DataType::FixedString { .. } | DataType::VariableString | DataType::Reference,
        ) => Json::from(text.as_str()),
        (Value::Bytes(bytes), DataType::Raw { .. } | DataType::VariableBytes) => {
            Json::from(STANDARD.encode(bytes))
        }
        (Value::Null, DataType::Reference) => Json::Null,
        (Value::List(values), DataType::Sequence { element }) => {
            let values = values.iter().map(|value| written(value, Some(element)));
            values.collect::<Vec<_>>().into()
        }
        (Value::Record(values), DataType::Record { fields, .. }) => {
            let named = |((name, _), field): (&(String, Value), &Field)| *name == field.name;
            if values.len() != fields.len() || !values.iter().zip(fields).all(named) {
                return None;
            }
            let values = values.iter().zip(fields);
            let values = values.map(|((_, value), field)| match value {
                Value::List(values) if !field.shape.is_empty() => {
                    let values = values.iter();
                    let values = values.map(|value| written(value, Some(&field.data_type)));
                    values.collect::<Vec<_>>().into()
                }
                // A list of another kind than the field's axes make.
                Value::List(_) => written(value, None),
                value if field.shape.is_empty() => written(value, Some(&field.data_type)),
                value => written(value, None),
            });
            values.collect::<Vec<_>>().into()
        }
        _ => return None,
    })
}

pub(crate) fn float(value: f64) -> Json {
    if value.is_nan() && value.to_bits() != f64::NAN.to_bits() {
        return Json::from(format!("{:#018x}", value.to_bits()));
    }
    crate::zarr::float_json(value)
}

fn read(json: &Json, data_type: Option<&DataType>) -> Result<Value, String> {
    match (json, data_type) {
        (Json::Object(members), _) => {
            let mut members = members.iter();
            match (members.next(), members.next()) {
                (Some((kind, value)), None) => tagged(kind, value),
                _ => Err(unexpected(json, "an object of one member")),
            }
        }
        (_, Some(data_type)) => typed(json, data_type),
        (_, None) => Err(unexpected(json, "an object that says what it is")),
    }
}

fn tagged(kind: &str, value: &Json) -> Result<Value, String> {
    let list = || value.as_array().ok_or_else(|| unexpected(value, "a list"));
    Ok(match kind {
        "bool" => typed(value, &DataType::Bool)?,
        "int" => Value::Int(
            value
                .as_i64()
                .ok_or_else(|| unexpected(value, "an integer"))?,
        ),
        "uint" => Value::UInt(
            value
                .as_u64()
                .ok_or_else(|| unexpected(value, "an integer"))?,
        ),
        "float" => Value::Float(read_float(value)?),
        "complex" => complex(value)?,
        "text" => typed(value, &DataType::VariableString)?,
        "bytes" => typed(value, &DataType::VariableBytes)?,
        "null" => Value::Null,
        "list" => {
            let values = list()?.iter().map(|value| read(value, None));
            Value::List(values.collect::<Result<_, _>>()?)
        }
        "record" => {
            let fields = list()?.iter().map(|field| match field.as_array() {
                Some(pair) => match pair.as_slice() {
                    [Json::String(name), value] => Ok((name.clone(), read(value, None)?)),
                    _ => Err(unexpected(field, "a name and a value")),
                },
                None => Err(unexpected(field, "a name and a value")),
            });
            Value::Record(fields.collect::<Result<_, _>>()?)
        }
        _ => return Err(format!("a value of kind {kind:?} is not known")),
    })
}

fn typed(json: &Json, data_type: &DataType) -> Result<Value, String> {
    let wrong = || unexpected(json, &format!("a value of type {data_type}"));
    let text = || json.as_str().ok_or_else(wrong);
    let list = || json.as_array().ok_or_else(wrong);
    Ok(match data_type {
        DataType::Bool => Value::Bool(json.as_bool().ok_or_else(wrong)?),
        DataType::Int { .. } => Value::Int(json.as_i64().ok_or_else(wrong)?),
        DataType::UInt { .. } => Value::UInt(json.as_u64().ok_or_else(wrong)?),
        DataType::Float { .. } => Value::Float(read_float(json)?),
        DataType::Complex { .. } => complex(json)?,
        DataType::Reference if json.is_null() => Value::Null,
        DataType::FixedString { .. } | DataType::VariableString | DataType::Reference => {
            Value::Text(text()?.to_owned())
        }
        DataType::Raw { .. } | DataType::VariableBytes => {
            let bytes = STANDARD.decode(text()?);
            Value::Bytes(bytes.map_err(|error| format!("base64: {error}"))?.into())
        }
        DataType::Sequence { element } => {
            let values = list()?.iter().map(|value| read(value, Some(element)));
            Value::List(values.collect::<Result<_, _>>()?)
        }
        DataType::Record { fields, .. } => {
            let values = list()?;
            if values.len() != fields.len() {
                return Err(wrong());
            }
            let values = fields.iter().zip(values).map(|(field, value)| {
                let value = match value {
                    Json::Array(values) if !field.shape.is_empty() => {
                        let values = values.iter();
                        let values = values.map(|value| read(value, Some(&field.data_type)));
                        Value::List(values.collect::<Result<_, _>>()?)
                    }
                    value => read(value, Some(&field.data_type))?,
                };
                Ok((field.name.clone(), value))
            });
            Value::Record(values.collect::<Result<_, String>>()?)
        }
    })
}

fn complex(json: &Json) -> Result<Value, String> {
    match json.as_array().map(Vec::as_slice) {
        Some([real, imaginary]) => Ok(Value::Complex(read_float(real)?, read_float(imaginary)?)),
        _ => Err(unexpected(json, "two numbers")),
    }
}

pub(crate) fn read_float(json: &Json) -> Result<f64, String> {
    let bits = |text: &str| {
        let digits = text.strip_prefix("0x")?;
        let value = f64::from_bits(u64::from_str_radix(digits, 16).ok()?);
        value.is_nan().then_some(value)
    };
    match json {
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => bits(text),
        },
        json => json.as_f64(),
    }
    .ok_or_else(|| unexpected(json, "a number"))
}

fn unexpected(json: &Json, expected: &str) -> String {
    format!("{}, expected {expected}", brief(json))
}
