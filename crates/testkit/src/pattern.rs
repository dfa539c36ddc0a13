//! What objects of tests hold.

use std::ops::Range;

/// So many bytes that repeat with no power of two, so that a part of them shows where it is from.
///
/// # Panics
/// Never: all are below 251.
pub fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 7 + at / 251) % 251).expect("a byte"))
        .collect()
}

/// A range of them.
///
/// # Panics
/// When there are not as many.
pub fn part(all: &[u8], range: &Range<u64>) -> Vec<u8> {
    let place = |at: u64| usize::try_from(at).expect("an index");
    all[place(range.start)..place(range.end)].to_vec()
}
