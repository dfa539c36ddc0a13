//! Times that are counted in several units.

use bytes::Bytes;
use chunkref_combine::{ConcatOptions, concat};
use chunkref_manifest::{Array, Attribute, ByteOrder, DataType, Layout, Manifest, Value};

use crate::granule::{array, chunked, granule, inline_f64, unlike};

const SECONDS: &str = "seconds since 1981-01-01 00:00:00 UTC";

/// Whole numbers of 32 bits.
fn integers(values: &[i32], units: &str) -> Array {
    let data: Vec<u8> = values.iter().flat_map(|one| one.to_le_bytes()).collect();
    let layout = Layout::Inline { data: data.into() };
    let mut times = array(&["time"], &[values.len() as u64], layout);
    times.data_type = DataType::Int {
        size: 4,
        order: ByteOrder::Little,
    };
    with_units(times, units)
}

fn with_units(mut times: Array, units: &str) -> Array {
    times
        .attributes
        .insert("units".into(), Attribute::text(units));
    times
}

fn of(name: &str, times: Array) -> Manifest {
    let mut manifest = granule(name);
    manifest.root.arrays.insert("time".into(), times);
    manifest
}

fn joined(granules: Vec<Manifest>) -> (Vec<u8>, String, Vec<String>) {
    let options = ConcatOptions::new().with_sorted(true);
    let (manifest, report) = concat(granules, "time", &options).unwrap();
    let times = manifest.array("time").unwrap();
    let Layout::Inline { data } = &times.layout else {
        panic!("{times:?}")
    };
    let units = times.attributes["units"].as_text().unwrap().to_owned();
    let changed = report.units.iter().map(ToString::to_string).collect();
    (data.to_vec(), units, changed)
}

#[test]
fn whole_numbers_stay_whole_in_one_unit_and_are_sorted_by_it() {
    let days = |values: &[i32]| integers(values, "days since 1981-01-02");
    let granules = vec![
        of("b", integers(&[172_800, 172_801], SECONDS)),
        of("a", days(&[0])),
        of("c", days(&[2])),
    ];
    let (data, units, changed) = joined(granules);
    let expected = [86_400_i32, 172_800, 172_801, 259_200];
    let expected: Vec<u8> = expected.iter().flat_map(|one| one.to_le_bytes()).collect();
    assert_eq!((data, units.as_str()), (expected, SECONDS));
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(
        changed[0].starts_with("a: /time: counted in \"seconds"),
        "{changed:?}"
    );
}

#[test]
fn the_unit_in_which_all_are_exact_is_taken() {
    // Not every second is a whole day, but every day is a whole second.
    let granules = vec![
        of("a", integers(&[1], "days since 1981-01-01")),
        of("b", integers(&[90_000], SECONDS)),
    ];
    let (data, units, _) = joined(granules);
    let expected: Vec<u8> = [86_400_i32, 90_000]
        .iter()
        .flat_map(|one| one.to_le_bytes())
        .collect();
    assert_eq!((data, units.as_str()), (expected, SECONDS));
}

#[test]
fn floating_point_times_stay_the_same_to_the_nanosecond() {
    let granules = vec![
        of(
            "a",
            with_units(inline_f64(&["time"], &[0.5]), "days since 2020-01-01"),
        ),
        of(
            "b",
            with_units(
                inline_f64(&["time"], &[60.0, f64::NAN]),
                "hours since 2020-01-01",
            ),
        ),
    ];
    let (data, units, _) = joined(granules);
    let values: Vec<f64> = data
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(units, "days since 2020-01-01");
    assert_eq!(values[..2], [0.5, 2.5]);
    assert!(values[2].is_nan());
}

