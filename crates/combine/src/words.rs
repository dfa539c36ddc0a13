//! What arrays have, as errors name it.

use chunkref_manifest::{Array, Attribute, Codec, DataType};

use crate::coordinate::key;

/// Longer texts of attributes are cut.
const LONGEST: usize = 200;

/// Lengths of axes: `1x720x1440`.
pub(crate) fn by(shape: &[u64]) -> String {
    if shape.is_empty() {
        return "of a single value".to_owned();
    }
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    lengths.join("x")
}

/// Names of dimensions: `(time, lat, lon)`.
pub(crate) fn dimensions(array: &Array) -> String {
    format!("({})", array.dimension_names.join(", "))
}

/// Filters in the order in which they were applied.
pub(crate) fn filters(codecs: &[Codec]) -> String {
    if codecs.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<_> = codecs.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// How filters are others than expected.
pub(crate) fn other_filters(found: &[Codec], expected: &[Codec]) -> String {
    let (found, expected) = (filters(found), filters(expected));
    if found == expected {
        return format!("filters {found}, with other parameters than expected");
    }
    format!("filters {found}, expected {expected}")
}

/// The fill value: a number where it is one, else its bytes.
pub(crate) fn fill_value(array: &Array) -> String {
    let Some(fill) = &array.fill_value else {
        return "none".to_owned();
    };
    match (&array.data_type, key(fill, &array.data_type)) {
        (_, Some(number)) => number.text(),
        (DataType::FixedString { .. } | DataType::VariableString, None) => {
            let text = String::from_utf8_lossy(fill);
            format!("{:?}", cut(text.trim_end_matches('\0').to_owned()))
        }
        _ => {
            let bytes: Vec<_> = fill.iter().map(|byte| format!("{byte:02x}")).collect();
            cut(format!("of the bytes {}", bytes.join(" ")))
        }
    }
}

/// What an attribute is, and what it is expected to be: types only where they make the difference.
pub(crate) fn attributes(
    found: Option<&Attribute>,
    expected: Option<&Attribute>,
) -> (String, String) {
    let shown = |attribute: Option<&Attribute>| match attribute {
        Some(attribute) => match attribute.values.as_slice() {
            [only] => cut(only.to_string()),
            _ => cut(attribute.to_string()),
        },
        None => "missing".to_owned(),
    };
    let both = (shown(found), shown(expected));
    match (found, expected) {
        (Some(one), Some(other)) if both.0 == both.1 => {
            let text = |attribute: &Attribute| {
                let text = cut(attribute.to_string());
                format!("{text} ({})", attribute.data_type)
            };
            (text(one), text(other))
        }
        _ => both,
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}
