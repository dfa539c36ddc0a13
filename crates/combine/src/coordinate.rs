//! The values of the joined coordinate, where a manifest holds them.

use std::collections::{BTreeMap, BTreeSet};

use chunkref_manifest::{Array, ByteOrder, DataType, Group, Manifest, Value};

use crate::error::{self, Error};
use crate::inline;
use crate::report::Duplicate;

/// A value that orders as the number it was stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Any integer.
    Integer(i128),
    /// A floating-point number: its bits, turned so that they order as numbers do.
    Float(u64),
}

impl Key {
    fn float(value: f64) -> Self {
        // -0.0 is 0.0.
        let value = if value == 0.0 { 0.0 } else { value };
        let bits = value.to_bits();
        let negative = bits >> 63 == 1;
        Self::Float(if negative { !bits } else { bits ^ (1 << 63) })
    }

    pub(crate) fn text(self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Float(bits) => number(bits).to_string(),
        }
    }

    fn is_nan(self) -> bool {
        matches!(self, Self::Float(bits) if number(bits).is_nan())
    }
}

/// The number whose bits were turned.
fn number(bits: u64) -> f64 {
    let negative = bits >> 63 == 0;
    f64::from_bits(if negative { !bits } else { bits ^ (1 << 63) })
}

/// Whether any array of these has the dimension: a wrong name is told before all that follows from it.
///
/// # Errors
///
/// If none has it, with the names of those that there are.
pub fn check_dimension<'a>(
    manifests: impl Iterator<Item = &'a Manifest>,
    dimension: &str,
) -> error::Result<()> {
    let arrays = manifests.flat_map(Manifest::arrays);
    let names = arrays.flat_map(|(_, array)| &array.dimension_names);
    let known: BTreeSet<&String> = names.collect();
    if known.iter().any(|name| *name == dimension) {
        return Ok(());
    }
    Err(Error::NoDimension {
        dimension: dimension.to_owned(),
        known: known.into_iter().cloned().collect(),
    })
}

/// The coordinate of a dimension, with its path: the array of its name whose one axis it is.
pub(crate) fn find<'a>(manifest: &'a Manifest, dimension: &str) -> Option<(String, &'a Array)> {
    find_in(&manifest.root, dimension)
}

fn find_in<'a>(group: &'a Group, dimension: &str) -> Option<(String, &'a Array)> {
    let here = group
        .arrays
        .get(dimension)
        .filter(|array| matches!(array.dimension_names.as_slice(), [only] if only == dimension));
    here.map(|array| (dimension.to_owned(), array)).or_else(|| {
        let mut groups = group.groups.iter();
        groups.find_map(|(name, group)| {
            let (path, array) = find_in(group, dimension)?;
            Some((format!("{name}/{path}"), array))
        })
    })
}

/// Its values, `None` where one is missing; why not, where they are not at hand or no numbers.
pub(crate) fn values(array: &Array) -> Result<Vec<Option<Key>>, String> {
    let data = inline::held(array).ok_or("its values are not inline")?;
    let size = array
        .data_type
        .size()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size > 0)
        .ok_or("its values vary in size")?;
    let missing = missing(array);
    let value = |key: Key| (!key.is_nan() && !missing.contains(&key)).then_some(key);
    data.chunks_exact(size)
        .map(|bytes| key(bytes, &array.data_type).map(value))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            format!(
                "its values are of the type {}, which is not sorted by",
                array.data_type
            )
        })
}

/// The values that stand for a missing one.
fn missing(array: &Array) -> Vec<Key> {
    let attributes = ["_FillValue", "missing_value"].map(|name| array.attributes.get(name));
    let values = attributes.into_iter().flatten().flat_map(|one| &one.values);
    let key = |value: &Value| match value {
        Value::Int(value) => Some(Key::Integer(i128::from(*value))),
        Value::UInt(value) => Some(Key::Integer(i128::from(*value))),
        Value::Float(value) => Some(Key::float(*value)),
        _ => None,
    };
    values.filter_map(key).collect()
}

/// A number, as it is stored.
pub(crate) fn key(bytes: &[u8], data_type: &DataType) -> Option<Key> {
    let number = |order: ByteOrder| {
        let mut little = [0; 8];
        let room = little.get_mut(..bytes.len())?;
        room.copy_from_slice(bytes);
        if order == ByteOrder::Big {
            room.reverse();
        }
        Some(u64::from_le_bytes(little))
    };
    match *data_type {
        DataType::UInt { order, .. } => Some(Key::Integer(i128::from(number(order)?))),
        DataType::Int { size, order } => {
            let unused = 64_u32.checked_sub(u32::from(size).checked_mul(8)?)?;
            let value = number(order)?.checked_shl(unused)?.cast_signed();
            Some(Key::Integer(i128::from(value.checked_shr(unused)?)))
        }
        DataType::Float { size: 4, order } => {
            let bits = u32::try_from(number(order)?).ok()?;
            Some(Key::float(f64::from(f32::from_bits(bits))))
        }
        DataType::Float { size: 8, order } => Some(Key::float(f64::from_bits(number(order)?))),
        _ => None,
    }
}

/// Whether the values ascend strictly from granule to granule, and none is missing.
pub(crate) fn ascending(granules: &[Vec<Option<Key>>]) -> bool {
    let mut values = granules.iter().flatten();
    values.all(Option::is_some) && granules.iter().flatten().is_sorted_by(|a, b| a < b)
}

/// Values that occur more than once, ascending.
pub(crate) fn duplicates(granules: &[Vec<Option<Key>>], names: &[String]) -> Vec<Duplicate> {
    let mut holders = BTreeMap::<Key, Vec<&String>>::new();
    for (values, name) in granules.iter().zip(names) {
        for value in values.iter().flatten() {
            holders.entry(*value).or_default().push(name);
        }
    }
    holders
        .into_iter()
        .filter(|(_, names)| names.len() > 1)
        .map(|(value, names)| Duplicate {
            value: value.text(),
            granules: names.into_iter().cloned().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_order_as_numbers() {
        let numbers = [f64::NEG_INFINITY, -2.5, 0.0, 1e-300, 2.5, f64::INFINITY];
        assert!(numbers.map(Key::float).is_sorted_by(|a, b| a < b));
        assert_eq!(numbers.map(|number| Key::float(number).text())[1], "-2.5");
        assert_eq!(Key::float(2.5).text(), "2.5");
        assert_eq!(Key::float(-0.0), Key::float(0.0));
        assert_eq!(Key::float(-0.0).text(), "0");
    }

    #[test]
    fn integers_of_every_size_and_order() {
        let int = |size, order| DataType::Int { size, order };
        let little = int(2, ByteOrder::Little);
        assert_eq!(key(&[0xfe, 0xff], &little), Some(Key::Integer(-2)));
        let big = int(2, ByteOrder::Big);
        assert_eq!(key(&[0x01, 0x02], &big), Some(Key::Integer(258)));
        let long = int(8, ByteOrder::Big);
        assert_eq!(key(&[0xff; 8], &long), Some(Key::Integer(-1)));
        let unsigned = DataType::UInt {
            size: 8,
            order: ByteOrder::Little,
        };
        assert_eq!(
            key(&[0xff; 8], &unsigned),
            Some(Key::Integer(i128::from(u64::MAX)))
        );
    }
}
