//! Serialized dataspace selections, as the mappings of virtual datasets hold them.
//!
//! | bytes | field |
//! |---|---|
//! | 4 | type: 0 none, 1 points, 2 hyperslabs, 3 all |
//! | 4 | version |
//! | … | none and all, version 1: 8 reserved |
//! | … | points, version 1: 8 reserved; rank, count, coordinates, 4 each |
//! | … | points, version 2: width (1), rank (4), count and coordinates of that width |
//! | … | hyperslabs, version 1: 8 reserved; rank, count, first and last corner of each block, 4 each |
//! | … | hyperslabs, version 2: flags (1), 4 reserved, rank (4), numbers of 8 bytes |
//! | … | hyperslabs, version 3: flags (1), width (1), rank (4), numbers of that width |
//!
//! The numbers of hyperslabs are start, stride, count and block of each axis if bit 0 of the flags
//! is set; else a count and the corners of so many blocks. All bits of a count or a block stand for
//! unlimited.

use crate::cursor::Cursor;
use crate::dataspace::MAX_RANK;
use crate::error::Result;

/// Elements of a dataspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// None.
    None,
    /// All, whatever the extent.
    All,
    /// Single elements, in the order given; the coordinates of one after those of the other.
    Points {
        /// Number of axes.
        rank: usize,
        /// Coordinates.
        coordinates: Vec<u64>,
    },
    /// Blocks at equal distances: one hyperslab for each axis.
    Regular(Vec<Hyperslab>),
    /// The union of blocks.
    Irregular {
        /// Number of axes.
        rank: usize,
        /// For each block its first corner, then its last (which is part of it).
        corners: Vec<u64>,
    },
}

/// What a regular selection takes of one axis, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hyperslab {
    /// The first element.
    pub start: u64,
    /// From the start of one block to that of the next.
    pub stride: u64,
    /// How many blocks; `None` for unlimited.
    pub count: Option<u64>,
    /// Elements of a block; `None` for unlimited.
    pub block: Option<u64>,
}

/// Numbers are encoded in so many bytes.
#[derive(Clone, Copy)]
struct Width(usize);

impl Width {
    fn parse(cursor: &mut Cursor) -> Result<Self> {
        match cursor.u8()? {
            width @ (2 | 4 | 8) => Ok(Self(usize::from(width))),
            other => Err(cursor.malformed(format!(
                "numbers of {other} bytes in a selection, 2, 4 or 8 expected"
            ))),
        }
    }

    fn number(self, cursor: &mut Cursor) -> Result<u64> {
        cursor.uint(self.0)
    }

    fn limit(self, cursor: &mut Cursor) -> Result<Option<u64>> {
        let unlimited = cursor.peek(self.0).iter().all(|byte| *byte == u8::MAX);
        let number = self.number(cursor)?;
        Ok((!unlimited).then_some(number))
    }
}

impl Selection {
    /// Reads a selection; bytes may follow it.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let kind = cursor.u32()?;
        let version = cursor.u32()?;
        match (kind, version) {
            (0, 1) => cursor.skip(8).map(|()| Self::None),
            (3, 1) => cursor.skip(8).map(|()| Self::All),
            (1, 1 | 2) => points(cursor, version),
            (2, 1..=3) => hyperslabs(cursor, version),
            (0..=3, other) => Err(cursor
                .place()
                .unsupported(format!("version {other} of a selection of type {kind}"))),
            _ => Err(cursor.place().unsupported(format!("selection type {kind}"))),
        }
    }

    /// The number of axes; `None` where the selection is of any.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Self::None | Self::All => None,
            Self::Points { rank, .. } | Self::Irregular { rank, .. } => Some(*rank),
            Self::Regular(axes) => Some(axes.len()),
        }
    }

    /// The axis along which it is unlimited.
    pub fn unlimited(&self) -> Option<usize> {
        let Self::Regular(axes) = self else {
            return None;
        };
        axes.iter()
            .position(|axis| axis.count.is_none() || axis.block.is_none())
    }
}

