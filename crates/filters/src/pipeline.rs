//! Filters in their order.

use std::borrow::Cow;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::{deflate, fletcher32, shuffle};

/// One step of a chunk's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// Bytes of equal significance together (HDF5 filter 2).
    Shuffle {
        /// Size in bytes of an element; 0 and 1 change nothing.
        element_size: u32,
    },
    /// Deflate in a zlib container (HDF5 filter 1).
    Deflate {
        /// Compression level, 0 to 9; more is taken as 9.
        level: u8,
    },
    /// Fletcher-32 checksum in the last four bytes, little-endian (HDF5 filter 3).
    Fletcher32,
}

/// The filters of a dataset, in the order a writer applies them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pipeline {
    filters: Vec<Filter>,
}

impl Pipeline {
    /// A pipeline of these filters, in the order a writer applies them.
    pub fn new(filters: impl Into<Vec<Filter>>) -> Self {
        Self {
            filters: filters.into(),
        }
    }

    /// Its filters, in the order a writer applies them.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The chunk before the writer filtered it: `decoded_size` bytes. Bit `i` of `mask` says that
    /// the writer skipped filter `i`.
    ///
    /// # Errors
    ///
    /// If a filter can't be undone, a checksum does not match, or the result has another length.
    pub fn decode(&self, chunk: Bytes, mask: u32, decoded_size: usize) -> Result<Bytes> {
        let applied = self.applied(mask, decoded_size);
        let mut bytes = chunk;
        for &(index, filter, limit) in applied.iter().rev() {
            bytes = undo(filter, bytes, limit, index)?;
        }
        if bytes.len() == decoded_size {
            return Ok(bytes);
        }
        Err(Error::Length {
            found: bytes.len(),
            expected: decoded_size,
        })
    }

    /// The chunk as a writer stores it, no filter skipped.
    ///
    /// # Errors
    ///
    /// If a filter can't be applied.
    pub fn encode(&self, chunk: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = Cow::Borrowed(chunk);
        for (index, &filter) in self.filters.iter().enumerate() {
            bytes = Cow::Owned(apply(filter, &bytes, index)?);
        }
        Ok(bytes.into_owned())
    }

    /// The filters that were applied: number, filter, and the most bytes it can have been given.
    fn applied(&self, mask: u32, decoded_size: usize) -> Vec<(usize, Filter, usize)> {
        let mut limit = decoded_size;
        let mut applied = Vec::with_capacity(self.filters.len());
        for (index, &filter) in self.filters.iter().enumerate() {
            // The mask has 32 bits, and HDF5 allows 32 filters.
            let bit = u32::try_from(index)
                .ok()
                .and_then(|bit| mask.checked_shr(bit));
            if bit.is_some_and(|bit| bit & 1 == 1) {
                continue;
            }
            applied.push((index, filter, limit));
            limit = match filter {
                Filter::Shuffle { .. } => limit,
                Filter::Deflate { .. } => deflate::longest(limit),
                Filter::Fletcher32 => limit.saturating_add(fletcher32::SIZE),
            };
        }
        applied
    }
}

/// Undoes one filter, giving at most `limit` bytes.
fn undo(filter: Filter, bytes: Bytes, limit: usize, index: usize) -> Result<Bytes> {
    let plain = match filter {
        Filter::Deflate { .. } => deflate::inflate(&bytes, limit, index)?.into(),
        Filter::Fletcher32 => verify(&bytes, index)?,
        // Checked first: a run too long is not worth moving around.
        Filter::Shuffle { .. } if bytes.len() > limit => bytes,
        Filter::Shuffle { element_size } => match usize::try_from(element_size) {
            // A size past `usize` is larger than any chunk in memory: less than one element.
            Ok(0 | 1) | Err(_) => bytes,
            Ok(size) => shuffle::unshuffle(&bytes, size).into(),
        },
    };
    if plain.len() > limit {
        return Err(Error::TooLong { index, limit });
    }
    Ok(plain)
}

/// The bytes before the checksum, if it matches them.
fn verify(bytes: &Bytes, index: usize) -> Result<Bytes> {
    let Some((plain, stored)) = bytes.split_last_chunk::<{ fletcher32::SIZE }>() else {
        return Err(Error::NoChecksum {
            index,
            stored: bytes.len(),
        });
    };
    let stored = u32::from_le_bytes(*stored);
    let computed = fletcher32::checksum(plain);
    // HDF5 before 1.6.3 swapped bytes; libhdf5 accepts both to this day.
    if stored != computed && stored != fletcher32::swapped(computed) {
        return Err(Error::Checksum {
            index,
            stored,
            computed,
            length: plain.len(),
        });
    }
    Ok(bytes.slice_ref(plain))
}

fn apply(filter: Filter, bytes: &[u8], index: usize) -> Result<Vec<u8>> {
    match filter {
        Filter::Shuffle { element_size } => Ok(match usize::try_from(element_size) {
            Ok(size) => shuffle::shuffle(bytes, size),
            Err(_) => bytes.to_vec(),
        }),
        Filter::Deflate { level } => deflate::deflate(bytes, level, index),
        Filter::Fletcher32 => {
            let mut stored = Vec::with_capacity(bytes.len().saturating_add(fletcher32::SIZE));
            stored.extend_from_slice(bytes);
            stored.extend_from_slice(&fletcher32::checksum(bytes).to_le_bytes());
            Ok(stored)
        }
    }
}
