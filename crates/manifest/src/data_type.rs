//! Data types of arrays and attributes.

use serde::{Deserialize, Serialize};

/// How the bytes of a number follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// The type of an array's elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// One byte: 0 or 1.
    Bool,
    /// Two's complement integers.
    Int {
        /// 1, 2, 4 or 8 bytes.
        size: u8,
        /// Byte order; little for one byte.
        order: ByteOrder,
    },
    /// Unsigned integers.
    UInt {
        /// 1, 2, 4 or 8 bytes.
        size: u8,
        /// Byte order; little for one byte.
        order: ByteOrder,
    },
    /// IEEE 754 numbers.
    Float {
        /// 2, 4 or 8 bytes.
        size: u8,
        /// Byte order.
        order: ByteOrder,
    },
    /// Pairs of IEEE 754 numbers, real part first.
    Complex {
        /// 8 or 16 bytes for both parts.
        size: u8,
        /// Byte order.
        order: ByteOrder,
    },
    /// Strings of fixed length in bytes, filled up with NULs (NumPy `S`).
    FixedString {
        /// Length in bytes.
        length: u32,
    },
    /// Bytes without meaning (NumPy `V`).
    Raw {
        /// Length in bytes.
        length: u32,
    },
    /// Named fields (NumPy structured types).
    Record {
        /// Size in bytes, gaps included.
        size: u32,
        /// The fields, ascending by offset, none overlapping.
        fields: Vec<Field>,
    },
    /// UTF-8 strings of variable length. In chunks they lie as the codec [`crate::Codec::VlenUtf8`] says.
    VariableString,
    /// Bytes of variable length. In chunks they lie as the codec [`crate::Codec::VlenBytes`] says.
    VariableBytes,
    /// Sequences of variable length (attributes only).
    Sequence {
        /// The type of the elements.
        element: Box<DataType>,
    },
    /// References to objects, given as their paths (attributes only).
    Reference,
}

/// A field of a [`DataType::Record`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bytes from the start of the record.
    pub offset: u32,
    /// Its type.
    pub data_type: DataType,
    /// Lengths of its axes; empty for a single value.
    pub shape: Vec<u32>,
}

impl DataType {
    /// Size in bytes of one element; `None` where it varies.
    pub fn size(&self) -> Option<u32> {
        match self {
            Self::Bool => Some(1),
            Self::Int { size, .. }
            | Self::UInt { size, .. }
            | Self::Float { size, .. }
            | Self::Complex { size, .. } => Some(u32::from(*size)),
            Self::FixedString { length } | Self::Raw { length } => Some(*length),
            Self::Record { size, .. } => Some(*size),
            Self::VariableString
            | Self::VariableBytes
            | Self::Sequence { .. }
            | Self::Reference => None,
        }
    }

    /// Whether absent elements that are zeros have to be written out for readers of Zarr v2.
    ///
    /// Without a fill value in the document zarr-python casts the number 0 to the type: of text in
    /// a record that makes "0", and of raw bytes, which gaps are too, an error.
    pub fn casts_zero(&self) -> bool {
        let Self::Record { size, fields } = self else {
            return false;
        };
        let used = fields.iter().fold(0_u32, |used, field| {
            used.saturating_add(field.data_type.size().unwrap_or_default())
        });
        let number = |field: &Field| {
            field.shape.is_empty()
                && matches!(
                    field.data_type,
                    Self::Bool
                        | Self::Int { .. }
                        | Self::UInt { .. }
                        | Self::Float { .. }
                        | Self::Complex { .. }
                )
        };
        used < *size || !fields.iter().all(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteOrder, DataType, Field};

    fn record(size: u32, data_type: DataType, shape: &[u32]) -> DataType {
        let field = Field {
            name: "a".to_owned(),
            offset: 0,
            data_type,
            shape: shape.to_vec(),
        };
        DataType::Record {
            size,
            fields: vec![field],
        }
    }

    #[test]
    fn zeros_of_records_of_numbers_alone_need_not_be_written_out() {
        let number = DataType::Float {
            size: 4,
            order: ByteOrder::Little,
        };
        let text = DataType::FixedString { length: 4 };
        let raw = DataType::Raw { length: 4 };
        assert!(!number.casts_zero());
        assert!(!text.casts_zero());
        assert!(!record(4, number.clone(), &[]).casts_zero());
        assert!(record(6, number.clone(), &[]).casts_zero(), "a gap");
        assert!(record(8, number, &[2]).casts_zero());
        assert!(record(4, text, &[]).casts_zero());
        assert!(record(4, raw, &[]).casts_zero());
    }
}
