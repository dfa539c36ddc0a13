//! References as elements hold them (IV.A.2.d, class 7; and `H5R__encode` of libhdf5).
//!
//! | object (type 0) | region (type 1) | | heap object of a region | |
//! |---|---|---|---|---|
//! | address | address of a collection | offsets | address of the dataset | offsets |
//! | | index | 4 | selection | … |
//!
//! References of HDF5 1.12 (types 2 to 4) are as long as a header and a place in the heap; those
//! to an object of the same file have it in place:
//!
//! | bytes | field | | bytes | in the heap, or after the header |
//! |---|---|---|---|---|
//! | 1 | type: 0 none, 2 object, 3 region, 4 attribute | | 1 | length of the address |
//! | 1 | flags: bit 0, of another file | | … | address of the object |
//! | 4 | bytes in the heap | | 2, … | length and name of the file, if another |
//! | offsets, 4 | where in the heap | | 4, 4, … | region: size, rank, selection |
//! | | | | 2, … | attribute: length and name |

use bytes::Bytes;

use crate::address::{Address, Sizes};
use crate::cursor::Cursor;
use crate::datatype::Reference;
use crate::error::{Place, Result};
use crate::heap::HeapId;
use crate::selection::Selection;
use crate::text::utf8_or_latin1;

/// Bytes of type and flags.
const HEADER: usize = 2;
/// The object is in another file.
const EXTERNAL: u8 = 1;

/// What a reference refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referent {
    /// The file, if it is another one.
    pub file: Option<String>,
    /// The object.
    pub object: Address,
    /// What of it.
    pub part: ReferentPart,
}

/// What of an object is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferentPart {
    /// All of it.
    Whole,
    /// These elements of the dataset.
    Region(Selection),
    /// The attribute of this name.
    Attribute(String),
}

impl Reference {
    /// The heap object that a stored reference needs to be understood; `None` for none.
    pub fn heap_id(self, element: &[u8], sizes: Sizes) -> Option<HeapId> {
        let mut cursor = cursor(element, sizes);
        match self {
            Self::Object => return None,
            Self::Region => {}
            Self::Standard(_) => {
                let kind = cursor.u8().ok()?;
                let flags = cursor.u8().ok()?;
                if kind == 0 || kind == 2 && flags & EXTERNAL == 0 {
                    return None;
                }
                cursor.skip(4).ok()?;
            }
        }
        let collection = cursor.address().ok()?;
        let index = cursor.u32().ok()?;
        let none = index == 0 || matches!(collection, Address(0) | Address::UNDEFINED);
        (!none).then_some(HeapId { collection, index })
    }

    /// What a stored reference refers to; `None` for nothing. `heap` holds the object that
    /// [`Reference::heap_id`] names.
    ///
    /// # Errors
    /// When the bytes contradict the specification, or are of another type.
    pub fn resolve(
        self,
        element: &[u8],
        heap: Option<&Bytes>,
        sizes: Sizes,
    ) -> Result<Option<Referent>> {
        let mut cursor = cursor(element, sizes);
        match self {
            Self::Object => {
                let object = cursor.address()?;
                let none = matches!(object, Address(0) | Address::UNDEFINED);
                Ok((!none).then_some(Referent {
                    file: None,
                    object,
                    part: ReferentPart::Whole,
                }))
            }
            Self::Region => heap.map(|heap| region(heap, sizes)).transpose(),
            Self::Standard(_) => standard(&mut cursor, heap, sizes),
        }
    }
}

fn cursor(bytes: &[u8], sizes: Sizes) -> Cursor {
    let place = Place::new("reference", 0);
    Cursor::new(Bytes::copy_from_slice(bytes), sizes, place)
}

fn region(heap: &Bytes, sizes: Sizes) -> Result<Referent> {
    let mut cursor = cursor(heap, sizes);
    Ok(Referent {
        file: None,
        object: cursor.address()?,
        part: ReferentPart::Region(Selection::parse(&mut cursor)?),
    })
}

