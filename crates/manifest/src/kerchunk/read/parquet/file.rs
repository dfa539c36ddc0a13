//! A Parquet file: its footer, and the columns of a record of references.

use bytes::Bytes;

use super::column::{Chunk, Numbers, Texts};
use super::thrift::{self, Value};

/// Rows that a file of any size may have, and more for each byte.
const ROWS: (u64, u64) = (1 << 20, 64);

/// Bytes that the pages of a file of any size may hold, and more for each byte.
const PAGE_BYTES: (usize, usize) = (64 << 20, 64);

const BYTE_ARRAY: i64 = 6;

/// The rows of a record.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) rows: u64,
    pub(super) paths: Texts,
    /// First bytes; a marker where there is none.
    pub(super) offsets: Vec<i64>,
    pub(super) sizes: Vec<i64>,
    pub(super) raws: Texts,
}

impl Columns {
    /// The columns of a file of at most so many rows.
    ///
    /// # Errors
    /// The reason, where it is malformed or not supported.
    pub(super) fn read(file: &Bytes, most: u64) -> Result<Self, String> {
        let footer = footer(file)?;
        let (footer, _) =
            thrift::structure(footer).ok_or("a footer that is no Thrift structure")?;
        let rows = footer.int(3).and_then(|rows| u64::try_from(rows).ok());
        let rows = rows.ok_or("a footer without a number of rows")?;
        let size = u64::try_from(file.len()).unwrap_or(u64::MAX);
        let justified = size.saturating_mul(ROWS.1).saturating_add(ROWS.0);
        if rows > most.min(justified) {
            return Err(format!(
                "{rows} rows, expected at most {} of a file of {size} bytes",
                most.min(justified)
            ));
        }
        let schema = schema(&footer)?;
        let groups = footer.list(4).ok_or("a footer without row groups")?;
        let mut columns = Self {
            rows,
            paths: Texts::default(),
            offsets: Vec::new(),
            sizes: Vec::new(),
            raws: Texts::default(),
        };
        let mut budget = file
            .len()
            .saturating_mul(PAGE_BYTES.1)
            .saturating_add(PAGE_BYTES.0);
        let mut total = 0_u64;
        for group in groups {
            let group_rows = group.int(3).and_then(|rows| u64::try_from(rows).ok());
            let group_rows = group_rows.ok_or("a row group without a number of rows")?;
            total = total.saturating_add(group_rows);
            if total > rows {
                return Err(format!("row groups of more than {rows} rows"));
            }
            columns.group(file, group, group_rows, &schema, &mut budget)?;
        }
        if total != rows {
            return Err(format!("row groups of {total} rows, expected {rows}"));
        }
        Ok(columns)
    }

    fn group(
        &mut self,
        file: &Bytes,
        group: &Value<'_>,
        rows: u64,
        schema: &[Leaf<'_>],
        budget: &mut usize,
    ) -> Result<(), String> {
        let chunks = group.list(1).ok_or("a row group without columns")?;
        if chunks.len() != schema.len() {
            return Err(format!(
                "a row group of {} columns, expected {}",
                chunks.len(),
                schema.len()
            ));
        }
        for (chunk, leaf) in chunks.iter().zip(schema) {
            let name = leaf.name;
            let at = |reason: String| format!("column {name}: {reason}");
            let metadata = chunk.field(3).ok_or_else(|| at("no metadata".to_owned()))?;
            let chunk = Chunk {
                file,
                optional: leaf.optional,
                physical: leaf.physical,
                rows,
                codec: metadata.int(4).unwrap_or(-1),
                values: metadata.int(5).unwrap_or(-1),
                length: metadata.int(7).unwrap_or(-1),
                data: metadata.int(9).unwrap_or(-1),
                dictionary: metadata.int(11),
            };
            match name {
                "path" => chunk.texts(&mut self.paths, budget),
                "raw" => chunk.texts(&mut self.raws, budget),
                "offset" => chunk.numbers(&mut Numbers(&mut self.offsets), budget),
                "size" => chunk.numbers(&mut Numbers(&mut self.sizes), budget),
                // An index that pandas left, for example.
                _ => Ok(()),
            }
            .map_err(at)?;
        }
        Ok(())
    }
}

/// A column of the schema.
struct Leaf<'a> {
    name: &'a str,
    physical: i64,
    optional: bool,
}

fn footer(file: &[u8]) -> Result<&[u8], String> {
    let body = file
        .strip_prefix(b"PAR1")
        .and_then(|rest| rest.strip_suffix(b"PAR1"))
        .ok_or("not a Parquet file: expected PAR1 at its start and end")?;
    let (rest, length) = body
        .split_last_chunk::<4>()
        .ok_or("a Parquet file without a footer")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let start = rest.len().checked_sub(length);
    start
        .and_then(|start| rest.get(start..))
        .ok_or_else(|| format!("a footer of {length} bytes, more than the file has"))
}

/// The columns, which lie side by side.
fn schema<'a>(footer: &Value<'a>) -> Result<Vec<Leaf<'a>>, String> {
    let elements = footer.list(2).ok_or("a footer without a schema")?;
    let mut leaves = Vec::new();
    for element in elements.iter().skip(1) {
        let name = element
            .bytes(4)
            .and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or("a column without a name")?;
        if element.int(5).unwrap_or(0) != 0 || element.int(3) == Some(2) {
            return Err(format!("column {name:?}: nested columns are not supported"));
        }
        if leaves.iter().any(|leaf: &Leaf<'_>| leaf.name == name) || leaves.len() >= 64 {
            return Err(format!("column {name:?}: twice, or more than 64 columns"));
        }
        leaves.push(Leaf {
            name,
            physical: element.int(1).unwrap_or(-1),
            optional: element.int(3) == Some(1),
        });
    }
    for (name, kinds) in [
        ("path", &[BYTE_ARRAY][..]),
        ("offset", &[1, 2]),
        ("size", &[1, 2]),
        ("raw", &[BYTE_ARRAY]),
    ] {
        match leaves.iter().find(|leaf| leaf.name == name) {
            Some(leaf) if kinds.contains(&leaf.physical) => {}
            Some(leaf) => {
                return Err(format!(
                    "column {name}: physical type {}, expected one of {kinds:?}",
                    leaf.physical
                ));
            }
            // Sets without inline chunks may lack it, as fsspec reads them.
            None if name == "raw" => {}
            None => return Err(format!("no column {name}")),
        }
    }
    Ok(leaves)
}
