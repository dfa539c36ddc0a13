//! Fields of UMM records, of which any may be missing or odd.
//!
//! What is not of the kind expected counts as missing: a record with one odd field is still of use.

use serde_json::Value;

use crate::link::{Link, LinkKind};
use crate::time::{TimeRange, Timestamp};

/// The value at the end of a path of names.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// The text at the end of a path of names, if it is not empty.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    let text = at(value, path)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// The same, as text of its own.
pub(crate) fn owned(value: &Value, path: &[&str]) -> Option<String> {
    text(value, path).map(str::to_owned)
}

/// A whole number, which may be written as text.
pub(crate) fn whole(value: &Value, path: &[&str]) -> Option<u64> {
    let value = at(value, path)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A finite number, which may be written as text.
pub(crate) fn number(value: &Value, path: &[&str]) -> Option<f64> {
    let value = at(value, path)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    number.is_finite().then_some(number)
}

/// The members of a list; none, where there is no list.
pub(crate) fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A moment.
pub(crate) fn time(value: &Value, path: &[&str]) -> Option<Timestamp> {
    Timestamp::of_cmr(text(value, path)?)
}

/// A `RangeDateTime` of UMM.
pub(crate) fn range(value: &Value) -> Option<TimeRange> {
    let start = time(value, &["BeginningDateTime"]);
    let end = time(value, &["EndingDateTime"]);
    TimeRange::between(start, end).ok()
}

/// All `RelatedUrls` that have a URL.
pub(crate) fn links(umm: &Value) -> Vec<Link> {
    let urls = list(umm, &["RelatedUrls"]).iter();
    urls.filter_map(|entry| {
        let url = text(entry, &["URL"])?;
        // What has control characters in it is no URL, and would reach a terminal.
        if url.chars().any(char::is_control) {
            return None;
        }
        let type_ = text(entry, &["Type"]).unwrap_or_default();
        let subtype = text(entry, &["Subtype"]).unwrap_or_default();
        let mut link = Link::new(url, LinkKind::of(url, type_, subtype));
        let given = owned(entry, &["Format"]).or_else(|| owned(entry, &["GetData", "Format"]));
        link.format = given;
        link.media_type =
            owned(entry, &["MimeType"]).or_else(|| owned(entry, &["GetData", "MimeType"]));
        Some(link)
    })
    .collect()
}
