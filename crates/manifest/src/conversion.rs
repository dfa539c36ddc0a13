//! Elements that are rewritten after all filters: numbers that no Zarr type names, as the next
//! larger ones that hold each of their values exactly.
//!
//! The results are those of libhdf5 (`H5T__conv_i_i`, `H5T__conv_f_f`): bits outside of a number
//! do not count, an exponent of ones is an infinity or NaN whatever the format, and a NaN has all
//! bits of its mantissa set.

use serde::{Deserialize, Serialize};

use crate::data_type::ByteOrder;

/// How stored elements become elements of an array's type. Bytes that no part writes are zero.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Conversion {
    /// Bytes of a stored element, above zero.
    pub stored_size: u32,
    /// Bytes of an element after it, above zero.
    pub size: u32,
    /// What is done, part by part.
    pub parts: Vec<Part>,
    /// What is converted, in words.
    pub reason: String,
}

/// A part of an element.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Part {
    /// Its first byte in the stored element.
    pub from: u32,
    /// Its first byte in the element after it.
    pub to: u32,
    /// What it becomes.
    pub change: Change,
}

/// What becomes of a part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It stays as it is.
    Copy {
        /// Its length in bytes.
        length: u32,
    },
    /// An integer of all bits of `size` bytes.
    Integer {
        /// How it is stored.
        stored: StoredInteger,
        /// 1, 2, 4 or 8 bytes.
        size: u8,
        /// Byte order.
        order: ByteOrder,
    },
    /// An IEEE 754 number of `size` bytes.
    Float {
        /// How it is stored.
        stored: StoredFloat,
        /// 2, 4 or 8 bytes.
        size: u8,
        /// Byte order.
        order: ByteOrder,
    },
}

/// How the bytes of a stored number follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
    /// Words of two bytes, the most significant first, each with its low byte first.
    Vax,
}

/// An integer as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct StoredInteger {
    /// 1 to 16 bytes.
    pub size: u8,
    /// Byte order.
    pub order: StoredOrder,
    /// Two's complement.
    pub signed: bool,
    /// Its first bit.
    pub bit_offset: u8,
    /// Its bits, 1 to 64.
    pub bit_precision: u8,
}

/// A floating-point number as it is stored; places are counted from the least significant bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct StoredFloat {
    /// 1 to 16 bytes.
    pub size: u8,
    /// Byte order.
    pub order: StoredOrder,
    /// Place of the sign.
    pub sign: u8,
    /// First bit of the exponent.
    pub exponent: u8,
    /// Bits of the exponent, 1 to 30.
    pub exponent_size: u8,
    /// First bit of the mantissa.
    pub mantissa: u8,
    /// Bits of the mantissa, 1 to 112.
    pub mantissa_size: u8,
    /// What was added to the exponent.
    pub bias: u32,
    /// Whether the leading bit of the mantissa is not stored.
    pub implied: bool,
}

impl Conversion {
    /// All elements in `stored`, converted; bytes after the last whole one are left out.
    ///
    /// # Errors
    /// The reason, when a number has no exact value in the wider type.
    pub fn apply(&self, stored: &[u8]) -> Result<Vec<u8>, String> {
        let from = usize::try_from(self.stored_size).unwrap_or(usize::MAX);
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let count = stored.len().checked_div(from).unwrap_or(0);
        let bytes = count
            .checked_mul(size)
            .ok_or_else(|| format!("{count} elements of {size} bytes do not fit into memory"))?;
        let mut converted = vec![0; bytes];
        let elements = stored
            .chunks_exact(from.max(1))
            .zip(converted.chunks_exact_mut(size.max(1)));
        for (number, (from, to)) in elements.enumerate() {
            for part in &self.parts {
                part.apply(from, to)
                    .map_err(|reason| format!("element {number}: {reason}"))?;
            }
        }
        Ok(converted)
    }
}

