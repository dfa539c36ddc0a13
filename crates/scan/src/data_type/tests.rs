use super::*;
use crate::element::{Plan, Variable, plan};
use chunkref_hdf5::{CharacterSet, EnumMember, FloatLayout, Padding};
use chunkref_manifest::Change;

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

fn array(shape: &[u32], base: Datatype) -> Datatype {
    Datatype::Array {
        shape: shape.to_vec(),
        base: Box::new(base),
    }
}

fn sequence(base: Datatype) -> Datatype {
    Datatype::Sequence {
        size: 16,
        base: Box::new(base),
    }
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

fn fixed(datatype: &Datatype) -> crate::element::Fixed {
    match plan(datatype) {
        Ok(Plan::Fixed(fixed)) => fixed,
        other => panic!("{other:?}"),
    }
}

/// Names and offsets.
fn fields(datatype: &Datatype) -> Vec<(String, u32)> {
    let DataType::Record { fields, .. } = fixed(datatype).data_type else {
        panic!("not a record");
    };
    let fields = fields.into_iter().map(|field| (field.name, field.offset));
    fields.collect()
}

fn named(fields: &[(&str, u32)]) -> Vec<(String, u32)> {
    let fields = fields.iter().map(|(name, at)| ((*name).to_owned(), *at));
    fields.collect()
}

#[test]
fn whole_numbers_stay_and_others_are_widened() {
    let big = fixed(&int(4, hdf5::ByteOrder::Big));
    let expected = DataType::Int {
        size: 4,
        order: ByteOrder::Big,
    };
    assert_eq!((big.data_type, big.conversion), (expected, None));
    let three = fixed(&int(3, hdf5::ByteOrder::Little));
    let conversion = three.conversion.unwrap();
    assert_eq!((conversion.stored_size, conversion.size), (3, 4));
    assert!(conversion.reason.contains("3 bytes"), "{conversion:?}");
    let partial = Datatype::FixedPoint {
        size: 4,
        order: hdf5::ByteOrder::Little,
        signed: false,
        bit_offset: 0,
        bit_precision: 20,
    };
    let conversion = fixed(&partial).conversion.unwrap();
    assert!(
        conversion.reason.contains("20 of 32 bits"),
        "{conversion:?}"
    );
    let long = fixed(&int(16, hdf5::ByteOrder::Little));
    assert_eq!(long.data_type, DataType::Raw { length: 16 });
    assert!(long.conversion.is_none() && long.remarks.len() == 1);
}

#[test]
fn only_the_enumeration_of_false_and_true_is_bool() {
    let byte = || int(1, hdf5::ByteOrder::Little);
    let bool = enumeration(byte(), &[("FALSE", 0), ("TRUE", 1)]);
    assert_eq!(fixed(&bool).data_type, DataType::Bool);
    assert_eq!(attribute_type(&bool), Ok(DataType::Bool));
    let swapped = enumeration(byte(), &[("FALSE", 1), ("TRUE", 0)]);
    assert_eq!(fixed(&swapped), fixed(&byte()));
}

#[test]
fn a_pair_named_r_and_i_is_complex_and_others_are_records() {
    let complex = compound(8, &[("r", 0, single()), ("i", 4, single())]);
    let expected = DataType::Complex {
        size: 8,
        order: ByteOrder::Big,
    };
    assert_eq!(fixed(&complex).data_type, expected);
    let gap = compound(12, &[("i", 8, single()), ("r", 0, single())]);
    assert_eq!(fields(&gap), named(&[("r", 0), ("i", 8)]));
}

#[test]
fn compounds_and_arrays_are_flattened_where_they_lie() {
    let inner = || compound(8, &[("b", 4, single()), ("a", 0, single())]);
    let outer = compound(
        40,
        &[
            ("inner", 2, inner()),
            ("list", 12, array(&[2], inner())),
            ("m", 30, array(&[1, 2], int(2, hdf5::ByteOrder::Big))),
        ],
    );
    let expected = [
        ("inner.a", 2),
        ("inner.b", 6),
        ("list.0.a", 12),
        ("list.0.b", 16),
        ("list.1.a", 20),
        ("list.1.b", 24),
        ("m.0.0", 30),
        ("m.0.1", 32),
    ];
    assert_eq!(fields(&outer), named(&expected));
    assert_eq!(fixed(&outer).conversion, None);
}

#[test]
fn made_up_names_give_way_to_those_of_the_file() {
    let byte = || int(1, hdf5::ByteOrder::Little);
    let clash = compound(
        4,
        &[
            ("vec", 0, array(&[2], byte())),
            ("vec.0", 2, byte()),
            ("vec.0_", 3, byte()),
        ],
    );
    let expected = [("vec.0__", 0), ("vec.1", 1), ("vec.0", 2), ("vec.0_", 3)];
    assert_eq!(fields(&clash), named(&expected));
}

#[test]
fn a_large_array_stays_raw_and_the_rest_is_taken_apart() {
    let byte = || int(1, hdf5::ByteOrder::Little);
    let many = compound(
        3003,
        &[
            ("few", 0, array(&[2], byte())),
            ("many", 2, array(&[1000, 3], byte())),
            ("end", 3002, byte()),
        ],
    );
    let expected = [("few.0", 0), ("few.1", 1), ("many", 2), ("end", 3002)];
    assert_eq!(fields(&many), named(&expected));
    assert!(fixed(&many).remarks[0].contains("many"));
    // Counted before anything is made, however large.
    let huge = array(&[u32::MAX], array(&[u32::MAX], byte()));
    let huge = plan(&compound(u32::MAX, &[("huge", 0, huge)]));
    assert!(huge.is_ok(), "{huge:?}");
}

#[test]
fn a_converted_field_packs_the_record() {
    let record = compound(
        9,
        &[("a", 1, int(3, hdf5::ByteOrder::Big)), ("b", 5, single())],
    );
    let plan = fixed(&record);
    assert_eq!(fields(&record), named(&[("a", 0), ("b", 4)]));
    let conversion = plan.conversion.unwrap();
    assert_eq!((conversion.stored_size, conversion.size), (9, 8));
    assert!(
        conversion
            .reason
            .starts_with("field \"a\": integers of 3 bytes")
    );
    assert_eq!(conversion.parts[1].from, 5);
    assert_eq!(conversion.parts[1].change, Change::Copy { length: 4 });
    let stored = [0, 0xff, 0xff, 0xfe, 0, 1, 2, 3, 4];
    let converted = conversion.apply(&stored).unwrap();
    assert_eq!(converted, [0xff, 0xff, 0xff, 0xfe, 1, 2, 3, 4]);
}

#[test]
fn what_lies_in_the_heap_is_read() {
    let string = || Datatype::VariableString {
        size: 16,
        padding: Padding::NullTerminated,
        character_set: CharacterSet::Utf8,
    };
    let reference = |kind| Datatype::Reference { size: 8, kind };
    let json = [
        sequence(string()),
        sequence(sequence(single())),
        compound(16, &[("text", 0, string())]),
        compound(8, &[("to", 0, reference(hdf5::Reference::Object))]),
        reference(hdf5::Reference::Region),
        reference(hdf5::Reference::Standard(2)),
    ];
    for datatype in json {
        assert_eq!(
            plan(&datatype),
            Ok(Plan::Read(Variable::Json)),
            "{datatype:?}"
        );
        assert!(attribute_type(&datatype).is_ok());
    }
    assert_eq!(plan(&string()), Ok(Plan::Read(Variable::Strings)));
    let object = reference(hdf5::Reference::Object);
    assert_eq!(plan(&object), Ok(Plan::Read(Variable::Paths)));
    let Ok(Plan::Read(Variable::Sequences { attributes, .. })) =
        plan(&sequence(array(&[2, 3], single())))
    else {
        panic!("not sequences");
    };
    let names: Vec<_> = attributes.keys().map(String::as_str).collect();
    assert_eq!(names, ["_SEQUENCE_DTYPE", "_SEQUENCE_SHAPE"]);
    assert_eq!(attributes["_SEQUENCE_DTYPE"].as_text(), Some(">f4"));
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
        let reason = plan(&wrong).unwrap_err();
        assert!(reason.contains(word), "{reason}");
    }
}

#[test]
fn types_nested_without_end_are_refused() {
    let mut deep = int(1, hdf5::ByteOrder::Little);
    for _ in 0..100 {
        deep = compound(1, &[("a", 0, deep)]);
    }
    for reason in [plan(&deep).unwrap_err(), attribute_type(&deep).unwrap_err()] {
        assert!(reason.contains("nested deeper"), "{reason}");
    }
}
