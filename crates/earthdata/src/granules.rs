//! Searches for granules.

use std::ops::RangeInclusive;

use crate::cmr::Cmr;
use crate::collection::Collection;
use crate::collections::{CollectionSearch, Collections, not_empty};
use crate::error::{Error, Result};
use crate::granule::DayNight;
use crate::pages::{Found, Pages, Progress};
use crate::query::Query;
use crate::resolve;
use crate::season::Season;
use crate::spatial::{BoundingBox, Circle, Point, line, polygon};
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

    /// Of the collection with this concept id (`C...`), or the granule with it (`G...`).
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
        self.query.push("cloud_cover", &between(&percent));
        self
    }

    /// Taken by day or by night.
    pub fn day_night(mut self, flag: DayNight) -> Self {
        self.query.push("day_night_flag", &flag);
        self
    }

    /// Of these orbits.
    pub fn orbit_number(mut self, orbits: RangeInclusive<f64>) -> Self {
        self.query.push("orbit_number", &between(&orbits));
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
        self.query.push("updated_since", &moment);
        self
    }

    /// That can be had over the network, or can't.
    pub fn downloadable(mut self, downloadable: bool) -> Self {
        self.query.push("downloadable", &downloadable);
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

    fn refuse(&mut self, reason: &str) {
        self.problem.get_or_insert_with(|| Error::query(reason));
    }

    /// How many granules there are, however many the limit. With a season all pages are read, as CMR
    /// counts what touches it.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn count(&self, cmr: &Cmr) -> Result<u64> {
        let mut all = self.clone();
        all.limit = None;
        let mut pages = all.pages(cmr).await?;
        if self.seasonal && !self.touching {
            while pages.next().await?.is_some() {}
            return Ok(pages.progress().received);
        }
        pages.count().await
    }

    /// All granules, in CMR's order.
    ///
    /// # Errors
    ///
    /// If the search is not right, the collection is not known or not the only one of its name, or CMR
    /// can't be asked or refuses. That there is no granule is none.
    pub async fn run(&self, cmr: &Cmr) -> Result<Found> {
        self.run_with(cmr, |_| ()).await
    }

    /// The same, telling after each page how far it is.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn run_with(&self, cmr: &Cmr, mut tell: impl FnMut(Progress)) -> Result<Found> {
        let mut pages = self.pages(cmr).await?;
        let mut granules = Vec::new();
        while let Some(page) = pages.next().await? {
            granules.extend(page);
            tell(pages.progress());
        }
        Ok(pages.found(granules))
    }

    /// The granules page by page. The collections are looked up before.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn pages(&self, cmr: &Cmr) -> Result<Pages> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        if !(1..=LARGEST_PAGE).contains(&self.page_size) {
            let size = self.page_size;
            return Err(Error::query(format!(
                "{size} granules on a page: expected 1 to {LARGEST_PAGE}"
            )));
        }
        let mut query = self.parameters()?;
        let collections = self.collections(cmr).await?;
        if collections.is_empty() {
            query.push_all("collection_concept_id", &self.collection_ids);
            query.push_all("concept_id", &self.granule_ids);
            query.push_all("provider", &self.named.providers);
        } else {
            let ids = collections.iter().map(|one| one.concept_id.clone());
            query.push_all("collection_concept_id", &ids.collect::<Vec<_>>());
        }
        let most_of = if self.seasonal && !self.touching {
            self.temporal.clone()
        } else {
            Vec::new()
        };
        let pages = Pages::new(cmr.clone(), query, self.page_size, self.limit);
        Ok(pages.of_collections(collections).with_most_of(most_of))
    }

    /// The collections that are named; none, where ids or only a provider are given.
    async fn collections(&self, cmr: &Cmr) -> Result<Vec<Collection>> {
        let named = !self.named.short_names.is_empty() || !self.named.dois.is_empty();
        let ids = !self.collection_ids.is_empty() || !self.granule_ids.is_empty();
        match (named, ids) {
            (true, true) => Err(Error::query(
                "a concept id and a short name or DOI: expected one of them, as each says all",
            )),
            (true, false) => resolve::collections(&self.named, cmr).await,
            (false, _) if !self.named.versions.is_empty() || self.named.cloud_hosted.is_some() => {
                Err(Error::query(
                    "a version, or cloud_hosted, without a collection: expected a short name or a DOI",
                ))
            }
            (false, false) if self.named.providers.is_empty() => Err(Error::query(
                "a search for granules names what they are of: expected a short name, a DOI, a \
                 concept id or a provider",
            )),
            (false, _) => Ok(Vec::new()),
        }
    }

    /// All parameters but those that name collections.
    fn parameters(&self) -> Result<Query> {
        for (name, values) in [
            ("concept_id", &self.collection_ids),
            ("concept_id", &self.granule_ids),
            ("provider", &self.named.providers),
            ("granule_name", &self.names),
        ] {
            not_empty(name, values)?;
        }
        let mut query = self.query.clone();
        query.push_all("temporal", &self.temporal);
        query.push_any("bounding_box", &self.bounding_boxes);
        query.push_any("point", &self.points);
        query.push_any("circle", &self.circles);
        let polygons: Result<Vec<_>> = self.polygons.iter().map(|one| polygon(one)).collect();
        query.push_any("polygon", &polygons?);
        let lines: Result<Vec<_>> = self.lines.iter().map(|one| line(one)).collect();
        query.push_any("line", &lines?);
        if !self.names.is_empty() {
            query.push_all("readable_granule_name", &self.names);
            query.push("options[readable_granule_name][pattern]", &true);
        }
        if !self.passes.is_empty() && self.cycle.is_none() {
            return Err(Error::query("a pass without a cycle: expected both"));
        }
        query.push_some("cycle[]", self.cycle.as_ref());
        for (number, (pass, tiles)) in self.passes.iter().enumerate() {
            query.push(&format!("passes[{number}][pass]"), pass);
            query.push_some(&format!("passes[{number}][tiles]"), tiles.as_ref());
        }
        Ok(query)
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

#[cfg(test)]
mod tests {
    use super::Granules;
    use crate::{Circle, DayNight, Point, Season, TimeRange, Timestamp};

    #[test]
    fn every_parameter_is_sent_as_cmr_takes_it() {
        let points = Point::list("0,0,10,0,10,10").unwrap();
        let search = Granules::search()
            .temporal("2020-01-01,2020-01-31".parse().unwrap())
            .temporal("2021-01-01,".parse().unwrap())
            .bounding_box("-10,-5,10,5".parse().unwrap())
            .polygon(&points)
            .line(&points)
            .point(Point::new(1.5, 2.0).unwrap())
            .circle(Circle::new(Point::new(1.0, 2.0).unwrap(), 1000.0).unwrap())
            .circle(Circle::new(Point::new(3.0, 4.0).unwrap(), 1000.0).unwrap())
            .cloud_cover(f64::NEG_INFINITY..=30.0)
            .day_night(DayNight::Night)
            .orbit_number(0.5..=1.5)
            .cycle(3)
            .pass(1, Some("1L,2F"))
            .pass(2, None)
            .attribute("float,PERCENTAGE,25.5,30")
            .granule_name("ATL03_2020*")
            .instrument("ATLAS")
            .platform("ICESat-2")
            .production_date(TimeRange::new("2020", "2020").unwrap())
            .updated_since(Timestamp::begin("2024-01-01").unwrap())
            .downloadable(true)
            .sort_key("-start_date")
            .sort_key("producer_granule_id");
        let sent = search.parameters().unwrap().readable();
        let expected = [
            "cloud_cover=,30",
            "day_night_flag=night",
            "orbit_number=0.5,1.5",
            "attribute[]=float,PERCENTAGE,25.5,30",
            "instrument[]=ATLAS",
            "platform[]=ICESat-2",
            "production_date[]=2020-01-01T00:00:00Z,2020-12-31T23:59:59.999Z",
            "updated_since=2024-01-01T00:00:00Z",
            "downloadable=true",
            "sort_key[]=-start_date",
            "sort_key[]=producer_granule_id",
            "temporal[]=2020-01-01T00:00:00Z,2020-01-31T23:59:59.999Z",
            "temporal[]=2021-01-01T00:00:00Z,",
            "bounding_box[]=-10,-5,10,5",
            "point[]=1.5,2",
            "circle[]=1,2,1000",
            "circle[]=3,4,1000",
            "options[circle][or]=true",
            "polygon[]=0,0,10,0,10,10,0,0",
            "line[]=0,0,10,0,10,10",
            "readable_granule_name[]=ATL03_2020*",
            "options[readable_granule_name][pattern]=true",
            "cycle[]=3",
            "passes[0][pass]=1",
            "passes[0][tiles]=1L,2F",
            "passes[1][pass]=2",
        ];
        assert_eq!(sent, expected.join("&"));
    }

    #[test]
    fn what_contradicts_itself_is_told() {
        let season: Season = "12-24,12-25".parse().unwrap();
        let range: TimeRange = "2020".parse().unwrap();
        let both = Granules::search()
            .temporal(range)
            .season(season, 2013..=2022);
        assert!(both.problem.is_some());
        let both = Granules::search()
            .season(season, 2013..=2022)
            .temporal(range);
        assert!(both.problem.is_some());
        let pass = Granules::search().pass(1, None);
        assert!(pass.parameters().unwrap_err().to_string().contains("cycle"));
        assert!(Granules::search().granule_name(" ").parameters().is_err());
    }
}