impl Part {
    fn apply(&self, stored: &[u8], element: &mut [u8]) -> Result<(), String> {
        let outside = || "a part of it lies outside of it".to_owned();
        let number;
        let (length, bytes): (u32, &[u8]) = match self.change {
            Change::Copy { length } => {
                (length, part(stored, self.from, length).ok_or_else(outside)?)
            }
            Change::Integer {
                stored: integer,
                size,
                order,
            } => {
                let bytes = part(stored, self.from, integer.size.into()).ok_or_else(outside)?;
                number = ordered(integer.value(bytes), size, order);
                (
                    size.into(),
                    number.get(..usize::from(size)).ok_or_else(outside)?,
                )
            }
            Change::Float {
                stored: float,
                size,
                order,
            } => {
                let bytes = part(stored, self.from, float.size.into()).ok_or_else(outside)?;
                let bits = float.bits(bytes, size).ok_or_else(|| {
                    format!("a floating-point number that {size} bytes do not hold exactly")
                })?;
                number = ordered(bits, size, order);
                (
                    size.into(),
                    number.get(..usize::from(size)).ok_or_else(outside)?,
                )
            }
        };
        let to = usize::try_from(self.to).map_err(|_| outside())?;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| to.checked_add(length))
            .ok_or_else(outside)?;
        element
            .get_mut(to..end)
            .ok_or_else(outside)?
            .copy_from_slice(bytes);
        Ok(())
    }
}

fn part(bytes: &[u8], from: u32, length: u32) -> Option<&[u8]> {
    let from = usize::try_from(from).ok()?;
    let length = usize::try_from(length).ok()?;
    bytes.get(from..from.checked_add(length)?)
}

/// The first `size` bytes are those of the number in this order.
fn ordered(bits: u64, size: u8, order: ByteOrder) -> [u8; 8] {
    match order {
        ByteOrder::Little => bits.to_le_bytes(),
        ByteOrder::Big => {
            let unused = 64_u32.saturating_sub(u32::from(size).saturating_mul(8));
            bits.checked_shl(unused).unwrap_or(0).to_be_bytes()
        }
    }
}

/// The bits of a stored number of at most 16 bytes.
fn stored_bits(bytes: &[u8], order: StoredOrder) -> u128 {
    let push = |bits: u128, byte: &u8| (bits << 8) | u128::from(*byte);
    match order {
        StoredOrder::Little => bytes.iter().rev().fold(0, push),
        StoredOrder::Big => bytes.iter().fold(0, push),
        StoredOrder::Vax => bytes
            .chunks(2)
            .flat_map(|word| word.iter().rev())
            .fold(0, push),
    }
}

/// `count` bits from `first` on.
fn field(bits: u128, first: u8, count: u8) -> u128 {
    let shifted = bits.checked_shr(first.into()).unwrap_or(0);
    let unused = 128_u32.saturating_sub(count.into());
    shifted & u128::MAX.checked_shr(unused).unwrap_or(0)
}

impl StoredInteger {
    /// The value as the 64 bits of a two's complement number.
    pub fn value(&self, bytes: &[u8]) -> u64 {
        let bits = stored_bits(bytes, self.order);
        let value = field(bits, self.bit_offset, self.bit_precision.min(64));
        let value = u64::try_from(value).unwrap_or(0);
        let unused = 64_u32.saturating_sub(self.bit_precision.into());
        if !self.signed {
            return value;
        }
        let shifted = value.checked_shl(unused).unwrap_or(0).cast_signed();
        shifted.checked_shr(unused).unwrap_or(0).cast_unsigned()
    }
}

impl StoredFloat {
    /// The smallest of 2, 4 and 8 bytes that hold every value exactly. Of 8 bytes that hold all
    /// but the smallest magnitudes it is 8 too: those that they do not hold can't be converted.
    pub fn fitting(&self) -> Option<u8> {
        let implied = u8::from(!self.implied);
        let digits = self.mantissa_size.checked_sub(implied)?;
        let bias = i64::from(self.bias);
        let ones = 1_i64
            .checked_shl(self.exponent_size.into())?
            .checked_sub(1)?;
        let largest = ones.checked_sub(1)?.checked_sub(bias)?;
        let smallest = 1_i64.checked_sub(bias)?;
        [2, 4, 8].into_iter().find(|&size| {
            let target = Target::of(size);
            let low = smallest >= 1_i64.saturating_sub(target.bias);
            digits <= target.mantissa && largest <= target.bias && (low || size == 8)
        })
    }

