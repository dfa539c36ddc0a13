//! Old-style groups: a version 1 B-tree (III.A.1) of symbol table nodes (III.B), whose entries
//! (III.C) have their names in a local heap.
//!
//! | node "TREE"               | bytes   | node "SNOD"               | bytes   |
//! |---------------------------|---------|---------------------------|---------|
//! | signature                 | 4       | signature, version 1      | 5       |
//! | node type 0               | 1       | reserved                  | 1       |
//! | level, 0 above "SNOD"s    | 1       | entries                   | 2       |
//! | entries used              | 2       | *entry:* name in the heap | lengths |
//! | left, right sibling       | offsets | object header address     | offsets |
//! | *entry:* key              | lengths | cache type, reserved      | 4, 4    |
//! | child                     | offsets | scratch-pad               | 16      |
//! | key after the last        | lengths |                           |         |

use bytes::Bytes;

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::heap::LocalHeap;
use crate::heap::local::DataSegment;
use crate::held::{Held, Step};
use crate::link::{Link, LinkTarget, Links, check_name, soft_path};
use crate::walk::{Taken, Walk, Wants, Worklist};

const TREE: &str = "version 1 B-tree node";
const LEAF: &str = "symbol table node";

/// How often the strings of a heap may be shared: libhdf5 never does, so this only stops files
/// whose every name is the whole heap.
const SHARING: usize = 2;

/// Reads the links of an old-style group.
#[derive(Debug)]
pub(crate) struct SymbolTable {
    /// `None` for a group that has no B-tree: it is empty.
    heap: Option<LocalHeap>,
    nodes: Worklist<Node>,
    entries: Vec<Entry>,
    taken: Taken,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    /// A B-tree node; `level` is `None` for the root, which says itself what level it has.
    Tree {
        address: Address,
        level: Option<u8>,
    },
    Leaf {
        address: Address,
    },
}

#[derive(Debug)]
struct Entry {
    /// Where the name is in the local heap.
    name: u64,
    target: Target,
    /// B-tree and local heap of the group that it leads to, where the entry repeats them.
    group: Option<(Address, Address)>,
}

#[derive(Debug)]
enum Target {
    Hard(Address),
    /// Where the path is in the local heap.
    Soft(u64),
}

impl SymbolTable {
    /// The group with this B-tree and this local heap; empty when there is no B-tree.
    pub(crate) fn new(btree: Address, heap: Address) -> Self {
        let mut nodes = Worklist::default();
        if let Some(address) = btree.defined() {
            let level = None;
            nodes.push(Node::Tree { address, level });
        }
        Self {
            heap: btree.defined().map(|_| LocalHeap::new(heap)),
            nodes,
            entries: Vec::new(),
            taken: Taken::default(),
        }
    }

    /// The groups among the members, each with its B-tree and local heap, as far as the entries
    /// repeat them.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (Address, (Address, Address))> {
        let entries = self.entries.iter();
        entries.filter_map(|entry| match entry.target {
            Target::Hard(header) => Some((header, entry.group?)),
            Target::Soft(_) => None,
        })
    }
}

impl Walk for SymbolTable {
    type Output = Links;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        if let Some(heap) = &mut self.heap {
            heap.advance(held, wants)?;
        }
        let (entries, taken) = (&mut self.entries, &mut self.taken);
        self.nodes.advance(wants, |node, nodes| match *node {
            Node::Tree { address, level } => {
                let mut cursor = tree_node(held, address, level, taken)?;
                Ok(read_children(held, &mut cursor, nodes)?)
            }
            Node::Leaf { address } => {
                let mut cursor = leaf_node(held, address, taken)?;
                let entries_before = entries.len();
                read_entries(&mut cursor, entries)?;
                let count = entries.len().saturating_sub(entries_before);
                let memory = Link::MEMORY.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX));
                Ok(held.charge_memory(cursor.place(), memory)?)
            }
        })
    }

    fn is_done(&self) -> bool {
        self.nodes.is_empty() && self.heap.as_ref().is_none_or(LocalHeap::is_done)
    }

    /// The links, sorted by name.
    fn finish(self) -> Result<Links> {
        let mut links = Links::default();
        let Some(heap) = self.heap else {
            return Ok(links);
        };
        let heap = heap.into_segment()?;
        let mut room = heap.len().saturating_mul(SHARING);
        for entry in self.entries {
            let name = string(&heap, entry.name, &mut room)?;
            check_name(heap.place(), &name)?;
            let target = match entry.target {
                Target::Hard(address) => Ok(LinkTarget::Hard(address)),
                Target::Soft(path) => {
                    let path = string(&heap, path, &mut room)?;
                    soft_path(heap.place(), &path).map(LinkTarget::Soft)
                }
            };
            links.push(Link::new(heap.place(), &name, target, None)?);
        }
        links.sort(heap.place())?;
        Ok(links)
    }
}

