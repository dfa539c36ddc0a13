//! Chunks gathered into the columns and cells of a picture.

use std::collections::BTreeMap;

/// Bytes of one variable by column of the file.
#[derive(Debug)]
pub(super) struct Lane {
    end: u64,
    bytes: Vec<u64>,
}

/// Columns that are equally full: from, up to but not including, and how full in quarters, 1 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) quarters: u8,
}

impl Lane {
    pub(super) fn new(end: u64, columns: usize) -> Self {
        Self {
            end: end.max(1),
            bytes: vec![0; columns],
        }
    }

    /// The first byte of a column.
    fn start(&self, column: usize) -> u64 {
        scaled(wide(column), self.end, wide(self.bytes.len()))
    }

    pub(super) fn add(&mut self, offset: u64, length: u64) {
        let last_byte = offset.saturating_add(length.max(1)) - 1;
        let first = column(offset, self.end, self.bytes.len());
        let last = column(last_byte, self.end, self.bytes.len());
        for column in first..=last {
            let from = self.start(column).max(offset);
            let to = self.start(column + 1).min(offset.saturating_add(length));
            if let Some(bytes) = self.bytes.get_mut(column) {
                // However little there is, it is seen.
                *bytes = bytes.saturating_add(to.saturating_sub(from).max(1));
            }
        }
    }

    /// The columns that hold anything, equally full neighbours together.
    pub(super) fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (column, bytes) in self
            .bytes
            .iter()
            .enumerate()
            .filter(|(_, bytes)| **bytes > 0)
        {
            let width = self
                .start(column + 1)
                .saturating_sub(self.start(column))
                .max(1);
            let quarters = scaled(*bytes, 4, width).clamp(1, 4);
            let quarters = u8::try_from(quarters).unwrap_or(4);
            match runs.last_mut() {
                Some(run) if run.to == column && run.quarters == quarters => run.to = column + 1,
                _ => runs.push(Run {
                    from: column,
                    to: column + 1,
                    quarters,
                }),
            }
        }
        runs
    }
}

/// Columns of the picture of sizes.
pub(super) const SIZE_COLUMNS: usize = 200;
/// Its rows: two for each power of 2 up to 2^40.
pub(super) const SIZE_ROWS: usize = 80;

/// For each place in the file and each size, the variable that has most chunks there.
#[derive(Debug)]
pub(super) struct SizeGrid {
    end: u64,
    /// By row (the logarithm of the size), column and variable.
    counts: BTreeMap<(usize, usize), BTreeMap<usize, u64>>,
}

/// A cell of the picture of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) variable: usize,
}

impl SizeGrid {
    pub(super) fn new(end: u64) -> Self {
        Self {
            end: end.max(1),
            counts: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, variable: usize, offset: u64, length: u64) {
        let row = row(length);
        let column = column(offset, self.end, SIZE_COLUMNS);
        let cell = self.counts.entry((row, column)).or_default();
        let count = cell.entry(variable).or_default();
        *count = count.saturating_add(1);
    }

    /// The smallest and the largest row that holds anything.
    pub(super) fn rows(&self) -> Option<(usize, usize)> {
        let (first, _) = self.counts.first_key_value()?;
        let (last, _) = self.counts.last_key_value()?;
        Some((first.0, last.0))
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Cell> {
        self.counts.iter().filter_map(|(&(row, column), counts)| {
            let most = counts.iter().max_by_key(|(_, count)| **count)?;
            Some(Cell {
                row,
                column,
                variable: *most.0,
            })
        })
    }
}

/// The row of a size: twice its logarithm to the base of 2.
fn row(length: u64) -> usize {
    let log = length.max(1).ilog2();
    // 2^(log + 1/2), near enough.
    let middle = (1_u64 << log) + (1_u64 << log) / 5 * 2;
    let row = usize::try_from(log).unwrap_or(0) * 2 + usize::from(length >= middle && log > 2);
    row.min(SIZE_ROWS - 1)
}

/// The column in which a byte lies.
fn column(offset: u64, end: u64, columns: usize) -> usize {
    let column = scaled(offset, wide(columns), end.max(1));
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    column.min(columns.saturating_sub(1))
}

pub(super) fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// `number * times / by`.
pub(super) fn scaled(number: u64, times: u64, by: u64) -> u64 {
    let product = u128::from(number) * u128::from(times);
    u64::try_from(product / u128::from(by.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_say_how_full_they_are() {
        let mut lane = Lane::new(1000, 10);
        lane.add(0, 100);
        lane.add(100, 100);
        lane.add(250, 100);
        lane.add(900, 1);
        let runs: Vec<_> = lane
            .runs()
            .iter()
            .map(|run| (run.from, run.to, run.quarters))
            .collect();
        assert_eq!(runs, [(0, 2, 4), (2, 4, 2), (9, 10, 1)]);
    }

    #[test]
    fn what_lies_past_the_end_is_drawn_at_the_end() {
        let mut lane = Lane::new(1000, 10);
        lane.add(u64::MAX, u64::MAX);
        lane.add(5000, 0);
        assert_eq!(lane.runs().len(), 1);
        assert_eq!(lane.runs()[0].from, 9);
        let mut sizes = SizeGrid::new(0);
        sizes.add(1, u64::MAX, u64::MAX);
        sizes.add(2, 0, 0);
        sizes.add(2, 0, 0);
        sizes.add(3, 0, 1);
        assert_eq!(sizes.rows(), Some((0, SIZE_ROWS - 1)));
        let first = sizes.cells().next().unwrap();
        assert_eq!((first.row, first.column, first.variable), (0, 0, 2));
    }
}
