//! HDF5 filter 2: bytes of equal significance together.

use std::slice::{Chunks, ChunksExact};

use crate::room;

/// Undoes the filter. Bytes after the last whole element stay where they are.
pub(crate) fn unshuffle(shuffled: &[u8], element_size: usize) -> Vec<u8> {
    let mut plain = room::take(shuffled.len());
    unshuffle_into(shuffled, element_size, &mut plain);
    plain
}

/// Undoes the filter into a slice of the same length.
pub(crate) fn unshuffle_into(shuffled: &[u8], element_size: usize, plain: &mut [u8]) {
    let count = shuffled.len().checked_div(element_size).unwrap_or(0);
    let whole = count.saturating_mul(element_size);
    if whole == 0 {
        return copy_rest(plain, shuffled);
    }
    let (Some(planes), Some((plain, rest))) =
        (shuffled.get(..whole), plain.split_at_mut_checked(whole))
    else {
        return;
    };
    copy_rest(rest, shuffled);
    let mut planes = planes.chunks_exact(count);
    match element_size {
        1 => plain.copy_from_slice(planes.next().unwrap_or_default()),
        2 => pair::<1>(
            planes.next().unwrap_or_default(),
            planes.next().unwrap_or_default(),
            plain,
        ),
        4 => unshuffle_4(planes, plain),
        8 => unshuffle_8(planes, plain),
        _ => unshuffle_any(planes, element_size, plain),
    }
}

/// Applies the filter.
pub(crate) fn shuffle(plain: &[u8], element_size: usize) -> Vec<u8> {
    if element_size < 2 {
        return plain.to_vec();
    }
    let elements = plain.chunks_exact(element_size);
    let rest = elements.remainder();
    let mut shuffled = Vec::with_capacity(plain.len());
    for significance in 0..element_size.min(plain.len()) {
        shuffled.extend(
            elements
                .clone()
                .filter_map(|element| element.get(significance)),
        );
    }
    shuffled.extend_from_slice(rest);
    shuffled
}

/// Bytes of each plane that are worked on at once, so that all of it stays in the nearest cache.
const TILE: usize = 512;

/// Of two rows of values of `W` bytes, one value of each in turn. The compiler makes a few vector
/// instructions of this, which it does not of more than two rows.
fn pair<const W: usize>(first: &[u8], second: &[u8], plain: &mut [u8]) {
    let (places, _) = plain.as_chunks_mut::<W>().0.as_chunks_mut::<2>();
    let values = first
        .as_chunks::<W>()
        .0
        .iter()
        .zip(second.as_chunks::<W>().0);
    for (place, (&first, &second)) in places.iter_mut().zip(values) {
        *place = [first, second];
    }
}

fn unshuffle_4(planes: ChunksExact<'_, u8>, plain: &mut [u8]) {
    let mut planes = tiles::<4>(planes);
    let mut twos = [0; 4 * TILE];
    for tile in plain.chunks_mut(4 * TILE) {
        let two = tile.len() >> 1;
        for (two, [first, second]) in twos.chunks_exact_mut(two).zip(planes.as_chunks_mut().0) {
            pair::<1>(next(first), next(second), two);
        }
        let (first, second) = twos.split_at(two);
        pair::<2>(first, second, tile);
    }
}

fn unshuffle_8(planes: ChunksExact<'_, u8>, plain: &mut [u8]) {
    let mut planes = tiles::<8>(planes);
    let mut twos = [0; 8 * TILE];
    let mut fours = [0; 8 * TILE];
    for tile in plain.chunks_mut(8 * TILE) {
        let (two, four) = (tile.len() >> 2, tile.len() >> 1);
        for (two, [first, second]) in twos.chunks_exact_mut(two).zip(planes.as_chunks_mut().0) {
            pair::<1>(next(first), next(second), two);
        }
        for (four, twos) in fours.chunks_exact_mut(four).zip(twos.chunks_exact(four)) {
            let (first, second) = twos.split_at(two);
            pair::<2>(first, second, four);
        }
        let (first, second) = fours.split_at(four);
        pair::<4>(first, second, tile);
    }
}

fn tiles<const SIZE: usize>(mut planes: ChunksExact<'_, u8>) -> [Chunks<'_, u8>; SIZE] {
    std::array::from_fn(|_| planes.next().unwrap_or_default().chunks(TILE))
}

fn next<'a>(tiles: &mut Chunks<'a, u8>) -> &'a [u8] {
    tiles.next().unwrap_or_default()
}

