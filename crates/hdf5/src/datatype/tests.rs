use bytes::Bytes;

use super::*;
use crate::address::Sizes;
use crate::error::Error;
use crate::hostile::{cursor, cursor_with, never_panics, parse_whole};

/// A datatype message from its parts.
fn message(version: u8, class: u8, flags: u32, size: u32, properties: &[u8]) -> Vec<u8> {
    let mut bytes = vec![version << 4 | class];
    bytes.extend(&flags.to_le_bytes()[..3]);
    bytes.extend(size.to_le_bytes());
    bytes.extend(properties);
    bytes
}

fn int32(version: u8) -> Vec<u8> {
    message(version, 0, 8, 4, &[0, 0, 32, 0])
}

fn float64() -> Vec<u8> {
    let mut properties = vec![0, 0, 64, 0, 52, 11, 0, 52];
    properties.extend(1023_u32.to_le_bytes());
    message(1, 1, 0x3F20, 8, &properties)
}

fn int(size: u32) -> Datatype {
    Datatype::FixedPoint {
        size,
        order: ByteOrder::Little,
        signed: true,
        bit_offset: 0,
        bit_precision: u16::try_from(size * 8).unwrap(),
    }
}

fn read(bytes: &[u8]) -> Datatype {
    let datatype = parse_whole(bytes, Datatype::parse);
    never_panics(bytes, Datatype::parse);
    datatype
}

fn error(bytes: &[u8]) -> Error {
    Datatype::parse(&mut cursor(bytes)).unwrap_err()
}

