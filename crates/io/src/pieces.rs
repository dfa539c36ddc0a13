//! Bytes at hand, from which a wave is answered.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Pieces of one object, sorted by their start, none within another: so their ends ascend too.
#[derive(Debug, Default)]
pub(crate) struct Pieces(Vec<(u64, Bytes)>);

/// The end of a piece.
pub(crate) fn end(start: u64, bytes: &Bytes) -> u64 {
    start.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

impl Pieces {
    /// Puts pieces in order; those that lie within others are dropped.
    pub(crate) fn new(mut pieces: Vec<(u64, Bytes)>) -> Self {
        pieces.sort_unstable_by_key(|(start, bytes)| (*start, std::cmp::Reverse(bytes.len())));
        let mut reached = 0;
        pieces.retain(|(start, bytes)| {
            let end = end(*start, bytes);
            let adds = end > reached;
            reached = reached.max(end);
            adds
        });
        Self(pieces)
    }

    /// The bytes of a range, if all are at hand. They are copied only if no one piece has them all.
    pub(crate) fn get(&self, range: &Range<u64>) -> Option<Bytes> {
        if range.start >= range.end {
            return Some(Bytes::new());
        }
        let after = self.0.partition_point(|(start, _)| *start <= range.start);
        let first = after.checked_sub(1)?;
        let mut joined = BytesMut::new();
        let mut at = range.start;
        for (start, bytes) in self.0.get(first..)? {
            let stop = end(*start, bytes).min(range.end);
            if *start > at || stop <= at {
                return None;
            }
            let from = usize::try_from(at.checked_sub(*start)?).ok()?;
            let to = usize::try_from(stop.checked_sub(*start)?).ok()?;
            if at == range.start && stop == range.end {
                return Some(bytes.slice(from..to));
            }
            joined.extend_from_slice(bytes.get(from..to)?);
            at = stop;
            if at == range.end {
                return Some(joined.freeze());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Pieces;
    use bytes::Bytes;

    #[test]
    fn ranges_are_put_together_from_pieces() {
        let all: Vec<u8> = (0..100).collect();
        let piece = |start: u8, end: u8| {
            let bytes = &all[usize::from(start)..usize::from(end)];
            (u64::from(start), Bytes::copy_from_slice(bytes))
        };
        let pieces = Pieces::new(vec![
            piece(30, 40),
            piece(10, 30),
            piece(12, 20),
            piece(35, 50),
            piece(60, 70),
        ]);
        assert_eq!(pieces.get(&(12..20)).unwrap(), all[12..20]);
        assert_eq!(pieces.get(&(10..50)).unwrap(), all[10..50]);
        assert_eq!(pieces.get(&(29..36)).unwrap(), all[29..36]);
        assert_eq!(pieces.get(&(80..80)).unwrap(), all[80..80]);
        for missing in [0..5, 5..15, 45..55, 45..65, 65..75, 90..95] {
            assert_eq!(pieces.get(&missing), None, "{missing:?}");
        }
    }
}
