//! What a `CmrServer` knows of: collections and their granules.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat};

/// A day in milliseconds.
pub(super) const DAY: i64 = 24 * 60 * 60 * 1000;

/// A collection and its granules.
#[derive(Clone, Debug)]
pub struct CmrCollection {
    /// `C`, a number, `-`, the provider.
    pub concept_id: String,
    /// The short name.
    pub short_name: String,
    /// The version.
    pub version: String,
    /// The provider.
    pub provider: String,
    /// The DOI, if it has one.
    pub doi: Option<String>,
    /// Whether its record names a bucket.
    pub cloud_hosted: bool,
    /// Whether it is in use: others (planned, in review, deprecated) are found by who names a version, an
    /// id or a DOI, and by who asks for them.
    pub operational: bool,
    /// URLs of virtual stores that its record advertises.
    pub virtual_stores: Vec<String>,
    /// What links of https begin with.
    pub https: String,
    /// What links of s3 begin with; none, where there are no such links.
    pub s3: Option<String>,
    /// The granules, in any order.
    pub granules: Vec<CmrGranule>,
    /// Granules that were deleted, and when, in milliseconds since 1970.
    pub deleted: Vec<(CmrGranule, i64)>,
}

/// A granule.
#[derive(Clone, Debug)]
pub struct CmrGranule {
    /// The number in its concept id.
    pub number: u64,
    /// Native id and `GranuleUR`.
    pub name: String,
    /// The revision, from 1.
    pub revision: u64,
    /// When the revision was made, in milliseconds since 1970.
    pub revised: i64,
    /// When the data begin and end, in milliseconds since 1970.
    pub taken: (i64, i64),
    /// West, south, east and north, in degrees.
    pub edges: [f64; 4],
    /// Names of data files. Each has a link of https and one of s3, and a checksum beside it.
    pub files: Vec<String>,
    /// The size of each in bytes.
    pub size: u64,
    /// The MD5 of each, as the record has it; some records have none.
    pub checksum: Option<String>,
}

impl CmrCollection {
    /// A collection of one granule a day, in the cloud.
    ///
    /// `number` is that of its concept id; those of granules follow it. `first` is the first day
    /// (`YYYY-MM-DD`); `hour` is when a granule begins on the day before its own, as the days of MUR do
    /// at 21:00, or 24 for midnight.
    ///
    /// # Panics
    ///
    /// If `first` is no date.
    pub fn daily(number: u64, short_name: &str, first: &str, hour: u32, days: usize) -> Self {
        let provider = "TESTCLOUD";
        let first: NaiveDate = first.parse().expect("a date");
        let midnight = first.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        let granules = (0..days).map(|day| {
            let day = i64::try_from(day).expect("not that many days");
            let own = midnight + day * DAY;
            let start = own - DAY + i64::from(hour) * 60 * 60 * 1000;
            let date = DateTime::from_timestamp_millis(own).expect("a date");
            let name = format!("{}-{short_name}", date.format("%Y%m%d"));
            let number = number + 1 + day.unsigned_abs();
            CmrGranule {
                number,
                size: 1_572_864,
                checksum: Some(format!("{number:032x}")),
                files: vec![format!("{name}.nc")],
                name,
                revision: 1,
                revised: own + 2 * DAY,
                taken: (start, start + DAY),
                edges: [-180.0, -90.0, 180.0, 90.0],
            }
        });
        Self {
            concept_id: format!("C{number}-{provider}"),
            short_name: short_name.to_owned(),
            version: "1".to_owned(),
            provider: provider.to_owned(),
            doi: Some(format!("10.5067/TEST-{number}")),
            cloud_hosted: true,
            operational: true,
            virtual_stores: Vec::new(),
            https: format!("https://data.example.org/test-protected/{short_name}"),
            s3: Some(format!("s3://test-protected/{short_name}")),
            granules: granules.collect(),
            deleted: Vec::new(),
        }
    }

    /// The same, with links that lead elsewhere: what those of https begin with, and those of s3, if
    /// there are any. A slash and the file's name follow.
    #[must_use]
    pub fn with_links(mut self, https: &str, s3: Option<&str>) -> Self {
        https.trim_end_matches('/').clone_into(&mut self.https);
        self.s3 = s3.map(|url| url.trim_end_matches('/').to_owned());
        self
    }

