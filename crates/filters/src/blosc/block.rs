//! The compressed blocks of a Blosc chunk.

use super::chunk::Chunk;
use super::codec::Codec;
use crate::cursor::{Cursor, size};
use crate::registered::Fault;
use crate::{bitplanes, shuffle};

/// Blosc 1 splits no blocks of elements larger than this.
const MOST_STREAMS: usize = 16;
/// Nor blocks of fewer elements than this.
const SMALLEST_STREAM: usize = 128;

/// A filter of Blosc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes of equal significance together, in elements of this size.
    Shuffle(usize),
    /// Bits of equal significance together.
    BitShuffle,
    /// XOR with the first block; in the first block, with the element before.
    Delta,
}

/// What decodes the blocks of one chunk, one after another.
pub(super) struct Blocks<'c, 'a> {
    chunk: &'c Chunk<'a>,
    codec: Codec,
    /// Bytes that streams may still take: none is in two blocks, so work is bounded by the chunk.
    budget: usize,
    /// What the codec gave, where filters follow.
    filtered: Vec<u8>,
    /// Room for filters.
    scratch: Vec<u8>,
}

impl<'c, 'a> Blocks<'c, 'a> {
    /// Of this chunk.
    pub(super) fn new(chunk: &'c Chunk<'a>) -> Result<Self, Fault> {
        Ok(Self {
            chunk,
            codec: Codec::new(chunk.codec)?,
            budget: chunk.bytes.len(),
            filtered: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// Gives block `number`, which is as long as `plain`; `first` is the first block, in any other.
    pub(super) fn decode(
        &mut self,
        number: usize,
        plain: &mut [u8],
        first: Option<&[u8]>,
    ) -> Result<(), Fault> {
        let (delta, rest) = match self.chunk.steps.split_first() {
            Some((Step::Delta, rest)) => (true, rest),
            _ => (false, self.chunk.steps.as_slice()),
        };
        if rest.is_empty() {
            self.decompress(number, plain)?;
        } else {
            let mut filtered = std::mem::take(&mut self.filtered);
            filtered.resize(plain.len(), 0);
            self.decompress(number, &mut filtered)?;
            for (position, &step) in rest.iter().rev().enumerate() {
                if position > 0 {
                    filtered.copy_from_slice(plain);
                }
                self.undo(step, &filtered, plain);
            }
            self.filtered = filtered;
        }
        if delta {
            undo_delta(self.chunk.element_size, plain, first);
        }
        Ok(())
    }

    /// Undoes one filter.
    fn undo(&mut self, step: Step, filtered: &[u8], plain: &mut [u8]) {
        let element_size = self.chunk.element_size;
        match step {
            Step::Shuffle(size) => shuffle::unshuffle_into(filtered, size, plain),
            Step::BitShuffle => {
                let elements = filtered.len().checked_div(element_size).unwrap_or(0);
                if self.chunk.first_version && elements & 7 != 0 {
                    plain.copy_from_slice(filtered); // Blosc 1 leaves such blocks alone
                } else {
                    bitplanes::unshuffle(filtered, element_size, plain, &mut self.scratch);
                }
            }
            Step::Delta => {} // only ever the first, which `decode` undoes
        }
    }

    /// Undoes the codec of block `number`, which gives as many bytes as `filtered` has.
    fn decompress(&mut self, number: usize, filtered: &mut [u8]) -> Result<(), Fault> {
        let chunk = self.chunk;
        let start = number.saturating_mul(4).saturating_add(chunk.header);
        let start =
            Cursor::at(chunk.bytes, start, "start of a block")?.array("start of a block")?;
        let mut cursor = Cursor::at(chunk.bytes, size(u32::from_le_bytes(start)), "block")?;
        let streams = self.streams(filtered.len());
        let length = filtered.len().checked_div(streams).unwrap_or(0);
        if length == 0 || length.checked_mul(streams) != Some(filtered.len()) {
            return Err(Fault::Malformed(format!(
                "a block of {} bytes in {streams} streams",
                filtered.len()
            )));
        }
        for place in filtered.chunks_exact_mut(length) {
            self.decompress_stream(&mut cursor, place)?;
        }
        Ok(())
    }

    /// How many streams make a block of this length.
    fn streams(&self, length: usize) -> usize {
        let chunk = self.chunk;
        let elements = length.checked_div(chunk.element_size).unwrap_or(0);
        let splittable = !chunk.first_version
            || (chunk.element_size <= MOST_STREAMS && elements >= SMALLEST_STREAM);
        if chunk.never_split || length < chunk.block || !splittable {
            return 1;
        }
        chunk.element_size
    }

    /// Undoes the stream at the cursor.
    fn decompress_stream(
        &mut self,
        cursor: &mut Cursor<'_>,
        place: &mut [u8],
    ) -> Result<(), Fault> {
        let length = i32::from_le_bytes(cursor.array("stream size")?);
        self.charge(4)?;
        let Ok(length) = usize::try_from(length) else {
            return self.run(cursor, length, place);
        };
        if length == 0 && !self.chunk.first_version {
            place.fill(0);
            return Ok(());
        }
        let stream = cursor.take(length, "stream")?;
        self.charge(length)?;
        if length == place.len() {
            place.copy_from_slice(stream);
            return Ok(());
        }
        self.codec.decode_block(stream, place)
    }

    /// A stream of one byte again and again: the size is the byte, negated, and a token says so.
    fn run(&self, cursor: &mut Cursor<'_>, length: i32, place: &mut [u8]) -> Result<(), Fault> {
        let byte = u8::try_from(length.unsigned_abs());
        match (byte, self.chunk.first_version) {
            (Ok(byte), false) if cursor.u8("token of a stream")? & 1 == 1 => {
                place.fill(byte);
                Ok(())
            }
            _ => Err(Fault::Malformed(format!("a stream of {length} bytes"))),
        }
    }

    fn charge(&mut self, length: usize) -> Result<(), Fault> {
        self.budget = self
            .budget
            .checked_sub(length)
            .ok_or("blocks share their bytes")?;
        Ok(())
    }
}

/// Undoes delta: only whole words of an element's size are changed, or of 8 bytes or 1 where no
/// machine has words of that size.
fn undo_delta(element_size: usize, plain: &mut [u8], first: Option<&[u8]>) {
    let word = match element_size {
        1 | 2 | 4 | 8 => element_size,
        size if size.is_multiple_of(8) => 8,
        _ => 1,
    };
    let whole = plain.len() & !word.wrapping_sub(1);
    let plain = plain.get_mut(..whole).unwrap_or_default();
    if let Some(first) = first {
        for (byte, other) in plain.iter_mut().zip(first) {
            *byte ^= other;
        }
        return;
    }
    let mut before = [0_u8; 8];
    for word in plain.chunks_exact_mut(word) {
        for (byte, before) in word.iter_mut().zip(&mut before) {
            *byte ^= *before;
            *before = *byte;
        }
    }
}