fn rank(cursor: &mut Cursor) -> Result<usize> {
    let rank = usize::try_from(cursor.u32()?).unwrap_or(usize::MAX);
    if rank == 0 || rank > MAX_RANK {
        return Err(cursor.malformed(format!(
            "a selection of rank {rank}, 1 to {MAX_RANK} expected"
        )));
    }
    Ok(rank)
}

/// A count of things that take `numbers` numbers each, and those numbers.
fn counted(cursor: &mut Cursor, width: Width, numbers: usize) -> Result<Vec<u64>> {
    let count = width.number(cursor)?;
    let total = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(numbers))
        // What is not there is not made room for.
        .filter(|total| {
            total
                .checked_mul(width.0)
                .is_some_and(|bytes| bytes <= cursor.remaining())
        });
    let Some(total) = total else {
        return Err(cursor.malformed(format!(
            "a selection of {count} parts, and {} bytes are left",
            cursor.remaining()
        )));
    };
    (0..total).map(|_| width.number(cursor)).collect()
}

fn points(cursor: &mut Cursor, version: u32) -> Result<Selection> {
    let width = if version == 1 {
        cursor.skip(8)?;
        Width(4)
    } else {
        Width::parse(cursor)?
    };
    let rank = rank(cursor)?;
    let coordinates = counted(cursor, width, rank)?;
    Ok(Selection::Points { rank, coordinates })
}

fn hyperslabs(cursor: &mut Cursor, version: u32) -> Result<Selection> {
    let (regular, width) = match version {
        1 => {
            cursor.skip(8)?;
            (false, Width(4))
        }
        version => {
            let flags = cursor.u8()?;
            if flags > 1 {
                return Err(cursor
                    .place()
                    .unsupported(format!("flags {flags:#x} of a hyperslab selection")));
            }
            let width = if version == 2 {
                cursor.skip(4)?;
                Width(8)
            } else {
                Width::parse(cursor)?
            };
            (flags == 1, width)
        }
    };
    let rank = rank(cursor)?;
    if !regular {
        let corners = counted(cursor, width, rank.saturating_mul(2))?;
        for block in corners.chunks_exact(rank.saturating_mul(2).max(1)) {
            let (first, last) = block.split_at_checked(rank).unwrap_or_default();
            if first.iter().zip(last).any(|(first, last)| first > last) {
                return Err(
                    cursor.malformed(format!("a block from {first:?} to {last:?} in a selection"))
                );
            }
        }
        return Ok(Selection::Irregular { rank, corners });
    }
    let axes = (0..rank)
        .map(|_| hyperslab(cursor, width))
        .collect::<Result<Vec<_>>>()?;
    let selection = Selection::Regular(axes);
    check_regular(cursor, &selection)?;
    Ok(selection)
}

fn hyperslab(cursor: &mut Cursor, width: Width) -> Result<Hyperslab> {
    Ok(Hyperslab {
        start: width.number(cursor)?,
        stride: width.number(cursor)?,
        count: width.limit(cursor)?,
        block: width.limit(cursor)?,
    })
}

