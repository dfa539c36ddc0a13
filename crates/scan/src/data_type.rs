//! HDF5 datatypes as the types of attributes, and what they have in common with those of arrays.

use chunkref_hdf5::{self as hdf5, Compound, Datatype, EnumMember, FloatLayout};
use chunkref_manifest::{ByteOrder, DataType, Field, StoredFloat, StoredInteger, StoredOrder};

/// Why something can't be said in Zarr, as one line.
pub(crate) type Refusal = String;

/// Types are nested at most so deep; the parser's own bound is of the same order.
pub(crate) const MAX_DEPTH: u32 = 32;

/// The largest number whose bits are looked at, in bytes.
const MAX_NUMBER: u32 = 16;

/// The axes that an array datatype adds behind those of the dataspace, and the type below it.
pub(crate) fn split_axes(datatype: &Datatype) -> (Vec<u32>, &Datatype) {
    let mut axes = Vec::new();
    let mut element = datatype;
    while let Datatype::Array { shape, base } = element {
        axes.extend_from_slice(shape);
        element = base;
    }
    (axes, element)
}

/// The type of an attribute whose element is not itself an array. Its values are decoded, so they
/// may vary in length or refer to objects.
///
/// # Errors
/// The reason, where there is none.
pub(crate) fn attribute_type(datatype: &Datatype) -> Result<DataType, Refusal> {
    nested(datatype, MAX_DEPTH)
}

fn nested(datatype: &Datatype, depth: u32) -> Result<DataType, Refusal> {
    let depth = deeper(depth)?;
    if let Some(number) = Integer::of(datatype) {
        let (size, order) = number.plain().unwrap_or((8, ByteOrder::Little));
        return Ok(number.data_type(size, order));
    }
    Ok(match datatype {
        Datatype::FloatingPoint { size, order, .. } => DataType::Float {
            size: ieee(datatype).map_or(8, |_| narrow(*size)),
            order: byte_order(*order).unwrap_or(ByteOrder::Little),
        },
        Datatype::String { size, .. } => DataType::FixedString { length: *size },
        Datatype::Opaque { size, .. } => DataType::Raw { length: *size },
        Datatype::Enumeration { base, members } if is_bool(base, members) => DataType::Bool,
        Datatype::Enumeration { base, .. } => nested(base, depth)?,
        Datatype::Compound(compound) => match complex_pair(compound) {
            Some(part) => complex(part),
            None => record(compound, depth)?,
        },
        Datatype::Complex { base } => complex(base),
        Datatype::VariableString { .. } => DataType::VariableString,
        Datatype::Sequence { base, .. } | Datatype::Array { base, .. } => DataType::Sequence {
            element: Box::new(nested(split_axes(base).1, depth)?),
        },
        Datatype::Reference { .. } => DataType::Reference,
        _ => return Err("this datatype is not supported".to_owned()),
    })
}

/// One level further down.
///
/// # Errors
/// When that is too deep.
pub(crate) fn deeper(depth: u32) -> Result<u32, Refusal> {
    depth
        .checked_sub(1)
        .ok_or_else(|| format!("datatypes nested deeper than {MAX_DEPTH}"))
}

fn complex(part: &Datatype) -> DataType {
    DataType::Complex {
        size: if ieee(part) == Some(4) { 8 } else { 16 },
        order: ByteOrder::Little,
    }
}

fn record(compound: &Compound, depth: u32) -> Result<DataType, Refusal> {
    let mut fields = Vec::with_capacity(compound.fields.len());
    for field in compound.fields.iter() {
        let (shape, element) = split_axes(&field.datatype);
        fields.push(Field {
            name: field.name.clone(),
            offset: field.offset,
            data_type: nested(element, depth)
                .map_err(|reason| format!("field {:?}: {reason}", field.name))?,
            shape,
        });
    }
    Ok(DataType::Record {
        size: compound.size,
        fields,
    })
}

/// An integer, a bit field or a time, which libhdf5 keeps alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Integer {
    pub(crate) size: u32,
    order: hdf5::ByteOrder,
    signed: bool,
    bit_offset: u16,
    bit_precision: u16,
}

