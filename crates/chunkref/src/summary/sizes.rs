//! How large stored chunks are.

/// Ends of the bins in bytes: up to 1 KiB, 4 KiB, ... 1 GiB, and beyond.
const ENDS: [u64; 11] = [
    1 << 10,
    4 << 10,
    16 << 10,
    64 << 10,
    256 << 10,
    1 << 20,
    4 << 20,
    16 << 20,
    64 << 20,
    256 << 20,
    1 << 30,
];

/// A histogram of the sizes of stored chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    counts: [u64; ENDS.len() + 1],
}

/// One bin of a histogram: chunks of sizes from `from` up to but not including `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SizeBin {
    /// The smallest size, in bytes.
    pub from: u64,
    /// The size before which it ends, in bytes; `None` where it is open.
    pub to: Option<u64>,
    /// How many chunks.
    pub count: u64,
}

impl Sizes {
    pub(super) fn add(&mut self, length: u64) {
        let bin = ENDS.partition_point(|end| *end <= length);
        if let Some(count) = self.counts.get_mut(bin) {
            *count = count.saturating_add(1);
        }
    }

    /// The bins from the first that holds a chunk to the last.
    pub fn bins(&self) -> Vec<SizeBin> {
        let starts = std::iter::once(0).chain(ENDS);
        let ends = ENDS.into_iter().map(Some).chain([None]);
        let all = starts.zip(ends).zip(self.counts);
        let bins: Vec<_> = all
            .map(|((from, to), count)| SizeBin { from, to, count })
            .collect();
        let holds = |bin: &SizeBin| bin.count > 0;
        let first = bins.iter().position(holds).unwrap_or(bins.len());
        let last = bins.iter().rposition(holds).map_or(first, |last| last + 1);
        bins.get(first..last).unwrap_or_default().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_end_before_their_end() {
        let mut sizes = Sizes::default();
        assert_eq!(sizes.bins(), []);
        for length in [1023, 1024, 1024, 70_000, u64::MAX] {
            sizes.add(length);
        }
        let bins = sizes.bins();
        let counts: Vec<_> = bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [1, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((bins[1].from, bins[1].to), (1024, Some(4096)));
        assert_eq!(bins[11].to, None);
    }
}
