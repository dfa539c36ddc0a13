//! HDF5 filter 305: one LZO1X stream, as `PyTables` writes it.

use lzokay::Error;
use lzokay::decompress::decompress;

use crate::registered::Fault;

/// The most plain bytes that a stored byte can give: each zero in the length of a repeat stands
/// for 255, and the bytes around it for a few hundred more.
const BEST_RATIO: usize = 255;
const MORE: usize = 512;

/// Undoes the filter. Its parameters (level, and what `PyTables` stores) are not needed.
pub(crate) fn decode(stored: &[u8], _: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let most = stored.len().saturating_mul(BEST_RATIO).saturating_add(MORE);
    let mut plain = vec![0; limit.min(most)];
    match decompress(stored, &mut plain) {
        Ok(length) => {
            plain.truncate(length);
            Ok(plain)
        }
        Err(Error::OutputOverrun) => Err(Fault::TooLong),
        Err(Error::InputOverrun) => Err("the LZO stream is cut off".into()),
        Err(Error::InputNotConsumed) => Err("bytes follow the LZO stream".into()),
        Err(Error::LookbehindOverrun) => Err("a repeat from before the first byte".into()),
        Err(_) => Err("the LZO stream does not end as such streams do".into()),
    }
}
