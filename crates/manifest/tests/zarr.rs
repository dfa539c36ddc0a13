//! Documents of Zarr v2 and v3.

mod sample;

use bytes::Bytes;
use chunkref_manifest::zarr::{v2, v3};
use chunkref_manifest::{Array, Attribute, ByteOrder, DataType, Field, Layout, Value};
use sample::{F4, chunked, manifest, scalar};
use serde_json::{Value as Json, json};

fn f4(value: f32) -> Bytes {
    Bytes::copy_from_slice(&value.to_le_bytes())
}

fn with(mut array: Array, fill: Option<Bytes>, attribute: Option<Attribute>) -> Array {
    array.fill_value = fill;
    array
        .attributes
        .extend(attribute.map(|attribute| ("_FillValue".to_owned(), attribute)));
    array
}

#[test]
fn v2_array() {
    let documents = v2::array_documents(manifest().array("/filtered").unwrap()).unwrap();
    assert_eq!(
        documents.zarray.to_string(),
        r#"{"zarr_format":2,"shape":[5,3],"chunks":[2,3],"dtype":"<f4","compressor":null,"filters":[{"id":"shuffle","elementsize":4},{"id":"zlib","level":4},{"id":"fletcher32"}],"order":"C","fill_value":-9999.0,"dimension_separator":"."}"#
    );
    assert_eq!(
        documents.zattrs.to_string(),
        r#"{"_ARRAY_DIMENSIONS":["d0","d1"]}"#
    );
    let text = v2::array_documents(manifest().array("g/text").unwrap()).unwrap();
    assert_eq!(
        text.zarray.to_string(),
        r#"{"zarr_format":2,"shape":[],"chunks":[],"dtype":"|O","compressor":null,"filters":[{"id":"vlen-utf8"}],"order":"C","fill_value":null,"dimension_separator":"."}"#
    );
}

#[test]
fn v3_array() {
    let document = v3::array_document(manifest().array("/filtered").unwrap()).unwrap();
    assert_eq!(
        document,
        json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": [5, 3],
            "data_type": "float32",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": -9999.0,
            "codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}},
                {"name": "numcodecs.zlib", "configuration": {"level": 4}},
                {"name": "numcodecs.fletcher32", "configuration": {}},
            ],
            "dimension_names": ["d0", "d1"],
            "attributes": {"_FillValue": "AAAAAICHw8A="},
        })
    );
    let runs = v3::array_document(manifest().array("/runs").unwrap()).unwrap();
    assert_eq!(runs["codecs"][0]["configuration"]["endian"], "big");
    let text = v3::array_document(manifest().array("/g/text").unwrap()).unwrap();
    assert_eq!(text["data_type"], "string");
    assert_eq!(text["fill_value"], "");
    assert_eq!(
        text["codecs"],
        json!([{"name": "vlen-utf8", "configuration": {}}])
    );
}

#[test]
fn consolidated_documents_hold_all_nodes() {
    let manifest = manifest();
    let v2 = v2::consolidated(&manifest).unwrap();
    assert_eq!(v2["zarr_consolidated_format"], 1);
    assert!(v2["metadata"]["g/never/.zattrs"].is_object());
    let v3 = v3::consolidated(&manifest).unwrap();
    let metadata = v3["consolidated_metadata"]["metadata"].as_object().unwrap();
    let keys: Vec<_> = metadata.keys().collect();
    assert_eq!(keys, ["filtered", "runs", "g", "g/never", "g/text"]);
    assert_eq!(v3["node_type"], "group");
    assert_eq!(v3["attributes"], json!({"title": "é"}));
}

/// What a v2 document says for a fill value and an attribute, with all chunks there and without:
/// `fill_value`, `_FillValue` in the attributes, and whether absent chunks must be written.
fn v2_fill(stored: &[u64], fill: Option<Bytes>, attribute: Option<Attribute>) -> Json {
    let mut array = with(chunked(&[4], &[2], F4, stored), fill, attribute);
    if let Layout::Chunked { fill_chunk, .. } = &mut array.layout {
        *fill_chunk = Some(Bytes::from_static(b"encoded"));
    }
    let documents = v2::array_documents(&array).unwrap();
    let absent = v2::absent_chunk(&array).unwrap().is_some();
    json!([
        documents.zarray["fill_value"],
        documents.zattrs.get("_FillValue"),
        absent
    ])
}

