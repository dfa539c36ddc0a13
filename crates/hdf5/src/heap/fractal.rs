//! Fractal heaps (III.G): dense links, dense attributes and shared messages.

use std::collections::BTreeMap;

use bytes::Bytes;

mod block;
mod header;
mod huge;
mod table;

use self::block::{Block, BlockRef};
use self::header::{Header, Object};
use self::huge::HugeObjects;
use self::table::Shape;
use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::held::{Held, Stop};
use crate::walk::{Taken, Unsupported, Walk, Wants};

/// Reads objects of a fractal heap: only the blocks that hold those which were asked for.
#[derive(Debug)]
pub(crate) struct FractalHeap {
    address: Address,
    header: Option<Header>,
    /// Asked for while the header is not read.
    requests: Vec<(u64, Bytes)>,
    /// Managed objects not yet found, by the block to read next on the way to them.
    waiting: BTreeMap<BlockRef, Vec<Managed>>,
    blocks: BTreeMap<BlockRef, Block>,
    huge: HugeObjects,
    found: Vec<HeapObject>,
    unsupported: Unsupported,
    blocks_taken: Taken,
    objects_taken: Taken,
}

/// An object of a fractal heap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HeapObject {
    /// What it was asked for with.
    pub(crate) tag: u64,
    /// Where it is, in bytes from the start of the file (for a tiny one: where the heap is).
    pub(crate) at: u64,
    pub(crate) bytes: Bytes,
}

impl HeapObject {
    pub(crate) fn cursor(&self, structure: &'static str, held: &Held) -> Cursor {
        let place = crate::error::Place::new(structure, self.at);
        Cursor::new(self.bytes.clone(), held.sizes, place)
    }
}

/// A managed object on the way down to its block.
#[derive(Clone, Copy, Debug)]
struct Managed {
    tag: u64,
    /// Bytes into the heap.
    offset: u64,
    length: u64,
}

