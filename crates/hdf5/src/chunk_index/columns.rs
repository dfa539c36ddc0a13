//! Gathering chunks in the order in which they are found.

use super::Chunks;
use super::grid::Cells;
use crate::address::Address;
use crate::error::{Place, Result};
use crate::held::Held;
use crate::scan::Limits;

/// Bytes in memory for a chunk: three columns, and what growing and sorting them takes besides.
const CHUNK: u64 = 40;

/// Where an index says that a chunk is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) address: Address,
    /// In bytes.
    pub(crate) length: u64,
    pub(crate) filter_mask: u32,
}

/// The columns of [`Chunks`] under construction.
#[derive(Debug)]
pub(crate) struct Columns {
    place: Place,
    limit: u64,
    /// Bytes of the index read so far.
    read: u64,
    /// Chunks that memory was charged for.
    charged: u64,
    chunks: Chunks,
}

impl Columns {
    pub(crate) fn new(cells: &Cells, limits: Limits) -> Self {
        Self {
            place: cells.place,
            limit: limits.chunks,
            read: 0,
            charged: 0,
            chunks: Chunks {
                grid: cells.counts.clone(),
                ..Chunks::default()
            },
        }
    }

    /// Counts `bytes` of the index as read. Parts of a valid index don't overlap, so together
    /// they are no longer than the file; this bounds what overlapping ones can make of it.
    pub(crate) fn charge(&mut self, held: &Held, place: Place, bytes: u64) -> Result<()> {
        self.read = self.read.saturating_add(bytes);
        held.charge_parsed(place, bytes)?;
        match held.file_size {
            Some(size) if self.read > size => {
                Err(place.malformed("overlaps other parts of the chunk index"))
            }
            _ => Ok(()),
        }
    }

    /// Adds the chunk with this number in the grid, unless its address is undefined.
    pub(crate) fn push(&mut self, held: &Held, number: u64, stored: Stored) -> Result<()> {
        let Some(Address(address)) = stored.address.defined() else {
            return Ok(());
        };
        let count = u64::try_from(self.chunks.indices.len()).unwrap_or(u64::MAX);
        if count >= self.limit {
            return Err(self.place.limit("the number of chunks", self.limit));
        }
        if count >= self.charged {
            // As the columns grow: twofold, from one place to another.
            let more = self.charged.max(4);
            held.charge_memory(self.place, more.saturating_mul(CHUNK))?;
            self.charged = self.charged.saturating_add(more);
        }
        let offset = held.base.checked_add(address);
        let Some(offset) = offset.filter(|offset| offset.checked_add(stored.length).is_some())
        else {
            return Err(self.place.malformed(format!(
                "chunk {number}: {} bytes at {} overflow the address space",
                stored.length, stored.address
            )));
        };
        if stored.filter_mask != 0 {
            self.chunks.filter_masks.push((count, stored.filter_mask));
        }
        self.chunks.indices.push(number);
        self.chunks.offsets.push(offset);
        self.chunks.lengths.push(stored.length);
        Ok(())
    }

    /// The columns, ascending by number.
    pub(crate) fn finish(self) -> Result<Chunks> {
        let mut chunks = self.chunks;
        if !chunks.indices.is_sorted() {
            sort(&mut chunks);
        }
        let twice = chunks.indices.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        });
        match twice {
            Some(number) => Err(self
                .place
                .malformed(format!("chunk {number} is in the chunk index twice"))),
            None => Ok(chunks),
        }
    }
}

fn sort(chunks: &mut Chunks) {
    let indices = std::mem::take(&mut chunks.indices);
    let mut order: Vec<usize> = (0..indices.len()).collect();
    order.sort_by_key(|&at| indices.get(at).copied());
    chunks.indices = reorder(&indices, &order);
    drop(indices);
    chunks.offsets = reorder(&chunks.offsets, &order);
    chunks.lengths = reorder(&chunks.lengths, &order);
    if chunks.filter_masks.is_empty() {
        return;
    }
    let masks = std::mem::take(&mut chunks.filter_masks);
    for (to, from) in (0_u64..).zip(order) {
        let from = u64::try_from(from).unwrap_or(u64::MAX);
        let mask = masks.binary_search_by_key(&from, |&(at, _)| at);
        if let Some(&(_, mask)) = mask.ok().and_then(|at| masks.get(at)) {
            chunks.filter_masks.push((to, mask));
        }
    }
}

fn reorder(column: &[u64], order: &[usize]) -> Vec<u64> {
    order
        .iter()
        .filter_map(|&at| column.get(at).copied())
        .collect()
}
