//! What stands behind the question mark of a URL. It may be what is asked for, or say who may ask: it is
//! kept nowhere, but a fingerprint of the first tells one file from another.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;

use twox_hash::XxHash64;

use super::error::BuildError;
use super::source::Source;

/// Parameters that say who may read, and until when.
const SIGNATURES: [&str; 14] = [
    "signature",
    "sig",
    "expires",
    "awsaccesskeyid",
    "googleaccessid",
    "key-pair-id",
    "policy",
    "a-userid",
    "token",
    "access_token",
    "apikey",
    "api_key",
    "auth",
    "password",
];
/// Those that stand beside a `sig` of Azure.
const OF_AZURE: [&str; 15] = [
    "sv", "ss", "srt", "sp", "se", "st", "spr", "sip", "sr", "skoid", "sktid", "skt", "ske", "sks",
    "skv",
];

/// The query of a URL of http.
fn query(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return None;
    }
    let (_, query) = rest.split('#').next()?.split_once('?')?;
    (!query.is_empty()).then_some(query)
}

/// What tells the file of a URL from others of the same path: empty without a query, and where that is
/// only a signature, which is another each time.
pub(crate) fn fingerprint(address: &str) -> String {
    let parameters: Vec<&str> = query(address).unwrap_or_default().split('&').collect();
    let name = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default();
        name.to_ascii_lowercase()
    };
    let names: BTreeSet<String> = parameters.iter().map(|one| name(one)).collect();
    let is_azure = names.contains("sig") && names.contains("sv");
    let is_signature = |name: &str| {
        name.starts_with("x-amz-")
            || name.starts_with("x-goog-")
            || SIGNATURES.contains(&name)
            || is_azure && OF_AZURE.contains(&name)
    };
    let told = parameters.into_iter();
    let told: Vec<&str> = told
        .filter(|one| !one.is_empty() && !is_signature(&name(one)))
        .collect();
    if told.is_empty() {
        return String::new();
    }
    let mut hash = XxHash64::with_seed(0);
    hash.write(told.join("&").as_bytes());
    format!("?{:016x}", hash.finish())
}

/// Two files would be one in the set.
pub(crate) fn ambiguous(url: &str) -> BuildError {
    BuildError::sources(format!(
        "{url}: two sources differ only in what stands behind its question mark, which is not kept, as it \
         may be a signature: both would be one file in the set"
    ))
}

/// Of files of one granule that have one name, the address tells which is which.
pub(crate) fn tell_apart(sources: &mut [Source]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources.iter() {
        *counts.entry(source.key.clone()).or_default() += 1;
    }
    for source in sources {
        if counts.get(&source.key).is_some_and(|count| *count > 1) {
            source.key = format!("{} {}", source.key, source.url);
        }
    }
}

/// What whoever reads the set should know of queries that it lacks.
///
/// # Errors
///
/// If files differ in their queries alone.
pub(crate) fn check(sources: &[Source]) -> Result<Option<String>, BuildError> {
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    let mut cut: Vec<&str> = Vec::new();
    for source in sources {
        let other = addresses.insert(&source.url, &source.address);
        if query(&source.address).is_none() {
            if other.is_some_and(|other| query(other).is_some()) {
                return Err(ambiguous(&source.url));
            }
            continue;
        }
        if other.is_some_and(|other| other != source.address) {
            return Err(ambiguous(&source.url));
        }
        cut.push(&source.url);
    }
    let Some(first) = cut.first() else {
        return Ok(None);
    };
    Ok(Some(format!(
        "{first}{}: what stands behind its question mark is not kept, as it may be a signature: the set \
         names the address without it, and who reads the set is given what the server has there, or \
         nothing; chunks are only read of a file of the same size and ETag or time, as far as the server \
         tells them",
        match cut.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        }
    )))
}

#[cfg(test)]
mod tests {
    use super::{Source, check, fingerprint};

    #[test]
    fn queries_tell_files_apart_and_signatures_do_not() {
        for plain in [
            "https://h/get",
            "https://h/get?",
            "https://h/get#file=0.nc",
            "https://h/get?X-Amz-Signature=a&X-Amz-Date=b&x-amz-expires=c",
            "https://h/get?Expires=1&Signature=2&Key-Pair-Id=3",
            "https://h/get?sv=1&sr=b&sig=2&se=3",
            "https://h/get?A-userid=me&token=x",
            "s3://b/get?file=0.nc",
            "a/get?file=0.nc",
        ] {
            assert_eq!(fingerprint(plain), "", "{plain}");
        }
        let one = fingerprint("https://h/get?file=0.nc");
        assert_eq!(one.len(), 17);
        assert_eq!(one, fingerprint("https://h/get?file=0.nc&Signature=2"));
        assert_eq!(one, fingerprint("https://h/get?sig=1&file=0.nc#x"));
        assert_ne!(one, fingerprint("https://h/get?file=1.nc"));
        assert_ne!(one, fingerprint("https://h/get?file=0.nc&sr=b"));
    }

    #[test]
    fn two_files_at_one_address_are_refused() {
        let check = |addresses: [&str; 2]| check(&addresses.map(Source::of_address));
        assert_eq!(check(["https://h/a", "https://h/b"]).unwrap(), None);
        assert_eq!(check(["s3://b/a?1", "s3://b/a?2"]).unwrap(), None);
        let caution = check(["https://h/a?x=1", "https://h/b?x=1"]).unwrap();
        let caution = caution.unwrap();
        assert!(
            caution.starts_with("https://h/a (and 1 more): "),
            "{caution}"
        );
        for two in [
            ["https://h/a?x=1", "https://h/a?x=2"],
            ["https://h/a?x=1", "https://h/a"],
            ["https://h/a", "https://h/a?x=1"],
        ] {
            let error = check(two).unwrap_err().to_string();
            assert!(error.contains("question mark"), "{error}");
        }
        assert!(check(["https://h/a?x=1", "https://h/a?x=1"]).is_ok());
    }
}
