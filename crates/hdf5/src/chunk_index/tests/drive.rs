//! Drives a walk over an image of a file.

use std::ops::Range;

use bytes::Bytes;

use crate::chunk_index::{ChunkIndex, ChunkWalk, Chunks, Grid};
use crate::error::{Place, Result};
use crate::held::Held;
use crate::scan::Limits;
use crate::walk::{Walk, Wants};

/// How wanted bytes are supplied.
#[derive(Clone, Copy, Debug)]
pub(super) enum Supply {
    /// All that is wanted, each range in one piece.
    Waves,
    /// The last want only.
    OneAtATime,
    /// In an order and in pieces that depend on this seed; some are left for later.
    Shuffled(u64),
}

pub(super) const SUPPLIES: [Supply; 7] = [
    Supply::Waves,
    Supply::OneAtATime,
    Supply::Shuffled(1),
    Supply::Shuffled(2),
    Supply::Shuffled(3),
    Supply::Shuffled(4),
    Supply::Shuffled(5),
];

/// A generator of pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

/// A file, of which an index is to be read.
pub(super) struct Source<'a> {
    pub(super) image: &'a [u8],
    pub(super) base: u64,
    pub(super) index: ChunkIndex,
    pub(super) grid: Grid,
}

/// What came of it, and what it took.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) chunks: Chunks,
    pub(super) waves: usize,
}

pub(super) fn grid(shape: &[u64], max_shape: &[Option<u64>], chunk_shape: &[u64]) -> Grid {
    Grid {
        shape: shape.to_vec(),
        max_shape: max_shape.to_vec(),
        chunk_shape: chunk_shape.to_vec(),
        element_size: 2,
        filtered: false,
        place: Place::new("dataset", 0),
    }
}

impl Source<'_> {
    pub(super) fn read(&self, supply: Supply) -> Result<Outcome> {
        self.read_within(supply, Limits::default())
    }

    pub(super) fn read_within(&self, supply: Supply, limits: Limits) -> Result<Outcome> {
        let mut held = Held::default();
        held.base = self.base;
        held.file_size = Some(u64::try_from(self.image.len()).unwrap());
        let mut walk = ChunkWalk::new(&self.index, self.grid.clone(), limits)?;
        let mut waves = 0;
        loop {
            let mut wants = Wants::new();
            walk.advance(&held, &mut wants)?;
            if walk.is_done() {
                assert!(wants.is_empty(), "done, but wants {wants:?}");
                let chunks = walk.finish()?;
                return Ok(Outcome { chunks, waves });
            }
            assert!(!wants.is_empty(), "neither done nor wanting");
            let mut again = Wants::new();
            walk.advance(&held, &mut again)?;
            assert_eq!(sorted(&wants), sorted(&again), "advancing twice differs");
            waves += 1;
            assert!(waves < 100_000, "does not end");
            self.supply(&mut held, &sorted(&wants), supply, waves);
        }
    }

    fn supply(&self, held: &mut Held, wants: &[Range<u64>], supply: Supply, wave: usize) {
        let all = wants.iter().cloned();
        let pieces: Vec<Range<u64>> = match supply {
            Supply::Waves => all.collect(),
            Supply::OneAtATime => all.rev().take(1).collect(),
            Supply::Shuffled(seed) => shuffled(wants, seed * 7919 + u64::try_from(wave).unwrap()),
        };
        let before: usize = wants
            .iter()
            .map(|want| held.missing(want.clone()).len())
            .sum();
        for piece in pieces {
            let [start, end] = [piece.start, piece.end].map(|at| usize::try_from(at).unwrap());
            let bytes = Bytes::copy_from_slice(&self.image[start..end]);
            held.insert(piece.start, bytes);
        }
        assert!(before > 0, "wants only what is held");
        // As the engine does: what is not wanted is dropped.
        held.retain(&merged(wants));
    }
}

fn sorted(wants: &[Range<u64>]) -> Wants {
    let mut sorted = wants.to_vec();
    sorted.sort_by_key(|want| (want.start, want.end));
    sorted
}

fn merged(wants: &[Range<u64>]) -> Wants {
    let mut merged: Wants = Vec::new();
    for want in sorted(wants) {
        match merged.last_mut() {
            Some(last) if want.start <= last.end => last.end = last.end.max(want.end),
            _ => merged.push(want),
        }
    }
    merged
}

/// Cuts each want in up to three, mixes all, and leaves out some, but never all.
fn shuffled(wants: &[Range<u64>], seed: u64) -> Vec<Range<u64>> {
    let mut random = Random(seed | 1);
    let mut pieces = Vec::new();
    for want in wants {
        let length = usize::try_from(want.end - want.start).unwrap();
        let mut cuts = [random.below(length), random.below(length)].map(|cut| cut as u64);
        cuts.sort_unstable();
        let [one, two] = cuts.map(|cut| want.start + cut);
        pieces.extend([want.start..one, one..two, two..want.end]);
    }
    pieces.retain(|piece| piece.start < piece.end);
    for at in (1..pieces.len()).rev() {
        pieces.swap(at, random.below(at + 1));
    }
    let keep = pieces.len() - random.below(pieces.len().div_ceil(2));
    pieces.truncate(keep);
    pieces
}
