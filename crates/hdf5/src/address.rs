//! Addresses and the widths in which a file stores them.

use std::fmt;

/// A file address: bytes from the base address (II.A), not from the start of the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl Address {
    /// The undefined address: all bits set, in whatever width it is stored.
    pub const UNDEFINED: Self = Self(u64::MAX);

    /// `None` for the undefined address.
    pub fn defined(self) -> Option<Self> {
        (self != Self::UNDEFINED).then_some(self)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::UNDEFINED {
            f.write_str("undefined")
        } else {
            write!(f, "{:#x}", self.0)
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Widths in bytes of addresses ("size of offsets") and lengths ("size of lengths"), II.A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Width of an address: 2, 4, 8, 16 or 32.
    pub offsets: u8,
    /// Width of a length: 2, 4, 8, 16 or 32.
    pub lengths: u8,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            offsets: 8,
            lengths: 8,
        }
    }
}
