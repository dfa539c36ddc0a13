//! Reading a file in memory: in waves, or in disorder, with a count of what that took.

use std::ops::Range;

use bytes::Bytes;
use chunkref_hdf5::{Error, File, Progress, Scan};

use super::Random;
use crate::decoder::options;

/// What a scan took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effort {
    pub(crate) waves: usize,
    /// Bytes supplied, those twice that were asked for twice.
    pub(crate) supplied: u64,
}

impl Effort {
    /// Panics if this is out of proportion to the size of the file.
    pub(crate) fn check(self, name: &str, size: usize) {
        // A chain of structures takes a wave each, and none takes less than 8 bytes.
        let waves = 64 + size / 8;
        assert!(
            self.waves <= waves,
            "{name}: {} waves, {size} bytes",
            self.waves
        );
        let supplied = 4 * (size as u64 + 65_536);
        assert!(
            self.supplied <= supplied,
            "{name}: {} bytes supplied for a file of {size} bytes",
            self.supplied
        );
    }
}

fn index(range: &Range<u64>) -> Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

/// Supplies all that is wanted at once. Each supply is a copy, as from a network.
pub(crate) fn read(file: &[u8]) -> (Result<File, Error>, Effort) {
    let mut scan = Scan::new(options(file.len()));
    let mut effort = Effort::default();
    loop {
        let ranges = match scan.poll() {
            Ok(Progress::Done) => return (scan.into_file(), effort),
            Ok(Progress::Wants(ranges)) => ranges,
            Err(error) => return (Err(error), effort),
        };
        effort.waves += 1;
        for range in ranges {
            effort.supplied += range.end - range.start;
            scan.supply(range.start, Bytes::copy_from_slice(&file[index(&range)]));
        }
    }
}

/// Supplies one want after another, cut in two, in any order, with a poll in between; and some of
/// what is hinted at, half of the times.
pub(crate) fn read_in_disorder(file: &[u8], random: &mut Random) -> Result<File, Error> {
    let whole = Bytes::copy_from_slice(file);
    let mut options = options(file.len());
    options.hints = random.below(2) == 0;
    options.small_data = 500;
    let mut scan = Scan::new(options);
    loop {
        let Progress::Wants(mut ranges) = scan.poll()? else {
            return scan.into_file();
        };
        for hint in scan.take_hints() {
            assert!(!hint.range.is_empty() && hint.range.end <= file.len() as u64);
            if random.below(2) == 0 {
                scan.supply(hint.range.start, whole.slice(index(&hint.range)));
            }
        }
        // Some come now, at least one; the others are asked for again.
        for _ in 0..=random.below(ranges.len()) {
            if ranges.is_empty() {
                break;
            }
            let range = index(&ranges.swap_remove(random.below(ranges.len())));
            let cut = range.start + random.below(range.len());
            for part in [cut..range.end, range.start..cut] {
                if !part.is_empty() {
                    scan.supply(part.start as u64, whole.slice(part));
                }
            }
        }
    }
}

/// The ranges that a scan of a valid file wants, sorted and apart.
pub(crate) fn wanted(file: &[u8]) -> Vec<Range<usize>> {
    let mut scan = Scan::new(options(file.len()));
    let mut all = Vec::new();
    while let Progress::Wants(ranges) = scan.poll().expect("the file is valid") {
        for range in ranges {
            let range = index(&range);
            scan.supply(
                range.start as u64,
                Bytes::copy_from_slice(&file[range.clone()]),
            );
            all.push(range);
        }
    }
    all.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in all {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}
