//! Elements of fixed and extensible arrays: one for each chunk.
//!
//! | client 0 | client 1    | bytes   |
//! |----------|-------------|---------|
//! | address  | address     | offsets |
//! |          | chunk size  | derived |
//! |          | filter mask | 4       |

use bytes::Bytes;

use super::columns::{Columns, Stored};
use super::grid::{Cells, Order};
use crate::address::{Address, Sizes};
use crate::cursor::Cursor;
use crate::error::{Place, Result};
use crate::held::{Held, Step};

/// How the elements of an array are laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements {
    /// 0: chunks without filters; 1: with.
    pub(crate) client: u8,
    /// Bytes of an element.
    pub(crate) size: u64,
    offset_width: usize,
    /// Bytes of every chunk when there is no filter.
    chunk_bytes: u64,
}

impl Elements {
    /// From the fields "client ID" and "entry size" of the array's header, which are read.
    pub(crate) fn parse(cursor: &mut Cursor, cells: &Cells) -> Result<Self> {
        let client = cursor.u8()?;
        let size = u64::from(cursor.u8()?);
        if client > 1 {
            let what = format!("client {client} (expected 0 or 1)");
            return Err(cursor.place().unsupported(what));
        }
        if (client == 1) != cells.filtered {
            return Err(cursor.malformed(if cells.filtered {
                "is of chunks without filters, the dataset has some"
            } else {
                "is of chunks with filters, the dataset has none"
            }));
        }
        let offsets = u64::from(cursor.sizes().offsets);
        if client == 0 && size != offsets {
            return Err(cursor.malformed(format!(
                "elements of {size} bytes, {offsets} expected for an address"
            )));
        }
        if client == 1 {
            let fixed = offsets.saturating_add(4);
            let width = size.checked_sub(fixed);
            check_size_width(cursor.place(), cursor.sizes(), width, cells.chunk_bytes)?;
        }
        Ok(Self {
            client,
            size,
            offset_width: usize::from(cursor.sizes().offsets),
            chunk_bytes: cells.chunk_bytes,
        })
    }

    /// Bytes of `count` elements.
    pub(crate) fn bytes_of(&self, count: u64) -> u64 {
        self.size.saturating_mul(count)
    }

    /// Reads the fields "client ID" and "header address" of a block, and checks them.
    pub(crate) fn check_owner(&self, cursor: &mut Cursor, header: Address) -> Result<()> {
        let client = cursor.u8()?;
        if client != self.client {
            let what = format!("client {client}, the header has {}", self.client);
            return Err(cursor.malformed(what));
        }
        let owner = cursor.address()?;
        if owner != header {
            let what = format!("belongs to the header at {owner}, {header} expected");
            return Err(cursor.malformed(what));
        }
        Ok(())
    }

    /// The `count` elements of a page, which ends with their checksum.
    pub(crate) fn read_page(
        &self,
        held: &Held,
        structure: &'static str,
        address: Address,
        count: u64,
    ) -> Step<Bytes> {
        let length = self.bytes_of(count);
        let mut cursor = held.cursor(structure, address, length.saturating_add(4))?;
        cursor.verify_checksum()?;
        Ok(cursor.take(usize::try_from(length).unwrap_or(usize::MAX))?)
    }

    /// Reads the elements in `bytes`, which belong to the slots from `first` on.
    pub(crate) fn read(
        &self,
        held: &Held,
        bytes: &[u8],
        first: u64,
        order: &Order,
        columns: &mut Columns,
    ) -> Result<()> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX).max(1);
        for (slot, element) in (first..).zip(bytes.chunks_exact(size)) {
            let (address, rest) = element
                .split_at_checked(self.offset_width)
                .unwrap_or((element, &[]));
            if address.iter().all(|&byte| byte == 0xFF) {
                continue;
            }
            let Some(number) = order.number(slot) else {
                continue;
            };
            let mut stored = Stored {
                address: Address(uint(address)),
                length: self.chunk_bytes,
                filter_mask: 0,
            };
            if let Some((length, mask)) = rest.split_last_chunk::<4>().filter(|_| self.client == 1)
            {
                stored.length = uint(length);
                stored.filter_mask = u32::from_le_bytes(*mask);
            }
            columns.push(held, number, stored)?;
        }
        Ok(())
    }
}

/// Fails unless `width` is one in which libhdf5 writes the size of a filtered chunk: up to
/// layout version 4 one byte more than the unfiltered size takes, from version 5 that of lengths.
pub(crate) fn check_size_width(
    place: Place,
    sizes: Sizes,
    width: Option<u64>,
    chunk_bytes: u64,
) -> Result<()> {
    let bits = u64::from(chunk_bytes.checked_ilog2().unwrap_or(0));
    let version_4 = (bits.saturating_add(8) / 8).saturating_add(1).min(8);
    let version_5 = u64::from(sizes.lengths);
    match width {
        Some(width) if width == version_4 || width == version_5 => Ok(()),
        _ => {
            let found = width.map_or("no".to_owned(), |width| width.to_string());
            Err(place.malformed(format!(
                "{found} bytes for the sizes of chunks, {version_4} or {version_5} expected"
            )))
        }
    }
}

/// An unsigned little-endian integer of up to 8 bytes.
pub(crate) fn uint(bytes: &[u8]) -> u64 {
    let mut out = [0; 8];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(out)
}

/// The little-endian integer in the first 4 bytes.
pub(crate) fn le_u32(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |&bytes| u32::from_le_bytes(bytes))
}

/// Bit `index` of a bitmap, the most significant of each byte first, as libhdf5's `H5VM_bit_get`.
pub(crate) fn bit(bitmap: &[u8], index: u64) -> bool {
    let byte = usize::try_from(index / 8)
        .ok()
        .and_then(|at| bitmap.get(at));
    let shift = u32::try_from(index % 8).unwrap_or(0);
    byte.is_some_and(|byte| byte & 0x80_u8.checked_shr(shift).unwrap_or(0) != 0)
}
