//! What people ask for: indices, labels, a box on the globe.

use super::bounding_box::BoundingBox;
use crate::error::{Error, Result};

/// What of an array is wanted, in the words of who asks.
///
/// ```
/// use chunkref_store::{BoundingBox, Query};
///
/// let query = Query::new()
///     .with_isel("time=0,depth=::5")?
///     .with_sel("lat=40:49")?
///     .with_nearest(true);
/// let lakes = Query::new().with_bounding_box(BoundingBox::parse("-94.93,40.26,-73.83,48.95")?);
/// # Ok::<(), chunkref_store::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub(crate) isel: Vec<(String, Indices)>,
    pub(crate) sel: Vec<(String, String)>,
    pub(crate) nearest: bool,
    pub(crate) bounding_box: Option<BoundingBox>,
    pub(crate) latitude: Option<String>,
    pub(crate) longitude: Option<String>,
}

/// Places along an axis as Python has them: negative ones count from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indices {
    At(i64),
    Slice {
        start: Option<i64>,
        stop: Option<i64>,
        step: u64,
    },
}

impl Query {
    /// All of an array.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds indices along dimensions: `time=0,lat=10:20,lon=::5`. They count from 0, negative ones
    /// from the end; a slice ends before its stop. A dimension with one index is dropped.
    ///
    /// # Errors
    ///
    /// If the text is not of this form.
    pub fn with_isel(mut self, text: &str) -> Result<Self> {
        for (name, value) in pairs(text)? {
            self.isel.push((name.to_owned(), indices(name, value)?));
        }
        Ok(self)
    }

    /// Adds labels along dimensions, values of their coordinates: `lat=40:49,time=2020-06-01`. Ranges
    /// have both of their ends, whether the coordinate ascends or descends; either may be left out. A
    /// dimension with one label is dropped. A date that is less exact than the coordinate is the range
    /// of all times in it.
    ///
    /// # Errors
    ///
    /// If the text is not of this form.
    pub fn with_sel(mut self, text: &str) -> Result<Self> {
        for (name, value) in pairs(text)? {
            self.sel.push((name.to_owned(), value.to_owned()));
        }
        Ok(self)
    }

    /// Takes for a single label the nearest value of the coordinate, of two as near the larger one.
    #[must_use]
    pub fn with_nearest(mut self, nearest: bool) -> Self {
        self.nearest = nearest;
        self
    }

    /// Adds a box of longitudes and latitudes.
    #[must_use]
    pub fn with_bounding_box(mut self, bounding_box: BoundingBox) -> Self {
        self.bounding_box = Some(bounding_box);
        self
    }

    /// Names the arrays that hold latitude and longitude, in the group of the array, or as paths from
    /// the root with a leading slash; `None` where they are to be found.
    #[must_use]
    pub fn with_latitude_longitude(
        mut self,
        latitude: Option<String>,
        longitude: Option<String>,
    ) -> Self {
        self.latitude = latitude;
        self.longitude = longitude;
        self
    }

    /// Whether all of an array is asked for.
    pub fn is_all(&self) -> bool {
        self.isel.is_empty() && self.sel.is_empty() && self.bounding_box.is_none()
    }

    /// Whether coordinates have to be read.
    pub fn needs_coordinates(&self) -> bool {
        !self.sel.is_empty() || self.bounding_box.is_some()
    }
}

fn wrong(reason: String) -> Error {
    Error::Query { reason }
}

/// The parts of `name=value,name=value`.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>> {
    text.split(',')
        .map(|pair| {
            let parts = pair.split_once('=');
            let parts = parts.map(|(name, value)| (name.trim(), value.trim()));
            parts
                .filter(|(name, value)| !name.is_empty() && !value.is_empty())
                .ok_or_else(|| wrong(format!("{pair:?}: expected DIMENSION=VALUE")))
        })
        .collect()
}

fn indices(name: &str, value: &str) -> Result<Indices> {
    let wrong = |expected: &str| wrong(format!("{name}={value}: expected {expected}"));
    let number = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| wrong("an index, or START:STOP or START:STOP:STEP of indices"))
    };
    let bound = |text: Option<&str>| match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => number(text).map(Some),
    };
    let mut parts = value.split(':');
    let (first, second, third) = (parts.next().unwrap_or(value), parts.next(), parts.next());
    if parts.next().is_some() {
        return Err(wrong("no more than START:STOP:STEP"));
    }
    if second.is_none() {
        return number(first).map(Indices::At);
    }
    let step = bound(third)?.unwrap_or(1);
    let step = u64::try_from(step).ok().filter(|step| *step > 0);
    Ok(Indices::Slice {
        start: bound(Some(first))?,
        stop: bound(second)?,
        step: step.ok_or_else(|| wrong("a step of 1 or more"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Indices, Query};

    #[test]
    fn indices_as_python_has_them() {
        let slice = |start, stop, step| Indices::Slice { start, stop, step };
        let query = Query::new()
            .with_isel("time=-1, lat=10:20,x=::5,y=:")
            .unwrap()
            .with_isel("z=-3:")
            .unwrap();
        let expected = [
            ("time", Indices::At(-1)),
            ("lat", slice(Some(10), Some(20), 1)),
            ("x", slice(None, None, 5)),
            ("y", slice(None, None, 1)),
            ("z", slice(Some(-3), None, 1)),
        ];
        assert_eq!(
            query.isel,
            expected.map(|(name, indices)| (name.to_owned(), indices))
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, said) in [
            ("time", "\"time\": expected DIMENSION=VALUE"),
            ("time=0,", "\"\": expected DIMENSION=VALUE"),
            ("time=", "\"time=\": expected DIMENSION=VALUE"),
            ("time=x", "time=x: expected an index"),
            ("time=0.5", "time=0.5: expected an index"),
            ("time=::-1", "time=::-1: expected a step of 1 or more"),
            ("time=::0", "time=::0: expected a step of 1 or more"),
            ("time=0:1:2:3", "time=0:1:2:3: expected no more"),
        ] {
            let error = Query::new().with_isel(text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
        assert!(Query::new().with_sel("lat").is_err());
    }
}
