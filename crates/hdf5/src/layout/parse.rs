//! Reading of the data layout message.
//!
//! Versions 1 and 2:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version |
//! | 1 | rank; one more than the dataset's, as the element size comes last |
//! | 1 | class: 0 compact, 1 contiguous, 2 chunked |
//! | 5 | reserved |
//! | address | data or chunk B-tree (not if compact) |
//! | 4 per axis | lengths (of a chunk, if chunked), the last one being the element size |
//! | 4, size | size and data (if compact) |
//!
//! Versions 3 to 5:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version |
//! | 1 | class: 0 compact, 1 contiguous, 2 chunked, 3 virtual (from version 4 on) |
//! | 2, size | compact: size and data |
//! | address, length | contiguous: address and size |
//! | 1, address, 4 per axis | chunked, version 3: rank, B-tree, lengths as above |
//! | … | chunked, versions 4 and 5: see [`chunked_v4`] |
//! | address, 4 | virtual: global heap ID of the mapping |
//!
//! Version 5 differs only in the chunk indexes, where a stored size takes as many bytes as the
//! file's lengths do.

use super::Layout;
use crate::chunk_index::ChunkIndex;
use crate::cursor::Cursor;
use crate::dataspace::{Dataspace, MAX_RANK};
use crate::error::{Place, Result};
use crate::heap::HeapId;

impl Layout {
    /// Reads a data layout message; bytes may follow it.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        match cursor.u8()? {
            1 | 2 => Self::parse_old(cursor),
            version @ 3..=5 => Self::parse_new(cursor, version),
            other => Err(cursor
                .place()
                .unsupported(format!("data layout version {other}"))),
        }
    }

    fn parse_old(cursor: &mut Cursor) -> Result<Self> {
        let rank = cursor.u8()?;
        if rank == 0 {
            return Err(cursor.malformed("rank 0, at least 1 expected"));
        }
        let class = cursor.u8()?;
        cursor.skip(5)?;
        match class {
            0 => {
                cursor.skip(usize::from(rank).saturating_mul(4))?;
                let size = cursor.u32()?;
                let data = cursor.take(usize::try_from(size).unwrap_or(usize::MAX))?;
                Ok(Self::Compact { data })
            }
            1 => {
                let address = cursor.address()?.defined();
                // The lengths may have been cut to 32 bits, so they give no size.
                cursor.skip(usize::from(rank).saturating_mul(4))?;
                let size = None;
                Ok(Self::Contiguous { address, size })
            }
            2 => chunked_b_tree(cursor, rank),
            other => Err(unknown_class(cursor, other)),
        }
    }

    fn parse_new(cursor: &mut Cursor, version: u8) -> Result<Self> {
        match cursor.u8()? {
            0 => {
                let size = cursor.u16()?;
                let data = cursor.take(usize::from(size))?;
                Ok(Self::Compact { data })
            }
            1 => {
                let address = cursor.address()?.defined();
                let size = Some(cursor.length()?);
                Ok(Self::Contiguous { address, size })
            }
            2 if version == 3 => {
                let rank = cursor.u8()?;
                chunked_b_tree(cursor, rank)
            }
            2 => chunked_v4(cursor),
            3 if version == 3 => Err(cursor.malformed("virtual layout in a version 3 message")),
            3 => {
                let collection = cursor.address()?.defined();
                let index = cursor.u32()?;
                let mapping = collection.map(|collection| HeapId { collection, index });
                Ok(Self::Virtual { mapping })
            }
            other => Err(unknown_class(cursor, other)),
        }
    }

    /// Fails unless the layout fits the dataset: rank and element size of the chunks, and enough
    /// bytes when the data lies in one run.
    pub(crate) fn check(
        &self,
        place: Place,
        dataspace: &Dataspace,
        element_size: u32,
    ) -> Result<()> {
        let held = match self {
            Self::Chunked {
                chunk_shape,
                element_size: found,
                ..
            } => {
                let (rank, expected) = (chunk_shape.len(), dataspace.shape().len());
                if rank != expected {
                    return Err(place.malformed(format!(
                        "chunks have rank {rank}, the dataspace has {expected}"
                    )));
                }
                if *found != element_size {
                    return Err(place.malformed(format!(
                        "element size {found}, the datatype has {element_size}"
                    )));
                }
                return Ok(());
            }
            Self::Compact { data } => u64::try_from(data.len()).unwrap_or(u64::MAX),
            Self::Contiguous {
                address: Some(_),
                size: Some(size),
            } => *size,
            Self::Contiguous { .. } | Self::Virtual { .. } => return Ok(()),
        };
        let needed = dataspace
            .elements()
            .and_then(|elements| elements.checked_mul(u64::from(element_size)));
        match needed {
            Some(needed) if needed <= held => Ok(()),
            _ => Err(place.malformed(format!(
                "holds {held} bytes, shape {:?} of {element_size} bytes each needs more",
                dataspace.shape()
            ))),
        }
    }
}

