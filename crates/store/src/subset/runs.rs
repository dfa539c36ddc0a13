//! Places along an axis as slices.

use crate::read::Slice;

/// No more windows than this are made of what lies scattered along an axis.
const MOST_WINDOWS: usize = 1000;

/// The runs of places that are wanted, ascending.
pub(crate) fn runs(wanted: &[bool]) -> Vec<Slice> {
    let mut runs = Vec::new();
    let mut place = 0_u64;
    for same in wanted.chunk_by(|one, next| one == next) {
        let length = u64::try_from(same.len()).unwrap_or(u64::MAX);
        let end = place.saturating_add(length);
        if same.first() == Some(&true) {
            runs.push(Slice::new(place, end));
        }
        place = end;
    }
    runs
}

/// Joins runs between which no whole chunk of this length lies: what is between is fetched anyway.
pub(crate) fn windows(runs: Vec<Slice>, chunk: u64) -> Vec<Slice> {
    let mut chunk = chunk.max(1);
    let mut windows = runs;
    loop {
        windows = joined(windows, chunk);
        if windows.len() <= MOST_WINDOWS {
            return windows;
        }
        chunk = chunk.saturating_mul(2);
    }
}

fn joined(runs: Vec<Slice>, chunk: u64) -> Vec<Slice> {
    let mut windows: Vec<Slice> = Vec::with_capacity(runs.len());
    for run in runs {
        if let Some(last) = windows.last_mut() {
            let number = |place: u64| place.checked_div(chunk).unwrap_or(0);
            let after = number(last.stop.saturating_sub(1)).saturating_add(1);
            if number(run.start) <= after {
                last.stop = run.stop;
                continue;
            }
        }
        windows.push(run);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::{MOST_WINDOWS, runs, windows};
    use crate::read::Slice;

    #[test]
    fn runs_are_what_is_wanted() {
        let wanted = [true, false, false, true, true, false, true];
        let expected = [Slice::new(0, 1), Slice::new(3, 5), Slice::new(6, 7)];
        assert_eq!(runs(&wanted), expected);
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[false; 3]), []);
    }

    #[test]
    fn windows_leave_out_whole_chunks_alone() {
        let two = |gap: u64| vec![Slice::new(8, 12), Slice::new(12 + gap, 40)];
        assert_eq!(windows(two(1), 10), [Slice::new(8, 40)]);
        assert_eq!(windows(two(17), 10), [Slice::new(8, 40)]);
        assert_eq!(windows(two(18), 10), two(18));
        assert_eq!(
            windows(two(1), 1),
            two(1)[..1]
                .iter()
                .chain(&two(1)[1..])
                .copied()
                .collect::<Vec<_>>()
        );
        assert_eq!(windows(Vec::new(), 10), []);
        let scattered = (0..10_000).map(|n| Slice::at(n * 3)).collect();
        let windows = windows(scattered, 1);
        assert!((1..=MOST_WINDOWS).contains(&windows.len()));
        assert_eq!(windows.last().unwrap().stop, 29_998);
    }
}
