//! The bytes that have been supplied and are still wanted.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::address::{Address, Sizes};
use crate::cursor::Cursor;
use crate::decode::Decode;
use crate::error::{Error, Place, Result};
use crate::scan::Limits;
use crate::superblock::GroupNodes;

/// Why a step stopped short.
#[derive(Debug)]
pub(crate) enum Stop {
    /// These bytes of the file (absolute) must be held before the step is tried again.
    /// They cover all that the step reads, also what it has already read.
    Need(Range<u64>),
    /// The file is at fault.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What a restartable step gives: a value, or why it can't go on yet.
pub(crate) type Step<T> = std::result::Result<T, Stop>;

/// Blocks of the file, by absolute offset; none overlap.
#[derive(Debug, Default)]
pub(crate) struct Held {
    blocks: BTreeMap<u64, Bytes>,
    /// Offsets of the blocks that stand in for bytes of the file, see [`Held::lay_over`].
    laid: HashSet<u64>,
    /// Added to every [`Address`] to get an offset in the file.
    pub(crate) base: u64,
    /// Size of the file, once known.
    pub(crate) file_size: Option<u64>,
    pub(crate) sizes: Sizes,
    pub(crate) group_nodes: GroupNodes,
    pub(crate) limits: Limits,
    pub(crate) decoder: Option<Arc<dyn Decode>>,
    /// Bytes of structures read so far, for [`Held::charge_parsed`].
    parsed: AtomicU64,
    /// Bytes allocated for what was read so far, for [`Held::charge_memory`].
    memory: AtomicU64,
    /// What structures have read of the file, if that is to be known.
    used: Option<Mutex<Vec<Range<u64>>>>,
}

fn lock(used: &Mutex<Vec<Range<u64>>>) -> MutexGuard<'_, Vec<Range<u64>>> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a range; they are joined now and then, as many are read more than once.
fn note(used: &Mutex<Vec<Range<u64>>>, range: Range<u64>) {
    let mut used = lock(used);
    if used.len() == used.capacity() {
        let all = std::mem::take(&mut *used);
        *used = apart(all);
        let room = used.len().max(1024);
        used.reserve(room);
    }
    used.push(range);
}

/// Sorts ranges and joins those that touch.
pub(crate) fn apart(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut out: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

impl Held {
    /// A place for errors about the structure at `address`.
    pub(crate) fn place(&self, structure: &'static str, address: Address) -> Place {
        Place::new(structure, self.base.saturating_add(address.0))
    }

    /// A cursor over the `length` bytes at `address`; [`Stop::Need`] when they are not held.
    pub(crate) fn cursor(
        &self,
        structure: &'static str,
        address: Address,
        length: u64,
    ) -> Step<Cursor> {
        self.cursor_with_hint(structure, address, length, length)
    }

    /// As [`Held::cursor`], but when the bytes are not held asks for `hint` bytes (cut at the
    /// end of the file). Gives `length` bytes, as more would have to be joined over and over.
    pub(crate) fn cursor_with_hint(
        &self,
        structure: &'static str,
        address: Address,
        length: u64,
        hint: u64,
    ) -> Step<Cursor> {
        let place = self.place(structure, address);
        if address == Address::UNDEFINED {
            return Err(place.malformed("address is undefined").into());
        }
        let start = self.base.checked_add(address.0);
        let end = start.and_then(|start| start.checked_add(length));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(place
                .malformed(format!("{length} bytes overflow the address space"))
                .into());
        };
        if let Some(file_size) = self.file_size
            && end > file_size
        {
            let (structure, at) = (place.structure, place.at);
            return Err(Error::Truncated {
                structure,
                at,
                end,
                file_size,
            }
            .into());
        }
        if let Some(bytes) = self.get(start..end) {
            if let Some(used) = &self.used {
                note(used, start..end);
            }
            return Ok(Cursor::new(bytes, self.sizes, place));
        }
        let mut hinted = start.saturating_add(hint).max(end);
        if let Some(file_size) = self.file_size {
            hinted = hinted.min(file_size);
        }
        Err(Stop::Need(start..hinted))
    }

    /// The bytes of an absolute range, if all are held; joined when they lie in several blocks.
    pub(crate) fn get(&self, range: Range<u64>) -> Option<Bytes> {
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        if length == 0 {
            return Some(Bytes::new());
        }
        let (&first, _) = self.blocks.range(..=range.start).next_back()?;
        let mut joined: Option<BytesMut> = None;
        let mut position = range.start;
        for (&offset, block) in self.blocks.range(first..range.end) {
            let skip = usize::try_from(position.checked_sub(offset)?).ok()?;
            let missing = usize::try_from(range.end.checked_sub(position)?).ok()?;
            let end = skip.saturating_add(missing).min(block.len());
            if skip >= end {
                return None;
            }
            let part = block.slice(skip..end);
            if joined.is_none() && part.len() == length {
                return Some(part);
            }
            position = position.checked_add(u64::try_from(part.len()).ok()?)?;
            joined
                .get_or_insert_with(|| BytesMut::with_capacity(length.min(1 << 20)))
                .extend_from_slice(&part);
        }
        (position == range.end).then(|| joined.unwrap_or_default().freeze())
    }

    /// Adds bytes; those that are held already stay as they are.
    pub(crate) fn insert(&mut self, offset: u64, bytes: Bytes) {
        let length = u64::try_from(bytes.len()).ok();
        let Some(end) = length.and_then(|length| offset.checked_add(length)) else {
            return;
        };
        let gaps = self.missing(offset..end);
        if gaps.first() == Some(&(offset..end)) {
            self.blocks.insert(offset, bytes);
            return;
        }
        for gap in gaps {
            let from = usize::try_from(gap.start.saturating_sub(offset)).unwrap_or(usize::MAX);
            let to = usize::try_from(gap.end.saturating_sub(offset)).unwrap_or(usize::MAX);
            if from < to && to <= bytes.len() {
                self.blocks.insert(gap.start, bytes.slice(from..to));
            }
        }
    }

    /// The parts of `range` that are not held.
    pub(crate) fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        let mut position = range.start;
        let first = self
            .blocks
            .range(..=range.start)
            .next_back()
            .map_or(range.start, |(&at, _)| at);
        for (&offset, block) in self.blocks.range(first..range.end) {
            let end = offset.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
            if end <= position {
                continue;
            }
            if offset > position {
                missing.push(position..offset);
            }
            position = end;
        }
        if position < range.end {
            missing.push(position..range.end);
        }
        missing
    }

