use chunkref::manifest::{Attribute, Attributes, ByteOrder, DataType, Value};
use chunkref::store::Elements;

use super::File;
use crate::read::variables::{Variable, Variables};

fn variables(data_type: DataType, shape: &[u64], bytes: &[u8], units: Attribute) -> Variables {
    let names = ["x", "y"].iter().take(shape.len());
    Variables {
        array: Variable {
            name: "a".to_owned(),
            dimensions: names.map(|&name| name.to_owned()).collect(),
            elements: Elements {
                shape: shape.to_vec(),
                data_type,
                bytes: bytes.to_vec().into(),
            },
            attributes: Attributes::from([("u".to_owned(), units)]),
        },
        coordinates: Vec::new(),
        attributes: Attributes::new(),
        inside: None,
        places: Vec::new(),
    }
}

fn little(size: u8) -> DataType {
    DataType::Int {
        size,
        order: ByteOrder::Little,
    }
}

fn written(variables: &Variables) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::new(variables).unwrap().write(&mut bytes).unwrap();
    bytes
}

/// Byte for byte as the format says.
#[test]
fn a_file_of_one_variable() {
    let variables = variables(little(2), &[3], &[1, 0, 2, 0, 3, 0], Attribute::text("m"));
    let expected: &[&[u8]] = &[
        b"CDF\x02",
        &[0, 0, 0, 0], // records
        &[0, 0, 0, 10, 0, 0, 0, 1],
        &[0, 0, 0, 1],
        b"x\0\0\0",
        &[0, 0, 0, 3],
        &[0; 8], // no attributes
        &[0, 0, 0, 11, 0, 0, 0, 1],
        &[0, 0, 0, 1],
        b"a\0\0\0",
        &[0, 0, 0, 1, 0, 0, 0, 0], // the one dimension
        &[0, 0, 0, 12, 0, 0, 0, 1],
        &[0, 0, 0, 1],
        b"u\0\0\0",
        &[0, 0, 0, 2, 0, 0, 0, 1], // one character
        b"m\0\0\0",
        &[0, 0, 0, 3], // short
        &[0, 0, 0, 8], // bytes, filled up
        &[0, 0, 0, 0, 0, 0, 0, 104],
        &[0, 1, 0, 2, 0, 3, 0, 0],
    ];
    let expected = expected.concat();
    assert_eq!(expected.len(), 112);
    assert_eq!(written(&variables), expected);
}

#[test]
fn types_that_the_old_version_has_not_make_the_new_one() {
    let number = |data_type: DataType, value| Attribute {
        data_type,
        shape: Some(vec![1]),
        values: vec![value],
    };
    let unsigned = DataType::UInt {
        size: 8,
        order: ByteOrder::Little,
    };
    let version = |data_type, bytes: &[u8], units| {
        let file = written(&variables(data_type, &[1], bytes, units));
        file[3]
    };
    let text = || Attribute::text("m");
    assert_eq!(version(little(8), &[0; 8], text()), 5);
    assert_eq!(version(little(4), &[0; 4], text()), 2);
    let small = number(unsigned.clone(), Value::UInt(7));
    assert_eq!(version(little(4), &[0; 4], small), 2, "it is an int there");
    let large = number(unsigned, Value::UInt(u64::MAX));
    assert_eq!(version(little(4), &[0; 4], large), 5);
}

#[test]
fn what_can_not_be_held_is_said() {
    let complex = DataType::Complex {
        size: 8,
        order: ByteOrder::Little,
    };
    let text = || Attribute::text("m");
    let refused = |variables: &Variables| File::new(variables).unwrap_err();
    let error = refused(&variables(complex, &[1], &[0; 8], text()));
    assert!(error.contains(".npy holds them"), "{error}");
    let error = refused(&variables(little(2), &[0], &[], text()));
    assert!(error.contains("dimension x has no elements"), "{error}");
    let mut several = text();
    several.values.push(Value::Text("n".to_owned()));
    let variables = variables(little(2), &[1], &[0; 2], several);
    let file = File::new(&variables).unwrap();
    let said = "attribute u of a: several strings, of which netCDF classic holds one, left out";
    assert_eq!(file.left_out(), [said]);
}
