//! A Blosc chunk: its header, and all of its blocks.
//!
//! | byte | meaning (numbers are little-endian) |
//! |---|---|
//! | 0 | version of the format: 2 is Blosc 1, 3 to 5 are Blosc 2 |
//! | 2 | flags: 0x01 shuffle, 0x02 stored as it is, 0x04 bit shuffle, 0x10 blocks are not split; bits 5 to 7 codec |
//! | 3 | element size |
//! | 4 | 4: plain size |
//! | 8 | 4: plain size of a block; the last may be smaller |
//! | 12 | 4: size of the chunk |
//!
//! Where both shuffles are flagged, Blosc 2 continues:
//!
//! | byte | meaning |
//! |---|---|
//! | 16 | 6: filters, in the order of writing |
//! | 24 | 6: a parameter of each |
//! | 30 | flags: 0x01 blocks of various sizes |
//! | 31 | flags: 0x01 dictionary, 0x08 lazy, bits 4 to 6 special value, 0x80 instrumented |
//!
//! Then the start of each block (4 bytes each, from the chunk's first byte), and the blocks.

use super::block::{Blocks, Step};
use crate::cursor::{Cursor, size};
use crate::registered::Fault;

/// A chunk whose header has been read.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    /// The chunk, header included, as long as it says.
    pub(super) bytes: &'a [u8],
    /// Length of the header.
    pub(super) header: usize,
    /// Blosc 1, with its own rules for splitting and bit shuffling.
    pub(super) first_version: bool,
    /// Number of the codec.
    pub(super) codec: u8,
    /// Blocks are one stream each, never one for each byte of an element.
    pub(super) never_split: bool,
    /// Element size.
    pub(super) element_size: usize,
    /// Plain size.
    pub(super) plain: usize,
    /// Plain size of a block, not 0 unless the chunk is empty.
    pub(super) block: usize,
    /// Filters, in the order of writing.
    pub(super) steps: Vec<Step>,
    /// Where the plain bytes come from.
    pub(super) content: Content,
}

/// Where a chunk's plain bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Compressed blocks.
    Blocks,
    /// They follow the header as they are.
    Stored,
    /// The same bytes again and again.
    Repeated(Vec<u8>),
}