    /// The bits of the IEEE 754 number of `size` bytes; `None` when it is none exactly.
    pub fn bits(&self, bytes: &[u8], size: u8) -> Option<u64> {
        let bits = stored_bits(bytes, self.order);
        let target = Target::of(size);
        let sign = field(bits, self.sign, 1) << target.sign();
        let exponent = field(bits, self.exponent, self.exponent_size);
        let mantissa = field(bits, self.mantissa, self.mantissa_size);
        let ones = field(u128::MAX, 0, self.exponent_size);
        let magnitude = if exponent == ones {
            let fraction = if self.implied {
                mantissa
            } else {
                field(mantissa, 0, self.mantissa_size.saturating_sub(1))
            };
            let all = field(u128::MAX, 0, target.mantissa);
            target.infinity() | if fraction == 0 { 0 } else { all }
        } else {
            self.finite(exponent, mantissa, target)?
        };
        u64::try_from(sign | magnitude).ok()
    }

    fn finite(&self, exponent: u128, mantissa: u128, target: Target) -> Option<u128> {
        let digits = i64::from(self.mantissa_size);
        let exponent = i64::try_from(exponent).ok()?;
        let (significand, biased) = match (self.implied, exponent) {
            (true, 0) => (mantissa, 1),
            (true, exponent) => (
                mantissa | 1_u128.checked_shl(self.mantissa_size.into())?,
                exponent,
            ),
            (false, exponent) => (mantissa, exponent.checked_add(1)?),
        };
        if significand == 0 {
            return Some(0);
        }
        // What the last bit counts, as a power of two.
        let last = biased
            .checked_sub(i64::from(self.bias))?
            .checked_sub(digits)?;
        let places = i64::from(128_u32.checked_sub(significand.leading_zeros())?);
        let power = last.checked_add(places)?.checked_sub(1)?;
        let wanted = power.max(1_i64.checked_sub(target.bias)?);
        // What the last bit of the target counts.
        let target_last = wanted.checked_sub(i64::from(target.mantissa))?;
        let shift = last.checked_sub(target_last)?;
        let aligned = if shift >= 0 {
            significand.checked_shl(u32::try_from(shift).ok()?)?
        } else {
            let dropped = u32::try_from(shift.checked_neg()?).ok()?;
            if significand.trailing_zeros() < dropped {
                return None;
            }
            significand.checked_shr(dropped)?
        };
        let hidden = 1_u128.checked_shl(target.mantissa.into())?;
        if aligned < hidden {
            return Some(aligned);
        }
        let stored = u128::try_from(wanted.checked_add(target.bias)?).ok()?;
        let magnitude = (stored << target.mantissa) | (aligned & hidden.wrapping_sub(1));
        (magnitude < target.infinity()).then_some(magnitude)
    }
}

/// A format of IEEE 754.
#[derive(Clone, Copy, Debug)]
struct Target {
    mantissa: u8,
    exponent: u8,
    bias: i64,
}

impl Target {
    fn of(size: u8) -> Self {
        let (mantissa, exponent, bias) = match size {
            2 => (10, 5, 15),
            4 => (23, 8, 127),
            _ => (52, 11, 1023),
        };
        Self {
            mantissa,
            exponent,
            bias,
        }
    }

    fn sign(self) -> u8 {
        self.mantissa.saturating_add(self.exponent)
    }

    fn infinity(self) -> u128 {
        field(u128::MAX, 0, self.exponent) << self.mantissa
    }
}

#[cfg(test)]
mod tests;
