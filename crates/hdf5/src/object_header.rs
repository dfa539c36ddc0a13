//! Object headers (IV.A.1), versions 1 and 2, with their continuations.
//!
//! | version 1 | bytes | version 2 | bytes |
//! |---|---|---|---|
//! | version, reserved | 1 + 1 | signature `OHDR`, version | 4 + 1 |
//! | messages | 2 | flags | 1 |
//! | reference count | 4 | times (flag bit 5) | 16 |
//! | size of the messages | 4 | attribute thresholds (bit 4) | 4 |
//! | padding | 4 | size of the messages (bits 0, 1) | 1, 2, 4 or 8 |
//! | messages | | messages, checksum | |
//!
//! A message is type, size, flags and (version 2, flag bit 2) creation order, then its body.

use bytes::Bytes;

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Place, Result};
use crate::held::{Held, Step};
use crate::message::{Continuation, Message, kind};
use crate::walk::{Taken, Walk, Wants, Worklist};

const STRUCTURE: &str = "object header";
const CONTINUATION: &str = "object header continuation block";
/// Bytes in memory for a message, besides its body.
const MESSAGE: u64 = 64;
/// Most headers fit in this many bytes; what they don't is asked for in a second go.
const HINT: u64 = 1024;

#[derive(Debug)]
enum Node {
    Head,
    Block { address: Address, length: u64 },
}

/// How messages are stored in a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Version1,
    Version2 {
        creation_order: bool,
    },
}

/// The messages of one object header.
#[derive(Debug)]
pub(crate) struct ObjectHeader {
    address: Address,
    format: Format,
    nodes: Worklist<Node>,
    /// With the address of the block.
    blocks: Vec<(Address, Vec<Message>)>,
    /// Blocks that [`ObjectHeader::fresh`] has given.
    shown: usize,
    taken: Taken,
}

impl ObjectHeader {
    pub(crate) fn new(address: Address) -> Self {
        let mut nodes = Worklist::default();
        nodes.push(Node::Head);
        Self {
            address,
            format: Format::default(),
            nodes,
            blocks: Vec::new(),
            shown: 0,
            taken: Taken::default(),
        }
    }

    /// The messages of the blocks that were read since the last call.
    pub(crate) fn fresh(&mut self) -> impl Iterator<Item = &Message> {
        let from = std::mem::replace(&mut self.shown, self.blocks.len());
        let fresh = self.blocks.get(from..).unwrap_or_default();
        fresh.iter().flat_map(|(_, messages)| messages)
    }
}

impl Walk for ObjectHeader {
    type Output = Vec<Message>;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        let Self {
            address,
            format,
            nodes,
            blocks,
            taken,
            ..
        } = self;
        nodes.advance(wants, |node, nodes| {
            let (at, mut cursor) = match *node {
                Node::Head => {
                    let (found, cursor) = read_head(held, *address)?;
                    *format = found;
                    (*address, cursor)
                }
                Node::Block { address, length } => {
                    (address, read_block(held, *format, address, length)?)
                }
            };
            let length = u64::try_from(cursor.remaining()).unwrap_or(u64::MAX);
            taken.add(held, cursor.place(), length)?;
            let messages = split(held, &mut cursor, *format)?;
            for message in messages
                .iter()
                .filter(|message| message.kind == kind::CONTINUATION)
            {
                let next = Continuation::parse(&mut message.cursor(CONTINUATION, held.sizes))?;
                let place = held.place(CONTINUATION, next.address);
                held.check_size(place, next.length)?;
                let node = Node::Block {
                    address: next.address,
                    length: next.length,
                };
                nodes.push_once(place, node)?;
            }
            blocks.push((at, messages));
            Ok(())
        })
    }

    fn is_done(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The messages, by the address of their block, so that their order does not depend on
    /// arrival.
    fn finish(mut self) -> Result<Self::Output> {
        self.blocks.sort_by_key(|&(address, _)| address);
        let blocks = self.blocks.into_iter();
        Ok(blocks.flat_map(|(_, messages)| messages).collect())
    }
}