impl<'a> Chunk<'a> {
    /// Reads the header of the chunk that begins with these bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(bytes);
        let [version, _, flags, element_size] = cursor.array("Blosc header")?;
        if !(2..=6).contains(&version) {
            return Err(Fault::Unsupported(format!(
                "version {version} of the Blosc format, known are 2 to 6"
            )));
        }
        let mut number = || -> Result<usize, Fault> {
            Ok(size(u32::from_le_bytes(cursor.array("Blosc header")?)))
        };
        let (plain, block, length) = (number()?, number()?, number()?);
        let Some(held) = bytes.get(..length) else {
            return Err(Fault::Malformed(format!(
                "the Blosc header says {length} bytes, the chunk has {}",
                bytes.len()
            )));
        };
        if element_size == 0 || (block == 0 && plain > 0) {
            return Err(Fault::Malformed(format!(
                "elements of {element_size} bytes in blocks of {block} bytes"
            )));
        }
        let mut chunk = Self {
            bytes: held,
            header: 16,
            first_version: version == 2,
            codec: flags >> 5,
            never_split: flags & 0x10 != 0,
            element_size: usize::from(element_size),
            plain,
            block: block.min(plain),
            steps: Vec::new(),
            content: match flags & 0x02 {
                0 => Content::Blocks,
                _ => Content::Stored,
            },
        };
        match flags & 0x05 {
            0x05 => chunk.extend()?,
            0x04 => chunk.steps.push(Step::BitShuffle),
            0x01 => chunk.steps.push(Step::Shuffle(chunk.element_size)),
            _ => {}
        }
        if flags & 0x08 != 0 && chunk.header == 16 {
            return Err(Fault::Unsupported("delta without a filter list".to_owned()));
        }
        let expected = chunk.header.saturating_add(plain);
        if chunk.content == Content::Stored && expected != length {
            return Err(Fault::Malformed(format!(
                "{plain} bytes stored as they are make {expected} with the header, which says {length}"
            )));
        }
        Ok(chunk)
    }

    /// Reads the second half of the header.
    fn extend(&mut self) -> Result<(), Fault> {
        let mut cursor = Cursor::at(self.bytes, 16, "Blosc2 header")?;
        let filters: [u8; 6] = cursor.array("Blosc2 filters")?;
        cursor.take(2, "Blosc2 codec")?;
        let parameters: [u8; 6] = cursor.array("Blosc2 filter parameters")?;
        let [more, flags] = cursor.array("Blosc2 flags")?;
        self.header = 32;
        self.first_version = false;
        for (filter, parameter) in filters.into_iter().zip(parameters) {
            match filter {
                0 | 4 => {} // precision that was cut off does not come back
                1 if parameter > 0 => self.steps.push(Step::Shuffle(usize::from(parameter))),
                1 => self.steps.push(Step::Shuffle(self.element_size)),
                2 => self.steps.push(Step::BitShuffle),
                3 if self.steps.is_empty() => self.steps.push(Step::Delta),
                3 => return Err(Fault::Unsupported("Blosc2 delta after a filter".to_owned())),
                other => return Err(Fault::Unsupported(format!("Blosc2 filter {other}"))),
            }
        }
        let special = (flags >> 4) & 7;
        let unknown = [
            (more != 0, "blocks of various sizes"),
            (flags & 0x01 != 0, "a dictionary"),
            (flags & 0x08 != 0 && special == 0, "a lazy chunk"),
            (flags & 0x80 != 0, "an instrumented chunk"),
        ];
        if let Some((_, name)) = unknown.iter().find(|(found, _)| *found) {
            return Err(Fault::Unsupported(format!("Blosc2 with {name}")));
        }
        if special != 0 {
            let value = self.bytes.get(self.header..).unwrap_or_default();
            self.content = special_value(special, self.element_size, value)?;
        }
        Ok(())
    }

    /// All of its plain bytes, if they are no more than `limit`.
    pub(super) fn decode(&self, limit: usize) -> Result<Vec<u8>, Fault> {
        if self.plain > limit {
            return Err(Fault::TooLong);
        }
        match &self.content {
            Content::Stored => Ok(self.stored().to_vec()),
            Content::Repeated(value) => {
                let mut plain = vec![0; self.plain];
                repeat(value, &mut plain)?;
                Ok(plain)
            }
            Content::Blocks => {
                let mut blocks = Blocks::new(self)?;
                let mut plain = vec![0; self.plain];
                if plain.is_empty() {
                    return Ok(plain);
                }
                let (first, rest) = plain.split_at_mut(self.block);
                blocks.decode(0, first, None)?;
                for (number, place) in rest.chunks_mut(self.block).enumerate() {
                    blocks.decode(number.saturating_add(1), place, Some(first))?;
                }
                Ok(plain)
            }
        }
    }

    /// The bytes after the header.
    pub(super) fn stored(&self) -> &'a [u8] {
        self.bytes.get(self.header..).unwrap_or_default()
    }
}

/// What a chunk of this special value repeats: `value` follows its header.
pub(super) fn special_value(
    special: u8,
    element_size: usize,
    value: &[u8],
) -> Result<Content, Fault> {
    let repeated = match (special, element_size) {
        // Never written bytes have no value; zeros are as good as any.
        (1 | 4, _) => vec![0],
        (2, 4) => f32::NAN.to_le_bytes().to_vec(),
        (2, 8) => f64::NAN.to_le_bytes().to_vec(),
        (3, _) if !value.is_empty() => value.to_vec(),
        (3, _) => return Err("a repeated value of no bytes".into()),
        (2, size) => return Err(Fault::Unsupported(format!("NaN of {size} bytes"))),
        (other, _) => return Err(Fault::Unsupported(format!("special value {other}"))),
    };
    Ok(Content::Repeated(repeated))
}

/// Fills `plain`, which must take a whole number of them, with `value`.
pub(super) fn repeat(value: &[u8], plain: &mut [u8]) -> Result<(), Fault> {
    if let &[byte] = value {
        plain.fill(byte);
        return Ok(());
    }
    let length = plain.len();
    let mut places = plain.chunks_exact_mut(value.len().max(1));
    for place in places.by_ref() {
        place.copy_from_slice(value);
    }
    if places.into_remainder().is_empty() {
        return Ok(());
    }
    Err(Fault::Malformed(format!(
        "{length} bytes are no whole number of repeated values of {}",
        value.len()
    )))
}
