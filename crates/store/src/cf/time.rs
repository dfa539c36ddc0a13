//! Times of the form `days since 1970-01-01` (CF 4.4).

use chunkref_manifest::{Attribute, Attributes};

use super::calendar::{DAY, GREGORIAN, SECOND, days, standard_days};
use super::label::{Fields, fields};
use super::numbers::numbers;
use super::whole::integers;
use crate::read::Elements;

/// Stands for a time that is missing.
pub const MISSING: i128 = i128::MIN;

/// Whether attributes say that a variable holds times: its units count since a date.
pub fn is_time(attributes: &Attributes) -> bool {
    units(attributes).is_some()
}

/// Times in nanoseconds since 1970-01-01 of the proleptic Gregorian calendar, [`MISSING`] where there
/// is none; `None` where the units are not those of times.
///
/// ```
/// use chunkref_manifest::{Attribute, Attributes, ByteOrder, DataType};
/// use chunkref_store::{Elements, cf};
///
/// let time = Elements {
///     shape: vec![1],
///     data_type: DataType::Int { size: 4, order: ByteOrder::Little },
///     bytes: vec![2, 0, 0, 0].into(),
/// };
/// let units = Attribute::text("days since 1969-12-31 12:00:00 UTC");
/// let attributes = Attributes::from([("units".to_owned(), units)]);
/// let day = 86_400_000_000_000;
/// assert_eq!(cf::times(&time, &attributes)?, Some(vec![day + day / 2]));
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
///
/// With the reason, where the units, the calendar or a time is not understood.
pub fn times(elements: &Elements, attributes: &Attributes) -> Result<Option<Vec<i128>>, String> {
    let Some((unit, since)) = units(attributes) else {
        return Ok(None);
    };
    let length = nanoseconds(unit).ok_or_else(|| {
        format!("times in {unit:?}, expected days, hours, minutes, seconds or parts of them")
    })?;
    let calendar = Calendar::of(attributes)?;
    let reference = calendar.reference(since)?;
    let whole = integers(elements, attributes);
    let times: Option<Vec<i128>> = if let Some(whole) = whole {
        let time = |count: Option<i128>| match count {
            None => Some(MISSING),
            Some(count) => count.checked_mul(length)?.checked_add(reference),
        };
        whole.into_iter().map(time).collect()
    } else {
        let numbers =
            numbers(elements, attributes)?.ok_or_else(|| "times that are no numbers".to_owned())?;
        let time = |count: &f64| {
            if count.is_nan() {
                return Some(MISSING);
            }
            rounded(*count, length)?.checked_add(reference)
        };
        numbers.values.iter().map(time).collect()
    };
    let times: Vec<i128> =
        times.ok_or_else(|| "a time too far from its reference to be counted".to_owned())?;
    let is_julian = |time: &i128| *time != MISSING && time.div_euclid(DAY) < GREGORIAN;
    if calendar == Calendar::Standard && times.iter().any(is_julian) {
        return Err("times before 1582-10-15 of the standard calendar".to_owned());
    }
    Ok(Some(times))
}

/// The unit and the date that it counts from.
fn units(attributes: &Attributes) -> Option<(&str, &str)> {
    let text = attributes.get("units")?.as_text()?;
    let (unit, since) = text.split_once(" since ")?;
    Some((unit.trim(), since.trim()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calendar {
    /// Julian before 1582-10-15.
    Standard,
    Proleptic,
}

impl Calendar {
    fn of(attributes: &Attributes) -> Result<Self, String> {
        let name = attributes.get("calendar").and_then(Attribute::as_text);
        match name.unwrap_or("standard").to_ascii_lowercase().as_str() {
            "standard" | "gregorian" => Ok(Self::Standard),
            "proleptic_gregorian" => Ok(Self::Proleptic),
            other => Err(format!(
                "times of the calendar {other:?}, expected standard, gregorian or proleptic_gregorian"
            )),
        }
    }

    /// A reference date in nanoseconds.
    fn reference(self, text: &str) -> Result<i128, String> {
        let wrong = || format!("times since {text:?}, expected a date such as 1970-01-01 00:00:00");
        let Fields {
            year,
            month,
            day,
            of_day,
            ..
        } = fields(text).ok_or_else(wrong)?;
        let days = match self {
            Self::Standard => standard_days(year, month, day),
            Self::Proleptic => days(year, month, day),
        };
        days.and_then(|days| days.checked_mul(DAY)?.checked_add(of_day))
            .ok_or_else(wrong)
    }
}

/// Nanoseconds of a unit, by the names that UDUNITS has for it.
fn nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "days" | "day" | "d" => DAY,
        "hours" | "hour" | "hrs" | "hr" | "h" => 3600 * SECOND,
        "minutes" | "minute" | "mins" | "min" => 60 * SECOND,
        "seconds" | "second" | "secs" | "sec" | "s" => SECOND,
        "milliseconds" | "millisecond" | "millisecs" | "millisec" | "msecs" | "msec" | "ms" => {
            1_000_000
        }
        "microseconds" | "microsecond" | "microsecs" | "microsec" | "us" => 1_000,
        "nanoseconds" | "nanosecond" | "ns" => 1,
        _ => return None,
    })
}

