//! Huge objects of a fractal heap: too large for a block, each lies in the file on its own.

use std::collections::HashMap;

use super::HeapObject;
use super::header::Header;
use crate::address::Address;
use crate::btree::v2::Records;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::held::{Held, Stop};
use crate::walk::{Taken, Wants};

const OBJECT: &str = "huge object of a fractal heap";

/// The huge objects asked for.
#[derive(Debug, Default)]
pub(super) struct HugeObjects {
    /// Tag, address and length of objects not yet read.
    waiting: Vec<(u64, Address, u64)>,
    /// Tag and key of objects that must be looked up first.
    keys: Vec<(u64, u64)>,
    index: Option<Index>,
}

/// The B-tree that maps keys to huge objects; read whole, once a key is asked for.
#[derive(Debug)]
struct Index {
    records: Records,
    objects: HashMap<u64, (Address, u64)>,
}

impl HugeObjects {
    pub(super) fn request(&mut self, tag: u64, address: Address, length: u64) {
        self.waiting.push((tag, address, length));
    }

    pub(super) fn request_indexed(&mut self, tag: u64, key: u64) {
        self.keys.push((tag, key));
    }

    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.keys.is_empty()
    }

    pub(super) fn advance(
        &mut self,
        held: &Held,
        wants: &mut Wants,
        header: &Header,
        taken: &mut Taken,
        found: &mut Vec<HeapObject>,
    ) -> Result<()> {
        self.look_up(held, wants, header)?;
        for (tag, address, length) in std::mem::take(&mut self.waiting) {
            match held.cursor(OBJECT, address, length) {
                Ok(mut cursor) => {
                    taken.add(held, cursor.place(), length)?;
                    let at = cursor.place().at;
                    let bytes = cursor.rest();
                    found.push(HeapObject { tag, at, bytes });
                }
                Err(Stop::Need(range)) => {
                    wants.push(range);
                    self.waiting.push((tag, address, length));
                }
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Finds where the objects asked for by key are, as soon as the whole index is read.
    fn look_up(&mut self, held: &Held, wants: &mut Wants, header: &Header) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        if header.huge.defined().is_none() {
            return Err(header
                .place
                .malformed("an id refers to a huge object, but the heap has no B-tree of them"));
        }
        let index = self.index.get_or_insert_with(|| Index {
            records: Records::new(header.huge),
            objects: HashMap::new(),
        });
        let objects = &mut index.objects;
        index
            .records
            .advance(held, wants, &mut |kind, mut cursor| {
                let (key, object) = parse_record(kind, &mut cursor)?;
                match objects.insert(key, object) {
                    None => Ok(()),
                    Some(_) => Err(cursor.malformed(format!("huge object {key} is there twice"))),
                }
            })?;
        if !index.records.is_done() {
            return Ok(());
        }
        for (tag, key) in std::mem::take(&mut self.keys) {
            let Some(&(address, length)) = index.objects.get(&key) else {
                return Err(header.place.malformed(format!(
                    "an id refers to huge object {key}, which the B-tree of them lacks"
                )));
            };
            self.waiting.push((tag, address, length));
        }
        Ok(())
    }
}

/// Key, address and length of a record of type 1 (III.A.2, "indirectly accessed, non-filtered").
/// The other three types belong to heaps with filters, or to ids that hold the address.
fn parse_record(kind: u8, cursor: &mut Cursor) -> Result<(u64, (Address, u64))> {
    if kind != 1 {
        let what = format!("record type {kind}, 1 expected (huge objects found by key)");
        return Err(cursor.malformed(what));
    }
    let address = cursor.address()?;
    let length = cursor.length()?;
    Ok((cursor.length()?, (address, length)))
}
