//! What the command line says of a search.

mod given;

use std::ops::RangeInclusive;

use chunkref::Client;
use chunkref::earthdata::{
    BoundingBox, Circle, Cmr, DayNight, FileChoice, GranuleSearch, Granules, LinkKind, Point,
    Season, TimeRange, Timestamp,
};
use clap::{Args, ValueEnum};

use crate::connection::Connection;
use crate::failure::Failure;
use crate::search::values::{Points, numbers, pass, points, years};

/// The variable that names another CMR.
const CMR_URL: &str = "CHUNKREF_CMR_URL";

const EXAMPLES: &str = "\
Examples:
  chunkref search --short-name MUR-JPL-L4-GLOB-v4.1 --temporal 2020-06-01,2020-06-30
  chunkref search --short-name MUR-JPL-L4-GLOB-v4.1 --season 12-24,12-25 --years 2013:2022
  chunkref search --short-name ATL03 --version 006 --bbox=-51,68,-48,70 --links s3
  chunkref search --doi 10.5067/GHGMR-4FJ04 --count
  chunkref search --short-name MUR-JPL-L4-GLOB-v4.1 --virtual

Exit codes:
  0  something was found (with --count: or not)
  1  nothing was found, or CMR could not be asked, or refused
  2  the command line is wrong";

/// Options of `chunkref search`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
#[command(after_help = EXAMPLES, disable_version_flag = true)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// With --collections: words of the record
    #[arg(
        long,
        value_name = "WORDS",
        requires = "collections",
        help_heading = "Of which collection"
    )]
    pub(crate) keyword: Option<String>,
    /// Print only how many granules there are
    #[arg(long, help_heading = "Output", group = "shown")]
    pub(crate) count: bool,
    /// Print all that is known of each granule, as JSON
    #[arg(long, help_heading = "Output", group = "shown")]
    pub(crate) json: bool,
    /// Print links of this kind, one a line; of data files those that are chosen
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        help_heading = "Output",
        group = "shown"
    )]
    pub(crate) links: Option<Links>,
    /// Print the ready-made virtual stores that the collections advertise
    #[arg(long = "virtual", help_heading = "Output", group = "shown")]
    pub(crate) virtual_stores: bool,
    /// Print collections, not granules
    #[arg(long, help_heading = "Output", group = "shown")]
    pub(crate) collections: bool,
    /// Print requests, bytes and seconds to standard error
    #[arg(long, help_heading = "Output")]
    pub(crate) stats: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// What is searched for, and where: `search` and `build` have these options in common.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    what: Collection,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    about: About,
    /// At most so many granules
    #[arg(long, value_name = "N", help_heading = "Of which kind")]
    pub(crate) limit: Option<u64>,
    #[arg(
        long,
        value_name = "KEY",
        allow_hyphen_values = true,
        help_heading = "Of which kind",
        help = "In this order: start_date, end_date, revision_date, granule_ur, ...; with - before it \
                the reverse; may be given several times"
    )]
    sort_key: Vec<String>,
    /// Of granules with several data files, the one that fits this glob, such as '*.nc'; with a slash in it
    /// the one of which a link does
    #[arg(long, value_name = "GLOB", help_heading = "Of which kind")]
    files: Option<String>,
    /// Of granules with several data files, all (that fit --files)
    #[arg(long, help_heading = "Of which kind")]
    all_files: bool,
    #[arg(
        long,
        help_heading = "Connections",
        conflicts_with = "no_login",
        help = "Ask CMR as the user of your Earthdata Login, who may see more than others; else it is \
                asked anonymously"
    )]
    pub(crate) as_user: bool,
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Connections",
        help = "Another CMR: what comes before /granules.umm_json; else CHUNKREF_CMR_URL in the \
                environment"
    )]
    cmr_url: Option<String>,
}

/// What granules are of.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of which collection")]
pub(crate) struct Collection {
    /// The collection's short name; may be given several times
    #[arg(long = "short-name", value_name = "NAME")]
    pub(crate) short_names: Vec<String>,
    /// Its version, which is text: 006 is not 6; may be given several times
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) versions: Vec<String>,
    /// Its DOI
    #[arg(long = "doi", value_name = "DOI")]
    pub(crate) dois: Vec<String>,
    /// Its concept id (C...), or that of a granule (G...)
    #[arg(long = "concept-id", value_name = "ID")]
    pub(crate) concept_ids: Vec<String>,
    /// Its provider, such as POCLOUD
    #[arg(long = "provider", value_name = "PROVIDER")]
    pub(crate) providers: Vec<String>,
    /// Only collections that are in the cloud (or, with false, are not)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) cloud_hosted: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "When")]
