//! What is known of objects and of where granules come from is kept.

use crate::granule::{array, in_chunks};
use chunkref_combine::{ConcatOptions, Error, concat};
use chunkref_manifest::{
    ChunkRef, ChunkTableBuilder, Collection, GranuleRecord, Location, LocationId, Locations,
    Manifest, Pin, Prefix,
};

/// A granule of one chunk whose object has a neighbour that all granules share.
fn granule(url: &str, shared: Location) -> Manifest {
    let mut manifest = Manifest::default();
    manifest.locations.intern(shared);
    let id = manifest.locations.intern(Location::new(url)).unwrap();
    let mut table = ChunkTableBuilder::new(vec![1]);
    table.push(0, id, 0, 8).unwrap();
    let layout = in_chunks(&[2], table.finish());
    manifest
        .root
        .arrays
        .insert("t".into(), array(&["time"], &[2], layout));
    let mut record = GranuleRecord::new(url);
    record.locations = vec![id, LocationId(0)];
    manifest.provenance.granules.push(record);
    manifest
}

#[test]
fn granules_are_kept_with_their_new_locations() {
    let mut first = granule("a", Location::new("shared"));
    let mut second = granule("b", Location::new("shared"));
    let mut collection = Collection::default();
    collection.short_name = Some("MUR".into());
    first.provenance.collection = Some(collection.clone());
    first.provenance.query = Some("one".into());
    second.provenance.query = Some("other".into());
    let (joined, _) = concat(vec![first, second], "time", &ConcatOptions::new()).unwrap();
    let provenance = &joined.provenance;
    assert_eq!(provenance.collection, Some(collection));
    assert_eq!(provenance.query, None);
    let places: Vec<_> = provenance
        .granules
        .iter()
        .map(|one| &one.locations)
        .collect();
    assert_eq!(places[0], &[LocationId(1), LocationId(0)]);
    assert_eq!(places[1], &[LocationId(2), LocationId(0)]);
    assert_eq!(joined.locations.get(LocationId(2)).unwrap().url, "b");
}

#[test]
fn what_one_granule_knows_of_an_object_is_known_of_it() {
    let mut known = Location::new("shared").with_alternates(["s3://b/x"]);
    known.pin.concept_id = Some("G1-P".into());
    let other = Location::new("shared").with_alternates(["s3://c/x", "s3://b/x"]);
    let mut first = granule("a", known);
    let mut second = granule("b", other);
    first
        .locations
        .set_prefix(Prefix::new("s3://b").with_region("us-west-2"));
    second
        .locations
        .set_prefix(Prefix::new("s3://b").with_credentials_endpoint("https://e/s3"));
    let (joined, _) = concat(vec![first, second], "time", &ConcatOptions::new()).unwrap();
    let shared = joined.locations.get(LocationId(0)).unwrap();
    assert_eq!(shared.alternates, ["s3://b/x", "s3://c/x"]);
    assert_eq!(shared.pin.concept_id.as_deref(), Some("G1-P"));
    let prefix = joined.locations.prefix_of("s3://b/x").unwrap();
    assert_eq!(prefix.region.as_deref(), Some("us-west-2"));
    assert_eq!(prefix.credentials_endpoint.as_deref(), Some("https://e/s3"));
}

#[test]
fn what_contradicts_is_refused() {
    let pinned = |revision| {
        Location::new("shared").with_pin(Pin {
            revision: Some(revision),
            ..Pin::default()
        })
    };
    let granules = vec![granule("a", pinned(1)), granule("b", pinned(2))];
    let error = concat(granules, "time", &ConcatOptions::new()).unwrap_err();
    assert!(
        error.to_string().contains("revision 2, elsewhere as"),
        "{error}"
    );

    let located = |url, region| {
        let mut granule = granule(url, Location::new("shared"));
        let prefix = Prefix::new("s3://b").with_region(region);
        granule.locations.set_prefix(prefix);
        granule
    };
    let granules = vec![located("a", "us-west-2"), located("b", "us-east-1")];
    let Err(Error::Unlike { differences, .. }) = concat(granules, "time", &ConcatOptions::new())
    else {
        panic!("joined");
    };
    assert_eq!(
        differences[0].reason,
        "region of s3://b is us-east-1, elsewhere us-west-2"
    );
}

#[test]
fn two_numbers_of_one_url_stay_two() {
    let mut first = granule("a", Location::new("shared"));
    first.locations = Locations::from_entries(vec![
        Location::new("same"),
        Location::new("same"),
        Location::new("last"),
    ])
    .unwrap();
    let mut table = ChunkTableBuilder::new(vec![1]);
    table.push(0, LocationId(2), 0, 8).unwrap();
    let fixed = array(&["x"], &[2], in_chunks(&[2], table.finish()));
    first.root.arrays.insert("fixed".into(), fixed.clone());
    let mut second = granule("b", Location::new("shared"));
    second.root.arrays.insert("fixed".into(), fixed);
    let (joined, _) = concat(vec![first, second], "time", &ConcatOptions::new()).unwrap();
    let Some(ChunkRef::Range { location, .. }) = joined.array("fixed").unwrap().chunk(0) else {
        panic!("no range");
    };
    assert_eq!(joined.locations.get(location).unwrap().url, "last");
}
