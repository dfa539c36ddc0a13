//! Sets that another tool changed: what contradicts the extras is refused or remarked.

use bytes::Bytes;
use chunkref_manifest::{
    Array, Attribute, Attributes, ByteOrder, ChunkTableBuilder, Codec, DataType, Layout, Location,
    LocationId, Manifest, Pin, Value,
};
use serde_json::{Value as Json, json};

use crate::{from_json, json_text};

const SHORT: DataType = DataType::Int {
    size: 2,
    order: ByteOrder::Little,
};

fn short(value: i64) -> Attribute {
    Attribute {
        data_type: SHORT,
        shape: Some(vec![1]),
        values: vec![Value::Int(value)],
    }
}

fn array(shape: &[u64], layout: Layout) -> Array {
    Array {
        shape: shape.to_vec(),
        data_type: SHORT,
        dimension_names: (0..shape.len()).map(|axis| format!("d{axis}")).collect(),
        fill_value: Some(Bytes::from_static(&[9, 0])),
        attributes: Attributes::from([
            ("_FillValue".to_owned(), short(9)),
            ("scale_factor".to_owned(), short(2)),
            ("units".to_owned(), Attribute::text("K")),
        ]),
        layout,
    }
}

fn chunked(codecs: Vec<Codec>) -> Array {
    let mut table = ChunkTableBuilder::new(vec![3]);
    table.push(0, LocationId(0), 100, 7).unwrap();
    table.push(2, LocationId(0), 200, 8).unwrap();
    let layout = Layout::Chunked {
        chunk_shape: vec![2],
        codecs,
        chunks: table.finish(),
        fill_chunk: None,
    };
    array(&[6], layout)
}

/// One array of each of the usual layouts, and one that is in the extras alone.
fn manifest() -> Manifest {
    let mut manifest = Manifest::default();
    let pin = Pin {
        size: Some(1000),
        ..Pin::default()
    };
    let location = Location::new("s3://b/k.nc").with_pin(pin);
    manifest.locations.intern(location);
    let runs = Layout::Contiguous {
        location: LocationId(0),
        offset: 64,
        length: 12,
        chunk_shape: vec![2],
    };
    let arrays = &mut manifest.root.arrays;
    arrays.insert("chunked".into(), chunked(vec![Codec::Zlib { level: 1 }]));
    let filter = Codec::Hdf5 {
        id: 4,
        parameters: vec![1, 2],
    };
    arrays.insert("full".into(), chunked(vec![filter]));
    arrays.insert("runs".into(), array(&[6], runs));
    let data = Bytes::from_static(&[1, 0, 2, 0]);
    arrays.insert("inline".into(), array(&[2], Layout::Inline { data }));
    manifest.root.attributes.insert("version".into(), short(3));
    manifest
}

struct Read {
    manifest: Manifest,
    refused: Vec<(String, String)>,
    remarks: Vec<String>,
}

/// The set after a change of its JSON.
fn changed(change: impl FnOnce(&mut Json)) -> Read {
    let mut set: Json = serde_json::from_str(&json_text(&manifest())).unwrap();
    // It repeats all documents.
    set["refs"].as_object_mut().unwrap().remove(".zmetadata");
    change(&mut set);
    let read = from_json(&set.to_string()).unwrap();
    let refused = read.report.refused.into_iter();
    Read {
        manifest: read.manifest,
        refused: refused.map(|node| (node.path, node.reason)).collect(),
        remarks: read.report.remarks,
    }
}

/// Changes a member of a document.
fn document(key: &str, member: &str, value: Option<Json>) -> Read {
    changed(|set| {
        let text = set["refs"][key].as_str().unwrap();
        let mut document: Json = serde_json::from_str(text).unwrap();
        let members = document.as_object_mut().unwrap();
        match value {
            Some(value) => members.insert(member.to_owned(), value),
            None => members.shift_remove(member),
        };
        set["refs"][key] = document.to_string().into();
    })
}

