//! New-style groups with many links (IV.A.2.c): a version 2 B-tree of names that leads to link
//! messages in a fractal heap.

use crate::address::Address;
use crate::btree::v2::Records;
use crate::error::{Error, Place, Result};
use crate::heap::fractal::FractalHeap;
use crate::held::Held;
use crate::link::{Link, Links};
use crate::walk::{Walk, Wants};

const INDEX: &str = "name index of a group";
const LINK: &str = "link message";

/// Record type "link name for indexed group".
const RECORD_TYPE: u8 = 5;

/// Length in bytes of the heap IDs of links.
const ID_LENGTH: usize = 7;

/// Reads the links of a group with dense storage.
#[derive(Debug)]
pub(crate) struct DenseLinks {
    index: Address,
    /// `None` for a group that has no index: it is empty.
    records: Option<Records>,
    heap: FractalHeap,
    links: Links,
}

impl DenseLinks {
    /// The group with this fractal heap and this version 2 B-tree of names; both come from its
    /// link info message.
    pub(crate) fn new(heap: Address, name_index: Address) -> Self {
        Self {
            index: name_index,
            records: name_index.defined().map(Records::new),
            heap: FractalHeap::new(heap),
            links: Links::default(),
        }
    }
}

impl Walk for DenseLinks {
    type Output = Links;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        let Some(records) = &mut self.records else {
            return Ok(());
        };
        let heap = &mut self.heap;
        records.advance(held, wants, &mut |kind, mut record| {
            if kind != RECORD_TYPE {
                return Err(unexpected(kind, record.place()));
            }
            // The hash of the name, by which one link is found.
            record.skip(4)?;
            held.charge_memory(record.place(), Link::MEMORY)?;
            heap.request(0, record.take(ID_LENGTH)?);
            Ok(())
        })?;
        // Its header is read together with the B-tree, always: whether it is malformed must not
        // depend on what comes first.
        if !heap.is_read() {
            heap.advance(held, wants)?;
        }
        for object in heap.take_found()? {
            self.links
                .push(Link::parse(&mut object.cursor(LINK, held))?);
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let mut records = self.records.iter();
        records.all(|records| records.is_done() && self.heap.is_read())
    }

    /// The links, sorted by name.
    fn finish(mut self) -> Result<Links> {
        self.links.sort(Place::new(INDEX, self.index.0))?;
        Ok(self.links)
    }
}

fn unexpected(kind: u8, place: Place) -> Error {
    place.malformed(format!(
        "record type {kind}, {RECORD_TYPE} expected (names of links)"
    ))
}

#[cfg(test)]
#[path = "dense_links_tests.rs"]
mod tests;
