//! Rows of a file as places of chunks.

use super::column::NO_NUMBER;
use super::file::Columns;
use crate::error::Result;
use crate::kerchunk::read::document::malformed;
use crate::kerchunk::read::json::inline_bytes;
use crate::kerchunk::read::rows::Place;
use crate::location::LocationId;

/// Gives the first rows of the file at `path` that are not absent, ascending; `location` numbers a
/// URL.
pub(super) fn each(
    path: &str,
    columns: &Columns,
    rows: u64,
    mut location: impl FnMut(&str) -> Result<LocationId>,
    mut chunk: impl FnMut(u64, Place) -> Result<()>,
) -> Result<()> {
    let mut urls: Vec<Option<LocationId>> = vec![None; columns.paths.values.len()];
    for (row, number) in (0..rows).enumerate() {
        let at = |reason: String| malformed(path, format!("row {row}: {reason}"));
        if let Some((_, raw)) = columns.raws.get(row) {
            // As fsspec has it, which decodes what begins so wherever it comes from.
            let data = match raw.strip_prefix(b"base64:") {
                Some(_) => inline_bytes(raw).map_err(at)?,
                None => raw.clone(),
            };
            chunk(number, Place::Inline(data))?;
            continue;
        }
        let Some((value, url)) = columns.paths.get(row) else {
            continue;
        };
        let location = if let Some(known) = urls.get(value).copied().flatten() {
            known
        } else {
            let text = std::str::from_utf8(url);
            let new = location(text.map_err(|_| at("a path that is not UTF-8".to_owned()))?)?;
            if let Some(slot) = urls.get_mut(value) {
                *slot = Some(new);
            }
            new
        };
        let stored = |column: &[i64]| column.get(row).copied().unwrap_or(NO_NUMBER);
        let (offset, length) = (stored(&columns.offsets), stored(&columns.sizes));
        let value = |value: i64, what: &str| {
            if value == NO_NUMBER {
                return Err(at(format!("a path without {what}, expected a number")));
            }
            u64::try_from(value).map_err(|_| at(format!("{what} {value}, expected 0 or more")))
        };
        let (offset, length) = match (offset, length) {
            // As GDAL has it: all of the object.
            (NO_NUMBER, NO_NUMBER) => (0, 0),
            (offset, length) => (value(offset, "an offset")?, value(length, "a size")?),
        };
        let place = match (offset, length) {
            (0, 0) => Place::Whole(location),
            _ => Place::Range {
                location,
                offset,
                length,
            },
        };
        chunk(number, place)?;
    }
    Ok(())
}
