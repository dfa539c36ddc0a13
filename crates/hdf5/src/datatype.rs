//! The datatype message (IV.A.2.d).

mod nested;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;

/// How the bytes of a number follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
    /// Pairs of bytes swapped, as in a VAX (floating point only).
    Vax,
}

/// What follows the characters of a fixed-length string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// A NUL ends the string.
    NullTerminated,
    /// NULs fill it up.
    NullPadded,
    /// Spaces fill it up.
    SpacePadded,
}

/// Encoding of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterSet {
    /// ASCII (in practice often Latin-1 or UTF-8).
    Ascii,
    /// UTF-8.
    Utf8,
}

/// Where sign, exponent and mantissa lie; all in bits, from the least significant one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatLayout {
    /// First significant bit.
    pub bit_offset: u16,
    /// Number of significant bits.
    pub bit_precision: u16,
    /// Position of the sign bit.
    pub sign_location: u8,
    /// First bit of the exponent.
    pub exponent_location: u8,
    /// Bits of the exponent.
    pub exponent_size: u8,
    /// First bit of the mantissa.
    pub mantissa_location: u8,
    /// Bits of the mantissa.
    pub mantissa_size: u8,
    /// What is added to the exponent before it is stored.
    pub exponent_bias: u32,
    /// 0: none, 1: the leading bit is always set, 2: it is set and not stored.
    pub mantissa_normalization: u8,
}

impl FloatLayout {
    /// IEEE 754 binary16, binary32 or binary64, for a size of 2, 4 or 8 bytes.
    pub fn is_ieee(&self, size: u32) -> bool {
        let (sign, exponent, exponent_size, mantissa_size, bias) = match size {
            2 => (15, 10, 5, 10, 15),
            4 => (31, 23, 8, 23, 127),
            8 => (63, 52, 11, 52, 1023),
            _ => return false,
        };
        self.bit_offset == 0
            && u32::from(self.bit_precision) == size.saturating_mul(8)
            && self.sign_location == sign
            && self.exponent_location == exponent
            && self.exponent_size == exponent_size
            && self.mantissa_location == 0
            && self.mantissa_size == mantissa_size
            && self.exponent_bias == bias
            && self.mantissa_normalization == 2
    }
}

/// What a reference refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// An object, by its address (`H5R_OBJECT1`).
    Object,
    /// A region of a dataset, through the global heap (`H5R_DATASET_REGION1`).
    Region,
    /// The references of HDF5 1.12 (`H5R_OBJECT2`, `H5R_DATASET_REGION2`, `H5R_ATTR`), by type.
    Standard(u8),
}

