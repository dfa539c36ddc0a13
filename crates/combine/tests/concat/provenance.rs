//! What is known of objects and of where granules come from is kept.

use crate::granule::{array, in_chunks};
use chunkref_combine::{ConcatOptions, Error, concat};
use chunkref_manifest::{
    Attribute, ChunkRef, ChunkTableBuilder, Collection, GranuleRecord, HISTORY, Location,
    LocationId, Locations, Manifest, Pin, Prefix, SOURCE_DOI,
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

/// One of the days `names`, with what it says of its history.
fn day(name: &str, history: Option<&str>) -> Manifest {
    let mut day = granule(name, Location::new(format!("{name}.raw")));
    if let Some(history) = history {
        let attributes = &mut day.root.attributes;
        attributes.insert(HISTORY.into(), Attribute::text(history));
    }
    day
}

fn joined(days: Vec<Manifest>) -> (Manifest, Vec<String>) {
    let (joined, report) = concat(days, "time", &ConcatOptions::new()).unwrap();
    assert!(report.attributes.is_empty(), "{:?}", report.attributes);
    (joined, report.left_out)
}

fn history(manifest: &Manifest) -> &str {
    manifest.root.attributes[HISTORY].as_text().unwrap()
}

#[test]
fn a_join_says_what_it_was_made_of_once() {
    let line = |count: usize| {
        let version = env!("CARGO_PKG_VERSION");
        format!("chunkref {version}: virtual dataset of {count} granules")
    };
    let (two, left_out) = joined(vec![day("a", None), day("b", None)]);
    assert_eq!((history(&two), left_out.len()), (line(2).as_str(), 0));
    assert!(!two.root.attributes.contains_key(SOURCE_DOI));
    let version = two.provenance.chunkref.as_deref();
    assert_eq!(version, Some(env!("CARGO_PKG_VERSION")));
    // Joined again, with granules that no set was made of: one line, of all.
    let (three, left_out) = joined(vec![two, day("c", None)]);
    assert_eq!((history(&three), left_out.len()), (line(3).as_str(), 0));
    // What all say stays; what some say otherwise does not.
    let (same, left_out) = joined(vec![day("a", Some("made")), day("b", Some("made"))]);
    assert_eq!(history(&same), format!("made\n{}", line(2)));
    assert!(left_out.is_empty());
    let (more, left_out) = joined(vec![same, day("c", Some("made"))]);
    assert_eq!(history(&more), format!("made\n{}", line(3)));
    assert!(left_out.is_empty());
    let (other, left_out) = joined(vec![more, day("d", Some("copied"))]);
    assert_eq!(history(&other), line(4));
    assert_eq!(left_out, [HISTORY]);
}

#[test]
fn the_doi_of_the_collection_is_told_whatever_changed_in_its_record() {
    let of = |name: &str, short_name: &str, title: &str| {
        let mut collection = Collection::default();
        collection.short_name = Some(short_name.into());
        collection.title = Some(title.into());
        collection.doi = Some("10.5067/GHGMR-4FJ04".into());
        let mut day = day(name, None);
        day.provenance.collection = Some(collection);
        day
    };
    let (joined_of_one, _) = joined(vec![of("a", "MUR", "old"), of("b", "MUR", "new")]);
    let attributes = &joined_of_one.root.attributes;
    assert_eq!(
        attributes[SOURCE_DOI].as_text(),
        Some("10.5067/GHGMR-4FJ04")
    );
    assert!(history(&joined_of_one).ends_with("of 2 granules of MUR"));
    let collection = joined_of_one.provenance.collection.as_ref().unwrap();
    assert_eq!(collection.title.as_deref(), Some("old"));
    // Of two collections no one DOI is that of the whole.
    let (of_two, _) = joined(vec![joined_of_one, of("c", "ATL03", "")]);
    assert!(!of_two.root.attributes.contains_key(SOURCE_DOI));
    assert!(of_two.provenance.collection.is_none());
}
