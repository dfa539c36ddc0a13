//! Days of the calendar as counts, and back.

use chrono::{Datelike as _, NaiveDate};

/// Nanoseconds.
pub(crate) const SECOND: i128 = 1_000_000_000;
pub(crate) const DAY: i128 = 86_400 * SECOND;

/// Days from the year 1 to 1970-01-01, as `chrono` counts them.
const EPOCH: i32 = 719_163;

/// The first day of the Gregorian calendar, 1582-10-15, in days since 1970-01-01.
pub(crate) const GREGORIAN: i128 = -141_427;

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar; `None` if there is no such
/// day.
pub(crate) fn days(year: i32, month: u32, day: u32) -> Option<i128> {
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some(i128::from(date.num_days_from_ce().checked_sub(EPOCH)?))
}

/// Days since 1970-01-01 of a day of the standard calendar, which is the Julian one before
/// 1582-10-15 (CF 4.4.1).
pub(crate) fn standard_days(year: i32, month: u32, day: u32) -> Option<i128> {
    if (year, month, day) >= (1582, 10, 15) {
        return days(year, month, day);
    }
    // It has no year 0.
    if year < 1 || !(1..=12).contains(&month) {
        return None;
    }
    // A leap year every four years. Years begin in March, so that leap days come last.
    let month_from_march = month.checked_add(9)?.checked_rem(12)?;
    let is_early = i32::from(month_from_march >= 10);
    let year = i128::from(year.checked_sub(is_early)?);
    let lengths = [31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29];
    let before = lengths.get(..usize::try_from(month_from_march).ok()?)?;
    let length: u32 = *lengths.get(usize::try_from(month_from_march).ok()?)?;
    let is_leap = year.checked_add(1)?.rem_euclid(4) == 0;
    if day == 0 || day > length || (length, day) == (29, 29) && !is_leap {
        return None;
    }
    let of_years = year.checked_mul(1461)?.div_euclid(4);
    let of_months = before.iter().sum::<u32>();
    // 0000-03-01 of the Julian calendar is day -719470.
    of_years
        .checked_add(i128::from(of_months))?
        .checked_add(i128::from(day))?
        .checked_sub(719_471)
}

/// Nanoseconds since 1970-01-01 as ISO 8601, in the proleptic Gregorian calendar, without more
/// digits than it takes; `None` beyond the years that can be written.
///
/// ```
/// use chunkref_store::cf;
///
/// assert_eq!(cf::iso(1_590_969_600_000_000_000).unwrap(), "2020-06-01T00:00:00");
/// assert_eq!(cf::iso(1_500_000_000).unwrap(), "1970-01-01T00:00:01.5");
/// ```
pub fn iso(nanoseconds: i128) -> Option<String> {
    let day = i32::try_from(nanoseconds.div_euclid(DAY)).ok()?;
    let date = NaiveDate::from_num_days_from_ce_opt(day.checked_add(EPOCH)?)?;
    let rest = nanoseconds.rem_euclid(DAY);
    let seconds = rest.div_euclid(SECOND);
    let (hours, minutes) = (seconds.div_euclid(3600), seconds.div_euclid(60));
    let text = format!(
        "{date}T{hours:02}:{:02}:{:02}",
        minutes.rem_euclid(60),
        seconds.rem_euclid(60)
    );
    Some(match rest.rem_euclid(SECOND) {
        0 => text,
        fraction => format!("{text}.{}", format!("{fraction:09}").trim_end_matches('0')),
    })
}

#[cfg(test)]
mod tests {
    use super::{GREGORIAN, days, standard_days};

    #[test]
    fn days_of_both_calendars() {
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(1582, 10, 15), Some(GREGORIAN));
        assert_eq!(standard_days(1582, 10, 15), Some(GREGORIAN));
        // The day before in the standard calendar.
        assert_eq!(standard_days(1582, 10, 4), Some(GREGORIAN - 1));
        // Two days apart at the start of the first year.
        assert_eq!(standard_days(1, 1, 1), Some(days(1, 1, 1).unwrap() - 2));
        assert_eq!(
            standard_days(1500, 2, 29).unwrap() + 1,
            standard_days(1500, 3, 1).unwrap()
        );
        assert_eq!(standard_days(1501, 2, 29), None);
        assert_eq!(standard_days(1501, 13, 1), None);
        assert_eq!(standard_days(0, 1, 1), None);
        assert!(days(0, 1, 1).is_some(), "the proleptic calendar has one");
        assert_eq!(days(2021, 2, 29), None);
        assert_eq!(days(2020, 2, 29), Some(18_321));
    }
}
