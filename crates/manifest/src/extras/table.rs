//! Chunk tables as columns.

use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::column::{Budget, Column, Packed};
use crate::chunk_table::{ChunkRef, ChunkTable, ChunkTableBuilder};
use crate::location::LocationId;

/// A chunk table as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct WrittenTable {
    grid: Vec<u64>,
    /// How many chunks lie in objects.
    count: u64,
    /// Their numbers; not there where they are 0, 1, 2, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numbers: Option<Column>,
    locations: Column,
    offsets: Column,
    lengths: Column,
    /// Chunks that are whole objects, whose offsets and lengths are zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<Marked>,
    /// Filter masks that are not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter_masks: Option<Marked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inline: Option<Inline>,
}

/// Some chunks, and a number for each.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Marked {
    count: u64,
    numbers: Column,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Column>,
}

/// Chunks that lie in the table. Equal ones share their data.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Inline {
    count: u64,
    numbers: Column,
    /// Which of the data each is.
    data: Column,
    /// The lengths of the data.
    lengths: Vec<u64>,
    /// All data, one after the other.
    bytes: Packed,
}

impl WrittenTable {
    pub(crate) fn new(table: &ChunkTable) -> Self {
        let (mut numbers, mut locations) = (Vec::new(), Vec::new());
        let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
        let mut whole = Vec::new();
        let mut inline = InlineBuilder::default();
        for (number, chunk) in table {
            let (location, offset, length) = match chunk {
                ChunkRef::Range {
                    location,
                    offset,
                    length,
                } => (location, offset, length),
                ChunkRef::Whole { location } => {
                    whole.push(number);
                    (location, 0, 0)
                }
                ChunkRef::Inline(data) => {
                    inline.push(number, data);
                    continue;
                }
            };
            numbers.push(number);
            locations.push(u64::from(location.0));
            offsets.push(offset);
            lengths.push(length);
        }
        let is_counted = (0..).zip(&numbers).all(|(row, number)| row == *number);
        let masks = table.filter_masks();
        Self {
            grid: table.grid().to_vec(),
            count: count(numbers.len()),
            numbers: (!is_counted).then(|| Column::new(&numbers)),
            locations: Column::new(&locations),
            offsets: Column::new(&offsets),
            lengths: Column::new(&lengths),
            whole: (!whole.is_empty()).then(|| Marked {
                count: count(whole.len()),
                numbers: Column::new(&whole),
                values: None,
            }),
            filter_masks: (!masks.is_empty()).then(|| {
                let (numbers, masks): (Vec<u64>, Vec<u64>) = masks
                    .iter()
                    .map(|(number, mask)| (*number, u64::from(*mask)))
                    .unzip();
                Marked {
                    count: count(numbers.len()),
                    numbers: Column::new(&numbers),
                    values: Some(Column::new(&masks)),
                }
            }),
            inline: inline.finish(),
        }
    }

