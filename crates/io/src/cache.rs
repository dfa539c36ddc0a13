//! What was fetched, kept for later wants, up to a number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use bytes::Bytes;

use crate::pieces::end;

/// Spans of all remote objects of a client; the least recently used go first.
#[derive(Debug)]
pub(crate) struct Cache {
    capacity: u64,
    held: u64,
    /// Per object its spans by their start; none lies within another, so their ends ascend too.
    objects: HashMap<u64, BTreeMap<u64, Span>>,
    /// Spans by when they were last used.
    used: BTreeMap<u64, (u64, u64)>,
    clock: u64,
}

#[derive(Debug)]
struct Span {
    bytes: Bytes,
    used: u64,
}

/// What the cache has of a range.
#[derive(Debug, Default)]
pub(crate) struct Cover {
    /// Spans that hold parts of it, whole.
    pub(crate) pieces: Vec<(u64, Bytes)>,
    /// The parts that no span holds.
    pub(crate) missing: Vec<Range<u64>>,
}

impl Cache {
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            held: 0,
            objects: HashMap::new(),
            used: BTreeMap::new(),
            clock: 0,
        }
    }

    /// Adds to `cover` what is held of a range and what is not; `true` if nothing is missing.
    pub(crate) fn cover(&mut self, object: u64, range: &Range<u64>, cover: &mut Cover) -> bool {
        let mut at = range.start;
        let before = cover.missing.len();
        while at < range.end {
            let spans = self.objects.get(&object);
            let holding = spans
                .and_then(|spans| spans.range(..=at).next_back())
                .filter(|(start, span)| end(**start, &span.bytes) > at)
                .map(|(start, span)| (*start, span.bytes.clone()));
            if let Some((start, bytes)) = holding {
                at = end(start, &bytes);
                cover.pieces.push((start, bytes));
                self.touch(object, start);
            } else {
                let next = spans
                    .and_then(|spans| spans.range(at..range.end).next())
                    .map_or(range.end, |(start, _)| *start);
                cover.missing.push(at..next);
                at = next;
            }
        }
        cover.missing.len() == before
    }

    /// Whether all of a range is held; it does not count as used.
    pub(crate) fn holds(&self, object: u64, range: &Range<u64>) -> bool {
        let Some(spans) = self.objects.get(&object) else {
            return range.is_empty();
        };
        let mut at = range.start;
        while at < range.end {
            let holding = spans.range(..=at).next_back();
            match holding.map(|(start, span)| end(*start, &span.bytes)) {
                Some(stop) if stop > at => at = stop,
                _ => return false,
            }
        }
        true
    }

    /// Keeps a span, unless it is more than a quarter of all that may be kept: one long read
    /// must not push out the metadata of many objects.
    pub(crate) fn insert(&mut self, object: u64, start: u64, bytes: Bytes) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length == 0 || length > self.capacity / 4 {
            return;
        }
        let stop = end(start, &bytes);
        let spans = self.objects.entry(object).or_default();
        if let Some((from, span)) = spans.range(..=start).next_back()
            && end(*from, &span.bytes) >= stop
        {
            return;
        }
        let within: Vec<u64> = spans
            .range(start..stop)
            .take_while(|(from, span)| end(**from, &span.bytes) <= stop)
            .map(|(from, _)| *from)
            .collect();
        for from in within {
            self.remove(object, from);
        }
        self.held = self.held.saturating_add(length);
        let span = Span { bytes, used: 0 };
        self.objects.entry(object).or_default().insert(start, span);
        self.touch(object, start);
        while self.held > self.capacity {
            let Some((_, &(object, start))) = self.used.first_key_value() else {
                break;
            };
            self.remove(object, start);
        }
    }

    /// Forgets an object.
    pub(crate) fn forget(&mut self, object: u64) {
        for (_, span) in self.objects.remove(&object).unwrap_or_default() {
            self.used.remove(&span.used);
            self.held = self.held.saturating_sub(end(0, &span.bytes));
        }
    }

    fn touch(&mut self, object: u64, start: u64) {
        let span = self
            .objects
            .get_mut(&object)
            .and_then(|spans| spans.get_mut(&start));
        if let Some(span) = span {
            self.used.remove(&span.used);
            self.clock = self.clock.saturating_add(1);
            span.used = self.clock;
            self.used.insert(self.clock, (object, start));
        }
    }

    fn remove(&mut self, object: u64, start: u64) {
        let Some(spans) = self.objects.get_mut(&object) else {
            return;
        };
        if let Some(span) = spans.remove(&start) {
            self.used.remove(&span.used);
            self.held = self.held.saturating_sub(end(0, &span.bytes));
        }
        if spans.is_empty() {
            self.objects.remove(&object);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, Cover};
    use crate::pieces::Pieces;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn bytes(start: u64, end: u64) -> Bytes {
        (start..end)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect()
    }

    #[test]
    fn what_is_missing_is_exactly_what_was_not_inserted() {
        let mut cache = Cache::new(10_000);
        cache.insert(1, 10, bytes(10, 20));
        cache.insert(1, 30, bytes(30, 40));
        cache.insert(2, 0, bytes(0, 100));
        let mut cover = Cover::default();
        assert!(!cache.cover(1, &(5..45), &mut cover));
        assert_eq!(cover.missing, [5..10, 20..30, 40..45]);
        assert!(cache.cover(1, &(12..18), &mut Cover::default()));
        cache.forget(1);
        assert!(!cache.cover(1, &(12..18), &mut Cover::default()));
        assert!(cache.cover(2, &(12..18), &mut Cover::default()));
        assert_eq!(cache.held, 100);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = Cache::new(400);
        for object in 0..4 {
            cache.insert(object, 0, bytes(0, 100));
        }
        assert!(cache.cover(0, &(0..100), &mut Cover::default()));
        cache.insert(4, 0, bytes(0, 100));
        assert!(cache.cover(0, &(0..100), &mut Cover::default()));
        assert!(!cache.cover(1, &(0..100), &mut Cover::default()));
        // One that would push out most of the others is not kept.
        cache.insert(5, 0, bytes(0, 200));
        assert!(!cache.cover(5, &(0..1), &mut Cover::default()));
    }

    proptest! {
        #[test]
        fn covers_are_true_and_the_bound_holds(
            inserts in prop::collection::vec((0_u64..3, 0_u64..500, 1_u64..120), 1..60),
            want in (0_u64..500, 1_u64..200),
        ) {
            let mut cache = Cache::new(600);
            for (object, start, length) in inserts {
                cache.insert(object, start, bytes(start, start + length));
                let held: usize = cache.objects.values().flat_map(|spans| spans.values())
                    .map(|span| span.bytes.len()).sum();
                prop_assert_eq!(cache.held, u64::try_from(held).unwrap());
                prop_assert!(cache.held <= 600);
                let spans: usize = cache.objects.values().map(std::collections::BTreeMap::len).sum();
                prop_assert_eq!(cache.used.len(), spans);
            }
            let want = want.0..want.0 + want.1;
            for object in 0..3 {
                let mut cover = Cover::default();
                cache.cover(object, &want, &mut cover);
                let mut pieces = cover.pieces;
                for gap in cover.missing {
                    prop_assert!(Pieces::new(pieces.clone()).get(&gap).is_none());
                    pieces.push((gap.start, bytes(gap.start, gap.end)));
                }
                prop_assert_eq!(Pieces::new(pieces).get(&want), Some(bytes(want.start, want.end)));
            }
        }
    }
}
