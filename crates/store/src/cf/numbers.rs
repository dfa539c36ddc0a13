//! Elements as numbers: packing undone, missing ones NaN.

use chunkref_manifest::{Attribute, Attributes, DataType, Value};

use super::whole;
use crate::read::{Element as _, Elements};

/// Integers up to this are exact in 64-bit floating point.
const EXACT: u128 = 1 << 53;

/// Elements as numbers.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Numbers {
    /// In C order; NaN where there is no value.
    pub values: Vec<f64>,
    /// Whether they are 32-bit numbers, which more exact ones have to be rounded to before they are
    /// compared.
    pub single: bool,
}

impl Numbers {
    /// The number as these are: rounded where they are 32-bit ones.
    pub fn rounded(&self, number: f64) -> f64 {
        if self.single { single(number) } else { number }
    }
}

/// Numbers unpacked by `scale_factor` and `add_offset`, NaN where they equal `_FillValue` or
/// `missing_value` (CF 8.1 and 2.5.1), as xarray does it; `None` where the elements are no real
/// numbers.
///
/// ```
/// use chunkref_manifest::{Attribute, Attributes, ByteOrder, DataType, Value};
/// use chunkref_store::{Elements, cf};
///
/// let scale = Attribute {
///     data_type: DataType::Float { size: 8, order: ByteOrder::Little },
///     shape: Some(vec![]),
///     values: vec![Value::Float(0.5)],
/// };
/// let packed = Elements {
///     shape: vec![2],
///     data_type: DataType::Int { size: 2, order: ByteOrder::Big },
///     bytes: vec![0, 7, 0, 8].into(),
/// };
/// let attributes = Attributes::from([("scale_factor".to_owned(), scale)]);
/// let numbers = cf::numbers(&packed, &attributes)?.unwrap();
/// assert_eq!(numbers.values, [3.5, 4.0]);
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
///
/// With the reason, where a number can't be held exactly.
pub fn numbers(elements: &Elements, attributes: &Attributes) -> Result<Option<Numbers>, String> {
    let missing = missing(attributes);
    let Some((mut values, width)) = stored(elements, attributes, &missing)? else {
        return Ok(None);
    };
    let scale = attributes.get("scale_factor").and_then(scalar);
    let offset = attributes.get("add_offset").and_then(scalar);
    let is_packed = scale.is_some() || offset.is_some();
    let single = if is_packed {
        packed_single(width, scale, offset)
    } else if missing.is_empty() {
        matches!(width, Width::Float(2 | 4))
    } else {
        matches!(width, Width::Float(2 | 4) | Width::Whole(1 | 2))
    };
    for value in &mut values {
        if single {
            *value = self::single(*value);
        }
        if let Some((scale, _)) = scale {
            *value *= scale;
        }
        if single {
            *value = self::single(*value);
        }
        if let Some((offset, _)) = offset {
            *value += offset;
        }
        if single {
            *value = self::single(*value);
        }
    }
    Ok(Some(Numbers { values, single }))
}

/// Kind and size in bytes of stored numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Float(u8),
    Whole(u8),
}

/// Whether what is unpacked has 32 bits: where factor and offset have, and the packed number fits.
fn packed_single(width: Width, scale: Option<(f64, u8)>, offset: Option<(f64, u8)>) -> bool {
    match (scale, offset) {
        (Some((_, 4)), Some((_, 4))) => width != Width::Whole(4),
        (Some((_, 4)), None) => true,
        _ => false,
    }
}

/// The stored numbers as they are, NaN where they mean nothing.
fn stored(
    elements: &Elements,
    attributes: &Attributes,
    missing: &[f64],
) -> Result<Option<(Vec<f64>, Width)>, String> {
    let number = |whole: Option<i128>| whole.map_or(Some(f64::NAN), exact);
    if let Some((size, values)) = whole::each(elements, attributes, number) {
        let values = values.ok_or_else(inexact)?;
        return Ok(Some((values, Width::Whole(size))));
    }
    let bytes = &elements.bytes;
    let (mut values, width): (Vec<f64>, _) = match elements.data_type {
        DataType::Bool => (
            bytes.iter().map(|byte| f64::from(*byte)).collect(),
            Width::Whole(1),
        ),
        DataType::Float { size: 2, order } => {
            let values = u16::all(bytes, order).into_iter();
            (values.map(half).collect(), Width::Float(2))
        }
        DataType::Float { size: 4, order } => {
            let values = f32::all(bytes, order).into_iter();
            (values.map(f64::from).collect(), Width::Float(4))
        }
        DataType::Float { size: 8, order } => (f64::all(bytes, order), Width::Float(8)),
        _ => return Ok(None),
    };
    for value in &mut values {
        if missing.contains(value) {
            *value = f64::NAN;
        }
    }
    Ok(Some((values, width)))
}

/// A number of 16 bits: one for the sign, five for the exponent, ten for the rest (IEEE 754 binary16).
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, rest) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * rest * 2_f64.powi(-24),
        31 if rest > 0.0 => f64::NAN,
        31 => sign * f64::INFINITY,
        _ => sign * (1024.0 + rest) * 2_f64.powi(exponent.saturating_sub(25)),
    }
}

fn inexact() -> String {
    "integers beyond 2^53, which are not exact as floating-point numbers".to_owned()
}

