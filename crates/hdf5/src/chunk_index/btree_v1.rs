//! Version 1 B-trees of node type 1 (III.A.1).
//!
//! | field                              | bytes         |
//! |------------------------------------|---------------|
//! | "TREE", type 1, level, entries n   | 4, 1, 1, 2    |
//! | left, right sibling                | offsets each  |
//! | *n times:* chunk size, filter mask | 4, 4          |
//! | offset along each axis, then 0     | 8 each        |
//! | child: a node, or the chunk        | offsets       |
//! | last key, unused                   | as above      |

use std::ops::Range;

use super::columns::{Columns, Stored};
use super::elements::{le_u32, uint};
use super::grid::Cells;
use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::held::{Held, Step};
use crate::walk::{Wants, Worklist};

const NODE: &str = "version 1 B-tree node";

/// Entries of a full node, unless the superblock has other than the default K of 32.
const DEFAULT_ENTRIES: u64 = 64;

#[derive(Debug)]
struct Node {
    address: Address,
    /// `None`: the root, which may be of any level.
    level: Option<u8>,
    /// Entries it is expected to have room for.
    room: u64,
}

/// The nodes of a tree.
#[derive(Debug)]
pub(crate) struct BTreeV1 {
    /// The root node, until it is among `nodes`.
    root: Option<Address>,
    nodes: Worklist<Node>,
    /// Ranges between neighbours that have nodes below them, with how many those may be.
    spread: Vec<(Range<u64>, u64)>,
}

impl BTreeV1 {
    /// The tree with this root node; none is there when the address is undefined.
    pub(crate) fn new(root: Address) -> Self {
        Self {
            root: root.defined(),
            nodes: Worklist::default(),
            spread: Vec::new(),
        }
    }

    /// Takes the ranges in which nodes are likely to lie that are below those found, as a tree
    /// that grows has them between the nodes above: each with how many there may be.
    pub(crate) fn take_spread(&mut self) -> Vec<(Range<u64>, u64)> {
        std::mem::take(&mut self.spread)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.root.is_none() && self.nodes.is_empty()
    }

    pub(crate) fn advance(
        &mut self,
        held: &Held,
        wants: &mut Wants,
        cells: &Cells,
        columns: &mut Columns,
    ) -> Result<()> {
        if let Some(address) = self.root.take() {
            let root = Node {
                address,
                level: None,
                room: DEFAULT_ENTRIES,
            };
            self.nodes.push_once(held.place(NODE, address), root)?;
        }
        let entry = Entry::new(held, cells);
        let spread = &mut self.spread;
        self.nodes.advance(wants, |node, nodes| {
            entry.read_node(held, node, nodes, spread, cells, columns)
        })
    }
}

/// Sizes in bytes of the parts of a node.
struct Entry {
    prefix: u64,
    key: usize,
    size: usize,
}

impl Entry {
    fn new(held: &Held, cells: &Cells) -> Self {
        let width = usize::from(held.sizes.offsets);
        let key = cells.rank().saturating_add(2).saturating_mul(8);
        Self {
            prefix: u64::from(held.sizes.offsets)
                .saturating_mul(2)
                .saturating_add(8),
            key,
            size: key.saturating_add(width),
        }
    }

    /// Bytes of a node with `count` entries and its last key.
    fn node(&self, count: u64) -> u64 {
        let [size, key] = [self.size, self.key].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
        let entries = size.saturating_mul(count);
        self.prefix.saturating_add(entries).saturating_add(key)
    }

