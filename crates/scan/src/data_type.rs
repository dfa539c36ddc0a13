//! HDF5 datatypes as the data types of Zarr arrays and of attributes.

use chunkref_hdf5::{self as hdf5, Compound, Datatype, EnumMember, Padding};
use chunkref_manifest::{ByteOrder, DataType, Field};

/// Why something can't be said in Zarr, as one line.
pub(crate) type Refusal = String;

/// What a type is to describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The chunks of an array: every element has its bytes in place.
    Array,
    /// An attribute: values are decoded, so they may vary in length or refer to objects.
    Attribute,
}

/// Types are nested at most so deep; the parser's own bound is of the same order.
const MAX_DEPTH: u32 = 32;

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

/// The data type of an element that is not itself an array.
///
/// # Errors
/// The reason, where Zarr has no such type.
pub(crate) fn data_type(datatype: &Datatype, role: Role) -> Result<DataType, Refusal> {
    nested(datatype, role, MAX_DEPTH)
}

fn nested(datatype: &Datatype, role: Role, depth: u32) -> Result<DataType, Refusal> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("datatypes nested deeper than {MAX_DEPTH}"));
    };
    match datatype {
        Datatype::FixedPoint {
            size,
            order,
            signed,
            bit_offset,
            bit_precision,
        } => {
            let (size, order) = integer(*size, *order, *bit_offset, *bit_precision)?;
            Ok(if *signed {
                DataType::Int { size, order }
            } else {
                DataType::UInt { size, order }
            })
        }
        Datatype::BitField {
            size,
            order,
            bit_offset,
            bit_precision,
        } => {
            let (size, order) = integer(*size, *order, *bit_offset, *bit_precision)?;
            Ok(DataType::UInt { size, order })
        }
        Datatype::FloatingPoint { .. } => {
            let (size, order) = float(datatype)?;
            Ok(DataType::Float { size, order })
        }
        Datatype::String { size, padding, .. } => fixed_string(*size, *padding, role, depth),
        Datatype::Opaque { size, .. } => match *size {
            0 => Err("opaque of 0 bytes".to_owned()),
            length => Ok(DataType::Raw { length }),
        },
        Datatype::Enumeration { base, members } => {
            if is_bool(base, members) {
                return Ok(DataType::Bool);
            }
            nested(base, role, depth)
        }
        Datatype::Compound(compound) => match complex_pair(compound) {
            Some(part) => complex(part),
            None => record(compound, role, depth),
        },
        Datatype::Complex { base } => complex(base),
        Datatype::VariableString { .. } if depth.saturating_add(1) == MAX_DEPTH => {
            Ok(DataType::VariableString)
        }
        other => varying(other, role, depth),
    }
}

/// Types whose values lie elsewhere, or that have no use.
fn varying(datatype: &Datatype, role: Role, depth: u32) -> Result<DataType, Refusal> {
    match (datatype, role) {
        (Datatype::VariableString { .. }, Role::Attribute) => Ok(DataType::VariableString),
        (Datatype::Sequence { base, .. }, Role::Attribute) => Ok(DataType::Sequence {
            element: Box::new(nested(split_axes(base).1, role, depth)?),
        }),
        (
            Datatype::Reference {
                kind: hdf5::Reference::Object,
                ..
            },
            Role::Attribute,
        ) => Ok(DataType::Reference),
        (Datatype::VariableString { .. }, Role::Array) => {
            Err("variable-length strings within a compound are not supported".to_owned())
        }
        (Datatype::Sequence { .. }, Role::Array) => {
            Err("variable-length sequences are not supported".to_owned())
        }
        (Datatype::Reference { kind, .. }, _) => Err(match kind {
            hdf5::Reference::Object => "object references are not supported".to_owned(),
            hdf5::Reference::Region => "region references are not supported".to_owned(),
            hdf5::Reference::Standard(kind) => {
                format!("references of HDF5 1.12 (type {kind}) are not supported")
            }
        }),
        (Datatype::Time { .. }, _) => Err("datatype class 2 (time) is not supported".to_owned()),
        (Datatype::Array { .. }, _) => {
            Err("an array within an enumeration or a complex number is not supported".to_owned())
        }
        _ => Err("this datatype is not supported".to_owned()),
    }
}

fn integer(
    size: u32,
    order: hdf5::ByteOrder,
    bit_offset: u16,
    bit_precision: u16,
) -> Result<(u8, ByteOrder), Refusal> {
    let bits = size.saturating_mul(8);
    if !matches!(size, 1 | 2 | 4 | 8) {
        return Err(format!("integers of {size} bytes are not supported"));
    }
    if bit_offset != 0 || u32::from(bit_precision) != bits {
        return Err(format!(
            "integers with {bit_precision} of {bits} bits from bit {bit_offset} on are not supported"
        ));
    }
    Ok((narrow(size), byte_order(order, size)?))
}

