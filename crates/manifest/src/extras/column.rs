//! Columns of numbers and runs of bytes as text, bounded when they are read.
//!
//! A column of numbers: the difference of each to the one before it (to 0 for the first, modulo
//! 2^64), as an unsigned number that is small where the difference is (`2d`, or `-2d - 1` below
//! zero), 8 bytes each, little-endian; first the lowest bytes of all, then the next, and so on;
//! then Zstandard, then base64. Where that would save less than nothing, or shrink so much that a
//! reader could not tell it from an attack, the bytes are base64 alone: as many as there are numbers,
//! times 8.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes that extras of no size may unpack to, and more for each byte of them.
const UNPACKED: (u64, u64) = (128 << 20, 1024);

/// What is larger and shrinks to less than this part of it is left as it is.
const LEAST_PART: usize = 512;
const LARGE: usize = 1 << 20;

/// A level that costs little and finds most.
const LEVEL: i32 = 3;

/// What extras may still unpack to.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    /// For extras of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Self {
            left: bytes.saturating_mul(UNPACKED.1).saturating_add(UNPACKED.0),
        }
    }

    /// Takes so many bytes before they are allocated.
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), String> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            format!("{bytes} bytes when unpacked, more than the size of the extras justifies")
        })?;
        Ok(())
    }
}

/// Bytes as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base64(pub(crate) Bytes);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(de::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}

/// Bytes, packed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Packed(Base64);

impl Packed {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let packed = zstd::bulk::compress(&bytes, LEVEL).ok();
        let packed = packed.filter(|packed| {
            packed.len() < bytes.len()
                && (bytes.len() < LARGE || packed.len() > bytes.len() / LEAST_PART)
        });
        Self(Base64(packed.unwrap_or(bytes).into()))
    }

    /// The bytes, which are so many.
    pub(crate) fn unpack(self, length: u64, budget: &mut Budget) -> Result<Bytes, String> {
        let Self(Base64(bytes)) = self;
        if u64::try_from(bytes.len()) == Ok(length) {
            return Ok(bytes);
        }
        budget.charge(length)?;
        let length = usize::try_from(length).map_err(|error| error.to_string())?;
        let unpacked = zstd::bulk::decompress(&bytes, length)
            .map_err(|error| format!("zstd of {length} bytes: {error}"))?;
        if unpacked.len() == length {
            Ok(unpacked.into())
        } else {
            Err(format!(
                "{} bytes when unpacked, expected {length}",
                unpacked.len()
            ))
        }
    }
}

/// A column of numbers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Column(Packed);

/// Bytes of a number.
const SIZE: usize = 8;

impl Column {
    pub(crate) fn new(numbers: &[u64]) -> Self {
        let count = numbers.len();
        let mut planes = vec![0; count.saturating_mul(SIZE)];
        let mut before = 0_u64;
        for (row, number) in numbers.iter().enumerate() {
            let difference = number.wrapping_sub(before);
            before = *number;
            // The sign, spread over all bits.
            let sign = (difference >> 63).wrapping_neg();
            let small = (difference << 1) ^ sign;
            for (plane, byte) in small.to_le_bytes().into_iter().enumerate() {
                let at = plane.saturating_mul(count).saturating_add(row);
                if let Some(place) = planes.get_mut(at) {
                    *place = byte;
                }
            }
        }
        Self(Packed::new(planes))
    }

    /// The numbers, which are so many.
    pub(crate) fn numbers(self, count: u64, budget: &mut Budget) -> Result<Vec<u64>, String> {
        let length = count.checked_mul(8).ok_or("a column of 2^61 numbers")?;
        budget.charge(length)?;
        let planes = self.0.unpack(length, budget)?;
        let count = usize::try_from(count).map_err(|error| error.to_string())?;
        let mut numbers = vec![0_u64; count];
        for plane in planes.chunks(count.max(1)).rev() {
            for (number, byte) in numbers.iter_mut().zip(plane) {
                *number = (*number << 8) | u64::from(*byte);
            }
        }
        let mut before = 0_u64;
        for number in &mut numbers {
            let difference = (*number >> 1) ^ (*number & 1).wrapping_neg();
            before = before.wrapping_add(difference);
            *number = before;
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn columns_are_read_as_they_were_written(
            numbers in prop::collection::vec(prop_oneof![any::<u64>(), 0_u64..9], 0..50)
        ) {
            let count = numbers.len() as u64;
            let mut budget = Budget::new(0);
            let read = Column::new(&numbers).numbers(count, &mut budget).unwrap();
            prop_assert_eq!(&read, &numbers);
            // Another number of them is an error, or numbers.
            let _ = Column::new(&numbers).numbers(count + 1, &mut budget);
        }
    }

    #[test]
    fn what_a_column_unpacks_to_is_charged_before() {
        let column = Column::new(&vec![7; 100_000]);
        let mut budget = Budget { left: 1_000_000 };
        let error = column.clone().numbers(100_000, &mut budget).unwrap_err();
        assert_eq!(
            error,
            "800000 bytes when unpacked, more than the size of the extras justifies"
        );
        let mut budget = Budget { left: 1_600_000 };
        assert_eq!(
            column.clone().numbers(100_000, &mut budget).unwrap().len(),
            100_000
        );
        assert!(
            column
                .numbers(u64::MAX / 8, &mut Budget::new(1000))
                .is_err()
        );
    }

    #[test]
    fn what_shrinks_to_next_to_nothing_still_fits_its_budget() {
        let numbers: Vec<u64> = (0..9_000_000).map(|row| 4096 * row).collect();
        let column = Column::new(&numbers);
        let text = serde_json::to_string(&column).unwrap();
        let mut budget = Budget::new(text.len());
        assert_eq!(column.numbers(9_000_000, &mut budget).unwrap(), numbers);
    }
}
