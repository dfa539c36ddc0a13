//! Filters in their order.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::registered::{self, Fault};
use crate::{deflate, fletcher32, room, shuffle};

/// The numbers of the filters that have a variant of their own.
const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER32: u16 = 3;

/// The level noted for a deflate filter that does not say its own.
const USUAL_LEVEL: u32 = 6;

/// One step of a chunk's encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Any other filter.
    Registered {
        /// Its number in the HDF5 registry.
        id: u16,
        /// Its client data, as the file states it.
        parameters: Arc<[u32]>,
    },
}

impl Filter {
    /// The filter that an HDF5 file states by its number and client data.
    ///
    /// A shuffle without an element size, which libhdf5 refuses, is one that is not supported.
    pub fn from_hdf5(id: u16, parameters: &[u32]) -> Self {
        match (id, parameters) {
            (DEFLATE, _) => {
                let level = parameters
                    .first()
                    .map_or(USUAL_LEVEL, |&level| level.min(9));
                Self::Deflate {
                    level: u8::try_from(level).unwrap_or(9),
                }
            }
            (SHUFFLE, &[element_size, ..]) if element_size > 0 => Self::Shuffle { element_size },
            (FLETCHER32, _) => Self::Fletcher32,
            _ => Self::Registered {
                id,
                parameters: parameters.into(),
            },
        }
    }

    /// Its number in the HDF5 registry.
    pub fn id(&self) -> u16 {
        match *self {
            Self::Deflate { .. } => DEFLATE,
            Self::Shuffle { .. } => SHUFFLE,
            Self::Fletcher32 => FLETCHER32,
            Self::Registered { id, .. } => id,
        }
    }

    /// Its name; "unknown" where the number is not known.
    pub fn name(&self) -> &'static str {
        registered::name(self.id())
    }

    /// Whether this filter can be undone.
    pub fn is_supported(&self) -> bool {
        match *self {
            Self::Registered { id, .. } => {
                registered::decoder(id).is_some() || registered::is_identity(id)
            }
            Self::Deflate { .. } | Self::Shuffle { .. } | Self::Fletcher32 => true,
        }
    }

    /// Whether chunks are read as they are behind this filter: it rounds values when it writes, or
    /// moves bytes of elements that have one.
    pub fn is_identity(&self) -> bool {
        match *self {
            Self::Registered { id, .. } => registered::is_identity(id),
            Self::Shuffle { element_size } => element_size < 2,
            Self::Deflate { .. } | Self::Fletcher32 => false,
        }
    }

    /// Whether filters of this number can be undone.
    pub fn supported(id: u16) -> bool {
        matches!(id, DEFLATE | SHUFFLE | FLETCHER32)
            || registered::decoder(id).is_some()
            || registered::is_identity(id)
    }
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
        let mut bytes = Held::Given(chunk);
        for &(index, filter, limit) in applied.iter().rev() {
            bytes = undo(filter, bytes, limit, index)?;
        }
        if bytes.len() == decoded_size {
            return Ok(bytes.into());
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
        for (index, filter) in self.filters.iter().enumerate() {
            bytes = Cow::Owned(apply(filter, &bytes, index)?);
        }
        Ok(bytes.into_owned())
    }

    /// The filters that were applied: number, filter, and the most bytes it can have been given.
    fn applied(&self, mask: u32, decoded_size: usize) -> Vec<(usize, &Filter, usize)> {
        let mut limit = decoded_size;
        let mut applied = Vec::with_capacity(self.filters.len());
        for (index, filter) in self.filters.iter().enumerate() {
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
                Filter::Registered { id, .. } => registered::longest(*id, limit),
            };
        }
        applied
    }
}

/// The bytes of a chunk between two filters.
enum Held {
    /// The caller's.
    Given(Bytes),
    /// Made by a filter.
    Made(Vec<u8>),
}

impl Held {
    /// The first `length` of them.
    fn first(self, length: usize) -> Self {
        match self {
            Self::Given(mut bytes) => {
                bytes.truncate(length);
                Self::Given(bytes)
            }
            Self::Made(mut bytes) => {
                bytes.truncate(length);
                Self::Made(bytes)
            }
        }
    }

    /// What was made of them takes their place.
    fn replaced_by(self, made: Vec<u8>) -> Self {
        if let Self::Made(bytes) = self {
            room::give(bytes);
        }
        Self::Made(made)
    }
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

impl From<Held> for Bytes {
    fn from(held: Held) -> Self {
        match held {
            Held::Given(bytes) => bytes,
            Held::Made(bytes) => bytes.into(),
        }
    }
}

/// Undoes one filter, giving at most `limit` bytes.
fn undo(filter: &Filter, bytes: Held, limit: usize, index: usize) -> Result<Held> {
    let made = match *filter {
        Filter::Registered { id, .. } if registered::is_identity(id) => None,
        Filter::Registered { id, ref parameters } => {
            Some(decode(id, parameters, &bytes, limit, index)?)
        }
        Filter::Deflate { .. } => Some(deflate::inflate(&bytes, limit, index)?),
        Filter::Fletcher32 => {
            let length = verify(&bytes, index)?;
            return within(bytes.first(length), limit, index);
        }
        // Checked first: a run too long is not worth moving around.
        Filter::Shuffle { .. } if bytes.len() > limit => None,
        Filter::Shuffle { element_size } => match usize::try_from(element_size) {
            // A size past `usize` is larger than any chunk in memory: less than one element.
            Ok(0 | 1) | Err(_) => None,
            Ok(size) => Some(shuffle::unshuffle(&bytes, size)),
        },
    };
    let plain = match made {
        Some(made) => bytes.replaced_by(made),
        None => bytes,
    };
    within(plain, limit, index)
}

/// The bytes, if they are no more than `limit`.
fn within(bytes: Held, limit: usize, index: usize) -> Result<Held> {
    if bytes.len() > limit {
        return Err(Error::TooLong { index, limit });
    }
    Ok(bytes)
}

/// How many bytes stand before the checksum, if it matches them.
fn verify(bytes: &[u8], index: usize) -> Result<usize> {
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
    Ok(plain.len())
}

/// Undoes a filter of the registry.
fn decode(
    id: u16,
    parameters: &[u32],
    bytes: &[u8],
    limit: usize,
    index: usize,
) -> Result<Vec<u8>> {
    let name = registered::name(id);
    let unsupported = |reason| Error::Unsupported {
        index,
        id,
        name,
        reason,
    };
    let Some(decoder) = registered::decoder(id) else {
        return Err(unsupported(match id {
            SHUFFLE => "it does not state the size of an element".to_owned(),
            _ => "nothing here decodes it".to_owned(),
        }));
    };
    (decoder.decode)(bytes, parameters, limit).map_err(|fault| match fault {
        Fault::TooLong => Error::TooLong { index, limit },
        Fault::Unsupported(reason) => unsupported(reason),
        Fault::Malformed(reason) => Error::Decode {
            index,
            id,
            name,
            stored: bytes.len(),
            reason,
        },
    })
}

fn apply(filter: &Filter, bytes: &[u8], index: usize) -> Result<Vec<u8>> {
    match *filter {
        // Rounding is what a writer wants of its own values; these are to be read as they are.
        Filter::Registered { id, .. } if registered::is_identity(id) => Ok(bytes.to_vec()),
        Filter::Registered { id, .. } => Err(Error::Encode {
            index,
            length: bytes.len(),
            reason: format!("filter {id} ({}) is only decoded", registered::name(id)),
        }),
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
