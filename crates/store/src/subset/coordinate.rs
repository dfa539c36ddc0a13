//! The coordinates of dimensions, and labels on them.

use std::ops::Range;

use chunkref_manifest::{Array, Manifest};

use crate::cf::{MISSING, Numbers, TimeLabel, is_time, numbers, times};
use crate::read::Elements;

/// The values of a coordinate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Coordinate {
    Numbers(Numbers),
    Times(Vec<i128>),
}

/// Places along a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// One, whose dimension is dropped.
    One(usize),
    Range(Range<usize>),
}

impl Coordinate {
    /// What the elements of a coordinate mean.
    ///
    /// # Errors
    /// With the reason, where they are neither numbers nor times.
    pub(crate) fn new(elements: &Elements, array: &Array) -> Result<Self, String> {
        if is_time(&array.attributes)
            && let Some(times) = times(elements, &array.attributes)?
        {
            return Ok(Self::Times(times));
        }
        numbers(elements, &array.attributes)?
            .map(Self::Numbers)
            .ok_or_else(|| "neither numbers nor times; indices are understood".to_owned())
    }

    /// The places of a label, or of a range `FROM:TO` of labels.
    ///
    /// # Errors
    /// With the reason, where there are none that could be meant.
    pub(crate) fn find(&self, text: &str, nearest: bool) -> Result<Found, String> {
        match self {
            Self::Numbers(numbers) => {
                let values = &numbers.values;
                let label = |text: &str| number(text).map(|number| numbers.rounded(number));
                let valid = |value: &f64| !value.is_nan();
                if let Some((from, to)) = text.split_once(':') {
                    refuse_nearest(text, nearest)?;
                    let bound = |text: &str| match text.trim() {
                        "" => Ok(None),
                        text => label(text).map(Some),
                    };
                    let (low, high) = in_order(bound(from)?, bound(to)?);
                    return between(values, low, high, valid).map(Found::Range);
                }
                let wanted = label(text)?;
                if nearest {
                    let distance = |value: f64| (value - wanted).abs();
                    return self::nearest(values, valid, distance);
                }
                exactly(values, wanted, text.trim())
            }
            Self::Times(values) => find_time(values, text, nearest),
        }
    }
}

/// A label as a number.
fn number(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok();
    number
        .filter(|number| !number.is_nan())
        .ok_or_else(|| format!("{text:?} is no number, as its values are"))
}

fn refuse_nearest(text: &str, nearest: bool) -> Result<(), String> {
    if nearest {
        return Err(format!(
            "the nearest to a range such as {text:?} is not defined"
        ));
    }
    Ok(())
}

fn find_time(values: &[i128], text: &str, nearest: bool) -> Result<Found, String> {
    let valid = |value: &i128| *value != MISSING;
    if let Some((from, to)) = time_range(text) {
        refuse_nearest(text, nearest)?;
        // Either may come first; of each the end that makes the range larger counts. Where the one that
        // is written last is less exact and holds the other, they are in order: from noon to the day's end.
        let (from, to) = match (from, to) {
            (Some(from), Some(to)) if to.last < from.start => (Some(to), Some(from)),
            both => both,
        };
        let (low, high) = (from.map(|label| label.start), to.map(|label| label.last));
        return between(values, low, high, valid).map(Found::Range);
    }
    let label = TimeLabel::parse(text).ok_or_else(|| {
        format!("{text:?} is no time such as 2020-06-01 or 2020-06-01T09:30, nor a range of them")
    })?;
    if nearest {
        let distance = |value: i128| value.abs_diff(label.start);
        return self::nearest(values, valid, distance);
    }
    if label.is_coarser_than(values) {
        let found = between(values, Some(label.start), Some(label.last), valid)?;
        if found.is_empty() {
            return Err(format!("no value in {text}{}", range_of_times(values)));
        }
        return Ok(Found::Range(found));
    }
    exactly(values, label.start, text)
        .map_err(|reason| format!("{reason}{}", range_of_times(values)))
}

/// The two ends of a range of times. They have colons themselves: the one that leaves a time, or
/// nothing, on either side is meant.
fn time_range(text: &str) -> Option<(Option<TimeLabel>, Option<TimeLabel>)> {
    let bound = |text: &str| match text.trim() {
        "" => Some(None),
        text => TimeLabel::parse(text).map(Some),
    };
    text.match_indices(':').find_map(|(at, _)| {
        let (from, to) = text.split_at_checked(at)?;
        Some((bound(from)?, bound(to.get(1..)?)?))
    })
}

/// From where to where the times go, for messages.
fn range_of_times(values: &[i128]) -> String {
    let valid = || values.iter().filter(|value| **value != MISSING);
    let text = |value: Option<&i128>| value.and_then(|value| crate::cf::iso(*value));
    match (text(valid().min()), text(valid().max())) {
        (Some(first), Some(last)) => format!("; its values go from {first} to {last}"),
        _ => String::new(),
    }
}

