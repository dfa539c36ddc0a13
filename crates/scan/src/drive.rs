//! Drives the parser over io.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use chunkref_hdf5::{Progress, Scan};
use chunkref_io::{Around, Ask, Hint, Object};

use crate::error::{Error, Result};

/// Most bytes that are read in one go of a local file; what the parser holds stays near this.
const BATCH_BYTES: u64 = 8 << 20;
/// Most ranges that are read in one go of a local file.
const BATCH_RANGES: usize = 4096;
/// Bytes that come of a remote object before the parser takes them: more often would cost time,
/// more seldom memory.
const GULP: usize = 4 << 20;

/// Reads what the parser wants until it is done.
///
/// # Errors
/// When reading or parsing fails.
pub(crate) async fn drive(scan: &mut Scan, object: &Object) -> Result<()> {
    if object.is_local() {
        drive_local(scan, object).await
    } else {
        let driven = drive_remote(scan, object).await;
        object.note_needed(&scan.take_used());
        driven
    }
}

async fn drive_local(scan: &mut Scan, object: &Object) -> Result<()> {
    let mut last = Vec::new();
    loop {
        let Progress::Wants(wants) = scan.poll()? else {
            return Ok(());
        };
        check_going_on(&last, &wants)?;
        let batch = batch(&wants);
        let read = object.read(batch).await?;
        for (range, bytes) in batch.iter().zip(read) {
            scan.supply(range.start, bytes);
        }
        last = wants;
    }
}

/// All wants of a wave are asked for at once, with what is likely to be wanted next. What comes is
/// handed over at once, so no more is held than is under way. New wants wait for the end of the
/// wave: what is asked for depends on the file alone, not on which answer came first.
async fn drive_remote(scan: &mut Scan, object: &Object) -> Result<()> {
    let mut hints = Vec::new();
    let mut last = Vec::new();
    loop {
        let Progress::Wants(wants) = scan.poll()? else {
            return Ok(());
        };
        check_going_on(&last, &wants)?;
        hints.extend(take_hints(scan));
        let ask = Ask {
            wants: &wants,
            hints: std::mem::take(&mut hints),
            around: scan.page_size().map_or(Around::More, Around::Pages),
            what: words(&scan.wanted()),
        };
        let mut wave = object.wave(ask).await?;
        hints = wave.hints_left();
        let mut supplied = 0_usize;
        while let Some(pieces) = wave.next().await? {
            for (start, bytes) in pieces {
                supplied = supplied.saturating_add(bytes.len());
                scan.supply(start, bytes);
            }
            if supplied >= GULP {
                supplied = 0;
                swallow(scan, object)?;
            }
        }
        // What lies in what was fetched was seen, if it is what it is taken for.
        let fetched = wave.fetched();
        hints.extend(take_hints(scan).filter(|hint| !is_within(&hint.range, fetched)));
        last = wants;
    }
}

/// Whether a range lies in one of these, which ascend; those may touch.
fn is_within(range: &Range<u64>, spans: &[Range<u64>]) -> bool {
    let mut at = range.start;
    let first = spans.partition_point(|span| span.end <= at);
    for span in spans.get(first..).unwrap_or_default() {
        if span.start > at || at >= range.end {
            break;
        }
        at = span.end;
    }
    at >= range.end
}

/// Lets the parser take what it was given, and what it then wants of what was fetched before.
fn swallow(scan: &mut Scan, object: &Object) -> Result<()> {
    while let Progress::Wants(wants) = scan.poll()? {
        let kept = object.kept(&wants);
        if kept.is_empty() {
            break;
        }
        for (start, bytes) in kept {
            scan.supply(start, bytes);
        }
    }
    Ok(())
}

fn take_hints(scan: &mut Scan) -> impl Iterator<Item = Hint> {
    scan.take_hints().into_iter().map(|hint| Hint {
        range: hint.range,
        places: hint.places,
    })
}

/// A parser that wants the same again after it was given that would do so for ever.
fn check_going_on(last: &[Range<u64>], wants: &[Range<u64>]) -> Result<()> {
    match wants.first() {
        Some(first) if wants == last => Err(Error::Stuck {
            start: first.start,
            end: first.end,
        }),
        _ => Ok(()),
    }
}

fn words(wanted: &[(&str, u64, u64)]) -> String {
    let mut words = String::new();
    for (name, count, _) in wanted {
        let comma = if words.is_empty() { "" } else { ", " };
        // Writing to a String does not fail.
        let _ = write!(words, "{comma}{name} {count}");
    }
    words
}

/// The first ranges, as many as go in one go.
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
        object.note_needed(batch);
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
