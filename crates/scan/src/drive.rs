//! Drives the parser over io.

use std::ops::Range;

use bytes::Bytes;
use chunkref_hdf5::{Progress, Scan};
use chunkref_io::Object;

use crate::error::{Error, Result};

/// Most bytes that are asked for in one go; what the parser holds stays near this.
const BATCH_BYTES: u64 = 8 << 20;
/// Most ranges that are asked for in one go.
const BATCH_RANGES: usize = 4096;

/// Reads what the parser wants until it is done.
///
/// # Errors
/// When reading or parsing fails.
pub(crate) async fn drive(scan: &mut Scan, object: &Object) -> Result<()> {
    let mut last = Vec::new();
    loop {
        let Progress::Wants(wants) = scan.poll()? else {
            return Ok(());
        };
        if let (true, Some(first)) = (wants == last, wants.first()) {
            return Err(Error::Stuck {
                start: first.start,
                end: first.end,
            });
        }
        let batch = batch(&wants);
        let read = object.read(batch).await?;
        for (range, bytes) in batch.iter().zip(read) {
            scan.supply(range.start, bytes);
        }
        last = wants;
    }
}

/// The first ranges, as many as go in one wave.
fn batch(wants: &[Range<u64>]) -> &[Range<u64>] {
    let mut bytes = 0_u64;
    let fitting = wants
        .iter()
        .take(BATCH_RANGES)
        .take_while(|range| {
            let room = bytes < BATCH_BYTES;
            bytes = bytes.saturating_add(range.end.saturating_sub(range.start));
            room
        })
        .count();
    wants.get(..fitting).unwrap_or(wants)
}

/// Reads all of these ranges, in waves of bounded size.
///
/// # Errors
/// When reading fails.
pub(crate) async fn read_all(object: &Object, mut ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let mut read = Vec::with_capacity(ranges.len());
    while !ranges.is_empty() {
        let batch = batch(ranges);
        read.extend(object.read(batch).await?);
        ranges = ranges.get(batch.len()..).unwrap_or_default();
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::{BATCH_BYTES, BATCH_RANGES, batch};

    #[test]
    fn a_batch_is_bounded_in_bytes_and_in_number_but_never_empty() {
        assert_eq!(batch(&[]).len(), 0);
        let large: Vec<_> = (0..4)
            .map(|n| n * BATCH_BYTES * 2..(n + 1) * BATCH_BYTES * 2)
            .collect();
        assert_eq!(batch(&large).len(), 1);
        let many: Vec<_> = (0..10_000).map(|n| n * 10..n * 10 + 5).collect();
        assert_eq!(batch(&many).len(), BATCH_RANGES);
    }
}
