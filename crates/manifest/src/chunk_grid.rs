//! Grids of chunks: places and numbers.

use std::fmt::Write as _;

/// Chunks along each axis of an array; `None` when a chunk's axis has no length or the numbers of
/// axes differ.
pub fn chunk_grid(shape: &[u64], chunk_shape: &[u64]) -> Option<Vec<u64>> {
    if shape.len() != chunk_shape.len() || chunk_shape.contains(&0) {
        return None;
    }
    Some(
        shape
            .iter()
            .zip(chunk_shape)
            .map(|(length, chunk)| length.div_ceil(*chunk))
            .collect(),
    )
}

/// The number of cells of a grid; `None` past 2^64 - 1. A grid without axes has one.
pub fn cell_count(grid: &[u64]) -> Option<u64> {
    if grid.contains(&0) {
        return Some(0);
    }
    grid.iter()
        .try_fold(1_u64, |cells, length| cells.checked_mul(*length))
}

/// The place in the grid of the chunk with this number (C order); `None` outside the grid.
pub fn chunk_coordinates(index: u64, grid: &[u64]) -> Option<Vec<u64>> {
    let mut coordinates = vec![0; grid.len()];
    locate(index, grid, &mut coordinates).then_some(coordinates)
}

/// The number (C order) of the chunk at this place in the grid; `None` outside the grid.
pub fn chunk_index(coordinates: &[u64], grid: &[u64]) -> Option<u64> {
    if coordinates.len() != grid.len() {
        return None;
    }
    coordinates
        .iter()
        .zip(grid)
        .try_fold(0_u64, |index, (place, length)| {
            if place >= length {
                return None;
            }
            index.checked_mul(*length)?.checked_add(*place)
        })
}

/// Writes the place of a chunk into `coordinates`; whether it is inside the grid.
pub(crate) fn locate(index: u64, grid: &[u64], coordinates: &mut [u64]) -> bool {
    let mut rest = index;
    for (place, length) in coordinates.iter_mut().zip(grid).rev() {
        let (Some(remainder), Some(quotient)) =
            (rest.checked_rem(*length), rest.checked_div(*length))
        else {
            return false;
        };
        *place = remainder;
        rest = quotient;
    }
    rest == 0
}

/// Goes on to the next place in C order.
pub(crate) fn step(grid: &[u64], coordinates: &mut [u64]) {
    for (place, length) in coordinates.iter_mut().zip(grid).rev() {
        *place = place.saturating_add(1);
        if *place < *length {
            return;
        }
        *place = 0;
    }
}

/// The places joined by a separator; empty for a scalar.
pub(crate) fn join(coordinates: &[u64], separator: char) -> String {
    let mut key = String::new();
    for (axis, place) in coordinates.iter().enumerate() {
        if axis > 0 {
            key.push(separator);
        }
        // Writing to a string does not fail.
        let _ = write!(key, "{place}");
    }
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn grids_round_up() {
        assert_eq!(chunk_grid(&[5, 0, 4], &[2, 3, 4]), Some(vec![3, 0, 1]));
        assert_eq!(chunk_grid(&[], &[]), Some(vec![]));
        assert_eq!(chunk_grid(&[5], &[0]), None);
        assert_eq!(chunk_grid(&[5], &[1, 1]), None);
        assert_eq!(cell_count(&[]), Some(1));
        assert_eq!(cell_count(&[u64::MAX, 2, 0]), Some(0));
        assert_eq!(cell_count(&[u64::MAX, 2]), None);
    }

    #[test]
    fn nothing_is_inside_an_empty_grid() {
        assert_eq!(chunk_coordinates(0, &[0, 3]), None);
        assert_eq!(chunk_coordinates(0, &[]), Some(vec![]));
        assert_eq!(chunk_coordinates(1, &[]), None);
        assert_eq!(chunk_index(&[], &[]), Some(0));
        assert_eq!(chunk_index(&[1, 3], &[2, 3]), None);
    }

    proptest! {
        #[test]
        fn places_and_numbers_agree(grid in prop::collection::vec(1_u64..7, 0..5)) {
            let cells = cell_count(&grid).unwrap();
            let mut stepped = vec![0; grid.len()];
            for index in 0..cells {
                let place = chunk_coordinates(index, &grid).unwrap();
                prop_assert_eq!(&place, &stepped);
                prop_assert_eq!(chunk_index(&place, &grid), Some(index));
                step(&grid, &mut stepped);
            }
            prop_assert_eq!(chunk_coordinates(cells, &grid), None);
        }
    }
}