#[test]
fn missing_times_stay_missing_and_no_time_becomes_missing() {
    let fill = |mut times: Array| {
        let value = Attribute {
            data_type: times.data_type.clone(),
            shape: Some(vec![]),
            values: vec![Value::Int(-1)],
        };
        times.attributes.insert("_FillValue".into(), value);
        times
    };
    let granules = vec![
        of("a", fill(integers(&[86_400, -1], SECONDS))),
        of("b", fill(integers(&[2, -1], "days since 1981-01-01"))),
    ];
    let (data, ..) = joined(granules);
    let expected = [86_400_i32, -1, 172_800, -1];
    let expected: Vec<u8> = expected.iter().flat_map(|one| one.to_le_bytes()).collect();
    assert_eq!(data, expected);
    // A second before the other reference would read as missing; the other way about it does not.
    let granules = vec![
        of(
            "a",
            fill(integers(&[5], "seconds since 1981-01-01 00:00:10")),
        ),
        of(
            "b",
            fill(integers(&[9], "seconds since 1981-01-01 00:00:00")),
        ),
    ];
    let (data, units, _) = joined(granules);
    assert_eq!(units, "seconds since 1981-01-01 00:00:00");
    let expected: Vec<u8> = [9_i32, 15]
        .iter()
        .flat_map(|one| one.to_le_bytes())
        .collect();
    assert_eq!(data, expected);
}

#[test]
fn bounds_are_counted_as_their_coordinate_is() {
    let with_bounds = |name: &str, time: i32, bounds: [i32; 2], units: &str| {
        let mut manifest = of(name, integers(&[time], units));
        let times = manifest.root.arrays.get_mut("time").unwrap();
        times
            .attributes
            .insert("bounds".into(), Attribute::text("time_bnds"));
        let mut edges = integers(&bounds, units);
        edges.attributes.clear();
        edges.shape = vec![1, 2];
        edges.dimension_names = vec!["time".into(), "nv".into()];
        manifest.root.arrays.insert("time_bnds".into(), edges);
        manifest
    };
    let granules = vec![
        with_bounds("a", 43_200, [0, 86_400], SECONDS),
        with_bounds("b", 1, [1, 2], "days since 1981-01-01"),
    ];
    let (manifest, _) = concat(granules, "time", &ConcatOptions::new()).unwrap();
    let edges = manifest.array("time_bnds").unwrap();
    let Layout::Inline { data } = &edges.layout else {
        panic!("{edges:?}")
    };
    let expected = [0_i32, 86_400, 86_400, 172_800];
    let expected: Vec<u8> = expected.iter().flat_map(|one| one.to_le_bytes()).collect();
    assert_eq!(data, &Bytes::from(expected));
    assert!(!edges.attributes.contains_key("units"));
    // Bounds that are not at hand would be in another unit than their coordinate.
    let mut far = with_bounds("b", 1, [1, 2], "days since 1981-01-01");
    let edges = chunked(&["time", "nv"], &[1, 2], &[1, 2], 0);
    far.root.arrays.insert("time_bnds".into(), edges);
    let near = with_bounds("a", 43_200, [0, 86_400], SECONDS);
    let differences = unlike(vec![near, far]);
    let texts: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("its bounds \"time_bnds\": its values are not inline")),
        "{texts:?}"
    );
}

#[test]
fn what_is_not_exact_is_refused_with_the_reason() {
    let short = |value: i32, units: &str| {
        let mut times = integers(&[value], units);
        times.data_type = DataType::Int {
            size: 1,
            order: ByteOrder::Little,
        };
        let data = vec![value.to_le_bytes()[0]];
        times.layout = Layout::Inline { data: data.into() };
        times
    };
    let packed = |units: &str| {
        let mut times = integers(&[1], units);
        let one = Attribute::text("1");
        times.attributes.insert("valid_max".into(), one);
        times
    };
    for (a, b, words) in [
        // Bytes hold neither seconds of a day nor days of a second.
        (
            short(1, "seconds since 1981-01-01"),
            short(100, "days since 1981-01-01"),
            "not exact in",
        ),
        (
            packed(SECONDS),
            packed("days since 1981-01-01"),
            "its attribute valid_max is in its units too",
        ),
        (
            integers(&[1], SECONDS),
            integers(&[1], "months since 1981-01-01"),
            "\"months\"",
        ),
    ] {
        let differences = unlike(vec![of("a", a), of("b", b)]);
        let texts: Vec<_> = differences.iter().map(ToString::to_string).collect();
        let units = "its units differ and can't be made one";
        assert!(
            texts[0].contains(units) && texts[0].contains(words),
            "{texts:?}"
        );
    }
}

