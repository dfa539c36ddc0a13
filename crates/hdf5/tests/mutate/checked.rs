//! Blocks that end with (or hold) a lookup3 checksum: where they are, and making it right.

use std::ops::Range;

/// A block with a checksum.
#[derive(Debug)]
pub(crate) struct Checked {
    /// All that it covers, without the checksum where that is at the end.
    pub(crate) range: Range<usize>,
    /// Where the checksum is.
    at: usize,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// The checksum follows what it covers.
    End,
    /// It lies within, and counts as zeros itself (direct blocks of fractal heaps).
    Within,
    /// As `End`; the length is in the block itself and may have been changed.
    ObjectHeader,
}

/// Where a block can start, and the most bytes it is expected to take in a fixture.
const SIGNATURES: [(&[u8], usize); 16] = [
    (b"OHDR", 0),
    (b"OCHK", 4096),
    (b"BTHD", 64),
    (b"BTIN", 2048),
    (b"BTLF", 2048),
    (b"FRHP", 256),
    (b"FHIB", 2048),
    (b"FHDB", 0),
    (b"FAHD", 64),
    (b"FADB", 9000),
    (b"EAHD", 128),
    (b"EAIB", 2048),
    (b"EASB", 9000),
    (b"EADB", 9000),
    (b"SMTB", 512),
    (b"MDCI", 16_384),
];

/// Elements of a page of a fixed or extensible array, as libhdf5 writes them by default, and the
/// widths that fixtures have.
const PAGE: usize = 1024;
const WIDTHS: [usize; 5] = [8, 14, 15, 16, 20];

/// The blocks of a valid file.
pub(crate) fn find(bytes: &[u8]) -> Vec<Checked> {
    let mut found = Vec::new();
    if let Some(at) = superblock(bytes) {
        found.extend(ends_within(bytes, at, 160));
    }
    for at in 0..bytes.len().saturating_sub(8) {
        let signature = &bytes[at..at + 4];
        if signature == b"SMLI" {
            found.extend(ends_within(bytes, at, 4096));
        }
        let Some(&(_, most)) = SIGNATURES.iter().find(|(known, _)| *known == signature) else {
            continue;
        };
        match signature {
            b"OHDR" => {
                if let Some(end) = header_end(bytes, at)
                    && matches(bytes, at, end)
                {
                    found.push(Checked {
                        range: at..end,
                        at: end,
                        kind: Kind::ObjectHeader,
                    });
                }
            }
            b"FHDB" => found.extend(direct_block(bytes, at)),
            _ => {
                let block = ends_within(bytes, at, most);
                let end = block.as_ref().map(|block| block.at + 4);
                found.extend(block);
                if let Some(end) = end.filter(|_| signature == b"FADB" || signature == b"EADB") {
                    found.extend(pages(bytes, end));
                }
            }
        }
    }
    // A cache image has others in it, which must be right before it is.
    found.sort_by_key(|block| bytes[block.range.start..].starts_with(b"MDCI"));
    found
}

/// Where a superblock of version 2 or 3 starts.
fn superblock(bytes: &[u8]) -> Option<usize> {
    let starts = std::iter::once(0).chain((9..20).map(|power| 1 << power));
    let mut found = starts.filter(|&at| {
        bytes
            .get(at..)
            .is_some_and(|rest| rest.starts_with(b"\x89HDF\r\n\x1a\n"))
    });
    found.next().filter(|at| bytes[at + 8] >= 2)
}

/// Whether the checksum of the bytes from `start` to `end` follows them.
fn matches(bytes: &[u8], start: usize, end: usize) -> bool {
    let stored = bytes.get(end..end + 4);
    stored.is_some_and(|stored| *stored == lookup3(&bytes[start..end]).to_le_bytes())
}

/// The block at `start`, if a right checksum follows within `most` bytes.
fn ends_within(bytes: &[u8], start: usize, most: usize) -> Option<Checked> {
    let last = (start + most).min(bytes.len().saturating_sub(4));
    let end = (start + 8..=last).find(|&end| matches(bytes, start, end))?;
    Some(Checked {
        range: start..end,
        at: end,
        kind: Kind::End,
    })
}

