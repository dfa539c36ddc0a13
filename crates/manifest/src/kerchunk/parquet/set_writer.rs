//! Parquet sets written as their chunks come.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use super::Blobs;
use super::file::{Columns, Encoder, Paths};
use crate::array::Array;
use crate::attribute::Attributes;
use crate::chunk_grid::cell_count;
use crate::chunk_table::ChunkRef;
use crate::error::{Error, Result};
use crate::location::Locations;
use crate::tree::check_name;
use crate::zarr::v2::{self, MAX_ABSENT_CHUNKS};

/// The most absent chunks of an array that are written out because that was asked for.
const MAX_FILLED_CHUNKS: u64 = 100_000_000;

/// Writes a Kerchunk Parquet set array by array, the chunks of each from an iterator: no manifest
/// of that size is needed, and memory grows with the record size only.
///
/// `.zmetadata` is written by [`finish`](Self::finish): a set without it does not open.
///
/// ```
/// use chunkref_manifest::kerchunk::{Blobs, SetWriter};
/// use chunkref_manifest::{
///     Array, Attributes, ByteOrder, ChunkRef, DataType, Layout, Location, Locations,
/// };
///
/// # struct Nowhere;
/// # impl Blobs for Nowhere {
/// #     fn put(&mut self, _: &str, _: bytes::Bytes) -> std::io::Result<()> { Ok(()) }
/// # }
/// # let mut blobs = Nowhere;
/// let mut locations = Locations::default();
/// let url = "s3://bucket/granule.nc".to_owned();
/// let location = locations.intern(Location::new(url)).unwrap();
/// let array = Array {
///     shape: vec![1_000],
///     data_type: DataType::UInt { size: 1, order: ByteOrder::Little },
///     dimension_names: vec!["x".to_owned()],
///     fill_value: None,
///     attributes: Attributes::new(),
///     // What is not given is absent; only the shape of the chunks counts here.
///     layout: Layout::Absent { chunk_shape: vec![10], fill_chunk: None },
/// };
/// let chunks = (0..100).map(|index| {
///     let range = ChunkRef::Range { location, offset: 10 * index, length: 10 };
///     Ok((index, range))
/// });
/// let mut set = SetWriter::new(&mut blobs, 100_000)?;
/// set.array("/a", &array, &locations, chunks)?;
/// set.finish()?;
/// # Ok::<(), chunkref_manifest::Error>(())
/// ```
#[derive(Debug)]
pub struct SetWriter<'b> {
    blobs: ByRef<'b>,
    record_size: usize,
    rows: u64,
    metadata: Map<String, Json>,
    encoder: Encoder,
}

/// Only so that it can be shown.
struct ByRef<'b>(&'b mut dyn Blobs);

impl std::fmt::Debug for ByRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blobs")
    }
}

/// What is written for absent chunks.
pub(super) enum Absent {
    /// Nothing.
    Left,
    /// This chunk.
    Filled(Bytes),
    /// The array's chunk of fill values, as the documents do not say what they hold.
    Required,
}

/// An array whose chunks come one after the other.
pub(super) struct Stream<'a> {
    pub(super) array: &'a Array,
    /// Whether none is absent.
    pub(super) complete: bool,
    pub(super) absent: Absent,
}

/// The most rows of a record: a reader reads so many of any file.
const MAX_ROWS: u32 = 1 << 20;

impl<'b> SetWriter<'b> {
    /// A set with so many rows per file, of which nothing is written yet.
    ///
    /// # Errors
    /// When `record_size` is zero or above 2^20: readers read whole files.
    pub fn new(blobs: &'b mut dyn Blobs, record_size: usize) -> Result<Self> {
        let rows = u32::try_from(record_size).unwrap_or(0);
        if !(1..=MAX_ROWS).contains(&rows) {
            return Err(Error::unsupported(format!(
                "records of {record_size} rows, expected 1 to {MAX_ROWS}"
            )));
        }
        Ok(Self {
            blobs: ByRef(blobs),
            record_size,
            rows: u64::from(rows),
            metadata: Map::new(),
            encoder: Encoder::new()?,
        })
    }