fn in_order(one: Option<f64>, other: Option<f64>) -> (Option<f64>, Option<f64>) {
    match (one, other) {
        (Some(one), Some(other)) if other < one => (Some(other), Some(one)),
        both => both,
    }
}

/// The places of all values between two, both included, of values that ascend or descend.
fn between<T: PartialOrd + Copy>(
    values: &[T],
    low: Option<T>,
    high: Option<T>,
    valid: impl Fn(&T) -> bool,
) -> Result<Range<usize>, String> {
    let invalid = values.iter().filter(|value| !valid(value)).count();
    if invalid > 0 {
        return Err(format!(
            "{invalid} of its values are missing, and ranges need a sorted coordinate; \
             indices are understood"
        ));
    }
    let below = |value: &T| low.is_some_and(|low| *value < low);
    let above = |value: &T| high.is_some_and(|high| *value > high);
    let range = if values.is_sorted() {
        values.partition_point(below)..values.partition_point(|value| !above(value))
    } else if values.is_sorted_by(|one, next| one >= next) {
        values.partition_point(above)..values.partition_point(|value| !below(value))
    } else {
        return Err(
            "its values neither ascend nor descend, which ranges need; single values and indices \
             are understood"
                .to_owned(),
        );
    };
    // Nothing, where it could only be at one place.
    Ok(range.start..range.end.max(range.start))
}

/// The place of a value, or the places where it is repeated.
fn exactly<T: PartialOrd + Copy>(values: &[T], wanted: T, text: &str) -> Result<Found, String> {
    let mut places = values
        .iter()
        .enumerate()
        .filter(|(_, value)| **value == wanted)
        .map(|(place, _)| place);
    let Some(first) = places.next() else {
        return Err(format!("no value {text}; --nearest takes the nearest one"));
    };
    let mut end = first.saturating_add(1);
    for place in places {
        if place != end {
            return Err(format!(
                "{text} is at several places that do not follow one another; indices are understood"
            ));
        }
        end = end.saturating_add(1);
    }
    Ok(if end == first.saturating_add(1) {
        Found::One(first)
    } else {
        Found::Range(first..end)
    })
}

/// The place of the nearest value, of two as near the larger one, as pandas has it.
fn nearest<T: Copy + PartialOrd, D: PartialOrd>(
    values: &[T],
    valid: impl Fn(&T) -> bool,
    distance: impl Fn(T) -> D,
) -> Result<Found, String> {
    let mut best: Option<(usize, D, T)> = None;
    for (place, value) in values.iter().enumerate().filter(|(_, value)| valid(value)) {
        let distance = distance(*value);
        let is_better = best
            .as_ref()
            .is_none_or(|(_, least, held)| distance < *least || distance == *least && value > held);
        if is_better {
            best = Some((place, distance, *value));
        }
    }
    best.map(|(place, ..)| Found::One(place))
        .ok_or_else(|| "it has no values".to_owned())
}

/// The path of the coordinate of a dimension, as an array in this group sees it: a one-dimensional
/// array of the dimension's name, there or in a group above (netCDF dimensions are inherited).
pub(crate) fn coordinate_of(
    manifest: &Manifest,
    group: &str,
    dimension: &str,
    length: u64,
) -> Option<String> {
    let mut above = Some(group);
    while let Some(path) = above {
        let found = manifest
            .group(path)
            .and_then(|group| group.arrays.get(dimension));
        if let Some(array) = found {
            let fits = array.dimension_names == [dimension] && array.shape == [length];
            return fits.then(|| format!("{}/{dimension}", path.trim_end_matches('/')));
        }
        above = parent(path);
    }
    None
}

/// The group above; `None` for the root.
pub(crate) fn parent(path: &str) -> Option<&str> {
    let path = path.trim_end_matches('/');
    let (above, _) = path.rsplit_once('/')?;
    Some(if above.is_empty() { "/" } else { above })
}

#[cfg(test)]
mod tests {
    use super::{Coordinate, Found};
    use crate::cf::{Numbers, TimeLabel};

    fn numbers(values: &[f64]) -> Coordinate {
        Coordinate::Numbers(Numbers {
            values: values.to_vec(),
            single: false,
        })
    }

    fn find(coordinate: &Coordinate, text: &str) -> Result<Found, String> {
        coordinate.find(text, false)
    }

