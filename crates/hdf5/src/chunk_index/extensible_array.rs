//! Extensible arrays (VII.D).
//!
//! Elements lie, in this order, in the index block, in data blocks that it points to, and in
//! data blocks that super blocks point to. Super block *s* stands for 2^(s/2) data blocks of
//! 2^((s+1)/2) times the minimum number of elements; the data blocks of the first super blocks
//! are pointed to by the index block itself.
//!
//! | header "EAHD"                      | bytes    | index block "EAIB"       | bytes    |
//! |------------------------------------|----------|--------------------------|----------|
//! | signature, version 0               | 5        | signature, version 0     | 5        |
//! | client ID, element size            | 1, 1     | client ID                | 1        |
//! | bits of the maximum of elements    | 1        | header address           | offsets  |
//! | elements in the index block        | 1        | elements                 | size     |
//! | minimum elements of a data block   | 1        | data block addresses     | offsets  |
//! | minimum pointers of a super block  | 1        | super block addresses    | offsets  |
//! | page bits                          | 1        | checksum                 | 4        |
//! | six statistics                     | lengths  |                          |          |
//! | index block address, checksum      | offs., 4 |                          |          |
//!
//! | super block "EASB"                 | bytes    | data block "EADB"        | bytes    |
//! |------------------------------------|----------|--------------------------|----------|
//! | as the index block up to there     |          | the same                 |          |
//! | block offset                       | bits / 8 | block offset             | bits / 8 |
//! | *paged:* bitmap for each data block| pages / 8| *unpaged:* elements      | size     |
//! | data block addresses               | offsets  | checksum                 | 4        |
//! | checksum                           | 4        | *paged:* elements, checksum | per page |

use super::columns::Columns;
use super::elements::{Elements, bit};
use super::grid::{Cells, Order};
use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::held::{Held, Step, Stop};
use crate::walk::{Wants, Worklist};

const HEADER: &str = "extensible array header";
const INDEX_BLOCK: &str = "extensible array index block";
const SUPER_BLOCK: &str = "extensible array super block";
const DATA_BLOCK: &str = "extensible array data block";
const PAGE: &str = "extensible array data block page";

#[derive(Debug)]
enum Node {
    Index(Address),
    Super {
        address: Address,
        /// Which one.
        super_block: u32,
    },
    Data(Run),
    Page(Run),
}

/// A data block, or a page of one.
#[derive(Clone, Copy, Debug)]
struct Run {
    address: Address,
    /// First element.
    first: u64,
    count: u64,
}

#[derive(Debug)]
pub(crate) struct ExtensibleArray {
    address: Address,
    order: Order,
    header: Option<Header>,
    nodes: Worklist<Node>,
}

