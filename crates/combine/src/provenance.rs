//! Where a joined set comes from.

use chunkref_manifest::{
    Attribute, Attributes, Collection, GranuleRecord, HISTORY, Manifest, Provenance, SOURCE_DOI,
    before_us,
};

use crate::compare::same_attribute;
use crate::locations::Merged;

/// The granules of all, one after the other; of the rest what those that know it agree on.
pub(crate) fn merge(manifests: &[&Manifest], merged: &Merged) -> Provenance {
    let all = || manifests.iter().map(|manifest| &manifest.provenance);
    let mut joined = Provenance::default();
    joined.collection = collection(all().map(|one| one.collection.as_ref()));
    joined.query = agreed(all().map(|one| one.query.as_ref()));
    joined.chunkref = agreed(all().map(|one| one.chunkref.as_ref()));
    for (number, manifest) in manifests.iter().enumerate() {
        let granules = manifest.provenance.granules.iter();
        joined.granules.extend(granules.map(|granule| {
            let mut granule: GranuleRecord = granule.clone();
            let locations = granule.locations.iter();
            granule.locations = locations
                .filter_map(|id| merged.number(number, *id))
                .collect();
            granule
        }));
    }
    joined
}

/// The one value that all have that have any.
fn agreed<'a, T: Clone + PartialEq + 'a>(values: impl Iterator<Item = Option<&'a T>>) -> Option<T> {
    let mut known = values.flatten();
    let first = known.next()?;
    known.all(|value| value == first).then(|| first.clone())
}

/// The collection of all that know theirs. Its record may have changed from one to the next: the
/// first that is known stands.
fn collection<'a>(values: impl Iterator<Item = Option<&'a Collection>>) -> Option<Collection> {
    let mut known = values.flatten();
    let first = known.next()?;
    known.all(|one| one.is_same(first)).then(|| first.clone())
}

/// Attributes of the root that are told of each granule by itself, and stay only where all agree.
pub(crate) const OF_EACH: [&str; 2] = [HISTORY, SOURCE_DOI];

/// Leaves of [`OF_EACH`] what all granules say; what was done by joining comes after that. Gives the
/// names of those that are left out.
pub(crate) fn settle(joined: &mut Attributes, all: &[&Attributes]) -> Vec<&'static str> {
    let mut left_out = Vec::new();
    for name in OF_EACH {
        let said = |attributes: &&Attributes| match (name, attributes.get(name)) {
            (HISTORY, Some(history)) if history.as_text().is_some() => {
                let text = before_us(attributes).unwrap_or_default();
                (!text.is_empty()).then(|| Attribute::text(text))
            }
            (_, said) => said.cloned(),
        };
        let mut said = all.iter().map(said);
        let first = said.next().flatten();
        let agreed = said.all(|other| {
            let both = (first.as_ref(), other.as_ref());
            matches!(both, (Some(one), Some(other)) if same_attribute(one, other))
                || both == (None, None)
        });
        match first.filter(|_| agreed) {
            Some(attribute) => {
                joined.insert(name.to_owned(), attribute);
            }
            None => {
                joined.remove(name);
            }
        }
        if !agreed {
            left_out.push(name);
        }
    }
    left_out
}
