//! Which of its URLs an object is read by.
//!
//! | access   | order                                                                             |
//! |----------|-----------------------------------------------------------------------------------|
//! | direct   | the bucket                                                                        |
//! | external | https                                                                             |
//! | auto     | the bucket, once a read of one byte has proved it; else https                     |
//! | auto, on a machine known to be in another region | https; the bucket where that is refused   |

mod machine;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::access::{Access, BucketInfo};
use crate::address::{Address, printable};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::object::Object;
use crate::pin::Pin;
use crate::region::is_region;

/// So many prefixes are remembered: a set may name as many as it likes.
const PREFIXES: usize = 1 << 16;

/// What one client has found out of the ways to buckets.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    /// By `scheme://bucket`.
    buckets: Mutex<HashMap<String, Arc<Bucket>>>,
    /// Regions, by prefixes without a slash at the end.
    regions: Mutex<BTreeMap<String, String>>,
    /// The region that this machine is in, if that is known.
    machine: OnceCell<Option<String>>,
}

/// What is known of the way to a bucket.
#[derive(Debug, Default)]
struct Bucket {
    /// Whether it was proved that it can be read; `None` where that was not tried yet, or can't be said
    /// for all of it.
    proved: tokio::sync::Mutex<Option<bool>>,
}

/// How an object is reached by a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is a file of this machine, or something that can't be opened.
    Here,
    /// From a bucket.
    Direct,
    /// Over http or https.
    External,
}

impl Way {
    fn of(url: &str) -> Self {
        match Address::parse(url) {
            Ok(Address::Bucket { .. }) => Self::Direct,
            Ok(Address::Http { .. }) => Self::External,
            Ok(Address::File(_)) | Err(_) => Self::Here,
        }
    }
}

/// `scheme://bucket` of a bucket's URL.
fn base(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(start..).and_then(|rest| rest.find('/'));
    end.and_then(|end| url.get(..start.saturating_add(end)))
        .unwrap_or(url)
}

impl Ways {
    fn bucket(&self, url: &str) -> Arc<Bucket> {
        let mut buckets = lock(&self.buckets);
        Arc::clone(buckets.entry(base(url).to_owned()).or_default())
    }

    /// Takes note of a region. What was said first stays: records are heard before sets are.
    fn learn(&self, known: &BucketInfo) {
        let Some(region) = known.region.as_ref().filter(|region| is_region(region)) else {
            return;
        };
        let mut regions = lock(&self.regions);
        if regions.len() < PREFIXES {
            let prefix = known.prefix.trim_end_matches('/').to_owned();
            regions.entry(prefix).or_insert_with(|| region.clone());
        }
    }

    /// The region of an object's bucket, if it was told: that of the longest prefix.
    fn region(&self, url: &str) -> Option<String> {
        let regions = lock(&self.regions);
        if regions.is_empty() {
            return None;
        }
        let ends = url.rmatch_indices('/').map(|(at, _)| at);
        let mut prefixes = ends.filter_map(|end| url.get(..end));
        prefixes.find_map(|prefix| regions.get(prefix).cloned())
    }

    /// The region of a bucket, if it was told of any prefix in it: buckets are in one region.
    pub(crate) fn region_of_bucket(&self, base: &str) -> Option<String> {
        let regions = lock(&self.regions);
        let within = regions.range(base.to_owned()..);
        let (_, region) = within
            .take_while(|(prefix, _)| prefix.starts_with(base))
            .find(|(prefix, _)| prefix.get(base.len()..).is_some_and(ends_name))?;
        Some(region.clone())
    }
}

