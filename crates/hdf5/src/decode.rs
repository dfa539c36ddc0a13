//! Undoing I/O filters, which a fractal heap may have (III.G): this crate knows no filter, so it
//! asks whoever drives it.

use std::fmt::Debug;

use bytes::Bytes;

use crate::error::{Place, Result};
use crate::filter::Filter;
use crate::held::Held;

/// What a [`Decode`] has in memory while it decodes, in sizes of what it gives: that itself while
/// it grows, and what the filter before it was given.
const BUFFERS: u64 = 3;

/// Undoes I/O filters; given to a scan in [`crate::ScanOptions`].
pub trait Decode: Debug + Send + Sync {
    /// Whether it can undo this filter.
    fn knows(&self, filter: &Filter) -> bool;

    /// The `decoded_size` bytes that the filters, in the order in which a writer applies them,
    /// made into `stored`; bit `i` of `mask` says that filter `i` was skipped. It must never
    /// hold much more than `decoded_size` bytes, whatever `stored` claims, and give the same
    /// each time.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn decode(
        &self,
        filters: &[Filter],
        mask: u32,
        stored: Bytes,
        decoded_size: usize,
    ) -> Result<Bytes, String>;
}

impl Held {
    /// Undoes the filters of a block or an object, whose decoded bytes are charged as memory.
    pub(crate) fn decode(
        &self,
        place: Place,
        filters: &[Filter],
        mask: u32,
        stored: Bytes,
        decoded_size: u64,
    ) -> Result<Bytes> {
        let decoder = self.decoder.as_ref();
        let applied = (0_u32..).zip(filters).filter(|&(bit, _)| {
            let skipped = mask.checked_shr(bit).is_some_and(|bits| bits & 1 == 1);
            !skipped
        });
        let mut unknown = applied.filter(|(_, filter)| !decoder.is_some_and(|d| d.knows(filter)));
        if let Some((_, filter)) = unknown.next() {
            let what = format!("a heap with I/O filter {}", filter.id.0);
            return Err(place.unsupported(what));
        }
        let Some(decoder) = decoder else {
            return Ok(stored);
        };
        let passing = decoded_size.saturating_mul(BUFFERS);
        self.charge_memory(place, passing)?;
        if self.file_size.is_none() && passing > self.limits.memory {
            return Err(place.limit("memory for what is decoded", self.limits.memory));
        }
        let size = usize::try_from(decoded_size).unwrap_or(usize::MAX);
        let given = decoder.decode(filters, mask, stored, size);
        self.refund_memory(passing.saturating_sub(decoded_size));
        let given = given.map_err(|what| place.malformed(what))?;
        if given.len() == size {
            return Ok(given);
        }
        let found = given.len();
        Err(place.malformed(format!(
            "{found} bytes when decoded, {decoded_size} expected"
        )))
    }
}
