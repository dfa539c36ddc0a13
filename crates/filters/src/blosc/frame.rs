//! A contiguous frame of Blosc 2, as its HDF5 filter writes one around each chunk.
//!
//! The header is msgpack whose items have fixed sizes, so places are fixed (numbers are big-endian):
//!
//! | byte | meaning |
//! |---|---|
//! | 2 | 8: `b2frame` and a zero |
//! | 11 | 4: length of the header |
//! | 16 | 8: length of the frame |
//! | 26 | low 4 bits: type of the frame, 0 is contiguous |
//! | 30 | 8: plain size of all chunks |
//! | 39 | 8: size of all chunks |
//! | 48 | 4: element size |
//! | 58 | 4: plain size of a chunk |
//! | 87 | metalayers: an array of a number, a map of name to place, and contents |
//!
//! After the header the chunks, then a chunk with the place of each (8 bytes little-endian, from
//! the end of the header; in the last byte, 0x80 and the kind of a special value).

use super::boxes::Boxes;
use super::chunk::{Chunk, Content, special_value};
use crate::cursor::{Cursor, size};
use crate::registered::Fault;

/// What stands where the name of the format does.
const MAGIC: &[u8] = b"b2frame\0";
/// Where the metalayers begin.
const METALAYERS: usize = 87;

/// A frame of one chunk.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// The header.
    header: &'a [u8],
    /// Element size.
    element_size: usize,
    /// The chunk.
    pub(super) chunk: Chunk<'a>,
}

impl<'a> Frame<'a> {
    /// Reads the frame; `None` if the bytes are none, but perhaps a chunk without one.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Fault> {
        if bytes.get(2..10) != Some(MAGIC) {
            return Ok(None);
        }
        let number = |at| u32_at(bytes, at);
        let wide = |at| -> Result<usize, Fault> {
            let stored = Cursor::at(bytes, at, "Blosc2 frame")?.array("Blosc2 frame")?;
            Ok(size(u64::from_be_bytes(stored)))
        };
        let header = number(11)?;
        let Some((header, after)) = bytes.split_at_checked(header) else {
            return Err(Fault::Malformed(format!(
                "a Blosc2 frame header of {header} bytes in a chunk of {}",
                bytes.len()
            )));
        };
        if bytes.get(26).copied().unwrap_or(0) & 0x0f != 0 {
            return Err(Fault::Unsupported(
                "a Blosc2 frame that is not contiguous".to_owned(),
            ));
        }
        let (plain, stored, element_size, chunk_size) =
            (wide(30)?, wide(39)?, number(48)?, number(58)?);
        let index = Chunk::parse(after.get(stored..).unwrap_or_default())?;
        if index.plain != 8 || (chunk_size != 0 && plain > chunk_size) {
            return Err(Fault::Unsupported(format!(
                "a Blosc2 frame of {} chunks, expected 1",
                index.plain >> 3
            )));
        }
        let chunk = match index.decode(8)?.as_slice() {
            &[_, _, _, _, _, _, _, kind] if kind & 0x80 != 0 => {
                special_chunk(kind & 7, element_size, plain)?
            }
            place => {
                let place = place.first_chunk().copied().unwrap_or_default();
                let place = size(u64::from_le_bytes(place));
                Chunk::parse(after.get(place..).unwrap_or_default())?
            }
        };
        if chunk.plain != plain {
            return Err(Fault::Malformed(format!(
                "a Blosc2 chunk of {} bytes in a frame of {plain}",
                chunk.plain
            )));
        }
        Ok(Some(Self {
            header,
            element_size,
            chunk,
        }))
    }

    /// The boxes into which the data was cut, if it was. The filter's parameters state the shape
    /// of an HDF5 chunk again, from the eighth on.
    pub(super) fn boxes(&self, parameters: &[u32]) -> Result<Option<Boxes>, Fault> {
        let Some(content) = self.metalayer(&[b"b2nd", b"caterva"])? else {
            return Ok(None);
        };
        let boxes = Boxes::parse(content, self.element_size)?;
        if let Some(stated) = parameters.get(8..)
            && !boxes.is_of(stated)
        {
            return Err(Fault::Malformed(format!(
                "a b2nd array of another shape than the filter states: {stated:?}"
            )));
        }
        Ok(Some(boxes))
    }

    /// The content of a metalayer that has one of these names.
    fn metalayer(&self, names: &[&[u8]]) -> Result<Option<&'a [u8]>, Fault> {
        let mut cursor = Cursor::at(self.header, METALAYERS, "metalayers")?;
        cursor.expect(0x93, "metalayers")?;
        cursor.expect(0xcd, "size of metalayers")?;
        cursor.take(2, "size of metalayers")?;
        cursor.expect(0xde, "metalayer names")?;
        let count = u16::from_be_bytes(cursor.array("metalayer names")?);
        for _ in 0..count {
            let length = cursor.u8("metalayer name")? & 0x1f;
            let name = cursor.take(usize::from(length), "metalayer name")?;
            cursor.expect(0xd2, "place of a metalayer")?;
            let place = size(u32::from_be_bytes(cursor.array("place of a metalayer")?));
            if names.contains(&name) {
                let mut content = Cursor::at(self.header, place, "metalayer")?;
                content.expect(0xc6, "metalayer")?;
                let length = size(u32::from_be_bytes(content.array("metalayer")?));
                return content.take(length, "metalayer").map(Some);
            }
        }
        Ok(None)
    }
}

/// A chunk that is only a note in the index.
fn special_chunk(kind: u8, element_size: usize, plain: usize) -> Result<Chunk<'static>, Fault> {
    let content = special_value(kind, element_size, &[])?;
    debug_assert!(matches!(content, Content::Repeated(_)));
    Ok(Chunk {
        bytes: &[],
        header: 0,
        first_version: false,
        codec: 0,
        never_split: true,
        element_size: element_size.max(1),
        plain,
        block: plain,
        steps: Vec::new(),
        content,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let stored = Cursor::at(bytes, at, "Blosc2 frame")?.array("Blosc2 frame")?;
    Ok(size(u32::from_be_bytes(stored)))
}
