//! The metadata cache image (IV.A.2.y, "Metadata Cache Image Block"): what the writer's cache held
//! when the file was closed. Its entries stand in for the bytes at their addresses, which need
//! not be in the file at all.
//!
//! | block "MDCI"               | bytes  | *for each entry:*            | bytes       |
//! |----------------------------|--------|------------------------------|-------------|
//! | signature, version 0       | 5      | type, flags, ring, age       | 1, 1, 1, 1  |
//! | flags (bit 0: resize data) | 1      | flush dependency children    | 2           |
//! | size of all of it          | length | dirty ones of these          | 2           |
//! | entries                    | 4      | flush dependency parents     | 2           |
//! | the entries                |        | index in the LRU list        | 4           |
//! | checksum                   | 4      | address, size                | addr., len. |
//! |                            |        | addresses of the parents     | addr. each  |
//! |                            |        | the bytes                    | size        |

use bytes::Bytes;

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::held::{Held, Stop};
use crate::message::CacheImageMessage;
use crate::walk::{Walk, Wants};

const BLOCK: &str = "metadata cache image block";

/// Reads a metadata cache image: offset in the file and bytes of each entry, by offset.
#[derive(Debug)]
pub(crate) struct CacheImage {
    at: CacheImageMessage,
    entries: Option<Vec<(u64, Bytes)>>,
}

impl CacheImage {
    /// The image that the message of the superblock extension tells of.
    pub(crate) fn new(at: CacheImageMessage) -> Self {
        Self { at, entries: None }
    }

    fn parse(&self, held: &Held, cursor: &mut Cursor) -> Result<Vec<(u64, Bytes)>> {
        cursor.signature(*b"MDCI")?;
        cursor.verify_checksum()?;
        cursor.version(0)?;
        if cursor.u8()? & 0x01 != 0 {
            return Err(cursor.place().unsupported("a saved resize status"));
        }
        let length = cursor.length()?;
        if length != self.at.length {
            let expected = self.at.length;
            return Err(cursor.malformed(format!("claims {length} bytes, {expected} expected")));
        }
        let count = cursor.u32()?;
        cursor.drop_last(4);
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(entry(held, cursor)?);
        }
        entries.sort_by_key(|&(offset, _)| offset);
        for pair in entries.windows(2) {
            if let [(first, bytes), (second, _)] = pair
                && end(*first, bytes) > *second
            {
                return Err(cursor.malformed(format!(
                    "entry at {second:#x} overlaps that at {first:#x} of {} bytes",
                    bytes.len()
                )));
            }
        }
        Ok(entries)
    }
}

/// One past the last byte of an entry.
fn end(offset: u64, bytes: &Bytes) -> u64 {
    offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

/// Reads one entry: where in the file it belongs, and its bytes.
fn entry(held: &Held, cursor: &mut Cursor) -> Result<(u64, Bytes)> {
    const ENTRY: u64 = 96;
    held.charge_memory(cursor.place(), ENTRY)?;
    cursor.skip(8)?;
    let parents = usize::from(cursor.u16()?);
    cursor.skip(4)?;
    let address = cursor.address()?;
    let size = cursor.length()?;
    for _ in 0..parents {
        cursor.address()?;
    }
    let bytes = cursor.take(usize::try_from(size).unwrap_or(usize::MAX))?;
    let offset = held.base.checked_add(address.0);
    let offset = offset.filter(|_| address != Address::UNDEFINED && size > 0);
    let offset = offset.filter(|offset| {
        let end = offset.checked_add(size);
        end.is_some_and(|end| held.file_size.is_none_or(|size| end <= size))
    });
    let outside = || -> Error {
        cursor.malformed(format!(
            "entry of {size} bytes at {address}, which is not in the file"
        ))
    };
    Ok((offset.ok_or_else(outside)?, bytes))
}

impl Walk for CacheImage {
    type Output = Vec<(u64, Bytes)>;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        if self.entries.is_some() {
            return Ok(());
        }
        let mut cursor = match held.cursor(BLOCK, self.at.address, self.at.length) {
            Ok(cursor) => cursor,
            Err(Stop::Need(range)) => {
                wants.push(range);
                return Ok(());
            }
            Err(Stop::Error(error)) => return Err(error),
        };
        held.charge_parsed(cursor.place(), self.at.length)?;
        held.charge_memory(cursor.place(), self.at.length)?;
        self.entries = Some(self.parse(held, &mut cursor)?);
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.entries.is_some()
    }

    fn finish(self) -> Result<Self::Output> {
        Ok(self.entries.unwrap_or_default())
    }
}

#[cfg(test)]
#[path = "cache_image_tests.rs"]
mod tests;
