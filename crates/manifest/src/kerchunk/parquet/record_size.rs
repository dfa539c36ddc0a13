//! How many rows the files of a set have.
//!
//! One number holds for all arrays, and every file is padded to it. A reader decodes whole files, so
//! a large number costs it with each small array, and a small one costs files of large arrays.

use super::DEFAULT_RECORD_SIZE;

/// What a reader spends on a file, in rows that it decodes in that time: about 20 ms for a small
/// ranged read, and 10 million rows a second (measured: fsspec with fastparquet).
const FILE_ROWS: u64 = 200_000;

/// A record size under which a reader of all arrays spends least, for arrays with so many chunks:
/// 1,000, 10,000 or [`DEFAULT_RECORD_SIZE`].
///
/// ```
/// use chunkref_manifest::kerchunk::record_size_for;
///
/// assert_eq!(record_size_for([1_000_000]), 100_000);
/// assert_eq!(record_size_for([22; 1000]), 1_000);
/// assert_eq!(record_size_for([]), 1_000);
/// ```
pub fn record_size_for(chunks: impl IntoIterator<Item = u64>) -> usize {
    const SIZES: [usize; 3] = [1_000, 10_000, DEFAULT_RECORD_SIZE];
    let mut files = [0_u64; SIZES.len()];
    for count in chunks {
        for (files, size) in files.iter_mut().zip(SIZES) {
            let size = u64::try_from(size).unwrap_or(u64::MAX);
            *files = files.saturating_add(count.div_ceil(size));
        }
    }
    let costs = files.iter().zip(SIZES).map(|(files, size)| {
        let rows = FILE_ROWS.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        (u128::from(*files).saturating_mul(u128::from(rows)), size)
    });
    costs.min().map_or(DEFAULT_RECORD_SIZE, |(_, size)| size)
}
