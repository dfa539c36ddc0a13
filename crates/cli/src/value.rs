//! Values of attributes as text.

use chunkref::manifest::{Attribute, Value};

/// So many values of an attribute are shown.
const VALUES: usize = 8;

pub(crate) fn attribute_text(attribute: &Attribute) -> String {
    let shown: Vec<_> = attribute
        .values
        .iter()
        .take(VALUES)
        .map(value_text)
        .collect();
    let more = attribute.values.len().saturating_sub(VALUES);
    match (&attribute.shape, shown.as_slice()) {
        (None, _) => "(no value)".to_owned(),
        (Some(shape), [only]) if shape.is_empty() => only.clone(),
        _ if more > 0 => format!("[{}, and {more} more]", shown.join(", ")),
        _ => format!("[{}]", shown.join(", ")),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::UInt(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Complex(real, imaginary) => format!("{real}{imaginary:+}j"),
        Value::Text(text) => format!("{text:?}"),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::List(values) => format!("{} values", values.len()),
        Value::Record(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", value_text(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null => "null".to_owned(),
    }
}