    /// Puts these in place of the file's own bytes, for good: none of them are wanted any more.
    /// They are apart. All else that is held is dropped, as it may be what they replace.
    pub(crate) fn lay_over(&mut self, entries: Vec<(u64, Bytes)>) {
        self.laid = entries.iter().map(|&(offset, _)| offset).collect();
        self.blocks = entries.into_iter().collect();
    }

    /// Drops every block that shares no byte with `wants`, which are sorted and apart.
    pub(crate) fn retain(&mut self, wants: &[Range<u64>]) {
        self.blocks.retain(|&offset, block| {
            let end = offset.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
            let next = wants.partition_point(|want| want.end <= offset);
            self.laid.contains(&offset) || wants.get(next).is_some_and(|want| want.start < end)
        });
    }

    /// Counts the `length` bytes of the structure at `place`, once it is read. Structures of a
    /// valid file lie apart, so together they take no more than the file has (a few times that,
    /// as some are read for several purposes). This bounds the work that overlapping ones cause.
    pub(crate) fn charge_parsed(&self, place: Place, length: u64) -> Result<()> {
        const TIMES: u64 = 4;
        let parsed = self.parsed.fetch_add(length, Ordering::Relaxed);
        match self.file_size {
            Some(size) if parsed.saturating_add(length) > size.saturating_mul(TIMES) => Err(place
                .malformed(format!(
                    "overlaps other structures: all together take over {TIMES} times the {size} \
                     bytes of the file"
                ))),
            _ => Ok(()),
        }
    }

    /// Begins to note what is read of the file.
    pub(crate) fn note_used(&mut self) {
        self.used = Some(Mutex::default());
    }

    /// Takes what was read of the file, sorted and apart.
    pub(crate) fn take_used(&self) -> Vec<Range<u64>> {
        let used = self.used.as_ref();
        let used = used.map(|used| std::mem::take(&mut *lock(used)));
        apart(used.unwrap_or_default())
    }

    /// Counts `bytes` that are about to be allocated because of the structure at `place`, against
    /// what [`Limits`] allow for a file of this size.
    pub(crate) fn charge_memory(&self, place: Place, bytes: u64) -> Result<()> {
        let before = self.memory.fetch_add(bytes, Ordering::Relaxed);
        let Some(size) = self.file_size else {
            return Ok(());
        };
        let limit = size
            .saturating_mul(self.limits.memory_per_byte)
            .saturating_add(self.limits.memory);
        if before.saturating_add(bytes) > limit {
            return Err(place.limit("memory for what the file holds", limit));
        }
        Ok(())
    }

    /// Takes back what was charged for bytes that are not kept.
    pub(crate) fn refund_memory(&self, bytes: u64) {
        self.memory.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Begins to count anew, for what is asked for after a scan.
    pub(crate) fn forget_charges(&self) {
        self.parsed.store(0, Ordering::Relaxed);
        self.memory.store(0, Ordering::Relaxed);
    }

    /// Fails when `length` could not lie in the file, before anything is allocated for it.
    pub(crate) fn check_size(&self, place: Place, length: u64) -> Result<()> {
        match self.file_size {
            Some(size) if length > size => {
                Err(place.malformed(format!("claims {length} bytes, the whole file has {size}")))
            }
            _ => Ok(()),
        }
    }
}
