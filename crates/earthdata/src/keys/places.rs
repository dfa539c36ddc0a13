//! Which endpoint hands out the keys of which bucket.

use std::collections::BTreeMap;

use chunkref_io::BucketInfo;

/// So many prefixes are remembered: a set may name as many as it likes.
const PREFIXES: usize = 1 << 16;

/// Buckets whose names begin so, and the endpoint of their data centre: what is tried where neither a
/// record nor a set has told. All are in us-west-2.
///
/// These are public, in the records of the collections and in the centres' own pages. One that is out of
/// date costs a request, and then https is the way.
const BUILT_IN: [(&str, &str); 12] = [
    (
        "podaac-swot-",
        "https://archive.swot.podaac.earthdata.nasa.gov/s3credentials",
    ),
    (
        "podaac-",
        "https://archive.podaac.earthdata.nasa.gov/s3credentials",
    ),
    (
        "nsidc-cumulus-",
        "https://data.nsidc.earthdatacloud.nasa.gov/s3credentials",
    ),
    (
        "lp-prod-",
        "https://data.lpdaac.earthdatacloud.nasa.gov/s3credentials",
    ),
    (
        "gesdisc-cumulus-",
        "https://data.gesdisc.earthdata.nasa.gov/s3credentials",
    ),
    (
        "ornl-cumulus-",
        "https://data.ornldaac.earthdata.nasa.gov/s3credentials",
    ),
    (
        "ghrcw-",
        "https://data.ghrc.earthdata.nasa.gov/s3credentials",
    ),
    (
        "ob-cumulus-",
        "https://obdaac-tea.earthdatacloud.nasa.gov/s3credentials",
    ),
    (
        "asdc-prod-",
        "https://data.asdc.earthdata.nasa.gov/s3credentials",
    ),
    (
        "prod-lads",
        "https://data.laadsdaac.earthdatacloud.nasa.gov/s3credentials",
    ),
    ("asf-", "https://sentinel1.asf.alaska.edu/s3credentials"),
    (
        "csda-cumulus-",
        "https://data.csdap.earthdata.nasa.gov/s3credentials",
    ),
];

/// The region of all of those.
const BUILT_IN_REGION: &str = "us-west-2";

/// An endpoint, and the region of its buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) endpoint: String,
    pub(super) region: Option<String>,
}

/// What was told of prefixes, which end where a part of a key does.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, Place>);

impl Places {
    /// Takes note of an endpoint, which is trusted. What was said first of a prefix stays.
    pub(super) fn learn(&mut self, known: &BucketInfo, endpoint: &str) {
        if self.0.len() >= PREFIXES {
            return;
        }
        let prefix = known.prefix.trim_end_matches('/').to_owned();
        let place = self.0.entry(prefix).or_insert_with(|| Place {
            endpoint: endpoint.to_owned(),
            region: None,
        });
        if place.endpoint == endpoint && place.region.is_none() {
            place.region.clone_from(&known.region);
        }
    }

    /// The endpoint for an object: that of the longest prefix that was told, else of a bucket that is
    /// known by name.
    pub(super) fn of(&self, bucket: &str, key: &str) -> Option<Place> {
        let url = format!("s3://{bucket}/{key}");
        let ends = url.rmatch_indices('/').map(|(at, _)| at);
        let mut prefixes = ends.filter_map(|end| url.get(..end));
        let told = prefixes.find_map(|prefix| self.0.get(prefix).cloned());
        told.or_else(|| built_in(bucket))
    }
}

fn built_in(bucket: &str) -> Option<Place> {
    let (_, endpoint) = BUILT_IN
        .iter()
        .find(|(start, _)| bucket.starts_with(start))?;
    Some(Place {
        endpoint: (*endpoint).to_owned(),
        region: Some(BUILT_IN_REGION.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_tells_the_endpoint() {
        let mut places = Places::default();
        for (prefix, region, endpoint) in [
            ("s3://a/", Some("one"), "https://a/"),
            ("s3://a/b", None, "https://ab/"),
            ("s3://a/b/", Some("two"), "https://ab/"),
            ("s3://a/b/", Some("three"), "https://late/"),
        ] {
            let mut known = BucketInfo::new(prefix);
            known.region = region.map(str::to_owned);
            places.learn(&known, endpoint);
        }
        let of = |bucket: &str, key: &str| {
            let place = places.of(bucket, key)?;
            Some((place.endpoint, place.region.unwrap_or_default()))
        };
        let found = |endpoint: &str, region: &str| Some((endpoint.to_owned(), region.to_owned()));
        assert_eq!(of("a", "x"), found("https://a/", "one"));
        assert_eq!(of("a", "b/x"), found("https://ab/", "two"));
        assert_eq!(of("a", "bc/x"), found("https://a/", "one"));
        assert_eq!(of("ab", "x"), None);
        let pod = of("podaac-ops-cumulus-protected", "MUR/x").unwrap();
        assert_eq!(
            pod,
            (
                "https://archive.podaac.earthdata.nasa.gov/s3credentials".to_owned(),
                "us-west-2".to_owned()
            )
        );
        let swot = of("podaac-swot-ops-cumulus-protected", "x").unwrap();
        assert!(swot.0.contains("swot"));
    }
}
