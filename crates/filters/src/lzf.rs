//! HDF5 filter 32000: LZF, as h5py writes it.
//!
//! | first byte | then | means |
//! |---|---|---|
//! | 0 to 31: `n` | `n` + 1 bytes | those bytes |
//! | high 3 bits `l` 1 to 6, low 5 bits `d` | 1 byte `e` | `l` + 2 bytes from 256 `d` + `e` + 1 before |
//! | high 3 bits 7, low 5 bits `d` | 1 byte `l`, 1 byte `e` | `l` + 9 bytes from as far before |

use crate::lz::Window;
use crate::registered::Fault;

/// The most plain bytes that a stored byte can give: three give a repeat of 264.
const BEST_RATIO: usize = 88;

/// Undoes the filter. Its parameters (revisions, chunk size) are not needed.
pub(crate) fn decode(stored: &[u8], _: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut plain = vec![0; limit.min(stored.len().saturating_mul(BEST_RATIO))];
    let mut window = Window::new(&mut plain);
    let mut rest = stored;
    while let Some((&control, after)) = rest.split_first() {
        if control < 32 {
            let length = usize::from(control).wrapping_add(1);
            window.literals(after, length)?;
            rest = after.get(length..).unwrap_or_default();
            continue;
        }
        let (length, near, after) = match (control >> 5, after) {
            (7, [length, near, after @ ..]) => (usize::from(*length).wrapping_add(9), near, after),
            (length @ ..7, [near, after @ ..]) => {
                (usize::from(length).wrapping_add(2), near, after)
            }
            _ => return Err("the last repeat is cut off".into()),
        };
        let far = usize::from(control & 31) << 8;
        window.repeat((far | usize::from(*near)).wrapping_add(1), length)?;
        rest = after;
    }
    let length = window.len();
    plain.truncate(length);
    Ok(plain)
}
