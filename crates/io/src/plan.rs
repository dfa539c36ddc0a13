//! Which requests serve a wave.

use std::ops::Range;

/// Merges ranges that overlap, touch, or lie at most `gap` bytes apart; sorted.
///
/// Merging over a gap stops at `max_span` bytes, merging of ranges that overlap does not: no
/// byte is in two of the results. Empty ranges are left out.
pub(crate) fn merge(mut ranges: Vec<Range<u64>>, gap: u64, max_span: u64) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_unstable_by_key(|range| range.start);
    let mut spans: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        if let Some(last) = spans.last_mut() {
            let end = last.end.max(range.end);
            let overlap = range.start < last.end;
            let cheap = range.start.saturating_sub(last.end) <= gap;
            if overlap || (cheap && end.saturating_sub(last.start) <= max_span) {
                last.end = end;
                continue;
            }
        }
        spans.push(range);
    }
    spans
}

/// Cuts spans of more than `max_span` bytes into parts of nearly equal size.
pub(crate) fn split(spans: Vec<Range<u64>>, max_span: u64) -> Vec<Range<u64>> {
    let max_span = max_span.max(1);
    let mut parts = Vec::with_capacity(spans.len());
    for span in spans {
        let length = span.end.saturating_sub(span.start);
        let part = length.div_ceil(length.div_ceil(max_span).max(1));
        let mut start = span.start;
        while start < span.end {
            let end = span.end.min(start.saturating_add(part));
            parts.push(start..end);
            start = end;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{merge, split};
    use proptest::prelude::*;

    #[test]
    fn near_ranges_are_merged_and_far_ones_are_not() {
        assert_eq!(
            merge(vec![0..10, 20..30, 100..110], 10, 1000),
            [0..30, 100..110]
        );
        assert_eq!(merge(vec![0..10, 20..30], 9, 1000), [0..10, 20..30]);
        assert_eq!(
            merge(vec![20..30, 0..10, 5..5, 90..91], 10, 1000),
            [0..30, 90..91]
        );
        // The cap holds for gaps and touching ranges...
        assert_eq!(merge(vec![0..10, 10..20, 20..30], 0, 20), [0..20, 20..30]);
        // ... and never leaves a byte in two spans.
        assert_eq!(
            merge(vec![0..15, 10..30, 12..13, 90..91], 0, 20),
            [0..30, 90..91]
        );
    }

    #[test]
    fn long_spans_are_cut_evenly() {
        assert_eq!(
            split(vec![0..10, 20..41], 10),
            [0..10, 20..27, 27..34, 34..41]
        );
        assert_eq!(split(vec![0..1, u64::MAX - 3..u64::MAX], 2).len(), 3);
    }

    proptest! {
        #[test]
        fn every_byte_is_in_exactly_one_span(
            wants in prop::collection::vec((0_u64..5000, 0_u64..300), 0..60),
            gap in 0_u64..200,
            max_span in 1_u64..2000,
        ) {
            let wants: Vec<_> = wants.into_iter().map(|(s, n)| s..s + n).collect();
            let spans = split(merge(wants.clone(), gap, max_span), max_span);
            for pair in spans.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
            for span in &spans {
                prop_assert!(span.start < span.end && span.end - span.start <= max_span);
            }
            for want in &wants {
                let held: u64 = spans
                    .iter()
                    .map(|s| s.end.min(want.end).saturating_sub(s.start.max(want.start)))
                    .sum();
                prop_assert_eq!(held, want.end - want.start);
            }
        }
    }
}
