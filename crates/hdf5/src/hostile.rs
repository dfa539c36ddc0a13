//! What every parser of a structure is tested with: its bytes cut short, and any bytes at all.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::address::Sizes;
use crate::cursor::Cursor;
use crate::error::{Error, Place, Result};

/// A cursor over `bytes` with widths of eight bytes.
pub(crate) fn cursor(bytes: &[u8]) -> Cursor {
    cursor_with(bytes, Sizes::default())
}

/// A cursor over `bytes` with the given widths.
pub(crate) fn cursor_with(bytes: &[u8], sizes: Sizes) -> Cursor {
    Cursor::new(
        Bytes::copy_from_slice(bytes),
        sizes,
        Place::new("test structure", 0x100),
    )
}

/// Parses all of `bytes`, then every shorter beginning of them, which must fail as malformed.
/// Bytes after the structure must not matter.
pub(crate) fn parse_whole<T: Debug + PartialEq>(
    bytes: &[u8],
    parse: impl Fn(&mut Cursor) -> Result<T>,
) -> T {
    for length in 0..bytes.len() {
        match parse(&mut cursor(&bytes[..length])) {
            Err(Error::Malformed { .. }) => {}
            other => panic!("{length} of {} bytes gave {other:?}", bytes.len()),
        }
    }
    let mut exact = cursor(bytes);
    let value = parse(&mut exact).unwrap();
    assert_eq!(exact.remaining(), 0);
    value
}

/// Feeds arbitrary bytes, and `valid` with arbitrary bytes changed; returning is success.
pub(crate) fn never_panics<T>(valid: &[u8], parse: impl Fn(&mut Cursor) -> Result<T>) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(256)
    });
    let widths = prop::sample::select(vec![2_u8, 4, 8]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    let input = (
        prop::collection::vec(any::<u8>(), 0..96),
        changes,
        widths.clone(),
        widths,
    );
    runner
        .run(&input, |(arbitrary, changes, offsets, lengths)| {
            let sizes = Sizes { offsets, lengths };
            let _ = parse(&mut cursor_with(&arbitrary, sizes));
            let mut damaged = valid.to_vec();
            for (index, byte) in changes {
                if !damaged.is_empty() {
                    let index = index.index(damaged.len());
                    damaged[index] = byte;
                }
            }
            let _ = parse(&mut cursor_with(&damaged, sizes));
            Ok(())
        })
        .unwrap();
}
