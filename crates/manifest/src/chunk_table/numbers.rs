//! Sets of chunk numbers, in whichever form takes the least memory.
//!
//! | form     | bytes                     | row of a number                   |
//! |----------|---------------------------|-----------------------------------|
//! | all      | none                      | the number itself                 |
//! | bitmap   | 9/64 a cell               | count of a block, then 4 words    |
//! | narrow   | 4 a number                | binary search                     |
//! | wide     | 8 a number                | binary search                     |
//!
//! The form follows from the numbers alone, so that equal sets compare equal however they were
//! made.

use super::columns::column_bytes;

/// Cells of a block of the bitmap.
const BLOCK: u64 = 256;
/// Its words.
const WORDS: usize = 4;
/// Cells of a word.
const WORD: u64 = 64;

/// Numbers of chunks, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// 0, 1, 2, ...: so many, all cells of the grid.
    All(u64),
    Bitmap(Box<Bitmap>),
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

/// A bit for each cell, and how many are set before each block of [`BLOCK`] cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bitmap {
    words: Vec<u64>,
    before: Vec<u32>,
}

impl Numbers {
    /// The set of these numbers, which ascend and are below `cells`.
    pub(super) fn new(numbers: Vec<u64>, cells: u64) -> Self {
        let count = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
        if count == cells {
            return Self::All(cells);
        }
        let is_narrow = cells <= 1 << 32;
        let column = count.saturating_mul(if is_narrow { 4 } else { 8 });
        match Bitmap::bytes(cells) {
            Some(bytes) if bytes < column && u32::try_from(count).is_ok() => {
                Self::Bitmap(Box::new(Bitmap::new(&numbers, cells)))
            }
            _ if is_narrow => {
                let narrow = numbers
                    .iter()
                    .filter_map(|number| u32::try_from(*number).ok());
                let mut column = Vec::with_capacity(numbers.len());
                column.extend(narrow);
                Self::Narrow(column)
            }
            _ => {
                let mut numbers = numbers;
                numbers.shrink_to_fit();
                Self::Wide(numbers)
            }
        }
    }

    /// How many numbers of the set are below this one, if it is in the set.
    pub(super) fn row(&self, number: u64) -> Option<usize> {
        match self {
            Self::All(cells) if number < *cells => usize::try_from(number).ok(),
            Self::All(_) => None,
            Self::Bitmap(bitmap) => bitmap.row(number),
            Self::Narrow(numbers) => numbers.binary_search(&u32::try_from(number).ok()?).ok(),
            Self::Wide(numbers) => numbers.binary_search(&number).ok(),
        }
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.row(number).is_some()
    }

    /// All of them, ascending.
    pub(super) fn iter(&self) -> NumbersIter<'_> {
        match self {
            Self::All(cells) => NumbersIter::All(0..*cells),
            Self::Bitmap(bitmap) => NumbersIter::Bitmap {
                words: bitmap.words.iter(),
                rest: 0,
                next: 0,
            },
            Self::Narrow(numbers) => NumbersIter::Narrow(numbers.iter()),
            Self::Wide(numbers) => NumbersIter::Wide(numbers.iter()),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::All(_) => 0,
            Self::Bitmap(bitmap) => size_of::<Bitmap>()
                .saturating_add(column_bytes(&bitmap.words))
                .saturating_add(column_bytes(&bitmap.before)),
            Self::Narrow(numbers) => column_bytes(numbers),
            Self::Wide(numbers) => column_bytes(numbers),
        }
    }
}

impl Bitmap {
    /// The size in bytes of one for so many cells.
    fn bytes(cells: u64) -> Option<u64> {
        // 4 words and a count.
        cells.div_ceil(BLOCK).checked_mul(36)
    }

    fn new(numbers: &[u64], cells: u64) -> Self {
        // As many bytes as were compared with those of a column that is in memory.
        let blocks = usize::try_from(cells.div_ceil(BLOCK)).unwrap_or(0);
        let mut words = vec![0_u64; blocks.saturating_mul(WORDS)];
        for number in numbers {
            let (word, bit) = place(*number);
            if let Some(word) = words.get_mut(word) {
                *word |= bit;
            }
        }
        let mut before = Vec::with_capacity(blocks);
        let mut count = 0_u32;
        for block in words.chunks(WORDS) {
            before.push(count);
            count = block
                .iter()
                .fold(count, |count, word| count.saturating_add(word.count_ones()));
        }
        Self { words, before }
    }

