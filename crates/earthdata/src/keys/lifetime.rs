//! How long keys are good, by a clock that is never set.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Keys are renewed so long before they end, or a fifth of their lifetime, whichever is less.
const MARGIN: Duration = Duration::from_mins(5);
/// What is taken for the lifetime of keys where neither end nor clock make sense: until they are
/// refused, they are good.
const ASSUMED: Duration = Duration::from_hours(1);
/// No keys of this kind live longer.
const LONGEST: Duration = Duration::from_hours(36);

/// How long keys are good from when they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    pub(super) length: Duration,
    /// Whether the server's clock did not tell it: it may be wrong.
    pub(super) is_assumed: bool,
}

impl Lifetime {
    /// The lifetime of keys that end then, where the server's clock said `date`. That clock is the one
    /// that counts: keys end by it. Only where it did not say is this machine's (`now`) looked at, and
    /// it is not believed if by it the keys have ended already or live for days.
    ///
    /// # Errors
    ///
    /// If they have ended by the server's own clock.
    pub(super) fn new(
        expiration: Option<DateTime<Utc>>,
        date: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Self, String> {
        let assumed = Self {
            length: ASSUMED,
            is_assumed: true,
        };
        let Some(expiration) = expiration else {
            return Ok(assumed);
        };
        let left = expiration.signed_duration_since(date.unwrap_or(now));
        if date.is_some() && left <= TimeDelta::zero() {
            return Err("it handed out keys that have ended by its own clock".to_owned());
        }
        let left = left.to_std().ok();
        let left = left.filter(|left| !left.is_zero() && *left <= LONGEST);
        Ok(left.map_or(assumed, |length| Self {
            length,
            is_assumed: date.is_none(),
        }))
    }

    /// When to renew, from when they were asked for: before the end by five minutes or a fifth, and by
    /// up to a quarter of that more, which differs from process to process.
    pub(super) fn renewal(self, jitter: f64) -> Duration {
        let fifth = self.length.checked_div(5).unwrap_or_default();
        let margin = MARGIN.min(fifth);
        let early = margin.saturating_add(margin.mul_f64(jitter.clamp(0.0, 1.0) / 4.0));
        self.length.saturating_sub(early)
    }
}

/// A number of this process, from 0 to 1.
pub(super) fn jitter() -> f64 {
    let drawn = RandomState::new().build_hasher().finish().checked_rem(1000);
    let drawn = drawn.and_then(|drawn| u16::try_from(drawn).ok());
    f64::from(drawn.unwrap_or(0)) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_servers_clock_counts() {
        let length = |expiration, date, now| {
            let lifetime = Lifetime::new(expiration, date, now)?;
            Ok::<_, String>((lifetime.length.as_secs(), lifetime.is_assumed))
        };
        for wrong in [-90_000, -3600, 0, 3600, 90_000] {
            let found = length(Some(at(3600)), Some(at(0)), at(wrong));
            assert_eq!(found, Ok((3600, false)), "{wrong}");
        }
        // Without it this machine's is taken, as far as it can be right.
        assert_eq!(length(Some(at(1800)), None, at(0)), Ok((1800, true)));
        for wrong in [-200_000, 3600, 90_000] {
            let found = length(Some(at(3600)), None, at(wrong));
            assert_eq!(found, Ok((3600, true)), "{wrong}");
        }
        assert_eq!(length(None, Some(at(0)), at(0)), Ok((3600, true)));
        assert!(length(Some(at(0)), Some(at(0)), at(-10)).is_err());
    }

    #[test]
    fn they_are_renewed_before_the_end_by_five_minutes_or_a_fifth() {
        let renewal = |seconds, jitter| {
            let length = Duration::from_secs(seconds);
            let is_assumed = false;
            Lifetime { length, is_assumed }.renewal(jitter).as_millis()
        };
        assert_eq!(renewal(3600, 0.0), 3_300_000);
        assert_eq!(renewal(3600, 1.0), 3_225_000);
        assert_eq!(renewal(5, 0.0), 4000);
        assert_eq!(renewal(5, 1.0), 3750);
        let drawn: Vec<_> = (0..100).map(|_| jitter()).collect();
        assert!(drawn.iter().all(|one| (0.0..1.0).contains(one)));
        let least = drawn.iter().copied().fold(1.0, f64::min);
        let most = drawn.iter().copied().fold(0.0, f64::max);
        assert!(most > least);
    }
}
