//! The rows of a file, and how they are encoded.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType as ParquetType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type as SchemaType, TypePtr};
use serde_json::{Value as Json, json};

use crate::chunk_table::ChunkRef;
use crate::error::{Error, Result};
use crate::location::{LocationId, Locations};

/// How a text begins that stands for the bytes of which the rest is the base64, as fsspec has it.
const BASE64: &[u8] = b"base64:";

/// Bytes of equal values that a file has once.
const DICTIONARY_BYTES: usize = 1 << 30;

/// URLs as Parquet values that share their bytes.
pub(super) struct Paths<'a> {
    pub(super) locations: &'a Locations,
    pub(super) known: HashMap<LocationId, ByteArray>,
}

impl Paths<'_> {
    fn get(&mut self, id: LocationId) -> Result<ByteArray> {
        if let Some(path) = self.known.get(&id) {
            return Ok(path.clone());
        }
        let location = self.locations.get(id).ok_or(Error::UnknownLocation {
            id,
            known: self.locations.len(),
        })?;
        let path = ByteArray::from(Bytes::copy_from_slice(location.url.as_bytes()));
        self.known.insert(id, path.clone());
        Ok(path)
    }
}

/// The rows of one file. Definition levels: 1 where there is a value, 0 where there is none.
#[derive(Debug, Default)]
pub(super) struct Columns {
    paths: Vec<ByteArray>,
    path_levels: Vec<i16>,
    offsets: Vec<i64>,
    sizes: Vec<i64>,
    raws: Vec<ByteArray>,
    raw_levels: Vec<i16>,
}

impl Columns {
    pub(super) fn push(&mut self, chunk: ChunkRef<'_>, paths: &mut Paths<'_>) -> Result<()> {
        let signed = |number: u64| {
            i64::try_from(number).map_err(|_| {
                Error::unsupported(format!("{number} in a Parquet set, expected below 2^63"))
            })
        };
        let (path, offset, size, raw) = match chunk {
            // Zero bytes at the start would mean the whole object.
            ChunkRef::Range { length: 0, .. } => (None, 0, 0, Some(ByteArray::from(Vec::new()))),
            ChunkRef::Range {
                location,
                offset,
                length,
            } => (
                Some(paths.get(location)?),
                signed(offset)?,
                signed(length)?,
                None,
            ),
            ChunkRef::Whole { location } => (Some(paths.get(location)?), 0, 0, None),
            ChunkRef::Inline(data) => (None, 0, 0, Some(raw(data))),
        };
        self.path_levels.push(i16::from(path.is_some()));
        self.raw_levels.push(i16::from(raw.is_some()));
        self.offsets.push(offset);
        self.sizes.push(size);
        self.paths.extend(path);
        self.raws.extend(raw);
        Ok(())
    }

    /// Adds absent chunks up to this number of rows.
    pub(super) fn pad(&mut self, rows: usize) {
        self.path_levels.resize(rows, 0);
        self.raw_levels.resize(rows, 0);
        self.offsets.resize(rows, 0);
        self.sizes.resize(rows, 0);
    }

    pub(super) fn clear(&mut self) {
        self.paths.clear();
        self.raws.clear();
        self.pad(0);
    }
}

/// What stands in the column `raw`: bytes as they are, unless they begin as a text does that readers
/// decode.
fn raw(data: &Bytes) -> ByteArray {
    if !data.starts_with(BASE64) {
        return ByteArray::from(data.clone());
    }
    let mut text = BASE64.to_vec();
    text.extend_from_slice(STANDARD.encode(data).as_bytes());
    ByteArray::from(text)
}

/// Encodes files: one row group, ZSTD, no statistics, dictionaries for paths and inline chunks.
#[derive(Debug)]
pub(super) struct Encoder {
    schema: TypePtr,
    properties: WriterPropertiesPtr,
}

impl Encoder {
    pub(super) fn new() -> Result<Self> {
        let schema = schema().map_err(|source| Error::Parquet {
            path: "schema".to_owned(),
            source: source.into(),
        })?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_dictionary_enabled(false)
            .set_column_dictionary_enabled("path".into(), true)
            .set_column_dictionary_enabled("raw".into(), true)
            // Past it each value is written in full: the chunk of fill values that stands for all
            // absent ones as often as there are such.
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_max_row_group_row_count(None)
            .set_key_value_metadata(Some(vec![KeyValue::new(
                "pandas".to_owned(),
                pandas_metadata().to_string(),
            )]))
            .build();
        Ok(Self {
            schema: Arc::new(schema),
            properties: Arc::new(properties),
        })
    }

    pub(super) fn encode(
        &self,
        columns: &mut Columns,
        record_size: usize,
    ) -> Result<Bytes, ParquetError> {
        columns.pad(record_size);
        let mut writer = SerializedFileWriter::new(
            Vec::new(),
            Arc::clone(&self.schema),
            Arc::clone(&self.properties),
        )?;
        let mut group = writer.next_row_group()?;
        write_column::<ByteArrayType>(&mut group, &columns.paths, Some(&columns.path_levels))?;
        write_column::<Int64Type>(&mut group, &columns.offsets, None)?;
        write_column::<Int64Type>(&mut group, &columns.sizes, None)?;
        write_column::<ByteArrayType>(&mut group, &columns.raws, Some(&columns.raw_levels))?;
        group.close()?;
        Ok(Bytes::from(writer.into_inner()?))
    }
}

fn write_column<T: ParquetType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has too few columns".to_owned()))?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn schema() -> Result<SchemaType, ParquetError> {
    let column = |name: &str, kind, repetition, logical| {
        SchemaType::primitive_type_builder(name, kind)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    };
    let (bytes, number) = (PhysicalType::BYTE_ARRAY, PhysicalType::INT64);
    let (optional, required) = (Repetition::OPTIONAL, Repetition::REQUIRED);
    SchemaType::group_type_builder("schema")
        .with_fields(vec![
            column("path", bytes, optional, Some(LogicalType::String))?,
            column("offset", number, required, None)?,
            column("size", number, required, None)?,
            column("raw", bytes, optional, None)?,
        ])
        .build()
}

/// What pandas leaves in files without an index.
fn pandas_metadata() -> Json {
    let column = |name: &str, pandas: &str, numpy: &str| {
        json!({
            "name": name,
            "field_name": name,
            "pandas_type": pandas,
            "numpy_type": numpy,
            "metadata": null,
        })
    };
    json!({
        "columns": [
            column("path", "unicode", "object"),
            column("offset", "int64", "int64"),
            column("size", "int64", "int64"),
            column("raw", "bytes", "object"),
        ],
        "index_columns": [],
        "column_indexes": [],
    })
}
