//! Numbers of a source as those of the virtual dataset, as libhdf5 converts them.

use chunkref_manifest::{ByteOrder, DataType};

/// What is done to the elements of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Nothing.
    None,
    /// Whole numbers: what is out of range becomes the nearest number that is in range.
    Integers {
        /// As they are.
        from: Integer,
        /// As they shall be.
        to: Integer,
    },
    /// Whole numbers as floating-point numbers that hold them exactly.
    IntegersToFloats {
        /// As they are.
        from: Integer,
        /// As they shall be.
        to: Float,
    },
    /// Floating-point numbers as such of the same or of a greater size.
    Floats {
        /// As they are.
        from: Float,
        /// As they shall be.
        to: Float,
    },
}

/// How a whole number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer {
    size: usize,
    signed: bool,
    order: ByteOrder,
}

/// How a floating-point number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Float {
    size: usize,
    order: ByteOrder,
}

impl Conversion {
    /// How elements of one type become elements of another; `None` where that is not done exactly.
    pub fn new(from: &DataType, to: &DataType) -> Option<Self> {
        if from == to {
            return Some(Self::None);
        }
        if let (Some(from), Some(to)) = (integer(from), integer(to)) {
            return Some(Self::Integers { from, to });
        }
        let to = float(to)?;
        if let Some(from) = integer(from) {
            // Bits of a whole number without its sign, and of a significand.
            let bits = from
                .size
                .checked_mul(8)?
                .checked_sub(usize::from(from.signed))?;
            let fits = match to.size {
                4 => bits <= 24,
                8 => bits <= 53,
                _ => false,
            };
            return fits.then_some(Self::IntegersToFloats { from, to });
        }
        let from = float(from)?;
        let exact = from.size == to.size || from.size == 4 && to.size == 8;
        exact.then_some(Self::Floats { from, to })
    }

    /// The converted elements. What is left over at the end is dropped.
    pub(crate) fn apply(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Integers { from, to } => each(bytes, from.size, |element, out| {
                to.put(from.get(element), out);
            }),
            Self::IntegersToFloats { from, to } => each(bytes, from.size, |element, out| {
                let number = from.get(element);
                // Both hold it exactly.
                match (to.size, i32::try_from(number)) {
                    (4, _) => {
                        let (low, high) = halves(number);
                        to.put4(f32::from(high) * 65536.0 + f32::from(low), out);
                    }
                    (_, Ok(number)) => to.put8(f64::from(number), out),
                    (_, Err(_)) => {
                        to.put8(f64::from(u32::try_from(number).unwrap_or(u32::MAX)), out);
                    }
                }
            }),
            Self::Floats { from, to } => each(bytes, from.size, |element, out| {
                if from.size == to.size {
                    let mut element = element.to_vec();
                    if from.order != to.order {
                        element.reverse();
                    }
                    out.extend(element);
                } else {
                    to.put8(f64::from(from.get4(element)), out);
                }
            }),
        }
    }
}

fn each(bytes: &[u8], size: usize, convert: impl Fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for element in bytes.chunks_exact(size.max(1)) {
        convert(element, &mut out);
    }
    out
}

/// A number of at most 24 bits and a sign, as its multiple of 2^16 and the rest.
fn halves(number: i128) -> (u16, i16) {
    let low = number.rem_euclid(0x1_0000);
    let high = number.div_euclid(0x1_0000);
    (
        u16::try_from(low).unwrap_or(0),
        i16::try_from(high).unwrap_or(0),
    )
}

fn integer(data_type: &DataType) -> Option<Integer> {
    let (size, order, signed) = match data_type {
        DataType::Int { size, order } => (*size, *order, true),
        DataType::UInt { size, order } => (*size, *order, false),
        _ => return None,
    };
    Some(Integer {
        size: usize::from(size),
        signed,
        order,
    })
}

fn float(data_type: &DataType) -> Option<Float> {
    match data_type {
        DataType::Float { size, order } => Some(Float {
            size: usize::from(*size),
            order: *order,
        }),
        _ => None,
    }
}

impl Integer {
    fn get(self, element: &[u8]) -> i128 {
        let mut wide = [0; 16];
        for (to, from) in wide.iter_mut().zip(least_first(element, self.order)) {
            *to = from;
        }
        let negative = self.signed
            && match self.order {
                ByteOrder::Little => element.last(),
                ByteOrder::Big => element.first(),
            }
            .is_some_and(|byte| byte & 0x80 != 0);
        if negative {
            wide.iter_mut()
                .skip(self.size)
                .for_each(|byte| *byte = 0xFF);
        }
        i128::from_le_bytes(wide)
    }

