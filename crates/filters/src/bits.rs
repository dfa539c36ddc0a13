//! Bits, most significant first, as nbit, scaleoffset and szip store them.

/// The byte order of the elements that fields are unpacked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// The widest field that the eight bytes around its first bit always hold.
const NARROW: u32 = 57;

/// The field of `width` bits (at most 64) that begins at bit `at`. Bits past the end are 0.
pub(crate) fn field(bytes: &[u8], at: u64, width: u32) -> u64 {
    if width <= NARROW {
        read::<false>(bytes, at, width)
    } else {
        read::<true>(bytes, at, width)
    }
}

/// Unpacks consecutive fields of `width` bits, the first at bit `at`, each mapped to an element of
/// `SIZE` bytes (at most 8), until `elements` is full.
pub(crate) fn unpack<const SIZE: usize>(
    bytes: &[u8],
    at: u64,
    width: u32,
    order: Order,
    elements: &mut [[u8; SIZE]],
    map: impl Fn(u64) -> u64,
) {
    match order {
        Order::Little => fill(bytes, at, width, elements, |value| little(map(value))),
        Order::Big => fill(bytes, at, width, elements, |value| big(map(value))),
    }
}

fn fill<const SIZE: usize>(
    bytes: &[u8],
    mut at: u64,
    width: u32,
    elements: &mut [[u8; SIZE]],
    map: impl Fn(u64) -> [u8; SIZE],
) {
    let step = u64::from(width);
    if width <= NARROW {
        for element in elements {
            *element = map(read::<false>(bytes, at, width));
            at = at.wrapping_add(step);
        }
    } else {
        for element in elements {
            *element = map(read::<true>(bytes, at, width));
            at = at.wrapping_add(step);
        }
    }
}

/// The low bytes of a number, least significant first.
fn little<const SIZE: usize>(value: u64) -> [u8; SIZE] {
    *value.to_le_bytes().first_chunk().unwrap_or(&[0; SIZE])
}

/// The low bytes of a number, most significant first.
fn big<const SIZE: usize>(value: u64) -> [u8; SIZE] {
    *value.to_be_bytes().last_chunk().unwrap_or(&[0; SIZE])
}

#[inline]
fn read<const WIDE: bool>(bytes: &[u8], at: u64, width: u32) -> u64 {
    let first = usize::try_from(at >> 3).unwrap_or(usize::MAX);
    let skip = u32::from(at.to_le_bytes()[0] & 7);
    let mut word = word(bytes, first).wrapping_shl(skip);
    if WIDE {
        let ninth = bytes.get(first.wrapping_add(8)).copied().unwrap_or(0);
        word |= u64::from(ninth).wrapping_shl(skip) >> 8;
    }
    word.checked_shr(64_u32.wrapping_sub(width)).unwrap_or(0)
}

/// Eight bytes as a number, the first the most significant. Bytes past the end are 0.
#[inline]
pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or(&[]);
    rest.first_chunk()
        .map_or_else(|| last_word(rest), |&word| u64::from_be_bytes(word))
}

#[cold]
fn last_word(rest: &[u8]) -> u64 {
    let mut word = [0; 8];
    for (byte, &value) in word.iter_mut().zip(rest) {
        *byte = value;
    }
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_width() {
        let bytes: Vec<u8> = (0..24_u8)
            .map(|byte| byte.wrapping_mul(151) ^ 0x5a)
            .collect();
        let bit = |at: u64| match bytes.get(usize::try_from(at / 8).unwrap()) {
            Some(byte) => u64::from(byte >> (7 - at % 8) & 1),
            None => 0,
        };
        for width in 0..=64_u32 {
            for at in 0..200 {
                let expected =
                    (at..at + u64::from(width)).fold(0, |value, at| value << 1 | bit(at));
                assert_eq!(field(&bytes, at, width), expected, "{width} bits at {at}");
            }
        }
    }

    #[test]
    fn elements_in_both_orders() {
        let bytes = [0x12, 0x34, 0x56];
        let mut elements = [[0; 2]; 2];
        unpack(&bytes, 0, 12, Order::Little, &mut elements, |value| {
            value << 4
        });
        assert_eq!(elements, [[0x30, 0x12], [0x60, 0x45]]);
        unpack(&bytes, 0, 12, Order::Big, &mut elements, |value| value + 1);
        assert_eq!(elements, [[0x01, 0x24], [0x04, 0x57]]);
    }
}
