//! NumPy's type strings and lists of fields as data types.

use serde_json::Value as Json;

use super::brief;
use super::codecs::ObjectCodec;
use crate::data_type::{ByteOrder, DataType, Field};
use crate::zarr::v2::with_padding;

/// Records are nested at most so deep.
const MAX_DEPTH: u32 = 16;

/// The most bytes of an element.
pub(super) const MAX_ELEMENT: u32 = 64 << 20;

/// The most fields of a record: checking their names takes the square of it.
const MAX_FIELDS: usize = 1024;

/// The data type that a `dtype` is.
///
/// # Errors
/// The reason, where the model has none.
pub(super) fn data_type(dtype: &Json, objects: Option<ObjectCodec>) -> Result<DataType, String> {
    match (dtype, objects) {
        (Json::String(text), Some(ObjectCodec::VlenUtf8)) if text == "|O" => {
            Ok(DataType::VariableString)
        }
        (Json::String(text), Some(ObjectCodec::VlenBytes)) if text == "|O" => {
            Ok(DataType::VariableBytes)
        }
        (Json::String(text), None) if text == "|O" => Err(
            "objects whose first filter is neither vlen-utf8 nor vlen-bytes are not supported"
                .to_owned(),
        ),
        _ => nested(dtype, MAX_DEPTH),
    }
}

fn nested(dtype: &Json, depth: u32) -> Result<DataType, String> {
    match dtype {
        Json::String(text) => simple(text),
        Json::Array(fields) => record(fields, depth),
        other => Err(format!(
            "dtype {}, expected a text or a list of fields",
            brief(other)
        )),
    }
}

fn simple(text: &str) -> Result<DataType, String> {
    let unknown = || format!("dtype {:?} is not supported", brief_text(text));
    let mut characters = text.chars();
    let (Some(order), Some(kind)) = (characters.next(), characters.next()) else {
        return Err(unknown());
    };
    let size = characters.as_str();
    if !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unknown());
    }
    let size: u32 = size.parse().map_err(|_| unknown())?;
    let order = match order {
        '>' if size > 1 => ByteOrder::Big,
        '<' | '>' => ByteOrder::Little,
        '|' if size <= 1 || matches!(kind, 'S' | 'V') => ByteOrder::Little,
        _ => return Err(unknown()),
    };
    if size > MAX_ELEMENT {
        return Err(format!(
            "elements of {size} bytes, expected at most {MAX_ELEMENT}"
        ));
    }
    let byte = u8::try_from(size).unwrap_or(u8::MAX);
    Ok(match (kind, size) {
        ('b', 1) => DataType::Bool,
        ('i', 1 | 2 | 4 | 8) => DataType::Int { size: byte, order },
        ('u', 1 | 2 | 4 | 8) => DataType::UInt { size: byte, order },
        ('f', 2 | 4 | 8) => DataType::Float { size: byte, order },
        ('c', 8 | 16) => DataType::Complex { size: byte, order },
        ('S', 1..) => DataType::FixedString { length: size },
        ('V', 1..) => DataType::Raw { length: size },
        _ => return Err(unknown()),
    })
}

fn brief_text(text: &str) -> String {
    text.chars().take(40).collect()
}

fn record(list: &[Json], depth: u32) -> Result<DataType, String> {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| format!("records nested deeper than {MAX_DEPTH}"))?;
    if list.len() > MAX_FIELDS {
        return Err(format!(
            "a record of {} fields, expected at most {MAX_FIELDS}",
            list.len()
        ));
    }
    let mut fields = Vec::new();
    let mut end = 0_u32;
    for entry in list {
        let parts = entry.as_array().map(Vec::as_slice).unwrap_or_default();
        let (name, dtype, shape) = match parts {
            [name, dtype] => (name, dtype, Vec::new()),
            [name, dtype, shape] => (name, dtype, field_shape(shape)?),
            _ => {
                return Err(format!(
                    "field {}, expected [name, type] or [name, type, shape]",
                    brief(entry)
                ));
            }
        };
        let name = name
            .as_str()
            .ok_or_else(|| format!("field {}: expected a text as name", brief(name)))?;
        let data_type =
            nested(dtype, depth).map_err(|reason| format!("field {name:?}: {reason}"))?;
        let offset = end;
        end = shape
            .iter()
            .try_fold(data_type.size().unwrap_or(0), |size, length| {
                size.checked_mul(*length)
            })
            .and_then(|size| end.checked_add(size))
            .ok_or("a record of more than 4 GiB")?;
        fields.push(Field {
            name: name.to_owned(),
            offset,
            data_type,
            shape,
        });
    }
    if end > MAX_ELEMENT {
        return Err(format!(
            "records of {end} bytes, expected at most {MAX_ELEMENT}"
        ));
    }
    // It says whether names are empty or repeated.
    with_padding(end, &fields).map_err(|error| error.to_string())?;
    Ok(DataType::Record {
        size: end,
        fields: without_padding(end, fields),
    })
}

