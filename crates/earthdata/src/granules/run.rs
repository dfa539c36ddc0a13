//! How a search for granules is run: its parameters, its collections, its pages.

use super::{GranuleSearch, LARGEST_PAGE};
use crate::cmr::Cmr;
use crate::collection::Collection;
use crate::collections::not_empty;
use crate::error::{Error, Result};
use crate::pages::{Found, Pages, Progress};
use crate::query::Query;
use crate::resolve;
use crate::spatial::{line, polygon};

impl GranuleSearch {
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
        if self.leaves_out() {
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
        let most_of = if self.leaves_out() {
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

#[cfg(test)]
mod tests {
    use crate::{Circle, DayNight, Granules, Point, Season, TimeRange, Timestamp};

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
