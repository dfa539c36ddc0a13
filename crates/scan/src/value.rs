//! Elements as values: what the bytes of an attribute or of a fill value say.

use std::cell::Cell;

use chunkref_hdf5::{self as hdf5, Address, Compound, Datatype, File, HeapId, Padding};
use chunkref_manifest::{DataType, Value};

use crate::data_type::{Refusal, Role, complex_pair, data_type, split_axes};
use crate::links::Links;

/// Memory that the values of one file's attributes may take, in bytes. Sequences can refer to one
/// another, so that a small file could unfold without end.
const BUDGET: u64 = 256 << 20;
/// What a value takes besides its text, in bytes.
const VALUE_SIZE: u64 = 32;

/// Decodes elements with the help of the file's heap and links.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    file: &'a File,
    links: &'a Links<'a>,
    left: Cell<u64>,
}

/// Where a variable-length element lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeapReference {
    /// Number of elements: bytes, for strings.
    pub(crate) length: u32,
    /// The object; `None` when there is none.
    pub(crate) object: Option<HeapId>,
}

impl HeapReference {
    /// Reads it as it is stored: length, address of the collection, index; little-endian.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (address, index) = rest.split_last_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        let index = u32::from_le_bytes(*index);
        let collection = stored_address(address)?;
        let object = collection
            .defined()
            .filter(|address| length > 0 && index > 0 && address.0 > 0)
            .map(|collection| HeapId { collection, index });
        Some(Self { length, object })
    }
}

/// An address in the width it is stored in, all bits set for the undefined one.
fn stored_address(bytes: &[u8]) -> Option<Address> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    if bytes.iter().all(|&byte| byte == u8::MAX) {
        return Some(Address::UNDEFINED);
    }
    Some(Address(unsigned(bytes.iter().rev().copied())))
}

/// A number from its bytes, the most significant first.
fn unsigned(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0, |number, byte| (number << 8) | u64::from(byte))
}

