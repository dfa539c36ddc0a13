//! Dates and times as people write them.

use super::calendar::{DAY, SECOND, days};
use super::time::MISSING;

/// How much of a date and time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resolution {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

impl Resolution {
    /// The coarsest that a time in nanoseconds since 1970-01-01 can be written in, days and finer.
    pub(crate) fn of(time: i128) -> Self {
        let whole = |unit: i128| time.rem_euclid(unit) == 0;
        let units = [
            (DAY, Self::Day),
            (3600 * SECOND, Self::Hour),
            (60 * SECOND, Self::Minute),
            (SECOND, Self::Second),
        ];
        let found = units.into_iter().find(|(unit, _)| whole(*unit));
        found.map_or(Self::Fraction, |(_, resolution)| resolution)
    }
}

/// A date and time, or a part of one, as `2020`, `2020-06`, `2020-06-01`, `2020-06-01T09:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLabel {
    /// Its first nanosecond, since 1970-01-01 (proleptic Gregorian calendar).
    pub start: i128,
    /// Its last nanosecond.
    pub last: i128,
    pub(crate) resolution: Resolution,
}

impl TimeLabel {
    /// Reads a date in ISO 8601, whole or from the left, with a `T` or a space before the time;
    /// `None` where it is none.
    ///
    /// ```
    /// use chunkref_store::cf::TimeLabel;
    ///
    /// let june = TimeLabel::parse("2020-06").unwrap();
    /// let last = TimeLabel::parse("2020-06-30T23:59:59.999999999").unwrap();
    /// assert_eq!(june.last, last.start);
    /// assert!(TimeLabel::parse("2020-06-31").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Years of four digits: others would be numbers, or parts of a time.
        let (year, _) = text.split_once('-').unwrap_or((text, ""));
        if year.len() != 4 {
            return None;
        }
        let fields = fields(text)?;
        let Fields {
            year,
            month,
            day,
            of_day,
            resolution,
        } = fields;
        let start = days(year, month, day)?
            .checked_mul(DAY)?
            .checked_add(of_day)?;
        let (next_year, next_month) = match month {
            12 => (year.checked_add(1)?, 1),
            month => (year, month.checked_add(1)?),
        };
        let end = match resolution {
            Resolution::Year => days(year.checked_add(1)?, 1, 1)?.checked_mul(DAY)?,
            Resolution::Month => days(next_year, next_month, 1)?.checked_mul(DAY)?,
            Resolution::Day => start.checked_add(DAY)?,
            Resolution::Hour => start.checked_add(3600 * SECOND)?,
            Resolution::Minute => start.checked_add(60 * SECOND)?,
            Resolution::Second => start.checked_add(SECOND)?,
            Resolution::Fraction => start.checked_add(1)?,
        };
        Some(Self {
            start,
            last: end.checked_sub(1)?,
            resolution,
        })
    }

    /// Whether some of these times are written with more than this: then it means all times in it.
    pub(crate) fn is_coarser_than(&self, times: &[i128]) -> bool {
        let there = times.iter().filter(|time| **time != MISSING);
        let finest = there.map(|time| Resolution::of(*time)).max();
        finest.is_some_and(|finest| self.resolution < finest)
    }
}

/// The parts of a date and time. Those that are not written are the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) year: i32,
    pub(crate) month: u32,
    pub(crate) day: u32,
    /// Nanoseconds since the day began, in UTC: perhaps of a day before or after.
    pub(crate) of_day: i128,
    pub(crate) resolution: Resolution,
}

/// Takes a date and time apart: `2020-6-1`, `2020-06-01 09:30:00.5 UTC`, `2020-06-01T09:30Z`,
/// `1-1-1 00:00:0.0`, with `+1:00`, `-0130` for a time zone.
pub(crate) fn fields(text: &str) -> Option<Fields> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time.trim()),
        None => (text, ""),
    };
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let (month, day) = (parts.next(), parts.next());
    if parts.next().is_some() || day.is_none() && !time.is_empty() {
        return None;
    }
    let (time, zone) = zone(time)?;
    let (of_day, of_time) = of_day(time)?;
    let resolution = match (month, day, of_time) {
        (.., Some(resolution)) => resolution,
        (_, Some(_), None) => Resolution::Day,
        (Some(_), None, None) => Resolution::Month,
        (None, ..) => Resolution::Year,
    };
    Some(Fields {
        year: i32::try_from(year).ok()?,
        month: month.map_or(Some(1), |month| digits(month, 2))?,
        day: day.map_or(Some(1), |day| digits(day, 2))?,
        of_day: of_day.checked_sub(zone)?,
        resolution,
    })
}

