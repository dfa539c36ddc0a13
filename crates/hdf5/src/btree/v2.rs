//! Version 2 B-trees (III.A.2): the records of all nodes, whatever their type.
//!
//! | header "BTHD"             | bytes | nodes "BTIN", "BTLF"         | bytes         |
//! |---------------------------|-------|------------------------------|---------------|
//! | signature, version 0      | 5     | signature, version 0         | 5             |
//! | type                      | 1     | type                         | 1             |
//! | node size                 | 4     | records                      | n record size |
//! | record size, depth        | 2, 2  | *BTIN, n + 1 times:*         |               |
//! | split, merge percent      | 1, 1  | child address                | offsets       |
//! | root address              | offs. | records of the child         | computed      |
//! | records in the root       | 2     | records below (depth > 1)    | computed      |
//! | records in the tree       | len.  |                              |               |
//! | checksum                  | 4     | checksum, then unused bytes  | 4             |

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Place, Result};
use crate::held::{Held, Step, Stop};
use crate::walk::{Wants, Worklist};

const HEADER: &str = "version 2 B-tree header";
const INTERNAL: &str = "version 2 B-tree internal node";
const LEAF: &str = "version 2 B-tree leaf node";

/// Signature, version, type and checksum of a node.
const NODE_OVERHEAD: u64 = 10;

/// A tree this deep would hold more than 2^32 records.
const MAX_DEPTH: u16 = 32;

/// The records of a version 2 B-tree, handed out as their nodes arrive.
#[derive(Debug)]
pub(crate) struct Records {
    address: Address,
    header: Option<Header>,
    nodes: Worklist<Node>,
    found: u64,
    done: bool,
}

impl Records {
    /// The tree whose header is at `header`.
    pub(crate) fn new(header: Address) -> Self {
        Self {
            address: header,
            header: None,
            nodes: Worklist::default(),
            found: 0,
            done: false,
        }
    }

    /// Goes as far as the bytes held allow. Each record is given once to `on_record`, with the
    /// tree's record type and a cursor over just that record; in no order, as nodes come in the
    /// order in which their bytes arrive.
    pub(crate) fn advance(
        &mut self,
        held: &Held,
        wants: &mut Wants,
        on_record: &mut dyn FnMut(u8, Cursor) -> Result<()>,
    ) -> Result<()> {
        if self.header.is_none() {
            match Header::read(held, self.address) {
                Ok(header) => {
                    if let Some(root) = header.root() {
                        self.nodes.push_once(root.place(held), root)?;
                    }
                    self.header = Some(header);
                }
                Err(Stop::Need(range)) => wants.push(range),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        let Some(header) = &self.header else {
            return Ok(());
        };
        let found = &mut self.found;
        self.nodes.advance(wants, |node, nodes| {
            header.read_node(held, node, nodes, &mut |cursor| {
                *found = found.saturating_add(1);
                on_record(header.kind, cursor)
            })
        })?;
        self.done = self.nodes.is_empty();
        if self.done && self.found != header.total {
            let (found, total) = (self.found, header.total);
            return Err(held.place(HEADER, self.address).malformed(format!(
                "claims {total} records in the tree, its nodes hold {found}"
            )));
        }
        Ok(())
    }

    /// Whether every record was handed out.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }
}

#[derive(Debug)]
struct Node {
    address: Address,
    /// 0 for a leaf.
    depth: u16,
    /// In this node.
    records: u64,
    /// In this node and below.
    total: u64,
}

impl Node {
    fn place(&self, held: &Held) -> Place {
        held.place(self.structure(), self.address)
    }

    fn structure(&self) -> &'static str {
        if self.depth == 0 { LEAF } else { INTERNAL }
    }
}

/// What the nodes of one depth have in common.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Records that fit in a node.
    max_records: u64,
    /// Records that fit in a node and below.
    max_total: u64,
    /// Width in bytes of "total number of records" in the pointers to this level; 0 for leaves.
    total_width: usize,
}

#[derive(Debug)]
struct Header {
    kind: u8,
    node_size: u64,
    record_size: u64,
    depth: u16,
    root: Address,
    root_records: u64,
    total: u64,
    offset_width: usize,
    /// Width in bytes of "number of records" in child pointers.
    count_width: usize,
    /// By depth, leaves first.
    levels: Vec<Level>,
}

impl Header {
    fn read(held: &Held, address: Address) -> Step<Self> {
        let widths = held.sizes.offsets.saturating_add(held.sizes.lengths);
        let length = u64::from(widths).saturating_add(22);
        let mut cursor = held.cursor(HEADER, address, length)?;
        Ok(Self::parse(&mut cursor, held)?)
    }

    fn parse(cursor: &mut Cursor, held: &Held) -> Result<Self> {
        cursor.signature(*b"BTHD")?;
        cursor.verify_checksum()?;
        cursor.version(0)?;
        let kind = cursor.u8()?;
        let node_size = u64::from(cursor.u32()?);
        let record_size = u64::from(cursor.u16()?);
        let depth = cursor.u16()?;
        cursor.skip(2)?;
        let mut header = Self {
            kind,
            node_size,
            record_size,
            depth,
            root: cursor.address()?,
            root_records: u64::from(cursor.u16()?),
            total: cursor.length()?,
            offset_width: usize::from(held.sizes.offsets),
            count_width: 0,
            levels: Vec::new(),
        };
        header.measure(cursor)?;
        let place = cursor.place();
        held.check_size(place, header.total.saturating_mul(record_size))?;
        if header.root.defined().is_none() && header.total != 0 {
            return Err(place.malformed(format!("has {} records but no root node", header.total)));
        }
        Ok(header)
    }

