//! Kerchunk JSON: an error, or a set that is the same when it is written and read again.

#![no_main]

use chunkref_manifest::kerchunk::{JsonOptions, read_json, write_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let options = JsonOptions::new().with_target("s3://bucket/target");
    let Ok(read) = read_json(data, &options) else {
        return;
    };
    // Absent chunks may be written out: such a set is longer, and need not be the same.
    if read.manifest.arrays().any(|(_, array)| !array.is_complete()) {
        return;
    }
    let mut first = Vec::new();
    if write_json(&read.manifest, &mut first).is_err() {
        return;
    }
    let again = read_json(&first, &JsonOptions::new());
    let again = again.expect("what was written can be read");
    assert!(again.report.refused.is_empty(), "{:?}", again.report);
    let mut second = Vec::new();
    write_json(&again.manifest, &mut second).expect("what was written can be written");
    assert_eq!(first, second);
});
