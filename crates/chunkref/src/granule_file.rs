//! A granule's data file: all the URLs that lead to it, and what is known of its bucket.

use chunkref_earthdata::{Collection, DataFile, Granule};
use chunkref_io::{BucketInfo, Client, Error as IoError};
use chunkref_manifest::{Location, LocationId, Manifest, Pin, Prefix};

/// A data file of a granule, with all that a set of references should say of it.
///
/// It is scanned at the URL that [`choose`](Self::choose) gives; what the scan wrote gets the rest by
/// [`describe`](Self::describe), so that who reads the set may go another way, without asking CMR.
///
/// ```no_run
/// # async fn example(
/// #     client: chunkref::Client,
/// #     granule: chunkref::earthdata::Granule,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use chunkref::earthdata::FileChoice;
/// use chunkref::{GranuleFile, ScanOptions, scan};
///
/// for file in granule.choose(&FileChoice::default())? {
///     let file = GranuleFile::new(&granule, &file, None);
///     let url = file.choose(&client).await?;
///     let mut scanned = scan(&client, &url, &ScanOptions::default()).await?;
///     file.describe(&mut scanned.manifest);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GranuleFile {
    /// Its URLs, https first, and the record that says so: concept id and revision. (The size that CMR
    /// tells may be rounded, so it pins nothing; the scan finds out the true one.)
    pub location: Location,
    /// What is known of the prefixes of its URLs, ascending.
    pub prefixes: Vec<Prefix>,
}

impl GranuleFile {
    /// What the records say of a file. That of the collection is needed only where the granule's lacks
    /// something: the region, the credentials endpoint.
    ///
    /// Links that hold a login or a query, such as a signature, are left out where there are others.
    pub fn new(granule: &Granule, file: &DataFile, collection: Option<&Collection>) -> Self {
        let mut urls: Vec<&String> = file.urls.iter().filter(|url| is_plain(url)).collect();
        if urls.is_empty() {
            urls.extend(file.urls.first());
        }
        // Those over https first, each kind in the order of the record.
        urls.sort_by_key(|url| is_s3(url));
        let endpoint = granule
            .s3_credentials()
            .or_else(|| collection?.s3_credentials.as_deref())
            .filter(|url| is_plain(url));
        let region = collection.and_then(|collection| collection.region.as_deref());
        let named = collection.map_or(&[][..], |collection| collection.s3_prefixes.as_slice());
        let mut prefixes: Vec<Prefix> = urls
            .iter()
            .filter(|url| is_s3(url) && (endpoint.is_some() || region.is_some()))
            .filter_map(|url| {
                let mut prefix = Prefix::new(prefix_of(url, named)?);
                prefix.region = region.map(str::to_owned);
                prefix.credentials_endpoint = endpoint.map(str::to_owned);
                Some(prefix)
            })
            .collect();
        prefixes.sort_by(|one, other| one.prefix.cmp(&other.prefix));
        prefixes.dedup();
        let mut urls = urls.into_iter();
        let first = urls.next().map_or("", String::as_str);
        let pin = Pin {
            concept_id: Some(granule.concept_id.clone()),
            revision: u32::try_from(granule.revision).ok(),
            ..Pin::default()
        };
        let location = Location::new(first).with_alternates(urls).with_pin(pin);
        Self { location, prefixes }
    }

    /// A file of which no record tells: all URLs that lead to it, and what is known of their prefixes.
    pub fn of_location(location: Location, mut prefixes: Vec<Prefix>) -> Self {
        prefixes.sort_by(|one, other| one.prefix.cmp(&other.prefix));
        Self { location, prefixes }
    }

    /// The URL to read it by, as the client's [`access`](crate::ClientOptions::access) says. The
    /// first file of a bucket may cost one small request that proves that the bucket can be read.
    ///
    /// # Errors
    ///
    /// If none of its URLs goes that way, or it can't be found out which does.
    pub async fn choose(&self, client: &Client) -> Result<String, IoError> {
        self.learn(client);
        let urls: Vec<_> = self.location.urls().collect();
        Ok(client.choose(&urls).await?.to_owned())
    }

