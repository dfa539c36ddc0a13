//! How much the first read of an object asks for.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The first read asks for no less.
const LEAST: u64 = 16 << 10;

/// Learns from the objects before how much of an object's start is worth asking for: granules of one
/// collection are alike. Until one is done, it is what the options say.
#[derive(Debug)]
pub(crate) struct Heads {
    most: u64,
    learned: Mutex<Option<u64>>,
}

/// What was used of the start of one object.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// Whether it was read from its first byte on.
    from_start: bool,
    end: u64,
}

impl Used {
    /// Takes note of what is wanted; of what ends past `most`, nothing.
    fn add(&mut self, wants: &[Range<u64>], most: u64) {
        let wants = wants.iter().filter(|want| !want.is_empty());
        for want in wants.filter(|want| want.end <= most) {
            self.from_start |= want.start == 0;
            self.end = self.end.max(want.end);
        }
    }
}

impl Heads {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most: most.max(1),
            learned: Mutex::default(),
        }
    }

    /// What the first read of an object is to ask for, in bytes.
    pub(crate) fn length(&self) -> u64 {
        let learned = *self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(used) = learned else {
            return self.most;
        };
        // An eighth more, and whole pages.
        let length = used.saturating_add(used / 8).div_ceil(4096);
        length.saturating_mul(4096).max(LEAST).min(self.most)
    }

    pub(crate) fn note(&self, used: &mut Used, wants: &[Range<u64>]) {
        used.add(wants, self.most);
    }

    /// Takes in what was used of an object that is done. More counts at once, less step by step.
    pub(crate) fn learn(&self, used: &Used) {
        if !used.from_start {
            return;
        }
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        *learned = Some(match *learned {
            Some(before) if used.end < before => {
                before.saturating_sub(before.saturating_sub(used.end) / 4)
            }
            _ => used.end,
        });
    }
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]
mod tests {
    use super::{Heads, LEAST, Used};
    use std::ops::Range;

    fn read(heads: &Heads, wants: &[Range<u64>]) {
        let mut used = Used::default();
        heads.note(&mut used, wants);
        heads.learn(&used);
    }

    #[test]
    fn the_head_follows_what_is_used() {
        let heads = Heads::new(256 << 10);
        assert_eq!(heads.length(), 256 << 10);
        // Reads that do not begin at the start, or are of nothing, say nothing of it.
        read(&heads, &[5000..6000, 900_000..900_100]);
        read(&heads, &[0..0]);
        assert_eq!(heads.length(), 256 << 10);
        read(&heads, &[0..100, 40_000..44_449, 900_000..900_100]);
        assert_eq!(heads.length(), 53_248);
        // Less is believed step by step, more at once.
        read(&heads, &[0..100]);
        assert_eq!(heads.length(), 40_960);
        for _ in 0..30 {
            read(&heads, &[0..100]);
        }
        assert_eq!(heads.length(), LEAST);
        read(&heads, &[0..100, 200_000..250_000]);
        assert_eq!(heads.length(), 256 << 10);
        // Never more than the options say.
        let small = Heads::new(100);
        read(&small, &[0..100]);
        assert_eq!(small.length(), 100);
    }
}