/// A count of units as nanoseconds, the nearest whole one.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a unit is exact, the rest is rounded, and what is too large is looked for"
)]
fn rounded(count: f64, length: i128) -> Option<i128> {
    // Whole units first: they are exact, so that the error is one of the fraction alone.
    let whole = count.trunc();
    if !whole.is_finite() || whole.abs() > 1e18 {
        return None;
    }
    let fraction = ((count - whole) * length as f64).round() as i128;
    (whole as i128).checked_mul(length)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::{MISSING, times};
    use crate::cf::iso;
    use crate::read::Elements;
    use chunkref_manifest::{Attribute, Attributes, ByteOrder, DataType};

    fn read(counts: &[f64], units: &str, calendar: Option<&str>) -> Result<Vec<String>, String> {
        let elements = Elements {
            shape: vec![counts.len() as u64],
            data_type: DataType::Float {
                size: 8,
                order: ByteOrder::Little,
            },
            bytes: counts
                .iter()
                .flat_map(|count| count.to_le_bytes())
                .collect::<Vec<_>>()
                .into(),
        };
        let mut attributes = Attributes::from([("units".to_owned(), Attribute::text(units))]);
        if let Some(calendar) = calendar {
            attributes.insert("calendar".to_owned(), Attribute::text(calendar));
        }
        let times = times(&elements, &attributes)?.ok_or("no times")?;
        let text = |time: i128| match time {
            MISSING => "missing".to_owned(),
            time => iso(time).unwrap(),
        };
        Ok(times.into_iter().map(text).collect())
    }

    #[test]
    fn units_that_products_have() {
        for (count, units, expected) in [
            (
                1.25,
                "days since 1970-1-1 00:00:00.0",
                "1970-01-02T06:00:00",
            ),
            (
                1_243_846_800.0,
                "seconds since 1981-01-01 00:00:00 UTC",
                "2020-06-01T09:00:00",
            ),
            (
                0.1,
                "Hours since 2000-01-01T12:00:00Z",
                "2000-01-01T12:06:00",
            ),
            (
                -1.0,
                "minute since 2000-01-01 00:00 +1:00",
                "1999-12-31T22:59:00",
            ),
            (f64::NAN, "ms since 2000-01-01", "missing"),
            // A reference in the Julian calendar.
            (
                17_628_096.0,
                "hours since 1-1-1 00:00:0.0",
                "2012-01-01T00:00:00",
            ),
        ] {
            assert_eq!(read(&[count], units, None).unwrap(), [expected], "{units}");
        }
        let proleptic = read(
            &[17_628_096.0],
            "hours since 0001-01-01",
            Some("proleptic_gregorian"),
        );
        assert_eq!(proleptic.unwrap(), ["2012-01-03T00:00:00"]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (units, calendar, said) in [
            ("months since 2000-01-01", None, "\"months\""),
            ("days since noon", None, "since \"noon\""),
            ("days since 2000-01-01", Some("noleap"), "\"noleap\""),
            ("days since 1500-01-01", None, "before 1582-10-15"),
        ] {
            let error = read(&[1.0], units, calendar).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(read(&[1e300], "days since 2000-01-01", None).is_err());
        assert!(
            read(&[1.0], "degrees_north", None)
                .unwrap_err()
                .contains("no times")
        );
    }
}