impl Integer {
    pub(crate) fn of(datatype: &Datatype) -> Option<Self> {
        let (size, order, signed, bit_offset, bit_precision) = match *datatype {
            Datatype::FixedPoint {
                size,
                order,
                signed,
                bit_offset,
                bit_precision,
            } => (size, order, signed, bit_offset, bit_precision),
            Datatype::BitField {
                size,
                order,
                bit_offset,
                bit_precision,
            } => (size, order, false, bit_offset, bit_precision),
            Datatype::Time {
                size,
                order,
                bit_precision,
            } => (size, order, true, 0, bit_precision),
            _ => return None,
        };
        Some(Self {
            size,
            order,
            signed,
            bit_offset,
            bit_precision,
        })
    }

    /// Size and byte order, if it takes all bits of 1, 2, 4 or 8 bytes.
    pub(crate) fn plain(self) -> Option<(u8, ByteOrder)> {
        let whole = self.bit_offset == 0
            && u32::from(self.bit_precision) == self.size.saturating_mul(8)
            && matches!(self.size, 1 | 2 | 4 | 8);
        let order = match self.size {
            1 => ByteOrder::Little,
            _ => byte_order(self.order)?,
        };
        whole.then(|| (narrow(self.size), order))
    }

    /// How it is stored, if 64 bits hold it.
    pub(crate) fn stored(self) -> Option<StoredInteger> {
        if self.size > MAX_NUMBER || !(1..=64).contains(&self.bit_precision) {
            return None;
        }
        Some(StoredInteger {
            size: u8::try_from(self.size).ok()?,
            order: stored_order(self.order),
            signed: self.signed,
            bit_offset: u8::try_from(self.bit_offset).ok()?,
            bit_precision: u8::try_from(self.bit_precision).ok()?,
        })
    }

    /// The size and byte order that hold it: its own size, or the next larger one.
    pub(crate) fn widened(self) -> (u8, ByteOrder) {
        let size = match self.size {
            1 => 1,
            2 => 2,
            3 | 4 => 4,
            _ => 8,
        };
        let order = match size {
            1 => ByteOrder::Little,
            _ => byte_order(self.order).unwrap_or(ByteOrder::Little),
        };
        (size, order)
    }

    pub(crate) fn data_type(self, size: u8, order: ByteOrder) -> DataType {
        if self.signed {
            DataType::Int { size, order }
        } else {
            DataType::UInt { size, order }
        }
    }

    pub(crate) fn is_signed(self) -> bool {
        self.signed
    }

    /// The bits of its value, extended by the sign; `None` where it is too long.
    pub(crate) fn wide(self, bytes: &[u8]) -> Option<u128> {
        if self.size > MAX_NUMBER {
            return None;
        }
        let push = |bits: u128, byte: &u8| (bits << 8) | u128::from(*byte);
        let bits = match self.order {
            hdf5::ByteOrder::Big => bytes.iter().fold(0, push),
            _ => bytes.iter().rev().fold(0, push),
        };
        let unused = 128_u32.checked_sub(self.bit_precision.into())?;
        let value = bits
            .checked_shr(self.bit_offset.into())?
            .checked_shl(unused)?;
        Some(if self.signed {
            value.cast_signed().checked_shr(unused)?.cast_unsigned()
        } else {
            value.checked_shr(unused)?
        })
    }

    /// What it is, in words.
    pub(crate) fn describe(self) -> String {
        let bits = self.size.saturating_mul(8);
        if u32::from(self.bit_precision) == bits {
            return format!("integers of {} bytes", self.size);
        }
        format!(
            "integers with {} of {bits} bits from bit {} on",
            self.bit_precision, self.bit_offset
        )
    }
}

/// Size in bytes of an IEEE 754 number of 2, 4 or 8 bytes, if it is one in a usual byte order.
pub(crate) fn ieee(datatype: &Datatype) -> Option<u8> {
    let (size, order, layout) = floating_point(datatype)?;
    byte_order(order)?;
    layout.is_ieee(size).then(|| narrow(size))
}

/// Size in bytes, byte order and layout of a floating-point number.
fn floating_point(datatype: &Datatype) -> Option<(u32, hdf5::ByteOrder, &FloatLayout)> {
    match datatype {
        Datatype::FloatingPoint {
            size,
            order,
            layout,
        } => Some((*size, *order, layout)),
        _ => None,
    }
}

