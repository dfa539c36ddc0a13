#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::ops::Range;

use super::{Means, around, head, in_pages, merge, outside, plan, split};
use crate::hint::Hint;
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

fn hint(range: Range<u64>, places: u64) -> Hint {
    Hint { range, places }
}

const MEANS: Means = Means {
    gap: 10,
    max_span: 1 << 30,
    part: 1 << 20,
    concurrency: 3,
    hint_bytes: 100,
};

#[test]
fn hints_next_to_what_is_wanted_come_along() {
    // The second is near only by way of the first.
    let mut hints = vec![
        hint(125..130, 1),
        hint(110..115, 1),
        hint(80..90, 1),
        hint(900..950, 1),
    ];
    let means = Means {
        concurrency: 1,
        ..MEANS
    };
    assert_eq!(plan(vec![100..105], &mut hints, means), [80..130]);
    assert_eq!(hints, [hint(900..950, 1)]);
}

#[test]
fn hints_come_along_while_there_is_room() {
    let far = || {
        vec![
            hint(500..540, 1),
            hint(200..280, 1),
            hint(700..720, 1),
            hint(900..910, 1),
        ]
    };
    // Two more requests at the same time, and 100 bytes of them.
    let mut hints = far();
    assert_eq!(
        plan(vec![0..5], &mut hints, MEANS),
        [0..5, 200..280, 700..720]
    );
    assert_eq!(hints, [hint(500..540, 1), hint(900..910, 1)]);
    // None is fetched for its own sake.
    let mut hints = far();
    assert!(plan(Vec::new(), &mut hints, MEANS).is_empty());
    assert_eq!(hints, far());
}

#[test]
fn what_will_be_read_almost_whole_is_read_now() {
    let mut hints = vec![hint(100..1100, 100), hint(5000..6000, 10)];
    assert_eq!(
        plan(vec![100..105, 5000..5005], &mut hints, MEANS),
        [100..1100, 5000..5005]
    );
    assert_eq!(hints, [hint(5000..6000, 10)]);
}

#[test]
fn long_requests_are_shared_out() {
    let means = Means {
        concurrency: 4,
        ..MEANS
    };
    let parts = plan(vec![0..100 << 20], &mut Vec::new(), means);
    assert_eq!(parts.len(), 4);
    // None so short that it is hardly worth a request.
    let parts = plan(vec![0..3 << 20], &mut Vec::new(), means);
    assert_eq!(parts.len(), 3);
}

#[test]
fn pages_are_read_from_their_start() {
    // Small ones whole, and never past the end of the object.
    assert_eq!(
        in_pages(&[5000..5010, 9000..13000], 4096, 14_000),
        [4096..14_000]
    );
    assert_eq!(in_pages(&[5000..5010], 4096, 1 << 20), [4096..8192]);
    // Large ones up to what is wanted, and somewhat further.
    let mib = 1 << 20;
    assert_eq!(
        in_pages(&[9 * mib..9 * mib + 10], 8 * mib, 100 * mib),
        [8 * mib..9 * mib + 10 + (256 << 10)]
    );
    assert_eq!(
        in_pages(&[16 * mib - 10..16 * mib], 8 * mib, 100 * mib),
        [8 * mib..16 * mib]
    );
}

#[test]
fn the_start_is_read_on_while_that_pays() {
    let mib = 1 << 20;
    let wants = [10..20, mib + 100..mib + 20_000, 2 * mib + 1..2 * mib + 2];
    assert_eq!(head(&wants, mib, 10 * mib), Some(mib..2 * mib));
    assert_eq!(head(&wants, mib, mib + 30_000), Some(mib..mib + 30_000));
    // Too little of it is wanted, unless there is little of it.
    assert_eq!(head(&[mib..mib + 1000], mib, 10 * mib), None);
    let end = mib + 60_000;
    assert_eq!(head(&[mib..mib + 1000], mib, end), Some(mib..end));
    // Nothing is wanted of it, or nothing was read.
    assert_eq!(head(&wants[..1], mib, mib + 1000), None);
    assert_eq!(head(&wants, 5 * mib, 10 * mib), None);
    assert_eq!(head(&wants, 0, 10 * mib), None);
    let far = 100 * mib;
    assert_eq!(
        head(&[far..2 * far], far, 10 * far),
        Some(far..far + 4 * mib)
    );
}

#[test]
fn what_lies_around_is_within_the_object() {
    assert_eq!(
        around(&[5..6, 50..60, 95..99], 10, 100),
        [0..16, 40..70, 85..100]
    );
}

proptest! {
    #[test]
    fn a_plan_has_all_that_is_wanted_once(
        wants in prop::collection::vec((0_u64..5000, 1_u64..100), 1..20),
        hints in prop::collection::vec((0_u64..5000, 1_u64..300, 1_u64..30), 0..20),
        concurrency in 1_usize..10,
    ) {
        let wants: Vec<_> = wants.into_iter().map(|(s, n)| s..s + n).collect();
        let hints: Vec<_> = hints.into_iter().map(|(s, n, places)| hint(s..s + n, places)).collect();
        let means = Means { concurrency, ..MEANS };
        let mut left = hints.clone();
        let spans = plan(merge(wants.clone(), 0, u64::MAX), &mut left, means);
        for pair in spans.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
        let within = |range: &Range<u64>| outside(std::slice::from_ref(range), &spans).is_empty();
        prop_assert!(wants.iter().all(within));
        // A hint is taken whole or left.
        for hint in &hints {
            prop_assert!(within(&hint.range) || left.contains(hint));
        }
        // What was not asked for is next to what was, or takes no more than it may.
        let alone = merge(wants, means.gap, u64::MAX).len();
        prop_assert!(spans.len() <= alone.max(concurrency) + hints.len());
    }

    #[test]
    fn what_lies_outside_is_what_is_not_within(
        ranges in prop::collection::vec((0_u64..300, 1_u64..50), 0..10),
        held in prop::collection::vec((0_u64..300, 1_u64..50), 0..10),
    ) {
        let apart = |ranges: Vec<(u64, u64)>| {
            merge(ranges.into_iter().map(|(s, n)| s..s + n).collect(), 0, u64::MAX)
        };
        let (ranges, held) = (apart(ranges), apart(held));
        let left = outside(&ranges, &held);
        let has = |ranges: &[Range<u64>], at: u64| ranges.iter().any(|range| range.contains(&at));
        for at in 0..400 {
            prop_assert_eq!(has(&left, at), has(&ranges, at) && !has(&held, at));
        }
    }
}
