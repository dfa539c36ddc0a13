//! Kerchunk's Parquet sets, record by record.
//!
//! A [`ParquetSet`] says which files it wants and takes them in any order, so that whoever fetches
//! them may do so in parallel, or only those of the arrays of interest. The layout is described at
//! [`write_parquet`](crate::kerchunk::write_parquet). The reader of Parquet is our own: it reads
//! what reference sets are made of, and bounds memory by the size of each file.

mod column;
mod file;
mod index;
mod rows;
mod runs;
mod thrift;

use std::io;

use bytes::Bytes;
use serde_json::Value as Json;

use super::ReadSet;
use super::document::{Document, Documents, document_members, malformed, parse};
use super::tree::Tree;
use crate::chunk_grid::cell_count;
use crate::error::{Error, Result};
use crate::extras::{Extras, PARQUET_PATH};
use crate::zarr::read::brief;
use file::Columns;
pub use index::{RecordRows, SetIndex};

/// The most files of a set.
const MAX_RECORDS: u64 = 1 << 20;

/// Chunks of a set that any files may hold, and more for each byte of them.
const CHUNKS: (u64, u64) = (4 << 20, 64);

/// Where the files of a set are.
pub trait BlobSource {
    /// The file under a relative path with `/` between its parts; `None` if there is none.
    ///
    /// # Errors
    /// When it can't be read.
    fn get(&mut self, path: &str) -> io::Result<Option<Bytes>>;
}

/// A file of a set: the chunks of one array from a multiple of the record size on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    array: usize,
    number: u64,
    /// Its relative path with `/` between its parts.
    pub path: String,
    /// The path of its array from the root.
    pub array_path: String,
}

/// A set while it is read.
#[derive(Debug)]
pub struct ParquetSet {
    tree: Tree,
    record_size: u64,
    /// Chunks that may still come.
    chunks_left: u64,
    extras: Option<Extras>,
}

impl ParquetSet {
    /// A set with this `.zmetadata`.
    ///
    /// # Errors
    /// When it is no such thing, its record size is none that can be, or it has absurdly many
    /// records.
    pub fn new(zmetadata: &[u8]) -> Result<Self> {
        let key = ".zmetadata";
        let mut json = parse(key, zmetadata)?;
        let record_size = json.get("record_size").unwrap_or(&Json::Null);
        let record_size = record_size
            .as_u64()
            .filter(|size| *size > 0)
            .ok_or_else(|| {
                malformed(
                    key,
                    format!(
                        "record_size {}, expected an integer above zero",
                        brief(record_size)
                    ),
                )
            })?;
        if record_size > u64::from(u32::MAX) {
            return Err(malformed(
                key,
                format!("record_size {record_size}, expected below 2^32"),
            ));
        }
        let Some(Json::Object(members)) = json.get_mut("metadata").map(Json::take) else {
            return Err(malformed(key, "expected a member metadata, an object"));
        };
        let documents: Documents = document_members(members)?
            .into_iter()
            .map(|(key, json)| (key, Document::Json(json)))
            .collect();
        let mut tree = Tree::new(documents)?;
        tree.only_dots();
        let mut records = 0_u64;
        for draft in &tree.gathered.arrays {
            records = records.saturating_add(record_count(&draft.grid, record_size));
            if records > MAX_RECORDS {
                return Err(malformed(
                    &format!("{}/.zarray", draft.path),
                    format!("its chunks need more than {MAX_RECORDS} records of {record_size}"),
                ));
            }
        }
        Ok(Self {
            tree,
            record_size,
            chunks_left: CHUNKS.0,
            extras: None,
        })
    }

