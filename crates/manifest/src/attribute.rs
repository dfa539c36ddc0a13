//! Attributes with their exact types.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::data_type::DataType;

/// The attributes of a group or an array, by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// An attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The type of its elements.
    pub data_type: DataType,
    /// Lengths of its axes: empty for a scalar; `None` when it has no value at all (a null dataspace).
    pub shape: Option<Vec<u64>>,
    /// Its elements, C order.
    pub values: Vec<Value>,
}

/// One element of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A floating-point number, exact for every size up to 8 bytes.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A string.
    Text(String),
    /// Bytes without meaning.
    Bytes(Bytes),
    /// Several elements: an array or a sequence.
    List(Vec<Value>),
    /// Named fields, in their order.
    Record(Vec<(String, Value)>),
    /// No value (a reference to nothing).
    Null,
}

impl Attribute {
    /// A scalar string.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            data_type: DataType::VariableString,
            shape: Some(Vec::new()),
            values: vec![Value::Text(text.into())],
        }
    }

    /// The string, if the attribute is one single string.
    pub fn as_text(&self) -> Option<&str> {
        match self.values.as_slice() {
            [Value::Text(text)] => Some(text),
            _ => None,
        }
    }
}
