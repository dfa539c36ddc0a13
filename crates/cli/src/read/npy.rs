//! The header of NumPy's `.npy` files.

use std::fmt::Write as _;

use chunkref::manifest::DataType;
use chunkref::manifest::zarr::v2::dtype;
use serde_json::Value as Json;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The header is filled up to a multiple of this, so that the data can be mapped.
const ALIGNMENT: usize = 64;

/// All that stands before the elements of an array in C order: version 1.0, or 2.0 where the
/// header is longer than 64 KiB.
///
/// # Errors
/// When NumPy has no such type.
pub(crate) fn header(data_type: &DataType, shape: &[u64]) -> Result<Vec<u8>, String> {
    let dtype = dtype(data_type).map_err(|error| error.to_string())?;
    let text = format!(
        "{{'descr': {}, 'fortran_order': False, 'shape': {}, }}",
        descr(&dtype),
        tuple(shape)
    );
    let with = |version: u8, width: usize| {
        let before = MAGIC.len().saturating_add(2).saturating_add(width);
        let end = before.saturating_add(text.len()).saturating_add(1);
        let length = end.next_multiple_of(ALIGNMENT).saturating_sub(before);
        let mut bytes = [MAGIC, &[version, 0]].concat();
        let field = u32::try_from(length).ok()?.to_le_bytes();
        let (kept, cut) = field.split_at_checked(width)?;
        if cut.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(kept);
        bytes.extend(text.as_bytes());
        bytes.resize(before.saturating_add(length).saturating_sub(1), b' ');
        bytes.push(b'\n');
        Some(bytes)
    };
    with(1, 2)
        .or_else(|| with(2, 4))
        .ok_or_else(|| format!("a header of {} bytes, over the limit of 4 GiB", text.len()))
}

/// A Zarr v2 type as the Python literal that NumPy reads: a string, or a list of tuples.
fn descr(dtype: &Json) -> String {
    match dtype {
        Json::String(text) => literal(text),
        Json::Array(fields) => {
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("[{}]", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Name, type, and for an array its shape.
fn field(field: &Json) -> String {
    let parts = field.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut texts: Vec<_> = parts.iter().take(2).map(descr).collect();
    if let Some(shape) = parts.get(2).and_then(Json::as_array) {
        texts.push(tuple(shape));
    }
    format!("({})", texts.join(", "))
}

/// A Python tuple, whose one member has a comma.
fn tuple<T: ToString>(members: &[T]) -> String {
    match members {
        [only] => format!("({},)", only.to_string()),
        members => {
            let texts: Vec<_> = members.iter().map(T::to_string).collect();
            format!("({})", texts.join(", "))
        }
    }
}

/// A Python string in ASCII: the header of these versions has no UTF-8.
fn literal(text: &str) -> String {
    let mut literal = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => literal.extend(['\\', character]),
            ' '..='~' => literal.push(character),
            // Writing to a string can't fail.
            _ => drop(write!(literal, "\\U{:08x}", u32::from(character))),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use chunkref::manifest::{ByteOrder, Field};

    use super::*;

    const FLOAT: DataType = DataType::Float {
        size: 4,
        order: ByteOrder::Big,
    };

    fn text(header: &[u8], before: usize) -> String {
        assert_eq!(header.len() % ALIGNMENT, 0);
        let text = String::from_utf8(header[before..].to_vec()).unwrap();
        text.strip_suffix('\n').unwrap().trim_end().to_owned()
    }

    #[test]
    fn numbers_and_shapes() {
        let shapes: [(&[u64], &str); 3] = [(&[], "()"), (&[3], "(3,)"), (&[3, 4], "(3, 4)")];
        for (shape, tuple) in shapes {
            let header = header(&FLOAT, shape).unwrap();
            assert_eq!(header[..8], *b"\x93NUMPY\x01\x00");
            let length = u16::from_le_bytes([header[8], header[9]]);
            assert_eq!(header.len(), 10 + usize::from(length));
            assert_eq!(
                text(&header, 10),
                format!("{{'descr': '>f4', 'fortran_order': False, 'shape': {tuple}, }}")
            );
        }
    }

    #[test]
    fn records_have_their_gaps_and_names_in_ascii() {
        let inner = |name: &str, offset, shape: &[u32]| Field {
            name: name.into(),
            offset,
            data_type: FLOAT,
            shape: shape.to_vec(),
        };
        let record = DataType::Record {
            size: 20,
            fields: vec![inner("it's µ", 0, &[]), inner("b", 8, &[3])],
        };
        let header = header(&record, &[]).unwrap();
        let descr = r"[('it\'s \U000000b5', '>f4'), ('_pad4', '|V4'), ('b', '>f4', (3,))]";
        assert!(text(&header, 10).starts_with(&format!("{{'descr': {descr}, ")));
    }

    #[test]
    fn a_long_header_has_version_2() {
        let fields: Vec<_> = (0..5000)
            .map(|number| Field {
                name: format!("field number {number}"),
                offset: number * 4,
                data_type: FLOAT,
                shape: Vec::new(),
            })
            .collect();
        let record = DataType::Record {
            size: 20_000,
            fields,
        };
        let header = header(&record, &[1]).unwrap();
        assert_eq!(header[6..8], [2, 0]);
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap());
        assert_eq!(u32::try_from(header.len()), Ok(12 + length));
        assert!(text(&header, 12).ends_with("'shape': (1,), }"));
    }

    #[test]
    fn strings_of_variable_length_have_no_header() {
        // NumPy keeps such elements pickled.
        assert!(
            header(
                &DataType::Sequence {
                    element: Box::new(FLOAT)
                },
                &[1]
            )
            .is_err()
        );
    }
}
