//! Times and ranges of times, as CMR takes them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Months, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};

use crate::error::{Error, Result};

/// A moment in UTC: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after 1970-01-01T00:00:00Z.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The moment that a text names as the beginning of something: `2020`, `2020-06`, `2020-06-01`
    /// begin with their first moment. A time without a zone is in UTC.
    ///
    /// # Errors
    ///
    /// If it is no such text.
    pub fn begin(text: &str) -> Result<Self> {
        Ok(moments(text)?.0)
    }

    /// The moment that a text names as the end of something: `2020`, `2020-06`, `2020-06-01` end with
    /// their last millisecond.
    ///
    /// # Errors
    ///
    /// If it is no such text.
    pub fn end(text: &str) -> Result<Self> {
        Ok(moments(text)?.1)
    }

    /// A time as CMR writes it; `None` if it is not one.
    pub(crate) fn of_cmr(text: &str) -> Option<Self> {
        Self::begin(text).ok()
    }

    pub(crate) fn of_day(day: NaiveDate, at: NaiveTime) -> Self {
        Self(day.and_time(at).and_utc().timestamp_millis())
    }
}

/// As RFC 3339 has it, in UTC: `2020-06-01T00:00:00Z`, with milliseconds where there are some.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(time) = DateTime::from_timestamp_millis(self.0) else {
            return write!(f, "{} ms", self.0);
        };
        let form = if self.0.rem_euclid(1000) == 0 {
            SecondsFormat::Secs
        } else {
            SecondsFormat::Millis
        };
        f.write_str(&time.to_rfc3339_opts(form, true))
    }
}

/// The last moment of a day.
pub(crate) fn last_of_day() -> NaiveTime {
    NaiveTime::from_hms_milli_opt(23, 59, 59, 999).unwrap_or(NaiveTime::MIN)
}

/// The first and the last moment of what a text names.
fn moments(text: &str) -> Result<(Timestamp, Timestamp)> {
    let text = text.trim();
    if let Some((first, last)) = days(text) {
        let begin = Timestamp::of_day(first, NaiveTime::MIN);
        return Ok((begin, Timestamp::of_day(last, last_of_day())));
    }
    let zoned = DateTime::parse_from_rfc3339(text)
        // As CMR writes some: without a colon in the zone.
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .map(|time| time.timestamp_millis());
    let plain = || {
        let text = text.replace(' ', "T");
        let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
        let mut times = forms
            .iter()
            .filter_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
        times.next().map(|time| time.and_utc().timestamp_millis())
    };
    let millis = zoned.ok().or_else(plain).ok_or_else(|| {
        Error::query(format!(
            "time {text:?}: expected a date (2020-06-01, 2020-06, 2020) or a time \
             (2020-06-01T12:00:00Z)"
        ))
    })?;
    Ok((Timestamp(millis), Timestamp(millis)))
}

/// The first and the last day of a date, a month or a year.
fn days(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let digits = |part: &str, count: usize| -> Option<u32> {
        let all = part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| part.parse().ok())?
    };
    let mut parts = text.split('-');
    let year = i32::try_from(digits(parts.next()?, 4)?).ok()?;
    let month = parts.next();
    let day = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let (first, months) = match (month, day) {
        (Some(month), Some(day)) => {
            let date = NaiveDate::from_ymd_opt(year, digits(month, 2)?, digits(day, 2)?)?;
            return Some((date, date));
        }
        (Some(month), None) => (NaiveDate::from_ymd_opt(year, digits(month, 2)?, 1)?, 1),
        (None, _) => (NaiveDate::from_ymd_opt(year, 1, 1)?, 12),
    };
    let last = first.checked_add_months(Months::new(months))?.pred_opt()?;
    Some((first, last))
}

/// A range of times, both ends included; at least one of them is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The first moment; `None`: all before the end.
    pub start: Option<Timestamp>,
    /// The last moment; `None`: all after the start.
    pub end: Option<Timestamp>,
}

impl TimeRange {
    /// From the first moment that `start` names to the last one that `end` names. What is empty is
    /// open.
    ///
    /// ```
    /// use chunkref_earthdata::TimeRange;
    ///
    /// let june = TimeRange::new("2020-06-01", "2020-06-30")?;
    /// assert_eq!(june.to_string(), "2020-06-01T00:00:00Z,2020-06-30T23:59:59.999Z");
    /// let since = TimeRange::new("2020-06-01T12:00", "")?;
    /// assert_eq!(since.to_string(), "2020-06-01T12:00:00Z,");
    /// # Ok::<(), chunkref_earthdata::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a text is neither a date nor a time, both are empty, or the end is before the start.
    pub fn new(start: &str, end: &str) -> Result<Self> {
        let part = |text: &str, parse: fn(&str) -> Result<Timestamp>| {
            let text = text.trim();
            (!text.is_empty()).then(|| parse(text)).transpose()
        };
        Self::between(part(start, Timestamp::begin)?, part(end, Timestamp::end)?)
    }