fn field_shape(shape: &Json) -> Result<Vec<u32>, String> {
    let axis = |length: &Json| {
        let length = length
            .as_u64()
            .and_then(|length| u32::try_from(length).ok());
        length.ok_or_else(|| format!("shape {} of a field", brief(shape)))
    };
    match shape {
        Json::Array(list) if list.len() <= super::MAX_AXES => list.iter().map(axis).collect(),
        length => Ok(vec![axis(length)?]),
    }
}

/// The fields without those that stand for gaps, if writing gives the same ones again.
fn without_padding(size: u32, all: Vec<Field>) -> Vec<Field> {
    let is_gap = |field: &Field| {
        let name = field.name.trim_start_matches('_');
        matches!(field.data_type, DataType::Raw { .. })
            && field.name.starts_with('_')
            && name.strip_prefix("pad") == Some(field.offset.to_string().as_str())
    };
    if !all.iter().any(is_gap) {
        return all;
    }
    let fields: Vec<_> = all.iter().filter(|field| !is_gap(field)).cloned().collect();
    match with_padding(size, &fields) {
        Ok(padded) if padded == all => fields,
        _ => all,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::zarr::v2::dtype;

    #[test]
    fn types_written_again_are_the_same() {
        for text in [
            "|b1", "|i1", "<i2", ">i4", "<i8", "|u1", ">u8", "<f2", ">f4", "<f8", "<c8", ">c16",
            "|S10", "|V8",
        ] {
            let read = data_type(&json!(text), None).unwrap();
            assert_eq!(dtype(&read).unwrap(), json!(text));
        }
        let record = json!([
            ["a", "|u1"],
            ["_pad1", "|V3"],
            ["b", ">f4", [2]],
            ["_pad12", "|V4"]
        ]);
        let read = data_type(&record, None).unwrap();
        let DataType::Record { size: 16, fields } = &read else {
            panic!("{read:?}")
        };
        assert_eq!(fields.len(), 2);
        assert_eq!(dtype(&read).unwrap(), record);
        // Fields that only look like gaps stay.
        let record = json!([["x", "|V3"], ["_pad5", "|V2"], ["__pad5", "<i2"]]);
        let read = data_type(&record, None).unwrap();
        assert_eq!(dtype(&read).unwrap(), record);
        assert!(matches!(&read, DataType::Record { fields, .. } if fields.len() == 3));
    }

    #[test]
    fn types_without_a_place_in_the_model_are_refused() {
        for bad in [
            json!("<U5"),
            json!("<M8[ns]"),
            json!("|O"),
            json!("f4"),
            json!("|f4"),
            json!("<f16"),
            json!("<i3"),
            json!("|S0"),
            json!("<f+4"),
            json!(""),
            json!(4),
            json!("|S99999999999"),
            json!([["a", "<f4"], ["a", "<f4"]]),
            json!([["", "<f4"]]),
            json!([["a"]]),
            json!([]),
            json!([["a", "<f8", [4_000_000_000_u32]]]),
            json!([["a", "<f8", [-1]]]),
        ] {
            assert!(data_type(&bad, None).is_err(), "{bad}");
        }
        let mut deep = json!("<f4");
        for _ in 0..17 {
            deep = json!([["a", deep]]);
        }
        assert!(
            data_type(&deep, None)
                .unwrap_err()
                .contains("nested deeper than 16")
        );
    }
}