/// Reads the prefix; gives a cursor over the messages of the first block.
fn read_head(held: &Held, address: Address) -> Step<(Format, Cursor)> {
    let mut cursor = held.cursor_with_hint(STRUCTURE, address, 16, HINT)?;
    if cursor.peek(4) != b"OHDR" {
        let version = cursor.u8()?;
        if version != 1 {
            return Err(cursor
                .malformed(format!("starts with {version}; 1 or \"OHDR\" expected"))
                .into());
        }
        cursor.skip(7)?;
        let size = u64::from(cursor.u32()?);
        let mut cursor = held.cursor(STRUCTURE, address, size.saturating_add(16))?;
        cursor.skip(16)?;
        return Ok((Format::Version1, cursor));
    }
    let (format, prefix, size) = {
        cursor.signature(*b"OHDR")?;
        cursor.version(2)?;
        let flags = cursor.u8()?;
        let optional = if flags & 0x20 == 0 { 0 } else { 16_u8 }
            .saturating_add(if flags & 0x10 == 0 { 0 } else { 4 });
        let width = 1_u8.checked_shl(u32::from(flags & 3)).unwrap_or(8);
        let prefix = 6_u64
            .saturating_add(u64::from(optional))
            .saturating_add(u64::from(width));
        let mut cursor = held.cursor_with_hint(STRUCTURE, address, prefix, HINT)?;
        cursor.skip(usize::from(optional).saturating_add(6))?;
        let size = cursor.uint(usize::from(width))?;
        (
            Format::Version2 {
                creation_order: flags & 4 != 0,
            },
            prefix,
            size,
        )
    };
    held.check_size(held.place(STRUCTURE, address), size)?;
    let length = prefix.saturating_add(size).saturating_add(4);
    let mut cursor = held.cursor(STRUCTURE, address, length)?;
    cursor.verify_checksum()?;
    cursor.drop_last(4);
    cursor.skip(usize::try_from(prefix).unwrap_or(usize::MAX))?;
    Ok((format, cursor))
}

fn read_block(held: &Held, format: Format, address: Address, length: u64) -> Step<Cursor> {
    let mut cursor = held.cursor(CONTINUATION, address, length)?;
    if let Format::Version2 { .. } = format {
        cursor.signature(*b"OCHK")?;
        cursor.verify_checksum()?;
        cursor.drop_last(4);
    }
    Ok(cursor)
}

/// A copy of the bytes not yet read: what is kept of them would else keep alive all that they
/// were supplied with, which can be much more.
fn own(held: &Held, cursor: &mut Cursor) -> Result<Cursor> {
    let place = Place::new(cursor.place().structure, cursor.offset());
    let bytes = cursor.rest();
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    held.charge_memory(place, length)?;
    let bytes = Bytes::copy_from_slice(&bytes);
    Ok(Cursor::new(bytes, cursor.sizes(), place))
}

/// Cuts a block into messages; too few bytes for one more (a gap) end it.
fn split(held: &Held, cursor: &mut Cursor, format: Format) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    let cursor = &mut own(held, cursor)?;
    let prefix = match format {
        Format::Version1 => 8,
        Format::Version2 {
            creation_order: false,
        } => 4,
        Format::Version2 {
            creation_order: true,
        } => 6,
    };
    while cursor.remaining() >= prefix {
        let (kind, size, flags) = match format {
            Format::Version1 => {
                let fields = (cursor.u16()?, cursor.u16()?, cursor.u8()?);
                cursor.skip(3)?;
                fields
            }
            Format::Version2 { creation_order } => {
                let fields = (u16::from(cursor.u8()?), cursor.u16()?, cursor.u8()?);
                if creation_order {
                    cursor.skip(2)?;
                }
                fields
            }
        };
        let at = cursor.offset();
        let body = cursor.take(usize::from(size))?;
        if kind != 0 {
            held.charge_memory(cursor.place(), MESSAGE)?;
            messages.push(Message {
                kind,
                flags,
                at,
                body,
            });
        }
    }
    Ok(messages)
}
