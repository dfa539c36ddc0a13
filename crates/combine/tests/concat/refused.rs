//! Granules that are not alike.

use bytes::Bytes;
use chunkref_combine::{ConcatOptions, Difference, Error, concat};
use chunkref_manifest::{
    Array, Attribute, ByteOrder, Codec, DataType, Layout, Location, Locations, Manifest, Pin, Value,
};

use crate::granule::{chunked, days, difference, granule, inline_f64, unlike};

fn filter(array: &mut Array, filters: &[Codec]) {
    if let Layout::Chunked { codecs, .. } = &mut array.layout {
        *codecs = filters.to_vec();
    }
}

#[test]
fn parameters_of_filters_count_where_they_decide_what_is_read() {
    let joined = |of_days: [Codec; 3]| {
        let mut days = days();
        for (day, codec) in days.iter_mut().zip(of_days) {
            filter(day.root.arrays.get_mut("sst").unwrap(), &[codec]);
        }
        concat(days, "time", &ConcatOptions::new())
    };
    let levels = [1, 4, 9].map(|level| Codec::Zlib { level });
    let (set, _) = joined(levels).unwrap();
    let sst = set.array("sst").unwrap();
    assert_eq!((sst.shape[0], sst.stored_chunks()), (3, 12));
    let szip = |pixels| Codec::Hdf5 {
        id: 4,
        parameters: vec![141, pixels],
    };
    let error = joined([szip(8), szip(8), szip(32)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "granules are not alike: s3://b/day2.nc: /sst: filters szip, with other parameters than expected"
    );
}

#[test]
fn unlike_arrays_are_refused_with_the_reason() {
    let sst = |change: fn(&mut chunkref_manifest::Array)| {
        let (variable, reason) = difference(|day| change(day.root.arrays.get_mut("sst").unwrap()));
        assert_eq!(variable, "sst");
        reason
    };
    let reason = sst(|sst| {
        sst.data_type = DataType::Float {
            size: 4,
            order: ByteOrder::Big,
        }
    });
    assert_eq!(reason, "data type float32 (big-endian), expected int16");
    let reason = sst(|sst| sst.fill_value = Some(Bytes::from_static(&[0xff, 0xff])));
    assert_eq!(reason, "fill value -1, expected none");
    let reason = sst(|sst| sst.dimension_names[1] = "lat".into());
    assert_eq!(reason, "dimensions (time, lat, x), expected (time, y, x)");
    let reason = sst(|sst| *sst = chunked(&["time", "y", "x"], &[1, 4, 7], &[1, 2, 3], 0));
    assert_eq!(reason, "shape 1x4x7, expected 1x4x6 but for the axis time");
    let reason = sst(|sst| *sst = chunked(&["time", "y", "x"], &[1, 4, 6], &[1, 4, 3], 0));
    assert_eq!(reason, "chunks of 1x4x3, expected 1x2x3");
    let reason = sst(|sst| filter(sst, &[Codec::Shuffle { element_size: 2 }]));
    assert_eq!(reason, "filters shuffle(2), expected none");
    let mut days = days();
    days[1].root.arrays.get_mut("sst").unwrap().layout = Layout::Inline {
        data: Bytes::from_static(&[0; 48]),
    };
    let differences = unlike(days);
    assert_eq!(differences.len(), 2);
    assert_eq!(
        differences[1].reason,
        "its values are not inline, others' are"
    );
}

#[test]
fn granules_of_unlike_projections_are_refused() {
    let change = |attribute: &'static str, granules: &mut Vec<Manifest>| {
        for (day, text) in granules.iter_mut().zip(["-75", "-75", "-137"]) {
            let mut crs = inline_f64(&["one"], &[0.0]);
            let attributes = [("grid_mapping_name", "geostationary"), (attribute, text)];
            for (name, text) in attributes {
                crs.attributes.insert(name.into(), Attribute::text(text));
            }
            day.root.arrays.insert("crs".into(), crs);
        }
    };
    let mut granules = days();
    change("longitude_of_projection_origin", &mut granules);
    // Told by its own attributes, or by the array that names it.
    for told_by_name in [false, true] {
        if told_by_name {
            for day in &mut granules {
                let arrays = &mut day.root.arrays;
                let crs = arrays.get_mut("crs").unwrap();
                crs.attributes.remove("grid_mapping_name");
                let named = Attribute::text("crs: x y");
                let sst = arrays.get_mut("sst").unwrap();
                sst.attributes.insert("grid_mapping".into(), named);
            }
        }
        let differences = unlike(granules.clone());
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].variable, "crs");
        let reason = "attribute longitude_of_projection_origin is \"-137\", expected \"-75\"";
        assert_eq!(differences[0].reason, reason);
    }
}

#[test]
fn what_only_the_store_puts_together_is_refused() {
    for layout in [
        Layout::External {
            segments: Vec::new(),
            chunk_shape: vec![1, 2, 3],
        },
        Layout::Virtual {
            chunk_shape: vec![1, 2, 3],
            sources: Vec::new(),
            mappings: Vec::new(),
        },
    ] {
        let mut days = days();
        days[1].root.arrays.get_mut("sst").unwrap().layout = layout;
        let differences = unlike(days);
        assert_eq!(differences.len(), 1);
        let reason = &differences[0].reason;
        assert!(reason.ends_with("so it can't be joined"), "{reason}");
    }
}

