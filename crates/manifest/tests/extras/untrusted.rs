//! Extras that are no extras.

use bytes::Bytes;
use chunkref_manifest::extras::{Extras, PARQUET_PATH};
use chunkref_manifest::kerchunk::ParquetSet;
use chunkref_manifest::{
    Array, Attributes, ChunkTableBuilder, Codec, DataType, Layout, Location, LocationId, Manifest,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::manifests::manifest;
use crate::{from_json, json_text, parquet_files};

fn error(extras: &Json) -> String {
    Extras::parse(extras.to_string().as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn another_version_is_an_error_that_says_which_is_known() {
    let set = r#"{"version": 1, "chunkref": {"version": 7, "new": []}, "refs": {}}"#;
    assert_eq!(
        from_json(set).unwrap_err().to_string(),
        "key \"chunkref: version\": extras of version 7 are not known, only of version 1: read the \
         set with a newer chunkref, or remove them to read its references alone"
    );
    assert!(error(&json!({})).contains("extras of version null are not known"));
    assert!(error(&json!(1)).contains("not extras"));
    let mut set = ParquetSet::new(br#"{"metadata": {}, "record_size": 1}"#).unwrap();
    assert!(set.supply_extras(br#"{"version": "1"}"#).is_err());
    assert_eq!(PARQUET_PATH, ".chunkref/extras.json");
}

#[test]
fn an_error_names_the_node() {
    let array = |layout: Json| {
        json!({"version": 1, "locations": [{"url": "u"}], "arrays": {"/g/a": {
            "full": true, "shape": [4], "type": "<i2", "dimension_names": ["x"], "layout": layout,
        }}})
    };
    let contiguous = |location: u64, offset: u64| {
        array(json!({
            "kind": "contiguous", "location": location, "offset": offset, "length": 8,
            "chunk_shape": [4],
        }))
    };
    assert!(Extras::parse(contiguous(0, 1).to_string().as_bytes()).is_ok());
    for (extras, reason) in [
        (contiguous(1, 0), "location 1 of 1"),
        (
            contiguous(0, u64::MAX - 3),
            "8 bytes at 18446744073709551612 end past 2^64 - 1",
        ),
        (
            array(json!({"kind": "chunked", "chunk_shape": [2]})),
            "in full, but without its chunks",
        ),
        (
            array(json!({"kind": "absent", "chunk_shape": [0]})),
            "chunk lengths above zero: 0 for 1 axes",
        ),
        (
            array(
                json!({"kind": "virtual", "chunk_shape": [4], "sources": [], "mappings": [
                    {"source": 0, "start": [0], "source_start": [0], "loops": []},
                ]}),
            ),
            "a mapping of source 0",
        ),
        (
            array(json!({"kind": "concat", "axis": 0, "profiles": [], "spans": [[4]]})),
            "concat: no profile",
        ),
    ] {
        assert_eq!(error(&extras), format!("key \"chunkref: /g/a\": {reason}"));
    }
    let unknown = array(json!({"kind": "spiral"}));
    assert!(error(&unknown).contains("unknown variant `spiral`"));
    for path in ["g/a", "/..", "/a//b", "/", "/.zgroup"] {
        let mut extras = contiguous(0, 1);
        let array = extras["arrays"]["/g/a"].clone();
        extras["arrays"] = json!({path: array});
        assert!(error(&extras).starts_with(&format!("key \"chunkref: {path}\"")));
    }
    let deep = format!("/{}", ["a"; 200].join("/"));
    let mut extras = contiguous(0, 1);
    extras["arrays"] = json!({&deep: extras["arrays"]["/g/a"]});
    assert!(error(&extras).ends_with("it lies deeper than 128 groups"));
    let granule =
        json!({"version": 1, "provenance": {"granules": [{"name": "g", "locations": [0]}]}});
    assert_eq!(
        error(&granule),
        "key \"chunkref: provenance\": g: location 0 of 0"
    );
}

#[test]
fn attributes_that_are_not_of_their_type_are_errors() {
    for (data_type, value) in [
        (json!("<i3"), json!(1)),
        (json!("<i2"), json!(1.5)),
        (json!("<i2"), json!("1")),
        (json!("<u8"), json!(-1)),
        (json!("<f8"), json!("nan")),
        (json!("<f8"), json!("0x1")),
        (json!("|V2"), json!("?")),
        (json!("string"), json!({"int": 1, "uint": 1})),
        (json!("string"), json!({"what": 1})),
        (json!({"sequence": "<i2"}), json!(1)),
        (
            json!({"record": {"size": 2, "fields": [{"name": "a", "offset": 0, "type": "<i2"}]}}),
            json!([]),
        ),
    ] {
        let attribute = json!({"type": data_type, "shape": [], "values": [value]});
        let extras = json!({"version": 1, "groups": {"/": {"attributes": {"a": attribute}}}});
        let error = error(&extras);
        assert!(
            error.starts_with("key \"chunkref: /\": attribute \"a\": "),
            "{data_type} {value}: {error}"
        );
    }
}

#[test]
fn what_no_array_can_be_is_an_error() {
    let extras = |shape: Json, layout: Json| {
        json!({"version": 1, "locations": [{"url": "u"}], "arrays": {"/a": {
            "full": true, "shape": shape, "type": "<i2",
            "dimension_names": shape.as_array().unwrap().iter().map(|_| "x").collect::<Vec<_>>(),
            "layout": layout,
        }}})
    };
    let run = |shape: &[u64], chunk: &[u64], length: u64| {
        let layout = json!({
            "kind": "contiguous", "location": 0, "offset": 0, "length": length, "chunk_shape": chunk,
        });
        extras(json!(shape), layout)
    };
    let part = |shape: &[u64], loops: Json| {
        let source = json!({
            "shape": [1_u64 << 62], "type": "<i2", "dimension_names": ["x"],
            "layout": {"kind": "absent", "chunk_shape": [4]},
        });
        let layout = json!({
            "kind": "virtual", "chunk_shape": shape, "sources": [source],
            "mappings": [{"source": 0, "start": [0], "source_start": [0], "loops": loops}],
        });
        extras(json!(shape), layout)
    };
    let step = |length: u64, array: u64, source: u64| {
        json!({"length": length, "array": {"axis": 0, "length": array},
               "source": {"axis": 0, "length": source}})
    };
    let nested = |levels: usize| {
        let mut layout = json!({"kind": "absent", "chunk_shape": [1]});
        for _ in 0..levels {
            let source = json!({"shape": [1], "type": "<i2", "dimension_names": ["x"],
                                "layout": layout});
            layout = json!({"kind": "virtual", "chunk_shape": [1], "sources": [source],
                "mappings": [{"source": 0, "start": [0], "source_start": [0], "loops": []}]});
        }
        extras(json!([1]), layout)
    };
    let many = 1_u64 << 60;
    for good in [
        run(&[2, 4], &[1, 4], 16),
        run(&[2, 4], &[1, 2], 16),
        run(&[2, 4], &[2, 4], 16),
        run(&[0, 4], &[1, 4], 0),
        part(&[9], json!([step(3, 3, 2), step(3, 1, 1)])),
        part(&[many], json!([step(many, 1, 1)])),
        nested(4),
    ] {
        let read = Extras::parse(good.to_string().as_bytes());
        assert!(read.is_ok(), "{good}: {read:?}");
    }
    for (bad, reason) in [
        (run(&[2, 4], &[2, 2], 16), "which are no runs of bytes"),
        (run(&[3], &[2], 6), "which are no runs of bytes"),
        (run(&[4], &[2], 6), "a run of 6 bytes for [4] elements"),
        (
            run(&[many], &[1], many << 1),
            "a run in more than 16777216 chunks",
        ),
        (
            part(&[9], json!([step(many, 1, 1)])),
            "elements, of an array of 9",
        ),
        (
            part(&[many], json!([step(many, 1, 9)])),
            "steps along axis 0",
        ),
        (
            part(&[many], json!([step(1 << 29, 2, 1), step(1 << 29, 1, 1)])),
            "steps along axis 0",
        ),
        (
            part(&[9], json!(vec![step(1, 1, 1); 20_000])),
            "a mapping of 20000 loops",
        ),
        (nested(5), "5 levels deep"),
        (
            extras(
                json!(vec![1; 65]),
                json!({"kind": "absent", "chunk_shape": vec![1; 65]}),
            ),
            "65 axes, expected at most 64",
        ),
    ] {
        assert!(error(&bad).contains(reason), "{}: {reason}", error(&bad));
    }
    let attribute = json!({"type": "<i2", "shape": vec![1; 20_000], "values": [1]});
    let attribute = json!({"version": 1, "groups": {"/": {"attributes": {"a": attribute}}}});
    assert!(error(&attribute).contains("20000 axes, expected at most 32"));
}

/// A table of many chunks that says so in few bytes.
fn squeezed(count: u64) -> Manifest {
    let mut manifest = Manifest::default();
    manifest.locations.intern(Location::new("u"));
    let mut table = ChunkTableBuilder::new(vec![count]);
    for index in 0..count {
        table.push(index, LocationId(0), 100 * index, 100).unwrap();
    }
    let filter = Codec::Hdf5 {
        id: 4,
        parameters: Vec::new(),
    };
    let array = Array {
        shape: vec![count],
        data_type: DataType::Bool,
        dimension_names: vec!["x".into()],
        fill_value: None,
        attributes: Attributes::new(),
        layout: Layout::Chunked {
            chunk_shape: vec![1],
            codecs: vec![filter],
            chunks: table.finish(),
            fill_chunk: None,
        },
    };
    manifest.root.arrays.insert("a".into(), array);
    manifest
}

#[test]
fn a_claimed_size_is_charged_before_it_is_allocated() {
    let extras = |count: u64| {
        let mut set: Json = serde_json::from_str(&json_text(&squeezed(1000))).unwrap();
        let mut extras = set["chunkref"].take();
        extras["arrays"]["/a"]["layout"]["chunks"]["count"] = json!(count);
        extras
    };
    assert!(Extras::parse(extras(1000).to_string().as_bytes()).is_ok());
    for count in [1_u64 << 40, u64::MAX / 8, u64::MAX] {
        let error = error(&extras(count));
        assert!(
            error.contains("more than the size of the extras justifies") || error.contains("2^61"),
            "{error}"
        );
    }
    assert!(error(&extras(999)).contains("zstd of 7992 bytes"));
}

#[test]
fn many_chunks_take_few_bytes() {
    let manifest = squeezed(1_000_000);
    let text = json_text(&manifest);
    assert!(text.len() < 100_000, "{} bytes", text.len());
    assert_eq!(from_json(&text).unwrap().manifest, manifest);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_extras_are_an_error_or_extras(
        manifest in manifest(),
        place in any::<prop::sample::Index>(),
        length in 0_usize..20,
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'9'), Just(b'"')], 0..20),
    ) {
        let mut files = parquet_files(&manifest, 3);
        let mut damaged = files.0[PARQUET_PATH].to_vec();
        let start = place.index(damaged.len());
        let end = (start + length).min(damaged.len());
        damaged.splice(start..end, bytes);
        files.0.insert(PARQUET_PATH.to_owned(), Bytes::from(damaged));
        let _ = crate::from_parquet(files);
    }
}
