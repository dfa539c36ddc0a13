use super::*;
use chunkref_hdf5::FloatLayout;

fn int(size: u32, order: hdf5::ByteOrder) -> Datatype {
    Datatype::FixedPoint {
        size,
        order,
        signed: true,
        bit_offset: 0,
        bit_precision: u16::try_from(size * 8).unwrap(),
    }
}

fn single() -> Datatype {
    let layout = FloatLayout {
        bit_offset: 0,
        bit_precision: 32,
        sign_location: 31,
        exponent_location: 23,
        exponent_size: 8,
        mantissa_location: 0,
        mantissa_size: 23,
        exponent_bias: 127,
        mantissa_normalization: 2,
    };
    Datatype::FloatingPoint {
        size: 4,
        order: hdf5::ByteOrder::Big,
        layout,
    }
}

fn compound(size: u32, fields: &[(&str, u32, Datatype)]) -> Datatype {
    let fields = fields.iter().map(|(name, offset, datatype)| hdf5::Field {
        name: (*name).to_owned(),
        offset: *offset,
        datatype: datatype.clone(),
    });
    Datatype::Compound(Compound {
        size,
        fields: fields.collect(),
    })
}

fn enumeration(base: Datatype, members: &[(&str, u8)]) -> Datatype {
    let members = members.iter().map(|&(name, value)| EnumMember {
        name: name.to_owned(),
        value: vec![value].into(),
    });
    Datatype::Enumeration {
        base: Box::new(base),
        members: members.collect(),
    }
}

#[test]
fn only_whole_numbers_of_usual_sizes_are_numbers() {
    let big = int(4, hdf5::ByteOrder::Big);
    let expected = DataType::Int {
        size: 4,
        order: ByteOrder::Big,
    };
    assert_eq!(data_type(&big, Role::Array), Ok(expected));
    assert!(data_type(&int(3, hdf5::ByteOrder::Little), Role::Array).is_err());
    let partial = Datatype::FixedPoint {
        size: 4,
        order: hdf5::ByteOrder::Little,
        signed: false,
        bit_offset: 0,
        bit_precision: 20,
    };
    let reason = data_type(&partial, Role::Array).unwrap_err();
    assert!(reason.contains("20 of 32 bits"), "{reason}");
}

#[test]
fn only_the_enumeration_of_false_and_true_is_bool() {
    let byte = || int(1, hdf5::ByteOrder::Little);
    let bool = enumeration(byte(), &[("FALSE", 0), ("TRUE", 1)]);
    assert_eq!(data_type(&bool, Role::Array), Ok(DataType::Bool));
    let swapped = enumeration(byte(), &[("FALSE", 1), ("TRUE", 0)]);
    assert_eq!(
        data_type(&swapped, Role::Array),
        data_type(&byte(), Role::Array)
    );
}

#[test]
fn a_pair_named_r_and_i_is_complex_and_others_are_records() {
    let complex = compound(8, &[("r", 0, single()), ("i", 4, single())]);
    let expected = DataType::Complex {
        size: 8,
        order: ByteOrder::Big,
    };
    assert_eq!(data_type(&complex, Role::Array), Ok(expected));
    let gap = compound(12, &[("i", 8, single()), ("r", 0, single())]);
    let Ok(DataType::Record { size: 12, fields }) = data_type(&gap, Role::Array) else {
        panic!("not a record");
    };
    let offsets: Vec<_> = fields.iter().map(|field| field.offset).collect();
    assert_eq!(offsets, [0, 8]);
}

#[test]
fn records_that_contradict_themselves_are_refused() {
    let number = || int(4, hdf5::ByteOrder::Little);
    for (wrong, word) in [
        (
            compound(8, &[("a", 0, number()), ("b", 2, number())]),
            "overlaps",
        ),
        (compound(4, &[("a", 2, number())]), "up to byte 6"),
        (
            compound(8, &[("a", 0, number()), ("a", 4, number())]),
            "two fields",
        ),
    ] {
        let reason = data_type(&wrong, Role::Array).unwrap_err();
        assert!(reason.contains(word), "{reason}");
    }
    let nested = compound(4, &[("outer", 0, compound(4, &[("a", 0, number())]))]);
    assert!(data_type(&nested, Role::Array).is_err());
    assert!(data_type(&nested, Role::Attribute).is_ok());
}

#[test]
fn types_nested_without_end_are_refused() {
    let mut deep = int(1, hdf5::ByteOrder::Little);
    for _ in 0..100 {
        deep = compound(1, &[("a", 0, deep)]);
    }
    let reason = data_type(&deep, Role::Attribute).unwrap_err();
    assert!(reason.contains("nested deeper"), "{reason}");
}