impl ExtensibleArray {
    /// The array whose header is at `address`; none is there when that is undefined.
    pub(crate) fn new(address: Address, cells: &Cells) -> Result<Self> {
        Ok(Self {
            address,
            order: cells.extensible_order()?,
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
            match Header::read(held, self.address, cells) {
                Ok((header, index_block)) => {
                    if index_block.defined().is_some() {
                        self.nodes.push(Node::Index(index_block));
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
        let reader = Reader {
            held,
            header,
            order: &self.order,
        };
        self.nodes.advance(wants, |node, nodes| match *node {
            Node::Index(address) => reader.index_block(address, nodes, columns),
            Node::Super {
                address,
                super_block,
            } => reader.super_block(address, super_block, nodes, columns),
            Node::Data(run) => reader.data_block(run, columns),
            Node::Page(run) => reader.page(run, columns),
        })
    }
}

#[derive(Debug)]
struct Header {
    address: Address,
    elements: Elements,
    /// Width in bytes of the field "block offset".
    block_offset: u64,
    index_elements: u64,
    /// Elements of the smallest data block.
    minimum: u64,
    /// Super blocks there may be.
    super_blocks: u32,
    /// Super blocks whose data blocks the index block points to.
    direct: u32,
    /// Elements of a page.
    page: u64,
}

impl Header {
    fn read(held: &Held, address: Address, cells: &Cells) -> Step<(Self, Address)> {
        let widths = u64::from(held.sizes.lengths)
            .saturating_mul(6)
            .saturating_add(u64::from(held.sizes.offsets));
        let mut cursor = held.cursor(HEADER, address, widths.saturating_add(16))?;
        Ok(Self::parse(&mut cursor, address, cells)?)
    }

    fn parse(cursor: &mut Cursor, address: Address, cells: &Cells) -> Result<(Self, Address)> {
        cursor.signature(*b"EAHD")?;
        cursor.verify_checksum()?;
        cursor.version(0)?;
        let elements = Elements::parse(cursor, cells)?;
        let max_bits = cursor.u8()?;
        let index_elements = u64::from(cursor.u8()?);
        let minimum = cursor.u8()?;
        let pointers = cursor.u8()?;
        let page_bits = cursor.u8()?;
        for _ in 0..6 {
            cursor.length()?;
        }
        let index_block = cursor.address()?;
        let bits = |power: u8| power.is_power_of_two().then(|| power.trailing_zeros());
        let counts = bits(minimum).zip(bits(pointers)).and_then(|(min, direct)| {
            let super_blocks = u32::from(max_bits).checked_sub(min)?.checked_add(1)?;
            let direct = direct.checked_mul(2)?;
            (max_bits <= 64 && direct <= super_blocks).then_some((super_blocks, direct))
        });
        let page = 1_u64.checked_shl(u32::from(page_bits));
        let Some(((super_blocks, direct), page)) = counts.zip(page) else {
            return Err(cursor.malformed(format!(
                "at most 2^{max_bits} elements, at least {minimum} in a data block and \
                 {pointers} data blocks in a super block, pages of 2^{page_bits}"
            )));
        };
        let header = Self {
            address,
            elements,
            block_offset: u64::from(max_bits.div_ceil(8)),
            index_elements,
            minimum: u64::from(minimum),
            super_blocks,
            direct,
            page,
        };
        Ok((header, index_block))
    }

    /// Data blocks of a super block.
    fn data_blocks(super_block: u32) -> u64 {
        1_u64.checked_shl(super_block / 2).unwrap_or(u64::MAX)
    }

    /// Elements of each data block of a super block.
    fn block_elements(&self, super_block: u32) -> u64 {
        1_u64
            .checked_shl(super_block.div_ceil(2))
            .map_or(u64::MAX, |blocks| blocks.saturating_mul(self.minimum))
    }

    /// First element of a super block: those before hold 2^s - 1 times the minimum.
    fn first_element(&self, super_block: u32) -> u64 {
        1_u64
            .checked_shl(super_block)
            .and_then(|power| power.checked_sub(1)?.checked_mul(self.minimum))
            .map_or(u64::MAX, |first| first.saturating_add(self.index_elements))
    }
}

struct Reader<'a> {
    held: &'a Held,
    header: &'a Header,
    order: &'a Order,
}

impl Reader<'_> {
    /// A block of `body` bytes between header address and checksum, with all but these checked.
    fn block(
        &self,
        structure: &'static str,
        signature: [u8; 4],
        address: Address,
        body: u64,
    ) -> Step<Cursor> {
        let length = u64::from(self.held.sizes.offsets)
            .saturating_add(10)
            .saturating_add(body);
        let mut cursor = self.held.cursor(structure, address, length)?;
        cursor.signature(signature)?;
        cursor.verify_checksum()?;
        cursor.version(0)?;
        let elements = &self.header.elements;
        elements.check_owner(&mut cursor, self.header.address)?;
        Ok(cursor)
    }

    fn addresses(&self, count: u64) -> u64 {
        u64::from(self.held.sizes.offsets).saturating_mul(count)
    }

    fn index_block(
        &self,
        address: Address,
        nodes: &mut Worklist<Node>,
        columns: &mut Columns,
    ) -> Step<()> {
        let header = self.header;
        let direct: u64 = (0..header.direct).map(Header::data_blocks).sum();
        let indirect = u64::from(header.super_blocks.saturating_sub(header.direct));
        let elements = header.elements.bytes_of(header.index_elements);
        let pointers = self.addresses(direct.saturating_add(indirect));
        let body = elements.saturating_add(pointers);
        let mut cursor = self.block(INDEX_BLOCK, *b"EAIB", address, body)?;
        columns.charge(self.held, cursor.place(), body)?;
        let elements = cursor.take(usize::try_from(elements).unwrap_or(usize::MAX))?;
        header
            .elements
            .read(self.held, &elements, 0, self.order, columns)?;
        for super_block in 0..header.direct {
            let count = header.block_elements(super_block);
            let mut first = header.first_element(super_block);
            for _ in 0..Header::data_blocks(super_block) {
                let address = cursor.address()?;
                let run = Run {
                    address,
                    first,
                    count,
                };
                self.push_data_block(run, nodes)?;
                first = first.saturating_add(count);
            }
        }
        for super_block in header.direct..header.super_blocks {
            let address = cursor.address()?;
            if address.defined().is_some() {
                let node = Node::Super {
                    address,
                    super_block,
                };
                nodes.push_once(self.held.place(SUPER_BLOCK, address), node)?;
            }
        }
        Ok(())
    }

    /// Adds a data block that is not paged, if it is there.
    fn push_data_block(&self, run: Run, nodes: &mut Worklist<Node>) -> Result<()> {
        if run.address.defined().is_none() {
            return Ok(());
        }
        let place = self.held.place(DATA_BLOCK, run.address);
        if run.count > self.header.page {
            // Only super blocks have the bitmap that paged ones need.
            let what = format!("{} elements, more than a page", run.count);
            return Err(place.malformed(what));
        }
        nodes.push_once(place, Node::Data(run))
    }

    fn super_block(
        &self,
        address: Address,
        super_block: u32,
        nodes: &mut Worklist<Node>,
        columns: &mut Columns,
    ) -> Step<()> {
        let header = self.header;
        let blocks = Header::data_blocks(super_block);
        let count = header.block_elements(super_block);
        let pages = if count > header.page {
            count.checked_div(header.page).unwrap_or(0)
        } else {
            0
        };
        let bitmap = blocks.saturating_mul(pages.div_ceil(8));
        let body = header
            .block_offset
            .saturating_add(bitmap)
            .saturating_add(self.addresses(blocks));
        let mut cursor = self.block(SUPER_BLOCK, *b"EASB", address, body)?;
        columns.charge(self.held, cursor.place(), body)?;
        cursor.skip(usize::try_from(header.block_offset).unwrap_or(usize::MAX))?;
        let bitmap = cursor.take(usize::try_from(bitmap).unwrap_or(usize::MAX))?;
        let mut first = header.first_element(super_block);
        for block in 0..blocks {
            let address = cursor.address()?;
            let run = Run {
                address,
                first,
                count,
            };
            if pages == 0 {
                self.push_data_block(run, nodes)?;
            } else if address.defined().is_some() {
                // The bits of all data blocks follow one another, without padding.
                let first_bit = block.saturating_mul(pages);
                self.push_pages(
                    run,
                    pages,
                    |page| bit(&bitmap, first_bit.saturating_add(page)),
                    nodes,
                )?;
            }
            first = first.saturating_add(count);
        }
        Ok(())
    }

    /// Adds the pages of a data block that `is_written` has. Its prefix holds nothing else, so
    /// it is not asked for.
    fn push_pages(
        &self,
        run: Run,
        pages: u64,
        is_written: impl Fn(u64) -> bool,
        nodes: &mut Worklist<Node>,
    ) -> Result<()> {
        let header = self.header;
        let prefix = u64::from(self.held.sizes.offsets)
            .saturating_add(10)
            .saturating_add(header.block_offset);
        let size = header.elements.bytes_of(header.page).saturating_add(4);
        for page in (0..pages).filter(|&page| is_written(page)) {
            let skip = prefix.saturating_add(page.saturating_mul(size));
            let address = Address(run.address.0.saturating_add(skip));
            let page = Run {
                address,
                first: run.first.saturating_add(page.saturating_mul(header.page)),
                count: header.page,
            };
            nodes.push_once(self.held.place(PAGE, address), Node::Page(page))?;
        }
        Ok(())
    }

    fn data_block(&self, run: Run, columns: &mut Columns) -> Step<()> {
        let header = self.header;
        let elements = header.elements.bytes_of(run.count);
        let body = header.block_offset.saturating_add(elements);
        let mut cursor = self.block(DATA_BLOCK, *b"EADB", run.address, body)?;
        columns.charge(self.held, cursor.place(), body)?;
        cursor.skip(usize::try_from(header.block_offset).unwrap_or(usize::MAX))?;
        let elements = cursor.take(usize::try_from(elements).unwrap_or(usize::MAX))?;
        Ok(header
            .elements
            .read(self.held, &elements, run.first, self.order, columns)?)
    }

    fn page(&self, run: Run, columns: &mut Columns) -> Step<()> {
        let elements = &self.header.elements;
        let bytes = elements.read_page(self.held, PAGE, run.address, run.count)?;
        let place = self.held.place(PAGE, run.address);
        columns.charge(self.held, place, elements.bytes_of(run.count))?;
        Ok(elements.read(self.held, &bytes, run.first, self.order, columns)?)
    }
}
