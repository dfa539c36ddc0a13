//! A Kerchunk Parquet set: four bytes, the length of `.zmetadata`; that; then every file.

#![no_main]

use bytes::Bytes;
use chunkref_manifest::kerchunk::ParquetSet;
use libfuzzer_sys::fuzz_target;

/// Files that are given; all are the same.
const FILES: usize = 4;

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk() else {
        return;
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some((zmetadata, file)) = rest.split_at_checked(length) else {
        return;
    };
    let Ok(mut set) = ParquetSet::new(zmetadata) else {
        return;
    };
    let file = Bytes::copy_from_slice(file);
    let records: Vec<_> = set.records().take(FILES).collect();
    let index = set.index();
    for record in &records {
        if set.supply(record, &file).is_err() {
            return;
        }
        // What a whole set takes, a lazy one takes as well.
        let number = record.path.rsplit('.').nth(1).and_then(|number| number.parse().ok());
        let array = index.array(&record.array_path).expect("it has this array");
        index.rows(array, number.expect("refs.N.parq"), &file).expect("the rows of a whole set");
    }
    set.finish().expect("no chunk is given twice");
});
