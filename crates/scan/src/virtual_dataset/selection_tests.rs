use super::*;

fn slab(start: u64, stride: u64, count: Option<u64>, block: Option<u64>) -> Hyperslab {
    Hyperslab {
        start,
        stride,
        count,
        block,
    }
}

fn run(start: &[u64], length: u64) -> Run {
    Run {
        start: start.to_vec(),
        length,
    }
}

#[test]
fn slices_and_extents_belong_together() {
    for (axis, places) in [
        (slab(2, 1, Some(1), None), vec![2, 3, 4, 5, 6, 7, 8]),
        (slab(1, 3, None, Some(1)), vec![1, 4, 7, 10]),
        (slab(0, 4, None, Some(2)), vec![0, 1, 4, 5, 8, 9]),
        (slab(0, 2, None, Some(2)), vec![0, 1, 2, 3, 4]),
    ] {
        for count in 0..places.len() {
            let end = count.checked_sub(1).map_or(0, |last| places[last] + 1);
            assert_eq!(extent(&axis, count as u64), Some(end), "{axis:?}");
            assert_eq!(slices(&axis, end), count as u64, "{axis:?}");
        }
    }
}

#[test]
fn unions_are_in_c_order() {
    // Two blocks side by side and one that overlaps both.
    let selection = Selection::Irregular {
        rank: 2,
        corners: vec![0, 6, 1, 7, 0, 0, 2, 1, 1, 1, 1, 3],
    };
    let found = elements(&selection, &[3, 8], None).unwrap();
    assert_eq!(
        found,
        Elements::Runs(vec![
            run(&[0, 0], 2),
            run(&[0, 6], 2),
            run(&[1, 0], 4),
            run(&[1, 6], 2),
            run(&[2, 0], 2),
        ])
    );
    assert!(elements(&selection, &[3, 7], None).is_err());
}

#[test]
fn a_block_that_is_cut_has_only_its_rest() {
    let selection = Selection::Regular(vec![
        slab(0, 1, Some(1), Some(2)),
        slab(1, 4, None, Some(3)),
    ]);
    let found = elements(&selection, &[2, 7], Some(4)).unwrap();
    assert_eq!(
        found,
        Elements::Runs(vec![
            run(&[0, 1], 3),
            run(&[0, 5], 1),
            run(&[1, 1], 3),
            run(&[1, 5], 1),
        ])
    );
    assert!(elements(&selection, &[2, 5], Some(4)).is_err());
    assert!(elements(&selection, &[2, 7], None).is_err());
}

#[test]
fn absurd_selections_are_refused() {
    let huge = Selection::Irregular {
        rank: 2,
        corners: vec![0, 0, 1 << 40, 1, 0, 5, 1 << 40, 6],
    };
    assert!(elements(&huge, &[u64::MAX, 10], None).is_err());
    let regular = Elements::Regular {
        start: vec![0, 0],
        turns: vec![Turns {
            axis: 0,
            count: 1 << 40,
            step: 1,
        }],
    };
    assert!(runs(&regular).is_err());
}
