//! Searches for granules.

mod run;

use std::ops::RangeInclusive;

use crate::collections::{CollectionSearch, Collections};
use crate::error::Error;
use crate::granule::DayNight;
use crate::query::Query;
use crate::season::Season;
use crate::spatial::{BoundingBox, Circle, Point};
use crate::time::{TimeRange, Timestamp};

/// Records on one page, at most.
const LARGEST_PAGE: usize = 2000;

/// Granules: see [`Granules::search`].
#[derive(Clone, Copy, Debug)]
pub struct Granules;

impl Granules {
    /// A search for granules; see [the crate](crate) for an example.
    pub fn search() -> GranuleSearch {
        GranuleSearch {
            named: Collections::search(),
            collection_ids: Vec::new(),
            granule_ids: Vec::new(),
            temporal: Vec::new(),
            seasonal: false,
            touching: false,
            polygons: Vec::new(),
            lines: Vec::new(),
            query: Query::default(),
            bounding_boxes: Vec::new(),
            points: Vec::new(),
            circles: Vec::new(),
            names: Vec::new(),
            cycle: None,
            passes: Vec::new(),
            problem: None,
            limit: None,
            page_size: LARGEST_PAGE,
        }
    }
}

/// A search for granules.
///
/// Parameters of different kinds must all be met; of one kind that is given several times, one value
/// is enough. What is wrong with a value is told when the search is run.
#[derive(Clone, Debug)]
#[must_use]
pub struct GranuleSearch {
    named: CollectionSearch,
    collection_ids: Vec<String>,
    granule_ids: Vec<String>,
    temporal: Vec<TimeRange>,
    /// Whether the ranges are those of a season.
    seasonal: bool,
    touching: bool,
    polygons: Vec<Vec<Point>>,
    lines: Vec<Vec<Point>>,
    bounding_boxes: Vec<BoundingBox>,
    points: Vec<Point>,
    circles: Vec<Circle>,
    names: Vec<String>,
    cycle: Option<u32>,
    passes: Vec<(u32, Option<String>)>,
    /// Parameters that are sent as they are.
    query: Query,
    /// The first thing that was wrong with a value.
    problem: Option<Error>,
    limit: Option<u64>,
    page_size: usize,
}

impl GranuleSearch {
    /// Of the collection with this short name. Of several versions one must be named.
    pub fn short_name(mut self, name: &str) -> Self {
        self.named = self.named.short_name(name);
        self
    }

    /// Of this version of the collection, which is text: `006` is not `6`.
    pub fn version(mut self, version: &str) -> Self {
        self.named = self.named.version(version);
        self
    }

    /// Of this provider: `POCLOUD`, `NSIDC_CPRD`, ...
    pub fn provider(mut self, provider: &str) -> Self {
        self.named = self.named.provider(provider);
        self
    }

    /// Of the collection with this DOI, bare or as a URL.
    pub fn doi(mut self, doi: &str) -> Self {
        self.named = self.named.doi(doi);
        self
    }

    /// Of collections whose data are in the cloud, or are not.
    pub fn cloud_hosted(mut self, cloud_hosted: bool) -> Self {
        self.named = self.named.cloud_hosted(cloud_hosted);
        self
    }

    /// Of the collection with this concept id (`C...`), or the granule with it (`G...`). Where both are
    /// given, the granules must be of the collections.
    pub fn concept_id(mut self, id: &str) -> Self {
        match id.chars().next() {
            Some('G') => self.granule_ids.push(id.to_owned()),
            _ => self.collection_ids.push(id.to_owned()),
        }
        self
    }

    /// Taken in this range of times, if only in part.
    pub fn temporal(mut self, range: TimeRange) -> Self {
        if self.seasonal {
            self.refuse("temporal and season: expected one of the two");
        }
        self.temporal.push(range);
        self
    }

    /// Taken in these days of these years: at least half of a granule (or of the season, if that is
    /// shorter) lies in them. So a daily granule that begins on the evening before is of one day, not
    /// of two.
    pub fn season(mut self, season: Season, years: RangeInclusive<i32>) -> Self {
        if !self.temporal.is_empty() && !self.seasonal {
            self.refuse("temporal and season: expected one of the two");
        }
        match season.ranges(years) {
            Ok(ranges) => self.temporal.extend(ranges),
            Err(error) => self.problem = self.problem.or(Some(error)),
        }
        self.seasonal = true;
        self
    }

    /// With a season: also granules of which less than half lies in it.
    pub fn touching(mut self, touching: bool) -> Self {
        self.touching = touching;
        self
    }