    /// Its record, as an item of an answer in `umm_json`.
    pub(crate) fn record(&self) -> String {
        let urls = self.virtual_stores.iter().map(|url| {
            serde_json::json!({
                "URL": url, "Type": "GET DATA", "Subtype": "VIRTUAL COLLECTION",
                "URLContentType": "DistributionURL",
            })
        });
        let mut umm = serde_json::json!({
            "ShortName": self.short_name,
            "Version": self.version,
            "EntryTitle": self.title(),
            "DataCenters": [{"Roles": ["ARCHIVER"], "ShortName": "TEST/DAAC"}],
            "RelatedUrls": urls.collect::<Vec<_>>(),
        });
        match &self.doi {
            Some(doi) => umm["DOI"] = serde_json::json!({"DOI": doi}),
            None => umm["DOI"] = serde_json::json!({"MissingReason": "Unknown"}),
        }
        if self.cloud_hosted {
            umm["DirectDistributionInformation"] = serde_json::json!({
                "Region": "us-west-2",
                "S3BucketAndObjectPrefixNames": [format!("test-protected/{}/", self.short_name)],
                "S3CredentialsAPIEndpoint": "https://data.example.org/s3credentials",
            });
        }
        let starts = self.granules.iter().map(|granule| granule.taken.0);
        if let Some(start) = starts.min() {
            umm["TemporalExtents"] = serde_json::json!([
                {"RangeDateTimes": [{"BeginningDateTime": time(start)}]}
            ]);
        }
        let meta = serde_json::json!({
            "concept-id": self.concept_id, "revision-id": 1, "provider-id": self.provider,
            "native-id": self.short_name, "concept-type": "collection",
        });
        serde_json::json!({"meta": meta, "umm": umm}).to_string()
    }

    /// The title of its record.
    pub(crate) fn title(&self) -> String {
        format!("{} of the test server", self.short_name)
    }

    /// The number in its concept id.
    pub(crate) fn number(&self) -> u64 {
        let digits = self.concept_id.trim_start_matches('C').split('-').next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

impl CmrGranule {
    /// Its concept id, in a collection of this provider.
    pub(crate) fn concept_id(&self, provider: &str) -> String {
        format!("G{}-{provider}", self.number)
    }

    /// Its record, as an item of an answer in `umm_json`: of the length that CMR's have.
    pub(crate) fn record(&self, of: &CmrCollection) -> String {
        let Self { name, .. } = self;
        let CmrCollection {
            provider,
            short_name,
            version,
            ..
        } = of;
        let (mut archived, mut urls) = (String::new(), String::new());
        for file in &self.files {
            // Names are those of the test, and need no escapes.
            let checksum = self.checksum.as_ref().map_or_else(String::new, |value| {
                format!(r#","Checksum":{{"Value":"{value}","Algorithm":"MD5"}}"#)
            });
            let size = self.size;
            let _ = write!(
                archived,
                r#"{{"SizeUnit":"MB","Size":1.5,"SizeInBytes":{size},"Name":"{file}"{checksum}}},"#
            );
            let direct = of.s3.as_ref();
            for (address, how) in [
                (Some(&of.https), "GET DATA"),
                (direct, "GET DATA VIA DIRECT ACCESS"),
            ] {
                let Some(address) = address else { continue };
                let _ = write!(
                    urls,
                    r#"{{"URL":"{address}/{file}","Description":"Download {file}","Type":"{how}"}},{{"URL":"{address}/{file}.md5","Description":"Download {file}.md5","Type":"EXTENDED METADATA"}},"#
                );
            }
        }
        let archived = archived.trim_end_matches(',');
        let [west, south, east, north] = self.edges;
        format!(
            r#"{{"meta":{{"concept-type":"granule","concept-id":"{id}","revision-id":{revision},"native-id":"{name}","collection-concept-id":"{collection}","provider-id":"{provider}","format":"application/vnd.nasa.cmr.umm+json","revision-date":"{revised}"}},"umm":{{"TemporalExtent":{{"RangeDateTime":{{"BeginningDateTime":"{start}","EndingDateTime":"{end}"}}}},"GranuleUR":"{name}","ProviderDates":[{{"Type":"Insert","Date":"{revised}"}},{{"Type":"Update","Date":"{revised}"}}],"SpatialExtent":{{"HorizontalSpatialDomain":{{"Geometry":{{"BoundingRectangles":[{{"WestBoundingCoordinate":{west},"SouthBoundingCoordinate":{south},"EastBoundingCoordinate":{east},"NorthBoundingCoordinate":{north}}}]}}}}}},"DataGranule":{{"ArchiveAndDistributionInformation":[{archived}],"DayNightFlag":"Unspecified","ProductionDateTime":"{revised}"}},"CollectionReference":{{"ShortName":"{short_name}","Version":"{version}"}},"RelatedUrls":[{urls}{{"URL":"https://data.example.org/s3credentials","Description":"api endpoint to retrieve temporary credentials","Type":"VIEW RELATED INFORMATION"}},{{"URL":"https://opendap.example.org/collections/{collection}/granules/{name}","Type":"USE SERVICE API","Subtype":"OPENDAP DATA","Description":"OPeNDAP request URL"}},{{"URL":"https://data.example.org/browse/{name}.png","Type":"GET RELATED VISUALIZATION","MimeType":"image/png"}}],"MetadataSpecification":{{"URL":"https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6","Name":"UMM-G","Version":"1.6.6"}}}}}}"#,
            id = self.concept_id(provider),
            revision = self.revision,
            collection = of.concept_id,
            revised = time(self.revised),
            start = time(self.taken.0),
            end = time(self.taken.1),
        )
    }
}

/// Milliseconds since 1970 as CMR writes them.
pub(crate) fn time(millis: i64) -> String {
    let time = DateTime::from_timestamp_millis(millis).expect("a time of this calendar");
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
