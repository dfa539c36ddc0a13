//! Elements that are integers.

use chunkref_manifest::{Attribute, Attributes, ByteOrder, DataType, Value};

use crate::read::{Element, Elements};

/// Elements that are integers, as `_Unsigned` has them read, `None` where they equal `_FillValue` or
/// `missing_value`; `None` for all where they are no integers, or packed ones.
pub fn integers(elements: &Elements, attributes: &Attributes) -> Option<Vec<Option<i128>>> {
    let is_packed = |name| attributes.contains_key(name);
    if ["scale_factor", "add_offset"].into_iter().any(is_packed) {
        return None;
    }
    each(elements, attributes, Some).map(|(_, all)| all.unwrap_or_default())
}

/// What `take` makes of each element that is an integer, which is `None` where it is missing, and the
/// size of their type in bytes. All are `None` where they are no integers; those that `take` makes are
/// where it gives `None` for one.
pub(super) fn each<T>(
    elements: &Elements,
    attributes: &Attributes,
    take: impl Fn(Option<i128>) -> Option<T>,
) -> Option<(u8, Option<Vec<T>>)> {
    let type_ = Type::of(&elements.data_type, attributes)?;
    let missing = type_.missing(attributes);
    let take = |number: i128| take((!missing.contains(&number)).then_some(number));
    let (bytes, order) = (&elements.bytes, type_.order);
    let all = match (type_.size, type_.unsigned) {
        (1, false) => all::<i8, T>(bytes, order, take),
        (2, false) => all::<i16, T>(bytes, order, take),
        (4, false) => all::<i32, T>(bytes, order, take),
        (8, false) => all::<i64, T>(bytes, order, take),
        (1, true) => all::<u8, T>(bytes, order, take),
        (2, true) => all::<u16, T>(bytes, order, take),
        (4, true) => all::<u32, T>(bytes, order, take),
        (8, true) => all::<u64, T>(bytes, order, take),
        _ => return None,
    };
    Some((type_.size, all))
}

fn all<N: Element + Into<i128>, T>(
    bytes: &[u8],
    order: ByteOrder,
    take: impl Fn(i128) -> Option<T>,
) -> Option<Vec<T>> {
    let numbers = N::all(bytes, order).into_iter();
    numbers.map(|number| take(number.into())).collect()
}

/// How integers are read.
struct Type {
    size: u8,
    order: ByteOrder,
    unsigned: bool,
    /// Whether that is not what they are stored as.
    is_other: bool,
}

impl Type {
    fn of(stored: &DataType, attributes: &Attributes) -> Option<Self> {
        let (size, order, stored) = match *stored {
            DataType::Int { size, order } => (size, order, false),
            DataType::UInt { size, order } => (size, order, true),
            _ => return None,
        };
        let said = attributes.get("_Unsigned").and_then(Attribute::as_text);
        let unsigned = match said.map(str::to_ascii_lowercase).as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => stored,
        };
        Some(Self {
            size,
            order,
            unsigned,
            is_other: unsigned != stored,
        })
    }

    /// What elements that mean nothing are; attributes may have them as they are stored.
    fn missing(&self, attributes: &Attributes) -> Vec<i128> {
        let turn = 1_i128
            .checked_shl(u32::from(self.size).saturating_mul(8))
            .unwrap_or_default();
        let read = |number: i128| match (self.is_other, self.unsigned) {
            (true, true) if number < 0 => number.saturating_add(turn),
            (true, false) if number >= turn / 2 => number.saturating_sub(turn),
            _ => number,
        };
        ["_FillValue", "missing_value"]
            .iter()
            .filter_map(|name| attributes.get(*name))
            .flat_map(|attribute| attribute.values.iter().filter_map(integer))
            .map(read)
            .collect()
    }
}

/// A value that is a whole number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "whole numbers of less than 2^64"
)]
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::UInt(number) => Some(i128::from(*number)),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 2_f64.powi(64) => {
            Some(*number as i128)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::integers;
    use crate::read::Elements;
    use chunkref_manifest::{Attribute, Attributes, ByteOrder, DataType, Value};

    const ORDER: ByteOrder = ByteOrder::Little;

    fn one(data_type: DataType, value: Value) -> Attribute {
        Attribute {
            data_type,
            shape: Some(Vec::new()),
            values: vec![value],
        }
    }

    fn read(
        data_type: DataType,
        bytes: &[u8],
        attributes: &[(&str, Attribute)],
    ) -> Vec<Option<i128>> {
        let elements = Elements {
            shape: vec![1],
            data_type,
            bytes: bytes.to_vec().into(),
        };
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        integers(&elements, &attributes.collect::<Attributes>()).unwrap()
    }

    #[test]
    fn what_is_missing_is_said_in_the_stored_type_or_in_the_one_that_is_read() {
        let byte = || DataType::Int {
            size: 1,
            order: ORDER,
        };
        let unsigned = || ("_Unsigned", Attribute::text("true"));
        let fill = ("_FillValue", one(byte(), Value::Int(-1)));
        let all = read(byte(), &[254, 255, 7], &[unsigned(), fill]);
        assert_eq!(all, [Some(254), None, Some(7)]);
        let fill = ("_FillValue", one(byte(), Value::UInt(255)));
        let all = read(byte(), &[254, 255], &[unsigned(), fill]);
        assert_eq!(all, [Some(254), None]);

        let short = DataType::UInt {
            size: 2,
            order: ORDER,
        };
        let signed = ("_Unsigned", Attribute::text("false"));
        let fill = ("_FillValue", one(short.clone(), Value::UInt(0xffff)));
        let all = read(short, &[0xfe, 0xff, 0xff, 0xff], &[signed, fill]);
        assert_eq!(all, [Some(-2), None]);
    }

    #[test]
    fn missing_integers_may_be_said_as_floating_point_numbers() {
        let int = DataType::Int {
            size: 4,
            order: ORDER,
        };
        let float = DataType::Float {
            size: 8,
            order: ORDER,
        };
        let bytes = [(-999_i32).to_le_bytes(), 7_i32.to_le_bytes()].concat();
        for (value, expected) in [
            (-999.0, [None, Some(7)]),
            (7.5, [Some(-999), Some(7)]),
            (f64::NAN, [Some(-999), Some(7)]),
            (1e300, [Some(-999), Some(7)]),
        ] {
            let missing = ("missing_value", one(float.clone(), Value::Float(value)));
            assert_eq!(read(int.clone(), &bytes, &[missing]), expected, "{value}");
        }
    }
}