/// A number of so many digits at most.
fn digits(text: &str, most: usize) -> Option<u32> {
    let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// A time without its zone, and what that is ahead of UTC in nanoseconds.
fn zone(time: &str) -> Option<(&str, i128)> {
    for name in ["UTC", "utc", "GMT", "Z", "z"] {
        if let Some(time) = time.strip_suffix(name) {
            return Some((time.trim(), 0));
        }
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (time, offset) = time.split_at_checked(at)?;
    let is_behind = offset.starts_with('-');
    let offset = offset.get(1..)?;
    let (hours, minutes) = match offset.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if offset.len() == 4 => offset.split_at_checked(2)?,
        None => (offset, "0"),
    };
    let minutes = i128::from(digits(minutes, 2).filter(|minutes| *minutes < 60)?);
    let hours = i128::from(digits(hours, 2).filter(|hours| *hours < 24)?);
    let ahead = hours
        .checked_mul(60)?
        .checked_add(minutes)?
        .checked_mul(60 * SECOND)?;
    let ahead = if is_behind {
        ahead.checked_neg()?
    } else {
        ahead
    };
    Some((time.trim(), ahead))
}

/// A time of a day in nanoseconds, and how much of it is written.
fn of_day(time: &str) -> Option<(i128, Option<Resolution>)> {
    if time.is_empty() {
        return Some((0, None));
    }
    let mut parts = time.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let (second, fraction) = match second {
        None => (None, None),
        Some(second) => match second.split_once('.') {
            None => (Some(second), None),
            Some((second, fraction)) => (Some(second), Some(fraction)),
        },
    };
    let below = |text: Option<&str>, end: u32| {
        let number = text.map_or(Some(0), |text| digits(text, 2))?;
        (number < end).then_some(i128::from(number))
    };
    let seconds = below(Some(hour), 24)?
        .checked_mul(60)?
        .checked_add(below(minute, 60)?)?
        .checked_mul(60)?
        .checked_add(below(second, 60)?)?;
    let nanoseconds = fraction.map_or(Some(0), nanoseconds)?;
    let resolution = match (minute, second, fraction) {
        (None, ..) => Resolution::Hour,
        (_, None, _) => Resolution::Minute,
        (.., None) => Resolution::Second,
        _ => Resolution::Fraction,
    };
    let all = seconds.checked_mul(SECOND)?.checked_add(nanoseconds)?;
    Some((all, Some(resolution)))
}

/// The digits after the point of a second; nine are kept.
fn nanoseconds(fraction: &str) -> Option<i128> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    nine.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Resolution, TimeLabel};
    use crate::cf::iso;

    fn range(text: &str) -> Option<(String, String)> {
        let label = TimeLabel::parse(text)?;
        Some((iso(label.start)?, iso(label.last)?))
    }

    #[test]
    fn a_part_of_a_date_means_all_of_it() {
        for (text, start, last) in [
            (
                "2020",
                "2020-01-01T00:00:00",
                "2020-12-31T23:59:59.999999999",
            ),
            (
                "2020-12",
                "2020-12-01T00:00:00",
                "2020-12-31T23:59:59.999999999",
            ),
            (
                "2020-06-01",
                "2020-06-01T00:00:00",
                "2020-06-01T23:59:59.999999999",
            ),
            (
                "2020-06-01T09",
                "2020-06-01T09:00:00",
                "2020-06-01T09:59:59.999999999",
            ),
            (
                "2020-06-01 09:30",
                "2020-06-01T09:30:00",
                "2020-06-01T09:30:59.999999999",
            ),
            (
                "2020-06-01T09:30:15Z",
                "2020-06-01T09:30:15",
                "2020-06-01T09:30:15.999999999",
            ),
            (
                "2020-06-01T09:30:15.25",
                "2020-06-01T09:30:15.25",
                "2020-06-01T09:30:15.25",
            ),
            (
                "2020-06-01T00:30+01:00",
                "2020-05-31T23:30:00",
                "2020-05-31T23:30:59.999999999",
            ),
        ] {
            assert_eq!(
                range(text),
                Some((start.to_owned(), last.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "12",
            "30",
            "40.5",
            "-95",
            "2020-",
            "2020-13",
            "2020-02-30",
            "noon",
            "2020-06-01T25",
            "2020-06-01T09:60",
            "2020-06-01T09:30:",
            "2020-06T09",
            "20200601",
            "2020-06-01T09:30:15.x",
            "２０２０",
            "2020-06-01T09+é",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn times_have_the_resolution_that_they_need() {
        let of = |text| Resolution::of(TimeLabel::parse(text).unwrap().start);
        assert_eq!(of("2020-06-01"), Resolution::Day);
        assert_eq!(of("2020-06-01T09"), Resolution::Hour);
        assert_eq!(of("2020-06-01T09:30"), Resolution::Minute);
        assert_eq!(of("2020-06-01T09:30:15"), Resolution::Second);
        assert_eq!(of("2020-06-01T09:30:15.5"), Resolution::Fraction);
    }
}