    /// Adds a group, `/` or below it.
    ///
    /// # Errors
    /// When its path can't be a part of keys.
    pub fn group(&mut self, path: &str, attributes: &Attributes) -> Result<()> {
        let prefix = self.above(&format!("{}/", path.trim_end_matches('/')))?;
        let zattrs = Json::Object(crate::zarr::attributes_json(attributes));
        self.metadata.insert(format!("{prefix}.zattrs"), zattrs);
        Ok(())
    }

    /// Adds an array with its chunks, which come in C order, by their numbers; those that do not
    /// come are absent. What the layout of `array` says of chunks is not looked at but for their
    /// shape, their codecs, and the chunk of fill values that stands for absent ones where the
    /// documents can't say their value. Groups above it that were not added have no attributes.
    ///
    /// # Errors
    /// When Zarr v2 can't say the array, chunks do not come in order or lie outside of it, refer to
    /// a location that is not there or are errors themselves, or a file can't be stored.
    pub fn array<'c>(
        &mut self,
        path: &str,
        array: &Array,
        locations: &Locations,
        chunks: impl IntoIterator<Item = Result<(u64, ChunkRef<'c>)>>,
    ) -> Result<()> {
        let absent = if v2::says_absent(array).map_err(|error| error.at(path))? {
            Absent::Left
        } else {
            Absent::Required
        };
        let stream = Stream {
            array,
            complete: false,
            absent,
        };
        self.stream(path, &stream, locations, chunks)
    }

    /// Writes `.zmetadata`: the set is whole.
    ///
    /// # Errors
    /// When it can't be stored.
    pub fn finish(mut self) -> Result<()> {
        self.above("/")?;
        // zarr-python 3.1 opens no metadata in which others stand between two nodes of one group that
        // are of their depth.
        let mut documents: Vec<_> = self.metadata.into_iter().collect();
        documents.sort_by(|(one, _), (other, _)| one.split('/').cmp(other.split('/')));
        let metadata: Map<String, Json> = documents.into_iter().collect();
        let document = json!({"metadata": metadata, "record_size": self.record_size});
        put(self.blobs.0, ".zmetadata", document.to_string().into())
    }

    pub(super) fn stream<'c>(
        &mut self,
        path: &str,
        stream: &Stream<'_>,
        locations: &Locations,
        chunks: impl IntoIterator<Item = Result<(u64, ChunkRef<'c>)>>,
    ) -> Result<()> {
        let at = |error: Error| error.at(path);
        self.above(path)?;
        let folder = path.trim_matches('/');
        let documents = v2::streamed_documents(stream.array, stream.complete).map_err(at)?;
        self.metadata
            .insert(format!("{folder}/.zarray"), documents.zarray);
        self.metadata
            .insert(format!("{folder}/.zattrs"), documents.zattrs);
        let grid = stream.array.chunk_grid().map_err(at)?;
        let cells = cell_count(&grid).ok_or_else(|| {
            let grid = grid.clone();
            at(Error::GridTooLarge { grid })
        })?;
        let mut records = Records {
            set: self,
            folder,
            columns: Columns::default(),
            paths: Paths {
                locations,
                known: HashMap::new(),
            },
            open: None,
        };
        records.all(stream, cells, &grid, chunks).map_err(at)
    }

