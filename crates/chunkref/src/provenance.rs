//! What sets say of where they come from.

use chunkref_earthdata as earthdata;
use chunkref_io::Client;
use chunkref_manifest::{CitationRecord, Collection, GranuleRecord, Manifest};

use crate::format::SetFormat;
use crate::lazy::LazySet;
use crate::read_set::{OpenError, read_set};

/// What a set keeps of a collection's record: what it is, and how it wants to be cited.
///
/// ```no_run
/// # async fn example(cmr: chunkref::earthdata::Cmr) -> chunkref::earthdata::Result<()> {
/// use chunkref::earthdata::Collections;
/// use chunkref::{Manifest, collection_record};
///
/// let found = Collections::search().short_name("MUR-JPL-L4-GLOB-v4.1").run(&cmr).await?;
/// let mut manifest = Manifest::default();
/// manifest.provenance.collection = found.first().map(collection_record);
/// # Ok(())
/// # }
/// ```
pub fn collection_record(collection: &earthdata::Collection) -> Collection {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut record = Collection::default();
    record.concept_id = text(&collection.concept_id);
    record.short_name = text(&collection.short_name);
    record.version = text(&collection.version);
    record.title = text(&collection.title);
    record.doi.clone_from(&collection.doi);
    record.data_center.clone_from(&collection.data_center);
    let mut citation = CitationRecord::default();
    citation.creator.clone_from(&collection.citation.creator);
    citation.title.clone_from(&collection.citation.title);
    citation
        .release_date
        .clone_from(&collection.citation.release_date);
    citation
        .publisher
        .clone_from(&collection.citation.publisher);
    record.citation = (citation != CitationRecord::default()).then_some(citation);
    record
}

/// What a set keeps of a granule's record; the objects that hold it are to be added.
pub fn granule_record(granule: &earthdata::Granule) -> GranuleRecord {
    let mut record = GranuleRecord::new(&granule.name);
    record.concept_id = Some(granule.concept_id.clone());
    record.revision = u32::try_from(granule.revision).ok();
    let (start, end) = granule
        .temporal
        .map_or((None, None), |taken| (taken.start, taken.end));
    record.start = start.map(|moment| moment.to_string());
    record.end = end.map(|moment| moment.to_string());
    record
}

/// Reads what a set says of itself: groups, attributes, sources, provenance. References are read only
/// where they are all that tells the sources: of Parquet sets that others wrote.
///
/// # Errors
/// As for [`read_set()`].
pub async fn read_description(client: &Client, set: &str) -> Result<Manifest, OpenError> {
    if SetFormat::of_address(set) == Some(SetFormat::Parquet) {
        let lazy = LazySet::open(client, set).await?;
        if !lazy.manifest().locations.is_empty() {
            return Ok(lazy.manifest().clone());
        }
    }
    Ok(read_set(client, set, None).await?.manifest)
}