#[test]
fn v2_fill_values() {
    let seven = || Some(scalar(Value::Float(7.0)));
    let nan = || Some(scalar(Value::Float(f64::NAN)));
    let (some, all): (&[u64], &[u64]) = (&[1], &[0, 1]);
    // No attribute: null, so that xarray masks nothing.
    assert_eq!(v2_fill(some, None, None), json!([null, null, false]));
    assert_eq!(
        v2_fill(some, Some(f4(0.0)), None),
        json!([null, null, false])
    );
    assert_eq!(
        v2_fill(some, Some(f4(7.0)), None),
        json!([null, null, true])
    );
    assert_eq!(
        v2_fill(all, Some(f4(7.0)), None),
        json!([null, null, false])
    );
    // Equal to the attribute.
    assert_eq!(
        v2_fill(some, Some(f4(7.0)), seven()),
        json!([7.0, null, false])
    );
    assert_eq!(
        v2_fill(some, Some(f4(f32::NAN)), nan()),
        json!(["NaN", null, false])
    );
    let zero = Some(scalar(Value::Float(0.0)));
    assert_eq!(v2_fill(some, None, zero), json!([0.0, null, false]));
    // Another than the attribute: what absent chunks hold must not be masked.
    assert_eq!(v2_fill(some, None, seven()), json!([null, 7.0, false]));
    assert_eq!(
        v2_fill(some, Some(f4(3.0)), seven()),
        json!([null, 7.0, true])
    );
    assert_eq!(
        v2_fill(some, Some(f4(3.0)), nan()),
        json!([null, "NaN", true])
    );
    // No chunk is absent: the attribute can be said exactly.
    assert_eq!(
        v2_fill(all, Some(f4(3.0)), seven()),
        json!([7.0, null, false])
    );
    // Not a value of the type.
    let tenth = || Some(scalar(Value::Float(0.1)));
    assert_eq!(v2_fill(all, None, tenth()), json!([null, 0.1, false]));
    let text = Some(Attribute::text("7"));
    assert_eq!(v2_fill(all, None, text), json!([null, "7", false]));
}

fn fills(data_type: DataType, bytes: &[u8]) -> (Json, Json) {
    let mut array = chunked(&[1], &[1], data_type, &[0]);
    array.fill_value = Some(Bytes::copy_from_slice(bytes));
    let v3 = v3::array_document(&array).unwrap();
    (v3["fill_value"].clone(), v3["data_type"].clone())
}