/// Elements of any size: eight planes and eight elements at a time, then the planes that are left
/// one by one.
fn unshuffle_any(planes: ChunksExact<'_, u8>, element_size: usize, plain: &mut [u8]) {
    let mut planes = planes.enumerate();
    let mut left = element_size;
    while left >= 8 {
        let mut first = 0;
        let eight: [&[u8]; 8] = std::array::from_fn(|_| {
            planes.next().map_or(&[][..], |(number, plane)| {
                first = number & !7;
                plane
            })
        });
        place_8(eight, first, element_size, plain);
        left = left.saturating_sub(8);
    }
    for (number, plane) in planes {
        for (element, &byte) in plain.chunks_exact_mut(element_size).zip(plane) {
            if let Some(place) = element.get_mut(number) {
                *place = byte;
            }
        }
    }
}

/// Puts eight planes, which hold byte `first` of each element and the next seven, where they belong.
fn place_8(planes: [&[u8]; 8], first: usize, element_size: usize, plain: &mut [u8]) {
    let wide = planes.map(|plane| plane.as_chunks::<8>().0);
    let step = element_size.saturating_mul(8);
    let mut elements = plain.chunks_exact_mut(step);
    for (number, elements) in elements.by_ref().enumerate() {
        let words = wide.map(|plane| plane.get(number).copied().unwrap_or_default());
        let words = transpose_bytes(words.map(u64::from_le_bytes));
        for (element, word) in elements.chunks_exact_mut(element_size).zip(words) {
            let place = element.get_mut(first..).unwrap_or_default();
            if let Some(place) = place.first_chunk_mut() {
                *place = word.to_le_bytes();
            }
        }
    }
    let rest = elements.into_remainder().chunks_exact_mut(element_size);
    let done = planes.map(|plane| plane.as_chunks::<8>().1);
    for (number, element) in rest.enumerate() {
        let place = element.get_mut(first..).unwrap_or_default();
        for (place, plane) in place.iter_mut().zip(done) {
            *place = plane.get(number).copied().unwrap_or(0);
        }
    }
}

/// Byte `i` of word `k` becomes byte `k` of word `i`.
#[inline]
pub(crate) fn transpose_bytes(words: [u64; 8]) -> [u64; 8] {
    let words = exchange::<4, 32>(words, 0x0000_0000_ffff_ffff);
    let words = exchange::<2, 16>(words, 0x0000_ffff_0000_ffff);
    exchange::<1, 8>(words, 0x00ff_00ff_00ff_00ff)
}

/// Of each two words that are `APART`, the bits of the first above `low` and those of the second
/// in `low` change places.
#[inline]
pub(crate) fn exchange<const APART: usize, const SHIFT: u32>(
    mut words: [u64; 8],
    low: u64,
) -> [u64; 8] {
    for pair in words.chunks_exact_mut(APART.saturating_mul(2)) {
        let (first, second) = pair.split_at_mut(APART);
        for (first, second) in first.iter_mut().zip(second) {
            let other = ((*first >> SHIFT) ^ *second) & low;
            *second ^= other;
            *first ^= other << SHIFT;
        }
    }
    words
}

/// Fills `rest` with the last bytes of `from`, as many as it has.
fn copy_rest(rest: &mut [u8], from: &[u8]) {
    let start = from.len().saturating_sub(rest.len());
    if let Some(tail) = from.get(start..) {
        rest.copy_from_slice(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_shorts_and_a_byte() {
        let plain = [0x01, 0x02, 0x11, 0x12, 0x21, 0x22, 0xff];
        let shuffled = [0x01, 0x11, 0x21, 0x02, 0x12, 0x22, 0xff];
        assert_eq!(shuffle(&plain, 2), shuffled);
        assert_eq!(unshuffle(&shuffled, 2), plain);
    }

    #[test]
    fn what_is_shuffled_comes_back() {
        let bytes: Vec<u8> = (0..20_000_u32)
            .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        for size in [1, 2, 3, 4, 7, 8, 9, 12, 16, 17, 24, 31, 100] {
            for length in [
                0, 1, 5, 8, 63, 64, 65, 511, 2047, 2048, 2049, 4096, 4100, 20_000,
            ] {
                let plain = &bytes[..length];
                assert_eq!(
                    unshuffle(&shuffle(plain, size), size),
                    plain,
                    "{size} {length}"
                );
            }
        }
    }

    #[test]
    fn less_than_one_element_stays() {
        for size in [2, 3, 4, 8, 100] {
            assert_eq!(shuffle(&[7], size), [7]);
            assert_eq!(unshuffle(&[7], size), [7]);
            assert_eq!(unshuffle(&[], size), [0_u8; 0]);
        }
    }
}