    fn read_node(
        &self,
        held: &Held,
        node: &Node,
        nodes: &mut Worklist<Node>,
        spread: &mut Vec<(Range<u64>, u64)>,
        cells: &Cells,
        columns: &mut Columns,
    ) -> Step<()> {
        let ask = |length: u64| {
            let hint = self.node(node.room).max(length);
            held.cursor_with_hint(NODE, node.address, length, hint)
        };
        let (level, count) = parse_prefix(&mut ask(self.prefix)?, node)?;
        let length = self.node(count);
        let mut cursor = ask(length)?;
        let place = cursor.place();
        columns.charge(held, place, length)?;
        cursor.skip(usize::try_from(self.prefix).unwrap_or(usize::MAX))?;
        let entries = cursor.take(
            self.size
                .saturating_mul(usize::try_from(count).unwrap_or(0)),
        )?;
        // Taken from the end of the list: backwards keeps the order of the file.
        let children = entries.chunks_exact(self.size).rev();
        match level.checked_sub(1) {
            Some(below) => {
                for entry in children {
                    let (_, child) = entry.split_at_checked(self.key).unwrap_or_default();
                    let address = Address(uint(child));
                    let child = Node {
                        address,
                        level: Some(below),
                        room: node.room.max(count),
                    };
                    nodes.push_once(held.place(NODE, address), child)?;
                }
                if below > 0 {
                    let children = entries.chunks_exact(self.size);
                    let addresses = children.map(|entry| {
                        let (_, child) = entry.split_at_checked(self.key).unwrap_or_default();
                        held.base.saturating_add(uint(child))
                    });
                    let room = node.room.max(count);
                    let nodes = (0..below).fold(1, |nodes: u64, _| {
                        nodes.saturating_mul(room).saturating_add(1)
                    });
                    between(addresses.collect(), nodes, spread);
                }
            }
            None => {
                for entry in entries.chunks_exact(self.size) {
                    self.read_chunk(held, &cursor, entry, cells, columns)?;
                }
            }
        }
        Ok(())
    }

    fn read_chunk(
        &self,
        held: &Held,
        cursor: &Cursor,
        entry: &[u8],
        cells: &Cells,
        columns: &mut Columns,
    ) -> Result<()> {
        let (key, child) = entry.split_at_checked(self.key).unwrap_or_default();
        if child.iter().all(|&byte| byte == 0xFF) {
            return Ok(());
        }
        let (sizes, offsets) = key.split_at_checked(8).unwrap_or_default();
        // The last offset is within an element.
        let mut aligned = offsets.last_chunk() == Some(&[0; 8]);
        let coordinates = offsets.chunks_exact(8).zip(&cells.chunk_shape);
        let number = cells.number(coordinates.map(|(offset, &chunk)| {
            let offset = uint(offset);
            aligned &= offset.checked_rem(chunk) == Some(0);
            offset.checked_div(chunk).unwrap_or(u64::MAX)
        }));
        if !aligned {
            let offsets: Vec<u64> = offsets.chunks_exact(8).map(uint).collect();
            return Err(cursor.malformed(format!(
                "a chunk at {offsets:?}, multiples of {:?} and 0 expected",
                cells.chunk_shape
            )));
        }
        let Some(number) = number else {
            return Ok(());
        };
        let stored = Stored {
            address: Address(uint(child)),
            length: u64::from(le_u32(sizes)),
            filter_mask: le_u32(sizes.get(4..).unwrap_or_default()),
        };
        columns.push(held, number, stored)
    }
}

/// The ranges between neighbours, each with `nodes`.
fn between(mut addresses: Vec<u64>, nodes: u64, spread: &mut Vec<(Range<u64>, u64)>) {
    addresses.sort_unstable();
    for pair in addresses.windows(2) {
        if let [start, end] = pair {
            spread.push((*start..*end, nodes));
        }
    }
}

/// The level of a node and the number of its entries.
fn parse_prefix(cursor: &mut Cursor, node: &Node) -> Result<(u8, u64)> {
    cursor.signature(*b"TREE")?;
    let kind = cursor.u8()?;
    if kind != 1 {
        return Err(cursor.malformed(format!("type {kind}, 1 expected (chunks)")));
    }
    let level = cursor.u8()?;
    if let Some(expected) = node.level.filter(|&expected| expected != level) {
        return Err(cursor.malformed(format!("level {level}, {expected} expected")));
    }
    Ok((level, u64::from(cursor.u16()?)))
}