    /// Whether granules are left out of which less than half lies in the season.
    pub fn leaves_out(&self) -> bool {
        self.seasonal && !self.touching
    }

    /// In this box, if only in part.
    pub fn bounding_box(mut self, edges: BoundingBox) -> Self {
        self.bounding_boxes.push(edges);
        self
    }

    /// In this polygon, if only in part. It is closed, and turned counter-clockwise, as CMR wants it;
    /// so it can't hold more than half of the earth.
    pub fn polygon(mut self, corners: &[Point]) -> Self {
        self.polygons.push(corners.to_vec());
        self
    }

    /// On this line.
    pub fn line(mut self, points: &[Point]) -> Self {
        self.lines.push(points.to_vec());
        self
    }

    /// At this point.
    pub fn point(mut self, point: Point) -> Self {
        self.points.push(point);
        self
    }

    /// In this circle, if only in part.
    pub fn circle(mut self, circle: Circle) -> Self {
        self.circles.push(circle);
        self
    }

    /// Covered by clouds from so many percent to so many.
    pub fn cloud_cover(mut self, percent: RangeInclusive<f64>) -> Self {
        self.push_once("cloud_cover", &between(&percent));
        self
    }

    /// Taken by day or by night.
    pub fn day_night(mut self, flag: DayNight) -> Self {
        self.query.push("day_night_flag", &flag);
        self
    }

    /// Of these orbits.
    pub fn orbit_number(mut self, orbits: RangeInclusive<f64>) -> Self {
        self.push_once("orbit_number", &between(&orbits));
        self
    }

    /// Of this cycle of orbits.
    pub fn cycle(mut self, cycle: u32) -> Self {
        if self.cycle.is_some() {
            self.refuse("cycle: expected one");
        }
        self.cycle = Some(cycle);
        self
    }

    /// Of this pass of the cycle; of these of its tiles (`1L,2F`), if some are named.
    pub fn pass(mut self, pass: u32, tiles: Option<&str>) -> Self {
        self.passes.push((pass, tiles.map(str::to_owned)));
        self
    }

    /// With this additional attribute: `NAME`, `TYPE,NAME,VALUE` or `TYPE,NAME,MIN,MAX`. Of several,
    /// all must be met.
    pub fn attribute(mut self, condition: &str) -> Self {
        self.query.push("attribute[]", condition);
        self
    }

    /// With a name like this, where `*` stands for anything and `?` for one character.
    pub fn granule_name(mut self, pattern: &str) -> Self {
        self.names.push(pattern.to_owned());
        self
    }

    /// Taken by this instrument.
    pub fn instrument(mut self, name: &str) -> Self {
        self.query.push("instrument[]", name);
        self
    }

    /// Taken from this platform.
    pub fn platform(mut self, name: &str) -> Self {
        self.query.push("platform[]", name);
        self
    }

    /// Made in this range of times.
    pub fn production_date(mut self, range: TimeRange) -> Self {
        self.query.push("production_date[]", &range);
        self
    }

    /// Whose record has changed since this moment.
    pub fn updated_since(mut self, moment: Timestamp) -> Self {
        self.push_once("updated_since", &moment);
        self
    }

    /// That can be had over the network, or can't.
    pub fn downloadable(mut self, downloadable: bool) -> Self {
        self.push_once("downloadable", &downloadable);
        self
    }

    /// In this order: a key of CMR, such as `start_date`, with `-` before it for the reverse. Of
    /// several keys the first goes first.
    pub fn sort_key(mut self, key: &str) -> Self {
        self.query.push("sort_key[]", key);
        self
    }

    /// At most so many.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// So many on one page: 1 to 2,000 (default 2,000).
    pub fn page_size(mut self, granules: usize) -> Self {
        self.page_size = granules;
        self
    }

    /// A parameter of which CMR takes one value.
    fn push_once(&mut self, name: &str, value: &impl ToString) {
        if self.query.has(name) {
            self.refuse(&format!("{name}: expected one"));
        }
        self.query.push(name, value);
    }

    fn refuse(&mut self, reason: &str) {
        self.problem.get_or_insert_with(|| Error::query(reason));
    }
}

/// As CMR takes a range: `MIN,MAX`, where what is infinite is left out.
fn between(range: &RangeInclusive<f64>) -> String {
    let part = |number: f64| {
        if number.is_finite() {
            number.to_string()
        } else {
            String::new()
        }
    };
    format!("{},{}", part(*range.start()), part(*range.end()))
}