/// A granule whose coordinates of these names are one time, with one array of bounds.
fn sharing(name: &str, times: &[&str], units: &str, values: [f64; 3], bounds: &str) -> Manifest {
    let [time, from, to] = values;
    let mut manifest = granule(name);
    for coordinate in times {
        let mut times = with_units(inline_f64(&["time"], &[time]), units);
        let named = Attribute::text(bounds);
        times.attributes.insert("bounds".into(), named);
        manifest.root.arrays.insert((*coordinate).to_owned(), times);
    }
    let mut edges = inline_f64(&["time", "nv"], &[from, to]);
    edges.shape = vec![1, 2];
    manifest.root.arrays.insert(bounds.to_owned(), edges);
    manifest
}

fn days_and_hours(times: &[&str], bounds: &str) -> Vec<Manifest> {
    let days = "days since 2000-01-01";
    let hours = "hours since 2000-01-01";
    vec![
        sharing("a", times, days, [1.0, 0.5, 1.5], bounds),
        sharing("b", times, hours, [48.0, 36.0, 60.0], bounds),
    ]
}

fn floats(manifest: &Manifest, path: &str) -> Vec<f64> {
    let array = manifest.array(path).unwrap();
    let Layout::Inline { data } = &array.layout else {
        panic!("{array:?}")
    };
    let numbers = data.chunks_exact(8);
    numbers
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

#[test]
fn bounds_that_coordinates_share_are_counted_anew_once() {
    for times in [&["time"][..], &["time", "time2"], &["a", "time", "z"]] {
        for reversed in [false, true] {
            let mut granules = days_and_hours(times, "time_bnds");
            let mut expected = [vec![1.0, 2.0], vec![0.5, 1.5, 1.5, 2.5]];
            if reversed {
                granules.reverse();
                expected = [vec![48.0, 24.0], vec![36.0, 60.0, 12.0, 36.0]];
            }
            let (manifest, report) = concat(granules, "time", &ConcatOptions::new()).unwrap();
            for time in times {
                assert_eq!(floats(&manifest, time), expected[0], "{times:?}");
            }
            assert_eq!(floats(&manifest, "time_bnds"), expected[1], "{times:?}");
            assert_eq!(report.units.len(), times.len());
        }
    }
}

#[test]
fn bounds_with_units_are_no_times_of_their_own() {
    // Sorted before and after their coordinate.
    for bounds in ["a_bnds", "time_bnds"] {
        for times in [&["time"][..], &["time", "time2"]] {
            let mut granules = days_and_hours(times, bounds);
            for manifest in &mut granules {
                let units = manifest.array("time").unwrap().attributes["units"].clone();
                let edges = manifest.root.arrays.get_mut(bounds).unwrap();
                edges.attributes.insert("units".into(), units);
            }
            let (manifest, report) = concat(granules, "time", &ConcatOptions::new()).unwrap();
            assert_eq!(floats(&manifest, "time"), [1.0, 2.0]);
            assert_eq!(floats(&manifest, bounds), [0.5, 1.5, 1.5, 2.5]);
            let units = manifest.array(bounds).unwrap().attributes["units"].as_text();
            assert_eq!(units, Some("days since 2000-01-01"));
            assert_eq!(report.units.len(), times.len());
        }
    }
}

#[test]
fn bounds_that_count_in_two_ways_are_refused() {
    let set = |manifest: &mut Manifest, path: &str, units: &str| {
        let array = manifest.root.arrays.get_mut(path).unwrap();
        array
            .attributes
            .insert("units".into(), Attribute::text(units));
    };
    // In one granule two coordinates with one array of bounds count differently; a length of time has
    // them too; the bounds of the granule that stays as it is have another unit than its time.
    let hours = "hours since 2000-01-01";
    for (granule, path, units, words) in [
        (
            1,
            "time2",
            "days since 2000-01-01",
            "/time2 has the same bounds",
        ),
        (0, "time2", hours, "/time2 has the same bounds"),
        (0, "time2", "hours", "/time2 has the same bounds"),
        (0, "time_bnds", hours, "have other units than it has"),
    ] {
        let mut granules = days_and_hours(&["time", "time2"], "time_bnds");
        set(&mut granules[granule], path, units);
        if units == "hours" {
            set(&mut granules[1], path, units);
        }
        if path == "time_bnds" {
            set(&mut granules[1], path, units);
        }
        let texts = unlike(granules);
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        assert!(
            texts.iter().any(|text| text.contains(words)),
            "{path} {units}: {texts:?}"
        );
    }
}
