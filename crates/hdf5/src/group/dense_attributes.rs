//! Objects with many attributes (IV.A.2.v): a version 2 B-tree of names that leads to attribute
//! messages in a fractal heap.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::btree::v2::Records;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::heap::fractal::FractalHeap;
use crate::held::Held;
use crate::message::{Message, kind};
use crate::walk::{Unsupported, Walk, Wants};

/// Record type "attribute name for indexed attributes".
const RECORD_TYPE: u8 = 8;

/// Message flag: the heap ID is one of the shared message heap.
const SHARED: u8 = 0x02;

/// Reads the attribute messages of an object with dense storage.
///
/// A message that is in the shared message heap is given as an object header holds it: flagged
/// as shared, its body a [`crate::message::Shared`] that says where.
#[derive(Debug)]
pub(crate) struct DenseAttributes {
    /// `None` for an object that has no index, and for an index that is not supported.
    records: Option<Records>,
    /// `None` when it is not supported.
    heap: Option<FractalHeap>,
    unsupported: Unsupported,
    /// Flags and creation order, by the heap ID as a number.
    attributes: BTreeMap<u64, (u8, u32)>,
    /// With creation order and heap ID, so that the order of arrival doesn't show.
    messages: Vec<((u32, u64), Message)>,
}

impl DenseAttributes {
    /// The object with this fractal heap and this version 2 B-tree of names; both come from its
    /// attribute info message.
    pub(crate) fn new(heap: Address, name_index: Address) -> Self {
        Self {
            records: name_index.defined().map(Records::new),
            heap: name_index.defined().map(|_| FractalHeap::new(heap)),
            unsupported: Unsupported::default(),
            attributes: BTreeMap::new(),
            messages: Vec::new(),
        }
    }
}

impl Walk for DenseAttributes {
    type Output = Vec<Message>;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        if let Err(error) = self.read_records(held, wants) {
            self.unsupported.keep(error)?;
            self.records = None;
        }
        if let Err(error) = self.read_heap(held, wants) {
            self.unsupported.keep(error)?;
            self.heap = None;
        }
        if self.is_done() {
            self.unsupported.take()?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.records.as_ref().is_none_or(Records::is_done)
            && self.heap.as_ref().is_none_or(FractalHeap::is_read)
    }

    /// The messages, by creation order.
    fn finish(mut self) -> Result<Vec<Message>> {
        self.messages.sort_by_key(|&(order, _)| order);
        Ok(self
            .messages
            .into_iter()
            .map(|(_, message)| message)
            .collect())
    }
}

impl DenseAttributes {
    fn read_records(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        let Some(records) = &mut self.records else {
            return Ok(());
        };
        let (heap, attributes) = (&mut self.heap, &mut self.attributes);
        let messages = &mut self.messages;
        records.advance(held, wants, &mut |kind, mut record| {
            if kind != RECORD_TYPE {
                let what = format!("record type {kind}, {RECORD_TYPE} expected (attributes)");
                return Err(record.malformed(what));
            }
            let id = record.clone().take(8)?;
            let tag = record.u64()?;
            let flags = record.u8()?;
            let creation_order = record.u32()?;
            if attributes.insert(tag, (flags, creation_order)).is_some() {
                return Err(record.malformed(format!("heap id {tag:#x} is there twice")));
            }
            if flags & SHARED == 0 {
                if let Some(heap) = heap {
                    heap.request(tag, id);
                }
            } else {
                messages.push(((creation_order, tag), shared(&record, flags, &id)));
            }
            Ok(())
        })
    }

    fn read_heap(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        let Some(heap) = &mut self.heap else {
            return Ok(());
        };
        // As for links, its header is always read, also when all attributes are shared.
        if !heap.is_read() {
            heap.advance(held, wants)?;
        }
        let found = match heap.take_found() {
            Ok(found) => found,
            Err(error) => return self.unsupported.keep(error),
        };
        for object in found {
            if let Some(&(flags, creation_order)) = self.attributes.get(&object.tag) {
                let message = Message {
                    kind: kind::ATTRIBUTE,
                    flags,
                    at: object.at,
                    body: object.bytes,
                };
                self.messages.push(((creation_order, object.tag), message));
            }
        }
        Ok(())
    }
}

/// The message of an attribute in the shared message heap: version 3, type 1, the heap ID.
fn shared(record: &Cursor, flags: u8, id: &[u8]) -> Message {
    Message {
        kind: kind::ATTRIBUTE,
        flags,
        at: record.place().at,
        body: [&[3, 1], id].concat().into(),
    }
}

#[cfg(test)]
#[path = "dense_attributes_tests.rs"]
mod tests;
