//! Faults drawn from a seed.

use std::collections::HashMap;
use std::ops::Range;

use crate::fault::Fault;

/// Draws faults from a seed: which one a request gets depends on the seed, on the range that it
/// asks for, and on how often that range was asked for before; not on the order in which requests
/// arrive. So a run that went wrong can be run again.
///
/// ```
/// use chunkref_testkit::{Fault, RangeServer, Schedule};
///
/// let faults = [Fault::Reset, Fault::Truncate(10)];
/// let server = RangeServer::builder()
///     .object("/a", vec![7; 1000])
///     .schedule("/a", Schedule::new(42, faults).percent(50).in_a_row(3))
///     .start_blocking();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Schedule {
    seed: u64,
    faults: Vec<Fault>,
    percent: u64,
    in_a_row: u64,
    asked: HashMap<Range<u64>, u64>,
}

impl Schedule {
    /// These faults, each as likely as any other: for half of the requests, at most 4 for a range.
    pub fn new(seed: u64, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            seed,
            faults: faults.into_iter().collect(),
            percent: 50,
            in_a_row: 4,
            asked: HashMap::new(),
        }
    }

    /// How many of 100 requests go wrong.
    pub fn percent(mut self, percent: u64) -> Self {
        self.percent = percent;
        self
    }

    /// After so many requests for one range no more of them go wrong.
    pub fn in_a_row(mut self, most: u64) -> Self {
        self.in_a_row = most;
        self
    }

    /// The fault for the next request for this range.
    pub(crate) fn strike(&mut self, range: Option<&Range<u64>>) -> Option<Fault> {
        let range = range.cloned().unwrap_or(0..0);
        let asked = self.asked.entry(range.clone()).or_default();
        let number = *asked;
        *asked += 1;
        if number >= self.in_a_row {
            return None;
        }
        let drawn = [range.start, range.end, number]
            .into_iter()
            .fold(self.seed, |state, value| mix(state ^ mix(value)));
        if drawn % 100 >= self.percent {
            return None;
        }
        let count = u64::try_from(self.faults.len()).unwrap_or(u64::MAX);
        let which = (drawn / 100).checked_rem(count)?;
        self.faults.get(usize::try_from(which).ok()?).cloned()
    }
}

/// A number that looks random, always the same for the same input (`SplitMix64`).
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use crate::fault::Fault;

    #[test]
    fn a_seed_gives_the_same_faults_in_any_order_and_an_end_of_them() {
        let ranges: Vec<_> = (0..100).map(|n| n * 10..n * 10 + 5).collect();
        let draw = |seed, reversed: bool| {
            let faults = [Fault::Reset, Fault::Truncate(1), Fault::Stall(2)];
            let mut schedule = Schedule::new(seed, faults).in_a_row(2);
            let mut drawn: Vec<_> = ranges.iter().collect();
            if reversed {
                drawn.reverse();
            }
            let mut drawn: Vec<_> = drawn
                .into_iter()
                .map(|range| {
                    let two = [(); 2].map(|()| schedule.strike(Some(range)));
                    assert_eq!(schedule.strike(Some(range)), None);
                    (range.start, two)
                })
                .collect();
            drawn.sort_by_key(|(start, _)| *start);
            drawn
        };
        assert_eq!(draw(1, false), draw(1, true));
        assert_ne!(draw(1, false), draw(2, false));
        let struck = draw(1, false)
            .iter()
            .flat_map(|(_, two)| two)
            .filter(|fault| fault.is_some())
            .count();
        assert!((70..130).contains(&struck), "{struck}");
    }
}
