//! Stored elements of a granule as elements of the array that it is joined into.

use bytes::Bytes;
use chunkref_manifest::{ByteOrder, DataType, Packing};

/// How the elements of a profile become those of a joined array.
#[derive(Debug)]
pub(crate) struct Unpacking {
    packing: Packing,
    /// What a missing element becomes, as the array has it.
    fill: Bytes,
    target: Number,
    source: Number,
}

/// A number of this kind, size in bytes and byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    kind: Kind,
    size: usize,
    order: ByteOrder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Float,
}

impl Number {
    fn of(data_type: &DataType) -> Option<Self> {
        let (kind, size, order) = match *data_type {
            DataType::Int { size, order } => (Kind::Signed, size, order),
            DataType::UInt { size, order } => (Kind::Unsigned, size, order),
            DataType::Float { size, order } if size == 4 || size == 8 => (Kind::Float, size, order),
            _ => return None,
        };
        Some(Self {
            kind,
            size: usize::from(size),
            order,
        })
    }

    /// The number, if 64-bit floating point holds it exactly.
    fn get(self, element: &[u8]) -> Option<f64> {
        let mut bytes = [0; 8];
        let low = bytes.get_mut(..self.size)?;
        low.copy_from_slice(element);
        if self.order == ByteOrder::Big {
            low.reverse();
        }
        match (self.kind, self.size) {
            (Kind::Float, 4) => {
                let [a, b, c, d, ..] = bytes;
                Some(f64::from(f32::from_le_bytes([a, b, c, d])))
            }
            (Kind::Float, _) => Some(f64::from_le_bytes(bytes)),
            (Kind::Unsigned, _) => whole(i128::from(u64::from_le_bytes(bytes))),
            (Kind::Signed, size) => {
                let unused = u32::try_from(8_usize.checked_sub(size)?.checked_mul(8)?).ok()?;
                let shifted = i64::from_le_bytes(bytes).checked_shl(unused)?;
                whole(i128::from(shifted.checked_shr(unused)?))
            }
        }
    }

    /// Adds a number; `None` where whole numbers of this kind have it not.
    fn put(self, number: f64, out: &mut Vec<u8>) -> Option<()> {
        let mut bytes = match (self.kind, self.size) {
            (Kind::Float, 4) => narrow(number).to_le_bytes().to_vec(),
            (Kind::Float, _) => number.to_le_bytes().to_vec(),
            (kind, size) => {
                let number = integer(number)?;
                let bits = u32::try_from(size.checked_mul(8)?).ok()?;
                let range = if kind == Kind::Unsigned {
                    0..=(1_i128.checked_shl(bits)?.checked_sub(1)?)
                } else {
                    let half = 1_i128.checked_shl(bits.checked_sub(1)?)?;
                    half.checked_neg()?..=half.checked_sub(1)?
                };
                if !range.contains(&number) {
                    return None;
                }
                number.to_le_bytes().get(..size)?.to_vec()
            }
        };
        if self.order == ByteOrder::Big {
            bytes.reverse();
        }
        out.extend_from_slice(&bytes);
        Some(())
    }
}

/// A whole number as 64-bit floating point, if that is exact.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "no other way leads there, and loss is looked for"
)]
fn whole(number: i128) -> Option<f64> {
    let float = number as f64;
    (integer(float) == Some(number)).then_some(float)
}

/// The whole number that a number is.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "no other way leads there; it saturates, which the range tells"
)]
fn integer(number: f64) -> Option<i128> {
    // Beyond 2^64 no element is that large.
    (number.fract() == 0.0 && number.abs() <= 2.0_f64.powi(64)).then_some(number as i128)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the array has 32-bit numbers: the nearest one is meant"
)]
fn narrow(number: f64) -> f32 {
    number as f32
}

impl Unpacking {
    /// How a profile is unpacked into an array of this type and fill value.
    ///
    /// # Errors
    ///
    /// With the reason, where it can't be.
    pub(crate) fn new(
        packing: &Packing,
        array: &DataType,
        fill: Option<&Bytes>,
    ) -> Result<Self, String> {
        let number = |data_type: &DataType| {
            let number = Number::of(data_type);
            number.ok_or_else(|| format!("packed elements of {data_type}, expected numbers"))
        };
        let target = number(array)?;
        let fill = fill.cloned().unwrap_or_else(|| vec![0; target.size].into());
        if fill.len() != target.size {
            return Err(format!(
                "a fill value of {} bytes, expected {}",
                fill.len(),
                target.size
            ));
        }
        let source = number(&packing.data_type)?;
        let stored = packing.fill_value.iter().chain(&packing.missing);
        if let Some(wrong) = stored.map(Bytes::len).find(|size| *size != source.size) {
            return Err(format!(
                "a packed element of {wrong} bytes that is fill or missing, expected {}",
                source.size
            ));
        }
        Ok(Self {
            source,
            packing: packing.clone(),
            fill,
            target,
        })
    }

