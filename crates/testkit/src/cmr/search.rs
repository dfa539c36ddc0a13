//! Searches as CMR answers them, as far as tests need: what it does not filter by, it refuses.

use std::cmp::Ordering;

use serde_json::Value;

use super::catalog::{CmrCollection, CmrGranule};
use super::parameters::{Parameters, Refusal, millis, refuse};

/// One page of an answer.
pub(super) struct Answer {
    pub(super) hits: usize,
    pub(super) search_after: Option<String>,
    pub(super) records: Vec<String>,
}

/// Searches collections.
pub(super) fn collections(
    catalog: &[CmrCollection],
    parameters: &Parameters,
    after: Option<&str>,
) -> Result<Answer, Refusal> {
    parameters.check(&[
        "short_name",
        "version",
        "provider",
        "doi",
        "concept_id",
        "cloud_hosted",
        "include_non_operational",
        "page_size",
    ])?;
    parameters.check_ids("concept_id", &['C'])?;
    let ids = parameters.all("concept_id");
    let cloud_hosted = parameters.single("cloud_hosted")?;
    let given = |name| !parameters.all(name).is_empty();
    // Who names one collection means it, whatever its state.
    let all = parameters.single("include_non_operational")? == Some("true")
        || given("concept_id")
        || given("doi")
        || (given("short_name") && given("version"));
    let fits = |one: &&CmrCollection| {
        parameters.fits("short_name", &one.short_name)
            && parameters.fits("version", &one.version)
            && parameters.fits("provider", &one.provider)
            && parameters.fits("doi", one.doi.as_deref().unwrap_or_default())
            && (ids.is_empty() || ids.contains(&one.concept_id.as_str()))
            && cloud_hosted.is_none_or(|value| (value == "true") == one.cloud_hosted)
            && (all || one.operational)
    };
    let found = catalog.iter().filter(fits).collect();
    let order = Order(vec![("entry_title".to_owned(), false)]);
    let key = |one: &&CmrCollection, _: &str| Value::from(one.title().to_lowercase());
    let number = |one: &&CmrCollection| one.number();
    order.page(found, parameters, after, key, number, |one| one.record())
}

/// Searches granules.
pub(super) fn granules(
    catalog: &[CmrCollection],
    parameters: &Parameters,
    after: Option<&str>,
) -> Result<Answer, Refusal> {
    parameters.check(&[
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
    ])?;
    parameters.check_ids("concept_id", &['C', 'G'])?;
    parameters.check_ids("collection_concept_id", &['C'])?;
    let limits = [
        "short_name",
        "version",
        "provider",
        "collection_concept_id",
        "concept_id",
    ];
    if limits.iter().all(|name| parameters.all(name).is_empty()) {
        return Err(refuse(
            "The CMR does not allow querying across granules in all collections. To help optimize your \
             search, you should limit your query using conditions that identify one or more \
             collections, such as provider, provider_id, concept_id, collection_concept_id, \
             short_name, version or entry_title.",
        ));
    }
    let temporal: Option<Vec<_>> = parameters.all("temporal").into_iter().map(range).collect();
    let Some(temporal) = temporal else {
        return Err(refuse("temporal start datetime is invalid"));
    };
    let since = match parameters.all("updated_since").as_slice() {
        [] => None,
        [since] => Some(millis(since).ok_or_else(|| refuse("updated_since datetime is invalid"))?),
        _ => {
            return Err(refuse(
                "Search not allowed with multiple updated_since values",
            ));
        }
    };
    let boxes = parameters.all("bounding_box").into_iter().map(edges);
    let Some(boxes) = boxes.collect::<Option<Vec<_>>>() else {
        return Err(refuse("bounding_box is not valid"));
    };
    // All boxes are to be met, unless it is said that one is enough.
    let any_box = parameters.one("options[bounding_box][or]") == Some("true");
    let in_boxes = |edges: &[f64; 4]| {
        let mut touched = boxes.iter().map(|other| touch(edges, other));
        boxes.is_empty()
            || (if any_box {
                touched.any(|one| one)
            } else {
                touched.all(|one| one)
            })
    };
    // Ids of collections may be given by both names.
    let ids = parameters.all("concept_id");
    let (parents, own): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| id.starts_with('C'));
    let named = parameters.all("collection_concept_id");
    let is_one = |ids: &[&str], id: &str| ids.is_empty() || ids.contains(&id);
    let of = |one: &CmrCollection| {
        parameters.fits("short_name", &one.short_name)
            && parameters.fits("version", &one.version)
            && parameters.fits("provider", &one.provider)
            && is_one(&named, &one.concept_id)
            && is_one(&parents, &one.concept_id)
    };
    let fits = |(of, one): &(&CmrCollection, &CmrGranule)| {
        let in_time = |(start, end): &(i64, i64)| one.taken.0 <= *end && one.taken.1 >= *start;
        is_one(&own, &one.concept_id(&of.provider))
            && parameters.fits("readable_granule_name", &one.name)
            && (temporal.is_empty() || temporal.iter().any(in_time))
            && in_boxes(&one.edges)
            && since.is_none_or(|since| one.revised >= since)
    };
    let all = catalog.iter().filter(|one| of(one));
    let all = all.flat_map(|of| of.granules.iter().map(move |one| (of, one)));
    let found = all.filter(fits).collect();
    let order = Order::of_granules(parameters)?;
    let key = |(of, one): &(&CmrCollection, &CmrGranule), field: &str| match field {
        "start_date" => one.taken.0.into(),
        "end_date" => one.taken.1.into(),
        "revision_date" => one.revised.into(),
        "provider" => of.provider.to_lowercase().into(),
        _ => one.name.to_lowercase().into(),
    };
    let number = |(_, one): &(&CmrCollection, &CmrGranule)| one.number;
    order.page(found, parameters, after, key, number, |(of, one)| {
        one.record(of)
    })
}