/// Elements in C order as a list of lists.
fn nested(mut values: Vec<Value>, axes: &[u32]) -> Value {
    for &axis in axes.iter().skip(1).rev() {
        let length = usize::try_from(axis).unwrap_or(usize::MAX).max(1);
        let rows = values.chunks(length).map(|row| Value::List(row.to_vec()));
        values = rows.collect();
    }
    Value::List(values)
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(file: &'a File, links: &'a Links<'a>) -> Self {
        Self {
            file,
            links,
            left: Cell::new(BUDGET),
        }
    }

    fn spend(&self, bytes: u64) -> Result<(), Refusal> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(format!(
                "attribute values of this file take more than {BUDGET} bytes of memory"
            )),
        }
    }

    /// The elements that lie one after another in `bytes`.
    ///
    /// # Errors
    /// The reason, where they are too few bytes or can't be said.
    pub(crate) fn elements(
        &self,
        datatype: &Datatype,
        bytes: &[u8],
        count: u64,
    ) -> Result<Vec<Value>, Refusal> {
        let size = usize::try_from(datatype.size()).unwrap_or(usize::MAX);
        let needed = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(size))
            .filter(|&needed| needed <= bytes.len() && size > 0);
        let Some(bytes) = needed.and_then(|needed| bytes.get(..needed)) else {
            return Err(format!(
                "{} bytes for {count} elements of {size} bytes",
                bytes.len()
            ));
        };
        bytes
            .chunks_exact(size)
            .map(|element| self.element(datatype, element))
            .collect()
    }

    /// The value of one element.
    ///
    /// # Errors
    /// The reason, where it can't be said.
    pub(crate) fn element(&self, datatype: &Datatype, bytes: &[u8]) -> Result<Value, Refusal> {
        self.spend(VALUE_SIZE)?;
        match datatype {
            Datatype::Array { .. } => {
                let (axes, element) = split_axes(datatype);
                let count = axes
                    .iter()
                    .try_fold(1_u64, |count, &axis| count.checked_mul(axis.into()));
                let count =
                    count.ok_or_else(|| "an array of more than 2^64 elements".to_owned())?;
                Ok(nested(self.elements(element, bytes, count)?, &axes))
            }
            Datatype::Compound(compound) => self.compound(compound, bytes),
            Datatype::Enumeration { base, .. } => {
                if data_type(datatype, Role::Attribute)? == DataType::Bool {
                    return Ok(Value::Bool(bytes.iter().any(|&byte| byte != 0)));
                }
                number(base, bytes)
            }
            Datatype::Complex { base } => {
                let (real, imaginary) = bytes.split_at_checked(bytes.len() / 2).unwrap_or_default();
                complex(base, real, imaginary)
            }
            Datatype::String { padding, .. } => self.text(trimmed(bytes, *padding)),
            Datatype::VariableString { .. } => self.variable_string(bytes),
            Datatype::Sequence { base, .. } => {
                let reference = HeapReference::read(bytes)
                    .ok_or_else(|| "a sequence shorter than its reference".to_owned())?;
                let held = self.heap(reference)?;
                Ok(Value::List(self.elements(
                    base,
                    held,
                    u64::from(reference.object.map_or(0, |_| reference.length)),
                )?))
            }
            Datatype::Reference { .. } => self.reference(datatype, bytes),
            Datatype::Opaque { .. } => {
                self.spend(bytes.len().try_into().unwrap_or(u64::MAX))?;
                Ok(Value::Bytes(bytes.to_vec().into()))
            }
            _ => number(datatype, bytes),
        }
    }

    fn compound(&self, compound: &Compound, bytes: &[u8]) -> Result<Value, Refusal> {
        let bytes_of = |offset: u32, datatype: &Datatype| {
            let start = usize::try_from(offset).ok()?;
            let size = usize::try_from(datatype.size()).ok()?;
            bytes.get(start..start.checked_add(size)?)
        };
        let outside = || "a field reaches over the end of its compound".to_owned();
        if let Some(base) = complex_pair(compound) {
            let first = bytes_of(0, base).ok_or_else(outside)?;
            let second = bytes_of(base.size(), base).ok_or_else(outside)?;
            return complex(base, first, second);
        }
        let mut fields = Vec::with_capacity(compound.fields.len());
        for field in compound.fields.iter() {
            let part = bytes_of(field.offset, &field.datatype).ok_or_else(outside)?;
            self.spend(field.name.len().try_into().unwrap_or(u64::MAX))?;
            fields.push((
                field.offset,
                field.name.clone(),
                self.element(&field.datatype, part)?,
            ));
        }
        // As the fields of the data type are: ascending by offset.
        fields.sort_by_key(|(offset, ..)| *offset);
        let fields = fields.into_iter().map(|(_, name, value)| (name, value));
        Ok(Value::Record(fields.collect()))
    }

    fn variable_string(&self, bytes: &[u8]) -> Result<Value, Refusal> {
        let reference = HeapReference::read(bytes)
            .ok_or_else(|| "a string shorter than its reference".to_owned())?;
        let held = self.heap(reference)?;
        let length = usize::try_from(reference.length).unwrap_or(usize::MAX);
        let text = if reference.object.is_some() {
            held.get(..length).ok_or_else(|| {
                format!(
                    "a string of {length} bytes in a heap object of {}",
                    held.len()
                )
            })?
        } else {
            &[]
        };
        self.text(before_nul(text))
    }

    fn heap(&self, reference: HeapReference) -> Result<&'a [u8], Refusal> {
        let Some(id) = reference.object else {
            return Ok(&[]);
        };
        match self.file.heap_object(id) {
            Some(bytes) => Ok(bytes),
            None => Err(format!(
                "object {} of the global heap at {} was not read",
                id.index, id.collection
            )),
        }
    }

    fn text(&self, bytes: &[u8]) -> Result<Value, Refusal> {
        self.spend(bytes.len().try_into().unwrap_or(u64::MAX))?;
        Ok(Value::Text(text(bytes)))
    }

    fn reference(&self, datatype: &Datatype, bytes: &[u8]) -> Result<Value, Refusal> {
        data_type(datatype, Role::Attribute)?;
        match self.object_reference(bytes) {
            None => Ok(Value::Null),
            Some(address) => match self.links.path(address) {
                Some(path) => {
                    self.spend(path.len().try_into().unwrap_or(u64::MAX))?;
                    Ok(Value::Text(path))
                }
                None => Err(format!(
                    "a reference to the object at {address}, which no path that was read leads to"
                )),
            },
        }
    }

    /// The address in an object reference; `None` for none.
    pub(crate) fn object_reference(&self, bytes: &[u8]) -> Option<Address> {
        let width = usize::from(self.file.superblock.sizes.offsets);
        stored_address(bytes.get(..width)?)?
            .defined()
            .filter(|address| address.0 != 0)
    }
}