    fn put(self, number: i128, out: &mut Vec<u8>) {
        let bits = u32::try_from(self.size).unwrap_or(8).saturating_mul(8);
        let span = 1_i128.checked_shl(bits).unwrap_or(i128::MAX);
        let (least, most) = if self.signed {
            let half = span.checked_div(2).unwrap_or(0);
            (half.saturating_neg(), half.saturating_sub(1))
        } else {
            (0, span.saturating_sub(1))
        };
        let wide = number.clamp(least, most).to_le_bytes();
        let bytes = wide.get(..self.size).unwrap_or_default();
        out.extend(least_first(bytes, self.order));
    }
}

/// The bytes of an element from the least significant on; and back.
fn least_first(element: &[u8], order: ByteOrder) -> impl Iterator<Item = u8> + '_ {
    let last = element.len().saturating_sub(1);
    (0..element.len()).filter_map(move |place| {
        let place = match order {
            ByteOrder::Little => place,
            ByteOrder::Big => last.saturating_sub(place),
        };
        element.get(place).copied()
    })
}

impl Float {
    fn get4(self, element: &[u8]) -> f32 {
        let mut bytes = [0; 4];
        for (to, from) in bytes.iter_mut().zip(least_first(element, self.order)) {
            *to = from;
        }
        f32::from_le_bytes(bytes)
    }

    fn put4(self, number: f32, out: &mut Vec<u8>) {
        out.extend(least_first(&number.to_le_bytes(), self.order));
    }

    fn put8(self, number: f64, out: &mut Vec<u8>) {
        out.extend(least_first(&number.to_le_bytes(), self.order));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(size: u8, order: ByteOrder) -> DataType {
        DataType::Int { size, order }
    }

    fn uint(size: u8, order: ByteOrder) -> DataType {
        DataType::UInt { size, order }
    }

    fn float(size: u8, order: ByteOrder) -> DataType {
        DataType::Float { size, order }
    }

    fn apply(from: &DataType, to: &DataType, bytes: &[u8]) -> Vec<u8> {
        Conversion::new(from, to).unwrap().apply(bytes)
    }

    use ByteOrder::{Big, Little};

    #[test]
    fn whole_numbers_are_held_within_their_range() {
        let numbers: Vec<u8> = [-70_000_i32, -1, 5, 70_000]
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect();
        let short = apply(&int(4, Big), &int(2, Little), &numbers);
        let expected: Vec<u8> = [i16::MIN, -1, 5, i16::MAX]
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        assert_eq!(short, expected);
        let unsigned = apply(&int(4, Big), &uint(8, Big), &numbers);
        let expected: Vec<u8> = [0_u64, 0, 5, 70_000]
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect();
        assert_eq!(unsigned, expected);
        let most = u64::MAX.to_le_bytes();
        assert_eq!(
            apply(&uint(8, Little), &int(8, Little), &most),
            i64::MAX.to_le_bytes()
        );
    }

    #[test]
    fn floats_hold_what_they_become() {
        let bytes: Vec<u8> = [-32_768_i16, -1, 0, 32_767]
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let expected: Vec<u8> = [-32_768_f32, -1.0, 0.0, 32_767.0]
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect();
        assert_eq!(apply(&int(2, Little), &float(4, Big), &bytes), expected);
        let most = u32::MAX.to_le_bytes();
        assert_eq!(
            apply(&uint(4, Little), &float(8, Little), &most),
            4_294_967_295_f64.to_le_bytes()
        );
        assert_eq!(
            apply(&float(4, Big), &float(8, Little), &1.5_f32.to_be_bytes()),
            1.5_f64.to_le_bytes()
        );
        // Payloads of NaN stay as they are.
        assert_eq!(
            apply(&float(4, Big), &float(4, Little), &[0x7F, 0xC0, 1, 2]),
            [2, 1, 0xC0, 0x7F]
        );
    }

    #[test]
    fn what_is_not_exact_is_not_done() {
        for (from, to) in [
            (float(8, Little), float(4, Little)),
            (float(4, Little), int(4, Little)),
            (int(4, Little), float(4, Little)),
            (int(8, Little), float(8, Little)),
            (float(2, Little), float(4, Little)),
            (DataType::Bool, int(1, Little)),
            (
                DataType::Raw { length: 2 },
                DataType::FixedString { length: 2 },
            ),
        ] {
            assert_eq!(Conversion::new(&from, &to), None, "{from:?} {to:?}");
        }
    }
}
