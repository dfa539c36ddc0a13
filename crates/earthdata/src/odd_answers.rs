//! Answers that are damaged or odd: nothing in them ends in a panic, and what can be read is read.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answer::items;
use crate::collection::Collection;
use crate::files::FileChoice;
use crate::granule::Granule;

/// Bodies of answers: those that were recorded, where they are at hand, and one of our own.
fn bodies() -> Vec<(bool, Vec<u8>)> {
    let own = json!({"hits": 1, "items": [{
        "meta": {"concept-id": "G1-A", "native-id": "a", "revision-id": 1, "provider-id": "A"},
        "umm": {
            "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": "2020-01-01T00:00:00.000Z"}},
            "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": {
                "GPolygons": [{"Boundary": {"Points": [{"Longitude": 1, "Latitude": 2}]}}],
                "Points": [{"Longitude": 1, "Latitude": 2}],
            }}},
            "CloudCover": 12.5,
            "DataGranule": {"DayNightFlag": "Day", "ArchiveAndDistributionInformation": [
                {"Name": "a.zip", "Files": [{"Name": "a.nc", "Size": 1.5, "SizeUnit": "MB"}]},
            ]},
            "RelatedUrls": [{"URL": "https://a.b/a.nc", "Type": "GET DATA"}, {"URL": "s3://a/a.nc"}],
        },
    }]});
    let mut bodies = vec![(true, own.to_string().into_bytes())];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/cmr");
    for (granules, name) in [
        (true, "granules-ummjson-SSH-L4-02.json"),
        (true, "granules-ummjson-searchafter-MOD02QKM-01.json"),
        (false, "collections-ummjson-MUR-02.json"),
    ] {
        bodies.extend(
            std::fs::read(folder.join(name))
                .ok()
                .map(|body| (granules, body)),
        );
    }
    bodies
}

/// Reads a body as all of the crate does.
fn read(granules: bool, body: &[u8]) -> Result<usize, String> {
    if !granules {
        let found = items(body, 100, Collection::of)?;
        let stores = found.iter().map(|one| one.virtual_stores().len());
        let _ = format!("{found:?} {:?}", stores.collect::<Vec<_>>());
        return Ok(found.len());
    }
    let found = items(body, 100, Granule::of)?;
    for granule in &found {
        for choice in [
            FileChoice::default(),
            FileChoice::matching("*.nc").unwrap(),
            FileChoice::default().with_all_files(true),
        ] {
            match granule.choose(&choice) {
                Ok(files) => assert!(!files.is_empty()),
                Err(unfit) => assert!(!unfit.to_string().is_empty()),
            }
        }
    }
    let _ = format!("{found:?}");
    Ok(found.len())
}

#[test]
fn answers_are_read_as_they_are() {
    for (granules, body) in bodies() {
        assert!(read(granules, &body).unwrap() > 0);
    }
    let (_, own) = bodies().swap_remove(0);
    let granule = items(&own, 1, Granule::of).unwrap().remove(0);
    let files = granule.choose(&FileChoice::default()).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].size, Some(1_572_864));
    assert_eq!(files[0].https(), Some("https://a.b/a.nc"));
    assert_eq!(files[0].s3(), Some("s3://a/a.nc"));
    assert_eq!(granule.spatial.len(), 2);
}

/// Puts another value in the place of the `at`-th one.
fn replace(value: &mut Value, at: &mut usize, by: &Value) {
    if *at == 0 {
        *value = by.clone();
    }
    *at = at.wrapping_sub(1);
    if *at == usize::MAX {
        return;
    }
    let inner: Vec<&mut Value> = match value {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => return,
    };
    for one in inner {
        replace(one, at, by);
        if *at == usize::MAX {
            return;
        }
    }
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[[{}]], null, 3])),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(1.0e308)),
        Just(json!("")),
        Just(json!("9999-99-99T99:99:99Z")),
        Just(json!("+262142-12-31T23:59:59Z")),
        Just(json!("s3://")),
        Just(json!("https://a.b/%ff%00.nc")),
        Just(json!("https://\u{1b}[2J/a.nc")),
        Just(json!("\u{0}\u{202e}é")),
        ".{0,40}".prop_map(Value::String),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_value_may_be_odd(number in 0_usize..4, place in 0_usize..2000, by in odd()) {
        let bodies = bodies();
        let (granules, body) = &bodies[number % bodies.len()];
        let mut value: Value = serde_json::from_slice(body).unwrap();
        replace(&mut value, &mut place.clone(), &by);
        let _ = read(*granules, value.to_string().as_bytes());
    }

    #[test]
    fn any_byte_may_be_wrong(number in 0_usize..4, at in any::<prop::sample::Index>(), by: u8, cut: bool) {
        let bodies = bodies();
        let (granules, body) = &bodies[number % bodies.len()];
        let mut body = body.clone();
        let at = at.index(body.len());
        body[at] = by;
        if cut {
            body.truncate(at);
            prop_assert!(read(*granules, &body).is_err());
        } else {
            let _ = read(*granules, &body);
        }
    }
}