    /// The table, all of whose locations are below `locations`.
    pub(crate) fn read(self, locations: usize, budget: &mut Budget) -> Result<ChunkTable, String> {
        let numbers = if let Some(numbers) = self.numbers {
            numbers.numbers(self.count, budget)?
        } else {
            // A column as long as the others.
            budget.charge(self.count.saturating_mul(8))?;
            (0..self.count).collect()
        };
        let ids = self.locations.numbers(self.count, budget)?;
        let offsets = self.offsets.numbers(self.count, budget)?;
        let lengths = self.lengths.numbers(self.count, budget)?;
        let whole = match self.whole {
            Some(whole) => whole.numbers.numbers(whole.count, budget)?,
            None => Vec::new(),
        };
        let inline = match self.inline {
            Some(inline) => inline.read(budget)?,
            None => Vec::new(),
        };
        let mut table = ChunkTableBuilder::new(self.grid);
        let mut whole = whole.into_iter().peekable();
        let mut inline = inline.into_iter().peekable();
        let mut add = |number, chunk: ChunkRef<'_>| {
            table
                .push_chunk(number, chunk)
                .map_err(|error| error.to_string())
        };
        let places = ids.into_iter().zip(offsets.into_iter().zip(lengths));
        for (number, (id, (offset, length))) in numbers.into_iter().zip(places) {
            while let Some((before, data)) = inline.next_if(|(inline, _)| *inline < number) {
                add(before, ChunkRef::Inline(&data))?;
            }
            let location = location(id, locations)?;
            if offset.checked_add(length).is_none() {
                return Err(format!(
                    "chunk {number}: {length} bytes at {offset} end past 2^64 - 1"
                ));
            }
            let chunk = match whole.next_if_eq(&number) {
                Some(_) => ChunkRef::Whole { location },
                None => ChunkRef::Range {
                    location,
                    offset,
                    length,
                },
            };
            add(number, chunk)?;
        }
        for (number, data) in inline {
            add(number, ChunkRef::Inline(&data))?;
        }
        if let Some(number) = whole.next() {
            return Err(format!("chunk {number} is a whole object, but not there"));
        }
        let table = table.finish();
        let Some(masks) = self.filter_masks else {
            return Ok(table);
        };
        let numbers = masks.numbers.numbers(masks.count, budget)?;
        let values = masks.values.ok_or("filter masks without values")?;
        let values = values.numbers(masks.count, budget)?;
        let masks: Vec<(u64, u32)> = numbers
            .into_iter()
            .zip(values)
            .map(|(number, mask)| {
                let mask = u32::try_from(mask);
                Ok((number, mask.map_err(|_| "a filter mask past 2^32 - 1")?))
            })
            .collect::<Result<_, &str>>()?;
        let table = table.with_filter_masks(masks);
        table.map_err(|error| error.to_string())
    }
}

/// A location that is there.
pub(crate) fn location(id: u64, locations: usize) -> Result<LocationId, String> {
    u32::try_from(id)
        .ok()
        .filter(|_| usize::try_from(id).is_ok_and(|id| id < locations))
        .map(LocationId)
        .ok_or_else(|| format!("location {id} of {locations}"))
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// Inline chunks on their way into a table.
#[derive(Default)]
struct InlineBuilder {
    numbers: Vec<u64>,
    data: Vec<u64>,
    lengths: Vec<u64>,
    bytes: Vec<u8>,
    known: HashMap<Bytes, u64>,
}

impl InlineBuilder {
    fn push(&mut self, number: u64, data: &Bytes) {
        let next = count(self.lengths.len());
        let which = *self.known.entry(data.clone()).or_insert(next);
        if which == next {
            self.lengths.push(count(data.len()));
            self.bytes.extend_from_slice(data);
        }
        self.numbers.push(number);
        self.data.push(which);
    }

    fn finish(self) -> Option<Inline> {
        (!self.numbers.is_empty()).then(|| Inline {
            count: count(self.numbers.len()),
            numbers: Column::new(&self.numbers),
            data: Column::new(&self.data),
            lengths: self.lengths,
            bytes: Packed::new(self.bytes),
        })
    }
}

impl Inline {
    fn read(self, budget: &mut Budget) -> Result<Vec<(u64, Bytes)>, String> {
        let total = self
            .lengths
            .iter()
            .try_fold(0_u64, |total, length| total.checked_add(*length))
            .ok_or("inline chunks of more than 2^64 - 1 bytes")?;
        let mut rest = self.bytes.unpack(total, budget)?;
        let mut pieces = Vec::with_capacity(self.lengths.len());
        for length in &self.lengths {
            let length = usize::try_from(*length).map_err(|error| error.to_string())?;
            if length > rest.len() {
                return Err("inline chunks longer than their bytes".to_owned());
            }
            pieces.push(rest.split_to(length));
        }
        // Each takes 40 bytes of its own.
        budget.charge(self.count.saturating_mul(40))?;
        let numbers = self.numbers.numbers(self.count, budget)?;
        let data = self.data.numbers(self.count, budget)?;
        let chunks = numbers.into_iter().zip(data);
        chunks
            .map(|(number, which)| {
                let piece = usize::try_from(which).ok().and_then(|at| pieces.get(at));
                let piece = piece.ok_or_else(|| format!("inline data {which} is not there"))?;
                Ok((number, piece.clone()))
            })
            .collect()
    }
}