    /// After a read by this URL ended with this error: another URL that may do, if there is one. A
    /// bucket that has refused once is not asked again by this client.
    pub async fn other_way(&self, client: &Client, url: &str, error: &IoError) -> Option<String> {
        let urls: Vec<_> = self.location.urls().collect();
        let other = client.other_way(&urls, url, error).await?;
        Some(other.to_owned())
    }

    /// Tells a client what is known of the bucket.
    pub fn learn(&self, client: &Client) {
        learn(client, &self.prefixes);
    }

    /// Puts into the manifest of a scan of this file what the scan can't know: its other URLs, its
    /// record, and what is known of its bucket.
    pub fn describe(&self, manifest: &mut Manifest) {
        // The granule itself is the first location of a scan.
        let id = LocationId(0);
        let Some(scanned) = manifest.locations.get(id) else {
            return;
        };
        let pin = Pin {
            concept_id: self.location.pin.concept_id.clone(),
            revision: self.location.pin.revision,
            ..scanned.pin.clone()
        };
        let others = self.location.urls().filter(|url| *url != scanned.url);
        let others = others.filter(|url| is_plain(url)).map(str::to_owned);
        let others = others.collect();
        manifest.locations.describe(id, pin, others);
        for prefix in &self.prefixes {
            manifest.locations.set_prefix(prefix.clone());
        }
    }
}

/// Tells a client what a record or a set says of buckets.
pub(crate) fn learn(client: &Client, prefixes: &[Prefix]) {
    for prefix in prefixes {
        let mut known = BucketInfo::new(prefix.prefix.as_str());
        known.region.clone_from(&prefix.region);
        known
            .credentials_endpoint
            .clone_from(&prefix.credentials_endpoint);
        client.learn(&known);
    }
}

fn is_s3(url: &str) -> bool {
    url.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"))
}

/// Whether a URL may be written down: one of a bucket, or one without login and query.
fn is_plain(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    if is_s3(url) {
        // Keys may hold a question mark, but no signature.
        let lower = rest.to_ascii_lowercase();
        let is_signed = lower.contains("?x-amz-") || lower.contains("signature=");
        return !host.contains(['@', ':']) && !is_signed;
    }
    !rest.contains(['?', '#']) && !host.contains('@')
}

/// The longest of the prefixes that a record names in which an object lies, else its bucket. Records
/// write prefixes with or without scheme, with or without a slash at the end.
fn prefix_of(url: &str, named: &[String]) -> Option<String> {
    let rest = url.get(5..)?;
    let (bucket, _) = rest.split_once('/')?;
    let bare = named.iter().map(|prefix| {
        let bare = prefix.get(5..).filter(|_| is_s3(prefix));
        bare.unwrap_or(prefix).trim_end_matches('/')
    });
    let holds = |prefix: &&str| {
        let below = rest.strip_prefix(prefix);
        !prefix.is_empty() && below.is_some_and(|below| below.starts_with('/'))
    };
    let longest = bare.filter(holds).max_by_key(|prefix| prefix.len());
    Some(format!("s3://{}/", longest.unwrap_or(bucket)))
}

#[cfg(test)]
mod tests {
    use super::{is_plain, prefix_of};

    #[test]
    fn prefixes_of_records_are_written_in_many_ways() {
        let named = ["pod-protected/MUR/", "s3://pod-public/MUR", "pod-protected"];
        let named = named.map(str::to_owned);
        for (url, expected) in [
            ("s3://pod-protected/MUR/a.nc", "s3://pod-protected/MUR/"),
            ("s3://pod-protected/MURX/a.nc", "s3://pod-protected/"),
            ("s3://pod-public/MUR/a.nc", "s3://pod-public/MUR/"),
            ("s3://pod-public/b/a.nc", "s3://pod-public/"),
            ("s3://other/b/a.nc", "s3://other/"),
        ] {
            assert_eq!(prefix_of(url, &named).as_deref(), Some(expected), "{url}");
        }
        assert_eq!(prefix_of("s3://bucket", &named), None);
    }

    #[test]
    fn signed_urls_and_logins_are_not_written_down() {
        assert!(is_plain("https://a.example/b/c.nc"));
        assert!(is_plain("s3://bucket/a b?#.nc"));
        assert!(!is_plain("https://a.example/b/c.nc?X-Amz-Signature=x"));
        assert!(!is_plain("https://user:word@a.example/b/c.nc"));
    }
}
