//! Bytes built by hand.

use super::drive::{Source, Supply, grid};
use crate::checksum::lookup3;
use crate::chunk_index::{ChunkIndex, Grid};

pub(super) fn at(address: usize) -> u64 {
    u64::try_from(address).unwrap()
}

/// A file under construction.
#[derive(Clone, Default)]
pub(super) struct Image(pub(super) Vec<u8>);

impl Image {
    pub(super) fn put(&mut self, address: usize, bytes: &[u8]) {
        let end = address + bytes.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[address..end].copy_from_slice(bytes);
    }

    /// With the checksum after it.
    pub(super) fn put_checked(&mut self, address: usize, bytes: &[u8]) {
        self.put(address, bytes);
        self.put(address + bytes.len(), &lookup3(bytes).to_le_bytes());
    }

    pub(super) fn source(&self, index: ChunkIndex, grid: Grid) -> Source<'_> {
        Source {
            image: &self.0,
            base: 0,
            index,
            grid,
        }
    }

    pub(super) fn message(&self, index: ChunkIndex, grid: Grid) -> String {
        let outcome = self.source(index, grid).read(Supply::Waves);
        outcome.expect_err("is malformed").to_string()
    }
}

pub(super) fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Chunks of 4 elements of 2 bytes.
pub(super) fn line(chunks: u64) -> Grid {
    grid(&[chunks * 4], &[None], &[4])
}

/// The same, with a maximum shape.
pub(super) fn limited(chunks: u64) -> Grid {
    grid(&[chunks * 4], &[Some(chunks * 4)], &[4])
}