/// How a floating-point number is stored, if it is one whose bits are understood.
pub(crate) fn stored_float(datatype: &Datatype) -> Option<StoredFloat> {
    let (size, order, layout) = floating_point(datatype)?;
    // libhdf5 converts no numbers of normalization 1 either.
    let known = size <= MAX_NUMBER
        && layout.mantissa_normalization != 1
        && (1..=30).contains(&layout.exponent_size)
        && (1..=112).contains(&layout.mantissa_size);
    if !known {
        return None;
    }
    Some(StoredFloat {
        size: u8::try_from(size).ok()?,
        order: stored_order(order),
        sign: layout.sign_location,
        exponent: layout.exponent_location,
        exponent_size: layout.exponent_size,
        mantissa: layout.mantissa_location,
        mantissa_size: layout.mantissa_size,
        bias: layout.exponent_bias,
        implied: layout.mantissa_normalization == 2,
    })
}

/// A floating-point type in words.
pub(crate) fn describe_float(size: u32, layout: &FloatLayout) -> String {
    format!(
        "floating-point numbers of {size} bytes ({} bits: exponent of {} with bias {}, mantissa of {})",
        layout.bit_precision, layout.exponent_size, layout.exponent_bias, layout.mantissa_size
    )
}

/// Only called with 1, 2, 4 or 8.
fn narrow(size: u32) -> u8 {
    u8::try_from(size).unwrap_or(u8::MAX)
}

/// `None` for that of a VAX.
pub(crate) fn byte_order(order: hdf5::ByteOrder) -> Option<ByteOrder> {
    match order {
        hdf5::ByteOrder::Little => Some(ByteOrder::Little),
        hdf5::ByteOrder::Big => Some(ByteOrder::Big),
        hdf5::ByteOrder::Vax => None,
    }
}

fn stored_order(order: hdf5::ByteOrder) -> StoredOrder {
    match order {
        hdf5::ByteOrder::Little => StoredOrder::Little,
        hdf5::ByteOrder::Big => StoredOrder::Big,
        hdf5::ByteOrder::Vax => StoredOrder::Vax,
    }
}

/// The enumeration that h5py writes for booleans.
pub(crate) fn is_bool(base: &Datatype, members: &[EnumMember]) -> bool {
    let value = |name: &str| {
        members
            .iter()
            .find(|member| member.name == name)
            .map(|member| member.value.as_ref())
    };
    matches!(base, Datatype::FixedPoint { size: 1, .. })
        && Integer::of(base).is_some_and(|base| base.plain().is_some())
        && members.len() == 2
        && value("FALSE") == Some(&[0])
        && value("TRUE") == Some(&[1])
}

/// The type of both parts, if h5py shows the compound as a complex number: fields `r` and `i`,
/// floating-point numbers of equal type, side by side.
pub(crate) fn complex_pair(compound: &Compound) -> Option<&Datatype> {
    let [real, imaginary] = &*compound.fields else {
        return None;
    };
    let size = real.datatype.size();
    let side_by_side =
        real.offset == 0 && imaginary.offset == size && Some(compound.size) == size.checked_mul(2);
    let is_complex = real.name == "r"
        && imaginary.name == "i"
        && side_by_side
        && matches!(ieee(&real.datatype), Some(4 | 8))
        && real.datatype == imaginary.datatype;
    is_complex.then_some(&real.datatype)
}

/// Whether the bytes of an element say where its value lies, or what it refers to.
pub(crate) fn varies(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::Sequence { .. }
        | Datatype::VariableString { .. }
        | Datatype::Reference { .. } => true,
        Datatype::Array { base, .. } => varies(base),
        Datatype::Compound(compound) => {
            let mut fields = compound.fields.iter();
            fields.any(|field| varies(&field.datatype))
        }
        _ => false,
    }
}

/// Whether elements refer to objects.
pub(crate) fn refers(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::Reference { .. } => true,
        Datatype::Array { base, .. } | Datatype::Sequence { base, .. } => refers(base),
        Datatype::Compound(compound) => {
            let mut fields = compound.fields.iter();
            fields.any(|field| refers(&field.datatype))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
