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
//! fsspec 2026.9 reads an absent row through pandas 3 and pyarrow as a path of NaN and fails (see
//! `docs/kerchunk.md`). Absent chunks of unfiltered arrays are therefore written out while they are
//! few, and all of any array where that is asked for; the dictionary of the column keeps equal ones
//! once.

mod file;
mod record_size;
mod set_writer;

use std::io;

use bytes::Bytes;

use crate::array::{Array, Manifest};
use crate::chunk_grid::cell_count;
use crate::error::{Error, Result};
use crate::extras;
use crate::zarr::v2;

pub use record_size::record_size_for;
pub use set_writer::SetWriter;
use set_writer::{Absent, Stream};

/// Rows per file where all arrays are large, as kerchunk and `VirtualiZarr` have it.
pub const DEFAULT_RECORD_SIZE: usize = 100_000;

/// The most bytes of absent chunks that are written out for one unfiltered array.
const MAX_FILLED: u64 = 64 << 20;

/// The most bytes of a chunk that is written out for absent ones, before it is encoded.
const MAX_FILL_CHUNK: u64 = 256 << 20;

/// Where the files of a set go.
pub trait Blobs {
    /// Stores a file under a relative path with `/` between its parts.
    ///
    /// # Errors
    /// When it can't be stored.
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()>;
}

/// Encodes the bytes of a chunk as the codecs of its array say.
pub type EncodeChunk<'a> = dyn Fn(&Array, &[u8]) -> Result<Bytes, String> + 'a;

/// How a Parquet set is written.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct ParquetOptions<'a> {
    /// Rows per file; `None`: what [`record_size_for`] says.
    pub record_size: Option<usize>,
    /// If given, absent chunks are written as inline chunks of fill values, which this encodes.
    pub densify: Option<&'a EncodeChunk<'a>>,
}

impl std::fmt::Debug for ParquetOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetOptions")
            .field("record_size", &self.record_size)
            .field("densify", &self.densify.is_some())
            .finish()
    }
}

impl<'a> ParquetOptions<'a> {
    /// Rows per file as suits the arrays; absent chunks are absent.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many rows per file.
    #[must_use]
    pub fn with_record_size(mut self, rows: usize) -> Self {
        self.record_size = Some(rows);
        self
    }

    /// Absent chunks are written out.
    #[must_use]
    pub fn with_densify(mut self, encode: &'a EncodeChunk<'a>) -> Self {
        self.densify = Some(encode);
        self
    }
}

/// Writes a manifest as a Kerchunk Parquet set with so many rows per file; `.zmetadata` comes last,
/// so that a set that was broken off does not open. Memory grows with `record_size` only, and with what
/// the [extras](crate::extras) hold.
///
/// # Errors
/// When `record_size` is zero, Zarr v2 can't say an array, a chunk refers to a location that is
/// not there, or a file can't be stored.
pub fn write_parquet(manifest: &Manifest, blobs: &mut dyn Blobs, record_size: usize) -> Result<()> {
    let options = ParquetOptions::new().with_record_size(record_size);
    write_parquet_with(manifest, blobs, &options)
}

/// As [`write_parquet`], as the options say.
///
/// # Errors
/// As for [`write_parquet`], and when absent chunks are to be written out of an array whose chunk
/// of fill values can't be encoded or is larger than 256 MiB.
pub fn write_parquet_with(
    manifest: &Manifest,
    blobs: &mut dyn Blobs,
    options: &ParquetOptions<'_>,
) -> Result<()> {
    let arrays = || {
        let arrays = manifest.arrays();
        arrays.filter(|(_, array)| array.beyond_zarr().is_none())
    };
    let record_size = options.record_size.unwrap_or_else(|| {
        record_size_for(arrays().map(|(_, array)| {
            let grid = array.chunk_grid().unwrap_or_default();
            cell_count(&grid).unwrap_or(0)
        }))
    });
    let mut text = Vec::new();
    extras::write(manifest, &mut text)?;
    set_writer::put(blobs, extras::PARQUET_PATH, text.into())?;
    let mut set = SetWriter::new(blobs, record_size)?;
    for (path, group) in manifest.groups() {
        set.group(&path, &group.attributes)?;
        for name in group.groups.keys().chain(group.arrays.keys()) {
            crate::tree::check_name(name).map_err(|error| error.at(&path))?;
        }
    }
    for (path, array) in arrays() {
        let at = |error: Error| error.at(&path);
        let stream = Stream {
            array,
            complete: array.is_complete(),
            absent: absent(array, options).map_err(at)?,
        };
        set.stream(&path, &stream, &manifest.locations, array.chunks().map(Ok))?;
    }
    set.finish()
}

/// Whether a Parquet set has rows without a chunk among those of this array, unless they are written
/// out: fsspec fails on them in some versions.
pub fn has_absent_rows(array: &Array) -> bool {
    let left = matches!(absent(array, &ParquetOptions::new()), Ok(Absent::Left));
    left && !array.is_complete() && array.stored_chunks() > 0 && array.beyond_zarr().is_none()
}

/// What is written for the absent chunks of an array.
fn absent(array: &Array, options: &ParquetOptions<'_>) -> Result<Absent> {
    if v2::absent_chunk(array)?.is_some() {
        return Ok(Absent::Required);
    }
    let cells = cell_count(&array.chunk_grid()?);
    let absent = cells.and_then(|cells| cells.checked_sub(array.stored_chunks()));
    let Some(absent @ 1..) = absent else {
        return Ok(Absent::Left);
    };
    match options.densify {
        Some(encode) => densified(array, encode).map(Absent::Filled),
        None => Ok(few_filled(array, absent).map_or(Absent::Left, Absent::Filled)),
    }
}

/// Bytes and elements of a chunk of fill values before it is encoded; `None` where elements have no
/// fixed size or there is no such number.
fn fill_length(array: &Array) -> Option<(u64, usize)> {
    let elements = cell_count(&array.chunk_shape())?;
    let bytes = elements.checked_mul(u64::from(array.data_type.size()?))?;
    Some((bytes, usize::try_from(elements).ok()?))
}

fn densified(array: &Array, encode: &EncodeChunk<'_>) -> Result<Bytes> {
    if let Some(fill) = array.fill_chunk() {
        return Ok(fill.clone());
    }
    let cant = |why: String| {
        Error::unsupported(format!(
            "absent chunks written as chunks of fill values: {why}"
        ))
    };
    let (bytes, elements) =
        fill_length(array).ok_or_else(|| cant("elements have no fixed size".to_owned()))?;
    if bytes > MAX_FILL_CHUNK {
        return Err(cant(format!(
            "a chunk of {bytes} bytes, expected at most {MAX_FILL_CHUNK}"
        )));
    }
    let plain = v2::fill_bytes(array).repeat(elements);
    if array.codecs().is_empty() {
        return Ok(plain.into());
    }
    encode(array, &plain).map_err(cant)
}

/// A chunk of fill values for the absent chunks of an array without codecs, if they are few.
fn few_filled(array: &Array, absent: u64) -> Option<Bytes> {
    let (bytes, elements) = fill_length(array).filter(|_| array.codecs().is_empty())?;
    let few = absent.checked_mul(bytes)? <= MAX_FILLED;
    few.then(|| v2::fill_bytes(array).repeat(elements).into())
}
