//! Elements as values: what the bytes of an attribute or of a fill value say.

use std::cell::Cell;

use chunkref_hdf5::{Address, Compound, Datatype, File, HeapId, Padding, Reference};
use chunkref_manifest::Value;

use crate::data_type::{
    Integer, Refusal, complex_pair, describe_float, is_bool, split_axes, stored_float,
};
use crate::links::Links;
use crate::strings::heap_object;

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
    limit: u64,
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
    if bytes.is_empty() {
        return None;
    }
    if bytes.iter().all(|&byte| byte == u8::MAX) {
        return Some(Address::UNDEFINED);
    }
    // There are files with addresses of 16 bytes, of which only 8 are ever used.
    let (used, more) = bytes.split_at(bytes.len().min(8));
    let fits = more.iter().all(|&byte| byte == 0);
    fits.then(|| Address(unsigned(used.iter().rev().copied())))
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
        Self::with_limit(file, links, BUDGET)
    }

    /// As [`Decoder::new`], for values that may take so many bytes.
    pub(crate) fn with_limit(file: &'a File, links: &'a Links<'a>, limit: u64) -> Self {
        Self {
            file,
            links,
            left: Cell::new(limit),
            limit,
        }
    }

    pub(crate) fn spend(&self, bytes: u64) -> Result<(), Refusal> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(format!(
                "its values and those before them take more than {} bytes of memory",
                self.limit
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
            Datatype::Enumeration { base, members } => {
                if is_bool(base, members) {
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
            Datatype::Reference { kind, .. } => self.reference(*kind, bytes),
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
        heap_object(self.file, id).map(|bytes| &**bytes)
    }

    fn text(&self, bytes: &[u8]) -> Result<Value, Refusal> {
        self.spend(bytes.len().try_into().unwrap_or(u64::MAX))?;
        Ok(Value::Text(text(bytes)))
    }

    fn reference(&self, kind: Reference, bytes: &[u8]) -> Result<Value, Refusal> {
        let sizes = self.file.superblock.sizes;
        let id = kind.heap_id(bytes, sizes);
        let heap = match id {
            Some(id) => Some(heap_object(self.file, id)?),
            None => None,
        };
        let referent = kind.resolve(bytes, heap, sizes);
        match referent.map_err(|error| error.to_string())? {
            None => Ok(Value::Null),
            Some(referent) => self.referent(&referent),
        }
    }

    /// The path of an object.
    ///
    /// # Errors
    /// When none leads to it.
    pub(crate) fn path(&self, address: Address) -> Result<Value, Refusal> {
        let Some(path) = self.links.path(address) else {
            return Err(format!(
                "a reference to the object at {address}, which no path that was read leads to"
            ));
        };
        self.spend(path.len().try_into().unwrap_or(u64::MAX))?;
        Ok(Value::Text(path))
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
/// The reason, where the type is no number, or no value of JSON is the same.
pub(crate) fn number(datatype: &Datatype, bytes: &[u8]) -> Result<Value, Refusal> {
    if let Some(integer) = Integer::of(datatype) {
        return whole(integer, bytes);
    }
    let Datatype::FloatingPoint { size, layout, .. } = datatype else {
        return Err("not a number".to_owned());
    };
    let float = stored_float(datatype)
        .ok_or_else(|| format!("{} are not understood", describe_float(*size, layout)))?;
    match float.bits(bytes, 8) {
        Some(bits) => Ok(Value::Float(f64::from_bits(bits))),
        None => Err(format!(
            "{}: this one has no equal among those of 8 bytes, and JSON no others",
            describe_float(*size, layout)
        )),
    }
}

/// A number of up to 64 bits; a longer one is its decimal digits.
fn whole(integer: Integer, bytes: &[u8]) -> Result<Value, Refusal> {
    let Some(bits) = integer.wide(bytes) else {
        return Err(format!(
            "integers of {} bytes: 16 are read at most",
            integer.size
        ));
    };
    if integer.is_signed() {
        let value = bits.cast_signed();
        return Ok(match i64::try_from(value) {
            Ok(value) => Value::Int(value),
            Err(_) => Value::Text(value.to_string()),
        });
    }
    Ok(match u64::try_from(bits) {
        Ok(value) => Value::UInt(value),
        Err(_) => Value::Text(bits.to_string()),
    })
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