#[test]
fn v3_fill_values() {
    let (little, big) = (ByteOrder::Little, ByteOrder::Big);
    let int = |size, order| DataType::Int { size, order };
    let float = |size, order| DataType::Float { size, order };
    let says = |fill: Json, data_type: &str| (fill, json!(data_type));
    assert_eq!(fills(DataType::Bool, &[1]), says(json!(true), "bool"));
    assert_eq!(fills(int(2, big), &[0xff, 0xfe]), says(json!(-2), "int16"));
    let minimum = i64::MIN.to_le_bytes();
    assert_eq!(
        fills(int(8, little), &minimum),
        says(json!(i64::MIN), "int64")
    );
    let uint = DataType::UInt {
        size: 8,
        order: big,
    };
    assert_eq!(fills(uint, &[0xff; 8]), says(json!(u64::MAX), "uint64"));
    assert_eq!(
        fills(float(2, big), &[0x3c, 0]),
        says(json!(1.0), "float16")
    );
    assert_eq!(fills(float(2, little), &[1, 0]).0, json!(2_f64.powi(-24)));
    let infinity = f64::NEG_INFINITY.to_be_bytes();
    assert_eq!(fills(float(8, big), &infinity).0, json!("-Infinity"));
    assert_eq!(fills(F4, &[0, 0, 0xc0, 0x7f]).0, json!("NaN"));
    assert_eq!(fills(F4, &[1, 0, 0xc0, 0xff]).0, json!("0xffc00001"));
    let complex = DataType::Complex {
        size: 8,
        order: little,
    };
    let parts = [1_f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat();
    assert_eq!(
        fills(complex, &parts),
        says(json!([1.0, "NaN"]), "complex64")
    );
    assert_eq!(
        fills(DataType::FixedString { length: 3 }, b"ab\0"),
        (
            json!("YWIA"),
            json!({"name": "null_terminated_bytes", "configuration": {"length_bytes": 3}})
        )
    );
    assert_eq!(
        fills(DataType::Raw { length: 2 }, b"\0\x01"),
        (
            json!("AAE="),
            json!({"name": "raw_bytes", "configuration": {"length_bytes": 2}})
        )
    );
}

#[test]
fn a_fill_value_of_the_wrong_size_is_an_error() {
    let mut array = chunked(&[1], &[1], F4, &[0]);
    array.fill_value = Some(Bytes::from_static(&[0; 3]));
    let wanted = "not supported: a fill value of 3 bytes for elements of float32";
    assert_eq!(v2::array_documents(&array).unwrap_err().to_string(), wanted);
    assert_eq!(v3::array_document(&array).unwrap_err().to_string(), wanted);
}

fn field(name: &str, offset: u32, data_type: DataType, shape: &[u32]) -> Field {
    Field {
        name: name.into(),
        offset,
        data_type,
        shape: shape.to_vec(),
    }
}

#[test]
fn records_have_their_gaps_named() {
    let byte = DataType::Int {
        size: 1,
        order: ByteOrder::Little,
    };
    let record = DataType::Record {
        size: 16,
        fields: vec![
            field("a", 0, byte.clone(), &[]),
            field("_pad1", 4, F4, &[]),
            field(
                "n",
                8,
                DataType::Record {
                    size: 2,
                    fields: vec![field("x", 0, byte, &[2])],
                },
                &[],
            ),
        ],
    };
    assert_eq!(
        v2::dtype(&record).unwrap(),
        json!([
            ["a", "|i1"],
            ["__pad1", "|V3"],
            ["_pad1", "<f4"],
            ["n", [["x", "|i1", [2]]]],
            ["_pad10", "|V6"]
        ])
    );
    assert_eq!(
        v2::zarr_python_refuses(&record),
        Some("records within records")
    );
    assert_eq!(v2::zarr_python_refuses(&F4), None);
    assert_eq!(
        v3::data_type(&record).unwrap_err().to_string(),
        "not supported: Zarr v3 records with array fields (\"x\")"
    );
}

#[test]
fn records_that_can_not_be_said() {
    let refused = |size, fields| {
        let record = DataType::Record { size, fields };
        v2::dtype(&record).unwrap_err().to_string()
    };
    assert_eq!(refused(0, vec![]), "not supported: records without fields");
    assert_eq!(
        refused(8, vec![field("a", 0, F4, &[]), field("b", 2, F4, &[])]),
        "not supported: records with fields that overlap"
    );
    assert_eq!(
        refused(8, vec![field("a", 0, F4, &[]), field("a", 4, F4, &[])]),
        "not supported: records with a field name that is empty or repeated (\"a\")"
    );
    let far = "not supported: records with a field of variable length or beyond their size (\"a\")";
    assert_eq!(refused(8, vec![field("a", 8, F4, &[])]), far);
    assert_eq!(refused(8, vec![field("a", u32::MAX, F4, &[2])]), far);
    assert_eq!(
        refused(8, vec![field("a", 0, DataType::VariableString, &[])]),
        far
    );

    let big = DataType::UInt {
        size: 2,
        order: ByteOrder::Big,
    };
    let record = DataType::Record {
        size: 2,
        fields: vec![field("a", 0, big, &[])],
    };
    assert_eq!(v2::dtype(&record).unwrap(), json!([["a", ">u2"]]));
    assert_eq!(
        v3::data_type(&record).unwrap_err().to_string(),
        "not supported: Zarr v3 records with big-endian fields (\"a\")"
    );
}

/// `_FillValue` in the attributes of the v3 document.
fn v3_attribute(data_type: DataType, value: Value) -> Option<Json> {
    let array = with(
        chunked(&[1], &[1], data_type, &[0]),
        None,
        Some(scalar(value)),
    );
    let document = v3::array_document(&array).unwrap();
    document["attributes"].get("_FillValue").cloned()
}

#[test]
fn v3_fill_value_attributes_are_as_xarray_decodes_them() {
    let int = DataType::Int {
        size: 2,
        order: ByteOrder::Big,
    };
    assert_eq!(
        v3_attribute(int.clone(), Value::Float(-5.0)),
        Some(json!(-5))
    );
    assert_eq!(v3_attribute(int.clone(), Value::Int(40_000)), None);
    assert_eq!(v3_attribute(int, Value::Float(f64::NAN)), None);
    assert_eq!(v3_attribute(F4, Value::Int(1)), Some(json!("AAAAAAAA8D8=")));
    let infinity = v3_attribute(F4, Value::Float(f64::INFINITY));
    assert_eq!(infinity, Some(json!("AAAAAAAA8H8=")));
    let text = DataType::FixedString { length: 2 };
    assert_eq!(v3_attribute(text, Value::Text("a".into())), None);
}

#[test]
fn chunk_keys() {
    assert_eq!(v2::chunk_key(&[]), "0");
    assert_eq!(v2::chunk_key(&[1, 20]), "1.20");
    assert_eq!(v3::chunk_key(&[]), "c");
    assert_eq!(v3::chunk_key(&[1, 20]), "c/1/20");
}

#[test]
fn axes_must_agree() {
    let mut array = chunked(&[4], &[2], F4, &[]);
    array.dimension_names.clear();
    let wanted = "dimension names: 0 for 1 axes";
    assert_eq!(v2::array_documents(&array).unwrap_err().to_string(), wanted);
    assert_eq!(v3::array_document(&array).unwrap_err().to_string(), wanted);
    array.shape.push(3);
    let wanted = "chunk lengths above zero: 1 for 2 axes";
    assert_eq!(v2::array_documents(&array).unwrap_err().to_string(), wanted);
}
