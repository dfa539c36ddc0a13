//! When a failed request is sent again.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::options::ClientOptions;

/// The longest wait that is chosen here; a server may ask for more.
const LONGEST: Duration = Duration::from_secs(20);

/// The wait before the next attempt, or `None` to give up.
///
/// Doubles with each failure; between half of it and all of it, so that requests that failed
/// together do not come back together. Never less than what `Retry-After` asked for.
pub(crate) fn wait(
    options: &ClientOptions,
    failures: u32,
    elapsed: Duration,
    retry_after: Option<Duration>,
) -> Option<Duration> {
    if failures > options.retries {
        return None;
    }
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let full = options.backoff.saturating_mul(doubled).min(LONGEST);
    let wait = jitter(full).saturating_add(retry_after.unwrap_or_default());
    (elapsed.saturating_add(wait) <= options.retry_timeout).then_some(wait)
}

/// A time between half of this and all of it.
fn jitter(full: Duration) -> Duration {
    // Each `RandomState` has keys of its own; no more randomness is needed here.
    let random = RandomState::new().hash_one(0) % 1024;
    let fraction = u32::try_from(random).unwrap_or(0);
    let half = full.checked_div(2).unwrap_or_default();
    let part = half.saturating_mul(fraction).checked_div(1024);
    half.saturating_add(part.unwrap_or_default())
}

/// What `Retry-After` asks for: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    let date = SystemTime::from(date);
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{retry_after, wait};
    use crate::options::ClientOptions;
    use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn waits_double_and_end() {
        let options = ClientOptions::default().with_retries(3);
        let start = Duration::ZERO;
        for (failures, full) in [(1, 200), (2, 400), (3, 800)] {
            let wait = wait(&options, failures, start, None).unwrap();
            let full = Duration::from_millis(full);
            assert!(wait >= full / 2 && wait <= full, "{wait:?}");
        }
        assert_eq!(wait(&options, 4, start, None), None);
        let asked = Duration::from_secs(30);
        assert!(wait(&options, 1, start, Some(asked)).unwrap() >= asked);
        // A wait that would end past the timeout is not begun.
        assert_eq!(wait(&options, 1, start, Some(options.retry_timeout)), None);
        assert_eq!(wait(&options, 1, options.retry_timeout, None), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            retry_after(&headers, now)
        };
        assert_eq!(parse("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:40 GMT"),
            Some(Duration::from_secs(3))
        );
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("soon"), None);
    }
}
