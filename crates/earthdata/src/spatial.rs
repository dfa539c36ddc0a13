//! Places: boxes, polygons, lines, points and circles, in degrees.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::umm;

/// A point: longitude and latitude in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// -180 to 180, east is positive.
    pub longitude: f64,
    /// -90 to 90, north is positive.
    pub latitude: f64,
}

impl Point {
    /// A point on the earth.
    ///
    /// # Errors
    ///
    /// If a coordinate is out of its range.
    pub fn new(longitude: f64, latitude: f64) -> Result<Self> {
        if !(-180.0..=180.0).contains(&longitude) || !(-90.0..=90.0).contains(&latitude) {
            return Err(Error::query(format!(
                "point {longitude},{latitude}: expected a longitude of -180 to 180 and a latitude \
                 of -90 to 90"
            )));
        }
        Ok(Self {
            longitude,
            latitude,
        })
    }

    /// Points of a list `LON,LAT,LON,LAT,...`.
    ///
    /// # Errors
    ///
    /// If it is no such list.
    pub fn list(text: &str) -> Result<Vec<Self>> {
        let numbers = numbers(text)?;
        let pairs = numbers.chunks_exact(2);
        if !pairs.remainder().is_empty() || numbers.is_empty() {
            return Err(Error::query(format!(
                "points {text:?}: expected LON,LAT,LON,LAT,..."
            )));
        }
        let point = |pair: &[f64]| match pair {
            [longitude, latitude] => Self::new(*longitude, *latitude),
            _ => Err(Error::query("a point has two coordinates".to_owned())),
        };
        pairs.map(point).collect()
    }
}

/// `LON,LAT`.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.longitude, self.latitude)
    }
}

/// `LON,LAT`.
impl FromStr for Point {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::list(text)?.as_slice() {
            [point] => Ok(*point),
            _ => Err(Error::query(format!("point {text:?}: expected LON,LAT"))),
        }
    }
}

/// A box; one whose west lies east of its east crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BoundingBox {
    /// Longitude of the western edge.
    pub west: f64,
    /// Latitude of the southern edge.
    pub south: f64,
    /// Longitude of the eastern edge.
    pub east: f64,
    /// Latitude of the northern edge.
    pub north: f64,
}

impl BoundingBox {
    /// A box by its edges, in degrees.
    ///
    /// # Errors
    ///
    /// If a coordinate is out of its range, or the north is south of the south.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        Point::new(west, south)?;
        Point::new(east, north)?;
        if south > north {
            return Err(Error::query(format!(
                "bounding box {west},{south},{east},{north}: expected WEST,SOUTH,EAST,NORTH, the \
                 south first"
            )));
        }
        Ok(Self {
            west,
            south,
            east,
            north,
        })
    }
}

/// `WEST,SOUTH,EAST,NORTH`.
impl fmt::Display for BoundingBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{},{},{},{}",
            self.west, self.south, self.east, self.north
        )
    }
}

/// `WEST,SOUTH,EAST,NORTH`.
impl FromStr for BoundingBox {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match numbers(text)?.as_slice() {
            [west, south, east, north] => Self::new(*west, *south, *east, *north),
            _ => Err(Error::query(format!(
                "bounding box {text:?}: expected WEST,SOUTH,EAST,NORTH"
            ))),
        }
    }
}

/// A circle.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Circle {
    /// Its centre.
    pub center: Point,
    /// Its radius in metres.
    pub radius: f64,
}

impl Circle {
    /// A circle by centre and radius in metres.
    ///
    /// # Errors
    ///
    /// If the radius is not one that CMR takes: 10 m to 6,000 km.
    pub fn new(center: Point, radius: f64) -> Result<Self> {
        if !(10.0..=6_000_000.0).contains(&radius) {
            return Err(Error::query(format!(
                "circle with a radius of {radius} m: expected 10 to 6,000,000"
            )));
        }
        Ok(Self { center, radius })
    }
}

/// `LON,LAT,RADIUS`.
impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.center, self.radius)
    }
}

/// `LON,LAT,RADIUS`.
impl FromStr for Circle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match numbers(text)?.as_slice() {
            [longitude, latitude, radius] => Self::new(Point::new(*longitude, *latitude)?, *radius),
            _ => Err(Error::query(format!(
                "circle {text:?}: expected LON,LAT,RADIUS"
            ))),
        }
    }
}

fn numbers(text: &str) -> Result<Vec<f64>> {
    let number = |part: &str| {
        let number: f64 = part.trim().parse().ok()?;
        number.is_finite().then_some(number)
    };
    let numbers: Option<Vec<_>> = text.split(',').map(number).collect();
    numbers.ok_or_else(|| Error::query(format!("{text:?}: expected numbers with commas between")))
}

/// A polygon as CMR wants it: closed, at least three corners, counter-clockwise.
pub(crate) fn polygon(points: &[Point]) -> Result<String> {
    let mut ring = points.to_vec();
    if ring.first() != ring.last() {
        ring.extend(points.first().copied());
    }
    if ring.len() < 4 {
        return Err(Error::query(
            "a polygon has at least three corners: expected LON,LAT,LON,LAT,LON,LAT,...".to_owned(),
        ));
    }
    if is_clockwise(&ring) {
        ring.reverse();
    }
    Ok(joined(&ring))
}

