//! What is likely to be wanted later.

use std::ops::Range;

/// A range in which something is likely to be wanted later. It is read with a wave if that is
/// cheap, and never waited for on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Where.
    pub range: Range<u64>,
    /// In so many places, spread over the range; 1: all of it.
    pub places: u64,
}
