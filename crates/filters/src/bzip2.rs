//! HDF5 filter 307: a bzip2 stream.

use ::bzip2::{Decompress, Status};

use crate::registered::Fault;

/// Plain bytes expected per stored byte before anything is known; more room is made as it fills.
const USUAL_RATIO: usize = 8;

/// Undoes the filter. Its parameter (the block size) is repeated in the stream; bytes after the
/// stream are ignored, as libhdf5's filter does.
pub(crate) fn decode(stored: &[u8], _: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let ceiling = limit.saturating_add(1); // the byte too many tells an overlong stream
    let first = stored.len().saturating_mul(USUAL_RATIO).saturating_add(64);
    let mut plain = Vec::with_capacity(first.min(ceiling));
    let mut stream = Decompress::new(false);
    loop {
        let at = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let input = stored.get(at..).unwrap_or_default();
        let before = (stream.total_in(), plain.len());
        let status = stream
            .decompress_vec(input, &mut plain)
            .map_err(|error| format!("bzip2 stream: {error}"))?;
        if plain.len() > limit {
            return Err(Fault::TooLong);
        }
        if status == Status::StreamEnd {
            return Ok(plain);
        }
        if plain.len() == plain.capacity() {
            let room = ceiling.saturating_sub(plain.len());
            plain.reserve_exact(room.min(plain.len()));
        } else if before == (stream.total_in(), plain.len()) {
            return Err(Fault::Malformed(format!(
                "the bzip2 stream does not end within its {} bytes",
                stored.len()
            )));
        }
    }
}
