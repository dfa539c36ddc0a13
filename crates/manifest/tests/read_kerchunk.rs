//! Reference sets read back, those of others, and hostile ones.

mod sample;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;

use bytes::Bytes;
use chunkref_manifest::kerchunk::{
    BlobSource, Blobs, JsonOptions, ParquetSet, ReadSet, read_json, read_json_from, read_parquet,
    write_json, write_parquet,
};
use chunkref_manifest::{
    Array, ByteOrder, ChunkRef, ChunkTableBuilder, Codec, DataType, Field, Layout, Location,
    LocationId, Manifest, Value,
};
use proptest::prelude::*;
use sample::{F4, array, chunked, manifest, scalar};
use serde_json::{Value as Json, json};

#[derive(Clone, Default)]
struct Files(BTreeMap<String, Bytes>);

impl Blobs for Files {
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        self.0.insert(path.to_owned(), bytes);
        Ok(())
    }
}

impl BlobSource for Files {
    fn get(&mut self, path: &str) -> io::Result<Option<Bytes>> {
        Ok(self.0.get(path).cloned())
    }
}

/// Gives so many bytes at one time.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.piece.min(self.rest.len()).min(buffer.len());
        let (now, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.rest = rest;
        Ok(length)
    }
}

fn text(manifest: &Manifest) -> String {
    let mut out = Vec::new();
    write_json(manifest, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn files(manifest: &Manifest, record_size: usize) -> Files {
    let mut files = Files::default();
    write_parquet(manifest, &mut files, record_size).unwrap();
    files
}

fn read(set: &str) -> ReadSet {
    let read = read_json(set.as_bytes(), &JsonOptions::new()).unwrap();
    assert_eq!(read.report.more_remarks, 0);
    read
}

fn refs(refs: &Json) -> String {
    json!({"version": 1, "refs": refs}).to_string()
}

fn zarray(shape: &[u64], chunks: &[u64]) -> Json {
    json!({
        "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": "<f4", "order": "C",
        "compressor": null, "filters": null, "fill_value": null,
    })
}

/// The message of a set that can't be read.
fn failure(set: &str) -> String {
    let error = read_json(set.as_bytes(), &JsonOptions::new()).unwrap_err();
    assert!(error.source().is_none());
    error.to_string()
}

/// URL, first byte, length, and what is inline.
type Seen<'a> = (&'a str, u64, u64, &'a [u8]);

/// A chunk with the name of its object.
fn seen<'a>(manifest: &'a Manifest, chunk: ChunkRef<'a>) -> Seen<'a> {
    let url = |id| manifest.locations.get(id).unwrap().url.as_str();
    match chunk {
        ChunkRef::Range {
            location,
            offset,
            length,
        } => (url(location), offset, length, b""),
        ChunkRef::Whole { location } => (url(location), 0, u64::MAX, b""),
        ChunkRef::Inline(data) => ("", 0, 0, data),
    }
}

/// What a reference set carries is the same: all but pins, exact types of attributes, fill values
/// that no chunk shows, and whether a chunk is absent or is written as one of fill values.
fn assert_same(original: &Manifest, read: &Manifest) {
    assert_eq!(text(original), text(read));
    for (path, one) in original.arrays() {
        let other = read.array(&path).unwrap();
        assert_eq!(one.shape, other.shape, "{path}");
        assert_eq!(one.data_type, other.data_type, "{path}");
        assert_eq!(one.dimension_names, other.dimension_names, "{path}");
        assert_eq!(one.chunk_shape(), other.chunk_shape(), "{path}");
        assert_eq!(one.codecs(), other.codecs(), "{path}");
        for (index, chunk) in one.chunks() {
            let other = other.chunk(index).unwrap();
            assert_eq!(seen(original, chunk), seen(read, other), "{path} {index}");
        }
    }
}

#[test]
fn what_was_written_is_read() {
    let mut manifest = manifest();
    let record = DataType::Record {
        size: 12,
        fields: vec![
            Field {
                name: "a".into(),
                offset: 0,
                data_type: DataType::Bool,
                shape: vec![],
            },
            Field {
                name: "b".into(),
                offset: 4,
                data_type: F4,
                shape: vec![2],
            },
        ],
    };
    let root = &mut manifest.root;
    let mut records = chunked(&[4], &[2], record, &[0, 1]);
    if let Layout::Chunked { codecs, .. } = &mut records.layout {
        *codecs = vec![
            Codec::Blosc { element_size: 12 },
            Codec::Zstd { level: 3 },
            Codec::Bz2 { level: 9 },
        ];
    }
    root.arrays.insert("records".into(), records);
    let names = DataType::FixedString { length: 4 };
    let mut names = chunked(&[4], &[4], names, &[0]);
    names.fill_value = Some(Bytes::from_static(b"no\0\0"));
    names
        .attributes
        .insert("_FillValue".into(), scalar(Value::Text("no".into())));
    names
        .attributes
        .insert("flag".into(), scalar(Value::List(vec![Value::Int(1)])));
    root.arrays.insert("names".into(), names);

    let read_back = read(&text(&manifest));
    assert!(read_back.report.refused.is_empty());
    assert!(read_back.report.remarks.is_empty());
    assert_same(&manifest, &read_back.manifest);
    let fill = &read_back.manifest.root.arrays["filtered"].fill_value;
    assert_eq!(fill.as_deref(), Some(&(-9999.0_f32).to_le_bytes()[..]));

    for size in [1, 2, 3, 1000] {
        let read_back = read_parquet(&mut files(&manifest, size)).unwrap();
        assert!(read_back.report.refused.is_empty());
        assert_same(&manifest, &read_back.manifest);
    }
}

/// A manifest of one array with chunks of every kind at any place.
fn one_array() -> impl Strategy<Value = Manifest> {
    let chunk = prop_oneof![
        2 => Just(None),
        4 => (0..4_u32, 0..1_u64 << 40, 1..1_u64 << 33).prop_map(|range| Some(Ok(range))),
        1 => prop::collection::vec(any::<u8>(), 0..20).prop_map(|data| Some(Err(data))),
        1 => (0..4_u32).prop_map(|location| Some(Ok((location, 0, 0)))),
    ];
    let shape = prop::collection::vec(1..5_u64, 0..4);
    (shape, prop::collection::vec(chunk, 64)).prop_map(|(shape, chunks)| {
        let mut manifest = Manifest::default();
        for number in 0..4 {
            let url = format!("s3://bucket/{number}.nc");
            manifest.locations.intern(Location::new(url)).unwrap();
        }
        let mut table = ChunkTableBuilder::new(shape.clone());
        for index in 0..shape.iter().product::<u64>() {
            match &chunks[usize::try_from(index).unwrap()] {
                None => Ok(()),
                Some(Ok((location, 0, 0))) => table.push_whole(index, LocationId(*location)),
                Some(Ok((location, offset, length))) => {
                    table.push(index, LocationId(*location), *offset, *length)
                }
                Some(Err(data)) => table.push_inline(index, data.clone().into()),
            }
            .unwrap();
        }
        let layout = Layout::Chunked {
            chunk_shape: vec![1; shape.len()],
            // With a codec, so that absent chunks are not written as chunks of zeros.
            codecs: vec![Codec::Zlib { level: 1 }],
            chunks: table.finish(),
            fill_chunk: None,
        };
        let group = manifest.root.groups.entry("g".into()).or_default();
        group.arrays.insert("a".into(), array(&shape, F4, layout));
        manifest
    })
}

fn table(manifest: &Manifest) -> Vec<(u64, Seen<'_>)> {
    let chunks = manifest.array("g/a").unwrap().chunks();
    chunks
        .map(|(index, chunk)| (index, seen(manifest, chunk)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_come_back(manifest in one_array(), record_size in 1..70_usize) {
        let back = read(&text(&manifest));
        prop_assert_eq!(table(&manifest), table(&back.manifest));
        let back = read_parquet(&mut files(&manifest, record_size)).unwrap();
        prop_assert_eq!(table(&manifest), table(&back.manifest));
    }

    #[test]
    fn chunks_may_come_in_any_order(manifest in one_array(), seed in any::<u64>()) {
        let set: Json = serde_json::from_str(&text(&manifest)).unwrap();
        let mut members: Vec<_> = set["refs"].as_object().unwrap().clone().into_iter().collect();
        let mut random = seed;
        for place in (1..members.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            members.swap(place, usize::try_from(random >> 33).unwrap() % (place + 1));
        }
        let shuffled = json!({"refs": Json::Object(members.into_iter().collect()), "version": 1});
        let back = read(&shuffled.to_string());
        prop_assert_eq!(table(&manifest), table(&back.manifest));
    }

    #[test]
    fn damaged_json_is_an_error_or_a_set(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut set = text(&manifest()).into_bytes();
        let at = at.index(set.len());
        set[at] = byte;
        let _ = read_json(&set, &JsonOptions::new());
    }

    #[test]
    fn bytes_may_come_in_any_pieces(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        piece in 1..100_usize,
    ) {
        let mut set = text(&manifest()).into_bytes();
        let at = at.index(set.len());
        set[at] = byte;
        let options = JsonOptions::new();
        let pieces = read_json_from(|| Ok(Pieces { rest: &set, piece }), &options);
        let whole = read_json(&set, &options);
        match (pieces, whole) {
            (Ok(pieces), Ok(whole)) => {
                prop_assert_eq!(pieces.manifest, whole.manifest);
                prop_assert_eq!(pieces.report.refused, whole.report.refused);
                prop_assert_eq!(pieces.report.remarks, whole.report.remarks);
            }
            (pieces, whole) => {
                prop_assert_eq!(pieces.unwrap_err().to_string(), whole.unwrap_err().to_string());
            }
        }
    }

    #[test]
    fn damaged_parquet_is_an_error_or_a_set(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut files = files(&manifest(), 3);
        let file = files.0.get_mut("filtered/refs.0.parq").unwrap();
        let mut bytes = file.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        *file = bytes.into();
        let _ = read_parquet(&mut files);
    }
}

#[test]
fn version_0_and_documents_as_objects() {
    let set = json!({
        ".zgroup": {"zarr_format": 2},
        "x/.zarray": zarray(&[3], &[1]),
        "x/.zattrs": {"_ARRAY_DIMENSIONS": ["t"], "of": [1.5]},
        "x/0": ["a.bin"],
        "x/1": ["a.bin", 4, 8],
        "x/2": "text",
    });
    let read = read(&set.to_string());
    let x = &read.manifest.root.arrays["x"];
    assert_eq!(x.dimension_names, ["t"]);
    let chunks: Vec<_> = x
        .chunks()
        .map(|(_, chunk)| seen(&read.manifest, chunk))
        .collect();
    assert_eq!(
        chunks,
        [
            ("a.bin", 0, u64::MAX, &b""[..]),
            ("a.bin", 4, 8, b""),
            ("", 0, 0, b"text")
        ]
    );
    // Without a version, but refs alone: as others are known to write it.
    let set = format!("{{\"refs\": {set}}}");
    let again = read_json(set.as_bytes(), &JsonOptions::new()).unwrap();
    assert_eq!(again.manifest, read.manifest);
}

#[test]
fn both_separators_and_scalars() {
    let mut slashes = zarray(&[2, 2], &[1, 1]);
    slashes["dimension_separator"] = json!("/");
    let read = read(&refs(&json!({
        "s/.zarray": slashes, "s/0/1": "a", "s/1/0": "b",
        "g/d/.zarray": zarray(&[2, 20], &[1, 1]), "g/d/1.19": "c",
        "n/.zarray": zarray(&[], &[]), "n/0": "d",
    })));
    let numbers = |path: &str| -> Vec<u64> {
        let array = read.manifest.array(path).unwrap();
        array.chunks().map(|(index, _)| index).collect()
    };
    assert_eq!(numbers("s"), [1, 2]);
    assert_eq!(numbers("g/d"), [39]);
    assert_eq!(numbers("n"), [0]);
    assert!(read.report.remarks.is_empty());
}

#[test]
fn templates_and_gen() {
    let set = json!({
        "gen": [
            {
                "key": "a/{{i}}.{{j - 10}}",
                "url": "http://{{u}}_{{i}}{{f(c='x')}}",
                "offset": "{{(i + 1) * 1000}}",
                "length": "1000",
                "dimensions": {"i": {"stop": 2}, "j": [10, 11]},
            },
            {"key": "b/{{k}}", "url": "{{u}}", "dimensions": {"k": {"start": 2, "stop": 0, "step": -1}}},
        ],
        "refs": {
            "a/.zarray": zarray(&[2, 2], &[1, 1]),
            "b/.zarray": zarray(&[3], &[1]),
            "b/0": ["http://{{u}}", 1, 2],
        },
        "templates": {"u": "host/path", "f": "{{c}}{{c}}"},
        "version": 1,
    });
    let read = read(&set.to_string());
    let all = |path: &str| -> Vec<_> {
        let chunks = read.manifest.array(path).unwrap().chunks();
        chunks
            .map(|(_, chunk)| seen(&read.manifest, chunk))
            .collect()
    };
    let none = &b""[..];
    assert_eq!(
        all("a"),
        [
            ("http://host/path_0xx", 1000, 1000, none),
            ("http://host/path_0xx", 1000, 1000, none),
            ("http://host/path_1xx", 2000, 1000, none),
            ("http://host/path_1xx", 2000, 1000, none),
        ]
    );
    assert_eq!(
        all("b"),
        [
            ("http://host/path", 1, 2, none),
            ("host/path", 0, u64::MAX, none),
            ("host/path", 0, u64::MAX, none),
        ]
    );
}

#[test]
fn expansion_is_bounded() {
    let with = |templates: Json, dimensions: Json| {
        let set = json!({
            "version": 1, "templates": templates, "refs": {"a/.zarray": zarray(&[2], &[1])},
            "gen": [{"key": "a/{{i}}", "url": "{{u}}", "dimensions": dimensions}],
        });
        failure(&set.to_string())
    };
    let many: serde_json::Map<_, _> = (0..70_000).map(|n| (n.to_string(), json!("x"))).collect();
    assert_eq!(
        with(Json::Object(many), json!({})),
        "key \"templates\": 70000 templates, expected at most 65536"
    );
    let one = json!({"u": "s3://b/k"});
    for dimensions in [
        json!({"i": {"stop": i64::MAX}, "j": {"stop": i64::MAX}}),
        json!({"i": {"start": i64::MIN, "stop": i64::MAX}}),
        json!({"i": {"stop": 1_000_001}}),
    ] {
        assert_eq!(
            with(one.clone(), dimensions),
            "key \"gen[0]\": more than 1000000 generated references in a set"
        );
    }
    assert_eq!(
        with(one.clone(), json!({"i": {"stop": 4, "step": 0}})),
        "key \"gen[0]\": i: step 0"
    );
    assert_eq!(
        with(json!({"u": "{{u}}"}), json!({"i": {"stop": 1}})),
        "key \"gen[0]\": template \"u\" needs arguments, expected u(...)"
    );
    assert_eq!(
        with(one, json!({"i": {"stop": 1}, "j": [[]]})),
        "key \"gen[0]\": [] in a dimension"
    );
}

#[test]
fn consolidated_documents_count_too() {
    let document = zarray(&[1], &[1]).to_string();
    let metadata = json!({
        "zarr_consolidated_format": 1,
        "metadata": {".zgroup": {"zarr_format": 2}, "a/.zarray": zarray(&[1], &[1])},
    });
    let alone = read(&refs(
        &json!({".zmetadata": metadata.to_string(), "a/0": "x"}),
    ));
    assert_eq!(alone.manifest.root.arrays["a"].stored_chunks(), 1);
    let both = json!({".zmetadata": metadata, "a/.zarray": document, "a/0": "x"});
    assert!(read(&refs(&both)).report.refused.is_empty());
    let differ = json!({".zmetadata": metadata, "a/.zarray": zarray(&[2], &[1]), "a/0": "x"});
    let differ = read(&refs(&differ));
    assert_eq!(
        differ.report.refused[0].reason,
        "its .zarray and that in .zmetadata differ"
    );
}

#[test]
fn what_the_model_can_not_say_is_refused_with_a_reason() {
    let with = |name: &str, value: Json| {
        let mut document = zarray(&[2, 2], &[1, 1]);
        document[name] = value;
        let read = read(&refs(
            &json!({"a/.zarray": document, "a/0.0": "x", "b/.zarray": zarray(&[1], &[1])}),
        ));
        assert!(read.manifest.root.arrays.contains_key("b"));
        assert!(read.report.remarks.is_empty());
        let [refused] = read.report.refused.as_slice() else {
            panic!("{name}: {:?}", read.report)
        };
        assert_eq!(refused.path, "/a");
        refused.reason.clone()
    };
    assert_eq!(
        with("order", json!("F")),
        "order \"F\" is not supported, expected \"C\""
    );
    assert_eq!(
        with("dtype", json!("<U4")),
        "dtype \"<U4\" is not supported"
    );
    assert_eq!(
        with("compressor", json!({"id": "lz4"})),
        "codec \"lz4\" is not supported"
    );
    assert_eq!(
        with("filters", json!([{"id": "vlen-utf8"}])),
        "codec vlen-utf8 at place 0 for elements of float32, expected it \
         first and for strings only"
    );
    assert_eq!(
        with("shape", json!([u64::MAX, 2])),
        "chunk grid [18446744073709551615, 2]: more than 2^64 - 1 chunks"
    );
    assert_eq!(
        with("shape", json!([-1, 2])),
        "shape: -1, expected a length of 0 to 2^64 - 1"
    );
    assert_eq!(
        with("chunks", json!([1, 0])),
        "chunks [1, 0] for the shape [2, 2], expected one length above zero for each axis"
    );
    assert_eq!(with("zarr_format", json!(3)), "zarr_format 3, expected 2");
    assert_eq!(
        with("fill_value", json!("no")),
        "fill_value \"no\", expected one of type float32"
    );
    assert_eq!(
        with("dimension_separator", json!("-")),
        "dimension_separator \"-\", expected \".\" or \"/\""
    );
}

#[test]
fn keys_that_no_reader_asks_for_are_named() {
    let read = read(&refs(&json!({
        "a/.zarray": zarray(&[2], &[1]), "a/2": "out", "a/01": "zero", "a/x": "x", "a/0.0": "axes",
        "a/0/0": "deep", "c/0": "no array", "../../etc/.zarray": zarray(&[1], &[1]),
        "a/b/.zarray": zarray(&[1], &[1]), "/x/.zarray": zarray(&[1], &[1]),
        "d/.zarray": ["elsewhere"], ".zarray": zarray(&[1], &[1]),
    })));
    assert_eq!(
        read.report.remarks,
        [
            "key \"a/2\" lies outside of its array's chunks",
            "key \"a/01\" is no chunk of its array",
            "key \"a/x\" is no chunk of its array",
            "key \"a/0.0\" is no chunk of its array",
            "key \"a/0/0\" is no chunk of its array",
            "key \"c/0\" lies in no array",
        ]
    );
    let refused: Vec<_> = read
        .report
        .refused
        .iter()
        .map(|node| (node.path.as_str(), node.reason.as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            ("/../../etc", "name \"..\": means a folder in a path"),
            ("/", "an array at the root is not supported"),
            ("//x", "name \"\": empty"),
            ("/a/b", "it lies within the array /a"),
            ("/d", "its .zarray lies elsewhere, which is not followed"),
        ]
    );
}

#[test]
fn contradictions_name_the_key() {
    let with = |value: &str| {
        let document = zarray(&[2], &[1]);
        failure(&format!(
            "{{\"version\":1,\"refs\":{{\"a/.zarray\":{document},\"a/1\":{value}}}}}"
        ))
    };
    for (value, reason) in [
        (
            "[\"u\", -1, 2]",
            "invalid type: integer `-1`, expected an offset, an integer of 0 to 2^64 - 1",
        ),
        (
            "[\"u\", 1.5, 2]",
            "invalid type: floating point `1.5`, expected an offset",
        ),
        (
            "[\"u\", 1, -2]",
            "invalid type: integer `-2`, expected a length",
        ),
        ("[\"u\", 1e400, 2]", "number out of range"),
        (
            "[\"u\", 1]",
            "invalid length 2, expected a text, [url], or [url, offset, length]",
        ),
        ("[\"u\", 1, 2, 3]", "invalid length 4"),
        ("[]", "invalid length 0"),
        ("[1, 1, 2]", "invalid type: integer `1`, expected a"),
        ("null", "invalid type: null, expected a text, [url]"),
        ("7", "invalid type: integer `7`"),
        ("[null, 1, 2]", "no URL, and no target"),
        ("[\"\", 1, 2]", "an empty URL"),
        ("\"base64:!\"", "base64: Invalid symbol"),
        ("[\"u\", 18446744073709551615, 1]", "end past 2^64 - 1"),
        ("\"x\", \"a/1\": \"y\"", "given twice"),
        ("\"\\ud800\"", "hex escape"),
    ] {
        let message = with(value);
        assert!(message.starts_with("key \"a/1\": "), "{value}: {message}");
        assert!(message.contains(reason), "{value}: {message}");
    }
    let deep = "[".repeat(100_000);
    assert!(failure(&deep).contains("expected an object"));
    let message = failure(&format!("{{\"a/.zarray\":{deep}"));
    assert!(
        message.starts_with("key \"a/.zarray\": not Kerchunk JSON: recursion limit"),
        "{message}"
    );
    // What is skipped is not nested on the stack.
    assert!(failure(&format!("{{\"a\":{deep}")).contains("EOF"));
    assert_eq!(
        failure("{\"version\": 2, \"refs\": {}}"),
        "key \"version\": 2 is not supported, expected 1"
    );
    assert!(
        failure("{\"refs\": {\"a/.zarray\": \"{\"}}").starts_with("key \"a/.zarray\": not a JSON")
    );
    assert!(failure("{\"refs\": {}, \"refs\": {}}").starts_with("key \"refs\": given twice"));
    assert!(failure("{\"refs\": {}} x").contains("trailing characters"));
    assert!(failure("").contains("EOF"));
    let bytes = b"{\"a\": \"\xff\"}";
    assert!(read_json(bytes, &JsonOptions::new()).is_err());
}

#[test]
fn chunks_before_documents_are_read_in_a_second_pass() {
    let readings = std::cell::Cell::new(0);
    let count = |set: &str| {
        readings.set(0);
        let open = || {
            readings.set(readings.get() + 1);
            Ok(set.as_bytes())
        };
        let read = read_json_from(open, &JsonOptions::new()).unwrap();
        assert!(read.report.remarks.is_empty(), "{:?}", read.report.remarks);
        let a = read.manifest.array("a").unwrap();
        (a.stored_chunks(), readings.get())
    };
    let zarray = zarray(&[2], &[1]);
    let late =
        format!(r#"{{"version":1,"refs":{{"a/0":["u",1,2],"a/.zarray":{zarray},"a/1":"x"}}}}"#);
    assert_eq!(count(&late), (2, 2));
    let first =
        format!(r#"{{"version":1,"refs":{{"a/.zarray":{zarray},"a/0":["u",1,2],"a/1":"x"}}}}"#);
    assert_eq!(count(&first), (2, 1));
    // Known from consolidated metadata alone.
    let metadata = json!({"metadata": {"a/.zarray": zarray}});
    let consolidated = format!(r#"{{".zmetadata":{metadata},"a/0":["u",1,2]}}"#);
    assert_eq!(count(&consolidated), (1, 2));
    let templates = format!(
        r#"{{"refs":{{"a/.zarray":{zarray},"a/0":["{{{{u}}}}",1,2]}},"templates":{{"u":"s3://b/k"}},"version":1}}"#
    );
    assert_eq!(count(&templates), (1, 2));
    // A set whose second reading differs is read as it then is, or is an error; here it ends early.
    let open = || {
        readings.set(readings.get() + 1);
        Ok(if readings.get() % 2 == 0 {
            late.as_bytes()
        } else {
            &late.as_bytes()[..20]
        })
    };
    readings.set(1);
    let error = read_json_from(open, &JsonOptions::new()).unwrap_err();
    assert!(error.to_string().contains("EOF"), "{error}");
}

#[test]
fn a_target_stands_for_no_url() {
    let set = refs(&json!({"a/.zarray": zarray(&[1], &[1]), "a/0": [null, 1, 2]}));
    let options = JsonOptions::new().with_target("s3://b/k");
    let read = read_json(set.as_bytes(), &options).unwrap();
    let chunk = read.manifest.root.arrays["a"].chunk(0).unwrap();
    assert_eq!(seen(&read.manifest, chunk), ("s3://b/k", 1, 2, &b""[..]));
}

#[test]
fn groups_are_not_nested_without_end() {
    let deep = "g/".repeat(100_000);
    let read = read(&refs(
        &json!({format!("{deep}.zgroup"): {}, format!("{deep}a/.zarray"): zarray(&[1], &[1])}),
    ));
    assert_eq!(read.report.refused.len(), 2);
    assert_eq!(
        read.report.refused[0].reason,
        "it lies deeper than 128 groups"
    );
    assert!(read.manifest.root.groups.is_empty());
}

#[test]
fn fill_values_are_what_readers_take_for_missing() {
    let mut document = zarray(&[2], &[1]);
    document["fill_value"] = json!("NaN");
    let attributes = "{\"_FillValue\": NaN, \"other\": NaN}";
    let read = read(&refs(
        &json!({"a/.zarray": document, "a/.zattrs": attributes}),
    ));
    let a: &Array = &read.manifest.root.arrays["a"];
    assert_eq!(a.fill_value.as_deref(), Some(&f32::NAN.to_le_bytes()[..]));
    assert!(
        matches!(a.attributes["_FillValue"].values[..], [Value::Float(value)] if value.is_nan())
    );
    assert_eq!(a.attributes["other"].as_text(), Some("NaN"));
    let big = DataType::Float {
        size: 4,
        order: ByteOrder::Little,
    };
    assert_eq!(a.data_type, big);
    assert_eq!(a.dimension_names, ["a_dim_0"]);
}

#[test]
fn numbers_are_read_exactly() {
    let document = zarray(&[2], &[1]).to_string();
    let document = document.replace("<f4", "<f8").replace(
        "\"fill_value\":null",
        "\"fill_value\":9.969209968386869e+36",
    );
    let read = read(&refs(&json!({"a/.zarray": document})));
    let fill = read.manifest.root.arrays["a"].fill_value.as_deref();
    assert_eq!(fill, Some(&0x479e_0000_0000_0000_u64.to_le_bytes()[..]));
}

/// Damage that shows in the compressed bytes as well as in the text is told of alike, whatever the pieces.
#[test]
fn damaged_compressed_sets_are_the_same_errors_in_any_pieces() {
    let text = refs(&json!({".zgroup": "{", "a/.zarray": zarray(&[2], &[1]), "a/0": ["u", 0, 4]}));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    let set = encoder.finish().unwrap();
    let options = JsonOptions::new();
    for at in 10..set.len() {
        let mut damaged = set.clone();
        damaged[at] ^= 0x55;
        let whole = read_json(&damaged, &options).map_err(|error| error.to_string());
        for piece in [1, 7, 64] {
            let rest = damaged.as_slice();
            let read = read_json_from(|| Ok(Pieces { rest, piece }), &options);
            let read = read.map_err(|error| error.to_string());
            assert_eq!(read.is_ok(), whole.is_ok(), "{at}");
            assert_eq!(read.err(), whole.as_ref().err().cloned(), "{at}");
        }
    }
}

/// Readers decode what begins so, whoever wrote it.
#[test]
fn inline_bytes_that_look_like_base64_stay_as_they_are() {
    let texts = [
        &b"base64: not base64!!"[..],
        b"base64:AAAA",
        b"base64:",
        b"base6",
    ];
    let mut manifest = Manifest::default();
    for text in texts {
        let name = format!("a{}", text.len());
        let mut table = ChunkTableBuilder::new(vec![1]);
        table.push_inline(0, Bytes::copy_from_slice(text)).unwrap();
        let layout = Layout::Chunked {
            chunk_shape: vec![1],
            codecs: Vec::new(),
            chunks: table.finish(),
            fill_chunk: None,
        };
        let length = u32::try_from(text.len()).unwrap();
        let stored = array(&[1], DataType::FixedString { length }, layout);
        manifest.root.arrays.insert(name, stored);
    }
    let read_back = read_parquet(&mut files(&manifest, 1)).unwrap();
    assert!(
        read_back.report.refused.is_empty(),
        "{:?}",
        read_back.report
    );
    assert_same(&manifest, &read_back.manifest);
    assert_same(&manifest, &read(&text(&manifest)).manifest);
}

#[test]
fn parquet_sets_that_can_not_be() {
    let with = |zmetadata: Json| {
        let error = ParquetSet::new(zmetadata.to_string().as_bytes()).unwrap_err();
        error.to_string()
    };
    for size in [json!(0), json!(-1), json!(1.5), json!(null), json!("3")] {
        assert_eq!(
            with(json!({"metadata": {}, "record_size": size})),
            format!("key \".zmetadata\": record_size {size}, expected an integer above zero")
        );
    }
    assert!(
        with(json!({"metadata": {}, "record_size": 1_u64 << 40})).contains("expected below 2^32")
    );
    assert!(with(json!({"record_size": 1})).contains("expected a member metadata"));
    assert_eq!(
        with(json!({"metadata": {"a/.zarray": zarray(&[1 << 50], &[1])}, "record_size": 1000})),
        "key \"a/.zarray\": its chunks need more than 1048576 records of 1000"
    );

    let mut slashes = zarray(&[2, 2], &[1, 1]);
    slashes["dimension_separator"] = json!("/");
    let set = json!({"metadata": {"a/.zarray": slashes}, "record_size": 1});
    let read = ParquetSet::new(set.to_string().as_bytes())
        .unwrap()
        .finish()
        .unwrap();
    assert!(read.report.refused[0].reason.contains("in a Parquet set"));

    let mut set = files(&manifest(), 3);
    let short = files(&manifest(), 2)
        .0
        .remove("filtered/refs.0.parq")
        .unwrap();
    for (file, reason) in [
        (short, "2 rows, expected 3 for its chunks"),
        (
            Bytes::from_static(b"PAR1"),
            "not a Parquet file: expected PAR1 at its start and end",
        ),
        (
            Bytes::from_static(b"PAR1\xff\xff\0\0PAR1"),
            "a footer of 65535 bytes, more than the file has",
        ),
    ] {
        set.0.insert("filtered/refs.0.parq".into(), file);
        let error = read_parquet(&mut set).unwrap_err().to_string();
        assert_eq!(error, format!("key \"filtered/refs.0.parq\": {reason}"));
    }
}