/// By what records are sorted; the first goes first, each may be reversed.
struct Order(Vec<(String, bool)>);

impl Order {
    /// Keys of CMR of which this server knows what they mean.
    fn of_granules(parameters: &Parameters) -> Result<Self, Refusal> {
        const KNOWN: [&str; 7] = [
            "start_date",
            "end_date",
            "revision_date",
            "provider",
            "granule_ur",
            "producer_granule_id",
            "readable_granule_name",
        ];
        let mut given = parameters.all("sort_key");
        if given.is_empty() {
            given = vec!["provider", "start_date"];
        }
        let key = |text: &str| {
            let field = text.trim_start_matches(['+', '-']);
            if KNOWN.contains(&field) {
                return Ok((field.to_owned(), text.starts_with('-')));
            }
            Err(refuse(format!(
                "The sort key [{field}] is not a valid field for sorting granules."
            )))
        };
        given
            .into_iter()
            .map(key)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn compare(&self, one: &[Value], other: &[Value]) -> Ordering {
        let reversed = self.0.iter().map(|(_, reversed)| *reversed).chain([false]);
        let pairs = one.iter().zip(other).zip(reversed);
        let mut orders = pairs.map(|((one, other), reversed)| {
            let order = match (one.as_str(), other.as_str()) {
                (Some(one), Some(other)) => one.cmp(other),
                _ => one.as_i64().cmp(&other.as_i64()),
            };
            if reversed { order.reverse() } else { order }
        });
        orders
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Those of what was found that come after a key, as many as one page holds.
    fn page<T>(
        &self,
        found: Vec<T>,
        parameters: &Parameters,
        after: Option<&str>,
        value: impl Fn(&T, &str) -> Value,
        number: impl Fn(&T) -> u64,
        record: impl Fn(&T) -> String,
    ) -> Result<Answer, Refusal> {
        let after = match after.map(serde_json::from_str::<Vec<Value>>) {
            Some(Err(_)) => {
                return Err(refuse(
                    "search-after header value is invalid, must be in the form of a JSON array.",
                ));
            }
            Some(Ok(after)) => Some(after),
            None => None,
        };
        let key = |one: &T| -> Vec<Value> {
            let values = self.0.iter().map(|(field, _)| value(one, field));
            values.chain([number(one).into()]).collect()
        };
        let hits = found.len();
        let mut found: Vec<_> = found.into_iter().map(|one| (key(&one), one)).collect();
        found.sort_by(|(one, _), (other, _)| self.compare(one, other));
        let is_rest = |(key, _): &&(Vec<Value>, T)| {
            let after = after.as_ref();
            after.is_none_or(|after| self.compare(key, after).is_gt())
        };
        let rest = found.iter().filter(is_rest);
        let shown: Vec<_> = rest.take(parameters.page_size()).collect();
        Ok(Answer {
            hits,
            search_after: shown
                .last()
                .map(|(key, _)| Value::from(key.clone()).to_string()),
            records: shown.into_iter().map(|(_, one)| record(one)).collect(),
        })
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