/// Whether what follows a name does not belong to it.
fn ends_name(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Takes note of what a record or a set says of a bucket: its region, and where its keys are handed
    /// out. What is said first of a prefix stays. A region becomes a part of a host's name, so one that is
    /// not written as those of AWS is not taken.
    pub fn learn(&self, known: &BucketInfo) {
        let mut known = known.clone();
        known.region = known.region.filter(|region| is_region(region));
        let net = self.net();
        net.ways.learn(&known);
        if let Some(authority) = &net.options.authority {
            authority.learn(&known);
        }
    }

    /// Of several URLs that lead to one object the one to read it by, as
    /// [`access`](crate::ClientOptions::access) says. A single URL is taken as it is if `access` is
    /// [`Auto`](Access::Auto), and local files always.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use chunkref_io::{Access, Client, ClientOptions};
    ///
    /// let client = Client::new(ClientOptions::default().with_access(Access::External));
    /// let urls = ["s3://archive/a.nc", "https://archive.example/a.nc"];
    /// assert_eq!(client.choose(&urls).await?, "https://archive.example/a.nc");
    /// # Ok::<(), chunkref_io::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If none goes the way that is asked for.
    pub async fn choose<'a>(&self, urls: &[&'a str]) -> Result<&'a str> {
        let Some(&first) = urls.first() else {
            return Err(Error::Address {
                url: String::new(),
                reason: "no URL".to_owned(),
            });
        };
        if Way::of(first) == Way::Here {
            return Ok(first);
        }
        let of = |way| urls.iter().copied().find(|url| Way::of(url) == way);
        let (direct, external) = (of(Way::Direct), of(Way::External));
        let none = |what: &str, asked: Access| Error::Address {
            url: printable(first),
            reason: format!(
                "no URL {what} is known of it, and --access {asked} asks for one: --access auto takes \
                 what there is"
            ),
        };
        match (self.options().access, direct, external) {
            (Access::Direct, Some(direct), _) => Ok(direct),
            (asked @ Access::Direct, None, _) => Err(none("of a bucket", asked)),
            (Access::External, _, Some(external)) => Ok(external),
            (asked @ Access::External, _, None) => Err(none("of https", asked)),
            (Access::Auto, Some(direct), Some(external)) => {
                Ok(if self.reads_directly(direct).await {
                    direct
                } else {
                    external
                })
            }
            (Access::Auto, _, _) => Ok(first),
        }
    }

    /// Opens an object to which several URLs lead, by the one that [`choose`](Self::choose) gives. The
    /// pin is what is known of it at the first of them.
    ///
    /// At another URL the size must be the same, always; an `ETag` only where both are such as S3
    /// makes of content: other servers make up their own. Where the pin has no size, but something else,
    /// only the first URL is taken: nothing would show that another leads to the same object.
    ///
    /// # Errors
    ///
    /// As [`open_pinned`](Self::open_pinned) and [`choose`](Self::choose).
    pub async fn open_any(&self, urls: &[&str], pin: Pin) -> Result<Object> {
        let (url, pin) = self.choose_pinned(urls, pin).await?;
        self.open_pinned(url, pin).await
    }

    /// The URL and the pin with which [`open_any`](Self::open_any) opens an object.
    ///
    /// # Errors
    ///
    /// As [`choose`](Self::choose).
    pub async fn choose_pinned<'a>(
        &self,
        urls: &[&'a str],
        mut pin: Pin,
    ) -> Result<(&'a str, Pin)> {
        let is_comparable = pin.size.is_some() || pin == Pin::default();
        let urls = if is_comparable {
            urls
        } else {
            urls.get(..1).unwrap_or(urls)
        };
        let url = self.choose(urls).await?;
        pin.is_of_other_url = urls.first() != Some(&url);
        Ok((url, pin))
    }

    /// After a read of an object by one of its URLs ended with an error: another one that may do, if
    /// the error is one of access and [`access`](crate::ClientOptions::access) leaves the choice. A
    /// bucket that refused is not asked again by this client where https will do, of which one notice
    /// tells ([`ClientOptions::notices`](crate::ClientOptions::notices)).
    pub async fn other_way<'a>(
        &self,
        urls: &[&'a str],
        failed: &str,
        error: &Error,
    ) -> Option<&'a str> {
        let is_refused = matches!(error, Error::Denied { .. } | Error::Store { .. });
        if self.options().access != Access::Auto || !is_refused {
            return None;
        }
        let of = |way| urls.iter().copied().find(|url| Way::of(url) == way);
        let (direct, external) = (of(Way::Direct)?, of(Way::External)?);
        match Way::of(failed) {
            Way::Direct => {
                let bucket = self.net().ways.bucket(direct);
                let mut proved = bucket.proved.lock().await;
                if *proved != Some(false) {
                    *proved = Some(false);
                    self.tell_of_refusal(direct, error);
                }
                Some(external)
            }
            // Perhaps the bucket was not asked yet, because it is far away.
            Way::External => {
                let bucket = self.net().ways.bucket(direct);
                let mut proved = bucket.proved.lock().await;
                if proved.is_none() {
                    *proved = self.prove(direct).await;
                }
                (*proved == Some(true)).then_some(direct)
            }
            Way::Here => None,
        }
    }

    /// Whether an object is to be read from its bucket, of those that are there over https too.
    async fn reads_directly(&self, direct: &str) -> bool {
        let bucket = self.net().ways.bucket(direct);
        let mut proved = bucket.proved.lock().await;
        if let Some(proved) = *proved {
            return proved;
        }
        if self.is_far(direct).await {
            return false;
        }
        *proved = self.prove(direct).await;
        *proved == Some(true)
    }

    /// Whether this machine is known to be in another region than an object's bucket. Nothing else
    /// follows of where it says it is.
    async fn is_far(&self, direct: &str) -> bool {
        let Some(region) = self.net().ways.region(direct) else {
            return false;
        };
        let net = self.net();
        let machine = net.ways.machine.get_or_init(|| machine::region(net)).await;
        machine.as_ref().is_some_and(|machine| *machine != region)
    }

    /// Reads one byte of an object from its bucket. `None`: of the bucket that says nothing.
    async fn prove(&self, direct: &str) -> Option<bool> {
        let read = async {
            let object = self.open(direct).await?;
            object.probe().await
        };
        match read.await {
            Ok(_) => Some(true),
            // Nothing was asked: there is nothing to ask with.
            Err(Error::Store { reason, .. }) if reason == crate::store::NO_CREDENTIALS => {
                tracing::debug!(bucket = base(direct), "no keys: read over https");
                Some(false)
            }
            Err(error) if is_closed(&error) => {
                self.tell_of_refusal(direct, &error);
                Some(false)
            }
            Err(error) => {
                tracing::debug!(bucket = base(direct), "not proved to be readable: {error}");
                None
            }
        }
    }

    fn tell_of_refusal(&self, direct: &str, error: &Error) {
        let told = error.to_string();
        let named = format!("{}: ", error.url());
        let reason = told.strip_prefix(&named).unwrap_or(&told);
        let text = format!(
            "{} can't be read directly from here, its files are read over https instead \
             (--access external does so at once): {reason}",
            base(direct)
        );
        if let Some(notices) = &self.options().notices {
            notices.tell(&text);
        } else {
            tracing::warn!("{text}");
        }
    }
}