    /// Makes the groups above a path, and the prefix of the keys in the last of them.
    fn above(&mut self, path: &str) -> Result<String> {
        let mut prefix = String::new();
        let (groups, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.add_group(&prefix);
        for group in groups.split('/').filter(|group| !group.is_empty()) {
            check_name(group).map_err(|error| error.at(path))?;
            prefix.push_str(group);
            prefix.push('/');
            self.add_group(&prefix);
        }
        if !name.is_empty() {
            check_name(name).map_err(|error| error.at(path))?;
        }
        Ok(prefix)
    }

    fn add_group(&mut self, prefix: &str) {
        let key = format!("{prefix}.zgroup");
        if !self.metadata.contains_key(&key) {
            self.metadata.insert(key, v2::zgroup());
            let attributes = Json::Object(Map::new());
            self.metadata.insert(format!("{prefix}.zattrs"), attributes);
        }
    }
}

/// The files of one array.
struct Records<'w, 'b, 'l> {
    set: &'w mut SetWriter<'b>,
    folder: &'w str,
    columns: Columns,
    paths: Paths<'l>,
    /// The number of the file whose rows are gathered.
    open: Option<u64>,
}

impl Records<'_, '_, '_> {
    fn all<'c>(
        &mut self,
        stream: &Stream<'_>,
        cells: u64,
        grid: &[u64],
        chunks: impl IntoIterator<Item = Result<(u64, ChunkRef<'c>)>>,
    ) -> Result<()> {
        let mut next = 0;
        let mut filled = 0;
        for chunk in chunks {
            let (index, chunk) = chunk?;
            if index < next {
                let previous = next.saturating_sub(1);
                return Err(Error::ChunkOrder { index, previous });
            }
            if index >= cells {
                let grid = grid.to_vec();
                return Err(Error::ChunkOutside { index, grid, cells });
            }
            self.fill(stream, next..index, &mut filled)?;
            self.push(index, chunk)?;
            next = index.saturating_add(1);
        }
        self.fill(stream, next..cells, &mut filled)?;
        match self.open {
            Some(number) => self.finish(number),
            None => Ok(()),
        }
    }

    /// Writes what stands for absent chunks.
    fn fill(
        &mut self,
        stream: &Stream<'_>,
        absent: std::ops::Range<u64>,
        filled: &mut u64,
    ) -> Result<()> {
        if absent.is_empty() {
            return Ok(());
        }
        *filled = filled.saturating_add(absent.end.saturating_sub(absent.start));
        let fill = match &stream.absent {
            Absent::Left => return Ok(()),
            Absent::Required if *filled > MAX_ABSENT_CHUNKS => {
                return Err(v2::too_many_absent(*filled));
            }
            Absent::Required => v2::stand_in(stream.array)?,
            Absent::Filled(_) if *filled > MAX_FILLED_CHUNKS => {
                return Err(Error::unsupported(format!(
                    "{filled} absent chunks written out, expected at most {MAX_FILLED_CHUNKS}"
                )));
            }
            Absent::Filled(fill) => fill,
        };
        for index in absent {
            self.push(index, ChunkRef::Inline(fill))?;
        }
        Ok(())
    }

    fn push(&mut self, index: u64, chunk: ChunkRef<'_>) -> Result<()> {
        let number = index.checked_div(self.set.rows).unwrap_or(0);
        let row = index.checked_rem(self.set.rows).unwrap_or(0);
        if let Some(full) = self.open.replace(number).filter(|open| *open != number) {
            self.finish(full)?;
        }
        let row = usize::try_from(row).unwrap_or(self.set.record_size);
        self.columns.pad(row);
        self.columns.push(chunk, &mut self.paths)
    }

    /// Writes the file with this number.
    fn finish(&mut self, number: u64) -> Result<()> {
        let path = format!("{}/refs.{number}.parq", self.folder);
        let encoded = self
            .set
            .encoder
            .encode(&mut self.columns, self.set.record_size);
        let file = encoded.map_err(|source| Error::Parquet {
            path: path.clone(),
            source: source.into(),
        })?;
        self.columns.clear();
        put(self.set.blobs.0, &path, file)
    }
}

pub(super) fn put(blobs: &mut dyn Blobs, path: &str, bytes: Bytes) -> Result<()> {
    blobs.put(path, bytes).map_err(|source| Error::Io {
        what: path.to_owned(),
        source,
    })
}
