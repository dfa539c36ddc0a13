//! Kerchunk sets, byte for byte and as a Parquet reader sees them.

mod sample;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;

use bytes::Bytes;
use chunkref_manifest::kerchunk::{Blobs, write_json, write_parquet};
use chunkref_manifest::{Group, Layout, LocationId, Manifest};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use sample::{F4, URL, chunked, manifest};
use serde_json::{Value as Json, json};

#[derive(Default)]
struct Files(BTreeMap<String, Bytes>);

impl Blobs for Files {
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        assert!(self.0.insert(path.to_owned(), bytes).is_none(), "{path}");
        Ok(())
    }
}

fn json_text(manifest: &Manifest) -> String {
    let mut out = Vec::new();
    write_json(manifest, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn json_has_documents_then_chunks() {
    let text = json_text(&manifest());
    let chunks = text.split_once("\n\"filtered/0.0\"").unwrap().1;
    assert_eq!(
        chunks,
        r#":["https://data.example.org/a \"b\".h5",1000,100],
"filtered/2.0":["https://data.example.org/a \"b\".h5",1200,100],
"runs/0.0":["https://data.example.org/a \"b\".h5",64,12],
"runs/1.0":["https://data.example.org/a \"b\".h5",76,12],
"runs/2.0":["https://data.example.org/a \"b\".h5",88,12],
"runs/3.0":["https://data.example.org/a \"b\".h5",100,12],
"g/never/0":"base64:AACAPw==",
"g/never/1":"base64:AACAPw==",
"g/text/0":"base64:AQAAAAIAAABoaQ=="
}}
"#
    );
    let set: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(set["version"], 1);
    let keys: Vec<_> = set["refs"].as_object().unwrap().keys().take(13).collect();
    assert_eq!(
        keys,
        [
            ".zgroup",
            ".zattrs",
            "filtered/.zarray",
            "filtered/.zattrs",
            "runs/.zarray",
            "runs/.zattrs",
            "g/.zgroup",
            "g/.zattrs",
            "g/never/.zarray",
            "g/never/.zattrs",
            "g/text/.zarray",
            "g/text/.zattrs",
            ".zmetadata",
        ]
    );
    let document: Json = serde_json::from_str(set["refs"][".zattrs"].as_str().unwrap()).unwrap();
    assert_eq!(document, json!({"title": "é"}));
}

#[test]
fn json_of_nothing_is_a_set() {
    assert_eq!(
        json_text(&Manifest::default()),
        concat!(
            r#"{"version":1,"chunkref":{"version":1},"#,
            "\n",
            r#""refs":{"#,
            "\n",
            r#"".zgroup":"{\"zarr_format\":2}","#,
            "\n",
            r#"".zattrs":"{}","#,
            "\n",
            r#"".zmetadata":"{\"zarr_consolidated_format\":1,\"metadata\":{\".zgroup\":{\"zarr_format\":2},\".zattrs\":{}}}""#,
            "\n}}\n"
        )
    );
}

type Row = (Option<String>, i64, i64, Option<Vec<u8>>);

fn rows(file: &Bytes) -> Vec<Row> {
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 1);
    reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            let row = row.unwrap();
            (
                row.get_string(0).ok().cloned(),
                row.get_long(1).unwrap(),
                row.get_long(2).unwrap(),
                row.get_bytes(3).ok().map(|raw| raw.data().to_vec()),
            )
        })
        .collect()
}

#[test]
fn parquet_rows_are_chunks() {
    let mut files = Files::default();
    write_parquet(&manifest(), &mut files, 3).unwrap();
    let names: Vec<_> = files.0.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            ".chunkref/extras.json",
            ".zmetadata",
            "filtered/refs.0.parq",
            "g/never/refs.0.parq",
            "g/text/refs.0.parq",
            "runs/refs.0.parq",
            "runs/refs.1.parq",
        ]
    );
    let url = || Some(URL.to_owned());
    let absent = || (None, 0, 0, None);
    assert_eq!(
        rows(&files.0["filtered/refs.0.parq"]),
        [(url(), 1000, 100, None), absent(), (url(), 1200, 100, None)]
    );
    assert_eq!(
        rows(&files.0["runs/refs.1.parq"]),
        [(url(), 100, 12, None), absent(), absent()]
    );
    let one = || (None, 0, 0, Some(vec![0, 0, 128, 63]));
    assert_eq!(
        rows(&files.0["g/never/refs.0.parq"]),
        [one(), one(), absent()]
    );
    let metadata: Json = serde_json::from_slice(&files.0[".zmetadata"]).unwrap();
    assert_eq!(metadata["record_size"], 3);
    assert_eq!(metadata["metadata"]["g/.zgroup"], json!({"zarr_format": 2}));
    assert_eq!(metadata["metadata"]["runs/.zarray"]["dtype"], ">i2");
}

