//! Data of several dimensions whose Blosc2 blocks are boxes (b2nd, formerly caterva).
//!
//! The metalayer is a msgpack array: version, number of dimensions, shape (an array of 8-byte
//! numbers), shape of a chunk, shape of a block (arrays of 4-byte numbers), element type. Blocks
//! follow each other in row-major order and are filled up where they jut out of the chunk.

use super::block::Blocks;
use super::chunk::{Chunk, Content, repeat};
use crate::cursor::{Cursor, size};
use crate::registered::Fault;

/// The most dimensions of a b2nd array.
const MOST_DIMENSIONS: u8 = 8;

/// A dimension.
#[derive(Clone, Copy, Debug)]
struct Dimension {
    /// Elements of the data.
    length: usize,
    /// Elements of a block, from 1 to `length`.
    block: usize,
}

/// How the data is cut into boxes.
#[derive(Debug)]
pub(super) struct Boxes {
    element_size: usize,
    dimensions: Vec<Dimension>,
}

impl Boxes {
    /// Reads the metalayer.
    pub(super) fn parse(content: &[u8], element_size: usize) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(content);
        cursor.take(2, "b2nd version")?;
        let rank = cursor.u8("b2nd dimensions")?;
        if rank == 0 || rank > MOST_DIMENSIONS {
            return Err(Fault::Unsupported(format!(
                "b2nd with {rank} dimensions, expected 1 to {MOST_DIMENSIONS}"
            )));
        }
        let shape = numbers::<8>(&mut cursor, rank, 0xd3, "b2nd shape")?;
        let chunk = numbers::<4>(&mut cursor, rank, 0xd2, "b2nd chunk shape")?;
        let block = numbers::<4>(&mut cursor, rank, 0xd2, "b2nd block shape")?;
        if shape != chunk {
            return Err(Fault::Unsupported(format!(
                "a b2nd array of shape {shape:?} in chunks of {chunk:?}"
            )));
        }
        let dimensions: Vec<_> = shape
            .into_iter()
            .zip(block)
            .map(|(length, block)| Dimension { length, block })
            .collect();
        if dimensions
            .iter()
            .any(|one| one.block == 0 || one.block > one.length)
        {
            return Err(Fault::Malformed(format!(
                "b2nd blocks that do not fit into the data: {dimensions:?}"
            )));
        }
        Ok(Self {
            element_size,
            dimensions,
        })
    }

    /// Whether the data has this shape.
    pub(super) fn is_of(&self, shape: &[u32]) -> bool {
        let lengths = self.dimensions.iter().map(|one| one.length);
        lengths.eq(shape.iter().map(|&length| size(length)))
    }

    /// The data from the chunk that holds it, if it is no more than `limit` bytes.
    pub(super) fn decode(&self, chunk: &Chunk<'_>, limit: usize) -> Result<Vec<u8>, Fault> {
        // Blocks are no larger than the data: its size bounds all.
        let whole = self.bytes(|one| Some(one.length)).ok_or(Fault::TooLong)?;
        if whole > limit {
            return Err(Fault::TooLong);
        }
        let block = self.bytes(|one| Some(one.block)).ok_or(Fault::TooLong)?;
        let padded = self.bytes(|one| one.length.div_ceil(one.block).checked_mul(one.block));
        if padded != Some(chunk.plain) {
            return Err(Fault::Malformed(format!(
                "the chunk has {} bytes, {:?} elements of {} bytes make {padded:?}",
                chunk.plain, self.dimensions, self.element_size
            )));
        }
        let mut plain = vec![0; whole];
        if whole == 0 {
            return Ok(plain);
        }
        match &chunk.content {
            Content::Repeated(value) => {
                if self.element_size.checked_rem(value.len()) != Some(0) {
                    return Err(Fault::Malformed(format!(
                        "a repeated value of {} bytes in elements of {}",
                        value.len(),
                        self.element_size
                    )));
                }
                repeat(value, &mut plain)?;
            }
            Content::Stored => {
                for (number, bytes) in chunk.stored().chunks_exact(block).enumerate() {
                    self.place(number, bytes, &mut plain);
                }
            }
            Content::Blocks => self.decode_blocks(chunk, block, &mut plain)?,
        }
        Ok(plain)
    }

    /// Of compressed blocks of `block` bytes.
    fn decode_blocks(
        &self,
        chunk: &Chunk<'_>,
        block: usize,
        plain: &mut [u8],
    ) -> Result<(), Fault> {
        if chunk.block != block {
            return Err(Fault::Malformed(format!(
                "blocks of {} bytes, b2nd says {block}",
                chunk.block
            )));
        }
        let mut blocks = Blocks::new(chunk)?;
        let mut first = vec![0; block];
        blocks.decode(0, &mut first, None)?;
        self.place(0, &first, plain);
        let count = chunk.plain.checked_div(block).unwrap_or(0);
        let mut other = vec![0; if count > 1 { block } else { 0 }];
        for number in 1..count {
            blocks.decode(number, &mut other, Some(&first))?;
            self.place(number, &other, plain);
        }
        Ok(())
    }

    /// Puts block `number` where it belongs.
    fn place(&self, number: usize, block: &[u8], plain: &mut [u8]) {
        let mut left = number;
        let mut corner = Vec::with_capacity(self.dimensions.len());
        for one in self.dimensions.iter().rev() {
            let across = one.length.div_ceil(one.block);
            let position = left.checked_rem(across).unwrap_or(0);
            corner.push((*one, position.saturating_mul(one.block)));
            left = left.checked_div(across).unwrap_or(0);
        }
        copy_box(&corner, block, plain);
    }

    /// The bytes of a box that is so long in each dimension.
    fn bytes(&self, length: impl Fn(&Dimension) -> Option<usize>) -> Option<usize> {
        self.dimensions
            .iter()
            .try_fold(self.element_size, |bytes, one| {
                bytes.checked_mul(length(one)?)
            })
    }
}

/// Copies a box whose first element is at `corner`, as far as it is within the data: dimensions
/// from the last to the first, each with the position of the box in it.
fn copy_box(corner: &[(Dimension, usize)], block: &[u8], plain: &mut [u8]) {
    let Some((&(one, start), inner)) = corner.split_last() else {
        return;
    };
    let step = plain.len().checked_div(one.length).unwrap_or(0).max(1);
    if inner.is_empty() {
        let place = plain
            .get_mut(start.saturating_mul(step)..)
            .unwrap_or_default();
        for (byte, &value) in place.iter_mut().zip(block) {
            *byte = value;
        }
        return;
    }
    let slice = block.len().checked_div(one.block).unwrap_or(0).max(1);
    let places = plain.chunks_exact_mut(step).skip(start);
    for (place, slice) in places.zip(block.chunks_exact(slice)) {
        copy_box(inner, slice, place);
    }
}

/// An array of as many numbers as there are dimensions, each of `N` bytes after its `mark`.
fn numbers<const N: usize>(
    cursor: &mut Cursor<'_>,
    rank: u8,
    mark: u8,
    what: &str,
) -> Result<Vec<usize>, Fault> {
    cursor.expect(0x90 | rank, what)?;
    (0..rank)
        .map(|_| {
            cursor.expect(mark, what)?;
            let mut wide = [0; 8];
            let stored = cursor.array::<N>(what)?;
            for (byte, &value) in wide.iter_mut().rev().zip(stored.iter().rev()) {
                *byte = value;
            }
            Ok(size(u64::from_be_bytes(wide)))
        })
        .collect()
}
