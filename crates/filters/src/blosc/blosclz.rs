//! `BloscLZ`, the codec of Blosc's own.
//!
//! | first byte | then | means |
//! |---|---|---|
//! | 0 to 31: `n` (the first of all without its high 3 bits) | `n` + 1 bytes | those bytes |
//! | high 3 bits `l` 1 to 6, low 5 bits `d` | 1 byte `e` | `l` + 2 bytes from 256 `d` + `e` + 1 before |
//! | high 3 bits 7 | bytes up to the first that is not 255 (their sum is `l`), 1 byte `e` | `l` + 9 bytes from as far before |
//! | where `d` is 31 and `e` is 255 | 2 bytes `f`, big-endian, after those | as many from `f` + 8192 before |

use crate::lz::Window;
use crate::registered::Fault;

/// Beyond what 13 bits say.
const FAR: usize = 8192;

/// Undoes a stream that gives exactly as many bytes as `plain` has.
pub(super) fn decode_block(stored: &[u8], plain: &mut [u8]) -> Result<(), Fault> {
    let expected = plain.len();
    let mut window = Window::new(plain);
    let mut rest = stored;
    let mut mask = 31;
    while let Some((&first, after)) = rest.split_first() {
        let control = first & mask;
        mask = 255;
        rest = if control < 32 {
            let length = usize::from(control).wrapping_add(1);
            window.literals(after, length)?;
            after.get(length..).unwrap_or_default()
        } else {
            let (length, distance, after) =
                repeat(control, after).ok_or("the last repeat of a BloscLZ block is cut off")?;
            window.repeat(distance, length)?;
            after
        };
    }
    if window.len() == expected {
        return Ok(());
    }
    Err(Fault::Malformed(format!(
        "a BloscLZ block gives {} bytes, expected {expected}",
        window.len()
    )))
}

/// Length and distance of a repeat, and what is stored after it.
#[inline]
fn repeat(control: u8, mut rest: &[u8]) -> Option<(usize, usize, &[u8])> {
    let mut length = usize::from(control >> 5).wrapping_add(2);
    if control >> 5 == 7 {
        loop {
            let (&more, after) = rest.split_first()?;
            rest = after;
            length = length.saturating_add(usize::from(more));
            if more != 255 {
                break;
            }
        }
    }
    let (&near, after) = rest.split_first()?;
    let far = control & 31;
    if (far, near) == (31, 255) {
        let (&farther, after) = after.split_first_chunk::<2>()?;
        let distance = usize::from(u16::from_be_bytes(farther)).wrapping_add(FAR);
        return Some((length, distance, after));
    }
    let distance = (usize::from(far) << 8 | usize::from(near)).wrapping_add(1);
    Some((length, distance, after))
}