/// A line as CMR wants it.
pub(crate) fn line(points: &[Point]) -> Result<String> {
    if points.len() < 2 {
        return Err(Error::query(
            "a line has at least two points: expected LON,LAT,LON,LAT,...".to_owned(),
        ));
    }
    Ok(joined(points))
}

fn joined(points: &[Point]) -> String {
    let points: Vec<_> = points.iter().map(ToString::to_string).collect();
    points.join(",")
}

/// Whether a closed ring runs clockwise. One that runs around a pole does neither, and is as it is.
fn is_clockwise(ring: &[Point]) -> bool {
    let (mut area, mut longitude) = (0.0, 0.0);
    for (from, to) in ring.iter().zip(ring.iter().skip(1)) {
        // The short way around the earth.
        let mut step = to.longitude - from.longitude;
        if step > 180.0 {
            step -= 360.0;
        } else if step < -180.0 {
            step += 360.0;
        }
        let next = longitude + step;
        area += longitude * to.latitude - next * from.latitude;
        longitude = next;
    }
    longitude.abs() < 180.0 && area < 0.0
}

/// Where the data of a granule lie.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Geometry {
    /// Within a box.
    Box(BoundingBox),
    /// Within a polygon: its corners, the first one again at the end.
    Polygon(Vec<Point>),
    /// Along a line.
    Line(Vec<Point>),
    /// At a point.
    Point(Point),
}

/// What `SpatialExtent` of UMM-G says.
pub(crate) fn geometries(umm: &Value) -> Vec<Geometry> {
    let path = ["SpatialExtent", "HorizontalSpatialDomain", "Geometry"];
    let Some(geometry) = umm::at(umm, &path) else {
        return Vec::new();
    };
    let degrees = |value: &Value, name: &str| umm::number(value, &[name]);
    let point = |value: &Value| {
        Some(Point {
            longitude: degrees(value, "Longitude")?,
            latitude: degrees(value, "Latitude")?,
        })
    };
    let points = |value: &Value, path: &[&str]| -> Option<Vec<Point>> {
        let points: Option<Vec<_>> = umm::list(value, path).iter().map(point).collect();
        points.filter(|points| !points.is_empty())
    };
    let edges = |value: &Value| {
        Some(Geometry::Box(BoundingBox {
            west: degrees(value, "WestBoundingCoordinate")?,
            south: degrees(value, "SouthBoundingCoordinate")?,
            east: degrees(value, "EastBoundingCoordinate")?,
            north: degrees(value, "NorthBoundingCoordinate")?,
        }))
    };
    let boxes = umm::list(geometry, &["BoundingRectangles"]).iter();
    let polygons = umm::list(geometry, &["GPolygons"]).iter();
    let lines = umm::list(geometry, &["Lines"]).iter();
    let single = umm::list(geometry, &["Points"]).iter();
    boxes
        .filter_map(edges)
        .chain(
            polygons.filter_map(|one| points(one, &["Boundary", "Points"]).map(Geometry::Polygon)),
        )
        .chain(lines.filter_map(|one| points(one, &["Points"]).map(Geometry::Line)))
        .chain(single.filter_map(|one| point(one).map(Geometry::Point)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{BoundingBox, Circle, Point, line, polygon};

    #[test]
    fn places_are_checked() {
        let box_: BoundingBox = "-94.93, 40.26,-73.83,48.95".parse().unwrap();
        assert_eq!(box_.to_string(), "-94.93,40.26,-73.83,48.95");
        // Across the antimeridian.
        assert!("170,-10,-170,10".parse::<BoundingBox>().is_ok());
        for text in [
            "",
            "1,2,3",
            "0,10,1,5",
            "0,0,200,1",
            "a,0,1,1",
            "NaN,0,1,1",
            "0,0,1,1,2",
        ] {
            assert!(text.parse::<BoundingBox>().is_err(), "{text}");
        }
        assert!("10,20".parse::<Point>().is_ok());
        assert!("10,20,30".parse::<Point>().is_err());
        assert_eq!(
            "-87.6,41.8,1000".parse::<Circle>().unwrap().to_string(),
            "-87.6,41.8,1000"
        );
        assert!("-87.6,41.8,1".parse::<Circle>().is_err());
        assert!(line(&Point::list("1,2").unwrap()).is_err());
    }

    #[test]
    fn polygons_are_closed_and_run_counter_clockwise() {
        let sent = |text: &str| polygon(&Point::list(text).unwrap()).unwrap();
        let right = "10,10,30,10,30,20,10,20,10,10";
        assert_eq!(sent(right), right);
        assert_eq!(sent("10,10,30,10,30,20,10,20"), right);
        assert_eq!(sent("10,10,10,20,30,20,30,10,10,10"), right);
        // Across the antimeridian.
        let right = "170,10,-170,10,-170,20,170,20,170,10";
        assert_eq!(sent(right), right);
        assert_eq!(sent("170,10,170,20,-170,20,-170,10"), right);
        // Around the pole.
        let around = "0,60,90,60,180,60,-90,60,0,60";
        assert_eq!(sent(around), around);
        assert!(polygon(&Point::list("1,2,3,4").unwrap()).is_err());
    }
}