/// A string without what fills it up, as h5py shows it.
pub(crate) fn trimmed(bytes: &[u8], padding: Padding) -> &[u8] {
    let end = |filler: u8| {
        let last = bytes.iter().rposition(|&byte| byte != filler);
        bytes.get(..last.map_or(0, |last| last.saturating_add(1)))
    };
    match padding {
        Padding::NullTerminated => before_nul(bytes),
        Padding::NullPadded => end(0).unwrap_or_default(),
        Padding::SpacePadded => end(b' ').unwrap_or_default(),
    }
}

/// The bytes before the first NUL.
pub(crate) fn before_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Text that should be UTF-8. What is not was mostly written as Latin-1.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The value of a number.
///
/// # Errors
/// The reason, where the type is no number of a usual size.
pub(crate) fn number(datatype: &Datatype, bytes: &[u8]) -> Result<Value, Refusal> {
    let number = data_type(datatype, Role::Attribute)?;
    let order = match datatype {
        Datatype::FixedPoint { order, .. }
        | Datatype::FloatingPoint { order, .. }
        | Datatype::BitField { order, .. } => *order,
        _ => return Err("not a number".to_owned()),
    };
    let bits = if order == hdf5::ByteOrder::Big {
        unsigned(bytes.iter().copied())
    } else {
        unsigned(bytes.iter().rev().copied())
    };
    match number {
        DataType::UInt { .. } => Ok(Value::UInt(bits)),
        DataType::Int { size, .. } => {
            let unused = 64_u32.saturating_sub(u32::from(size).saturating_mul(8));
            let shifted = bits.checked_shl(unused).unwrap_or(0).cast_signed();
            Ok(Value::Int(shifted.checked_shr(unused).unwrap_or(0)))
        }
        DataType::Float { size: 2, .. } => Ok(Value::Float(half(bits))),
        DataType::Float { size: 4, .. } => {
            let binary32 = u32::try_from(bits).unwrap_or(0);
            Ok(Value::Float(f64::from(f32::from_bits(binary32))))
        }
        DataType::Float { .. } => Ok(Value::Float(f64::from_bits(bits))),
        _ => Err("not a number".to_owned()),
    }
}

/// The value of an IEEE 754 binary16.
fn half(bits: u64) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::try_from((bits >> 10) & 0x1f).unwrap_or(0);
    let mantissa = f64::from(u32::try_from(bits & 0x3ff).unwrap_or(0));
    sign * match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent.saturating_sub(25)),
    }
}

fn complex(part: &Datatype, real: &[u8], imaginary: &[u8]) -> Result<Value, Refusal> {
    match (number(part, real)?, number(part, imaginary)?) {
        (Value::Float(real), Value::Float(imaginary)) => Ok(Value::Complex(real, imaginary)),
        _ => Err("complex numbers whose parts are not floating-point numbers".to_owned()),
    }
}

/// Whether two values are the same; NaN is the same as NaN.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => {
            one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
        }
        (Value::Int(int), Value::UInt(uint)) | (Value::UInt(uint), Value::Int(int)) => {
            u64::try_from(*int) == Ok(*uint)
        }
        _ => one == other,
    }
}
