//! The external types of netCDF classic.

use chunkref::manifest::{ByteOrder, DataType};

/// An external type (`nc_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Byte,
    Char,
    Short,
    Int,
    Float,
    Double,
    /// This and those after it: CDF-5 alone.
    UnsignedByte,
    UnsignedShort,
    UnsignedInt,
    Int64,
    UnsignedInt64,
}

impl Kind {
    /// The type that holds elements of a data type as they are.
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Bool | DataType::Int { size: 1, .. } => Self::Byte,
            DataType::FixedString { length: 1.. } => Self::Char,
            DataType::Int { size: 2, .. } => Self::Short,
            DataType::Int { size: 4, .. } => Self::Int,
            DataType::Int { size: 8, .. } => Self::Int64,
            DataType::UInt { size: 1, .. } => Self::UnsignedByte,
            DataType::UInt { size: 2, .. } => Self::UnsignedShort,
            DataType::UInt { size: 4, .. } => Self::UnsignedInt,
            DataType::UInt { size: 8, .. } => Self::UnsignedInt64,
            DataType::Float { size: 4, .. } => Self::Float,
            DataType::Float { size: 8, .. } => Self::Double,
            _ => return None,
        })
    }

    /// Its number in files.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Char => 2,
            Self::Short => 3,
            Self::Int => 4,
            Self::Float => 5,
            Self::Double => 6,
            Self::UnsignedByte => 7,
            Self::UnsignedShort => 8,
            Self::UnsignedInt => 9,
            Self::Int64 => 10,
            Self::UnsignedInt64 => 11,
        }
    }

    /// Whether CDF-2 has it.
    pub(super) fn is_old(self) -> bool {
        self.number() <= 6
    }

    /// The big-endian bytes of an integer; `None` where the type has it not.
    pub(super) fn integer(self, number: i128) -> Option<Vec<u8>> {
        Some(match self {
            Self::Byte => i8::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::Short => i16::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::Int => i32::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::UnsignedByte => u8::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::UnsignedShort => u16::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::UnsignedInt => u32::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::Int64 => i64::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::UnsignedInt64 => u64::try_from(number).ok()?.to_be_bytes().to_vec(),
            Self::Char | Self::Float | Self::Double => return None,
        })
    }

    /// The big-endian bytes of a whole number, as a floating-point number where the type is such.
    #[expect(
        clippy::cast_precision_loss,
        reason = "what is not exact is looked for"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "the same")]
    pub(super) fn whole(self, number: i128) -> Option<Vec<u8>> {
        if !matches!(self, Self::Float | Self::Double) {
            return self.integer(number);
        }
        let float = number as f64;
        let exact = match self {
            Self::Float => f64::from(float as f32) as i128 == number,
            _ => float as i128 == number,
        };
        exact.then(|| self.float(float)).flatten()
    }

    /// The big-endian bytes of a number, as a whole one where the type is such and it is one.
    #[expect(clippy::cast_possible_truncation, reason = "whole, and less than 2^64")]
    pub(super) fn real(self, number: f64) -> Option<Vec<u8>> {
        if matches!(self, Self::Float | Self::Double) {
            return self.float(number);
        }
        let is_whole = number.fract() == 0.0 && number.abs() < 2_f64.powi(64);
        is_whole.then(|| self.integer(number as i128)).flatten()
    }

    /// The big-endian bytes of a number that is perhaps not whole.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "32-bit numbers are exact as such"
    )]
    pub(super) fn float(self, number: f64) -> Option<Vec<u8>> {
        match self {
            Self::Float => Some((number as f32).to_be_bytes().to_vec()),
            Self::Double => Some(number.to_be_bytes().to_vec()),
            _ => None,
        }
    }
}

/// So many bytes of elements are turned around together to be big-endian.
pub(super) fn swapped(data_type: &DataType) -> usize {
    match data_type {
        DataType::Int { size, order }
        | DataType::UInt { size, order }
        | DataType::Float { size, order }
            if *order == ByteOrder::Little =>
        {
            usize::from(*size)
        }
        _ => 1,
    }
}