fn unknown_class(cursor: &Cursor, class: u8) -> crate::error::Error {
    cursor.place().unsupported(format!("layout class {class}"))
}

/// Versions 1 to 3, from the B-tree's address on.
fn chunked_b_tree(cursor: &mut Cursor, rank: u8) -> Result<Layout> {
    let address = cursor.address()?;
    let (chunk_shape, element_size) = chunk_shape(cursor, rank, 4)?;
    Ok(Layout::Chunked {
        chunk_shape,
        element_size,
        unfiltered_edges: false,
        index: ChunkIndex::BTreeV1 { address },
    })
}

/// Lengths of a chunk's axes, and the element size, which stands where one more would.
fn chunk_shape(cursor: &mut Cursor, rank: u8, width: usize) -> Result<(Vec<u64>, u32)> {
    let most = MAX_RANK.saturating_add(1);
    let rank = usize::from(rank);
    if rank < 2 || rank > most {
        return Err(cursor.malformed(format!(
            "chunks have rank {rank} (element size included), 2 to {most} expected"
        )));
    }
    let mut shape = (0..rank)
        .map(|_| cursor.uint(width))
        .collect::<Result<Vec<u64>>>()?;
    let bytes = shape
        .iter()
        .try_fold(1_u64, |bytes, &length| bytes.checked_mul(length));
    let element_size = shape.last().and_then(|&size| u32::try_from(size).ok());
    let (Some(1..), Some(element_size)) = (bytes, element_size) else {
        return Err(cursor.malformed(format!(
            "chunk of {shape:?} (element size last) has no bytes or too many"
        )));
    };
    shape.pop();
    Ok((shape, element_size))
}

/// Chunked, versions 4 and 5, from the flags on.
///
/// | bytes | field |
/// |---|---|
/// | 1 | flags: bit 0, edge chunks are not filtered; bit 1, the single chunk is |
/// | 1 | rank, counting the element size |
/// | 1 | bytes per length |
/// | per axis | length of a chunk, the last one being the element size |
/// | 1 | type of the chunk index |
/// | … | its parameters, which its own header repeats |
/// | address | the chunk index |
fn chunked_v4(cursor: &mut Cursor) -> Result<Layout> {
    let flags = cursor.u8()?;
    if flags & !0x03 != 0 {
        return Err(cursor
            .place()
            .unsupported(format!("chunked layout flags {flags:#04x}")));
    }
    let rank = cursor.u8()?;
    let width = cursor.u8()?;
    if !(1..=8).contains(&width) {
        return Err(cursor.malformed(format!(
            "lengths of a chunk take {width} bytes, 1 to 8 expected"
        )));
    }
    let (chunk_shape, element_size) = chunk_shape(cursor, rank, usize::from(width))?;
    let index = chunk_index(cursor, flags & 0x02 != 0)?;
    Ok(Layout::Chunked {
        chunk_shape,
        element_size,
        unfiltered_edges: flags & 0x01 != 0,
        index,
    })
}

fn chunk_index(cursor: &mut Cursor, single_filtered: bool) -> Result<ChunkIndex> {
    match cursor.u8()? {
        0 => Err(cursor.malformed("version 1 B-tree as chunk index of a version 4 layout")),
        1 => {
            let filtered = if single_filtered {
                Some((cursor.length()?, cursor.u32()?))
            } else {
                None
            };
            let address = cursor.address()?;
            Ok(ChunkIndex::SingleChunk { address, filtered })
        }
        2 => cursor
            .address()
            .map(|address| ChunkIndex::Implicit { address }),
        3 => {
            // Page bits.
            cursor.skip(1)?;
            cursor
                .address()
                .map(|address| ChunkIndex::FixedArray { address })
        }
        4 => {
            // Maximum bits, index elements, least pointers, least elements, page bits.
            cursor.skip(5)?;
            cursor
                .address()
                .map(|address| ChunkIndex::ExtensibleArray { address })
        }
        5 => {
            // Node size (4), split and merge percent.
            cursor.skip(6)?;
            cursor
                .address()
                .map(|address| ChunkIndex::BTreeV2 { address })
        }
        other => Err(cursor
            .place()
            .unsupported(format!("chunk index type {other}"))),
    }
}
