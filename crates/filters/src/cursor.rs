//! Bytes of a chunk read from front to back.

use crate::registered::Fault;

/// The bytes that are still to be read, and where they begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// At byte `at` of these; `what` lies there.
    pub(crate) fn at(bytes: &'a [u8], at: usize, what: &str) -> Result<Self, Fault> {
        let rest = bytes.get(at..).ok_or_else(|| ends(what, at, 0, 0))?;
        Ok(Self { rest, at })
    }

    /// The next `length` bytes, which are `what`.
    pub(crate) fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8], Fault> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(ends(what, self.at, length, self.rest.len()));
        };
        self.rest = rest;
        self.at = self.at.saturating_add(length);
        Ok(taken)
    }

    /// The next `N` bytes, which are `what`.
    pub(crate) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Fault> {
        let Some((&taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(ends(what, self.at, N, self.rest.len()));
        };
        self.rest = rest;
        self.at = self.at.saturating_add(N);
        Ok(taken)
    }

    /// The next byte.
    pub(crate) fn u8(&mut self, what: &str) -> Result<u8, Fault> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// The next byte, which must be `expected`.
    pub(crate) fn expect(&mut self, expected: u8, what: &str) -> Result<(), Fault> {
        let at = self.at;
        let found = self.u8(what)?;
        if found == expected {
            return Ok(());
        }
        Err(Fault::Malformed(format!(
            "{what} at byte {at}: {found:#04x}, expected {expected:#04x}"
        )))
    }
}

fn ends(what: &str, at: usize, length: usize, left: usize) -> Fault {
    Fault::Malformed(format!(
        "{what} at byte {at}: expected {length} bytes, the chunk has {left} there"
    ))
}

/// A size in a chunk as one of memory; one that no memory has is never met.
pub(crate) fn size(stored: impl TryInto<usize>) -> usize {
    stored.try_into().unwrap_or(usize::MAX)
}
