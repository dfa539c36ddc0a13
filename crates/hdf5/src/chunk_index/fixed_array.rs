//! Fixed arrays (VII.C).
//!
//! | header "FAHD"          | bytes | data block "FADB"             | bytes     |
//! |------------------------|-------|-------------------------------|-----------|
//! | signature, version 0   | 5     | signature, version 0          | 5         |
//! | client ID, entry size  | 1, 1  | client ID                     | 1         |
//! | page bits              | 1     | header address                | offsets   |
//! | elements n             | len.  | *unpaged:* n elements         | n size    |
//! | data block address     | offs. | *paged:* bitmap of the pages  | pages / 8 |
//! | checksum               | 4     | checksum                      | 4         |
//! |                        |       | *paged:* elements, checksum   | per page  |
//!
//! The data block is paged when n > 2^(page bits), the elements of a page.

use super::columns::Columns;
use super::elements::{Elements, bit};
use super::grid::{Cells, Order};
use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::held::{Held, Step, Stop};
use crate::walk::{Wants, Worklist};

const HEADER: &str = "fixed array header";
const DATA_BLOCK: &str = "fixed array data block";
const PAGE: &str = "fixed array data block page";

/// A paged data block no longer than this is asked for at once: most have all pages, and
/// a second round trip costs more than these bytes.
const WHOLE_BLOCK: u64 = 128 << 10;

#[derive(Debug)]
enum Node {
    DataBlock(Address),
    Page {
        address: Address,
        first: u64,
        count: u64,
    },
}

#[derive(Debug)]
pub(crate) struct FixedArray {
    address: Address,
    order: Order,
    header: Option<Header>,
    nodes: Worklist<Node>,
}

#[derive(Debug)]
struct Header {
    address: Address,
    elements: Elements,
    /// Elements of the array.
    count: u64,
    /// Elements of a page.
    page: u64,
}

impl FixedArray {
    /// The array whose header is at `address`; none is there when that is undefined.
    pub(crate) fn new(address: Address, cells: &Cells) -> Result<Self> {
        Ok(Self {
            address,
            order: cells.fixed_order()?,
            header: None,
            nodes: Worklist::default(),
        })
    }

    pub(crate) fn is_done(&self) -> bool {
        let read = self.header.is_some() || self.address.defined().is_none();
        read && self.nodes.is_empty()
    }

    pub(crate) fn advance(
        &mut self,
        held: &Held,
        wants: &mut Wants,
        cells: &Cells,
        columns: &mut Columns,
    ) -> Result<()> {
        if self.header.is_none() && self.address.defined().is_some() {
            match self.read_header(held, cells) {
                Ok((header, data_block)) => {
                    if data_block.defined().is_some() {
                        self.nodes.push(Node::DataBlock(data_block));
                    }
                    self.header = Some(header);
                }
                Err(Stop::Need(range)) => wants.push(range),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        let (Some(header), order) = (&self.header, &self.order) else {
            return Ok(());
        };
        self.nodes.advance(wants, |node, nodes| match *node {
            Node::DataBlock(address) => header.read_block(held, address, order, nodes, columns),
            Node::Page {
                address,
                first,
                count,
            } => header.read_page(held, address, first, count, order, columns),
        })
    }

    fn read_header(&self, held: &Held, cells: &Cells) -> Step<(Header, Address)> {
        let widths = held.sizes.offsets.saturating_add(held.sizes.lengths);
        let length = u64::from(widths).saturating_add(12);
        let mut cursor = held.cursor(HEADER, self.address, length)?;
        Ok(self.parse_header(&mut cursor, held, cells)?)
    }

    fn parse_header(
        &self,
        cursor: &mut Cursor,
        held: &Held,
        cells: &Cells,
    ) -> Result<(Header, Address)> {
        cursor.signature(*b"FAHD")?;
        cursor.verify_checksum()?;
        cursor.version(0)?;
        let elements = Elements::parse(cursor, cells)?;
        let page_bits = cursor.u8()?;
        let count = cursor.length()?;
        let data_block = cursor.address()?;
        let Some(page) = 1_u64.checked_shl(u32::from(page_bits)) else {
            return Err(cursor.malformed(format!("pages of 2^{page_bits} elements")));
        };
        if count != self.order.slots {
            return Err(cursor.malformed(format!(
                "{count} elements, {} expected from the maximum shape",
                self.order.slots
            )));
        }
        if data_block.defined().is_some() {
            held.check_size(cursor.place(), elements.bytes_of(count))?;
        }
        let header = Header {
            address: self.address,
            elements,
            count,
            page,
        };
        Ok((header, data_block))
    }
}

impl Header {
    fn read_block(
        &self,
        held: &Held,
        address: Address,
        order: &Order,
        nodes: &mut Worklist<Node>,
        columns: &mut Columns,
    ) -> Step<()> {
        let all = self.elements.bytes_of(self.count);
        let pages = if self.count > self.page {
            self.count.div_ceil(self.page)
        } else {
            0
        };
        let body = if pages == 0 { all } else { pages.div_ceil(8) };
        let length = u64::from(held.sizes.offsets)
            .saturating_add(10)
            .saturating_add(body);
        let whole = length
            .saturating_add(all)
            .saturating_add(pages.saturating_mul(4));
        let hint = if pages > 0 && whole <= WHOLE_BLOCK {
            whole
        } else {
            length
        };
        let mut cursor = held.cursor_with_hint(DATA_BLOCK, address, length, hint)?;
        columns.charge(held, cursor.place(), length)?;
        cursor.verify_checksum()?;
        cursor.signature(*b"FADB")?;
        cursor.version(0)?;
        self.elements.check_owner(&mut cursor, self.address)?;
        let body = cursor.take(usize::try_from(body).unwrap_or(usize::MAX))?;
        if pages == 0 {
            return Ok(self.elements.read(held, &body, 0, order, columns)?);
        }
        let mut address = address.0.saturating_add(length);
        let mut first = 0_u64;
        for page in 0..pages {
            let count = self.page.min(self.count.saturating_sub(first));
            if bit(&body, page) {
                let address = Address(address);
                nodes.push(Node::Page {
                    address,
                    first,
                    count,
                });
            }
            first = first.saturating_add(count);
            address = address
                .saturating_add(self.elements.bytes_of(count))
                .saturating_add(4);
        }
        Ok(())
    }

    fn read_page(
        &self,
        held: &Held,
        address: Address,
        first: u64,
        count: u64,
        order: &Order,
        columns: &mut Columns,
    ) -> Step<()> {
        let elements = self.elements.read_page(held, PAGE, address, count)?;
        let length = self.elements.bytes_of(count);
        columns.charge(held, held.place(PAGE, address), length)?;
        Ok(self.elements.read(held, &elements, first, order, columns)?)
    }
}
