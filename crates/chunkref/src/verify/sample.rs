//! Which chunks are decoded.

use super::listed::{Listed, spread};

/// For each table how many of its chunks are decoded, of `sample` in all; `None`: all of them.
///
/// Each table has the same share, and small ones leave what they lack to the others. Where there are
/// more tables than chunks to decode, some of them, evenly spread, have one.
pub(super) fn shares(counts: &[u64], sample: Option<u64>) -> Vec<u64> {
    let Some(sample) = sample else {
        return counts.to_vec();
    };
    let mut shares = vec![0; counts.len()];
    let mut order: Vec<_> = (0..counts.len())
        .filter(|number| counts.get(*number).is_some_and(|count| *count > 0))
        .collect();
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    if wide(order.len()) > sample {
        for at in spread(wide(order.len()), sample, 0) {
            let number = usize::try_from(at).ok().and_then(|at| order.get(at));
            if let Some(share) = number.and_then(|number| shares.get_mut(*number)) {
                *share = 1;
            }
        }
        return shares;
    }
    order.sort_by_key(|number| counts.get(*number).copied());
    let (mut left, mut tables) = (sample, wide(order.len()));
    for number in order {
        let count = counts.get(number).copied().unwrap_or(0);
        let share = count.min(left.checked_div(tables).unwrap_or(0));
        if let Some(slot) = shares.get_mut(number) {
            *slot = share;
        }
        left = left.saturating_sub(share);
        tables = tables.saturating_sub(1);
    }
    shares
}

/// The numbers of the chunks of a table that are decoded, so many, ascending.
pub(super) fn chosen<'a>(
    listed: &Listed<'a>,
    number: usize,
    share: u64,
) -> Box<dyn Iterator<Item = (u64, Option<chunkref_manifest::ChunkRef<'a>>)> + Send + 'a> {
    let count = listed.count();
    if share >= count {
        return listed.chunks();
    }
    let turn = u64::try_from(number).unwrap_or(0).wrapping_mul(7);
    let mut rows = spread(count, share, turn).peekable();
    let mut row = 0_u64;
    Box::new(listed.chunks().filter(move |_| {
        let is_chosen = rows.peek() == Some(&row);
        if is_chosen {
            rows.next();
        }
        row = row.saturating_add(1);
        is_chosen
    }))
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn tables_share_evenly_and_small_ones_leave_the_rest() {
        assert_eq!(shares(&[5, 1, 0, 100], None), [5, 1, 0, 100]);
        assert_eq!(shares(&[5, 1, 0, 100], Some(50)), [5, 1, 0, 44]);
        assert_eq!(shares(&[50, 60, 100], Some(10)), [3, 3, 4]);
        assert_eq!(shares(&[2, 2], Some(10)), [2, 2]);
        assert_eq!(shares(&[9, 9, 0, 9, 9], Some(2)), [1, 0, 0, 1, 0]);
        assert_eq!(shares(&[], Some(2)), [0; 0]);
        assert_eq!(shares(&[3], Some(0)), [0]);
    }
}
