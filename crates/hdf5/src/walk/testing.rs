//! Drives a [`Walk`] over the bytes of a file, in orders that a network could bring.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::{Walk, Wants};
use crate::address::Address;
use crate::decode::Decode;
use crate::error::Result;
use crate::filter::{Filter, FilterId};
use crate::held::Held;

/// A file under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image(pub(crate) Vec<u8>);

impl Image {
    /// Writes `bytes` at `at`, with zeros in between.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[at..end].copy_from_slice(bytes);
    }

    /// As [`Image::put`], followed by the checksum of `bytes`.
    pub(crate) fn put_checked(&mut self, at: usize, bytes: &[u8]) {
        self.put(at, bytes);
        let checksum = crate::checksum::lookup3(bytes);
        self.put(at + bytes.len(), &checksum.to_le_bytes());
    }
}

/// A small generator of pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Knows filter 1 alone, which flips all bits and leaves away zeros at the end.
#[derive(Debug)]
struct Flip;

impl Decode for Flip {
    fn knows(&self, filter: &Filter) -> bool {
        filter.id == FilterId::DEFLATE
    }

    fn decode(&self, _: &[Filter], mask: u32, stored: Bytes, size: usize) -> Result<Bytes, String> {
        if mask & 1 == 1 {
            return Ok(stored);
        }
        let mut decoded: Vec<u8> = stored.iter().map(|byte| !byte).collect();
        if decoded.len() > size {
            return Err("more bytes than expected".to_owned());
        }
        decoded.resize(size, 0);
        Ok(decoded.into())
    }
}

/// What the filter that [`Flip`] undoes makes of a block.
pub(crate) fn flipped(block: &[u8]) -> Vec<u8> {
    let end = block.iter().rposition(|&byte| byte != 0);
    let used = &block[..end.map_or(0, |last| last + 1)];
    used.iter().map(|byte| !byte).collect()
}

fn new_held() -> Held {
    let mut held = Held::default();
    held.decoder = Some(Arc::new(Flip));
    held
}

/// Everything wanted is supplied at once; gives the output and the number of waves.
pub(crate) fn read_in_waves<W: Walk>(file: &[u8], mut walk: W) -> Result<(W::Output, usize)> {
    let mut held = new_held();
    held.file_size = Some(file.len() as u64);
    for waves in 0.. {
        let mut wants = Wants::new();
        walk.advance(&held, &mut wants)?;
        if walk.is_done() {
            assert_eq!(wants, [], "done, but wants more");
            return walk.finish().map(|output| (output, waves));
        }
        assert!(supply(&mut held, file, &wants), "stuck, wants {wants:?}");
    }
    panic!("more waves than numbers")
}

/// Reads in waves, then again in many other orders and splits; every way must give the same.
/// An error must come every way, though its words may depend on what was read first.
pub(crate) fn read_every_way<W>(file: &[u8], make: impl Fn() -> W) -> Result<W::Output>
where
    W: Walk,
    W::Output: Debug + PartialEq,
{
    let expected = read_in_waves(file, make()).map(|(output, _)| output);
    for seed in 1..=8 {
        let found = read_shuffled(file, make(), seed);
        match (&expected, &found) {
            (Ok(expected), Ok(found)) => assert_eq!(expected, found, "seed {seed}"),
            (Err(_), Err(_)) => {}
            _ => panic!("seed {seed}: {found:?} instead of {expected:?}"),
        }
    }
    expected
}

/// One want at a time, cut in pieces that come in any order. On odd seeds the size of the file
/// is only known once bytes past its end are asked for.
fn read_shuffled<W: Walk>(file: &[u8], mut walk: W, seed: u64) -> Result<W::Output> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let size = file.len() as u64;
    let mut held = new_held();
    held.file_size = seed.is_multiple_of(2).then_some(size);
    loop {
        let mut wants = Wants::new();
        walk.advance(&held, &mut wants)?;
        let mut again = Wants::new();
        walk.advance(&held, &mut again)?;
        let key = |want: &Range<u64>| (want.start, want.end);
        wants.sort_by_key(key);
        again.sort_by_key(key);
        assert_eq!(wants, again, "the wants changed with nothing new held");
        if walk.is_done() {
            return walk.finish();
        }
        if wants.iter().any(|want| want.end > size) {
            held.file_size = Some(size);
        }
        let (start, end) = match wants.get(random.below(wants.len().max(1))) {
            Some(want) => (want.start.min(size), want.end.min(size)),
            None => panic!("neither done nor wanting"),
        };
        let mut cuts = vec![start, end];
        for _ in 0..random.below(3) {
            cuts.push(start + random.below((end - start) as usize + 1) as u64);
        }
        cuts.sort_unstable();
        let mut pieces: Vec<_> = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let mut grew = end < wants[0].end || start == end;
        while !pieces.is_empty() {
            let piece = pieces.swap_remove(random.below(pieces.len()));
            grew |= supply(&mut held, file, &[piece]);
            // In the middle of a want: must go on later as if it had come at once.
            walk.advance(&held, &mut Wants::new())?;
        }
        assert!(grew, "stuck, wants {wants:?}");
    }
}

/// Whether any byte of `wants` was not yet held.
fn supply(held: &mut Held, file: &[u8], wants: &[Range<u64>]) -> bool {
    let mut grew = false;
    for want in wants {
        let start = want.start.min(file.len() as u64);
        let end = want.end.min(file.len() as u64);
        grew |= !held.missing(start..end).is_empty();
        let bytes = Bytes::copy_from_slice(&file[start as usize..end as usize]);
        held.insert(start, bytes);
    }
    grew
}

/// The bytes of a file in `fixtures/hdf5`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/../../fixtures/hdf5/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Where `bytes` occur in a file, ascending.
pub(crate) fn occurrences(file: &[u8], bytes: &[u8]) -> Vec<Address> {
    let windows = file.windows(bytes.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == bytes);
    found.map(|(at, _)| Address(at as u64)).collect()
}

/// Changes one byte of `file` after another (each `step`th) and reads: there may be any output or
/// error, but no panic and no endless loop.
pub(crate) fn survive_changes<W: Walk>(file: &[u8], step: usize, make: impl Fn() -> W) {
    let mut changed = file.to_vec();
    for at in (0..file.len()).step_by(step) {
        for value in [file[at] ^ 0x01, file[at] ^ 0x80, 0xFF] {
            changed[at] = value;
            let _ = read_in_waves(&changed, make());
        }
        changed[at] = file[at];
    }
}
