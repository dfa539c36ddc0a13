//! The values of the joined coordinate, where a manifest holds them.

use std::collections::BTreeMap;

use chunkref_manifest::{Array, ByteOrder, DataType, Group, Manifest};

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

    fn text(self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Float(bits) => {
                let negative = bits >> 63 == 0;
                f64::from_bits(if negative { !bits } else { bits ^ (1 << 63) }).to_string()
            }
        }
    }
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

/// Its values; why not, where they are not at hand or no numbers.
pub(crate) fn values(array: &Array) -> Result<Vec<Key>, String> {
    let data = inline::held(array).ok_or("its values are not inline")?;
    let size = array
        .data_type
        .size()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size > 0)
        .ok_or("its values vary in size")?;
    data.chunks_exact(size)
        .map(|bytes| key(bytes, &array.data_type))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{:?} is no number that orders", array.data_type))
}

fn key(bytes: &[u8], data_type: &DataType) -> Option<Key> {
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

/// Whether the values ascend strictly from granule to granule.
pub(crate) fn ascending(granules: &[Vec<Key>]) -> bool {
    granules.iter().flatten().is_sorted_by(|a, b| a < b)
}

/// Values that occur more than once, ascending.
pub(crate) fn duplicates(granules: &[Vec<Key>], names: &[String]) -> Vec<Duplicate> {
    let mut holders = BTreeMap::<Key, Vec<&String>>::new();
    for (values, name) in granules.iter().zip(names) {
        for value in values {
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
