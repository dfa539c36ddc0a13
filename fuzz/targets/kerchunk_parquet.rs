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
    for record in &records {
        if set.supply(record, &file).is_err() {
            return;
        }
    }
    set.finish().expect("no chunk is given twice");
});
