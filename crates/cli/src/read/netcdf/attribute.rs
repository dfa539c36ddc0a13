//! Attributes in netCDF classic.

use chunkref::manifest::{Attribute, DataType, Value as Element};

use super::kind::Kind;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// UTF-8.
    Text(Vec<u8>),
    /// Type, big-endian bytes, how many numbers.
    Numbers(Kind, Vec<u8>, u64),
}

impl Value {
    /// What of netCDF classic says the same. Integers of types that CDF-2 has not become those of the
    /// next one that has all of them, if there is one.
    ///
    /// # Errors
    /// With the reason, where there is nothing such.
    pub(super) fn new(attribute: &Attribute) -> Result<Self, String> {
        if attribute.shape.is_none() || attribute.values.is_empty() {
            return Ok(Self::Text(Vec::new()));
        }
        if let [Element::Text(text)] = attribute.values.as_slice() {
            return Ok(Self::Text(text.clone().into_bytes()));
        }
        let kind = Kind::of(&attribute.data_type).filter(|kind| *kind != Kind::Char);
        let kind = kind.ok_or_else(|| none_such(attribute))?;
        let wider = match kind {
            Kind::UnsignedByte => [Kind::Short, kind].to_vec(),
            Kind::UnsignedShort | Kind::Int64 | Kind::UnsignedInt | Kind::UnsignedInt64 => {
                [Kind::Int, kind].to_vec()
            }
            kind => vec![kind],
        };
        let held = wider.into_iter().find_map(|kind| numbers(attribute, kind));
        held.ok_or_else(|| none_such(attribute))
    }

    /// The same in the type of the variable, as `_FillValue` has to be.
    ///
    /// # Errors
    /// With the reason, where that has no such value.
    pub(super) fn of_kind(attribute: &Attribute, kind: Kind) -> Result<Self, String> {
        if kind == Kind::Char {
            return Self::new(attribute);
        }
        numbers(attribute, kind).ok_or_else(|| "not a value of the type of its variable".to_owned())
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Char,
            Self::Numbers(kind, ..) => *kind,
        }
    }

    /// How many elements, and their bytes.
    pub(super) fn parts(&self) -> (u64, &[u8]) {
        match self {
            Self::Text(text) => (u64::try_from(text.len()).unwrap_or(u64::MAX), text),
            Self::Numbers(_, bytes, count) => (*count, bytes),
        }
    }
}

/// All elements as numbers of a type, if it has them.
fn numbers(attribute: &Attribute, kind: Kind) -> Option<Value> {
    let mut bytes = Vec::new();
    for element in &attribute.values {
        bytes.extend(match element {
            Element::Bool(value) => kind.whole(i128::from(*value))?,
            Element::Int(number) => kind.whole(i128::from(*number))?,
            Element::UInt(number) => kind.whole(i128::from(*number))?,
            Element::Float(number) => kind.real(*number)?,
            _ => return None,
        });
    }
    let count = u64::try_from(attribute.values.len()).ok()?;
    Some(Value::Numbers(kind, bytes, count))
}

fn none_such(attribute: &Attribute) -> String {
    match attribute.data_type {
        DataType::VariableString | DataType::FixedString { .. } => {
            "several strings, of which netCDF classic holds one".to_owned()
        }
        _ => "of a type that netCDF classic has not".to_owned(),
    }
}
