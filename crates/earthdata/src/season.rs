//! Seasons: the same days of several years.

use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDate, NaiveTime};

use crate::error::{Error, Result};
use crate::time::{TimeRange, Timestamp, last_of_day};

/// More years than this are no season but a mistake.
const MOST_YEARS: i64 = 1000;

/// The same days of each year: from one day to another, both included.
///
/// A season whose last day comes before its first one ends in the next year. The 29th of February
/// is there in leap years only: in others a season that begins with it begins with the 1st of March,
/// and one that ends with it ends on the 28th.
///
/// ```
/// use chunkref_earthdata::Season;
///
/// let winter: Season = "12-24,01-06".parse()?;
/// let ranges = winter.ranges(2013..=2014)?;
/// assert_eq!(ranges[1].to_string(), "2014-12-24T00:00:00Z,2015-01-06T23:59:59.999Z");
/// # Ok::<(), chunkref_earthdata::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Season {
    /// Month and day.
    first: (u32, u32),
    last: (u32, u32),
}

impl Season {
    /// From one month and day to another.
    ///
    /// # Errors
    ///
    /// If these are no days of a leap year.
    pub fn new(first: (u32, u32), last: (u32, u32)) -> Result<Self> {
        for (month, day) in [first, last] {
            if NaiveDate::from_ymd_opt(2000, month, day).is_none() {
                return Err(Error::query(format!(
                    "season: {month:02}-{day:02} is no day of a year, expected MM-DD"
                )));
            }
        }
        Ok(Self { first, last })
    }

    /// One range for each year in which the season begins. A year that has none of its days, as
    /// those between the leap years have none of 02-29 to 02-29, has no range.
    ///
    /// # Errors
    ///
    /// If there are no years, or more than a thousand, or none that has such days.
    pub fn ranges(self, years: RangeInclusive<i32>) -> Result<Vec<TimeRange>> {
        let count = i64::from(*years.end()).saturating_sub(i64::from(*years.start()));
        if !(0..MOST_YEARS).contains(&count) {
            return Err(Error::query(format!(
                "years {}:{}: expected FIRST:LAST, of at most {MOST_YEARS} years",
                years.start(),
                years.end()
            )));
        }
        let ranges: Vec<_> = years.clone().filter_map(|year| self.range(year)).collect();
        if ranges.is_empty() {
            return Err(Error::query(format!(
                "no year of {}:{} has a day of the season",
                years.start(),
                years.end()
            )));
        }
        Ok(ranges)
    }

    fn range(self, year: i32) -> Option<TimeRange> {
        let wraps = self.last < self.first;
        let last_year = if wraps { year.checked_add(1)? } else { year };
        let (month, day) = self.first;
        // Only the 29th of February may be missing.
        let first = NaiveDate::from_ymd_opt(year, month, day)
            .or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))?;
        let (month, day) = self.last;
        let last = NaiveDate::from_ymd_opt(last_year, month, day)
            .or_else(|| NaiveDate::from_ymd_opt(last_year, 2, 28))?;
        if last < first || !(0..=9999).contains(&first.year()) {
            return None;
        }
        let start = Timestamp::of_day(first, NaiveTime::MIN);
        let end = Timestamp::of_day(last, last_of_day());
        TimeRange::between(Some(start), Some(end)).ok()
    }
}

/// `MM-DD,MM-DD`.
impl FromStr for Season {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let day = |text: &str| {
            let (month, day) = text.trim().split_once('-')?;
            Some((month.parse().ok()?, day.parse().ok()?))
        };
        let days = text.split_once(',');
        let days = days.and_then(|(first, last)| Some((day(first)?, day(last)?)));
        let (first, last) = days.ok_or_else(|| {
            Error::query(format!(
                "season {text:?}: expected MM-DD,MM-DD, such as 12-24,12-25"
            ))
        })?;
        Self::new(first, last)
    }
}

#[cfg(test)]
mod tests {
    use super::Season;

    fn ranges(season: &str, years: std::ops::RangeInclusive<i32>) -> Vec<String> {
        let season: Season = season.parse().unwrap();
        let ranges = season.ranges(years).unwrap();
        ranges.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_range_a_year() {
        let ten = ranges("12-24,12-25", 2013..=2022);
        assert_eq!(ten.len(), 10);
        assert_eq!(ten[9], "2022-12-24T00:00:00Z,2022-12-25T23:59:59.999Z");
    }

    #[test]
    fn leap_days_are_there_in_leap_years() {
        assert_eq!(
            ranges("02-29,03-01", 2019..=2020),
            [
                "2019-03-01T00:00:00Z,2019-03-01T23:59:59.999Z",
                "2020-02-29T00:00:00Z,2020-03-01T23:59:59.999Z",
            ]
        );
        assert_eq!(
            ranges("02-28,02-29", 1900..=1900),
            ["1900-02-28T00:00:00Z,1900-02-28T23:59:59.999Z"]
        );
        assert_eq!(ranges("02-29,02-29", 1999..=2004).len(), 2);
        let none: Season = "02-29,02-29".parse().unwrap();
        assert!(none.ranges(2001..=2003).is_err());
    }

    #[test]
    fn what_is_no_season_is_refused() {
        for text in [
            "",
            "12-24",
            "12-24,13-01",
            "02-30,03-01",
            "a-b,c-d",
            "12-24;12-25",
        ] {
            assert!(text.parse::<Season>().is_err(), "{text}");
        }
        let season: Season = "12-24,12-25".parse().unwrap();
        let (first, last) = (2014, 2013);
        assert!(season.ranges(first..=last).is_err());
        assert!(season.ranges(0..=i32::MAX).is_err());
        assert!(season.ranges(i32::MAX..=i32::MAX).is_err());
    }
}
