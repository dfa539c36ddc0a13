//! Entries of a journal, one after the other: a head of JSON and a body of any bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `CRJ1` |
//! | 4 | length of the head, little-endian |
//! | 4 | length of the body |
//! | 8 | `xxHash64` of the two lengths, the head and the body |
//! | | head, body |
//!
//! What a killed process or a lost machine left half written at the end does not fit its checksum, and
//! ends before its lengths say, or in zeros.

use std::hash::Hasher as _;
use std::io::{self, Read};

use twox_hash::XxHash64;

/// The start of each entry.
pub(super) const MAGIC: [u8; 4] = *b"CRJ1";
/// Bytes before the head.
const START: u64 = 20;
/// Blocks that a lost machine had not written yet are zeros.
const ZEROS: usize = 64;

/// An entry that was read.
pub(super) struct Frame {
    pub(super) head: Vec<u8>,
    /// Where its body begins.
    pub(super) body_at: u64,
    pub(super) body_length: u32,
    /// Where the next one begins.
    pub(super) end: u64,
}

/// An entry as it is written; `None` where it is too long.
pub(super) fn encode(head: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let lengths = [head.len(), body.len()].map(|length| u32::try_from(length).ok());
    let [Some(head_length), Some(body_length)] = lengths else {
        return None;
    };
    let mut frame = Vec::with_capacity(head.len().saturating_add(body.len()).saturating_add(20));
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&head_length.to_le_bytes());
    frame.extend_from_slice(&body_length.to_le_bytes());
    frame.extend_from_slice(&checksum(head_length, body_length, head, body).to_le_bytes());
    frame.extend_from_slice(head);
    frame.extend_from_slice(body);
    Some(frame)
}

fn checksum(head_length: u32, body_length: u32, head: &[u8], body: &[u8]) -> u64 {
    let mut hash = XxHash64::with_seed(0);
    hash.write(&head_length.to_le_bytes());
    hash.write(&body_length.to_le_bytes());
    hash.write(head);
    hash.write(body);
    hash.finish()
}

/// The entry that begins at `at` of a file of `length` bytes; `None` where what is there is not whole.
pub(super) fn read(input: &mut impl Read, at: u64, length: u64) -> io::Result<Option<Frame>> {
    let left = length.saturating_sub(at);
    if left < START {
        return Ok(None);
    }
    let mut magic = [0; 4];
    let mut four = [0; 4];
    let mut eight = [0; 8];
    input.read_exact(&mut magic)?;
    input.read_exact(&mut four)?;
    let head_length = u32::from_le_bytes(four);
    input.read_exact(&mut four)?;
    let body_length = u32::from_le_bytes(four);
    input.read_exact(&mut eight)?;
    let whole = u64::from(head_length).saturating_add(u64::from(body_length));
    if magic != MAGIC || whole > left.saturating_sub(START) {
        return Ok(None);
    }
    let mut bytes = |length: u32| {
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        input.read_exact(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    let head = bytes(head_length)?;
    let body = bytes(body_length)?;
    if checksum(head_length, body_length, &head, &body) != u64::from_le_bytes(eight) {
        return Ok(None);
    }
    let body_at = at
        .saturating_add(START)
        .saturating_add(u64::from(head_length));
    Ok(Some(Frame {
        head,
        body_at,
        body_length,
        end: body_at.saturating_add(u64::from(body_length)),
    }))
}

/// Whether what follows the last whole entry is the start of one: it ends before its lengths say, or in
/// zeros, and nothing whole comes after.
pub(super) fn is_torn(rest: &[u8]) -> bool {
    let lengths = |from: usize| {
        let four = rest.get(from..from.saturating_add(4))?;
        Some(u64::from(u32::from_le_bytes(four.try_into().ok()?)))
    };
    let length = u64::try_from(rest.len()).unwrap_or(u64::MAX);
    let is_short = match (lengths(4), lengths(8)) {
        (Some(head), Some(body)) if length >= START => {
            START.saturating_add(head).saturating_add(body) > length
        }
        _ => true,
    };
    let begins = rest.iter().zip(&MAGIC).all(|(byte, own)| byte == own);
    let end = rest.get(rest.len().saturating_sub(ZEROS)..).unwrap_or(rest);
    let is_blank = end.iter().all(|byte| *byte == 0);
    if !(begins && is_short || is_blank) {
        return false;
    }
    let mut places = rest.windows(MAGIC.len()).enumerate().skip(1);
    !places.any(|(at, four)| {
        let whole = |rest: &[u8]| {
            let length = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            matches!(read(&mut &*rest, 0, length), Ok(Some(_)))
        };
        four == MAGIC && rest.get(at..).is_some_and(whole)
    })
}

#[cfg(test)]
mod tests {
    use super::{encode, is_torn, read};

    #[test]
    fn an_entry_is_read_whole_or_not_at_all() {
        let bytes = encode(b"head", b"and body").unwrap();
        let length = bytes.len() as u64;
        let frame = read(&mut bytes.as_slice(), 0, length).unwrap().unwrap();
        assert_eq!(
            (frame.head.as_slice(), frame.body_length),
            (&b"head"[..], 8)
        );
        assert_eq!((frame.body_at, frame.end), (24, length));
        for cut in 0..bytes.len() {
            let torn = &bytes[..cut];
            assert!(
                read(&mut &torn[..], 0, cut as u64).unwrap().is_none(),
                "{cut}"
            );
            assert!(is_torn(torn), "{cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let found = read(&mut damaged.as_slice(), 0, length).unwrap();
            assert!(found.is_none(), "{at}");
            // Of a length that says too much it is not known; where another entry follows it is.
            if !(4..12).contains(&at) {
                assert!(!is_torn(&damaged), "{at}");
            }
            damaged.extend_from_slice(&bytes);
            assert!(!is_torn(&damaged), "{at}");
        }
        // A lost machine had not written all blocks.
        let mut blank = encode(b"head", &[7; 200]).unwrap();
        blank[100..].fill(0);
        assert!(is_torn(&blank));
        blank.extend_from_slice(&bytes);
        assert!(!is_torn(&blank));
    }
}
