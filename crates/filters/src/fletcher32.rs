//! HDF5 filter 3: a Fletcher-32 checksum in the last four bytes.

/// Size of the stored checksum in bytes.
pub(crate) const SIZE: usize = 4;

/// Bytes after which the sums are folded: 360 words, the most for which 32 bits never overflow.
const FOLD_BYTES: usize = 2 * 360;

/// The checksum libhdf5 stores: over big-endian words, sums beginning at zero, an odd last byte as
/// the high half of a word.
pub(crate) fn checksum(data: &[u8]) -> u32 {
    let mut first = 0_u32;
    let mut second = 0_u32;
    for block in data.chunks(FOLD_BYTES) {
        let (words, odd) = block.as_chunks::<2>();
        let last = odd.first().map(|&byte| [byte, 0]);
        for &word in words.iter().chain(last.as_ref()) {
            // At most 360 words are added to folded sums below 2^17: no overflow.
            first = first.wrapping_add(u32::from(u16::from_be_bytes(word)));
            second = second.wrapping_add(first);
        }
        first = fold(first);
        second = fold(second);
    }
    (fold(second) << 16) | fold(first)
}

/// The same checksum as HDF5 before 1.6.3 stored it on little-endian machines.
pub(crate) fn swapped(checksum: u32) -> u32 {
    checksum.swap_bytes().rotate_left(16)
}

fn fold(sum: u32) -> u32 {
    (sum & 0xffff).wrapping_add(sum >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swaps_the_bytes_of_each_half() {
        assert_eq!(swapped(0x1122_3344), 0x2211_4433);
    }

    #[test]
    fn nothing_sums_to_zero() {
        assert_eq!(checksum(&[]), 0);
    }

    #[test]
    fn an_odd_byte_is_a_high_half() {
        assert_eq!(checksum(&[1, 2, 3]), checksum(&[1, 2, 3, 0]));
        assert_eq!(checksum(&[1, 2, 3]), 0x0504_0402);
    }
}