impl FractalHeap {
    /// The heap whose header is at `address`; the header is read even if nothing is asked for.
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            header: None,
            requests: Vec::new(),
            waiting: BTreeMap::new(),
            blocks: BTreeMap::new(),
            huge: HugeObjects::default(),
            found: Vec::new(),
            unsupported: Unsupported::default(),
            blocks_taken: Taken::default(),
            objects_taken: Taken::default(),
        }
    }

    /// Asks for the object with this heap ID; it is given with `tag`.
    pub(crate) fn request(&mut self, tag: u64, id: Bytes) {
        self.requests.push((tag, id));
    }

    /// The objects found since the last call, in no order; an error when there are any that are
    /// not supported.
    pub(crate) fn take_found(&mut self) -> Result<Vec<HeapObject>> {
        self.unsupported.take()?;
        Ok(std::mem::take(&mut self.found))
    }

    /// Whether the header was read and all that was asked for has been found.
    pub(crate) fn is_read(&self) -> bool {
        self.header.is_some() && self.is_done()
    }

    /// Sorts what was asked for by how it is stored.
    fn accept(&mut self, held: &Held, header: &Header) -> Result<()> {
        for (tag, id) in std::mem::take(&mut self.requests) {
            let object = match header.object(&id, held) {
                Ok(object) => object,
                Err(error) => {
                    self.unsupported.keep(error)?;
                    continue;
                }
            };
            match object {
                Object::Tiny(bytes) => {
                    let at = header.place.at;
                    self.found.push(HeapObject { tag, at, bytes });
                }
                Object::Managed { offset, length } => {
                    if header.is_filtered() {
                        // Decoded they may be longer than the file. They lie apart, but what
                        // is made of each is a copy.
                        held.charge_memory(header.place, length.saturating_mul(2))?;
                    } else {
                        self.objects_taken.add(held, header.place, length)?;
                    }
                    let object = Managed {
                        tag,
                        offset,
                        length,
                    };
                    let root = BlockRef {
                        address: header.root,
                        offset: 0,
                        shape: header.root_shape,
                        stored: header.root_stored,
                    };
                    self.waiting.entry(root).or_default().push(object);
                }
                Object::Huge(object) => self.huge.request(tag, object),
                Object::HugeIndexed { key } => self.huge.request_indexed(tag, key),
            }
        }
        Ok(())
    }

    /// Reads the blocks waited for, and those below them.
    fn read_blocks(&mut self, held: &Held, header: &Header, wants: &mut Wants) -> Result<()> {
        let mut todo = std::mem::take(&mut self.waiting);
        while let Some((at, objects)) = todo.pop_first() {
            if !self.blocks.contains_key(&at) {
                match at.read(held, header, self.address) {
                    Ok(block) => {
                        let size = at.size(held, header);
                        self.blocks_taken.add(held, block.place(), size)?;
                        self.blocks.insert(at, block);
                    }
                    Err(Stop::Need(range)) => {
                        wants.push(range);
                        // A parent read just now may lead here a second time.
                        self.waiting.entry(at).or_default().extend(objects);
                        continue;
                    }
                    Err(Stop::Error(error)) => {
                        self.unsupported.keep(error)?;
                        continue;
                    }
                }
            }
            let Some(block) = self.blocks.get(&at) else {
                continue;
            };
            for object in objects {
                match block {
                    Block::Direct { .. } => self.found.push(take_object(&at, block, object)?),
                    Block::Indirect { .. } => {
                        let child = child_of(&at, block, header, object)?;
                        todo.entry(child).or_default().push(object);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Walk for FractalHeap {
    type Output = Vec<HeapObject>;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        let header = match self.header.take() {
            Some(header) => header,
            None => match Header::read(held, self.address) {
                Ok(header) => header,
                Err(Stop::Need(range)) => {
                    wants.push(range);
                    return Ok(());
                }
                Err(Stop::Error(error)) => return Err(error),
            },
        };
        self.accept(held, &header)?;
        self.read_blocks(held, &header, wants)?;
        let (found, taken) = (&mut self.found, &mut self.objects_taken);
        if let Err(error) = self.huge.advance(held, wants, &header, taken, found) {
            self.unsupported.keep(error)?;
            self.huge = HugeObjects::default();
        }
        self.header = Some(header);
        Ok(())
    }

    /// Whether all that was asked for has been found.
    fn is_done(&self) -> bool {
        self.requests.is_empty() && self.waiting.is_empty() && self.huge.is_done()
    }

    /// The objects not yet taken, by ascending tag.
    fn finish(mut self) -> Result<Vec<HeapObject>> {
        let mut found = self.take_found()?;
        found.sort();
        Ok(found)
    }
}

/// The bytes of an object in the direct block that holds its first byte.
fn take_object(at: &BlockRef, block: &Block, object: Managed) -> Result<HeapObject> {
    let Block::Direct {
        place,
        bytes,
        header_length,
    } = block
    else {
        return Err(block.place().malformed("is not a direct block"));
    };
    let start = object.offset.checked_sub(at.offset);
    let end = start.and_then(|start| start.checked_add(object.length));
    let range = start
        .and_then(|start| usize::try_from(start).ok())
        .zip(end.and_then(|end| usize::try_from(end).ok()))
        .filter(|&(start, end)| start >= *header_length && end <= bytes.len());
    let Some((start, end)) = range else {
        let (length, offset, size) = (object.length, object.offset, bytes.len());
        return Err(place.malformed(format!(
            "object of {length} bytes at {offset} of the heap is not inside of this block of \
             {size} bytes at {}",
            at.offset
        )));
    };
    Ok(HeapObject {
        tag: object.tag,
        at: place
            .at
            .saturating_add(u64::try_from(start).unwrap_or(u64::MAX)),
        bytes: bytes.slice(start..end),
    })
}

/// The child of an indirect block that holds the first byte of an object.
fn child_of(at: &BlockRef, block: &Block, header: &Header, object: Managed) -> Result<BlockRef> {
    let (Block::Indirect { place, children }, Shape::Indirect(rows)) = (block, at.shape) else {
        return Err(block.place().malformed("is not an indirect block"));
    };
    let slot = object
        .offset
        .checked_sub(at.offset)
        .and_then(|offset| header.table.locate(offset, rows));
    let child = slot
        .and_then(|slot| children.get(usize::try_from(slot.number).ok()?))
        .filter(|child| child.address.defined().is_some());
    let (Some(slot), Some(child)) = (slot, child) else {
        return Err(place.malformed(format!(
            "has no block for the object of {} bytes at {} of the heap",
            object.length, object.offset
        )));
    };
    Ok(BlockRef {
        address: child.address,
        offset: at.offset.saturating_add(slot.offset),
        shape: slot.shape,
        stored: child.stored,
    })
}

#[cfg(test)]
#[path = "fractal/tests.rs"]
mod tests;

#[cfg(test)]
#[path = "fractal/filtered_tests.rs"]
mod filtered_tests;
