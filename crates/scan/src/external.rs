//! External data files.

use chunkref_hdf5::ExternalFile;
use chunkref_manifest::{
    ChunkTable, ChunkTableBuilder, LocationId, Segment, cell_count, chunk_grid,
};

use crate::elsewhere::Data;
use crate::layout::Failure;
use crate::other_file::{AHEAD, Here, Opened, Others};
use crate::virtual_dataset::divisor;

/// Most chunks of a table that segments are cut into,
const MAX_CHUNKS: u64 = 1 << 20;
/// and how many there may be of less than [`LEAST`] bytes each.
const MAX_SMALL: u64 = 1 << 8;
const LEAST: u64 = 4 << 10;

/// Where the first `bytes` of the data lie. As with libhdf5 (`H5D__efl_read`), what a file lacks
/// at its end reads as zeros; a file that is not there is no such end.
pub(crate) async fn segments(
    others: &mut Others<'_>,
    here: &Here,
    files: &[ExternalFile],
    bytes: u64,
) -> Result<Data, Failure> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut warnings = Vec::new();
    let mut left = bytes;
    for (number, file) in files.iter().enumerate() {
        if number.checked_rem(AHEAD) == Some(0) && left > 0 {
            let next = files.iter().skip(number).take(AHEAD);
            let names: Vec<_> = next.map(|file| (file.name.clone(), Vec::new())).collect();
            others.read_ahead(here, &names).await;
        }
        let length = file.size.unwrap_or(u64::MAX).min(left);
        if length == 0 {
            continue;
        }
        left = left.saturating_sub(length);
        let name = &file.name;
        let there = match others.open(here, name).await.map_err(Failure::Fatal)? {
            Opened::There(there) => there,
            Opened::Missing => {
                return Err(format!("its external data file {name:?} is not there").into());
            }
            Opened::Refused(reason) => {
                return Err(format!("its external data file {name:?}: {reason}").into());
            }
        };
        let held = there.size.saturating_sub(file.offset).min(length);
        if held > 0 {
            push(&mut segments, Some((there.location, file.offset)), held);
        }
        if held < length {
            warnings.push(format!(
                "the external data file {name:?} ends {} bytes too early, which read as zeros",
                length.saturating_sub(held)
            ));
            push(&mut segments, None, length.saturating_sub(held));
        }
    }
    if left > 0 {
        return Err(format!("its external data files hold {left} bytes less than it has").into());
    }
    Ok(Data::External(segments, warnings))
}

/// Adds a segment, to the last one if it goes on where that ends.
fn push(segments: &mut Vec<Segment>, place: Option<(LocationId, u64)>, length: u64) {
    if let Some(last) = segments.last_mut() {
        let next = last
            .place
            .map(|(location, offset)| (location, offset.saturating_add(last.length)));
        if next == place {
            last.length = last.length.saturating_add(length);
            return;
        }
    }
    segments.push(Segment { place, length });
}

/// The segments as chunks of equal shape and size, if they end where such chunks can.
pub(crate) fn table(
    segments: &[Segment],
    shape: &[u64],
    element_size: u64,
    most: u64,
) -> Option<(Vec<u64>, ChunkTable)> {
    let bytes = segments
        .iter()
        .fold(0, |common, segment| divisor(common, segment.length));
    let (chunk_shape, size) = chunk_shape(shape, element_size, bytes, most)?;
    let grid = chunk_grid(shape, &chunk_shape)?;
    let count = cell_count(&grid)?;
    if count > MAX_CHUNKS || size < LEAST && count > MAX_SMALL {
        return None;
    }
    let mut table = ChunkTableBuilder::new(grid);
    let mut index = 0_u64;
    for segment in segments {
        // Zeros are no chunk.
        let (location, offset) = segment.place?;
        for number in 0..segment.length.checked_div(size)? {
            let offset = offset.checked_add(number.checked_mul(size)?)?;
            table.push(index, location, offset, size).ok()?;
            index = index.checked_add(1)?;
        }
    }
    (index == count).then(|| (chunk_shape, table.finish()))
}

/// The largest chunk shape whose chunks are whole, runs of bytes, and divide `bytes`.
fn chunk_shape(shape: &[u64], element: u64, bytes: u64, most: u64) -> Option<(Vec<u64>, u64)> {
    let mut chunk = vec![1; shape.len()];
    let mut size = element;
    if size == 0 || bytes.checked_rem(size)? != 0 {
        return None;
    }
    for (length, &axis) in chunk.iter_mut().zip(shape).rev() {
        let rows = divisor(bytes.checked_div(size)?, axis);
        if size.checked_mul(rows)? > most {
            break;
        }
        *length = rows;
        size = size.checked_mul(rows)?;
        if rows != axis {
            break;
        }
    }
    Some((chunk, size))
}

#[cfg(test)]
mod tests {
    use chunkref_manifest::ChunkRef;

    use super::*;

    fn segments(lengths: &[u64]) -> Vec<Segment> {
        let number = (0..).zip(lengths);
        number
            .map(|(number, &length)| Segment {
                place: Some((LocationId(number), 100)),
                length,
            })
            .collect()
    }

    #[test]
    fn segments_that_end_with_rows_are_chunks() {
        let (shape, table) = table(&segments(&[40, 80, 40]), &[8, 5], 4, 1 << 20).unwrap();
        assert_eq!(shape, [2, 5]);
        let range = |location, offset| ChunkRef::Range {
            location: LocationId(location),
            offset,
            length: 40,
        };
        let found: Vec<_> = table.iter().map(|(_, chunk)| chunk).collect();
        let expected = [range(0, 100), range(1, 100), range(1, 140), range(2, 100)];
        assert_eq!(found, expected);
    }

    #[test]
    fn segments_that_end_within_rows_are_parts_of_rows() {
        let (shape, _) = table(&segments(&[12, 28]), &[1, 10], 4, 1 << 20).unwrap();
        assert_eq!(shape, [1, 1]);
        assert_eq!(table(&segments(&[10, 30]), &[1, 10], 4, 1 << 20), None);
        // Elements one by one would be too many chunks.
        assert_eq!(table(&segments(&[4, 39_996]), &[10_000], 4, 1 << 20), None);
    }

    #[test]
    fn zeros_are_no_chunks() {
        let mut cut = segments(&[40, 40]);
        cut[1].place = None;
        assert_eq!(table(&cut, &[4, 5], 4, 1 << 20), None);
    }

    #[test]
    fn segments_that_go_on_are_one() {
        let mut found = Vec::new();
        push(&mut found, Some((LocationId(1), 10)), 5);
        push(&mut found, Some((LocationId(1), 15)), 5);
        push(&mut found, None, 3);
        push(&mut found, None, 4);
        push(&mut found, Some((LocationId(1), 20)), 5);
        let lengths: Vec<_> = found.iter().map(|segment| segment.length).collect();
        assert_eq!(lengths, [10, 7, 5]);
    }
}
