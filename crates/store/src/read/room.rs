//! Whether there is room for what a set claims: its shapes may be anything.

use chunkref_manifest::{Array, Layout};

use crate::error::{Error, Result};

/// Where no limit is set, the most bytes of what is read beyond what chunks hold.
const UNHELD: u64 = 1 << 30;

/// Fails where what is read of an array, of so many bytes, is more than may be: without a limit, where
/// it is far more than its chunks hold, and in any case where there is no memory for it.
pub(super) fn check(array: &Array, path: &str, size: usize, limit: u64) -> Result<()> {
    let bytes = u64::try_from(size).unwrap_or(u64::MAX);
    if limit == u64::MAX && bytes > UNHELD {
        let most = held(array).saturating_add(UNHELD);
        if bytes > most {
            return Err(Error::TooLarge {
                path: path.to_owned(),
                what: "an array, most of which no chunk holds,",
                bytes,
                limit: most,
            });
        }
    }
    // A failed allocation would end the process.
    Vec::<u8>::new()
        .try_reserve_exact(size)
        .map_err(|_| Error::NoMemory {
            path: path.to_owned(),
            bytes,
        })
}

/// Bytes of the elements of all chunks that are stored, as far as that can be told.
fn held(array: &Array) -> u64 {
    let element = u64::from(array.data_type.size().unwrap_or(1));
    let of = |chunk_shape: &[u64], chunks: u64| {
        let chunk = chunk_shape.iter();
        chunk.fold(element.saturating_mul(chunks), |bytes, length| {
            bytes.saturating_mul(*length)
        })
    };
    let sum = |lengths: &mut dyn Iterator<Item = u64>| lengths.fold(0, u64::saturating_add);
    match &array.layout {
        Layout::Concat(concat) => {
            let profiles = concat.profiles().iter();
            sum(&mut profiles.map(|one| of(&one.encoding.chunk_shape, one.chunks.stored())))
        }
        Layout::External { segments, .. } => sum(&mut segments.iter().map(|one| one.length)),
        // What mappings lead to is known when that is read.
        Layout::Virtual { .. } => u64::MAX,
        _ => of(&array.chunk_shape(), array.stored_chunks()),
    }
}