    /// All files that may be there, array by array. One that is not there holds no chunk.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let arrays = self.tree.gathered.arrays.iter().enumerate();
        arrays.flat_map(move |(array, draft)| {
            let count = record_count(&draft.grid, self.record_size);
            (0..count).map(move |number| Record {
                array,
                number,
                path: format!("{}/refs.{number}.parq", draft.path),
                array_path: format!("/{}", draft.path),
            })
        })
    }

    /// Takes the chunks of one file.
    ///
    /// # Errors
    /// When it is malformed, or its rows are more than its size justifies; the error names it.
    pub fn supply(&mut self, record: &Record, file: &Bytes) -> Result<()> {
        let at = |reason: String| malformed(&record.path, reason);
        let Some(draft) = self.tree.gathered.arrays.get(record.array) else {
            return Ok(());
        };
        let cells = cell_count(&draft.grid).unwrap_or(0);
        let first = record.number.saturating_mul(self.record_size);
        let wanted = cells.saturating_sub(first).min(self.record_size);
        let columns = Columns::read(file, self.record_size).map_err(at)?;
        if columns.rows < wanted {
            return Err(at(format!(
                "{} rows, expected {wanted} for its chunks",
                columns.rows
            )));
        }
        let size = u64::try_from(file.len()).unwrap_or(u64::MAX);
        self.chunks_left = self
            .chunks_left
            .saturating_add(size.saturating_mul(CHUNKS.1));
        let Self {
            tree, chunks_left, ..
        } = self;
        let gathered = std::cell::RefCell::new(&mut tree.gathered);
        rows::each(
            &record.path,
            &columns,
            wanted,
            |url| gathered.borrow_mut().location(&record.path, url),
            |row, place| {
                *chunks_left = chunks_left.checked_sub(1).ok_or_else(|| {
                    at("more chunks than the size of the set justifies".to_owned())
                })?;
                let index = first.saturating_add(row);
                gathered.borrow_mut().push(record.array, index, place)
            },
        )
    }

    /// Which of the files has which chunk.
    pub fn index(&self) -> SetIndex {
        SetIndex::new(&self.tree.gathered.arrays, self.record_size)
    }

    /// Takes the file [`PARQUET_PATH`], which sets of others do not have.
    ///
    /// # Errors
    /// When it is malformed, or of a version that is not known.
    pub fn supply_extras(&mut self, file: &[u8]) -> Result<()> {
        self.extras = Some(Extras::parse(file)?);
        Ok(())
    }

    /// The set. Chunks of files that were not supplied are absent.
    ///
    /// # Errors
    /// When a file was supplied twice.
    pub fn finish(self) -> Result<ReadSet> {
        self.finish_with(None)
    }

    /// The set of which, given an array's path, only files of this array were supplied: what the
    /// extras say of others is not compared with their references.
    ///
    /// # Errors
    /// When a file was supplied twice.
    pub fn finish_with(self, only: Option<&str>) -> Result<ReadSet> {
        let set = self.tree.finish()?;
        Ok(match self.extras {
            Some(extras) => extras.apply(set, only),
            None => set,
        })
    }
}

fn record_count(grid: &[u64], record_size: u64) -> u64 {
    cell_count(grid).map_or(u64::MAX, |cells| cells.div_ceil(record_size))
}

/// Reads a whole Kerchunk Parquet set.
///
/// # Errors
/// When it is malformed, or a file can't be read.
pub fn read_parquet(blobs: &mut dyn BlobSource) -> Result<ReadSet> {
    let mut get = |path: &str| {
        blobs.get(path).map_err(|source| Error::Unread {
            what: path.to_owned(),
            source,
        })
    };
    let zmetadata = get(".zmetadata")?.ok_or_else(|| malformed(".zmetadata", "not there"))?;
    let mut set = ParquetSet::new(&zmetadata)?;
    let records: Vec<Record> = set.records().collect();
    for record in records {
        if let Some(file) = get(&record.path)? {
            set.supply(&record, &file)?;
        }
    }
    if let Some(file) = get(PARQUET_PATH)? {
        set.supply_extras(&file)?;
    }
    set.finish()
}
