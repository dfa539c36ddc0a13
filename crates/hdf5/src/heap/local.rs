//! Local heaps (III.D): the names of an old-style group, and of external files.
//!
//! | header "HEAP"             | bytes   |
//! |---------------------------|---------|
//! | signature, version 0      | 5       |
//! | reserved                  | 3       |
//! | data segment size         | lengths |
//! | head of the free list     | lengths |
//! | data segment address      | offsets |

use bytes::Bytes;

use crate::address::Address;
use crate::error::{Place, Result};
use crate::held::{Held, Step, Stop};
use crate::walk::{Walk, Wants};

const HEADER: &str = "local heap";
const SEGMENT: &str = "local heap data segment";

/// The data segment mostly follows the header, so asking for this much often gets both.
const HINT: u64 = 512;

/// Reads a local heap: the bytes of its data segment.
#[derive(Debug)]
pub(crate) struct LocalHeap {
    address: Address,
    state: State,
}

#[derive(Debug)]
enum State {
    Header,
    Segment { address: Address, size: u64 },
    Read(DataSegment),
}

impl LocalHeap {
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            state: State::Header,
        }
    }

    /// As [`Walk::finish`], but gives what finds strings.
    pub(crate) fn into_segment(self) -> Result<DataSegment> {
        match self.state {
            State::Read(segment) => Ok(segment),
            State::Header | State::Segment { .. } => {
                Err(Place::new(HEADER, self.address.0).malformed("was not read to its end"))
            }
        }
    }

    fn step(&mut self, held: &Held) -> Step<()> {
        if let State::Header = self.state {
            self.state = read_header(held, self.address)?;
        }
        if let State::Segment { address, size } = self.state {
            self.state = State::Read(DataSegment::read(held, address, size)?);
        }
        Ok(())
    }
}

impl Walk for LocalHeap {
    type Output = Bytes;

    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        match self.step(held) {
            Ok(()) => Ok(()),
            Err(Stop::Need(range)) => {
                wants.push(range);
                Ok(())
            }
            Err(Stop::Error(error)) => Err(error),
        }
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Read(_))
    }

    /// The bytes of the data segment.
    fn finish(self) -> Result<Bytes> {
        self.into_segment().map(|segment| segment.bytes)
    }
}

fn read_header(held: &Held, address: Address) -> Step<State> {
    let lengths = u64::from(held.sizes.lengths);
    let size = u64::from(held.sizes.offsets)
        .saturating_add(lengths.saturating_mul(2))
        .saturating_add(8);
    let mut cursor = held.cursor_with_hint(HEADER, address, size, HINT)?;
    cursor.signature(*b"HEAP")?;
    cursor.version(0)?;
    cursor.skip(3)?;
    let size = cursor.length()?;
    cursor.length()?;
    let address = cursor.address()?;
    held.check_size(cursor.place(), size)?;
    Ok(State::Segment { address, size })
}

/// The bytes of a local heap.
#[derive(Clone, Debug)]
pub(crate) struct DataSegment {
    place: Place,
    bytes: Bytes,
}

impl DataSegment {
    fn read(held: &Held, address: Address, size: u64) -> Step<Self> {
        // An emptied heap may have no segment.
        let mut bytes = Bytes::new();
        if size > 0 {
            let mut cursor = held.cursor(SEGMENT, address, size)?;
            held.charge_parsed(cursor.place(), size)?;
            bytes = cursor.rest();
        }
        Ok(Self {
            place: held.place(SEGMENT, address),
            bytes,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes from `offset` up to, not including, a NUL.
    pub(crate) fn string(&self, offset: u64) -> Result<Bytes> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| Some((offset, self.bytes.get(offset..)?)));
        let Some((start, rest)) = rest else {
            return Err(self.place.malformed(format!(
                "a string was expected at byte {offset}, it has {} bytes",
                self.bytes.len()
            )));
        };
        match rest.iter().position(|&byte| byte == 0) {
            Some(length) => Ok(self.bytes.slice(start..start.saturating_add(length))),
            None => Err(self
                .place
                .malformed(format!("the string at byte {offset} has no end"))),
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::testing::{Image, read_every_way, read_in_waves};

    fn header(size: u64, address: u64) -> Vec<u8> {
        let mut out = b"HEAP\0\0\0\0".to_vec();
        out.extend(size.to_le_bytes());
        out.extend(1_u64.to_le_bytes());
        out.extend(address.to_le_bytes());
        out
    }

    fn read(image: &Image) -> Result<Bytes> {
        read_every_way(&image.0, || LocalHeap::new(Address(0)))
    }

    #[test]
    fn gives_the_segment_in_one_wave_when_it_follows() {
        let mut image = Image(header(8, 32));
        image.put(32, b"\0abc\0de\0");
        assert_eq!(read(&image).unwrap(), "\0abc\0de\0");
        let (_, waves) = read_in_waves(&image.0, LocalHeap::new(Address(0))).unwrap();
        assert_eq!(waves, 1);

        let mut apart = Image(header(8, 2000));
        apart.put(2000, b"\0abc\0de\0");
        assert_eq!(read(&apart).unwrap(), "\0abc\0de\0");
    }

    #[test]
    fn an_empty_segment_needs_no_address() {
        assert_eq!(read(&Image(header(0, u64::MAX))).unwrap(), "");
    }

    #[test]
    fn strings_are_bounded() {
        let mut image = Image(header(7, 32));
        image.put(32, b"\0abc\0de");
        let mut held = Held::default();
        held.insert(0, image.0.into());
        let mut heap = LocalHeap::new(Address(0));
        heap.advance(&held, &mut Wants::new()).unwrap();
        let segment = heap.into_segment().unwrap();
        assert_eq!(segment.string(0).unwrap(), "");
        assert_eq!(segment.string(1).unwrap(), "abc");
        assert_eq!(segment.string(2).unwrap(), "bc");
        let unended = segment.string(5).unwrap_err().to_string();
        assert!(
            unended.contains("the string at byte 5 has no end"),
            "{unended}"
        );
        let outside = segment.string(8).unwrap_err().to_string();
        assert!(outside.contains("it has 7 bytes"), "{outside}");
        assert!(segment.string(u64::MAX).is_err());
    }

    #[test]
    fn bad_headers_are_errors() {
        let mut huge = Image(header(1 << 40, 32));
        assert!(
            read(&huge)
                .unwrap_err()
                .to_string()
                .contains("the whole file has 32")
        );
        huge.put(0, b"HEEP");
        assert!(
            read(&huge)
                .unwrap_err()
                .to_string()
                .contains("\"HEAP\" expected")
        );
        let mut newer = Image(header(0, 32));
        newer.put(4, &[1]);
        assert!(read(&newer).unwrap_err().is_unsupported());
    }
}
