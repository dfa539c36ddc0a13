//! What a set is built of: files, each with what is known of it before it is scanned.

use chunkref_earthdata::{Collection, DataFile, Granule, Timestamp};
use chunkref_io::{Client, Error as IoError, Pin, printable};
use chunkref_manifest::{Location, Prefix};
use serde::{Deserialize, Serialize};

use super::queries;
use crate::granule_file::GranuleFile;

/// One file that is to be in the set. Its addresses are plain: without users, passwords and queries.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Source {
    /// By what it is known from one build to the next.
    pub(crate) key: String,
    /// Its address.
    pub(crate) url: String,
    /// Other addresses of the same object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) alternates: Vec<String>,
    /// What CMR says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<Record>,
    /// What is known of the bucket that it lies in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) prefixes: Vec<Prefix>,
    /// The address that is opened, which may hold a signature.
    #[serde(skip)]
    pub(crate) address: String,
    /// Size, `ETag` and time as a listing has them now.
    #[serde(skip)]
    pub(crate) seen: Option<Pin>,
}

/// What CMR says of a file of a granule. Times are in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) granule: String,
    pub(crate) concept_id: String,
    pub(crate) revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) collection: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// Algorithm and value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<(String, String)>,
    /// When the data begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begins: Option<i64>,
    /// When they end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ends: Option<i64>,
    /// When they were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) produced: Option<i64>,
    /// When the revision was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revised: Option<i64>,
}

impl Source {
    /// A file of which only the address is known.
    pub(crate) fn of_address(address: &str) -> Self {
        let url = printable(address);
        Self {
            key: format!("{url}{}", queries::fingerprint(address)),
            url,
            alternates: Vec::new(),
            record: None,
            prefixes: Vec::new(),
            address: address.to_owned(),
            seen: None,
        }
    }

    /// The same object of a bucket at another endpoint is another one.
    pub(crate) fn at_endpoint(mut self, endpoint: Option<&str>) -> Self {
        if let (Some(endpoint), "s3://") = (endpoint, self.url.get(..5).unwrap_or_default()) {
            self.key = format!("{} at {}", self.key, printable(endpoint));
        }
        self
    }

    /// The same, with what a listing says of it.
    pub(crate) fn with_seen(mut self, pin: Pin) -> Self {
        self.seen = Some(pin);
        self
    }

    /// A data file of a granule; `None` if its record has no address of it that can be opened.
    pub(crate) fn of_granule(
        granule: &Granule,
        file: &DataFile,
        collection: Option<&Collection>,
    ) -> Option<Self> {
        let known = GranuleFile::new(granule, file, collection);
        if known.location.url.is_empty() {
            return None;
        }
        let mut source = Self::of_address(&known.location.url);
        let fingerprint = queries::fingerprint(&known.location.url);
        source.key = format!("{} {}{fingerprint}", granule.concept_id, file.name);
        source.alternates = known.location.alternates;
        source.prefixes = known.prefixes;
        source.record = Some(Record {
            granule: granule.name.clone(),
            concept_id: granule.concept_id.clone(),
            revision: granule.revision,
            collection: granule.collection_concept_id.clone(),
            size: file.size,
            checksum: file.checksum.as_ref().map(|checksum| {
                let algorithm = checksum.algorithm.to_ascii_uppercase();
                (algorithm, checksum.value.clone())
            }),
            begins: granule
                .temporal
                .and_then(|range| Some(range.start?.millis())),
            ends: granule.temporal.and_then(|range| Some(range.end?.millis())),
            produced: granule.production_date.map(Timestamp::millis),
            revised: granule.revision_date.map(Timestamp::millis),
        });
        Some(source)
    }

    /// What messages and provenance call it: the granule, or the file.
    pub(crate) fn name(&self) -> &str {
        match &self.record {
            Some(record) => &record.granule,
            None => self.file(),
        }
    }

    /// The name of its file.
    pub(crate) fn file(&self) -> &str {
        let end = self.url.trim_end_matches('/');
        end.rsplit(['/', '\\']).next().unwrap_or(end)
    }

    /// All its addresses.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.url.as_str()).chain(self.alternates.iter().map(String::as_str))
    }

    /// The address to scan it at, as the client's access says.
    pub(crate) async fn choose(&self, client: &Client) -> Result<String, IoError> {
        if self.alternates.is_empty() {
            self.ways().learn(client);
            return Ok(self.address.clone());
        }
        self.ways().choose(client).await
    }

    /// Another address, after a scan at this one ended so.
    pub(crate) async fn other_way(
        &self,
        client: &Client,
        address: &str,
        error: &IoError,
    ) -> Option<String> {
        self.ways().other_way(client, address, error).await
    }

    /// All ways to it.
    fn ways(&self) -> GranuleFile {
        let location = Location::new(self.address.as_str());
        let location = location.with_alternates(self.alternates.iter().map(String::as_str));
        GranuleFile::of_location(location, self.prefixes.clone())
    }

    /// The order of sources: that of their times, then that of their names.
    pub(crate) fn order(&self) -> (i64, &str, &str) {
        let begins = self.record.as_ref().and_then(|record| record.begins);
        (begins.unwrap_or(i64::MIN), self.name(), &self.key)
    }
}
