//! Granules that are alike.

use bytes::Bytes;
use chunkref_combine::{ConcatOptions, Error, concat};
use chunkref_manifest::{Attribute, ByteOrder, ChunkRef, DataType, Layout, LocationId, Value};

use crate::granule::{array, chunked, days, granule, inline_f64, run, unlike};

#[test]
fn like_granules_are_joined() {
    let (joined, report) = concat(days(), "time", &ConcatOptions::new()).unwrap();
    let sst = joined.array("/sst").unwrap();
    assert_eq!(sst.shape, [3, 4, 6]);
    assert_eq!(sst.stored_chunks(), 12);
    for day in 0..3 {
        for chunk in 0..4 {
            let Some(ChunkRef::Range {
                location,
                offset,
                length,
            }) = sst.chunk(4 * day + chunk)
            else {
                panic!("chunk {chunk} of day {day}");
            };
            assert_eq!((offset, length), (100 * day + 10 * chunk, 10));
            let url = &joined.locations.get(location).unwrap().url;
            assert_eq!(*url, format!("s3://b/day{day}.nc"));
        }
    }
    let time = joined.array("/time").unwrap();
    assert_eq!(*time, inline_f64(&["time"], &[0.0, 1.0, 2.0]));
    assert_eq!(joined.array("/mask"), days()[0].array("/mask"));
    assert_eq!(report.joined, ["sst", "time"]);
    assert_eq!(report.equal, ["y"]);
    assert_eq!(report.from_first, ["mask"]);
    assert_eq!(report.ascending, Some(true));
    assert_eq!(report.duplicates, []);
    assert_eq!(report.granules.len(), 3);
}

#[test]
fn one_granule_stays_as_it_is_but_for_what_was_done() {
    let mut day = days().remove(0);
    let (joined, _) = concat(vec![day.clone()], "time", &ConcatOptions::new()).unwrap();
    day.describe_source(env!("CARGO_PKG_VERSION"));
    day.provenance
        .chunkref
        .get_or_insert_with(|| env!("CARGO_PKG_VERSION").to_owned());
    assert_eq!(joined, day);
}

#[test]
fn nothing_to_join_is_an_error() {
    let none = concat(vec![], "time", &ConcatOptions::new());
    assert_eq!(none, Err(Error::NoGranules));
    // Not that values of time differ, as follows from the wrong name.
    for days in [days(), days()[..1].to_vec()] {
        let no_axis = concat(days, "level", &ConcatOptions::new()).unwrap_err();
        assert_eq!(
            no_axis.to_string(),
            "dimension \"level\": no array has it, expected one of time, x, y"
        );
    }
}

#[test]
fn only_the_last_granule_may_end_within_a_chunk() {
    let long = |url: &str, length| {
        let mut manifest = granule(url);
        let array = chunked(&["time"], &[length], &[4], 0);
        manifest.root.arrays.insert("a".into(), array);
        manifest
    };
    let good = vec![long("a", 8), long("b", 0), long("c", 4), long("d", 3)];
    let (joined, _) = concat(good, "time", &ConcatOptions::new()).unwrap();
    let a = joined.array("a").unwrap();
    assert_eq!(a.shape, [15]);
    assert_eq!(a.stored_chunks(), 4);
    let differences = unlike(vec![long("a", 8), long("b", 3), long("c", 4)]);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].granule, "b");
    assert!(
        differences[0]
            .reason
            .starts_with("3 elements along the dimension are no multiple")
    );
}

#[test]
fn contiguous_runs_become_chunks() {
    let one = |url: &str, offset| {
        let mut manifest = granule(url);
        let layout = run(offset, 2 * 3 * 2, &[2, 3]);
        manifest
            .root
            .arrays
            .insert("a".into(), array(&["time", "x"], &[2, 3], layout));
        manifest
    };
    let (joined, _) = concat(
        vec![one("a", 100), one("b", 200)],
        "time",
        &ConcatOptions::new(),
    )
    .unwrap();
    let a = joined.array("a").unwrap();
    assert!(
        matches!(&a.layout, Layout::Chunked { chunk_shape, codecs, .. } if *chunk_shape == [2, 3] && codecs.is_empty())
    );
    let chunks: Vec<_> = a.chunks().collect();
    let at = |id, offset| ChunkRef::Range {
        location: LocationId(id),
        offset,
        length: 12,
    };
    assert_eq!(chunks, [(0, at(0, 100)), (1, at(1, 200))]);

    let mut hostile = one("b", 0);
    hostile.root.arrays.insert(
        "a".into(),
        array(&["time", "x"], &[1 << 60, 3], run(0, 12, &[1, 3])),
    );
    let differences = unlike(vec![one("a", 0), hostile]);
    assert!(!differences.is_empty());
}