/// What `H5Sselect_hyperslab` would not have made.
fn check_regular(cursor: &Cursor, selection: &Selection) -> Result<()> {
    let Selection::Regular(axes) = selection else {
        return Ok(());
    };
    let mut unlimited = 0_u32;
    for axis in axes {
        let sound = match (axis.count, axis.block) {
            (None, None) => false,
            (Some(count), Some(block)) => count <= 1 || axis.stride >= block.max(1),
            (None, Some(block)) => axis.stride >= block.max(1),
            (Some(count), None) => count == 1,
        };
        if axis.count.is_none() || axis.block.is_none() {
            unlimited = unlimited.saturating_add(1);
        }
        let last = match (axis.count, axis.block) {
            (Some(count), Some(block)) => count
                .saturating_sub(1)
                .checked_mul(axis.stride)
                .and_then(|span| span.checked_add(block)?.checked_add(axis.start)),
            _ => Some(axis.start),
        };
        if !sound || last.is_none() {
            return Err(cursor.malformed(format!("{axis:?} in a selection")));
        }
    }
    if unlimited > 1 {
        return Err(cursor.malformed("a selection unlimited along several axes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::{cursor, never_panics, parse_whole};

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn reads_none_and_all() {
        for (kind, selection) in [(0, Selection::None), (3, Selection::All)] {
            let bytes = words(&[kind, 1, 0, 0]);
            assert_eq!(parse_whole(&bytes, Selection::parse), selection);
            never_panics(&bytes, Selection::parse);
        }
    }

    #[test]
    fn reads_points_of_both_versions() {
        let expected = Selection::Points {
            rank: 2,
            coordinates: vec![1, 2, 3, 4],
        };
        let first = words(&[1, 1, 0, 0, 2, 2, 1, 2, 3, 4]);
        assert_eq!(parse_whole(&first, Selection::parse), expected);
        let mut second = words(&[1, 2]);
        second.push(2);
        second.extend(words(&[2]));
        second.extend([2_u16, 1, 2, 3, 4].iter().flat_map(|n| n.to_le_bytes()));
        assert_eq!(parse_whole(&second, Selection::parse), expected);
        never_panics(&second, Selection::parse);
    }

    #[test]
    fn reads_hyperslabs_of_all_versions() {
        let blocks = words(&[2, 1, 0, 0, 1, 2, 0, 1, 4, 9]);
        let expected = Selection::Irregular {
            rank: 1,
            corners: vec![0, 1, 4, 9],
        };
        assert_eq!(parse_whole(&blocks, Selection::parse), expected);

        let mut second = words(&[2, 2]);
        second.push(1);
        second.extend(words(&[0, 1]));
        second.extend([3, 5, u64::MAX, 2].iter().flat_map(|n| n.to_le_bytes()));
        let slab = Hyperslab {
            start: 3,
            stride: 5,
            count: None,
            block: Some(2),
        };
        let regular = Selection::Regular(vec![slab]);
        assert_eq!(parse_whole(&second, Selection::parse), regular);
        assert_eq!(regular.unlimited(), Some(0));

        let mut third = words(&[2, 3]);
        third.extend([1, 2]);
        third.extend(words(&[1]));
        third.extend([3, 5, u16::MAX, 2].iter().flat_map(|n| n.to_le_bytes()));
        assert_eq!(parse_whole(&third, Selection::parse), regular);
        never_panics(&third, Selection::parse);

        let mut irregular = words(&[2, 3]);
        irregular.extend([0, 2]);
        irregular.extend(words(&[1]));
        irregular.extend([2_u16, 0, 1, 4, 9].iter().flat_map(|n| n.to_le_bytes()));
        assert_eq!(parse_whole(&irregular, Selection::parse), expected);
        never_panics(&irregular, Selection::parse);
    }

    #[test]
    fn absurd_counts_are_not_made_room_for() {
        let blocks = words(&[2, 1, 0, 0, 1, u32::MAX, 0, 1]);
        let error = Selection::parse(&mut cursor(&blocks)).unwrap_err();
        assert!(!error.is_unsupported(), "{error}");
    }

    #[test]
    fn refuses_what_no_writer_makes() {
        // Blocks that overlap, two unlimited lengths, an end past 2^64, a block that ends before
        // it starts, no axes.
        let regular = |numbers: [u64; 4]| {
            let mut bytes = words(&[2, 2]);
            bytes.push(1);
            bytes.extend(words(&[0, 1]));
            bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
            bytes
        };
        for bytes in [
            regular([0, 1, 2, 3]),
            regular([0, 0, 2, 1]),
            regular([0, 1, u64::MAX, u64::MAX]),
            regular([u64::MAX, 1, 1, 1]),
            words(&[2, 1, 0, 0, 1, 1, 5, 4]),
            words(&[2, 1, 0, 0, 0, 0]),
        ] {
            let error = Selection::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(!error.is_unsupported(), "{error}");
        }
        for bytes in [words(&[3, 2, 0, 0]), words(&[4, 1, 0, 0]), words(&[2, 4])] {
            let error = Selection::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(error.is_unsupported(), "{error}");
        }
    }
}