fn float(datatype: &Datatype) -> Result<(u8, ByteOrder), Refusal> {
    let Datatype::FloatingPoint {
        size,
        order,
        layout,
    } = datatype
    else {
        return Err("complex numbers whose parts are not floating-point numbers".to_owned());
    };
    if !layout.is_ieee(*size) {
        return Err(format!(
            "floating-point numbers of {size} bytes ({} of them precision, {} exponent, {} mantissa, in bits) \
             that are not IEEE 754 binary16, 32 or 64 are not supported",
            layout.bit_precision, layout.exponent_size, layout.mantissa_size
        ));
    }
    Ok((narrow(*size), byte_order(*order, *size)?))
}

/// Only called with 1, 2, 4 or 8.
fn narrow(size: u32) -> u8 {
    u8::try_from(size).unwrap_or(u8::MAX)
}

fn byte_order(order: hdf5::ByteOrder, size: u32) -> Result<ByteOrder, Refusal> {
    match order {
        _ if size == 1 => Ok(ByteOrder::Little),
        hdf5::ByteOrder::Little => Ok(ByteOrder::Little),
        hdf5::ByteOrder::Big => Ok(ByteOrder::Big),
        hdf5::ByteOrder::Vax => Err("VAX byte order is not supported".to_owned()),
    }
}

fn fixed_string(size: u32, padding: Padding, role: Role, depth: u32) -> Result<DataType, Refusal> {
    if size == 0 {
        return Err("strings of 0 bytes are not supported".to_owned());
    }
    // At the top of an array they are read and written anew with NULs; within a record that is
    // not worth the code.
    if padding == Padding::SpacePadded
        && role == Role::Array
        && depth.saturating_add(1) != MAX_DEPTH
    {
        return Err("strings filled up with spaces within a compound are not supported".to_owned());
    }
    Ok(DataType::FixedString { length: size })
}

/// The enumeration that h5py writes for booleans.
fn is_bool(base: &Datatype, members: &[EnumMember]) -> bool {
    let value = |name: &str| {
        members
            .iter()
            .find(|member| member.name == name)
            .map(|member| member.value.as_ref())
    };
    matches!(base, Datatype::FixedPoint { size: 1, .. })
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
        && matches!(size, 4 | 8)
        && real.datatype == imaginary.datatype
        && matches!(real.datatype, Datatype::FloatingPoint { .. });
    is_complex.then_some(&real.datatype)
}

fn complex(part: &Datatype) -> Result<DataType, Refusal> {
    let (size, order) = float(part)?;
    match size {
        4 | 8 => Ok(DataType::Complex {
            size: size.saturating_mul(2),
            order,
        }),
        _ => Err(format!(
            "complex numbers with parts of {size} bytes are not supported"
        )),
    }
}

/// zarr-python 3.1 opens no Zarr v2 array whose fields have fields or axes of their own.
fn check_plain(name: &str, shape: &[u32], data_type: &DataType) -> Result<(), Refusal> {
    let what = match data_type {
        _ if !shape.is_empty() => "an array",
        DataType::Record { .. } => "a compound",
        _ => return Ok(()),
    };
    Err(format!(
        "field {name:?}: {what} within a compound is not supported"
    ))
}

fn record(compound: &Compound, role: Role, depth: u32) -> Result<DataType, Refusal> {
    let mut fields = Vec::with_capacity(compound.fields.len());
    for field in compound.fields.iter() {
        let (shape, element) = split_axes(&field.datatype);
        let data_type = nested(element, role, depth)
            .map_err(|reason| format!("field {:?}: {reason}", field.name))?;
        if role == Role::Array {
            check_plain(&field.name, &shape, &data_type)?;
        }
        fields.push((
            Field {
                name: field.name.clone(),
                offset: field.offset,
                data_type,
                shape,
            },
            field.datatype.size(),
        ));
    }
    fields.sort_by_key(|(field, _)| field.offset);
    let mut end = 0_u32;
    for (field, size) in &fields {
        if field.offset < end {
            return Err(format!("field {:?}: overlaps another field", field.name));
        }
        end = field.offset.saturating_add(*size);
    }
    if fields.is_empty() || end > compound.size {
        return Err(format!(
            "a compound of {} bytes with fields up to byte {end}",
            compound.size
        ));
    }
    let mut names: Vec<_> = fields.iter().map(|(field, _)| &field.name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair.first() == pair.last()) {
        return Err(format!("two fields named {:?}", pair.first()));
    }
    Ok(DataType::Record {
        size: compound.size,
        fields: fields.into_iter().map(|(field, _)| field).collect(),
    })
}

#[cfg(test)]
mod tests;