fn assert_malformed(cases: &[Vec<u8>]) {
    for bytes in cases {
        let error = error(bytes);
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

fn assert_unsupported(cases: &[Vec<u8>]) {
    for bytes in cases {
        let error = error(bytes);
        assert!(error.is_unsupported(), "{error}");
    }
}

#[test]
fn reads_integers_and_bit_fields() {
    for version in 1..=5 {
        assert_eq!(read(&int32(version)), int(4));
    }
    assert_eq!(
        read(&message(1, 0, 1, 4, &[8, 0, 16, 0])),
        Datatype::FixedPoint {
            size: 4,
            order: ByteOrder::Big,
            signed: false,
            bit_offset: 8,
            bit_precision: 16,
        }
    );
    assert_eq!(
        read(&message(1, 4, 0, 1, &[0, 0, 8, 0])),
        Datatype::BitField {
            size: 1,
            order: ByteOrder::Little,
            bit_offset: 0,
            bit_precision: 8,
        }
    );
    assert_malformed(&[
        message(1, 0, 8, 0, &[0, 0, 0, 0]),
        message(1, 0, 8, 4, &[0, 0, 0, 0]),
        message(1, 0, 8, 4, &[1, 0, 32, 0]),
        message(1, 4, 8, 4, &[255, 255, 255, 255]),
    ]);
    assert_unsupported(&[message(0, 0, 8, 4, &[0, 0, 32, 0]), int32(6)]);
    assert_unsupported(&[message(3, 12, 0, 4, &[]), message(3, 15, 0, 4, &[])]);
}

#[test]
fn reads_floats() {
    let Datatype::FloatingPoint {
        size,
        order,
        layout,
    } = read(&float64())
    else {
        panic!("not a float");
    };
    assert_eq!((size, order), (8, ByteOrder::Little));
    assert!(layout.is_ieee(8));
    let order = |version, flags: u32| {
        let bytes = message(version, 1, flags | 0x3F20, 8, &float64()[8..]);
        Datatype::parse(&mut cursor(&bytes)).map(|datatype| match datatype {
            Datatype::FloatingPoint { order, .. } => order,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(order(3, 0x41), Ok(ByteOrder::Vax));
    assert_eq!(order(3, 0x01), Ok(ByteOrder::Big));
    assert_eq!(order(2, 0x41), Ok(ByteOrder::Big));
    assert!(order(3, 0x40).is_err());
    assert_unsupported(&[message(1, 1, 0x3F30, 8, &float64()[8..])]);
    let with = |flags, properties: [u8; 4]| {
        let bytes = [&[0, 0, 64, 0], properties.as_slice(), &[0; 4]].concat();
        message(1, 1, flags, 8, &bytes)
    };
    assert_malformed(&[
        with(0x4020, [52, 11, 0, 52]),
        with(0x3F20, [52, 0, 0, 52]),
        with(0x3F20, [52, 11, 0, 0]),
        with(0x3F20, [51, 11, 0, 52]),
        with(0x3F20, [53, 11, 0, 52]),
        with(0x0520, [52, 11, 0, 52]),
    ]);
}

#[test]
fn reads_time_strings_and_opaque() {
    assert_eq!(
        read(&message(1, 2, 1, 4, &[32, 0])),
        Datatype::Time {
            size: 4,
            order: ByteOrder::Big,
            bit_precision: 32,
        }
    );
    assert_eq!(
        read(&message(1, 3, 0x12, 5, &[])),
        Datatype::String {
            size: 5,
            padding: Padding::SpacePadded,
            character_set: CharacterSet::Utf8,
        }
    );
    assert_eq!(
        read(&message(1, 5, 8, 3, b"tag\0\0\0\0\0")),
        Datatype::Opaque {
            size: 3,
            tag: "tag".to_owned(),
        }
    );
    assert_malformed(&[message(1, 3, 0, 0, &[]), message(1, 5, 0, 0, &[])]);
    assert_unsupported(&[message(1, 3, 3, 5, &[]), message(1, 3, 0x20, 5, &[])]);
}

fn field(name: &str, offset: u32, datatype: Datatype) -> Field {
    Field {
        name: name.to_owned(),
        offset,
        datatype,
    }
}

#[test]
fn reads_compounds_of_version_1() {
    let member = |name: &[u8; 8], offset: u32, shape: &[u32]| {
        let mut bytes = name.to_vec();
        bytes.extend(offset.to_le_bytes());
        bytes.extend([u8::try_from(shape.len()).unwrap(), 0, 0, 0]);
        bytes.extend([0; 8]);
        let lengths = [shape, &[0; 8]].concat();
        bytes.extend(lengths[..4].iter().flat_map(|length| length.to_le_bytes()));
        bytes.extend(int32(1));
        bytes
    };
    let a = member(b"a\0......", 4, &[2, 3]);
    let b = member(b"bcdefgh\0", 0, &[]);
    let array = Datatype::Array {
        shape: vec![2, 3],
        base: Box::new(int(4)),
    };
    assert_eq!(
        read(&message(1, 6, 2, 30, &[&a[..], &b].concat())),
        Datatype::Compound(Compound {
            size: 30,
            fields: [field("a", 4, array), field("bcdefgh", 0, int(4))].into(),
        })
    );
    assert_malformed(&[
        message(1, 6, 1, 64, &member(b"abcdefg\0", 0, &[1, 1, 1, 1, 1])),
        message(1, 6, 1, 64, &member(b"abcdefg\0", 0, &[0])),
        message(1, 6, 1, 64, &member(b"abcdefg\0", 0, &[1 << 31, 1 << 31])),
        message(1, 6, 1, 30, &member(b"abcdefgh", 0, &[])[..8]),
    ]);
}

#[test]
fn reads_compounds_of_later_versions() {
    let mut v2 = b"a\0\0\0\0\0\0\0".to_vec();
    v2.extend([4, 0, 0, 0]);
    v2.extend(int32(2));
    let fields = vec![field("a", 4, int(4))];
    let expected = Compound {
        size: 8,
        fields: fields.into(),
    };
    assert_eq!(
        read(&message(2, 6, 1, 8, &v2)),
        Datatype::Compound(expected)
    );
    for version in 3..=5 {
        let widths = [(255, 1), (256, 2), (65535, 2), (65536, 3), (1 << 24, 4)];
        for (size, width) in widths {
            let mut member = b"\xE9\0".to_vec();
            member.extend(&4_u32.to_le_bytes()[..width]);
            member.extend(int32(version));
            let fields = vec![field("é", 4, int(4))];
            assert_eq!(
                read(&message(version, 6, 1, size, &member)),
                Datatype::Compound(Compound {
                    size,
                    fields: fields.into()
                })
            );
        }
    }
}

#[test]
fn refuses_compounds_that_contradict_themselves() {
    let compound = |size, members: &[(&str, u8)]| {
        let mut bytes = Vec::new();
        for (name, offset) in members {
            bytes.extend(name.as_bytes());
            bytes.extend([0, *offset]);
            bytes.extend(int32(3));
        }
        message(3, 6, u32::try_from(members.len()).unwrap(), size, &bytes)
    };
    assert!(Datatype::parse(&mut cursor(&compound(8, &[("b", 4), ("a", 0)]))).is_ok());
    assert_malformed(&[
        compound(8, &[]),
        compound(8, &[("a", 0), ("a", 4)]),
        compound(8, &[("a", 0), ("b", 3)]),
        compound(8, &[("a", 4), ("b", 2)]),
        compound(8, &[("a", 5)]),
        compound(3, &[("a", 0)]),
    ]);
}

#[test]
fn reads_references() {
    let reference = |size, kind| Datatype::Reference { size, kind };
    assert_eq!(
        read(&message(1, 7, 0, 8, &[])),
        reference(8, Reference::Object)
    );
    assert_eq!(
        read(&message(1, 7, 1, 12, &[])),
        reference(12, Reference::Region)
    );
    assert_eq!(
        read(&message(4, 7, 0x14, 18, &[])),
        reference(18, Reference::Standard(4))
    );
    assert_malformed(&[message(1, 7, 0, 4, &[]), message(1, 7, 1, 8, &[])]);
    assert_unsupported(&[message(4, 7, 0x15, 18, &[]), message(4, 7, 2, 18, &[])]);
}

#[test]
fn reads_enumerations() {
    let member = |name: &str, value: &'static [u8]| EnumMember {
        name: name.to_owned(),
        value: Bytes::from_static(value),
    };
    let expected = Datatype::Enumeration {
        base: Box::new(int(4)),
        members: [member("no", &[0, 0, 0, 0]), member("yes", &[1, 0, 0, 0])].into(),
    };
    let values = [0, 0, 0, 0, 1, 0, 0, 0];
    for version in [1, 2] {
        let names = b"no\0\0\0\0\0\0yes\0\0\0\0\0";
        let properties = [&int32(version)[..], names, &values].concat();
        assert_eq!(read(&message(version, 8, 2, 4, &properties)), expected);
    }
    let properties = [&int32(3)[..], b"no\0yes\0", &values].concat();
    assert_eq!(read(&message(3, 8, 2, 4, &properties)), expected);
    assert_malformed(&[message(3, 8, 2, 8, &properties)]);
    assert_unsupported(&[message(3, 8, 0, 8, &float64())]);
}

#[test]
fn reads_variable_length() {
    let sequence = message(1, 9, 0, 16, &int32(1));
    assert_eq!(
        read(&sequence),
        Datatype::Sequence {
            size: 16,
            base: Box::new(int(4)),
        }
    );
    let character = message(1, 3, 0, 1, &[]);
    let string = message(1, 9, 0x111, 16, &character);
    assert_eq!(
        read(&string),
        Datatype::VariableString {
            size: 16,
            padding: Padding::NullPadded,
            character_set: CharacterSet::Utf8,
        }
    );
    let narrow = Sizes {
        offsets: 4,
        lengths: 4,
    };
    assert!(Datatype::parse(&mut cursor_with(&string, narrow)).is_err());
    assert_malformed(&[message(1, 9, 0, 8, &int32(1))]);
    assert_unsupported(&[message(1, 9, 2, 16, &int32(1))]);
}

#[test]
fn reads_arrays() {
    let expected = Datatype::Array {
        shape: vec![2, 3],
        base: Box::new(int(4)),
    };
    let v2 = [
        &[2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0][..],
        &int32(2),
    ]
    .concat();
    assert_eq!(read(&message(2, 10, 0, 24, &v2)), expected);
    let v3 = [&[2, 2, 0, 0, 0, 3, 0, 0, 0][..], &int32(3)].concat();
    assert_eq!(read(&message(3, 10, 0, 24, &v3)), expected);
    assert_malformed(&[
        message(3, 10, 0, 25, &v3),
        message(3, 10, 0, 4, &[&[0][..], &int32(3)].concat()),
        message(3, 10, 0, 4, &[&[33][..], &[1; 200]].concat()),
        message(3, 10, 0, 4, &[&[1, 0, 0, 0, 0][..], &int32(3)].concat()),
        message(3, 10, 0, 4, &[&[1, 1, 0, 0, 64][..], &int32(3)].concat()),
    ]);
}

#[test]
fn reads_complex_numbers() {
    let Datatype::Complex { base } = read(&message(5, 11, 1, 16, &float64())) else {
        panic!("not complex");
    };
    assert_eq!(base.size(), 8);
    assert_malformed(&[message(5, 11, 1, 17, &float64())]);
    assert_unsupported(&[
        message(5, 11, 0, 16, &float64()),
        message(5, 11, 3, 16, &float64()),
        message(5, 11, 1, 8, &int32(5)),
    ]);
}

#[test]
fn bounds_the_depth() {
    let nested = |depth: usize| {
        let mut bytes = int32(3);
        for _ in 0..depth {
            bytes = message(3, 10, 0, 4, &[&[1, 1, 0, 0, 0][..], &bytes].concat());
        }
        bytes
    };
    assert_eq!(Datatype::parse(&mut cursor(&nested(31))).unwrap().size(), 4);
    for depth in [32, 2000] {
        let bytes = nested(depth);
        assert!(matches!(error(&bytes), Error::Limit { limit: 32, .. }));
    }
}
