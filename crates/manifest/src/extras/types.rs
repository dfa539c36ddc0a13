//! Data types as JSON: NumPy's type strings where they are exact, words and objects otherwise.
//!
//! `"<i2"`, `">f8"`, `"|u1"`, `"|b1"`, `"<c16"`, `"|S5"`, `"|V8"`; `"string"`, `"bytes"`,
//! `"reference"`; `{"sequence": type}`; `{"record": {"size", "fields": [{"name", "offset", "type",
//! "shape"}]}}`.

use serde::{Deserialize, Serialize};

use crate::data_type::{ByteOrder, DataType, Field};

/// A data type as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum WrittenType {
    Name(String),
    Sequence { sequence: Box<WrittenType> },
    Record { record: WrittenRecord },
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct WrittenRecord {
    size: u32,
    fields: Vec<WrittenField>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct WrittenField {
    name: String,
    offset: u32,
    #[serde(rename = "type")]
    data_type: WrittenType,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shape: Vec<u32>,
}

impl From<&DataType> for WrittenType {
    fn from(data_type: &DataType) -> Self {
        let number = |kind: char, size: u8, order: ByteOrder| {
            let order = match (size, order) {
                (1, ByteOrder::Little) => '|',
                (_, ByteOrder::Little) => '<',
                (_, ByteOrder::Big) => '>',
            };
            format!("{order}{kind}{size}")
        };
        Self::Name(match data_type {
            DataType::Bool => "|b1".to_owned(),
            DataType::Int { size, order } => number('i', *size, *order),
            DataType::UInt { size, order } => number('u', *size, *order),
            DataType::Float { size, order } => number('f', *size, *order),
            DataType::Complex { size, order } => number('c', *size, *order),
            DataType::FixedString { length } => format!("|S{length}"),
            DataType::Raw { length } => format!("|V{length}"),
            DataType::VariableString => "string".to_owned(),
            DataType::VariableBytes => "bytes".to_owned(),
            DataType::Reference => "reference".to_owned(),
            DataType::Sequence { element } => {
                return Self::Sequence {
                    sequence: Box::new(Self::from(element.as_ref())),
                };
            }
            DataType::Record { size, fields } => {
                let fields = fields.iter().map(|field| WrittenField {
                    name: field.name.clone(),
                    offset: field.offset,
                    data_type: Self::from(&field.data_type),
                    shape: field.shape.clone(),
                });
                return Self::Record {
                    record: WrittenRecord {
                        size: *size,
                        fields: fields.collect(),
                    },
                };
            }
        })
    }
}

impl TryFrom<WrittenType> for DataType {
    type Error = String;

    fn try_from(written: WrittenType) -> Result<Self, String> {
        match written {
            WrittenType::Name(name) => named(&name).ok_or_else(|| {
                let name: String = name.chars().take(80).collect();
                format!("data type {name:?} is not known")
            }),
            WrittenType::Sequence { sequence } => Ok(Self::Sequence {
                element: Box::new(Self::try_from(*sequence)?),
            }),
            WrittenType::Record { record } => {
                let fields = record.fields.into_iter().map(|field| {
                    Ok(Field {
                        name: field.name,
                        offset: field.offset,
                        data_type: Self::try_from(field.data_type)?,
                        shape: field.shape,
                    })
                });
                Ok(Self::Record {
                    size: record.size,
                    fields: fields.collect::<Result<_, String>>()?,
                })
            }
        }
    }
}

fn named(name: &str) -> Option<DataType> {
    match name {
        "|b1" => return Some(DataType::Bool),
        "string" => return Some(DataType::VariableString),
        "bytes" => return Some(DataType::VariableBytes),
        "reference" => return Some(DataType::Reference),
        _ => {}
    }
    let mut letters = name.chars();
    let (order, kind) = (letters.next()?, letters.next()?);
    let digits = letters.as_str();
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let length = digits.parse::<u32>().ok().filter(|_| is_number)?;
    match (order, kind) {
        ('|', 'S') => return Some(DataType::FixedString { length }),
        ('|', 'V') => return Some(DataType::Raw { length }),
        _ => {}
    }
    let size = u8::try_from(length).ok()?;
    let order = match (order, size) {
        ('|', 1) | ('<', 2..) => ByteOrder::Little,
        ('>', _) => ByteOrder::Big,
        _ => return None,
    };
    match (kind, size) {
        ('i', 1 | 2 | 4 | 8) => Some(DataType::Int { size, order }),
        ('u', 1 | 2 | 4 | 8) => Some(DataType::UInt { size, order }),
        ('f', 2 | 4 | 8) => Some(DataType::Float { size, order }),
        ('c', 8 | 16) => Some(DataType::Complex { size, order }),
        _ => None,
    }
}
