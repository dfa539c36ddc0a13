//! What must be equal for arrays to be one array.

use chunkref_manifest::{Array, Attribute, Attributes, Value};

use crate::words;

/// Attributes that say what stored numbers mean; where they differ, equal bytes are unequal values.
const MEANING: [&str; 24] = [
    "_FillValue",
    "_Unsigned",
    "add_offset",
    "axis",
    "bounds",
    "calendar",
    "cell_methods",
    "coordinates",
    "flag_masks",
    "flag_meanings",
    "flag_values",
    "formula_terms",
    "grid_mapping",
    "leap_month",
    "leap_year",
    "missing_value",
    "month_lengths",
    "positive",
    "scale_factor",
    "standard_name",
    "units",
    "valid_max",
    "valid_min",
    "valid_range",
];

/// Whether an attribute says what stored numbers mean.
pub(crate) fn changes_meaning(name: &str) -> bool {
    MEANING.contains(&name)
}

/// Whether an array is a grid mapping by its own word (CF 5.6): its attributes say what coordinates
/// mean, all of them.
pub(crate) fn is_grid_mapping(array: &Array) -> bool {
    [
        "grid_mapping_name",
        "crs_wkt",
        "spatial_ref",
        "GeoTransform",
    ]
    .iter()
    .any(|name| array.attributes.contains_key(*name))
}

/// How `array` is unlike `like`, apart from its shape and layout; all attributes count where they are
/// those of a grid mapping.
pub(crate) fn differences(array: &Array, like: &Array, is_grid_mapping: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    if array.data_type != like.data_type {
        reasons.push(format!(
            "data type {}, expected {}",
            array.data_type, like.data_type
        ));
    }
    if array.dimension_names != like.dimension_names {
        reasons.push(format!(
            "dimensions {}, expected {}",
            words::dimensions(array),
            words::dimensions(like)
        ));
    }
    if array.fill_value != like.fill_value && array.data_type == like.data_type {
        reasons.push(format!(
            "fill value {}, expected {}",
            words::fill_value(array),
            words::fill_value(like)
        ));
    }
    let meaning = unequal_attributes(&array.attributes, &like.attributes)
        .filter(|(name, ..)| is_grid_mapping || changes_meaning(name));
    for (name, found, expected) in meaning {
        let (found, expected) = words::attributes(found, expected);
        reasons.push(format!("attribute {name} is {found}, expected {expected}"));
    }
    reasons
}

/// How attributes of an array differ that don't change what its values mean.
pub(crate) fn notes(found: &Attributes, like: &Attributes) -> Vec<String> {
    let unequal = unequal_attributes(found, like);
    noted(unequal.filter(|(name, ..)| !changes_meaning(name)))
}

/// How attributes of a group differ, but for some: no value depends on them.
pub(crate) fn group_notes(found: &Attributes, like: &Attributes, but: &[&str]) -> Vec<String> {
    noted(unequal_attributes(found, like).filter(|(name, ..)| !but.contains(name)))
}

fn noted<'a>(unequal: impl Iterator<Item = Unequal<'a>>) -> Vec<String> {
    unequal
        .map(|(name, found, expected)| {
            let (found, kept) = words::attributes(found, expected);
            format!("attribute {name} is {found}, kept {kept}")
        })
        .collect()
}

type Unequal<'a> = (&'a str, Option<&'a Attribute>, Option<&'a Attribute>);

fn unequal_attributes<'a>(
    found: &'a Attributes,
    like: &'a Attributes,
) -> impl Iterator<Item = Unequal<'a>> {
    let of_like = like
        .iter()
        .map(|(name, expected)| (name.as_str(), found.get(name), Some(expected)));
    let only_found = found
        .iter()
        .filter(|(name, _)| !like.contains_key(*name))
        .map(|(name, attribute)| (name.as_str(), Some(attribute), None));
    of_like
        .chain(only_found)
        .filter(|(_, found, expected)| match (found, expected) {
            (Some(found), Some(expected)) => !same_attribute(found, expected),
            _ => true,
        })
}

/// Whether two attributes say the same: NaN is NaN, and how a text is stored is no matter.
pub(crate) fn same_attribute(left: &Attribute, right: &Attribute) -> bool {
    let texts = |attribute: &Attribute| {
        attribute
            .values
            .iter()
            .all(|value| matches!(value, Value::Text(_)))
    };
    (left.data_type == right.data_type || (texts(left) && texts(right)))
        && left.shape == right.shape
        && same_values(&left.values, &right.values)
}

fn same_values(left: &[Value], right: &[Value]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same_value(a, b))
}

fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(a), Value::Float(b)) => same_float(*a, *b),
        (Value::Complex(a, b), Value::Complex(c, d)) => same_float(*a, *c) && same_float(*b, *d),
        (Value::List(a), Value::List(b)) => same_values(a, b),
        (Value::Record(a), Value::Record(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((name, a), (other, b))| name == other && same_value(a, b))
        }
        (a, b) => a == b,
    }
}

fn same_float(left: f64, right: f64) -> bool {
    left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
}

#[cfg(test)]
mod tests {
    use chunkref_manifest::{ByteOrder, DataType};

    use super::*;

    fn float(value: f64) -> Attribute {
        Attribute {
            data_type: DataType::Float {
                size: 8,
                order: ByteOrder::Little,
            },
            shape: Some(vec![]),
            values: vec![Value::Float(value)],
        }
    }

    #[test]
    fn nan_is_nan() {
        assert!(same_attribute(&float(f64::NAN), &float(-f64::NAN)));
        assert!(!same_attribute(&float(0.0), &float(-0.0)));
    }

    #[test]
    fn how_a_text_is_stored_is_no_matter() {
        let fixed = Attribute {
            data_type: DataType::FixedString { length: 8 },
            ..Attribute::text("K")
        };
        assert!(same_attribute(&fixed, &Attribute::text("K")));
        assert!(!same_attribute(&fixed, &Attribute::text("degC")));
    }

    #[test]
    fn a_missing_attribute_is_a_difference() {
        let with = Attributes::from([("units".to_owned(), Attribute::text("K"))]);
        let without = Attributes::new();
        assert_eq!(unequal_attributes(&with, &without).count(), 1);
        assert_eq!(unequal_attributes(&without, &with).count(), 1);
        assert_eq!(unequal_attributes(&with, &with).count(), 0);
    }
}