    #[test]
    fn ranges_have_both_ends_whichever_way_the_coordinate_goes() {
        let up = numbers(&[0.0, 1.0, 2.0, 2.0, 3.5]);
        let down = numbers(&[3.5, 2.0, 2.0, 1.0, 0.0]);
        for (text, ascending, descending) in [
            ("1:2", 1..4, 1..4),
            ("2:1", 1..4, 1..4),
            ("0.5:3.6", 1..5, 0..4),
            ("2:", 2..5, 0..3),
            (":1", 0..2, 3..5),
            (":", 0..5, 0..5),
            ("1.2:1.8", 2..2, 3..3),
            ("7:9", 5..5, 0..0),
            ("-inf:inf", 0..5, 0..5),
        ] {
            assert_eq!(find(&up, text), Ok(Found::Range(ascending)), "{text} up");
            assert_eq!(
                find(&down, text),
                Ok(Found::Range(descending)),
                "{text} down"
            );
        }
        assert_eq!(find(&numbers(&[]), "1:2"), Ok(Found::Range(0..0)));
    }

    #[test]
    fn single_values_are_exact_or_the_nearest() {
        let values = numbers(&[0.0, 1.0, 2.0, 2.0, 4.0, f64::NAN]);
        assert_eq!(find(&values, "1"), Ok(Found::One(1)));
        assert_eq!(find(&values, "2.0"), Ok(Found::Range(2..4)));
        assert!(find(&values, "3").unwrap_err().contains("--nearest"));
        let nearest = |text| values.find(text, true);
        assert_eq!(nearest("0.5"), Ok(Found::One(1)));
        assert_eq!(nearest("99"), Ok(Found::One(4)));
        assert_eq!(
            numbers(&[3.0, 2.0, 1.0]).find("1.5", true),
            Ok(Found::One(1))
        );
        assert!(nearest("1:2").is_err());
        assert!(numbers(&[f64::NAN]).find("1", true).is_err());
        let rounded = Coordinate::Numbers(Numbers {
            values: vec![f64::from(40.01_f32)],
            single: true,
        });
        assert_eq!(find(&rounded, "40.01"), Ok(Found::One(0)));
        assert_eq!(find(&rounded, "40.01:41"), Ok(Found::Range(0..1)));
    }

    #[test]
    fn what_has_no_order_has_no_ranges() {
        let error = find(&numbers(&[0.0, 2.0, 1.0]), "0:1").unwrap_err();
        assert!(error.contains("neither ascend nor descend"), "{error}");
        let error = find(&numbers(&[0.0, f64::NAN]), "0:1").unwrap_err();
        assert!(error.contains("1 of its values are missing"), "{error}");
        let error = find(&numbers(&[1.0, 2.0, 1.0]), "1").unwrap_err();
        assert!(error.contains("at several places"), "{error}");
        for text in ["", "x", "nan", "2020-06-01", "1:nan"] {
            assert!(find(&numbers(&[1.0]), text).is_err(), "{text}");
        }
    }

    fn times(texts: &[&str]) -> Coordinate {
        let time = |text: &&str| TimeLabel::parse(text).unwrap().start;
        Coordinate::Times(texts.iter().map(time).collect())
    }

    #[test]
    fn dates_that_are_less_exact_mean_all_in_them() {
        let days = times(&["2020-06-01", "2020-06-02", "2020-07-01"]);
        let nines = times(&["2020-06-01T09", "2020-06-02T09", "2020-07-01T09"]);
        for (text, whole, at_nine) in [
            ("2020-06-02", Found::One(1), Found::Range(1..2)),
            ("2020-06", Found::Range(0..2), Found::Range(0..2)),
            (
                "2020-06-02:2020-07-01",
                Found::Range(1..3),
                Found::Range(1..3),
            ),
            ("2020-06-02:", Found::Range(1..3), Found::Range(1..3)),
            (":2020-06-01", Found::Range(0..1), Found::Range(0..1)),
            (
                "2020-06-02T10:00:2020-08",
                Found::Range(2..3),
                Found::Range(2..3),
            ),
            (
                "2020-06-01T00:00:2020-06-01T08:30",
                Found::Range(0..1),
                Found::Range(0..0),
            ),
            // From the day, or the hour, to the end of the month, or the day.
            ("2020-06-02:2020-06", Found::Range(1..2), Found::Range(1..2)),
            (
                "2020-06-02T08:2020-06-02",
                Found::Range(2..2),
                Found::Range(1..2),
            ),
            // And from its beginning.
            ("2020-06:2020-06-01", Found::Range(0..1), Found::Range(0..1)),
            ("2020-07:2020-06-02", Found::Range(1..3), Found::Range(1..3)),
        ] {
            assert_eq!(find(&days, text), Ok(whole), "{text}");
            assert_eq!(find(&nines, text), Ok(at_nine), "{text}");
        }
        assert_eq!(find(&nines, "2020-06-02T09:00"), Ok(Found::One(1)));
        assert_eq!(nines.find("2020-06-03", true), Ok(Found::One(1)));
        let error = find(&nines, "2020-06-03").unwrap_err();
        assert!(
            error.contains("from 2020-06-01T09:00:00 to 2020-07-01T09:00:00"),
            "{error}"
        );
        for text in ["2020-06-02T10", "40", "40:49", "::", "tomorrow"] {
            assert!(find(&days, text).is_err(), "{text}");
        }
    }
}