struct When {
    /// Taken in this range of times, if only in part. A date alone ends with its last moment; one side
    /// may be left out; may be given several times
    #[arg(long, value_name = "START,END", allow_hyphen_values = true)]
    temporal: Vec<TimeRange>,
    /// The same days of each of --years: granules of which at least half lies in them
    #[arg(
        long,
        value_name = "MM-DD,MM-DD",
        requires = "years",
        conflicts_with = "temporal"
    )]
    season: Option<Season>,
    /// The years in which --season begins
    #[arg(long, value_name = "FIRST:LAST", value_parser = years, requires = "season")]
    years: Option<RangeInclusive<i32>>,
    /// With --season: also granules of which less than half lies in it
    #[arg(long, requires = "season")]
    touching: bool,
    /// Made in this range of times
    #[arg(long, value_name = "START,END")]
    production_date: Option<TimeRange>,
    /// Whose record has changed since this moment
    #[arg(long, value_name = "TIME", value_parser = Timestamp::begin)]
    updated_since: Option<Timestamp>,
}

/// Places, in degrees; of several of a kind one is enough.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
struct Place {
    /// In this box, if only in part; in degrees
    #[arg(
        long,
        visible_alias = "bbox",
        value_name = "WEST,SOUTH,EAST,NORTH",
        allow_hyphen_values = true
    )]
    bounding_box: Vec<BoundingBox>,
    /// In this polygon, if only in part
    #[arg(long, value_name = "LON,LAT,...", value_parser = points, allow_hyphen_values = true)]
    polygon: Vec<Points>,
    /// On this line
    #[arg(long, value_name = "LON,LAT,...", value_parser = points, allow_hyphen_values = true)]
    line: Vec<Points>,
    /// At this point
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true)]
    point: Vec<Point>,
    /// In this circle, if only in part; the radius in metres
    #[arg(long, value_name = "LON,LAT,RADIUS", allow_hyphen_values = true)]
    circle: Vec<Circle>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Of which kind")]
struct About {
    /// With a name like this: * is anything, ? one character
    #[arg(long, value_name = "PATTERN")]
    granule_name: Vec<String>,
    /// Covered by clouds from so many percent to so many; one side may be left out
    #[arg(long, value_name = "MIN,MAX", value_parser = numbers)]
    cloud_cover: Option<RangeInclusive<f64>>,
    /// Taken by day, night, both or unspecified
    #[arg(long, value_name = "FLAG")]
    day_night_flag: Option<DayNight>,
    /// Of these orbits: one, or a range
    #[arg(long, value_name = "FIRST,LAST", value_parser = numbers)]
    orbit_number: Option<RangeInclusive<f64>>,
    /// Of this cycle of orbits
    #[arg(long, value_name = "N")]
    cycle: Option<u32>,
    /// Of this pass of the cycle, perhaps of some of its tiles; may be given several times
    #[arg(long, value_name = "N[:TILES]", value_parser = pass, requires = "cycle")]
    pass: Vec<(u32, Option<String>)>,
    /// With this additional attribute: NAME, TYPE,NAME,VALUE or TYPE,NAME,MIN,MAX
    #[arg(long, value_name = "CONDITION")]
    attribute: Vec<String>,
    /// Taken by this instrument
    #[arg(long, value_name = "NAME")]
    instrument: Vec<String>,
    /// Taken from this platform
    #[arg(long, value_name = "NAME")]
    platform: Vec<String>,
    /// Only what can be had over the network (or, with false, can't)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    downloadable: Option<bool>,
}

/// Kinds of links that are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Links {
    /// Data files in S3
    S3,
    /// Data files over https
    Https,
    #[value(help = "OPeNDAP services")]
    Opendap,
    /// DMR++ documents
    Dmrpp,
    /// Pictures
    Browse,
}

impl Links {
    pub(crate) fn kind(self) -> LinkKind {
        match self {
            Self::S3 => LinkKind::DirectData,
            Self::Https => LinkKind::Data,
            Self::Opendap => LinkKind::Opendap,
            Self::Dmrpp => LinkKind::Dmrpp,
            Self::Browse => LinkKind::Browse,
        }
    }
}

