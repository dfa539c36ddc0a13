//! The dataspace message (IV.A.2.b), versions 1 and 2.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version |
//! | 1 | rank |
//! | 1 | flags: bit 0, greatest lengths are stored; bit 1 (version 1), a permutation is |
//! | 5 or 1 | reserved (version 1); 0 scalar, 1 simple, 2 null (version 2) |
//! | lengths, per axis | current length |
//! | lengths, per axis | greatest length; all bits set for unlimited |

use crate::cursor::Cursor;
use crate::error::Result;

/// Greatest number of axes (`H5S_MAX_RANK`).
pub(crate) const MAX_RANK: usize = 32;

/// The extent of a dataset or an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dataspace {
    /// One element.
    Scalar,
    /// A grid of elements.
    Simple {
        /// Current lengths of the axes.
        shape: Vec<u64>,
        /// Greatest lengths; `None` per axis for unlimited. Equal to `shape` when not stored.
        max_shape: Vec<Option<u64>>,
    },
    /// No element at all.
    Null,
}

impl Dataspace {
    /// Reads a dataspace message; bytes may follow it.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        let version = cursor.u8()?;
        let rank = usize::from(cursor.u8()?);
        let flags = cursor.u8()?;
        if rank > MAX_RANK {
            return Err(cursor.malformed(format!("rank {rank}, at most {MAX_RANK} expected")));
        }
        let class = match version {
            1 => {
                cursor.skip(5)?;
                u8::from(rank > 0)
            }
            2 => cursor.u8()?,
            other => {
                return Err(cursor
                    .place()
                    .unsupported(format!("dataspace version {other}")));
            }
        };
        match (class, rank) {
            (0 | 1, 0) => Ok(Self::Scalar),
            (2, 0) => Ok(Self::Null),
            (1, _) => Self::simple(cursor, rank, flags),
            (0 | 2, _) => Err(cursor.malformed(format!(
                "scalar or null dataspace has rank {rank}, 0 expected"
            ))),
            (other, _) => Err(cursor
                .place()
                .unsupported(format!("dataspace type {other}"))),
        }
    }

    fn simple(cursor: &mut Cursor, rank: usize, flags: u8) -> Result<Self> {
        let shape = (0..rank)
            .map(|_| cursor.length())
            .collect::<Result<Vec<u64>>>()?;
        let max_shape = if flags & 0x01 == 0 {
            shape.iter().copied().map(Some).collect()
        } else {
            (0..rank)
                .map(|_| {
                    cursor
                        .length()
                        .map(|length| (length != u64::MAX).then_some(length))
                })
                .collect::<Result<Vec<_>>>()?
        };
        for (length, max) in shape.iter().zip(&max_shape) {
            if *length == u64::MAX || max.is_some_and(|max| *length > max) {
                return Err(cursor.malformed(format!(
                    "current lengths {shape:?} exceed the greatest ones {max_shape:?}"
                )));
            }
        }
        // A permutation (version 1, flag bit 1) would follow; libhdf5 neither writes nor reads it.
        let dataspace = Self::Simple { shape, max_shape };
        match dataspace.elements() {
            Some(_) => Ok(dataspace),
            None => Err(cursor.malformed(format!(
                "shape {:?} has more than 2^64 elements",
                dataspace.shape()
            ))),
        }
    }

    /// Lengths of the axes: empty for scalar and null.
    pub fn shape(&self) -> &[u64] {
        match self {
            Self::Simple { shape, .. } => shape,
            Self::Scalar | Self::Null => &[],
        }
    }

    /// Number of elements; `None` if it overflows.
    pub fn elements(&self) -> Option<u64> {
        match self {
            Self::Scalar => Some(1),
            Self::Null => Some(0),
            Self::Simple { shape, .. } => {
                if shape.contains(&0) {
                    return Some(0);
                }
                shape
                    .iter()
                    .try_fold(1_u64, |product, &length| product.checked_mul(length))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Sizes;
    use crate::hostile::{cursor, cursor_with, never_panics, parse_whole};

    fn words(head: &[u8], lengths: &[u64]) -> Vec<u8> {
        let lengths = lengths.iter().flat_map(|length| length.to_le_bytes());
        head.iter().copied().chain(lengths).collect()
    }

    #[test]
    fn reads_version_1() {
        let bytes = words(&[1, 2, 1, 0, 0, 0, 0, 0], &[3, 4, 3, u64::MAX]);
        assert_eq!(
            parse_whole(&bytes, Dataspace::parse),
            Dataspace::Simple {
                shape: vec![3, 4],
                max_shape: vec![Some(3), None]
            }
        );
        assert_eq!(
            parse_whole(&[1, 0, 0, 0, 0, 0, 0, 0], Dataspace::parse),
            Dataspace::Scalar
        );
        never_panics(&bytes, Dataspace::parse);
    }

    #[test]
    fn reads_version_2() {
        let bytes = words(&[2, 1, 0, 1], &[5]);
        assert_eq!(
            parse_whole(&bytes, Dataspace::parse),
            Dataspace::Simple {
                shape: vec![5],
                max_shape: vec![Some(5)]
            }
        );
        assert_eq!(
            parse_whole(&[2, 0, 0, 0], Dataspace::parse),
            Dataspace::Scalar
        );
        assert_eq!(
            parse_whole(&[2, 0, 0, 2], Dataspace::parse),
            Dataspace::Null
        );
        never_panics(&bytes, Dataspace::parse);
    }

    #[test]
    fn narrow_unlimited_lengths_are_unlimited() {
        let sizes = Sizes {
            offsets: 4,
            lengths: 4,
        };
        let bytes = [2, 1, 1, 1, 5, 0, 0, 0, 255, 255, 255, 255];
        assert_eq!(
            Dataspace::parse(&mut cursor_with(&bytes, sizes)).unwrap(),
            Dataspace::Simple {
                shape: vec![5],
                max_shape: vec![None]
            }
        );
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        let malformed = [
            words(&[2, 33, 0, 1], &[1; 33]),
            words(&[2, 1, 0, 0], &[1]),
            words(&[2, 1, 0, 2], &[1]),
            words(&[2, 1, 1, 1], &[6, 5]),
            words(&[2, 1, 0, 1], &[u64::MAX]),
            words(&[2, 2, 0, 1], &[1 << 32, 1 << 32]),
        ];
        for bytes in malformed {
            let error = Dataspace::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(!error.is_unsupported(), "{error}");
        }
        for bytes in [[0, 0, 0, 0], [3, 0, 0, 0], [2, 0, 0, 3]] {
            let error = Dataspace::parse(&mut cursor(&bytes)).unwrap_err();
            assert!(error.is_unsupported(), "{error}");
        }
        let empty = words(&[2, 3, 0, 1], &[0, 1 << 40, 1 << 40]);
        let empty = Dataspace::parse(&mut cursor(&empty)).unwrap();
        assert_eq!(empty.elements(), Some(0));
    }
}
