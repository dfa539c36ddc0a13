//! The global heap (III.E): elements of variable length, and other objects that are referred to.
//!
//! | collection "GCOL"         | bytes   | object (each padded to 8) | bytes   |
//! |---------------------------|---------|---------------------------|---------|
//! | signature, version 1      | 5       | index                     | 2       |
//! | reserved                  | 3       | reference count           | 2       |
//! | collection size, in all   | lengths | reserved                  | 4       |
//! | objects, from a multiple of 8 |     | size (without padding)    | lengths |
//! |                           |         | data, from a multiple of 8 |        |

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;

use super::{HeapId, HeapObjects};
use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::held::{Held, Step, Stop};
use crate::walk::{Taken, Walk, Wants};

const COLLECTION: &str = "global heap collection";

/// No collection is smaller, and most are just as large.
const HINT: u64 = 4096;

/// Bytes in memory for an object, besides its bytes.
const OBJECT: u64 = 128;

/// Bytes in memory for a collection that can't be read, and why.
const UNREADABLE: u64 = 512;

/// Reads objects of the global heap, those of one collection together. A collection that is
/// damaged, or has no such object, concerns only who refers to it: libhdf5 finds out when it reads
/// that element, and opens everything else.
#[derive(Debug, Default)]
pub(crate) struct GlobalHeap {
    /// Indexes wanted, by collection.
    wanted: BTreeMap<Address, BTreeSet<u32>>,
    found: HeapObjects,
    read: HashSet<Address>,
    taken: Taken,
}

impl GlobalHeap {
    /// Asks for an object; nothing is asked for by the ID that stands for no object.
    pub(crate) fn request(&mut self, id: HeapId) {
        let none = id.index == 0 || matches!(id.collection, Address(0) | Address::UNDEFINED);
        if !none && !self.found.is_settled(id) {
            let indexes = self.wanted.entry(id.collection).or_default();
            indexes.insert(id.index);
        }
    }

    /// Adds the objects of one collection to those found.
    fn read(&mut self, held: &Held, address: Address, indexes: &BTreeSet<u32>) -> Step<()> {
        let mut cursor = match collection(held, address) {
            Err(Stop::Error(error)) => return Ok(self.give_up(held, address, error)?),
            cursor => cursor?,
        };
        if self.read.insert(address) {
            let size = u64::try_from(cursor.remaining()).unwrap_or(u64::MAX);
            self.taken.add(held, cursor.place(), size)?;
        }
        let mut objects = match objects(&mut cursor, indexes) {
            Ok(objects) => objects,
            Err(error) => return Ok(self.give_up(held, address, error)?),
        };
        for &index in indexes {
            held.charge_memory(cursor.place(), OBJECT)?;
            let collection = address;
            let id = HeapId { collection, index };
            match objects.remove(&index) {
                Some(bytes) => self.found.insert(id, bytes),
                None => self.found.insert_absent(id, cursor.place()),
            }
        }
        Ok(())
    }

    fn give_up(&mut self, held: &Held, address: Address, error: Error) -> Result<()> {
        held.charge_memory(held.place(COLLECTION, address), UNREADABLE)?;
        self.found.insert_unreadable(address, error);
        Ok(())
    }
}

impl Walk for GlobalHeap {
    type Output = HeapObjects;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        for (address, indexes) in std::mem::take(&mut self.wanted) {
            match self.read(held, address, &indexes) {
                Ok(()) => {}
                Err(Stop::Need(range)) => {
                    wants.push(range);
                    self.wanted.insert(address, indexes);
                }
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.wanted.is_empty()
    }

    fn finish(self) -> Result<Self::Output> {
        Ok(self.found)
    }
}

/// A cursor over a whole collection.
fn collection(held: &Held, address: Address) -> Step<Cursor> {
    let header = u64::from(held.sizes.lengths).saturating_add(8);
    let mut cursor = held.cursor_with_hint(COLLECTION, address, header, HINT)?;
    cursor.signature(*b"GCOL")?;
    cursor.version(1)?;
    cursor.skip(3)?;
    let size = cursor.length()?;
    if size < header {
        return Err(cursor
            .malformed(format!("size {size}, at least {header} expected"))
            .into());
    }
    held.check_size(cursor.place(), size)?;
    held.cursor(COLLECTION, address, size)
}

/// The objects of a collection that are in `wanted`.
fn objects(cursor: &mut Cursor, wanted: &BTreeSet<u32>) -> Result<BTreeMap<u32, Bytes>> {
    let lengths = usize::from(cursor.sizes().lengths);
    let header = lengths.saturating_add(8).next_multiple_of(8);
    cursor.skip(lengths.saturating_add(8))?;
    cursor.align(8);
    let mut objects = BTreeMap::new();
    // Free space too small for the header of an object has none.
    while cursor.remaining() >= header {
        let index = u32::from(cursor.u16()?);
        cursor.skip(6)?;
        let size = usize::try_from(cursor.length()?).unwrap_or(usize::MAX);
        cursor.align(8);
        if index == 0 {
            // Free space: its size counts the header, and nothing need follow.
            match size.checked_sub(header) {
                Some(rest) if cursor.skip(rest).is_ok() => continue,
                _ => break,
            }
        }
        if size > cursor.remaining() {
            let left = cursor.remaining();
            let what = format!("object {index} has {size} bytes, {left} are left");
            return Err(cursor.malformed(what));
        }
        let bytes = cursor.take(size)?;
        cursor.align(8);
        if wanted.contains(&index) && objects.insert(index, bytes).is_some() {
            return Err(cursor.malformed(format!("object {index} is there twice")));
        }
    }
    Ok(objects)
}

#[cfg(test)]
#[path = "global_tests.rs"]
mod tests;
