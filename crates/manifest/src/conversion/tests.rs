use super::*;

const HALF: StoredFloat = StoredFloat {
    size: 2,
    order: StoredOrder::Little,
    sign: 15,
    exponent: 10,
    exponent_size: 5,
    mantissa: 0,
    mantissa_size: 10,
    bias: 15,
    implied: true,
};
const BRAIN: StoredFloat = StoredFloat {
    exponent: 7,
    exponent_size: 8,
    mantissa_size: 7,
    bias: 127,
    ..HALF
};
const X87: StoredFloat = StoredFloat {
    size: 10,
    sign: 79,
    exponent: 64,
    exponent_size: 15,
    mantissa_size: 64,
    bias: 16383,
    implied: false,
    ..HALF
};

#[test]
fn every_half_and_every_brain_float_is_exact() {
    assert_eq!((HALF.fitting(), BRAIN.fitting()), (Some(2), Some(4)));
    for bits in 0..=u16::MAX {
        let bytes = bits.to_le_bytes();
        assert_eq!(HALF.bits(&bytes, 2).map(|same| same == u64::from(bits)), {
            let nan = bits & 0x7c00 == 0x7c00 && bits & 0x3ff != 0;
            Some(!nan || bits & 0x3ff == 0x3ff)
        });
        let brain = f32::from_bits(u32::from(bits) << 16);
        let wide = u32::try_from(BRAIN.bits(&bytes, 4).unwrap()).unwrap();
        let ones = if brain.is_nan() { 0x7fff_ffff } else { 0 };
        assert_eq!(wide, brain.to_bits() | ones);
        let double = f64::from_bits(BRAIN.bits(&bytes, 8).unwrap());
        let same = double.to_bits() == f64::from(brain).to_bits();
        assert!(brain.is_nan() && double.is_nan() || same);
    }
}

#[test]
fn what_is_not_exact_is_none() {
    assert_eq!(X87.fitting(), None);
    let x87 = |exponent: u16, mantissa: u64| {
        let bytes = [&mantissa.to_le_bytes()[..], &exponent.to_le_bytes()].concat();
        X87.bits(&bytes, 8).map(f64::from_bits)
    };
    assert_eq!(x87(16383, 1 << 63), Some(1.0));
    assert_eq!(x87(16384 | 0x8000, 0xC000_0000_0000_0000), Some(-3.0));
    assert_eq!(x87(0, 0), Some(0.0));
    assert_eq!(x87(0x7fff, 1 << 63), Some(f64::INFINITY));
    assert_eq!(x87(16383, (1 << 63) | 1), None);
    assert_eq!(x87(16383 + 1024, 1 << 63), None);
    assert_eq!(x87(16383 - 1074, 1 << 63), Some(f64::from_bits(1)));
    assert_eq!(x87(16383 - 1075, 1 << 63), None);
}

#[test]
fn a_vax_keeps_its_high_word_first() {
    // 1.0 as an F float: exponent 129, mantissa 0.
    let vax = StoredFloat {
        size: 4,
        order: StoredOrder::Vax,
        sign: 31,
        exponent: 23,
        exponent_size: 8,
        mantissa_size: 23,
        bias: 129,
        ..HALF
    };
    assert_eq!(vax.fitting(), Some(8));
    let one = vax.bits(&[0x80, 0x40, 0, 0], 8).unwrap();
    assert_eq!(one, 1.0_f64.to_bits());
}

#[test]
fn integers_take_their_sign_along_and_leave_other_bits() {
    let integer = StoredInteger {
        size: 3,
        order: StoredOrder::Big,
        signed: true,
        bit_offset: 4,
        bit_precision: 12,
    };
    assert_eq!(integer.value(&[0xff, 0x80, 0x1f]), u64::MAX - 0x7fe);
    let unsigned = StoredInteger {
        signed: false,
        ..integer
    };
    assert_eq!(unsigned.value(&[0xff, 0x80, 0x1f]), 0x801);
    let conversion = Conversion {
        stored_size: 4,
        size: 5,
        parts: vec![
            Part {
                from: 1,
                to: 0,
                change: Change::Integer {
                    stored: integer,
                    size: 4,
                    order: ByteOrder::Big,
                },
            },
            Part {
                from: 0,
                to: 4,
                change: Change::Copy { length: 1 },
            },
        ],
        reason: String::new(),
    };
    assert_eq!(
        conversion.apply(&[7, 0xff, 0x80, 0x1f, 9]).unwrap(),
        [0xff, 0xff, 0xf8, 0x01, 7]
    );
}

#[test]
fn parts_outside_are_errors() {
    for (from, to) in [(1, 0), (0, 1), (u32::MAX, 0), (0, u32::MAX)] {
        let conversion = Conversion {
            stored_size: 4,
            size: 4,
            parts: vec![Part {
                from,
                to,
                change: Change::Copy { length: 4 },
            }],
            reason: String::new(),
        };
        assert!(conversion.apply(&[0; 8]).is_err());
    }
}
