//! What a request costs, in time: measured while reading, unless it is set.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::options::ClientOptions;

/// Answers of at most so many bytes tell the latency.
const SMALL: u64 = 64 << 10;
/// Answers of at least so many bytes tell the bandwidth.
const LARGE: u64 = 512 << 10;
/// The latency is the shortest of so many small answers: others may have waited for a connection.
const RECENT: usize = 32;
/// Taken for granted before anything was measured.
const LATENCY: Duration = Duration::from_millis(50);
/// Bytes a second of one connection, as [`LATENCY`].
const BANDWIDTH: u64 = 50_000_000;
/// A request is never worth less than this; each one is work for the server, and may cost money.
const LEAST_GAP: u64 = 16 << 10;
/// A request is cut into parts no smaller than this.
const LEAST_PART: u64 = 1 << 20;
/// What takes a time shorter than a request by this factor takes little time.
const LITTLE: u64 = 640;
/// No more than this is read around a structure.
const MOST_AROUND: u64 = 4 << 10;
/// Nor more than this, however long it takes: the bytes may not be needed.
const MOST_GAP: u64 = 1 << 20;

/// Latency and bandwidth, shared by all objects of a client.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    measured: Mutex<Measured>,
}

#[derive(Debug, Default)]
struct Measured {
    recent: VecDeque<Duration>,
    bandwidth: Option<u64>,
}

impl Cost {
    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an answer of so many bytes.
    pub(crate) fn note(&self, bytes: u64, took: Duration) {
        let mut measured = self.measured();
        if bytes <= SMALL {
            if measured.recent.len() >= RECENT {
                measured.recent.pop_front();
            }
            measured.recent.push_back(took);
        }
        let latency = measured.recent.iter().min();
        if let (LARGE.., Some(latency)) = (bytes, latency) {
            let micros = took.saturating_sub(*latency).as_micros().max(1);
            let now = u128::from(bytes)
                .saturating_mul(1_000_000)
                .div_euclid(micros);
            let now = u64::try_from(now).unwrap_or(u64::MAX);
            let before = measured.bandwidth.unwrap_or(now);
            let mean = (before / 8).saturating_mul(7).saturating_add(now / 8);
            measured.bandwidth = Some(mean);
        }
    }

    /// How long a request takes until its first byte comes.
    fn latency(&self, options: &ClientOptions) -> Duration {
        options.latency.unwrap_or_else(|| {
            let measured = self.measured();
            measured.recent.iter().min().copied().unwrap_or(LATENCY)
        })
    }

    /// Bytes a second that one connection brings.
    fn bandwidth(&self, options: &ClientOptions) -> u64 {
        options
            .bandwidth
            .or_else(|| self.measured().bandwidth)
            .unwrap_or(BANDWIDTH)
    }

    /// What a connection brings in the time that a request takes, in bytes.
    fn bytes_per_request(&self, options: &ClientOptions) -> u64 {
        let micros = self.latency(options).as_micros();
        let bytes = micros.saturating_mul(u128::from(self.bandwidth(options))) / 1_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// The bytes around a structure that take so little time that they are read with it.
    pub(crate) fn around(&self, options: &ClientOptions) -> u64 {
        (self.bytes_per_request(options) / LITTLE).min(MOST_AROUND)
    }

    /// The bytes of a part, where a long request is cut into parts: what takes less time to come than to
    /// be asked for is not worth a request of its own.
    pub(crate) fn part(&self, options: &ClientOptions) -> u64 {
        self.bytes_per_request(options).max(LEAST_PART)
    }

    /// The bytes that are as dear as one more request: what a connection brings in the time that
    /// a request takes, shared by all that are under way at once.
    pub(crate) fn gap(&self, options: &ClientOptions) -> u64 {
        if let Some(gap) = options.merge_gap {
            return gap;
        }
        let bytes = self.bytes_per_request(options);
        let others = u64::try_from(options.concurrency.max(1)).unwrap_or(u64::MAX);
        bytes.div_euclid(others).clamp(LEAST_GAP, MOST_GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::Cost;
    use crate::options::ClientOptions;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_set_is_not_measured() {
        let cost = Cost::default();
        let options = ClientOptions::default()
            .with_concurrency(10)
            .with_latency(100 * MS)
            .with_bandwidth(10_000_000);
        for _ in 0..40 {
            cost.note(1000, MS);
        }
        assert_eq!(cost.gap(&options), 100_000);
        // What comes while a request is asked for.
        assert_eq!(cost.part(&options), 1 << 20);
        assert_eq!(
            cost.part(&options.clone().with_bandwidth(50_000_000)),
            5_000_000
        );
        assert_eq!(cost.gap(&options.with_merge_gap(7)), 7);
    }

    #[test]
    fn gaps_grow_with_latency_and_bandwidth() {
        let options = ClientOptions::default().with_concurrency(10);
        let gap = |latency: Duration, bytes: u64, took: Duration| {
            let cost = Cost::default();
            // Some wait for a connection: they say nothing of the latency.
            for wait in [3, 0, 5] {
                cost.note(1000, latency * (1 + wait));
            }
            cost.note(bytes, latency + took);
            cost.gap(&options)
        };
        assert_eq!(gap(100 * MS, 1_000_000, 100 * MS), 100_000);
        assert_eq!(gap(200 * MS, 1_000_000, 100 * MS), 200_000);
        assert_eq!(gap(100 * MS, 1_000_000, 50 * MS), 200_000);
        // Within bounds.
        assert_eq!(gap(MS, 1_000_000, 100 * MS), 16 << 10);
        assert_eq!(gap(9999 * MS, 1_000_000, MS), 1 << 20);
    }
}
