//! The search for granules that were deleted, which is unlike all others: only JSON, only one
//! collection and provider, a moment that must be given, and no pages.

use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;

use super::catalog::{CmrCollection, CmrGranule, DAY, time};
use super::parameters::{Parameters, Refusal, millis, refuse};

/// It asks its index without saying how many it wants, and gets so many, in no order; `CMR-Hits` counts
/// all.
const SENT: usize = 10;
/// It knows of so many days.
const DAYS: i64 = 365;

/// How many there are, and a list of JSON.
pub(super) fn granules(
    catalog: &[CmrCollection],
    parameters: &Parameters,
) -> Result<(usize, String), Refusal> {
    parameters.check(&["revision_date", "provider", "parent_collection_id"])?;
    let Some(since) = parameters.single("revision_date")? else {
        return Err(refuse(
            "One revision date is required for deleted granules search.",
        ));
    };
    // A moment, not a range.
    let Some(moment) = millis(since) else {
        let words = format!("[{since}] is not a valid datetime");
        return Err((StatusCode::UNPROCESSABLE_ENTITY, words));
    };
    if moment < now() - DAYS * DAY {
        return Err(refuse("Revision date must be within one year of today."));
    }
    let provider = parameters.single("provider")?;
    let parent = parameters.single("parent_collection_id")?;
    let of = |one: &&CmrCollection| {
        provider.is_none_or(|provider| one.provider == provider)
            && parent.is_none_or(|parent| one.concept_id == parent)
    };
    let all = catalog.iter().filter(of);
    let all = all.flat_map(|of| of.deleted.iter().map(move |one| (of, one)));
    let all: Vec<_> = all.filter(|(_, (_, when))| *when >= moment).collect();
    let record = |(of, (granule, when)): &(&CmrCollection, &(CmrGranule, i64))| {
        serde_json::json!({
            "concept-id": granule.concept_id(&of.provider),
            "parent-collection-id": of.concept_id,
            "provider-id": of.provider,
            "granule-ur": granule.name,
            "revision-date": written(*when),
        })
    };
    let sent: Vec<_> = all.iter().take(SENT).map(record).collect();
    Ok((all.len(), serde_json::Value::Array(sent).to_string()))
}

/// Milliseconds since 1970 as they are in that index: a zone without a colon, or milliseconds.
fn written(millis: i64) -> String {
    let text = time(millis);
    match text.strip_suffix(".000Z") {
        Some(whole) => format!("{whole}+0000"),
        None => text,
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
