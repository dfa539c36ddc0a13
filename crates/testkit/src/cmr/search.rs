//! Searches as CMR answers them, as far as tests need: what it does not filter by, it refuses.

use http::StatusCode;
use url::form_urlencoded;

use super::catalog::{CmrCollection, CmrGranule};

/// Parameters of one request.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Of a form-encoded query or body.
    pub(crate) fn parse(encoded: &str) -> Self {
        let pairs = form_urlencoded::parse(encoded.as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The values of `name` and `name[]`.
    fn all(&self, name: &str) -> Vec<&str> {
        let fits = |key: &str| key.strip_suffix("[]").unwrap_or(key) == name;
        let pairs = self.0.iter().filter(|(key, _)| fits(key));
        pairs.map(|(_, value)| value.as_str()).collect()
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last().copied()
    }

    /// Whether a text is one of the values, if there are any.
    fn fits(&self, name: &str, text: &str) -> bool {
        let values = self.all(name);
        let pattern = self.one(&format!("options[{name}][pattern]")) == Some("true");
        let same = |value: &&str| {
            if pattern {
                like(value.as_bytes(), text.as_bytes())
            } else {
                value.eq_ignore_ascii_case(text)
            }
        };
        values.is_empty() || values.iter().any(same)
    }

    /// What is wrong with them, in CMR's words.
    fn refusal(&self, known: &[&str]) -> Option<String> {
        for (key, _) in &self.0 {
            let name = key.strip_suffix("[]").unwrap_or(key);
            if !known.contains(&name) && !name.starts_with("options[") {
                return Some(format!("Parameter [{name}] was not recognized."));
            }
        }
        let size = self.one("page_size").map(str::parse::<usize>);
        if size.is_some_and(|size| size.map_or(true, |size| size > 2000)) {
            return Some("page_size must be a number between 0 and 2000".to_owned());
        }
        None
    }

    pub(crate) fn page_size(&self) -> usize {
        let size = self.one("page_size").and_then(|size| size.parse().ok());
        size.unwrap_or(10)
    }
}

/// Glob match: `*` and `?`.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| like(rest, &text[at..])),
        ([b'?', rest @ ..], [_, left @ ..]) => like(rest, left),
        ([one, rest @ ..], [other, left @ ..]) => {
            one.eq_ignore_ascii_case(other) && like(rest, left)
        }
        _ => false,
    }
}

/// The granules that were deleted, as a list of JSON.
pub(crate) fn deleted(
    catalog: &[CmrCollection],
    parameters: &Parameters,
) -> Result<Vec<serde_json::Value>, Refusal> {
    let known = ["parent_collection_id", "provider", "revision_date"];
    if let Some(words) = parameters.refusal(&known) {
        return Err(refuse(words));
    }
    let since = parameters.one("revision_date").map(range);
    let Some((since, until)) = since.unwrap_or(Some((i64::MIN, i64::MAX))) else {
        return Err(refuse("revision_date is invalid".to_owned()));
    };
    let of = |one: &&CmrCollection| {
        parameters.fits("parent_collection_id", &one.concept_id)
            && parameters.fits("provider", &one.provider)
    };
    let all = catalog.iter().filter(of);
    let all = all.flat_map(|of| of.deleted.iter().map(move |one| (of, one)));
    let all = all.filter(|(_, (_, when))| (since..=until).contains(when));
    let record = |(of, (granule, when)): (&CmrCollection, &(CmrGranule, i64))| {
        serde_json::json!({
            "granule-concept-id": granule.concept_id(&of.provider),
            "parent-collection-id": of.concept_id,
            "granule-ur": granule.name,
            "revision-date": super::catalog::time(*when),
        })
    };
    Ok(all.map(record).collect())
}

/// One page of an answer.
pub(crate) struct Answer {
    pub(crate) hits: usize,
    pub(crate) search_after: Option<String>,
    pub(crate) records: Vec<String>,
}

/// Why a search is refused: status 400 and CMR's words.
type Refusal = (StatusCode, String);

fn refuse(words: String) -> Refusal {
    (StatusCode::BAD_REQUEST, words)
}

/// Searches collections.
pub(crate) fn collections(
    catalog: &[CmrCollection],
    parameters: &Parameters,
    after: Option<&str>,
) -> Result<Answer, Refusal> {
    let known = [
        "short_name",
        "version",
        "provider",
        "doi",
        "concept_id",
        "cloud_hosted",
        "page_size",
    ];
    if let Some(words) = parameters.refusal(&known) {
        return Err(refuse(words));
    }
    let cloud_hosted = parameters.one("cloud_hosted");
    let fits = |one: &&CmrCollection| {
        parameters.fits("short_name", &one.short_name)
            && parameters.fits("version", &one.version)
            && parameters.fits("provider", &one.provider)
            && parameters.fits("doi", one.doi.as_deref().unwrap_or_default())
            && parameters.fits("concept_id", &one.concept_id)
            && cloud_hosted.is_none_or(|value| (value == "true") == one.cloud_hosted)
    };
    let mut found: Vec<_> = catalog.iter().filter(fits).collect();
    found.sort_by_key(|one| one.number());
    let key = |one: &&CmrCollection| (0, one.number());
    Ok(page(&found, parameters, after, key, |one| one.record()))
}

