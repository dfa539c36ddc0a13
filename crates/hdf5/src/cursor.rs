//! A reader over one structure's bytes that never panics.

use bytes::Bytes;

use crate::address::{Address, Sizes};
use crate::checksum;
use crate::error::{Error, Place, Result};

/// Reads little-endian fields one after another; running out of bytes is a malformed structure.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    bytes: Bytes,
    position: usize,
    sizes: Sizes,
    place: Place,
}

impl Cursor {
    pub(crate) fn new(bytes: Bytes, sizes: Sizes, place: Place) -> Self {
        Self {
            bytes,
            position: 0,
            sizes,
            place,
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub(crate) fn set_sizes(&mut self, sizes: Sizes) {
        self.sizes = sizes;
    }

    /// Forgets the bytes not yet read.
    pub(crate) fn truncate_here(&mut self) {
        self.bytes.truncate(self.position);
    }

    /// Forgets the last `count` bytes (a checksum).
    pub(crate) fn drop_last(&mut self, count: usize) {
        self.bytes.truncate(self.bytes.len().saturating_sub(count));
    }

    /// The next bytes, at most `count`, without reading them.
    pub(crate) fn peek(&self, count: usize) -> &[u8] {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        rest.get(..count.min(rest.len())).unwrap_or_default()
    }

    /// Where the next byte lies, in bytes from the start of the file.
    pub(crate) fn offset(&self) -> u64 {
        self.place
            .at
            .saturating_add(u64::try_from(self.position).unwrap_or(u64::MAX))
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    pub(crate) fn malformed(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        self.place.malformed(what)
    }

    /// The next `count` bytes, sharing the buffer.
    pub(crate) fn take(&mut self, count: usize) -> Result<Bytes> {
        let end = self
            .position
            .checked_add(count)
            .filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return Err(self.short(count));
        };
        let taken = self.bytes.slice(self.position..end);
        self.position = end;
        Ok(taken)
    }

    /// The bytes not yet read.
    pub(crate) fn rest(&mut self) -> Bytes {
        let rest = self.bytes.slice(self.position.min(self.bytes.len())..);
        self.position = self.bytes.len();
        rest
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<()> {
        self.array_at(count).map(|end| self.position = end)
    }

    /// Skips to the next multiple of `unit` bytes from the start; a short end is not an error.
    pub(crate) fn align(&mut self, unit: usize) {
        self.position = self.position.next_multiple_of(unit).min(self.bytes.len());
    }

    fn array_at(&self, count: usize) -> Result<usize> {
        self.position
            .checked_add(count)
            .filter(|&end| end <= self.bytes.len())
            .ok_or_else(|| self.short(count))
    }

    fn short(&self, count: usize) -> Error {
        self.place.malformed(format!(
            "ends after {} bytes, {count} more were expected at byte {}",
            self.bytes.len(),
            self.position
        ))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let end = self.array_at(N)?;
        let mut out = [0; N];
        if let Some(from) = self.bytes.get(self.position..end) {
            out.copy_from_slice(from);
        }
        self.position = end;
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// An unsigned integer of `width` bytes, 0 to 8.
    pub(crate) fn uint(&mut self, width: usize) -> Result<u64> {
        let end = self.array_at(width)?;
        let mut out = [0; 8];
        match (out.get_mut(..width), self.bytes.get(self.position..end)) {
            (Some(to), Some(from)) => to.copy_from_slice(from),
            _ => {
                return Err(self.malformed(format!("integer of {width} bytes, at most 8 expected")));
            }
        }
        self.position = end;
        Ok(u64::from_le_bytes(out))
    }

    /// As [`Cursor::uint`], of any width; bytes beyond the eighth must be 0, or all bytes 0xFF.
    pub(crate) fn wide(&mut self, width: usize) -> Result<u64> {
        let value = self.uint(width.min(8))?;
        let more = self.take(width.saturating_sub(8))?;
        let rest = if value == u64::MAX { 0xFF } else { 0 };
        if more.iter().all(|&byte| byte == rest) {
            return Ok(value);
        }
        Err(self.malformed(format!("integer of {width} bytes that takes more than 8")))
    }

    /// An address in the file's width; all bits set becomes [`Address::UNDEFINED`].
    pub(crate) fn address(&mut self) -> Result<Address> {
        let width = usize::from(self.sizes.offsets);
        let value = self.wide(width)?;
        Ok(if value == all_ones(width.min(8)) {
            Address::UNDEFINED
        } else {
            Address(value)
        })
    }

    /// A length in the file's width; all bits set becomes `u64::MAX`.
    pub(crate) fn length(&mut self) -> Result<u64> {
        let width = usize::from(self.sizes.lengths);
        let value = self.wide(width)?;
        Ok(if value == all_ones(width.min(8)) {
            u64::MAX
        } else {
            value
        })
    }

    /// Fails unless the next four bytes are `signature`.
    pub(crate) fn signature(&mut self, signature: [u8; 4]) -> Result<()> {
        let found: [u8; 4] = self.array()?;
        if found == signature {
            return Ok(());
        }
        Err(self.malformed(format!(
            "signature \"{}\" expected, \"{}\" found",
            signature.escape_ascii(),
            found.escape_ascii()
        )))
    }

    /// Fails unless the next byte is `version`.
    pub(crate) fn version(&mut self, version: u8) -> Result<()> {
        match self.u8()? {
            found if found == version => Ok(()),
            found => Err(self
                .place
                .unsupported(format!("version {found} (expected {version})"))),
        }
    }

    /// Bytes up to a NUL, which is consumed; the rest if there is none.
    pub(crate) fn c_string(&mut self) -> Bytes {
        let rest = self.rest();
        let end = rest
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(rest.len());
        let after = end.saturating_add(1).min(rest.len());
        self.position = self
            .bytes
            .len()
            .saturating_sub(rest.len().saturating_sub(after));
        rest.slice(..end)
    }

    /// As [`Cursor::c_string`], but fails when there is no NUL.
    pub(crate) fn terminated_string(&mut self) -> Result<Bytes> {
        let start = self.position;
        let found = self.c_string();
        if self.position.saturating_sub(start) > found.len() {
            return Ok(found);
        }
        Err(self.malformed(format!("string at byte {start} is not ended by a NUL")))
    }

    /// Fails unless the last four bytes of all are the lookup3 checksum of those before them.
    pub(crate) fn verify_checksum(&self) -> Result<()> {
        let split = self.bytes.len().saturating_sub(4);
        let (body, stored) = self.bytes.split_at(split);
        let stored = stored
            .try_into()
            .map(u32::from_le_bytes)
            .map_err(|_| self.short(4))?;
        let computed = checksum::lookup3(body);
        if checksum::agree(stored, computed) {
            return Ok(());
        }
        Err(self.malformed(format!(
            "checksum {computed:#010x} does not match {stored:#010x}"
        )))
    }
}

/// The largest unsigned integer of `width` bytes.
fn all_ones(width: usize) -> u64 {
    u32::try_from(width)
        .ok()
        .and_then(|width| 64_u32.checked_sub(width.checked_mul(8)?))
        .and_then(|shift| u64::MAX.checked_shr(shift))
        .unwrap_or(0)
}