fn names(read: &Read) -> Vec<&str> {
    read.manifest
        .root
        .arrays
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_set_as_it_was_written_is_whole() {
    let read = changed(|_| {});
    assert_eq!(read.manifest, manifest());
    assert!(read.refused.is_empty() && read.remarks.is_empty());
    // Wherever the extras stand.
    let read = changed(|set| {
        let members = set.as_object_mut().unwrap();
        let extras = members.shift_remove("chunkref").unwrap();
        members.insert("chunkref".into(), extras);
    });
    assert_eq!(read.manifest, manifest());
    // Without extras there is what references say.
    let read = changed(|set| {
        set.as_object_mut().unwrap().shift_remove("chunkref");
    });
    assert_eq!(names(&read), ["chunked", "inline", "runs"]);
    let runs = read.manifest.array("runs").unwrap();
    assert!(matches!(runs.layout, Layout::Chunked { .. }));
}

#[test]
fn documents_that_contradict_refuse_their_array() {
    for (key, member, value, what) in [
        ("runs/.zarray", "shape", json!([4]), "2 chunks"),
        ("runs/.zarray", "dtype", json!(">i2"), "data type"),
        ("runs/.zarray", "fill_value", json!(0), "fill value"),
        ("runs/.zarray", "fill_value", Json::Null, "fill value"),
        (
            "runs/.zattrs",
            "_ARRAY_DIMENSIONS",
            json!(["x"]),
            "dimensions",
        ),
        ("chunked/.zarray", "filters", Json::Null, "codecs"),
        ("chunked/.zarray", "shape", json!([5]), "shape"),
        ("chunked/.zarray", "chunks", json!([3]), "chunk grid"),
        ("inline/.zarray", "dtype", json!("<u2"), "data type"),
    ] {
        let read = document(key, member, Some(value));
        let path = format!("/{}", key.split('/').next().unwrap());
        let [(refused, reason)] = read.refused.as_slice() else {
            panic!("{key}: {:?}", read.refused);
        };
        assert_eq!(*refused, path);
        assert!(reason.contains(what), "{key}: {reason}");
        assert!(read.manifest.array(&path).is_none());
        assert_eq!(names(&read).len(), 3);
    }
}

#[test]
fn references_that_contradict_refuse_their_array() {
    for (key, value, reason) in [
        (
            "runs/1",
            json!(["s3://b/k.nc", 69, 4]),
            "chunk 1 is another in its references than in the extras of the set",
        ),
        (
            "runs/1",
            json!("base64:AQAC"),
            "chunk 1 is another in its references than in the extras of the set",
        ),
        (
            "runs/1",
            Json::Null,
            "2 chunks in its references, 3 in the extras of the set",
        ),
        (
            "inline/0",
            json!(["s3://b/k.nc", 0, 4]),
            "its data is not in its references",
        ),
    ] {
        let read = changed(|set| {
            let refs = set["refs"].as_object_mut().unwrap();
            match value {
                Json::Null => refs.shift_remove(key),
                value => refs.insert(key.to_owned(), value),
            };
        });
        let path = format!("/{}", key.split('/').next().unwrap());
        assert_eq!(read.refused, [(path, reason.to_owned())]);
    }
}

#[test]
fn references_of_chunks_are_taken_as_they_are() {
    let read = changed(|set| {
        set["refs"]["chunked/1"] = json!(["s3://b/other.nc", 5, 6]);
    });
    assert!(read.refused.is_empty());
    assert_eq!(
        read.remarks,
        ["1 objects are named by references alone: nothing pins them"]
    );
    let array = read.manifest.array("chunked").unwrap();
    assert_eq!(array.stored_chunks(), 3);
    assert_eq!(read.manifest.locations.len(), 2);
    let first = read.manifest.locations.get(LocationId(0)).unwrap();
    assert_eq!(first.pin.size, Some(1000));
}

#[test]
fn attributes_in_documents_win() {
    let read = document("runs/.zattrs", "units", Some(json!("degC")));
    let (units, remarks) = read_attribute(&read, "units");
    assert_eq!(units, Attribute::text("degC"));
    // It was exact in the document, so that nothing contradicts it.
    assert!(remarks.is_empty());

    let read = document("runs/.zattrs", "scale_factor", Some(json!(5)));
    let (found, remarks) = read_attribute(&read, "scale_factor");
    assert_eq!(found.values, [Value::Int(5)]);
    assert_eq!(
        remarks,
        [
            "/runs: its attribute \"scale_factor\" and that in the extras differ: the former is taken"
        ]
    );
    assert!(read.refused.is_empty());
    // The others are as they were.
    let runs = read.manifest.array("runs").unwrap();
    assert_eq!(runs.attributes["_FillValue"], short(9));
    assert!(matches!(runs.layout, Layout::Contiguous { .. }));

    let read = document("runs/.zattrs", "scale_factor", None);
    let runs = read.manifest.array("runs").unwrap();
    assert!(!runs.attributes.contains_key("scale_factor"));
    assert_eq!(read.remarks.len(), 1);

    let read = document(".zattrs", "version", Some(json!("4")));
    let version = &read.manifest.root.attributes["version"];
    assert_eq!(*version, Attribute::text("4"));
    assert_eq!(read.remarks.len(), 1);

    let read = document(".zattrs", "more", Some(json!("text")));
    assert_eq!(read.manifest.root.attributes["version"], short(3));
    assert_eq!(
        read.manifest.root.attributes["more"],
        Attribute::text("text")
    );
    assert!(read.remarks.is_empty());
}

fn read_attribute<'r>(read: &'r Read, name: &str) -> (Attribute, &'r [String]) {
    let runs = read.manifest.array("runs").unwrap();
    (runs.attributes[name].clone(), &read.remarks)
}

#[test]
fn an_array_that_another_tool_removed_or_added_is_told_of() {
    let read = changed(|set| {
        let refs = set["refs"].as_object_mut().unwrap();
        refs.retain(|key, _| !key.starts_with("runs/"));
    });
    assert_eq!(names(&read), ["chunked", "full", "inline"]);
    assert_eq!(read.remarks, ["/runs: in the extras alone, and left out"]);

    let read = changed(|set| {
        let zarray = set["refs"]["inline/.zarray"].clone();
        set["refs"]["full/.zarray"] = zarray;
    });
    assert_eq!(
        read.refused,
        [(
            "/full".to_owned(),
            "the extras have it in full, and the documents of the set another of its name"
                .to_owned()
        )]
    );
    assert_eq!(names(&read), ["chunked", "inline", "runs"]);

    let read = changed(|set| {
        let zarray = set["refs"]["inline/.zarray"].clone();
        set["refs"]["new/.zarray"] = zarray;
    });
    assert_eq!(names(&read).len(), 5);
    assert!(read.refused.is_empty());
}