/// Searches granules.
pub(crate) fn granules(
    catalog: &[CmrCollection],
    parameters: &Parameters,
    after: Option<&str>,
) -> Result<Answer, Refusal> {
    let known = [
        "short_name",
        "version",
        "provider",
        "collection_concept_id",
        "concept_id",
        "temporal",
        "bounding_box",
        "updated_since",
        "readable_granule_name",
        "sort_key",
        "page_size",
    ];
    if let Some(words) = parameters.refusal(&known) {
        return Err(refuse(words));
    }
    let limits = [
        "short_name",
        "provider",
        "collection_concept_id",
        "concept_id",
    ];
    if limits.iter().all(|name| parameters.all(name).is_empty()) {
        return Err(refuse(
            "The CMR does not allow querying across granules in all collections.".to_owned(),
        ));
    }
    let temporal: Option<Vec<_>> = parameters.all("temporal").into_iter().map(range).collect();
    let Some(temporal) = temporal else {
        return Err(refuse("temporal start datetime is invalid".to_owned()));
    };
    let since = parameters.one("updated_since").and_then(millis);
    let boxes = parameters.all("bounding_box").into_iter().map(edges);
    let Some(boxes) = boxes.collect::<Option<Vec<_>>>() else {
        return Err(refuse("bounding_box is not valid".to_owned()));
    };
    let of = |one: &CmrCollection| {
        parameters.fits("short_name", &one.short_name)
            && parameters.fits("version", &one.version)
            && parameters.fits("provider", &one.provider)
            && parameters.fits("collection_concept_id", &one.concept_id)
    };
    let fits = |(of, one): &(&CmrCollection, &CmrGranule)| {
        let in_time = |(start, end): &(i64, i64)| one.taken.0 <= *end && one.taken.1 >= *start;
        parameters.fits("concept_id", &one.concept_id(&of.provider))
            && parameters.fits("readable_granule_name", &one.name)
            && (temporal.is_empty() || temporal.iter().any(in_time))
            && (boxes.is_empty() || boxes.iter().any(|other| touch(&one.edges, other)))
            && since.is_none_or(|since| one.revised >= since)
    };
    let all = catalog.iter().filter(|one| of(one));
    let all = all.flat_map(|of| of.granules.iter().map(move |one| (of, one)));
    let mut found: Vec<_> = all.filter(fits).collect();
    let sort = parameters.one("sort_key").unwrap_or("start_date");
    let (field, sign) = match sort.strip_prefix('-') {
        Some(field) => (field, -1),
        None => (sort, 1),
    };
    let key = |(_, one): &(&CmrCollection, &CmrGranule)| {
        let value = match field {
            "revision_date" => one.revised,
            "end_date" => one.taken.1,
            _ => one.taken.0,
        };
        (sign * value, one.number)
    };
    if !["start_date", "end_date", "revision_date"].contains(&field) {
        return Err(refuse(format!(
            "The sort key [{field}] is not a valid field."
        )));
    }
    found.sort_by_key(key);
    Ok(page(&found, parameters, after, key, |(of, one)| {
        one.record(of)
    }))
}

/// Those of what was found that come after a key, as many as one page holds.
fn page<T>(
    found: &[T],
    parameters: &Parameters,
    after: Option<&str>,
    key: impl Fn(&T) -> (i64, u64),
    record: impl Fn(&T) -> String,
) -> Answer {
    let after: Option<(i64, u64)> = after.and_then(|after| serde_json::from_str(after).ok());
    let rest = found
        .iter()
        .filter(|one| after.is_none_or(|after| key(one) > after));
    let shown: Vec<_> = rest.take(parameters.page_size()).collect();
    let last = shown.last().map(|one| key(one));
    Answer {
        hits: found.len(),
        search_after: last.map(|(value, number)| format!("[{value},{number}]")),
        records: shown.into_iter().map(record).collect(),
    }
}

/// `START,END`, where one may be missing.
fn range(text: &str) -> Option<(i64, i64)> {
    let (start, end) = text.split_once(',')?;
    let part = |text: &str, open: i64| {
        if text.is_empty() {
            Some(open)
        } else {
            millis(text)
        }
    };
    Some((part(start, i64::MIN)?, part(end, i64::MAX)?))
}

fn millis(text: &str) -> Option<i64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_millis())
}

/// West, south, east and north.
fn edges(text: &str) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = text
        .split(',')
        .filter_map(|part| part.parse().ok())
        .collect();
    numbers.try_into().ok()
}

/// Whether two boxes, neither of which crosses the antimeridian, touch.
fn touch(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1]
}
