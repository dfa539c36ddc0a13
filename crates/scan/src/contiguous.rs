//! How a contiguous run is split into chunks.

/// Chunks are not made smaller than this, in bytes.
const LEAST: u64 = 1 << 20;
/// Where no chunk of the wanted size divides the axis, one this many times as large will do.
const SLACK: u64 = 4;

/// A chunk shape that splits an array of `element_size` bytes an element into whole chunks of at
/// most about `most` bytes, each of them one run. `None`: no chunk length between reasonable
/// bounds divides the axis.
pub(crate) fn split(shape: &[u64], element_size: u64, most: u64) -> Option<Vec<u64>> {
    let total = shape
        .iter()
        .try_fold(element_size, |bytes, &axis| bytes.checked_mul(axis))?;
    if total <= most || total == 0 {
        return Some(shape.iter().map(|&axis| axis.max(1)).collect());
    }
    let mut chunk = shape.to_vec();
    let mut inner = total;
    for (axis, length) in chunk.iter_mut().enumerate() {
        let whole = *length;
        inner = inner.checked_div(whole)?;
        let last = axis.checked_add(1)? == shape.len();
        if inner > most && !last {
            *length = 1;
            continue;
        }
        let parts =
            parts(whole, inner, most).or_else(|| parts(whole, inner, most.saturating_mul(SLACK)));
        *length = whole.checked_div(parts?)?;
        return Some(chunk);
    }
    None
}

/// The least number of equal parts of an axis so that none exceeds `most` bytes; not more parts
/// than leave each [`LEAST`] bytes, which also bounds the search.
fn parts(length: u64, inner: u64, most: u64) -> Option<u64> {
    let bytes = length.checked_mul(inner)?;
    let from = bytes.div_ceil(most.max(1)).max(1);
    let to = bytes.checked_div(LEAST)?.min(length);
    (from..=to).find(|parts| length.checked_rem(*parts) == Some(0))
}

/// A chunk shape for an array that is nowhere stored: as [`split`], but the last chunks may reach
/// over the edges.
pub(crate) fn nominal(shape: &[u64], element_size: u64, most: u64) -> Vec<u64> {
    let mut chunk: Vec<u64> = shape.iter().map(|&axis| axis.max(1)).collect();
    let mut inner = element_size.max(1);
    for length in chunk.iter_mut().rev() {
        let room = most.checked_div(inner).unwrap_or(1).max(1);
        *length = (*length).min(room);
        inner = inner.saturating_mul(*length);
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::{nominal, split};

    const MOST: u64 = 32 << 20;

    #[test]
    fn small_arrays_stay_whole() {
        assert_eq!(split(&[3, 5], 4, MOST), Some(vec![3, 5]));
        assert_eq!(split(&[], 8, MOST), Some(vec![]));
        assert_eq!(split(&[0, 5], 4, MOST), Some(vec![1, 5]));
    }

    #[test]
    fn chunks_divide_the_leading_axis() {
        // 1000 rows of 1 MB: 32 rows would fit, 25 is the greatest divisor below.
        assert_eq!(split(&[1000, 250_000], 4, MOST), Some(vec![25, 250_000]));
        // Rows of 400 MB: split along the second axis.
        assert_eq!(
            split(&[3, 1000, 100_000], 4, MOST),
            Some(vec![1, 50, 100_000])
        );
    }

    #[test]
    fn a_prime_axis_stays_whole_or_splits_into_rows() {
        assert_eq!(split(&[2_147_483_647], 8, MOST), None);
        assert_eq!(split(&[101, 1 << 20], 4, MOST), Some(vec![1, 1 << 20]));
    }

    #[test]
    fn sizes_past_counting_are_not_split() {
        assert_eq!(split(&[u64::MAX, 2], 8, MOST), None);
        assert_eq!(nominal(&[u64::MAX, 4], 8, MOST), vec![1 << 20, 4]);
    }
}