/// A string of the heap; `room` is what all together may still take.
fn string(heap: &DataSegment, offset: u64, room: &mut usize) -> Result<Bytes> {
    let bytes = heap.string(offset)?;
    match room.checked_sub(bytes.len()) {
        Some(left) => *room = left,
        None => {
            return Err(heap
                .place()
                .malformed("its strings overlap: together they are many times its size"));
        }
    }
    Ok(bytes)
}

/// A cursor over a B-tree node, before its level; all of its entries are held.
fn tree_node(held: &Held, address: Address, level: Option<u8>, taken: &mut Taken) -> Step<Cursor> {
    let (offsets, lengths) = (u64::from(held.sizes.offsets), u64::from(held.sizes.lengths));
    let header = offsets.saturating_mul(2).saturating_add(8);
    let mut cursor = held.cursor_with_hint(TREE, address, header, held.group_nodes.tree)?;
    cursor.signature(*b"TREE")?;
    let kind = cursor.u8()?;
    if kind != 0 {
        return Err(cursor
            .malformed(format!("node type {kind}, 0 expected (a group's)"))
            .into());
    }
    let found = cursor.u8()?;
    if let Some(expected) = level
        && found != expected
    {
        return Err(cursor
            .malformed(format!("level {found}, {expected} expected"))
            .into());
    }
    let entries = u64::from(cursor.u16()?);
    let size = entries
        .saturating_mul(offsets.saturating_add(lengths))
        .saturating_add(header)
        .saturating_add(lengths);
    let mut cursor = held.cursor(TREE, address, size)?;
    taken.add(held, cursor.place(), size)?;
    cursor.skip(5)?;
    Ok(cursor)
}

fn read_children(held: &Held, cursor: &mut Cursor, nodes: &mut Worklist<Node>) -> Result<()> {
    let level = cursor.u8()?;
    let entries = cursor.u16()?;
    // Siblings are not needed: all nodes are reached from above.
    cursor.address()?;
    cursor.address()?;
    for _ in 0..entries {
        cursor.length()?;
        let address = cursor.address()?;
        let (structure, node) = match level.checked_sub(1) {
            None => (LEAF, Node::Leaf { address }),
            Some(below) => {
                let level = Some(below);
                (TREE, Node::Tree { address, level })
            }
        };
        nodes.push_once(held.place(structure, address), node)?;
    }
    Ok(())
}

/// A cursor over a symbol table node, before its number of entries; all of those are held.
fn leaf_node(held: &Held, address: Address, taken: &mut Taken) -> Step<Cursor> {
    const HEADER: u64 = 8;
    let mut cursor = held.cursor_with_hint(LEAF, address, HEADER, held.group_nodes.leaf)?;
    cursor.signature(*b"SNOD")?;
    cursor.version(1)?;
    cursor.skip(1)?;
    let entries = u64::from(cursor.u16()?);
    let (offsets, lengths) = (held.sizes.offsets, held.sizes.lengths);
    let entry = u64::from(offsets.saturating_add(lengths)).saturating_add(24);
    let size = entries.saturating_mul(entry).saturating_add(HEADER);
    let mut cursor = held.cursor(LEAF, address, size)?;
    taken.add(held, cursor.place(), size)?;
    cursor.skip(6)?;
    Ok(cursor)
}

fn read_entries(cursor: &mut Cursor, entries: &mut Vec<Entry>) -> Result<()> {
    for number in 0..cursor.u16()? {
        entries.push(read_entry(cursor, number)?);
    }
    Ok(())
}

fn read_entry(cursor: &mut Cursor, number: u16) -> Result<Entry> {
    // libhdf5 writes it in the width of lengths, not in that of offsets.
    let name = cursor.length()?;
    let header = cursor.address()?;
    let cache_type = cursor.u32()?;
    cursor.skip(4)?;
    // The scratch-pad, of 16 bytes.
    let (mut link_value, mut group) = (0, None);
    let offsets = usize::from(cursor.sizes().offsets);
    match (cache_type, 16_usize.checked_sub(offsets.saturating_mul(2))) {
        // It repeats the symbol table message of the group, where that fits.
        (1, Some(rest)) => {
            group = Some((cursor.address()?, cursor.address()?));
            cursor.skip(rest)?;
        }
        (2, _) => {
            link_value = u64::from(cursor.u32()?);
            cursor.skip(12)?;
        }
        _ => cursor.skip(16)?,
    }
    let target = match cache_type {
        0 | 1 if header.defined().is_some() => Target::Hard(header),
        0 | 1 => {
            return Err(cursor.malformed(format!("entry {number} has an undefined address")));
        }
        2 => Target::Soft(link_value),
        other => {
            let what = format!("entry {number} has cache type {other}, 0 to 2 expected");
            return Err(cursor.malformed(what));
        }
    };
    Ok(Entry {
        name,
        target,
        group,
    })
}

#[cfg(test)]
#[path = "symbol_table_tests.rs"]
mod tests;
