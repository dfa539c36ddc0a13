//! What collections a search for granules means.

use crate::cmr::Cmr;
use crate::collection::Collection;
use crate::collections::{CollectionSearch, Collections};
use crate::error::{Error, Result};

/// So many collections of similar names are named.
const SIMILAR: usize = 5;
/// So many collections at most can be meant by one search.
const MOST: usize = 100;

/// Finds the collections that are named by short name or DOI: one for each name, and with versions one
/// for each name and version.
///
/// # Errors
///
/// If a name fits none, or several.
pub(crate) async fn collections(named: &CollectionSearch, cmr: &Cmr) -> Result<Vec<Collection>> {
    let mut found = named.clone().limit(MOST).run(cmr).await?;
    let has_name = |one: &Collection, name: &str| one.short_name.eq_ignore_ascii_case(name);
    let missing: Vec<_> = named
        .short_names
        .iter()
        .filter(|name| !found.iter().any(|one| has_name(one, name)))
        .collect();
    if !missing.is_empty() {
        // A CMR that does not take the question has none to hide.
        let all = named.clone().any_state().limit(MOST).run(cmr).await;
        let all = all.unwrap_or_default().into_iter();
        found.extend(all.filter(|one| missing.iter().any(|name| has_name(one, name))));
    }
    for name in &named.short_names {
        let asked = described("short name", name, named);
        let fitting: Vec<_> = found.iter().filter(|one| has_name(one, name)).collect();
        if fitting.is_empty() {
            return Err(unknown(name, asked, cmr).await);
        }
        single(&asked, &fitting, named)?;
    }
    for doi in &named.dois {
        let fits = |one: &&Collection| {
            let other = one.doi.as_deref();
            other.is_some_and(|other| other.eq_ignore_ascii_case(doi))
        };
        let asked = described("the DOI", doi, named);
        let fitting: Vec<_> = found.iter().filter(fits).collect();
        if fitting.is_empty() {
            return Err(Error::UnknownCollection {
                asked,
                system: cmr.system(),
                similar: Vec::new(),
            });
        }
        single(&asked, &fitting, named)?;
    }
    Ok(found)
}

/// Whether those that fit are one; where versions are given, one of each.
fn single(asked: &str, fitting: &[&Collection], named: &CollectionSearch) -> Result<()> {
    let of_version = |version: &str| {
        let same = |one: &&&Collection| one.version == version;
        fitting.iter().filter(same).count()
    };
    let several = if named.versions.is_empty() {
        fitting.len() > 1
    } else {
        fitting.iter().any(|one| of_version(&one.version) > 1)
    };
    if !several {
        return Ok(());
    }
    Err(Error::Ambiguous {
        asked: asked.to_owned(),
        collections: fitting.iter().map(ToString::to_string).collect(),
    })
}

/// What was asked for, in words.
fn described(what: &str, name: &str, named: &CollectionSearch) -> String {
    let mut text = format!("{what} {name}");
    // CMR finds what meets both.
    let with = [("short name", &named.short_names), ("DOI", &named.dois)];
    for (kind, names) in with
        .iter()
        .filter(|(kind, names)| !what.ends_with(kind) && !names.is_empty())
    {
        text = format!("{text}, {kind} {}", names.join(" or "));
    }
    if !named.versions.is_empty() {
        text = format!("{text}, version {}", named.versions.join(" or "));
    }
    if !named.providers.is_empty() {
        text = format!("{text}, provider {}", named.providers.join(" or "));
    }
    match named.cloud_hosted {
        Some(true) => format!("{text}, in the cloud"),
        Some(false) => format!("{text}, not in the cloud"),
        None => text,
    }
}

/// Looks for names that may be meant. That this fails too is no matter.
async fn unknown(name: &str, asked: String, cmr: &Cmr) -> Error {
    let plain = name.replace(['*', '?'], "");
    let search = Collections::search().short_name(&format!("{plain}*"));
    let found = search.pattern().limit(SIMILAR).run(cmr).await;
    let similar = found.unwrap_or_default();
    let similar = similar.iter().map(|one| {
        format!(
            "{} version {} ({})",
            one.short_name, one.version, one.concept_id
        )
    });
    Error::UnknownCollection {
        asked,
        system: cmr.system(),
        similar: similar.collect(),
    }
}