/// An integer, if it is exact as a floating-point number.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "exact up to here"
)]
fn exact(number: i128) -> Option<f64> {
    (number.unsigned_abs() <= EXACT).then_some(number as f64)
}

/// The nearest 32-bit number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the nearest one is meant"
)]
pub(crate) fn single(number: f64) -> f64 {
    f64::from(number as f32)
}

/// What stored numbers that mean nothing are.
fn missing(attributes: &Attributes) -> Vec<f64> {
    ["_FillValue", "missing_value"]
        .iter()
        .filter_map(|name| attributes.get(*name))
        .flat_map(|attribute| attribute.values.iter().filter_map(number))
        .collect()
}

/// A number and the size in bytes of its type, eight where that is an integer.
fn scalar(attribute: &Attribute) -> Option<(f64, u8)> {
    let size = match attribute.data_type {
        DataType::Float { size, .. } => size,
        _ => 8,
    };
    match attribute.values.as_slice() {
        [value] => Some((number(value)?, size)),
        _ => None,
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the nearest number is what others take"
)]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Numbers, numbers};
    use crate::read::Elements;
    use chunkref_manifest::{Attribute, Attributes, ByteOrder, DataType, Value};

    const LITTLE: ByteOrder = ByteOrder::Little;

    fn float(size: u8, value: f64) -> Attribute {
        Attribute {
            data_type: DataType::Float {
                size,
                order: LITTLE,
            },
            shape: Some(Vec::new()),
            values: vec![Value::Float(value)],
        }
    }

    fn integer(value: i64) -> Attribute {
        Attribute {
            data_type: DataType::Int {
                size: 2,
                order: LITTLE,
            },
            shape: Some(Vec::new()),
            values: vec![Value::Int(value)],
        }
    }

    fn read(data_type: DataType, bytes: &[u8], attributes: &[(&str, Attribute)]) -> Numbers {
        let elements = Elements {
            shape: vec![1],
            data_type,
            bytes: bytes.to_vec().into(),
        };
        let attributes: Attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        numbers(&elements, &attributes).unwrap().unwrap()
    }

    #[test]
    fn packed_numbers_have_the_size_that_xarray_gives_them() {
        let short = || DataType::Int {
            size: 2,
            order: LITTLE,
        };
        let packed = |scale, offset| {
            let attributes = [("scale_factor", scale), ("add_offset", offset)];
            read(short(), &[7, 0], &attributes)
        };
        let both = packed(float(4, 0.1_f32.into()), float(4, 1.0));
        assert!(both.single);
        assert_eq!(both.values, [f64::from(7.0_f32 * 0.1_f32 + 1.0_f32)]);
        let unlike = packed(float(4, 0.1_f32.into()), float(8, 1.0));
        assert!(!unlike.single);
        assert_eq!(unlike.values, [7.0 * f64::from(0.1_f32) + 1.0]);
        let filled = read(short(), &[7, 0, 9, 0], &[("_FillValue", integer(9))]);
        assert!(filled.single);
        assert_eq!(filled.values[..1], [7.0]);
        assert!(filled.values[1].is_nan());
        assert!(!read(short(), &[7, 0], &[]).single);
        let unsigned = read(
            DataType::Int {
                size: 1,
                order: LITTLE,
            },
            &[0xff],
            &[("_Unsigned", Attribute::text("true"))],
        );
        assert_eq!(unsigned.values, [255.0]);
    }

    #[test]
    fn numbers_of_16_bits() {
        let half = DataType::Float {
            size: 2,
            order: LITTLE,
        };
        let bits: [u16; 9] = [0, 0x8000, 1, 0x3c00, 0xc000, 0x2e66, 0x7bff, 0x7c00, 0x7e00];
        let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let read = read(half, &bytes, &[]);
        let tiny = 2_f64.powi(-24);
        let expected = [
            0.0,
            0.0,
            tiny,
            1.0,
            -2.0,
            0.099_975_585_937_5,
            65504.0,
            f64::INFINITY,
        ];
        assert_eq!(read.values[..8], expected);
        assert!(read.values[8].is_nan() && read.single);
    }

    #[test]
    fn packed_numbers_are_rounded_before_they_are_unpacked() {
        let int = DataType::Int {
            size: 4,
            order: LITTLE,
        };
        let number = 16_777_217_i32;
        let scale = ("scale_factor", float(4, 3.0));
        let read = read(int, &number.to_le_bytes(), &[scale]);
        assert_eq!(read.values, [f64::from(16_777_216_f32 * 3.0)]);
    }

    #[test]
    fn what_is_missing_need_not_be_exact() {
        let long = DataType::Int {
            size: 8,
            order: LITTLE,
        };
        let mut fill = integer(i64::MIN);
        fill.data_type = long.clone();
        let bytes = [1_i64.to_le_bytes(), i64::MIN.to_le_bytes()].concat();
        let attributes = [("scale_factor", float(8, 0.5)), ("_FillValue", fill)];
        let read = read(long, &bytes, &attributes);
        assert_eq!(read.values[..1], [0.5]);
        assert!(read.values[1].is_nan());
    }

    #[test]
    fn what_is_not_exact_is_said() {
        let elements = Elements {
            shape: vec![1],
            data_type: DataType::Int {
                size: 8,
                order: LITTLE,
            },
            bytes: ((1_i64 << 53) + 1).to_le_bytes().to_vec().into(),
        };
        assert!(numbers(&elements, &Attributes::new()).is_err());
    }
}