#[test]
fn granules_without_values_leave_their_chunks_absent() {
    let mut days = days();
    let fill = Bytes::from_static(b"fill chunk");
    for day in [0, 2] {
        let sst = days[day].root.arrays.get_mut("sst").unwrap();
        sst.layout = Layout::Absent {
            chunk_shape: vec![1, 4, 6],
            fill_chunk: None,
        };
    }
    if let Layout::Chunked { fill_chunk, .. } =
        &mut days[1].root.arrays.get_mut("sst").unwrap().layout
    {
        *fill_chunk = Some(fill.clone());
    }
    let (joined, _) = concat(days, "time", &ConcatOptions::new()).unwrap();
    let sst = joined.array("sst").unwrap();
    let numbers: Vec<u64> = sst.chunks().map(|(number, _)| number).collect();
    assert_eq!(numbers, [4, 5, 6, 7]);
    assert_eq!(sst.fill_chunk(), Some(&fill));
}

#[test]
fn granules_are_sorted_only_when_asked() {
    let mut reversed = days();
    reversed.reverse();
    let (_, report) = concat(reversed.clone(), "time", &ConcatOptions::new()).unwrap();
    assert_eq!(report.ascending, Some(false));
    let (joined, report) =
        concat(reversed, "time", &ConcatOptions::new().with_sorted(true)).unwrap();
    assert_eq!(report.ascending, Some(true));
    assert_eq!(report.granules[0], "s3://b/day0.nc");
    assert_eq!(
        joined,
        concat(days(), "time", &ConcatOptions::new()).unwrap().0
    );

    let mut hidden = days();
    hidden[1]
        .root
        .arrays
        .insert("time".into(), chunked(&["time"], &[1], &[1], 0));
    let refused = concat(hidden, "time", &ConcatOptions::new().with_sorted(true)).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("s3://b/day1.nc: /time: can't be sorted by: its values are not inline")
    );
}

#[test]
fn duplicates_are_reported() {
    let mut twice = days();
    twice.push(twice[1].clone());
    let names = ["a", "b", "c", "d"].map(String::from).to_vec();
    let (_, report) = concat(twice, "time", &ConcatOptions::new().with_names(names)).unwrap();
    assert_eq!(report.ascending, Some(false));
    assert_eq!(report.duplicates.len(), 1);
    assert_eq!(report.duplicates[0].value, "1");
    assert_eq!(report.duplicates[0].granules, ["b", "d"]);
    let few = ConcatOptions::new().with_names(vec!["a".into()]);
    assert_eq!(
        concat(days(), "time", &few),
        Err(Error::Names {
            found: 1,
            granules: 3
        })
    );
}

#[test]
fn attributes_of_groups_that_differ_are_told_whatever_their_names() {
    let mut granules = days();
    for (day, units) in granules.iter_mut().zip(["K", "K", "degC"]) {
        let units = Attribute::text(units);
        day.root.attributes.insert("units".into(), units);
    }
    let (joined, report) = concat(granules, "time", &ConcatOptions::new()).unwrap();
    assert_eq!(joined.root.attributes["units"].as_text(), Some("K"));
    let [difference] = report.attributes.as_slice() else {
        panic!("{:?}", report.attributes);
    };
    assert_eq!(difference.variable, "");
    assert_eq!(difference.reason, "attribute units is \"degC\", kept \"K\"");
}

#[test]
fn missing_values_repeat_nothing() {
    let missing = |value: f64| Attribute {
        data_type: DataType::Float {
            size: 8,
            order: ByteOrder::Little,
        },
        shape: Some(vec![]),
        values: vec![Value::Float(value)],
    };
    let granule = |url: &str, values: &[f64]| {
        let mut manifest = granule(url);
        let mut time = inline_f64(&["time"], values);
        time.attributes.insert("_FillValue".into(), missing(-9.0));
        manifest.root.arrays.insert("time".into(), time);
        manifest
    };
    let nan = f64::NAN;
    let granules = vec![
        granule("b", &[-9.0, 3.0, nan]),
        granule("a", &[nan, 1.0, -9.0]),
    ];
    let options = ConcatOptions::new().with_sorted(true);
    let (_, report) = concat(granules, "time", &options).unwrap();
    assert_eq!(report.granules, ["a", "b"]);
    assert_eq!(report.lengths, [1, 1]);
    assert_eq!(report.duplicates, []);
    assert_eq!(report.ascending, Some(false));
}