    /// Between two moments.
    ///
    /// # Errors
    ///
    /// If there is neither, or the end is before the start.
    pub fn between(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<Self> {
        match (start, end) {
            (None, None) => Err(Error::query(
                "a range of times without start and end: expected START,END".to_owned(),
            )),
            (Some(start), Some(end)) if end < start => Err(Error::query(format!(
                "a range of times ends ({end}) before it starts ({start})"
            ))),
            _ => Ok(Self { start, end }),
        }
    }

    /// Whether something that took place in `other` does so mostly in this range: at least half of
    /// the shorter of the two lies in both. (What CMR finds for a range is all that touches it.)
    pub fn holds_most_of(&self, other: &TimeRange) -> bool {
        let start = |range: &TimeRange| range.start.map_or(i64::MIN, Timestamp::millis);
        // One millisecond more, so that ends that are included have a length.
        let end = |range: &TimeRange| {
            range
                .end
                .map_or(i64::MAX, |end| end.millis().saturating_add(1))
        };
        let length = |start: i64, end: i64| i128::from(end).saturating_sub(i128::from(start));
        let both = length(start(self).max(start(other)), end(self).min(end(other)));
        let shorter = length(start(self), end(self)).min(length(start(other), end(other)));
        both > 0 && both.saturating_mul(2) >= shorter
    }
}

/// As CMR takes it: `START,END`, where one may be missing.
impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = self.start {
            write!(f, "{start}")?;
        }
        f.write_str(",")?;
        if let Some(end) = self.end {
            write!(f, "{end}")?;
        }
        Ok(())
    }
}

/// `START,END` or `START/END`, or one date, month or year alone.
impl FromStr for TimeRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once(',').or_else(|| text.split_once('/'));
        let (start, end) = parts.unwrap_or((text, text));
        Self::new(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::{TimeRange, Timestamp};

    #[test]
    fn dates_end_with_their_last_moment() {
        let range = |text: &str| text.parse::<TimeRange>().unwrap().to_string();
        let day = "2020-02-29T00:00:00Z,2020-02-29T23:59:59.999Z";
        assert_eq!(range("2020-02-29"), day);
        assert_eq!(range("2020-02-29/2020-02-29"), day);
        assert_eq!(
            range("2019-02,2019-02"),
            "2019-02-01T00:00:00Z,2019-02-28T23:59:59.999Z"
        );
        assert_eq!(
            range("2019"),
            "2019-01-01T00:00:00Z,2019-12-31T23:59:59.999Z"
        );
        assert_eq!(
            range("2020-01-01T00:00:00+02:00, 2020-01-01 09:00"),
            "2019-12-31T22:00:00Z,2020-01-01T09:00:00Z"
        );
        assert_eq!(
            range("2017-09-07T18:51:39+0000,2017-09-07T18:51:39.25+0000"),
            "2017-09-07T18:51:39Z,2017-09-07T18:51:39.250Z"
        );
        assert_eq!(range(",2020-01-01"), ",2020-01-01T23:59:59.999Z");
        assert_eq!(range("2020-01-01,"), "2020-01-01T00:00:00Z,");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            ",",
            "yesterday",
            "2019-02-29",
            "2020-13",
            "20-01-01",
            "2020-01-02,2020-01-01",
            "2020-01-01T25:00",
            "2020-01-01-",
            "99999999999",
        ] {
            assert!(text.parse::<TimeRange>().is_err(), "{text}");
        }
        let error = "2020-02-30".parse::<TimeRange>().unwrap_err().to_string();
        assert!(
            error.contains("2020-02-30") && error.contains("expected"),
            "{error}"
        );
    }

    #[test]
    fn most_of_a_day_decides() {
        let range = |text: &str| text.parse::<TimeRange>().unwrap();
        let season = range("2013-12-24,2013-12-25");
        // As MUR has it: 21:00 to 21:00.
        for (granule, held) in [
            ("2013-12-22T21:00,2013-12-23T21:00", false),
            ("2013-12-23T21:00,2013-12-24T21:00", true),
            ("2013-12-24T21:00,2013-12-25T21:00", true),
            ("2013-12-25T21:00,2013-12-26T21:00", false),
            // A month holds all of the season; a moment lies in it or not.
            ("2013-12", true),
            ("2013-11", false),
            ("2013-12-25T23:59,2013-12-25T23:59", true),
            ("2013-12-26T00:00,2013-12-26T00:00", false),
            // A year and a day that are open.
            ("2013-01-01,", true),
            (",2013-12-24T01:00", false),
        ] {
            assert_eq!(season.holds_most_of(&range(granule)), held, "{granule}");
        }
    }

    #[test]
    fn odd_times_are_printed() {
        assert_eq!(
            Timestamp::from_millis(-1).to_string(),
            "1969-12-31T23:59:59.999Z"
        );
        assert_eq!(
            Timestamp::from_millis(i64::MAX).to_string(),
            "9223372036854775807 ms"
        );
    }
}
