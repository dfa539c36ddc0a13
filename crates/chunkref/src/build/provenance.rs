//! A manifest of the journal with what is known of its granule.

use chunkref_earthdata::Timestamp;
use chunkref_manifest::{Collection, GranuleRecord, Manifest};

use super::journal::Done;
use super::source::Source;

/// What all granules of a build have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) collection: Option<Collection>,
    pub(crate) query: Option<String>,
}

impl Origin {
    /// Puts it into a manifest that is to be written.
    pub(crate) fn put(&self, manifest: &mut Manifest) {
        let provenance = &mut manifest.provenance;
        provenance.collection.clone_from(&self.collection);
        provenance.query.clone_from(&self.query);
        provenance.chunkref = Some(env!("CARGO_PKG_VERSION").to_owned());
        manifest.describe_source(env!("CARGO_PKG_VERSION"));
    }
}

/// Says in a manifest of what granule it is: its object's addresses as they are now, its concept id and
/// revision.
pub(crate) fn describe(mut manifest: Manifest, source: &Source, done: &Done) -> Manifest {
    let record = source.record.as_ref();
    let revision = record.and_then(|record| u32::try_from(record.revision).ok());
    let described = manifest.locations.try_map(|location| {
        let mut location = location.clone();
        if location.url == done.file {
            location.pin.concept_id = record.map(|record| record.concept_id.clone());
            location.pin.revision = revision;
            // What pins it was said at the address where it was scanned, so that one comes first.
            let is_there = source.urls().any(|url| url == done.file);
            let first = if is_there { &done.file } else { &source.url };
            let others = source.urls().filter(|url| url != first).map(str::to_owned);
            location = location.with_url(first).with_alternates(others);
        }
        Ok::<_, std::convert::Infallible>(location)
    });
    manifest.locations = match described {
        Ok(locations) => locations,
        Err(never) => match never {},
    };
    for prefix in &source.prefixes {
        manifest.locations.set_prefix(prefix.clone());
    }
    let mut granule = GranuleRecord::new(source.name());
    granule.concept_id = record.map(|record| record.concept_id.clone());
    granule.revision = revision;
    let time = |millis: Option<i64>| Some(Timestamp::from_millis(millis?).to_string());
    granule.start = time(record.and_then(|record| record.begins));
    granule.end = time(record.and_then(|record| record.ends));
    granule.locations = manifest.locations.iter().map(|(id, _)| id).collect();
    manifest.provenance.granules = vec![granule];
    manifest
}
