//! Elements of variable length: references to the global heap (VIII.B, "Variable-length types").

use bytes::Bytes;

use crate::address::{Address, Sizes};
use crate::cursor::Cursor;
use crate::datatype::{Datatype, Reference};
use crate::error::Place;
use crate::heap::HeapId;

impl HeapId {
    /// Reads a stored element of variable length: its number of elements (bytes, for a string)
    /// and the heap object that holds them; `None` for the object of an empty or null element.
    ///
    /// `element` holds a length of 4 bytes, an address, and an index of 4 bytes, little-endian.
    /// Gives `None` when it is too short.
    pub fn from_element(element: &[u8], sizes: Sizes) -> Option<(u32, Option<Self>)> {
        let place = Place::new("variable-length element", 0);
        let mut cursor = Cursor::new(Bytes::copy_from_slice(element), sizes, place);
        let length = cursor.u32().ok()?;
        let collection = cursor.address().ok()?;
        let index = cursor.u32().ok()?;
        let none = length == 0 || collection == Address(0) || collection == Address::UNDEFINED;
        Some((
            length,
            (!none && index != 0).then_some(Self { collection, index }),
        ))
    }
}

/// Whether elements of this type refer to the global heap.
pub fn is_variable(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::Sequence { .. } | Datatype::VariableString { .. } => true,
        Datatype::Reference { kind, .. } => *kind != Reference::Object,
        Datatype::Array { base, .. } => is_variable(base),
        Datatype::Compound(compound) => compound.fields.iter().any(|f| is_variable(&f.datatype)),
        _ => false,
    }
}

/// Calls `found` with each heap object that the elements in `data` refer to; for sequences also
/// with the type of what that object holds.
pub fn heap_ids<'a>(
    datatype: &'a Datatype,
    data: &[u8],
    sizes: Sizes,
    found: &mut dyn FnMut(HeapId, Option<&'a Datatype>),
) {
    if !is_variable(datatype) {
        return;
    }
    let Ok(size @ 1..) = usize::try_from(datatype.size()) else {
        return;
    };
    for element in data.chunks_exact(size) {
        match datatype {
            Datatype::VariableString { .. } => {
                if let Some((_, Some(id))) = HeapId::from_element(element, sizes) {
                    found(id, None);
                }
            }
            Datatype::Sequence { base, .. } => {
                if let Some((_, Some(id))) = HeapId::from_element(element, sizes) {
                    found(id, Some(base));
                }
            }
            Datatype::Reference { kind, .. } => {
                if let Some(id) = kind.heap_id(element, sizes) {
                    found(id, None);
                }
            }
            Datatype::Array { base, .. } => heap_ids(base, element, sizes, found),
            Datatype::Compound(compound) => {
                for field in compound.fields.iter() {
                    let start = usize::try_from(field.offset).unwrap_or(usize::MAX);
                    let length = usize::try_from(field.datatype.size()).unwrap_or(usize::MAX);
                    let end = start.saturating_add(length);
                    if let Some(part) = element.get(start..end) {
                        heap_ids(&field.datatype, part, sizes, found);
                    }
                }
            }
            _ => {}
        }
    }
}