/// The pages that follow a data block, of full length each.
fn pages(bytes: &[u8], mut start: usize) -> Vec<Checked> {
    let mut found = Vec::new();
    let fits = |start: usize| {
        let mut lengths = WIDTHS.iter().map(|width| width * PAGE);
        lengths.find(|length| {
            start + length + 4 <= bytes.len() && matches(bytes, start, start + length)
        })
    };
    while let Some(length) = fits(start) {
        found.push(Checked {
            range: start..start + length,
            at: start + length,
            kind: Kind::End,
        });
        start += length + 4;
    }
    found
}

/// A direct block of a fractal heap with checksums, of 512 bytes to 64 KiB.
fn direct_block(bytes: &[u8], start: usize) -> Option<Checked> {
    for size in (9..=16).map(|power| 1_usize << power) {
        let range = start..start + size;
        let Some(block) = bytes.get(range.clone()) else {
            break;
        };
        for at in 13 + 1..13 + 9 {
            let mut block = block.to_vec();
            let stored: Vec<u8> = block[at..at + 4].to_vec();
            block[at..at + 4].fill(0);
            if stored == lookup3(&block).to_le_bytes() {
                let at = start + at;
                let kind = Kind::Within;
                return Some(Checked { range, at, kind });
            }
        }
    }
    None
}

/// One past the last byte that the checksum of a version 2 object header covers.
fn header_end(bytes: &[u8], start: usize) -> Option<usize> {
    let flags = *bytes.get(start + 5)?;
    let optional = usize::from(flags & 0x20 != 0) * 16 + usize::from(flags & 0x10 != 0) * 4;
    let (at, width) = (start + 6 + optional, 1 << (flags & 3));
    let mut size = [0; 8];
    size[..width].copy_from_slice(bytes.get(at..at + width)?);
    let size = usize::try_from(u64::from_le_bytes(size)).ok()?;
    let end = (at + width).checked_add(size)?;
    (end.checked_add(4)? <= bytes.len()).then_some(end)
}

impl Checked {
    /// Changes the stored checksum; gives where the block starts.
    pub(crate) fn spoil(&self, bytes: &mut [u8]) -> usize {
        bytes[self.at + 1] ^= 0x10;
        self.range.start
    }

    /// Writes the checksum that the block should have.
    pub(crate) fn repair(&self, bytes: &mut [u8]) {
        let (mut end, mut at) = (self.range.end, self.at);
        match self.kind {
            Kind::End => {}
            Kind::Within => bytes[at..at + 4].fill(0),
            Kind::ObjectHeader => {
                if let Some(changed) = header_end(bytes, self.range.start) {
                    (end, at) = (changed, changed);
                }
            }
        }
        let checksum = lookup3(&bytes[self.range.start..end]);
        bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// Bob Jenkins' lookup3 with initial value 0, written apart from the library's own.
pub(crate) fn lookup3(bytes: &[u8]) -> u32 {
    let mut state = [0xDEAD_BEEF_u32.wrapping_add(u32::try_from(bytes.len()).unwrap()); 3];
    if bytes.is_empty() {
        return state[2];
    }
    let last = (bytes.len() - 1) / 12 * 12;
    for block in bytes[..last].chunks_exact(12) {
        add(&mut state, block);
        mix(&mut state);
    }
    let mut tail = [0; 12];
    tail[..bytes.len() - last].copy_from_slice(&bytes[last..]);
    add(&mut state, &tail);
    let [mut a, mut b, mut c] = state;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

fn add(state: &mut [u32; 3], block: &[u8]) {
    for (word, bytes) in state.iter_mut().zip(block.chunks_exact(4)) {
        *word = word.wrapping_add(u32::from_le_bytes(bytes.try_into().unwrap()));
    }
}

fn mix(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    for shifts in [[4, 6, 8], [16, 19, 4]] {
        a = a.wrapping_sub(c) ^ c.rotate_left(shifts[0]);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(shifts[1]);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(shifts[2]);
        b = b.wrapping_add(a);
    }
    *state = [a, b, c];
}