    /// Computes the levels, from which the widths of the fields in child pointers follow.
    fn measure(&mut self, cursor: &Cursor) -> Result<()> {
        if self.depth > MAX_DEPTH {
            let what = format!("depth {}", self.depth);
            return Err(cursor.place().limit(what, u64::from(MAX_DEPTH)));
        }
        for depth in 0..=self.depth {
            let (pointer, below) = match self.levels.last() {
                Some(below) => (self.pointer_size(below), below.max_total),
                None => (0, 0),
            };
            let max_records = self
                .node_size
                .checked_sub(NODE_OVERHEAD.saturating_add(pointer))
                .and_then(|room| room.checked_div(self.record_size.checked_add(pointer)?))
                .filter(|&max| max > 0 && self.record_size > 0);
            let Some(max_records) = max_records else {
                return Err(cursor.malformed(format!(
                    "nodes of {} bytes hold no record of {} bytes at depth {depth}",
                    self.node_size, self.record_size
                )));
            };
            let max_total = max_records
                .saturating_add(1)
                .saturating_mul(below)
                .saturating_add(max_records);
            let total_width = if depth == 0 { 0 } else { width_of(max_total) };
            if depth == 0 {
                self.count_width = width_of(max_records);
            }
            self.levels.push(Level {
                max_records,
                max_total,
                total_width,
            });
        }
        Ok(())
    }

    /// Bytes of a pointer to a child at the level `below`.
    fn pointer_size(&self, below: &Level) -> u64 {
        let width = self
            .offset_width
            .saturating_add(self.count_width)
            .saturating_add(below.total_width);
        u64::try_from(width).unwrap_or(u64::MAX)
    }

    /// The root node; `None` when the tree is empty, as an emptied one may keep its root.
    fn root(&self) -> Option<Node> {
        let address = self.root.defined()?;
        (self.total > 0).then_some(Node {
            address,
            depth: self.depth,
            records: self.root_records,
            total: self.total,
        })
    }

    fn read_node(
        &self,
        held: &Held,
        node: &Node,
        nodes: &mut Worklist<Node>,
        on_record: &mut dyn FnMut(Cursor) -> Result<()>,
    ) -> Step<()> {
        let place = node.place(held);
        let depth = usize::from(node.depth);
        let level = self.levels.get(depth);
        let max_records = level.map_or(0, |level| level.max_records);
        if node.records > max_records {
            return Err(place
                .malformed(format!(
                    "holds {} records, {max_records} fit at depth {depth}",
                    node.records
                ))
                .into());
        }
        let below = depth
            .checked_sub(1)
            .and_then(|below| self.levels.get(below));
        let records = node.records.saturating_mul(self.record_size);
        let pointers = below.map_or(0, |below| {
            self.pointer_size(below)
                .saturating_mul(node.records.saturating_add(1))
        });
        let used = NODE_OVERHEAD
            .saturating_add(records)
            .saturating_add(pointers);
        let mut cursor =
            held.cursor_with_hint(node.structure(), node.address, used, self.node_size)?;
        held.charge_parsed(place, used)?;
        cursor.verify_checksum()?;
        cursor.signature(if below.is_some() { *b"BTIN" } else { *b"BTLF" })?;
        cursor.version(0)?;
        let kind = cursor.u8()?;
        if kind != self.kind {
            return Err(place
                .malformed(format!("type {kind}, the header has {}", self.kind))
                .into());
        }
        let record_size = usize::try_from(self.record_size).unwrap_or(usize::MAX);
        for _ in 0..node.records {
            let record = cursor.take(record_size)?;
            on_record(Cursor::new(record, held.sizes, place))?;
        }
        match below {
            Some(below) => self.read_children(held, node, below, &mut cursor, nodes)?,
            None if node.total != node.records => {
                let (total, records) = (node.total, node.records);
                let what = format!("holds {records} records, {total} are to be at and below it");
                return Err(place.malformed(what).into());
            }
            None => {}
        }
        Ok(())
    }

    fn read_children(
        &self,
        held: &Held,
        node: &Node,
        below: &Level,
        cursor: &mut Cursor,
        nodes: &mut Worklist<Node>,
    ) -> Result<()> {
        let mut total = node.records;
        for _ in 0..=node.records {
            let address = cursor.address()?;
            let records = cursor.uint(self.count_width)?;
            let child = Node {
                address,
                depth: node.depth.saturating_sub(1),
                records,
                total: match below.total_width {
                    0 => records,
                    width => cursor.uint(width)?,
                },
            };
            total = total.saturating_add(child.total);
            nodes.push_once(child.place(held), child)?;
        }
        if total != node.total {
            return Err(cursor.malformed(format!(
                "{total} records at and below it, {} expected",
                node.total
            )));
        }
        Ok(())
    }
}

/// Bytes in which `limit` can be written: at least one.
fn width_of(limit: u64) -> usize {
    let bits = limit.checked_ilog2().unwrap_or(0);
    usize::try_from(bits / 8).map_or(8, |bytes| bytes.saturating_add(1))
}

#[cfg(test)]
#[path = "v2_tests.rs"]
mod tests;
