//! Kerchunk's Parquet sets, as fsspec's `LazyReferenceMapper` reads them.
//!
//! `.zmetadata` holds the documents and `record_size`; `{array}/refs.{n}.parq` holds the chunks
//! from `n * record_size` in C order, one row each:
//!
//! | column | type                          | holds                              |
//! |--------|-------------------------------|------------------------------------|
//! | path   | optional `BYTE_ARRAY`, `UTF8` | URL of the object                  |
//! | offset | required `INT64`              | first byte                         |
//! | size   | required `INT64`              | bytes; 0 after offset 0: all of it |
//! | raw    | optional `BYTE_ARRAY`         | the chunk itself                   |
//!
//! A row with neither path nor raw is an absent chunk; every file has `record_size` rows. A file
//! whose chunks are all absent is not written, which fsspec reads the same way.
//!
//! fsspec 2026.9 reads an absent row through pandas 3 as a path of NaN and fails. Absent chunks of
//! unfiltered arrays are therefore written out while they are few; the dictionary of the
//! column keeps equal ones once.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType as ParquetType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type as SchemaType, TypePtr};
use serde_json::{Map, Value as Json, json};

use crate::array::{Array, Manifest};
use crate::chunk_grid::cell_count;
use crate::chunk_table::ChunkRef;
use crate::error::{Error, Result};
use crate::kerchunk::every_chunk;
use crate::location::{LocationId, Locations};
use crate::zarr::v2;

/// Rows per file where nothing else is asked for, as kerchunk and `VirtualiZarr` have it.
pub const DEFAULT_RECORD_SIZE: usize = 100_000;

/// The most bytes of absent chunks that are written out for one unfiltered array.
const MAX_FILLED: u64 = 64 << 20;

/// Where the files of a set go.
pub trait Blobs {
    /// Stores a file under a relative path with `/` between its parts.
    ///
    /// # Errors
    /// When it can't be stored.
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()>;
}

/// Writes a manifest as a Kerchunk Parquet set; `.zmetadata` comes last, so that a set that was
/// broken off does not open. Memory grows with `record_size` only.
///
/// # Errors
/// When `record_size` is zero, Zarr v2 can't say an array, a chunk refers to a location that is
/// not there, or a file can't be stored.
pub fn write_parquet(manifest: &Manifest, blobs: &mut dyn Blobs, record_size: usize) -> Result<()> {
    let rows = u64::try_from(record_size).unwrap_or(0);
    if rows == 0 {
        return Err(Error::unsupported("records of no rows"));
    }
    let metadata: Map<String, Json> = v2::documents(manifest)?.into_iter().collect();
    let mut paths = Paths {
        locations: &manifest.locations,
        known: HashMap::new(),
    };
    let encoder = Encoder::new()?;
    let arrays = manifest.arrays();
    for (path, array) in arrays.filter(|(_, array)| array.beyond_zarr().is_none()) {
        let folder = path.trim_start_matches('/');
        write_array(
            array,
            folder,
            blobs,
            rows,
            record_size,
            &mut paths,
            &encoder,
        )
        .map_err(|error| error.at(&path))?;
    }
    let document = json!({"metadata": metadata, "record_size": record_size});
    put(blobs, ".zmetadata", document.to_string().into())
}

fn write_array(
    array: &Array,
    folder: &str,
    blobs: &mut dyn Blobs,
    rows: u64,
    record_size: usize,
    paths: &mut Paths<'_>,
    encoder: &Encoder,
) -> Result<()> {
    let mut columns = Columns::default();
    let mut open = None;
    let mut finish = |number: u64, columns: &mut Columns| {
        let path = format!("{folder}/refs.{number}.parq");
        let file = encoder
            .encode(columns, record_size)
            .map_err(|source| Error::Parquet {
                path: path.clone(),
                source: source.into(),
            })?;
        columns.clear();
        put(blobs, &path, file)
    };
    let few = few_filled(array)?;
    for (index, chunk) in every_chunk(array, v2::absent_chunk(array)?.or(few.as_ref())) {
        let number = index.checked_div(rows).unwrap_or(0);
        let row = index.checked_rem(rows).unwrap_or(0);
        if let Some(full) = open.replace(number).filter(|open| *open != number) {
            finish(full, &mut columns)?;
        }
        columns.pad(usize::try_from(row).unwrap_or(record_size));
        columns.push(chunk, paths)?;
    }
    match open {
        Some(number) => finish(number, &mut columns),
        None => Ok(()),
    }
}

/// A chunk of fill values for the absent chunks of an array without codecs, if they are few.
fn few_filled(array: &Array) -> Result<Option<Bytes>> {
    let cells = cell_count(&array.chunk_grid()?);
    let absent = cells.and_then(|cells| cells.checked_sub(array.stored_chunks()));
    let elements = cell_count(&array.chunk_shape());
    let length = array
        .data_type
        .size()
        .filter(|_| array.codecs().is_empty())
        .and_then(|size| elements?.checked_mul(u64::from(size)));
    let (Some(absent @ 1..), Some(length)) = (absent, length) else {
        return Ok(None);
    };
    let few = absent
        .checked_mul(length)
        .is_some_and(|bytes| bytes <= MAX_FILLED);
    let elements = elements.and_then(|elements| usize::try_from(elements).ok());
    Ok(elements
        .filter(|_| few)
        .map(|elements| v2::fill_bytes(array).repeat(elements).into()))
}

fn put(blobs: &mut dyn Blobs, path: &str, bytes: Bytes) -> Result<()> {
    blobs.put(path, bytes).map_err(|source| Error::Io {
        what: path.to_owned(),
        source,
    })
}

/// URLs as Parquet values that share their bytes.
struct Paths<'a> {
    locations: &'a Locations,
    known: HashMap<LocationId, ByteArray>,
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
#[derive(Default)]
struct Columns {
    paths: Vec<ByteArray>,
    path_levels: Vec<i16>,
    offsets: Vec<i64>,
    sizes: Vec<i64>,
    raws: Vec<ByteArray>,
    raw_levels: Vec<i16>,
}

impl Columns {
    fn push(&mut self, chunk: ChunkRef<'_>, paths: &mut Paths<'_>) -> Result<()> {
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
            ChunkRef::Inline(data) => (None, 0, 0, Some(ByteArray::from(data.clone()))),
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
    fn pad(&mut self, rows: usize) {
        self.path_levels.resize(rows, 0);
        self.raw_levels.resize(rows, 0);
        self.offsets.resize(rows, 0);
        self.sizes.resize(rows, 0);
    }

    fn clear(&mut self) {
        self.paths.clear();
        self.raws.clear();
        self.pad(0);
    }
}

/// Encodes files: one row group, ZSTD, no statistics, dictionaries for paths and inline chunks.
struct Encoder {
    schema: TypePtr,
    properties: WriterPropertiesPtr,
}

impl Encoder {
    fn new() -> Result<Self> {
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

    fn encode(&self, columns: &mut Columns, record_size: usize) -> Result<Bytes, ParquetError> {
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
