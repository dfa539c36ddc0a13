//! Tables appended along an axis.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

use super::{ChunkTable, ChunkTableBuilder, ChunkTableIter};
use crate::chunk_grid::cell_count;
use crate::error::{Error, Result};

impl ChunkTable {
    /// The chunks of tables that follow one another along an axis of a grid: for each how many
    /// chunks long it is along the axis, and the table, `None` where all of these are absent.
    ///
    /// # Errors
    /// When the tables do not fill the grid, or one is larger than its part of it.
    pub fn join<'a>(
        grid: Vec<u64>,
        axis: usize,
        tables: impl IntoIterator<Item = (u64, Option<&'a Self>)>,
    ) -> Result<Self> {
        let inner = axis
            .checked_add(1)
            .and_then(|next| cell_count(grid.get(next..)?));
        let whole = grid.get(axis).copied();
        let too_large = || Error::GridTooLarge { grid: grid.clone() };
        let (Some(inner), Some(whole), Some(_)) = (inner, whole, cell_count(&grid)) else {
            return Err(too_large());
        };
        let run = |chunks: u64| chunks.checked_mul(inner).ok_or_else(too_large);
        let mut parts = Vec::new();
        let mut first = 0_u64;
        for (chunks, table) in tables {
            if let Some(table) = table {
                let mut expected = grid.clone();
                if let Some(along) = expected.get_mut(axis) {
                    *along = chunks;
                }
                if table.grid != expected {
                    return Err(Error::Concat {
                        reason: format!("a chunk grid {:?}, expected {expected:?}", table.grid),
                    });
                }
                parts.push(Part {
                    chunks: table.iter().peekable(),
                    own_run: run(chunks)?,
                    whole_run: run(whole)?,
                    before: run(first)?,
                    table,
                });
            }
            first = first.checked_add(chunks).ok_or_else(too_large)?;
        }
        if first != whole {
            return Err(Error::Concat {
                reason: format!("{first} chunks along axis {axis}, expected {whole}"),
            });
        }
        interleave(grid, parts)
    }
}

/// The chunks of all parts in C order of the whole grid: the parts take turns at each place along
/// the axes before the joined one.
fn interleave(grid: Vec<u64>, mut parts: Vec<Part<'_>>) -> Result<ChunkTable> {
    let mut table = ChunkTableBuilder::new(grid);
    let mut masks = Vec::new();
    let mut turns: BinaryHeap<_> = parts
        .iter_mut()
        .enumerate()
        .filter_map(|(number, part)| Some(Reverse((part.turn()?, number))))
        .collect();
    while let Some(Reverse((turn, number))) = turns.pop() {
        let Some(part) = parts.get_mut(number) else {
            continue;
        };
        while part.turn() == Some(turn) {
            let Some((index, chunk)) = part.chunks.next() else {
                break;
            };
            let whole = part.whole_number(index).unwrap_or(u64::MAX);
            table.push_chunk(whole, chunk)?;
            match part.table.filter_mask(index) {
                0 => {}
                mask => masks.push((whole, mask)),
            }
        }
        if let Some(turn) = part.turn() {
            turns.push(Reverse((turn, number)));
        }
    }
    table.finish().with_filter_masks(masks)
}

/// One table on its way into the whole.
struct Part<'a> {
    table: &'a ChunkTable,
    chunks: Peekable<ChunkTableIter<'a>>,
    /// Chunks of this part at one place along the axes before the joined one.
    own_run: u64,
    /// The same of the whole.
    whole_run: u64,
    /// Chunks of earlier parts in such a run.
    before: u64,
}

impl Part<'_> {
    /// The place of the next chunk along the axes before the joined one.
    fn turn(&mut self) -> Option<u64> {
        let (index, _) = self.chunks.peek()?;
        index.checked_div(self.own_run)
    }

    fn whole_number(&self, index: u64) -> Option<u64> {
        let turn = index.checked_div(self.own_run)?;
        let within = index.checked_rem(self.own_run)?;
        turn.checked_mul(self.whole_run)?
            .checked_add(self.before)?
            .checked_add(within)
    }
}