/// A datatype, with any sharing resolved. A clone costs little, however many members it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// Class 0: integers.
    FixedPoint {
        /// Size in bytes.
        size: u32,
        /// Byte order.
        order: ByteOrder,
        /// Two's complement if set.
        signed: bool,
        /// First significant bit.
        bit_offset: u16,
        /// Number of significant bits.
        bit_precision: u16,
    },
    /// Class 1: floating-point numbers.
    FloatingPoint {
        /// Size in bytes.
        size: u32,
        /// Byte order.
        order: ByteOrder,
        /// Where the parts of the number lie.
        layout: FloatLayout,
    },
    /// Class 2: time (never in use).
    Time {
        /// Size in bytes.
        size: u32,
        /// Byte order.
        order: ByteOrder,
        /// Number of significant bits.
        bit_precision: u16,
    },
    /// Class 3: strings of fixed length.
    String {
        /// Size in bytes.
        size: u32,
        /// What fills the string up.
        padding: Padding,
        /// Encoding.
        character_set: CharacterSet,
    },
    /// Class 4: bit fields.
    BitField {
        /// Size in bytes.
        size: u32,
        /// Byte order.
        order: ByteOrder,
        /// First significant bit.
        bit_offset: u16,
        /// Number of significant bits.
        bit_precision: u16,
    },
    /// Class 5: bytes without meaning to HDF5.
    Opaque {
        /// Size in bytes.
        size: u32,
        /// What the writer says they are.
        tag: String,
    },
    /// Class 6: named fields.
    Compound(Compound),
    /// Class 7: references.
    Reference {
        /// Size in bytes.
        size: u32,
        /// What is referred to.
        kind: Reference,
    },
    /// Class 8: names for the values of an integer type.
    Enumeration {
        /// The type of the values.
        base: Box<Datatype>,
        /// Names and values, in the order of definition.
        members: Arc<[EnumMember]>,
    },
    /// Class 9, type 0: sequences of variable length; 4 + size of offsets + 4 bytes stored
    /// (length, global heap collection, index).
    Sequence {
        /// Size in bytes of the stored reference.
        size: u32,
        /// The type of the elements.
        base: Box<Datatype>,
    },
    /// Class 9, type 1: strings of variable length; stored as [`Datatype::Sequence`].
    VariableString {
        /// Size in bytes of the stored reference.
        size: u32,
        /// What fills the string up.
        padding: Padding,
        /// Encoding.
        character_set: CharacterSet,
    },
    /// Class 10: arrays of fixed shape, in C order.
    Array {
        /// Lengths of the axes.
        shape: Vec<u32>,
        /// The type of the elements.
        base: Box<Datatype>,
    },
    /// Class 11 (HDF5 2.0): complex numbers, real part first.
    Complex {
        /// The type of each part.
        base: Box<Datatype>,
    },
}

/// A compound datatype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compound {
    /// Size in bytes, gaps included.
    pub size: u32,
    /// The fields, in the order of definition.
    pub fields: Arc<[Field]>,
}

/// A field of a compound datatype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bytes from the start of the compound.
    pub offset: u32,
    /// Its type.
    pub datatype: Datatype,
}

/// A name for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumMember {
    /// The name.
    pub name: String,
    /// The value, in the size and byte order of the base type.
    pub value: Bytes,
}

impl Datatype {
    /// Bytes in memory for what it refers to, about.
    pub(crate) fn memory(&self) -> u64 {
        // An allocation for a name, and one for a type or a member while the list grows.
        const NAME: u64 = 24;
        const MEMBER: u64 = 120;
        let text = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
        match self {
            Self::Compound(compound) => compound.fields.iter().fold(0, |sum: u64, field| {
                sum.saturating_add(MEMBER + NAME)
                    .saturating_add(text(&field.name))
                    .saturating_add(field.datatype.memory())
            }),
            Self::Enumeration { members, .. } => members.iter().fold(MEMBER, |sum, member| {
                sum.saturating_add(MEMBER + NAME)
                    .saturating_add(text(&member.name))
            }),
            Self::Array { shape, base } => u64::try_from(shape.len())
                .unwrap_or(u64::MAX)
                .saturating_mul(4)
                .saturating_add(MEMBER)
                .saturating_add(base.memory()),
            Self::Sequence { base, .. } | Self::Complex { base } => {
                base.memory().saturating_add(MEMBER)
            }
            Self::Opaque { tag, .. } => text(tag).saturating_add(NAME),
            _ => 0,
        }
    }

    /// Size in bytes of one element, as stored in a dataset (saturating; parsing bounds it).
    pub fn size(&self) -> u32 {
        match self {
            Self::FixedPoint { size, .. }
            | Self::FloatingPoint { size, .. }
            | Self::Time { size, .. }
            | Self::String { size, .. }
            | Self::BitField { size, .. }
            | Self::Opaque { size, .. }
            | Self::Reference { size, .. }
            | Self::Sequence { size, .. }
            | Self::VariableString { size, .. }
            | Self::Compound(Compound { size, .. }) => *size,
            Self::Enumeration { base, .. } => base.size(),
            Self::Array { shape, base } => shape
                .iter()
                .fold(base.size(), |size, &length| size.saturating_mul(length)),
            Self::Complex { base } => base.size().saturating_mul(2),
        }
    }
}
