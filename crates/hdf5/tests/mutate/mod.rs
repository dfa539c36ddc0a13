//! Damage that gets past the checksums: changes fields of a file's metadata, then makes every
//! checksum right again, so that the code behind them is reached.

use std::collections::BTreeSet;
use std::ops::Range;

pub(crate) mod checked;
mod random;
pub(crate) mod reading;

use checked::Checked;
pub(crate) use random::Random;
use reading::wanted;

/// A valid file to be damaged.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// What a clean scan wants.
    wanted: Vec<Range<usize>>,
    /// Where structures start.
    addresses: Vec<u64>,
    blocks: Vec<Checked>,
}

impl Subject {
    pub(crate) fn new(name: String, bytes: Vec<u8>) -> Self {
        let wanted = wanted(&bytes);
        let blocks = checked::find(&bytes);
        let mut addresses: BTreeSet<u64> = wanted.iter().map(|range| range.start as u64).collect();
        addresses.extend(blocks.iter().map(|block| block.range.start as u64));
        for range in &wanted {
            for at in range.clone() {
                let word = &bytes[at..bytes.len().min(at + 4)];
                if [&b"TREE"[..], b"SNOD", b"HEAP", b"GCOL"].contains(&word) {
                    addresses.insert(at as u64);
                }
            }
        }
        Self {
            name,
            wanted,
            addresses: addresses.into_iter().collect(),
            blocks,
            bytes,
        }
    }

    /// Where blocks with a checksum start, and the file with that checksum, and no other byte,
    /// wrong.
    pub(crate) fn with_wrong_checksums(&self) -> impl Iterator<Item = (usize, Vec<u8>)> {
        self.blocks.iter().map(|block| {
            let mut bytes = self.bytes.clone();
            let start = block.spoil(&mut bytes);
            (start, bytes)
        })
    }

    /// Bytes of metadata: what a scan of it costs.
    pub(crate) fn cost(&self) -> usize {
        self.wanted.iter().map(ExactSizeIterator::len).sum()
    }

    /// Checksums that a change of the metadata would break.
    pub(crate) fn checksums(&self) -> usize {
        self.blocks.len()
    }

    /// The file with one to four changes, and right checksums (but for every sixteenth).
    pub(crate) fn mutant(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for _ in 0..=random.below(4) {
            self.change(&mut bytes, random);
        }
        if random.below(16) > 0 {
            for block in &self.blocks {
                block.repair(&mut bytes);
            }
        }
        if random.below(64) == 0 {
            bytes.truncate(random.below(self.bytes.len()));
        }
        bytes
    }

    /// A place in the metadata where `length` bytes may be changed.
    fn place(&self, random: &mut Random, length: usize) -> usize {
        let at = if random.below(3) == 0 {
            // Heads of structures hold the fields that matter most.
            usize::try_from(*random.pick(&self.addresses)).unwrap() + random.below(64)
        } else {
            let range = random.pick(&self.wanted).clone();
            range.start + random.below(range.len())
        };
        at.min(self.bytes.len() - length)
    }

    fn change(&self, bytes: &mut [u8], random: &mut Random) {
        match random.below(10) {
            0 => {
                let at = self.place(random, 1);
                bytes[at] ^= 1 << random.below(8);
            }
            1 => {
                let at = self.place(random, 1);
                bytes[at] = random.next().to_le_bytes()[0];
            }
            2..=4 => {
                let width = *random.pick(&[1, 2, 4, 8]);
                let at = self.place(random, width);
                let value = self.boundary(random).to_le_bytes();
                bytes[at..at + width].copy_from_slice(&value[..width]);
            }
            5 => {
                let width = *random.pick(&[1, 2, 4, 8]);
                let at = self.place(random, width);
                add(&mut bytes[at..at + width], random.below(17) as u64);
            }
            6 => {
                let at = self.place(random, 8);
                let address = random.pick(&self.addresses).to_le_bytes();
                bytes[at..at + 8].copy_from_slice(&address);
            }
            7 => {
                let (from, to) = (self.place(random, 8), self.place(random, 8));
                bytes.copy_within(from..from + 8, to);
            }
            8 => {
                let (one, other) = (self.place(random, 8), self.place(random, 8));
                for k in 0..8 {
                    bytes.swap(one + k, other + k);
                }
            }
            _ => {
                let length = (8 + random.below(248)).min(bytes.len() / 2);
                let (from, to) = (self.place(random, length), self.place(random, length));
                bytes.copy_within(from..from + length, to);
            }
        }
    }

    fn boundary(&self, random: &mut Random) -> u64 {
        let size = self.bytes.len() as u64;
        let power = 1_u64 << random.below(64);
        *random.pick(&[
            0,
            1,
            2,
            power,
            power - 1,
            u64::MAX,
            u64::MAX - 1,
            u64::MAX >> 1,
            size,
            size - 1,
            size / 2,
            0x0101_0101_0101_0101,
        ])
    }
}

/// Adds a number from -8 to 8 to a little-endian integer.
fn add(bytes: &mut [u8], delta: u64) {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let sum = u64::from_le_bytes(word).wrapping_add(delta).wrapping_sub(8);
    bytes.copy_from_slice(&sum.to_le_bytes()[..bytes.len()]);
}
