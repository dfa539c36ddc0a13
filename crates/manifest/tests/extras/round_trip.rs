//! A manifest that is read back equals the one that was written.

use chunkref_manifest::{Array, Attribute, Attributes, Group, Layout, Manifest, Value};
use proptest::prelude::*;

use crate::manifests::manifest;
use crate::{from_json, from_parquet, json_text, parquet_files};

/// The bits of a number in place of it: NaN is not equal to itself, and 0 is equal to -0.
fn bits(value: &Value) -> Value {
    match value {
        Value::Float(value) => Value::List(vec![Value::Null, Value::UInt(value.to_bits())]),
        Value::Complex(real, imaginary) => Value::List(vec![
            Value::Null,
            Value::UInt(real.to_bits()),
            Value::UInt(imaginary.to_bits()),
        ]),
        Value::List(values) => Value::List(values.iter().map(bits).collect()),
        Value::Record(fields) => {
            let fields = fields.iter();
            Value::Record(
                fields
                    .map(|(name, value)| (name.clone(), bits(value)))
                    .collect(),
            )
        }
        value => value.clone(),
    }
}

fn with_bits(attributes: &Attributes) -> Attributes {
    let attributes = attributes.iter().map(|(name, attribute)| {
        let attribute = Attribute {
            values: attribute.values.iter().map(bits).collect(),
            ..attribute.clone()
        };
        (name.clone(), attribute)
    });
    attributes.collect()
}

fn array_with_bits(array: &Array) -> Array {
    let mut array = Array {
        attributes: with_bits(&array.attributes),
        ..array.clone()
    };
    if let Layout::Virtual { sources, .. } = &mut array.layout {
        *sources = sources.iter().map(array_with_bits).collect();
    }
    array
}

fn group_with_bits(group: &Group) -> Group {
    let arrays = group.arrays.iter();
    let groups = group.groups.iter();
    Group {
        attributes: with_bits(&group.attributes),
        arrays: arrays
            .map(|(name, one)| (name.clone(), array_with_bits(one)))
            .collect(),
        groups: groups
            .map(|(name, one)| (name.clone(), group_with_bits(one)))
            .collect(),
    }
}

fn comparable(manifest: &Manifest) -> Manifest {
    let mut comparable = manifest.clone();
    comparable.root = group_with_bits(&manifest.root);
    comparable
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_manifest_is_read_back_as_it_was_written(manifest in manifest(), record_size in 1_usize..9) {
        let json = from_json(&json_text(&manifest)).unwrap();
        prop_assert_eq!(&json.report.refused, &[]);
        prop_assert_eq!(&json.report.remarks, &Vec::<String>::new());
        prop_assert_eq!(comparable(&json.manifest), comparable(&manifest));
        let parquet = from_parquet(parquet_files(&manifest, record_size)).unwrap();
        prop_assert_eq!(&parquet.report.refused, &[]);
        prop_assert_eq!(comparable(&parquet.manifest), comparable(&manifest));
        // The same manifest makes the same bytes.
        prop_assert_eq!(json_text(&json.manifest), json_text(&manifest));
    }
}
