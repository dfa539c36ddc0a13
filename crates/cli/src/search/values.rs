//! Values of options of a search that are not those of the library as they are.

use std::ops::RangeInclusive;

use chunkref::earthdata::{Error, Point};

/// `FIRST:LAST`, or one year.
pub(crate) fn years(text: &str) -> Result<RangeInclusive<i32>, String> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let year = |text: &str| text.trim().parse::<i32>().ok();
    let years = year(first).zip(year(last));
    let (first, last) = years.ok_or("expected FIRST:LAST, such as 2013:2022")?;
    Ok(first..=last)
}

/// `MIN,MAX`, where one side may be left out, or one number.
pub(crate) fn numbers(text: &str) -> Result<RangeInclusive<f64>, String> {
    let (min, max) = text.split_once(',').unwrap_or((text, text));
    let number = |text: &str, open: f64| {
        let text = text.trim();
        if text.is_empty() {
            return Some(open);
        }
        let number = text.parse::<f64>().ok()?;
        number.is_finite().then_some(number)
    };
    let ends = number(min, f64::NEG_INFINITY).zip(number(max, f64::INFINITY));
    let (min, max) = ends.ok_or("expected MIN,MAX")?;
    if min > max || (min.is_infinite() && max.is_infinite()) {
        return Err("expected MIN,MAX, the smaller one first".to_owned());
    }
    Ok(min..=max)
}

/// `N` or `N:TILES`.
pub(crate) fn pass(text: &str) -> Result<(u32, Option<String>), String> {
    let (number, tiles) = match text.split_once(':') {
        Some((number, tiles)) => (number, Some(tiles.to_owned())),
        None => (text, None),
    };
    let number = number
        .parse()
        .map_err(|_| "expected N or N:TILES, such as 3:1L,2F")?;
    Ok((number, tiles))
}

/// Points of one polygon or line.
#[derive(Clone, Debug)]
pub(crate) struct Points(pub(crate) Vec<Point>);

pub(crate) fn points(text: &str) -> Result<Points, Error> {
    Point::list(text).map(Points)
}

#[cfg(test)]
mod tests {
    use super::{numbers, pass, years};

    #[test]
    fn ranges_are_read() {
        assert_eq!(years("2013:2022"), Ok(2013..=2022));
        assert_eq!(years("2013"), Ok(2013..=2013));
        assert!(years("2013-2022").is_err());
        assert_eq!(numbers(",30"), Ok(f64::NEG_INFINITY..=30.0));
        assert_eq!(numbers("5"), Ok(5.0..=5.0));
        assert!(numbers(",").is_err() && numbers("3,1").is_err() && numbers("x").is_err());
        assert_eq!(pass("3:1L,2F"), Ok((3, Some("1L,2F".to_owned()))));
        assert!(pass("L").is_err());
    }
}