#[test]
fn parquet_columns_have_the_types_fsspec_expects() {
    let mut files = Files::default();
    write_parquet(&manifest(), &mut files, 2).unwrap();
    let reader = SerializedFileReader::new(files.0["filtered/refs.0.parq"].clone()).unwrap();
    let mut schema = Vec::new();
    let metadata = reader.metadata().file_metadata();
    parquet::schema::printer::print_schema(&mut schema, metadata.schema());
    assert_eq!(
        String::from_utf8(schema).unwrap(),
        "message schema {\n  OPTIONAL BYTE_ARRAY path (STRING);\n  REQUIRED INT64 offset;\n  \
         REQUIRED INT64 size;\n  OPTIONAL BYTE_ARRAY raw;\n}\n"
    );
}

#[test]
fn a_chunk_of_no_bytes_is_not_the_whole_object() {
    let mut manifest = manifest();
    let mut empty = chunked(&[2], &[1], F4, &[]);
    if let Layout::Chunked { chunks, .. } = &mut empty.layout {
        let mut builder = chunkref_manifest::ChunkTableBuilder::new(vec![2]);
        builder.push(0, LocationId(0), 0, 0).unwrap();
        builder.push(1, LocationId(0), 0, 4).unwrap();
        *chunks = builder.finish();
    }
    manifest.root.arrays.insert("empty".into(), empty);
    let mut files = Files::default();
    write_parquet(&manifest, &mut files, 2).unwrap();
    assert_eq!(
        rows(&files.0["empty/refs.0.parq"]),
        [
            (None, 0, 0, Some(vec![])),
            (Some(URL.to_owned()), 0, 4, None)
        ]
    );
    assert!(json_text(&manifest).contains("\"empty/0\":\"base64:\""));
}

fn failure(manifest: &Manifest) -> String {
    let error = write_json(manifest, io::sink()).unwrap_err();
    let parquet = write_parquet(manifest, &mut Files::default(), 10).unwrap_err();
    let text = format!("{error}: {}", error.source().unwrap());
    assert_eq!(text, format!("{parquet}: {}", parquet.source().unwrap()));
    text
}

#[test]
fn what_can_not_be_said_is_an_error() {
    let mut unsafe_name = manifest();
    unsafe_name
        .root
        .groups
        .insert("..".into(), Group::default());
    assert_eq!(
        failure(&unsafe_name),
        "/: name \"..\": means a folder in a path"
    );

    let mut unknown = manifest();
    unknown.locations = chunkref_manifest::Locations::default();
    assert_eq!(
        failure(&unknown),
        "/filtered: location 0: not among the 0 of the manifest"
    );

    // Neither zero nor _FillValue, and no encoded chunk to stand for the absent ones.
    let mut lacking = manifest();
    lacking
        .root
        .arrays
        .get_mut("filtered")
        .unwrap()
        .attributes
        .clear();
    assert_eq!(
        failure(&lacking),
        "/filtered: not supported: absent chunks whose fill value a Zarr v2 document can't say \
         (it is neither zero nor _FillValue), without an encoded chunk of it"
    );

    let mut many = manifest();
    let never = many
        .root
        .groups
        .get_mut("g")
        .unwrap()
        .arrays
        .get_mut("never");
    never.unwrap().shape = vec![1 << 50];
    assert_eq!(
        failure(&many),
        "/g/never: not supported: 1125899906842624 absent chunks whose fill value a Zarr v2 \
         document can't say (it is neither zero nor _FillValue), expected at most 1000000"
    );
}

#[test]
fn a_writer_that_fails_is_reported() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = write_json(&manifest(), Full).unwrap_err();
    assert_eq!(error.to_string(), "writing kerchunk json");
    assert_eq!(error.source().unwrap().to_string(), "no space");
}
