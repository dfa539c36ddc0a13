//! Elements as numbers: packing undone, missing ones NaN.

use chunkref_manifest::{Attribute, Attributes, ByteOrder, DataType, Value};

use crate::read::{Element, Elements};

/// Integers up to this are exact in 64-bit floating point.
const EXACT: u64 = 1 << 53;

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
    let Some((mut values, width)) = stored(elements, attributes)? else {
        return Ok(None);
    };
    let missing = missing(attributes);
    let scale = attributes.get("scale_factor").and_then(scalar);
    let offset = attributes.get("add_offset").and_then(scalar);
    let is_packed = scale.is_some() || offset.is_some();
    let single = if is_packed {
        packed_single(width, scale, offset)
    } else if missing.is_empty() {
        width == Width::Float(4)
    } else {
        matches!(width, Width::Float(4) | Width::Whole(1 | 2))
    };
    for value in &mut values {
        if missing.contains(value) {
            *value = f64::NAN;
            continue;
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

/// The stored numbers as they are.
fn stored(
    elements: &Elements,
    attributes: &Attributes,
) -> Result<Option<(Vec<f64>, Width)>, String> {
    let unsigned = attributes
        .get("_Unsigned")
        .and_then(Attribute::as_text)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let bytes = &elements.bytes;
    let found = match elements.data_type {
        DataType::Bool => (
            bytes.iter().map(|byte| f64::from(*byte)).collect(),
            Width::Whole(1),
        ),
        DataType::Int { size, order } if !unsigned => {
            let values = match size {
                1 => wide::<i8>(bytes, order),
                2 => wide::<i16>(bytes, order),
                4 => wide::<i32>(bytes, order),
                8 => {
                    let all = i64::all(bytes, order).into_iter();
                    let all: Option<Vec<f64>> = all
                        .map(|number| exact(number.unsigned_abs(), number < 0))
                        .collect();
                    all.ok_or_else(inexact)?
                }
                _ => return Ok(None),
            };
            (values, Width::Whole(size))
        }
        DataType::Int { size, order } | DataType::UInt { size, order } => {
            let values = match size {
                1 => wide::<u8>(bytes, order),
                2 => wide::<u16>(bytes, order),
                4 => wide::<u32>(bytes, order),
                8 => {
                    let all = u64::all(bytes, order).into_iter();
                    let all: Option<Vec<f64>> = all.map(|number| exact(number, false)).collect();
                    all.ok_or_else(inexact)?
                }
                _ => return Ok(None),
            };
            (values, Width::Whole(size))
        }
        DataType::Float { size, order } => {
            let values = match size {
                4 => wide::<f32>(bytes, order),
                8 => f64::all(bytes, order),
                _ => return Ok(None),
            };
            (values, Width::Float(size))
        }
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn inexact() -> String {
    "integers beyond 2^53, which are not exact as floating-point numbers".to_owned()
}

fn wide<T: Element + Into<f64>>(bytes: &[u8], order: ByteOrder) -> Vec<f64> {
    T::all(bytes, order).into_iter().map(Into::into).collect()
}

/// An integer, if it is exact as a floating-point number.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "exact up to here"
)]
fn exact(size: u64, negative: bool) -> Option<f64> {
    let number = (size <= EXACT).then_some(size as f64)?;
    Some(if negative { -number } else { number })
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
