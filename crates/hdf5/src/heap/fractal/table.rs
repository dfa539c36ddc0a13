//! The doubling table of a fractal heap (III.G): which block holds an offset.
//!
//! A table has `width` blocks in each row. Those of the first two rows have the starting size,
//! those of every further row twice that of the row before. Blocks up to the maximum direct size
//! hold objects; larger ones are indirect blocks, tables again.

use crate::cursor::Cursor;
use crate::error::Result;

/// libhdf5 allows no larger direct blocks.
const MAX_DIRECT: u64 = 1 << 31;

/// The creation parameters of a doubling table; checked, so that no offset overflows.
#[derive(Clone, Copy, Debug)]
pub(super) struct DoublingTable {
    /// Blocks in a row.
    width: u64,
    /// Bytes of a block in the first row.
    pub(super) start: u64,
    max_direct: u64,
    /// log2 of the size of the whole heap.
    heap_bits: u32,
}

/// A block, as its parent sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Number among the entries of the parent.
    pub(super) number: u64,
    /// Where it starts, from the start of the parent.
    pub(super) offset: u64,
    pub(super) shape: Shape,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// A direct block of so many bytes.
    Direct(u64),
    /// An indirect block of so many rows.
    Indirect(u32),
}

impl DoublingTable {
    /// Reads the four parameters.
    pub(super) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let width = u64::from(cursor.u16()?);
        let start = cursor.length()?;
        let max_direct = cursor.length()?;
        let heap_bits = u32::from(cursor.u16()?);
        let powers = [
            ("table width", width),
            ("starting block size", start),
            ("maximum direct block size", max_direct),
        ];
        for (what, value) in powers {
            if !value.is_power_of_two() {
                return Err(cursor.malformed(format!("{what} {value}, a power of two expected")));
            }
        }
        let table = Self {
            width,
            start,
            max_direct,
            heap_bits,
        };
        if !(1..=64).contains(&heap_bits) || table.first_row_bits() > heap_bits {
            return Err(cursor.malformed(format!(
                "heap of 2^{heap_bits} bytes, whose first row has {width} blocks of {start} bytes"
            )));
        }
        if max_direct > MAX_DIRECT {
            let what = format!("maximum direct block size {max_direct}");
            return Err(cursor.place().limit(what, MAX_DIRECT));
        }
        if max_direct < start {
            return Err(cursor.malformed(format!(
                "maximum direct block size {max_direct} is below the starting size {start}"
            )));
        }
        Ok(table)
    }

    /// log2 of the bytes of a row of starting size.
    fn first_row_bits(&self) -> u32 {
        self.start
            .trailing_zeros()
            .saturating_add(self.width.trailing_zeros())
    }

    /// Rows that the whole heap has.
    pub(super) fn max_rows(&self) -> u32 {
        let further = self.heap_bits.saturating_sub(self.first_row_bits());
        further.saturating_add(1)
    }

    /// Bytes in which an offset into the heap is written.
    pub(super) fn offset_width(&self) -> usize {
        usize::try_from(self.heap_bits.div_ceil(8)).unwrap_or(8)
    }

    /// Bytes in which an offset into a direct block is written.
    pub(super) fn direct_offset_width(&self) -> usize {
        usize::try_from(self.max_direct.trailing_zeros().div_ceil(8)).unwrap_or(8)
    }

    /// Entries of an indirect block of so many rows.
    pub(super) fn entries(&self, rows: u32) -> u64 {
        u64::from(rows).saturating_mul(self.width)
    }

    /// Entries of an indirect block of so many rows that are direct blocks.
    pub(super) fn direct_entries(&self, rows: u32) -> u64 {
        let doublings = self
            .max_direct
            .trailing_zeros()
            .saturating_sub(self.start.trailing_zeros());
        self.entries(rows.min(doublings.saturating_add(2)))
    }

    /// Size in bytes of each block in a row; rows count from 0.
    fn block_size(&self, row: u32) -> Option<u64> {
        let doublings = row.saturating_sub(1);
        let size = self.start.checked_shl(doublings)?;
        (size.checked_shr(doublings)? == self.start).then_some(size)
    }

    /// The block that holds byte `offset` of an indirect block of `rows` rows; `None` when
    /// that is past its end.
    pub(super) fn locate(&self, offset: u64, rows: u32) -> Option<Slot> {
        let first_row = self.start.checked_mul(self.width)?;
        let row = match offset.checked_div(first_row)?.checked_ilog2() {
            None => 0,
            Some(log) => log.checked_add(1)?,
        };
        if row >= rows {
            return None;
        }
        let row_start = match row.checked_sub(1) {
            None => 0,
            Some(doublings) => first_row.checked_shl(doublings)?,
        };
        let size = self.block_size(row)?;
        let column = offset.checked_sub(row_start)?.checked_div(size)?;
        let number = self.entries(row).checked_add(column)?;
        let offset = column.checked_mul(size)?.checked_add(row_start)?;
        let shape = if size <= self.max_direct {
            Shape::Direct(size)
        } else {
            // As many rows as together have that size; fewer than this table has.
            let size_bits = size.trailing_zeros();
            let further = size_bits.checked_sub(self.first_row_bits())?;
            Shape::Indirect(further.checked_add(1)?)
        };
        Some(Slot {
            number,
            offset,
            shape,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::address::Sizes;
    use crate::error::Place;

    fn parse(width: u16, start: u64, max_direct: u64, heap_bits: u16) -> Result<DoublingTable> {
        let mut bytes = width.to_le_bytes().to_vec();
        bytes.extend(start.to_le_bytes());
        bytes.extend(max_direct.to_le_bytes());
        bytes.extend(heap_bits.to_le_bytes());
        let place = Place::new("fractal heap header", 0);
        DoublingTable::parse(&mut Cursor::new(
            Bytes::from(bytes),
            Sizes::default(),
            place,
        ))
    }

    #[test]
    fn every_offset_lies_in_the_block_found_for_it() {
        // The parameters of dense groups in libhdf5, and some odd ones.
        for (width, start, max_direct) in [(4, 512, 65_536), (1, 8, 8), (16, 64, 512), (2, 1, 4)] {
            let table = parse(width, start, max_direct, 32).unwrap();
            // Lay the blocks out one after another and compare.
            let rows = 14;
            let (mut at, mut number) = (0, 0);
            for row in 0..rows {
                let size = start << (row.max(1) - 1);
                for _ in 0..width {
                    for offset in [at, at + size / 2, at + size - 1] {
                        let slot = table.locate(offset, rows).unwrap();
                        assert_eq!((slot.number, slot.offset), (number, at));
                        match slot.shape {
                            Shape::Direct(found) => assert_eq!(found, size),
                            Shape::Indirect(child) => {
                                assert!(size > max_direct && child < rows);
                                let last = table.locate(size - 1, child);
                                let room = last.map(|slot| slot.number + 1);
                                assert_eq!(room, Some(table.entries(child)));
                                assert_eq!(table.locate(size, child), None);
                            }
                        }
                    }
                    at += size;
                    number += 1;
                }
            }
            assert_eq!(table.locate(at, rows), None);
        }
    }

    #[test]
    fn the_largest_heap_does_not_overflow() {
        let table = parse(4, 512, 65_536, 64).unwrap();
        assert_eq!(table.max_rows(), 54);
        let last = table.locate(u64::MAX, table.max_rows()).unwrap();
        assert_eq!(last.number, 54 * 4 - 1);
        assert_eq!(table.offset_width(), 8);
        assert_eq!(table.direct_offset_width(), 2);
    }

    #[test]
    fn parameters_are_checked() {
        for bad in [
            (0, 512, 65_536, 32),
            (3, 512, 65_536, 32),
            (4, 0, 65_536, 32),
            (4, 500, 65_536, 32),
            (4, 512, 256, 32),
            (4, 512, 65_536, 0),
            (4, 512, 65_536, 10),
            (4, 512, 65_536, 65),
            (4, 512, 1 << 40, 64),
            (32_768, 1 << 63, 1 << 63, 64),
        ] {
            let (width, start, max_direct, heap_bits) = bad;
            assert!(
                parse(width, start, max_direct, heap_bits).is_err(),
                "{bad:?}"
            );
        }
    }
}