    fn row(&self, number: u64) -> Option<usize> {
        let (at, bit) = place(number);
        let word = self.words.get(at)?;
        if word & bit == 0 {
            return None;
        }
        let block = at.checked_div(WORDS)?;
        let start = block.checked_mul(WORDS)?;
        let below = (word & bit.wrapping_sub(1)).count_ones();
        let before = self.before.get(block)?.checked_add(below)?;
        let row = self
            .words
            .get(start..at)?
            .iter()
            .fold(before, |row, word| row.saturating_add(word.count_ones()));
        usize::try_from(row).ok()
    }
}

/// The word of a number, and its bit there.
fn place(number: u64) -> (usize, u64) {
    let word = number.checked_div(WORD).unwrap_or(0);
    (
        usize::try_from(word).unwrap_or(usize::MAX),
        1_u64.wrapping_shl(u32::try_from(number % WORD).unwrap_or(0)),
    )
}

/// The numbers of a set, ascending.
#[derive(Clone, Debug)]
pub(super) enum NumbersIter<'a> {
    All(std::ops::Range<u64>),
    Bitmap {
        words: std::slice::Iter<'a, u64>,
        /// What is left of the present word.
        rest: u64,
        /// The first number of the word after it.
        next: u64,
    },
    Narrow(std::slice::Iter<'a, u32>),
    Wide(std::slice::Iter<'a, u64>),
}

impl Iterator for NumbersIter<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match self {
            Self::All(range) => range.next(),
            Self::Bitmap { words, rest, next } => {
                while *rest == 0 {
                    *rest = *words.next()?;
                    *next = next.saturating_add(WORD);
                }
                let bit = rest.trailing_zeros();
                *rest &= rest.wrapping_sub(1);
                next.checked_sub(WORD)?.checked_add(bit.into())
            }
            Self::Narrow(numbers) => numbers.next().copied().map(u64::from),
            Self::Wide(numbers) => numbers.next().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(numbers: &[u64], cells: u64, probes: &[u64]) {
        let set = Numbers::new(numbers.to_vec(), cells);
        assert_eq!(set.iter().collect::<Vec<_>>(), numbers);
        for probe in numbers.iter().chain(probes) {
            assert_eq!(
                set.row(*probe),
                numbers.binary_search(probe).ok(),
                "{probe}"
            );
        }
        let column = numbers.len() * if cells <= 1 << 32 { 4 } else { 8 };
        assert!(set.heap_bytes() <= column + size_of::<Bitmap>());
    }

    proptest! {
        #[test]
        fn a_set_holds_its_numbers(
            (cells, mut numbers) in (1_u64..3000).prop_flat_map(|cells| {
                let some = prop::collection::btree_set(0..cells, 0..40);
                let most = prop::collection::btree_set(0..cells, 0..10).prop_map(move |without| {
                    (0..cells).filter(|number| !without.contains(number)).collect()
                });
                (Just(cells), prop_oneof![some, most])
            }),
            probes in prop::collection::vec(0_u64..3100, 20),
            far in 0_u64..5,
        ) {
            check(&numbers.iter().copied().collect::<Vec<_>>(), cells, &probes);
            // Around 2^32, where columns grow wider.
            let cells = (1 << 32) - 2 + far;
            numbers.retain(|number| *number < cells - 2);
            numbers.extend([cells - 2, cells - 1]);
            check(&numbers.into_iter().collect::<Vec<_>>(), cells, &[cells, u64::MAX]);
        }
    }

    #[test]
    fn the_smallest_form_is_taken() {
        let every = |step: usize| (0..10_000).step_by(step).collect::<Vec<u64>>();
        let set = |step| Numbers::new(every(step), 10_000);
        assert!(matches!(set(1), Numbers::All(10_000)));
        assert!(matches!(set(2), Numbers::Bitmap(_)));
        assert!(matches!(set(27), Numbers::Bitmap(_)));
        assert!(matches!(set(30), Numbers::Narrow(_)));
        assert!(matches!(Numbers::new(every(30), 1 << 33), Numbers::Wide(_)));
        assert!(matches!(Numbers::new(vec![], 0), Numbers::All(0)));
        assert!(matches!(Numbers::new(vec![], 1), Numbers::Narrow(_)));
    }
}
