//! HDF5 filter 3: a Fletcher-32 checksum in the last four bytes.

/// Size of the stored checksum in bytes.
pub(crate) const SIZE: usize = 4;

/// Words that are summed side by side, each in a lane of its own.
const LANES: usize = 16;

/// Groups of such words after which the lanes are drawn together: the most for which 32 bits never
/// overflow, as `360 * 361 / 2 * 0xffff` is below 2^32.
const GROUPS: usize = 360;

/// The checksum libhdf5 stores: over big-endian words, sums beginning at zero, an odd last byte as
/// the high half of a word.
pub(crate) fn checksum(data: &[u8]) -> u32 {
    let mut sums = Sums::default();
    let (groups, rest) = data.as_chunks::<{ 2 * LANES }>();
    for block in groups.chunks(GROUPS) {
        sums.add_block(block);
    }
    let (words, odd) = rest.as_chunks::<2>();
    let last = odd.first().map(|&byte| [byte, 0]);
    for &word in words.iter().chain(last.as_ref()) {
        sums.add(u16::from_be_bytes(word).into());
    }
    (residue(sums.second) << 16) | residue(sums.first)
}

/// The sum of the words, and the sum of that sum after each of them. Neither comes near 2^64: each
/// block adds less than 2^46, and is taken to its residue.
#[derive(Default)]
struct Sums {
    first: u64,
    second: u64,
}

impl Sums {
    fn add(&mut self, word: u64) {
        self.first = self.first.wrapping_add(word);
        self.second = self.second.wrapping_add(self.first);
    }

    fn add_block(&mut self, block: &[[u8; 2 * LANES]]) {
        let mut firsts = [0_u32; LANES];
        let mut seconds = [0_u32; LANES];
        for group in block {
            let words = group.as_chunks::<2>().0;
            for ((first, second), &word) in firsts.iter_mut().zip(&mut seconds).zip(words) {
                *first = first.wrapping_add(u16::from_be_bytes(word).into());
                *second = second.wrapping_add(*first);
            }
        }
        // A lane saw one of `LANES` words. Words of lane 0 count once more for each group behind
        // them times `LANES`, those of lane 1 once less, and so on.
        let words = u64::try_from(block.as_flattened().len() / 2).unwrap_or(0);
        self.second = self.second.wrapping_add(words.wrapping_mul(self.first));
        let lanes = u64::try_from(LANES).unwrap_or(0);
        for ((lane, first), second) in (0_u64..).zip(firsts).zip(seconds) {
            let all = lanes.wrapping_mul(second.into());
            let before = lane.wrapping_mul(first.into());
            self.first = self.first.wrapping_add(first.into());
            self.second = self.second.wrapping_add(all.wrapping_sub(before));
        }
        self.first = residue(self.first).into();
        self.second = residue(self.second).into();
    }
}

/// The residue of a sum as folding the carries in gives it: of multiples of `0xffff` this one, and 0
/// only of 0.
fn residue(sum: u64) -> u32 {
    let residue = match sum % 0xffff {
        0 if sum > 0 => 0xffff,
        residue => residue,
    };
    u32::try_from(residue).unwrap_or(0)
}

/// The same checksum as HDF5 before 1.6.3 stored it on little-endian machines.
pub(crate) fn swapped(checksum: u32) -> u32 {
    checksum.swap_bytes().rotate_left(16)
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

    /// Word by word, as it is defined.
    fn plain(data: &[u8]) -> u32 {
        let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
        let (mut first, mut second) = (0_u32, 0_u32);
        for word in data.chunks(2) {
            let low = word.get(1).copied().unwrap_or(0);
            first = fold(first + u32::from(word[0]) * 256 + u32::from(low));
            second = fold(second + first);
        }
        fold(second) << 16 | fold(first)
    }

    #[test]
    fn sums_side_by_side_are_those_one_after_the_other() {
        let mut state = 7_u32;
        let random: Vec<u8> = (0..40_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        for data in [random, vec![0xff; 40_000], vec![0; 40_000]] {
            for length in (0..100).chain([11_519, 11_520, 11_521, 11_552, 23_040, 39_999, 40_000]) {
                assert_eq!(
                    checksum(&data[..length]),
                    plain(&data[..length]),
                    "{length}"
                );
            }
        }
    }
}
