//! Bits of equal significance put back into their elements.

use crate::shuffle::{self, exchange, transpose_bytes};

/// Undoes the transposition of bits: `shuffled` holds the lowest bit of the first byte of all
/// elements, then the next bit, and so on. Elements beyond a multiple of 8 are not transposed and
/// stay where they are, and so do bytes after the last whole element. `scratch` is kept from call
/// to call. The slices are of one length.
pub(crate) fn unshuffle(
    shuffled: &[u8],
    element_size: usize,
    plain: &mut [u8],
    scratch: &mut Vec<u8>,
) {
    let elements = shuffled.len().checked_div(element_size).unwrap_or(0) & !7;
    let whole = elements.saturating_mul(element_size);
    let (shuffled, shuffled_rest) = shuffled.split_at_checked(whole).unwrap_or((shuffled, &[]));
    let Some((plain, plain_rest)) = plain.split_at_mut_checked(whole) else {
        return;
    };
    for (place, &byte) in plain_rest.iter_mut().zip(shuffled_rest) {
        *place = byte;
    }
    if elements == 0 {
        return;
    }
    if element_size == 1 {
        gather_plane(shuffled, plain);
        return;
    }
    scratch.resize(whole, 0);
    for (rows, plane) in shuffled
        .chunks_exact(elements)
        .zip(scratch.chunks_exact_mut(elements))
    {
        gather_plane(rows, plane);
    }
    shuffle::unshuffle_into(scratch, element_size, plain);
}

/// One byte of every element: from eight rows, one of each bit.
fn gather_plane(rows: &[u8], plane: &mut [u8]) {
    let width = rows.len() >> 3;
    let mut split = rows.chunks_exact(width.max(1));
    let rows: [&[u8]; 8] = std::array::from_fn(|_| split.next().unwrap_or_default());
    let (squares, rest) = plane.as_chunks_mut::<64>();
    let wide = rows.map(|row| row.as_chunks::<8>().0);
    for (number, square) in squares.iter_mut().enumerate() {
        let words =
            wide.map(|row| u64::from_le_bytes(row.get(number).copied().unwrap_or_default()));
        let words = transpose_bytes(transpose_bits(words));
        for (place, word) in square.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
    }
    let done = squares.len().saturating_mul(8);
    for (number, place) in rest.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let column = done.saturating_add(number);
        let words = rows.map(|row| u64::from(row.get(column).copied().unwrap_or(0)));
        // Only the lowest byte of each word is in use, and each holds one element.
        let bytes = transpose_bits(words).map(u64::to_le_bytes);
        for (byte, [lowest, ..]) in place.iter_mut().zip(bytes) {
            *byte = lowest;
        }
    }
}

/// Within each byte: bit `i` of word `k` becomes bit `k` of word `i`.
#[inline]
fn transpose_bits(words: [u64; 8]) -> [u64; 8] {
    let words = exchange::<4, 4>(words, 0x0f0f_0f0f_0f0f_0f0f);
    let words = exchange::<2, 2>(words, 0x3333_3333_3333_3333);
    exchange::<1, 1>(words, 0x5555_5555_5555_5555)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition, one bit at a time.
    fn slowly(shuffled: &[u8], size: usize) -> Vec<u8> {
        let elements = shuffled.len() / size / 8 * 8;
        let mut plain = vec![0; elements * size];
        for element in 0..elements {
            for bit in 0..8 * size {
                let at = bit * elements + element;
                let set = shuffled[at / 8] >> (at % 8) & 1;
                plain[element * size + bit / 8] |= set << (bit % 8);
            }
        }
        plain.extend_from_slice(&shuffled[elements * size..]);
        plain
    }

    #[test]
    fn as_the_definition_says() {
        let bytes: Vec<u8> = (0..5000_u32)
            .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        let mut scratch = Vec::new();
        for size in [1, 2, 3, 4, 5, 8, 12, 16, 40] {
            for length in [
                0, 1, 7, 8, 9, 63, 64, 65, 256, 511, 512, 513, 1000, 4096, 5000,
            ] {
                let mut plain = vec![0; length];
                unshuffle(&bytes[..length], size, &mut plain, &mut scratch);
                assert_eq!(plain, slowly(&bytes[..length], size), "{size} {length}");
            }
        }
    }
}
