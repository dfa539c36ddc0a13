//! HDF5 filter 2: bytes of equal significance together.

/// Undoes the filter. Bytes after the last whole element stay where they are.
pub(crate) fn unshuffle(shuffled: &[u8], element_size: usize) -> Vec<u8> {
    let mut plain = vec![0; shuffled.len()];
    unshuffle_into(shuffled, element_size, &mut plain);
    plain
}

/// Undoes the filter into a slice of the same length.
pub(crate) fn unshuffle_into(shuffled: &[u8], element_size: usize, plain: &mut [u8]) {
    match element_size {
        0 | 1 => copy_rest(plain, shuffled),
        2 => unshuffle_fixed::<2>(shuffled, plain),
        4 => unshuffle_fixed::<4>(shuffled, plain),
        8 => unshuffle_fixed::<8>(shuffled, plain),
        _ => unshuffle_any(shuffled, element_size, plain),
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

/// With the size known to the compiler: the planes are walked side by side, one element at a time.
fn unshuffle_fixed<const SIZE: usize>(shuffled: &[u8], plain: &mut [u8]) {
    let count = shuffled.len().checked_div(SIZE).unwrap_or(0);
    if count == 0 {
        return copy_rest(plain, shuffled);
    }
    let mut planes = shuffled.chunks_exact(count);
    let planes: [&[u8]; SIZE] = std::array::from_fn(|_| planes.next().unwrap_or(&[]));
    let (elements, rest) = plain.as_chunks_mut::<SIZE>();
    for (number, element) in elements.iter_mut().enumerate() {
        for (byte, plane) in element.iter_mut().zip(planes) {
            *byte = plane.get(number).copied().unwrap_or(0);
        }
    }
    copy_rest(rest, shuffled);
}

fn unshuffle_any(shuffled: &[u8], element_size: usize, plain: &mut [u8]) {
    let count = shuffled.len().checked_div(element_size).unwrap_or(0);
    if count == 0 {
        return copy_rest(plain, shuffled);
    }
    let mut elements = plain.chunks_exact_mut(element_size);
    for (number, element) in elements.by_ref().enumerate() {
        let column = shuffled.iter().skip(number).step_by(count);
        for (byte, &value) in element.iter_mut().zip(column) {
            *byte = value;
        }
    }
    copy_rest(elements.into_remainder(), shuffled);
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
    fn less_than_one_element_stays() {
        for size in [2, 3, 4, 8, 100] {
            assert_eq!(shuffle(&[7], size), [7]);
            assert_eq!(unshuffle(&[7], size), [7]);
            assert_eq!(unshuffle(&[], size), [0_u8; 0]);
        }
    }
}
