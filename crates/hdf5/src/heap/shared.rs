//! The shared object header message table (III.H): messages that several objects have in common.
//!
//! | table "SMTB"              | bytes | *for each index:*         | bytes   |
//! |---------------------------|-------|---------------------------|---------|
//! | signature                 | 4     | version 0, type           | 1, 1    |
//! | indexes                   |       | message type flags        | 2       |
//! | checksum                  | 4     | minimum message size      | 4       |
//! |                           |       | list and B-tree cutoff    | 2, 2    |
//! |                           |       | number of messages        | 2       |
//! |                           |       | address of the index      | offsets |
//! |                           |       | address of the heap       | offsets |
//!
//! The indexes (lists and B-trees) find a message by its content, to store it once. A shared
//! message tells its heap ID, so reading needs the heaps only.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;

use super::fractal::FractalHeap;
use crate::address::Address;
use crate::error::{Place, Result};
use crate::held::{Held, Step, Stop};
use crate::message::kind;
use crate::walk::{Walk, Wants};

const TABLE: &str = "shared object header message table";

/// libhdf5 allows no more indexes.
const MAX_INDEXES: u8 = 8;

/// Reads shared messages.
#[derive(Debug)]
pub(crate) struct SharedMessages {
    address: Address,
    indexes: u8,
    /// The heaps, once the table is read.
    heaps: Option<Vec<SharedHeap>>,
    /// Message type and heap ID of messages not yet asked for.
    requests: BTreeSet<(u16, [u8; 8])>,
    found: HashMap<(u16, [u8; 8]), Bytes>,
}

/// The heap of one index.
#[derive(Debug)]
struct SharedHeap {
    /// A bit for each message type (1 shifted by it).
    kinds: u16,
    heap: FractalHeap,
    /// What was asked for, under the tag that the heap gives it with.
    asked: Vec<(u16, [u8; 8])>,
}

impl SharedMessages {
    /// The table at `table` with so many indexes; both come from the shared message table
    /// message of the superblock extension.
    pub(crate) fn new(table: Address, indexes: u8) -> Self {
        Self {
            address: table,
            indexes,
            heaps: None,
            requests: BTreeSet::new(),
            found: HashMap::new(),
        }
    }

    /// Asks for the message of type `kind` with this heap ID.
    pub(crate) fn request(&mut self, kind: u16, id: [u8; 8]) {
        let known = |heap: &SharedHeap| heap.asked.contains(&(kind, id));
        if !self.heaps.iter().flatten().any(known) {
            self.requests.insert((kind, id));
        }
    }

    fn read_table(&self, held: &Held) -> Step<Vec<SharedHeap>> {
        let place = held.place(TABLE, self.address);
        if self.indexes > MAX_INDEXES {
            let what = format!("{} indexes, at most {MAX_INDEXES} expected", self.indexes);
            return Err(place.malformed(what).into());
        }
        let index = u64::from(held.sizes.offsets)
            .saturating_mul(2)
            .saturating_add(14);
        let size = index
            .saturating_mul(u64::from(self.indexes))
            .saturating_add(8);
        let mut cursor = held.cursor(TABLE, self.address, size)?;
        cursor.signature(*b"SMTB")?;
        cursor.verify_checksum()?;
        let mut heaps = Vec::new();
        for _ in 0..self.indexes {
            cursor.version(0)?;
            cursor.skip(1)?;
            let kinds = cursor.u16()?;
            cursor.skip(10)?;
            cursor.address()?;
            heaps.push(SharedHeap {
                kinds,
                heap: FractalHeap::new(cursor.address()?),
                asked: Vec::new(),
            });
        }
        Ok(heaps)
    }
}

impl Walk for SharedMessages {
    type Output = HashMap<(u16, [u8; 8]), Bytes>;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        if self.is_done() {
            return Ok(());
        }
        if self.heaps.is_none() {
            match self.read_table(held) {
                Ok(heaps) => self.heaps = Some(heaps),
                Err(Stop::Need(range)) => wants.push(range),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        let Some(heaps) = &mut self.heaps else {
            return Ok(());
        };
        let place = held.place(TABLE, self.address);
        for (kind, id) in std::mem::take(&mut self.requests) {
            ask(place, heaps, kind, id)?;
        }
        for shared in heaps {
            if shared.heap.is_done() {
                continue;
            }
            shared.heap.advance(held, wants)?;
            for object in shared.heap.take_found()? {
                let number = usize::try_from(object.tag).unwrap_or(usize::MAX);
                if let Some(&asked) = shared.asked.get(number) {
                    self.found.insert(asked, object.bytes);
                }
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let mut heaps = self.heaps.iter().flatten();
        self.requests.is_empty() && heaps.all(|shared| shared.heap.is_done())
    }

    fn finish(self) -> Result<Self::Output> {
        Ok(self.found)
    }
}

/// Asks the heap of the index for this message type.
fn ask(place: Place, heaps: &mut [SharedHeap], kind: u16, id: [u8; 8]) -> Result<()> {
    // The two fill value messages have an index in common.
    let shift = match kind {
        kind::FILL_VALUE_OLD => kind::FILL_VALUE,
        other => other,
    };
    let bit = 1_u16.checked_shl(u32::from(shift)).unwrap_or(0);
    let Some(shared) = heaps.iter_mut().find(|heap| heap.kinds & bit != 0) else {
        return Err(place.malformed(format!(
            "a message of type {kind:#04x} is shared, but no index is for that type"
        )));
    };
    let tag = u64::try_from(shared.asked.len()).unwrap_or(u64::MAX);
    shared.asked.push((kind, id));
    shared.heap.request(tag, Bytes::copy_from_slice(&id));
    Ok(())
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