impl Asked {
    /// Where it is searched, and as whom.
    pub(crate) async fn cmr(
        &self,
        client: &Client,
        connection: &Connection,
    ) -> Result<Cmr, Failure> {
        let mut cmr = Cmr::of_system(client.clone(), connection.system);
        let url = self.cmr_url();
        if let Some(url) = &url {
            cmr = cmr.with_url(url);
        }
        if self.as_user {
            let token = super::as_user(connection, url.as_deref()).await?;
            cmr = cmr.with_token(token.expose());
        }
        Ok(cmr)
    }

    /// The search for granules.
    pub(crate) fn granules(&self) -> GranuleSearch {
        let Self {
            what,
            when,
            place,
            about,
            ..
        } = self;
        let add = |mut search: GranuleSearch, texts: &[String], to: fn(_, &str) -> _| {
            for text in texts {
                search = to(search, text);
            }
            search
        };
        let mut search = Granules::search();
        search = add(search, &what.short_names, GranuleSearch::short_name);
        search = add(search, &what.versions, GranuleSearch::version);
        search = add(search, &what.dois, GranuleSearch::doi);
        search = add(search, &what.concept_ids, GranuleSearch::concept_id);
        search = add(search, &what.providers, GranuleSearch::provider);
        search = add(search, &about.granule_name, GranuleSearch::granule_name);
        search = add(search, &about.attribute, GranuleSearch::attribute);
        search = add(search, &about.instrument, GranuleSearch::instrument);
        search = add(search, &about.platform, GranuleSearch::platform);
        search = add(search, &self.sort_key, GranuleSearch::sort_key);
        if let Some(cloud_hosted) = what.cloud_hosted {
            search = search.cloud_hosted(cloud_hosted);
        }
        search = with(search, &when.temporal, GranuleSearch::temporal);
        if let (Some(season), Some(years)) = (when.season, &when.years) {
            search = search.season(season, years.clone()).touching(when.touching);
        }
        if let Some(range) = when.production_date {
            search = search.production_date(range);
        }
        if let Some(moment) = when.updated_since {
            search = search.updated_since(moment);
        }
        search = with(search, &place.bounding_box, GranuleSearch::bounding_box);
        search = with(search, &place.point, GranuleSearch::point);
        search = with(search, &place.circle, GranuleSearch::circle);
        for points in &place.polygon {
            search = search.polygon(&points.0);
        }
        for points in &place.line {
            search = search.line(&points.0);
        }
        if let Some(percent) = &about.cloud_cover {
            search = search.cloud_cover(percent.clone());
        }
        if let Some(orbits) = &about.orbit_number {
            search = search.orbit_number(orbits.clone());
        }
        if let Some(flag) = about.day_night_flag {
            search = search.day_night(flag);
        }
        if let Some(cycle) = about.cycle {
            search = search.cycle(cycle);
        }
        for (number, tiles) in &about.pass {
            search = search.pass(*number, tiles.as_deref());
        }
        if let Some(downloadable) = about.downloadable {
            search = search.downloadable(downloadable);
        }
        match self.limit {
            Some(limit) => search.limit(limit),
            None => search,
        }
    }

    /// What is asked for of collections.
    pub(crate) fn collection(&self) -> &Collection {
        &self.what
    }

    /// Ranges and boxes, which collections are searched by too.
    pub(crate) fn ranges_and_boxes(&self) -> (&[TimeRange], &[BoundingBox]) {
        (&self.when.temporal, &self.place.bounding_box)
    }

    /// Which data files are taken.
    pub(crate) fn choice(&self) -> Result<FileChoice, Failure> {
        let choice = match &self.files {
            Some(glob) => FileChoice::matching(glob),
            None => Ok(FileChoice::default()),
        };
        let choice = choice.map_err(|error| Failure::usage(error.to_string()))?;
        Ok(choice.with_all_files(self.all_files))
    }

    /// Another CMR than the system's own.
    fn cmr_url(&self) -> Option<String> {
        let set = || std::env::var(CMR_URL).ok().filter(|url| !url.is_empty());
        self.cmr_url.clone().or_else(set)
    }
}

fn with<T: Copy>(
    mut search: GranuleSearch,
    values: &[T],
    to: fn(GranuleSearch, T) -> GranuleSearch,
) -> GranuleSearch {
    for value in values {
        search = to(search, *value);
    }
    search
}