#[test]
fn packing_and_units_must_be_equal() {
    let scaled = |factor: f64| Attribute {
        data_type: DataType::Float {
            size: 8,
            order: ByteOrder::Little,
        },
        shape: Some(vec![]),
        values: vec![Value::Float(factor)],
    };
    let set = |day: &mut Manifest, array: &str, name: &str, value: Attribute| {
        day.root
            .arrays
            .get_mut(array)
            .unwrap()
            .attributes
            .insert(name.into(), value);
    };
    let (variable, reason) = difference(|day| set(day, "sst", "scale_factor", scaled(0.01)));
    assert_eq!(variable, "sst");
    assert!(
        reason == "attribute scale_factor is 0.01, expected missing",
        "{reason}"
    );

    let mut days = days();
    for (number, day) in days.iter_mut().enumerate() {
        set(
            day,
            "time",
            "units",
            Attribute::text(format!("{} s", number + 1)),
        );
        set(day, "sst", "_FillValue", scaled(f64::NAN));
        set(
            day,
            "sst",
            "comment",
            Attribute::text(format!("granule {number}")),
        );
    }
    let differences = unlike(days.clone());
    assert_eq!(
        differences.len(),
        2,
        "one for each granule but the first; NaN equals NaN"
    );
    assert_eq!(
        differences[0].to_string(),
        "s3://b/day1.nc: /time: attribute units is \"2 s\", expected \"1 s\""
    );
    for day in &mut days {
        set(day, "time", "units", Attribute::text("1 s"));
    }
    let (joined, report) = concat(days, "time", &ConcatOptions::new()).unwrap();
    assert_eq!(report.attributes.len(), 2);
    assert_eq!(
        joined.array("/sst").unwrap().attributes["comment"].as_text(),
        Some("granule 0")
    );
}

#[test]
fn missing_and_additional_variables_are_refused() {
    let (variable, reason) = difference(|day| drop(day.root.arrays.remove("sst")));
    assert_eq!(
        (variable.as_str(), reason.as_str()),
        ("sst", "is missing, and other granules have it")
    );
    let mut days = days();
    for day in &mut days[1..] {
        day.root.groups.entry("extra".into()).or_default();
    }
    let [one] = <[_; 1]>::try_from(unlike(days)).unwrap();
    assert_eq!(
        one.to_string(),
        "s3://b/day0.nc: /extra: is missing, and other granules have it"
    );
}

#[test]
fn values_without_the_dimension_must_be_equal() {
    let (variable, reason) = difference(|day| {
        day.root
            .arrays
            .insert("y".into(), inline_f64(&["y"], &[1.0, 2.0, 3.0, 5.0]));
    });
    assert_eq!(variable, "y");
    assert_eq!(
        reason,
        "its values differ from the first granule's, and it has no dimension time"
    );
    let (variable, reason) = difference(|day| {
        day.root
            .arrays
            .insert("mask".into(), chunked(&["y", "x"], &[4, 7], &[4, 7], 0));
    });
    assert_eq!(variable, "mask");
    assert!(
        reason == "shape 4x7, expected 4x6, as it has no dimension time",
        "{reason}"
    );
}

#[test]
fn a_dimension_twice_is_refused() {
    let mut day = granule("a");
    day.root.arrays.insert(
        "covariance".into(),
        chunked(&["time", "time"], &[2, 2], &[1, 1], 0),
    );
    let differences = unlike(vec![day]);
    assert_eq!(
        differences[0].reason,
        "has the dimension time on more than one axis"
    );
}

#[test]
fn one_object_scanned_as_two_is_refused() {
    let pinned = |size| {
        let mut manifest = days().remove(0);
        manifest.locations = Locations::default();
        let pin = Pin {
            size: Some(size),
            ..Pin::default()
        };
        manifest.locations.intern(Location::new("u").with_pin(pin));
        manifest
    };
    let differences = unlike(vec![pinned(1), pinned(2)]);
    assert!(
        differences[0]
            .reason
            .starts_with("u was scanned as size 2, "),
        "{}",
        differences[0]
    );
}

#[test]
fn a_location_that_is_not_there_is_refused() {
    let mut days = days();
    days[1].locations = Locations::default();
    let differences = unlike(days);
    assert_eq!(differences[0].granule, "granule 1");
    assert_eq!(differences[0].reason, "chunk 0: no location 0");
}

#[test]
fn a_long_list_of_differences_is_cut_in_the_text() {
    let differences = (0..25)
        .map(|number| Difference {
            granule: format!("g{number}"),
            variable: "v".into(),
            reason: "is missing".into(),
        })
        .collect();
    let text = Error::Unlike {
        differences,
        first: String::new(),
    }
    .to_string();
    assert!(text.starts_with("granules are not alike: g0: /v: is missing; g1: /v: is missing; "));
    assert!(text.ends_with("g19: /v: is missing; and 5 more"));
}

#[test]
fn the_fewer_are_named_where_some_lack_what_others_have() {
    let mut days = days();
    days[2]
        .root
        .arrays
        .insert("more".into(), chunked(&["time"], &[1], &[1], 0));
    let [one] = <[_; 1]>::try_from(unlike(days)).unwrap();
    assert_eq!(one.granule, "s3://b/day2.nc");
    assert_eq!(one.reason, "is there, and most other granules lack it");
}
