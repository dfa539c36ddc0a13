//! Files of references whose columns no writer of ours would make.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_manifest::ChunkRef;
use chunkref_manifest::kerchunk::{BlobSource, read_parquet};
use parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::json;

#[derive(Default)]
struct Files(BTreeMap<String, Bytes>);

impl BlobSource for Files {
    fn get(&mut self, path: &str) -> io::Result<Option<Bytes>> {
        Ok(self.0.get(path).cloned())
    }
}

fn column(name: &str, physical: PhysicalType, text: bool) -> Arc<Type> {
    let column = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(text.then_some(LogicalType::String));
    Arc::new(column.build().unwrap())
}

/// A file of rows of path, offset and size, each of which may be null.
fn record(rows: &[(Option<&str>, Option<i64>, Option<i64>)]) -> Bytes {
    let fields = vec![
        column("path", PhysicalType::BYTE_ARRAY, true),
        column("offset", PhysicalType::INT64, false),
        column("size", PhysicalType::INT64, false),
        column("raw", PhysicalType::BYTE_ARRAY, false),
    ];
    let schema = Type::group_type_builder("schema").with_fields(fields);
    let schema = Arc::new(schema.build().unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut out = Vec::new();
    let mut file = SerializedFileWriter::new(&mut out, schema, properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    let levels = |present: Vec<bool>| present.into_iter().map(i16::from).collect::<Vec<_>>();

    let paths: Vec<ByteArray> = rows
        .iter()
        .filter_map(|row| row.0.map(ByteArray::from))
        .collect();
    let present = levels(rows.iter().map(|row| row.0.is_some()).collect());
    let mut one = group.next_column().unwrap().unwrap();
    one.typed::<ByteArrayType>()
        .write_batch(&paths, Some(&present), None)
        .unwrap();
    one.close().unwrap();
    for number in [
        |row: &(_, Option<i64>, Option<i64>)| row.1,
        |row: &(Option<&str>, _, _)| row.2,
    ] {
        let numbers: Vec<i64> = rows.iter().filter_map(number).collect();
        let present = levels(rows.iter().map(|row| number(row).is_some()).collect());
        let mut one = group.next_column().unwrap().unwrap();
        one.typed::<Int64Type>()
            .write_batch(&numbers, Some(&present), None)
            .unwrap();
        one.close().unwrap();
    }
    let present = vec![0; rows.len()];
    let mut one = group.next_column().unwrap().unwrap();
    one.typed::<ByteArrayType>()
        .write_batch(&[], Some(&present), None)
        .unwrap();
    one.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    out.into()
}

fn set(rows: &[(Option<&str>, Option<i64>, Option<i64>)]) -> Files {
    let zarray = json!({
        "zarr_format": 2, "shape": [rows.len()], "chunks": [1], "dtype": "<f4", "order": "C",
        "compressor": null, "filters": null, "fill_value": null,
    });
    let zmetadata = json!({"metadata": {"a/.zarray": zarray}, "record_size": rows.len()});
    Files(BTreeMap::from([
        (".zmetadata".to_owned(), zmetadata.to_string().into()),
        ("a/refs.0.parq".to_owned(), record(rows)),
    ]))
}

#[test]
fn a_path_with_one_number_is_an_error_and_not_the_whole_object() {
    let good = (Some("u"), Some(0), Some(4));
    let nothing = (None, None, None);
    let read = read_parquet(&mut set(&[good, nothing])).unwrap();
    assert_eq!(read.manifest.array("a").unwrap().stored_chunks(), 1);
    // As GDAL has it.
    let read = read_parquet(&mut set(&[good, (Some("u"), None, None)])).unwrap();
    let chunk = read.manifest.array("a").unwrap().chunk(1);
    assert!(matches!(chunk, Some(ChunkRef::Whole { .. })), "{chunk:?}");
    for (row, what) in [
        ((Some("u"), Some(0), None), "a size"),
        ((Some("u"), None, Some(4)), "an offset"),
    ] {
        let error = read_parquet(&mut set(&[good, row]))
            .unwrap_err()
            .to_string();
        let expected = format!("row 1: a path without {what}, expected a number");
        assert!(error.contains(&expected), "{error}");
    }
}