fn standard(element: &mut Cursor, heap: Option<&Bytes>, sizes: Sizes) -> Result<Option<Referent>> {
    let kind = element.u8()?;
    let flags = element.u8()?;
    let mut encoded = match (kind, heap) {
        (0, _) => return Ok(None),
        (2, _) if flags & EXTERNAL == 0 => cursor(&element.rest(), sizes),
        (_, Some(heap)) => cursor(heap, sizes),
        (_, None) => return Ok(None),
    };
    let width = usize::from(encoded.u8()?);
    if width == 0 || width > 8 {
        return Err(encoded.malformed(format!(
            "an address of {width} bytes in a reference, 1 to 8 expected"
        )));
    }
    let object = Address(encoded.uint(width)?);
    let file = match flags & EXTERNAL {
        0 => None,
        _ => Some(string(&mut encoded)?),
    };
    let part = match kind {
        2 => ReferentPart::Whole,
        3 => {
            encoded.skip(8)?;
            ReferentPart::Region(Selection::parse(&mut encoded)?)
        }
        4 => ReferentPart::Attribute(string(&mut encoded)?),
        other => {
            return Err(encoded
                .place()
                .unsupported(format!("reference of type {other}")));
        }
    };
    Ok(Some(Referent { file, object, part }))
}

fn string(cursor: &mut Cursor) -> Result<String> {
    let length = usize::from(cursor.u16()?);
    Ok(utf8_or_latin1(&cursor.take(length)?))
}

/// The size of a reference of HDF5 1.12 must at least hold its header and a place in the heap.
pub(crate) fn least_size(sizes: Sizes) -> usize {
    HEADER
        .saturating_add(8)
        .saturating_add(usize::from(sizes.offsets))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDARD: Reference = Reference::Standard(2);

    fn resolve(kind: Reference, element: &[u8], heap: Option<&[u8]>) -> Result<Option<Referent>> {
        let heap = heap.map(Bytes::copy_from_slice);
        kind.resolve(element, heap.as_ref(), Sizes::default())
    }

    fn all() -> Vec<u8> {
        [3_u32, 1, 0, 0]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    #[test]
    fn regions_lie_in_the_heap() {
        let element = [&0x800_u64.to_le_bytes()[..], &7_u32.to_le_bytes()].concat();
        let id = Reference::Region.heap_id(&element, Sizes::default());
        let expected = HeapId {
            collection: Address(0x800),
            index: 7,
        };
        assert_eq!(id, Some(expected));
        let heap = [&0x60_u64.to_le_bytes()[..], &all()].concat();
        let referent = resolve(Reference::Region, &element, Some(&heap)).unwrap();
        let referent = referent.unwrap();
        assert_eq!(referent.object, Address(0x60));
        assert_eq!(referent.part, ReferentPart::Region(Selection::All));
        for end in 0..heap.len() {
            let cut = resolve(Reference::Region, &element, Some(&heap[..end]));
            assert!(cut.is_err(), "{end}");
        }
        assert_eq!(Reference::Region.heap_id(&[0; 12], Sizes::default()), None);
        assert_eq!(resolve(Reference::Region, &[0; 12], None), Ok(None));
    }

    #[test]
    fn standard_references_are_in_place_or_in_the_heap() {
        let mut object = vec![2, 0, 8];
        object.extend(0x60_u64.to_le_bytes());
        object.resize(least_size(Sizes::default()), 0);
        assert_eq!(STANDARD.heap_id(&object, Sizes::default()), None);
        let referent = resolve(STANDARD, &object, None).unwrap().unwrap();
        assert_eq!(referent.object, Address(0x60));
        assert_eq!(referent.part, ReferentPart::Whole);

        let mut attribute = vec![4, 1, 30, 0, 0, 0];
        attribute.extend(0x800_u64.to_le_bytes());
        attribute.extend(3_u32.to_le_bytes());
        assert!(STANDARD.heap_id(&attribute, Sizes::default()).is_some());
        let mut heap = vec![8];
        heap.extend(0x60_u64.to_le_bytes());
        heap.extend(b"\x04\0a.h5\x05\0units");
        let referent = resolve(STANDARD, &attribute, Some(&heap)).unwrap().unwrap();
        assert_eq!(referent.file.as_deref(), Some("a.h5"));
        assert_eq!(referent.part, ReferentPart::Attribute("units".to_owned()));
        for end in 0..heap.len() {
            assert!(resolve(STANDARD, &attribute, Some(&heap[..end])).is_err());
        }
        let region = [3, 0, 30, 0, 0, 0];
        let mut heap = vec![8];
        heap.extend(0x60_u64.to_le_bytes());
        heap.extend([16, 0, 0, 0, 1, 0, 0, 0]);
        heap.extend(all());
        let referent = resolve(STANDARD, &region, Some(&heap)).unwrap().unwrap();
        assert_eq!(referent.part, ReferentPart::Region(Selection::All));
        assert_eq!(resolve(STANDARD, &[0; 18], None), Ok(None));
        assert!(resolve(STANDARD, &[9, 0, 0, 0, 0, 0], Some(&heap)).is_err());
    }
}
