//! JSON as attributes, such that writing them gives the same JSON.

use serde_json::{Map, Value as Json};

use crate::attribute::{Attribute, Attributes, Value};
use crate::data_type::{ByteOrder, DataType};

/// The attributes of a document `.zattrs`.
pub(crate) fn attributes(document: &Map<String, Json>) -> Attributes {
    document
        .iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(json: &Json) -> Attribute {
    let scalar = |data_type, value| Attribute {
        data_type,
        shape: Some(Vec::new()),
        values: vec![value],
    };
    match json {
        Json::Array(list) => {
            let types: Option<Vec<_>> = list.iter().map(simple_type).collect();
            let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
            let common = types.and_then(|types| {
                let mut types = types.into_iter();
                let first = types.next()?;
                types.try_fold(first, |one, other| wider(one, &other))
            });
            match common {
                // A list of one is written as its element alone.
                Some(data_type) if length > 1 => Attribute {
                    data_type,
                    shape: Some(vec![length]),
                    values: list.iter().map(value).collect(),
                },
                element => {
                    let element = Box::new(element.unwrap_or_else(unknown));
                    scalar(DataType::Sequence { element }, value(json))
                }
            }
        }
        json => scalar(simple_type(json).unwrap_or_else(unknown), value(json)),
    }
}

/// The type of what JSON can't tell one of: objects, and lists of unlike elements.
fn unknown() -> DataType {
    DataType::Record {
        size: 0,
        fields: Vec::new(),
    }
}

fn simple_type(json: &Json) -> Option<DataType> {
    let order = ByteOrder::Little;
    match json {
        Json::Bool(_) => Some(DataType::Bool),
        Json::Number(number) if number.is_i64() => Some(DataType::Int { size: 8, order }),
        Json::Number(number) if number.is_u64() => Some(DataType::UInt { size: 8, order }),
        Json::Number(_) => Some(DataType::Float { size: 8, order }),
        Json::String(_) => Some(DataType::VariableString),
        Json::Null => Some(DataType::Reference),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// The type of a list that holds both; `None` where no type holds both.
fn wider(one: DataType, other: &DataType) -> Option<DataType> {
    let number = |data_type: &DataType| {
        matches!(
            data_type,
            DataType::Int { .. } | DataType::UInt { .. } | DataType::Float { .. }
        )
    };
    if one == *other {
        return Some(one);
    }
    (number(&one) && number(other)).then_some(DataType::Float {
        size: 8,
        order: ByteOrder::Little,
    })
}

/// Documents are nested at most as deep as `serde_json` reads them.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::UInt(value),
            // Numbers of `serde_json` are one of the three.
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(list) => Value::List(list.iter().map(value).collect()),
        Json::Object(members) => Value::Record(
            members
                .iter()
                .map(|(name, member)| (name.clone(), value(member)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::zarr::attributes_json;

    #[test]
    fn written_again_they_are_the_same() {
        let document = json!({
            "text": "é", "int": -1, "large": u64::MAX, "float": 1.0, "whole": 3, "true": true,
            "null": null, "empty": [], "one": [5], "one text": ["a"], "two": [1, 2],
            "mixed": [1, 2.5], "unlike": [1, "a", null], "nested": [[1, 2], [3]],
            "nested one": [[1]], "object": {"b": [1], "a": {"c": null}}, "nulls": [null, null],
            "NaN": "NaN", "huge": 1e300, "bools": [true, false], "signs": [-1, u64::MAX],
        });
        let members = document.as_object().unwrap();
        let read = attributes(members);
        let written = attributes_json(&read);
        for (name, value) in members {
            assert_eq!(written[name].to_string(), value.to_string(), "{name}");
        }
        assert_eq!(written.len(), members.len());
        assert_eq!(read["two"].shape, Some(vec![2]));
        let float = DataType::Float {
            size: 8,
            order: ByteOrder::Little,
        };
        assert_eq!(read["mixed"].data_type, float);
    }
}