/// Whether a first read that ended so says that this way is closed, and not that something is wrong
/// with the object.
fn is_closed(error: &Error) -> bool {
    matches!(
        error,
        Error::Denied { .. }
            | Error::Store { .. }
            | Error::Unavailable { .. }
            | Error::Response { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::{Way, Ways, base};
    use crate::access::BucketInfo;

    #[test]
    fn ways_are_told_by_scheme() {
        for (url, way) in [
            ("s3://b/k", Way::Direct),
            ("gs://b/k", Way::Direct),
            ("https://h/k", Way::External),
            ("http://h/k", Way::External),
            ("/a/b", Way::Here),
            ("file:///a/b", Way::Here),
            ("ftp://h/k", Way::Here),
        ] {
            assert_eq!(Way::of(url), way, "{url}");
        }
        assert_eq!(base("s3://bucket/a/b"), "s3://bucket");
        assert_eq!(base("s3://bucket"), "s3://bucket");
    }

    #[test]
    fn the_region_of_the_longest_prefix_that_was_told_first_counts() {
        let ways = Ways::default();
        for (prefix, region) in [
            ("s3://a/b/", "one"),
            ("s3://a/b/c", "two"),
            ("s3://a/b", "late"),
            ("s3://ab/", "three"),
            ("s3://z/", "no region"),
        ] {
            ways.learn(&BucketInfo::new(prefix).with_region(region));
        }
        for (url, region) in [
            ("s3://a/b/x", Some("one")),
            ("s3://a/b/c/x", Some("two")),
            ("s3://a/bc/x", None),
            ("s3://z/x", None),
        ] {
            assert_eq!(ways.region(url).as_deref(), region, "{url}");
        }
        assert_eq!(ways.region_of_bucket("s3://a").as_deref(), Some("one"));
        assert_eq!(ways.region_of_bucket("s3://ab").as_deref(), Some("three"));
        assert_eq!(ways.region_of_bucket("s3://z"), None);
    }
}
