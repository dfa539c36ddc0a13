//! Which requests serve a wave.

use std::ops::Range;

use crate::hint::Hint;

/// What is read ahead in a page of metadata past what is wanted.
const PAGE_AHEAD: u64 = 256 << 10;
/// Pages up to this size are read whole.
const WHOLE_PAGE: u64 = 1 << 20;
/// The start of an object is read on if so much of it is wanted, as a part: 1/64.
const HEAD_WANTED: u64 = 64;
/// So much is read on for anything that is wanted of it.
const LITTLE_HEAD: u64 = 64 << 10;
/// It is never read on by more than this.
const MOST_HEAD: u64 = 4 << 20;

/// How much may be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    /// Ranges are merged over a gap of this.
    pub(crate) gap: u64,
    /// The longest request.
    pub(crate) max_span: u64,
    /// Requests are cut into parts no smaller than this.
    pub(crate) part: u64,
    /// Requests under way at once.
    pub(crate) concurrency: usize,
    /// Bytes that hints may take on their own.
    pub(crate) hint_bytes: u64,
}

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
        let length = length(&span);
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

/// The bytes of a range.
pub(crate) fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// What of `ranges` lies outside of `held`; both are sorted and apart.
pub(crate) fn outside(ranges: &[Range<u64>], held: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut left = Vec::new();
    for range in ranges {
        let mut at = range.start;
        let first = held.partition_point(|span| span.end <= range.start);
        for span in held.get(first..).unwrap_or_default() {
            if span.start >= range.end {
                break;
            }
            if span.start > at {
                left.push(at..span.start);
            }
            at = at.max(span.end);
        }
        if at < range.end {
            left.push(at..range.end);
        }
    }
    left
}

/// Widens ranges in pages of metadata: such a page is filled from its start, and all of it is
/// metadata. `size` is that of the object.
pub(crate) fn in_pages(wants: &[Range<u64>], page: u64, size: u64) -> Vec<Range<u64>> {
    let page = page.max(1);
    let start_of = |at: u64| at.saturating_sub(at.rem_euclid(page));
    let widened = wants.iter().map(|want| {
        let start = start_of(want.start);
        let end = if page <= WHOLE_PAGE {
            want.end.div_ceil(page).saturating_mul(page)
        } else {
            let last = want.end.saturating_sub(1);
            let page_end = start_of(last).saturating_add(page);
            want.end.saturating_add(PAGE_AHEAD).min(page_end)
        };
        start..end.min(size.max(want.end))
    });
    merge(widened.collect(), 0, u64::MAX)
}

/// Widens ranges by what lies around them: what belongs together was mostly written together.
pub(crate) fn around(wants: &[Range<u64>], more: u64, size: u64) -> Vec<Range<u64>> {
    let widened = wants.iter().map(|want| {
        let end = want.end.saturating_add(more).min(size.max(want.end));
        want.start.saturating_sub(more)..end
    });
    merge(widened.collect(), 0, u64::MAX)
}

/// How much further the start of an object is to be read, where it has been read up to `held`:
/// twice as far, if enough of that is wanted now to think that most of it will be.
pub(crate) fn head(wants: &[Range<u64>], held: u64, size: u64) -> Option<Range<u64>> {
    let next = held..held.saturating_add(held.min(MOST_HEAD)).min(size);
    let first = wants.partition_point(|want| want.end <= next.start);
    let within = wants.get(first..).unwrap_or_default().iter();
    let wanted = within
        .take_while(|want| want.start < next.end)
        .map(|want| {
            want.end
                .min(next.end)
                .saturating_sub(want.start.max(next.start))
        })
        .fold(0, u64::saturating_add);
    let pays = wanted.saturating_mul(HEAD_WANTED) >= length(&next) || length(&next) <= LITTLE_HEAD;
    (wanted > 0 && pays).then_some(next)
}

/// The requests for what is wanted and missing, and for those hints that are cheap: what they are
/// next to is asked for anyway, or there is room for one more request at the same time. The
/// hints that are not are left in `hints`.
pub(crate) fn plan(
    missing: Vec<Range<u64>>,
    hints: &mut Vec<Hint>,
    means: Means,
) -> Vec<Range<u64>> {
    // Where that much will be wanted that all between would be read as well, it is read now.
    let dense = hints.extract_if(.., |hint| {
        hint.places > 1 && length(&hint.range).div_euclid(hint.places) <= means.gap
    });
    let mut ranges = missing;
    ranges.extend(dense.map(|hint| hint.range));
    let spans = merge(ranges, means.gap, u64::MAX);
    let spans = with_neighbours(spans, hints, means);
    let spans = merge(with_room(spans, hints, means), 0, u64::MAX);
    let total = spans.iter().map(length).fold(0, u64::saturating_add);
    let workers = u64::try_from(means.concurrency.max(1)).unwrap_or(u64::MAX);
    let part = total
        .div_euclid(workers)
        .max(means.part)
        .min(means.max_span);
    split(spans, part)
}

/// Takes the hints that lie next to a span.
fn with_neighbours(
    mut spans: Vec<Range<u64>>,
    hints: &mut Vec<Hint>,
    means: Means,
) -> Vec<Range<u64>> {
    let near = |spans: &[Range<u64>], range: &Range<u64>| {
        let after = spans.partition_point(|span| span.end.saturating_add(means.gap) < range.start);
        let next = spans.get(after);
        next.is_some_and(|span| span.start <= range.end.saturating_add(means.gap))
    };
    // One may bring another near.
    loop {
        let taken: Vec<_> = hints
            .extract_if(.., |hint| hint.places <= 1 && near(&spans, &hint.range))
            .map(|hint| hint.range)
            .collect();
        if taken.is_empty() {
            return spans;
        }
        spans.extend(taken);
        spans = merge(spans, means.gap, u64::MAX);
    }
}

/// Takes hints as long as there is room for their requests beside the others, which are at least
/// one.
fn with_room(mut spans: Vec<Range<u64>>, hints: &mut Vec<Hint>, means: Means) -> Vec<Range<u64>> {
    if spans.is_empty() {
        return spans;
    }
    let single = hints.iter().filter(|hint| hint.places <= 1);
    let groups = merge(
        single.map(|hint| hint.range.clone()).collect(),
        means.gap,
        means.max_span,
    );
    let mut left = means.hint_bytes;
    let mut taken = Vec::new();
    for group in groups {
        let Some(rest) = left.checked_sub(length(&group)) else {
            continue;
        };
        if spans.len() >= means.concurrency {
            break;
        }
        left = rest;
        spans.push(group.clone());
        taken.push(group);
    }
    let is_taken = |range: &Range<u64>| {
        let after = taken.partition_point(|span| span.end < range.end);
        taken
            .get(after)
            .is_some_and(|span| span.start <= range.start)
    };
    hints.retain(|hint| hint.places > 1 || !is_taken(&hint.range));
    spans
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
