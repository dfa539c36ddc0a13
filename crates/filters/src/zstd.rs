//! HDF5 filter 32015: Zstandard frames.

use ::zstd::zstd_safe::{self, DCtx};

use crate::registered::Fault;

/// The most plain bytes that a stored byte can give: a block of 4 gives 128 KiB.
const BEST_RATIO: usize = 1 << 15;

/// Undoes the filter. Its parameter (the level) is not needed.
pub(crate) fn decode(stored: &[u8], _: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut plain = Vec::new();
    let mut decoder = Decoder::new();
    let mut rest = stored;
    while !rest.is_empty() {
        let length = zstd_safe::find_frame_compressed_size(rest).map_err(reason)?;
        let (frame, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let mut room = limit.saturating_sub(plain.len());
        let mut likely = frame.len().saturating_mul(BEST_RATIO);
        if let Ok(Some(claimed)) = zstd_safe::get_frame_content_size(frame) {
            let claimed = usize::try_from(claimed).unwrap_or(usize::MAX);
            if claimed > room {
                return Err(Fault::TooLong);
            }
            likely = likely.min(claimed);
        }
        room = room.min(likely);
        let mut part = Vec::new();
        part.try_reserve_exact(room)
            .map_err(|_| format!("no memory for {room} bytes"))?;
        decoder.0.decompress(&mut part, frame).map_err(|code| {
            if room < likely && zstd_safe::get_error_name(code) == TOO_SMALL {
                return Fault::TooLong;
            }
            reason(code)
        })?;
        if plain.is_empty() {
            plain = part; // nearly always the only one
        } else {
            plain.extend_from_slice(&part);
        }
        rest = after;
    }
    Ok(plain)
}

/// What the library says where a frame gives more than there is room for.
const TOO_SMALL: &str = "Destination buffer is too small";

/// A decoder that is kept from block to block: making one takes longer than a small block.
pub(crate) struct Decoder(DCtx<'static>);

impl Decoder {
    /// One for any frames.
    pub(crate) fn new() -> Self {
        Self(DCtx::create())
    }

    /// Undoes frames that give exactly as many bytes as `plain` has.
    pub(crate) fn decode_block(&mut self, stored: &[u8], plain: &mut [u8]) -> Result<(), Fault> {
        let length = self.0.decompress(plain, stored).map_err(reason)?;
        if length == plain.len() {
            return Ok(());
        }
        Err(Fault::Malformed(format!(
            "a Zstandard block gives {length} bytes, expected {}",
            plain.len()
        )))
    }
}

fn reason(code: usize) -> Fault {
    Fault::Malformed(format!("Zstandard: {}", zstd_safe::get_error_name(code)))
}
