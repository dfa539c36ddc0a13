//! Huge objects of a fractal heap: too large for a block, each lies in the file on its own.

use std::collections::HashMap;

use super::HeapObject;
use super::header::{Header, HugeObject};
use crate::btree::v2::Records;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::held::{Held, Stop};
use crate::walk::{Taken, Wants};

const OBJECT: &str = "huge object of a fractal heap";

/// The huge objects asked for.
#[derive(Debug, Default)]
pub(super) struct HugeObjects {
    /// Tag and place of objects not yet read.
    waiting: Vec<(u64, HugeObject)>,
    /// Tag and key of objects that must be looked up first.
    keys: Vec<(u64, u64)>,
    index: Option<Index>,
}

/// The B-tree that maps keys to huge objects; read whole, once a key is asked for.
#[derive(Debug)]
struct Index {
    records: Records,
    objects: HashMap<u64, HugeObject>,
}

impl HugeObjects {
    pub(super) fn request(&mut self, tag: u64, object: HugeObject) {
        self.waiting.push((tag, object));
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
        for (tag, object) in std::mem::take(&mut self.waiting) {
            match held.cursor(OBJECT, object.address, object.length) {
                Ok(mut cursor) => {
                    taken.add(held, cursor.place(), object.length)?;
                    let (place, mut bytes) = (cursor.place(), cursor.rest());
                    if let Some((mask, size)) = object.filtered {
                        bytes = held.decode(place, &header.filters, mask, bytes, size)?;
                    }
                    let at = place.at;
                    found.push(HeapObject { tag, at, bytes });
                }
                Err(Stop::Need(range)) => {
                    wants.push(range);
                    self.waiting.push((tag, object));
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
                let (key, object) = parse_record(kind, &mut cursor, header.is_filtered())?;
                match objects.insert(key, object) {
                    None => Ok(()),
                    Some(_) => Err(cursor.malformed(format!("huge object {key} is there twice"))),
                }
            })?;
        if !index.records.is_done() {
            return Ok(());
        }
        for (tag, key) in std::mem::take(&mut self.keys) {
            let Some(&object) = index.objects.get(&key) else {
                return Err(header.place.malformed(format!(
                    "an id refers to huge object {key}, which the B-tree of them lacks"
                )));
            };
            self.waiting.push((tag, object));
        }
        Ok(())
    }
}

/// Key and place in a record of type 1, or 2 where the heap has filters (III.A.2, "indirectly
/// accessed"). The other two types belong to heaps whose ids say the place themselves.
fn parse_record(kind: u8, cursor: &mut Cursor, filtered: bool) -> Result<(u64, HugeObject)> {
    let expected = if filtered { 2 } else { 1 };
    if kind != expected {
        let what = format!("record type {kind}, {expected} expected (huge objects found by key)");
        return Err(cursor.malformed(what));
    }
    let object = HugeObject::parse(cursor, filtered)?;
    Ok((cursor.length()?, object))
}