    /// What absent chunks hold, unpacked.
    pub(crate) fn absent(&self) -> Result<Bytes, String> {
        let zeros = vec![0; self.source.size];
        let stored = self.packing.fill_value.as_deref().unwrap_or(&zeros);
        self.apply(stored).map(Bytes::from)
    }

    /// The unpacked elements.
    ///
    /// # Errors
    ///
    /// With the reason, where an element can't be unpacked exactly.
    pub(crate) fn apply(&self, stored: &[u8]) -> Result<Vec<u8>, String> {
        let elements = stored.chunks_exact(self.source.size.max(1));
        if !elements.remainder().is_empty() {
            return Err(format!(
                "{} bytes of packed elements of {}",
                stored.len(),
                self.source.size
            ));
        }
        let room = elements.len().saturating_mul(self.target.size);
        let mut unpacked = Vec::with_capacity(room);
        for element in elements {
            if self
                .packing
                .missing
                .iter()
                .any(|missing| missing == element)
            {
                unpacked.extend_from_slice(&self.fill);
                continue;
            }
            let stored = self.source.get(element);
            let put = stored.and_then(|stored| {
                let number = stored * self.packing.scale + self.packing.offset;
                self.target.put(number, &mut unpacked)
            });
            if put.is_none() {
                return Err(format!(
                    "the packed element {element:?} has no exact value in the joined array"
                ));
            }
        }
        Ok(unpacked)
    }
}

#[cfg(test)]
mod tests {
    use super::Unpacking;
    use bytes::Bytes;
    use chunkref_manifest::{ByteOrder, DataType, Packing};

    fn packing(data_type: DataType, scale: f64, offset: f64) -> Packing {
        Packing {
            data_type,
            fill_value: None,
            missing: vec![Bytes::from_static(&[0x80, 0])],
            scale,
            offset,
        }
    }

    #[test]
    fn what_stands_for_fill_or_missing_is_one_element() {
        let short = DataType::Int {
            size: 2,
            order: ByteOrder::Big,
        };
        for wrong in [&b""[..], &[0; 4], &[0; 6]] {
            let wrong = Bytes::from_static(wrong);
            let mut as_fill = packing(short.clone(), 0.5, 1.0);
            as_fill.fill_value = Some(wrong.clone());
            let mut as_missing = packing(short.clone(), 0.5, 1.0);
            as_missing.missing.push(wrong);
            for packing in [as_fill, as_missing] {
                let error = Unpacking::new(&packing, &short, None).unwrap_err();
                assert!(error.contains("expected 2"), "{error}");
            }
        }
    }

    #[test]
    fn packed_integers_become_numbers_and_missing_ones_fill() {
        let short = DataType::Int {
            size: 2,
            order: ByteOrder::Big,
        };
        let float = DataType::Float {
            size: 4,
            order: ByteOrder::Little,
        };
        let fill = Bytes::copy_from_slice(&f32::NAN.to_le_bytes());
        let packing = packing(short, 0.5, 273.0);
        let unpacking = Unpacking::new(&packing, &float, Some(&fill)).unwrap();
        let unpacked = unpacking.apply(&[0, 3, 0xff, 0xff, 0x80, 0]).unwrap();
        let numbers: Vec<f32> = unpacked
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        assert_eq!(numbers[..2], [274.5, 272.5]);
        assert!(numbers[2].is_nan());
        assert_eq!(unpacking.absent().unwrap(), 273.0_f32.to_le_bytes()[..]);
        assert!(unpacking.apply(&[0]).is_err());
    }

    #[test]
    fn whole_numbers_are_unpacked_exactly_or_not_at_all() {
        let byte = DataType::UInt {
            size: 1,
            order: ByteOrder::Little,
        };
        let short = DataType::Int {
            size: 2,
            order: ByteOrder::Little,
        };
        let unpack = |scale, stored: &[u8]| {
            let mut packing = packing(byte.clone(), scale, -1.0);
            packing.missing.clear();
            let unpacking = Unpacking::new(&packing, &short, None).unwrap();
            unpacking.apply(stored)
        };
        assert_eq!(unpack(2.0, &[0, 7]).unwrap(), [0xff, 0xff, 13, 0]);
        assert!(unpack(0.5, &[0, 4]).is_ok());
        assert!(unpack(0.5, &[1]).is_err(), "a half");
        assert!(unpack(1e4, &[200]).is_err(), "too large");
        let text = DataType::FixedString { length: 2 };
        let packing = packing(byte, 1.0, 0.0);
        assert!(Unpacking::new(&packing, &text, None).is_err());
    }
}
