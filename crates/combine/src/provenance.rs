//! Where a joined set comes from.

use chunkref_manifest::{GranuleRecord, Manifest, Provenance};

use crate::locations::Merged;

/// The granules of all, one after the other; of the rest what those that know it agree on.
pub(crate) fn merge(manifests: &[&Manifest], merged: &Merged) -> Provenance {
    let all = || manifests.iter().map(|manifest| &manifest.provenance);
    let mut joined = Provenance::default();
    joined.collection = agreed(all().map(|one| one.collection.as_ref()));
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
