//! What stands beside references: an error, or a set that is the same when it is written and read
//! again.

#![no_main]

use chunkref_manifest::Manifest;
use chunkref_manifest::extras::Extras;
use chunkref_manifest::kerchunk::{JsonOptions, read_json, write_json};
use libfuzzer_sys::fuzz_target;

const NOTHING: &[u8] = br#"{"version": 1, "refs": {}}"#;

fn written(manifest: &Manifest) -> Option<Vec<u8>> {
    let mut set = Vec::new();
    write_json(manifest, &mut set).ok().map(|()| set)
}

fuzz_target!(|data: &[u8]| {
    let Ok(extras) = Extras::parse(data) else {
        return;
    };
    let nothing = read_json(NOTHING, &JsonOptions::new()).expect("a set of nothing");
    let set = extras.apply(nothing, None);
    // Absent chunks may be written out: such a set is longer.
    let is_long = set.manifest.arrays().any(|(_, array)| {
        let chunks = array.chunk_grid().unwrap_or_default();
        !array.is_put_together()
            && chunks.iter().fold(1_u64, |all, axis| all.saturating_mul(*axis)) > 10_000
    });
    if is_long {
        return;
    }
    let Some(first) = written(&set.manifest) else {
        return;
    };
    let again = read_json(&first, &JsonOptions::new()).expect("what was written can be read");
    assert!(again.report.remarks.is_empty(), "{:?}", again.report);
    // What documents can say but no reader reads again is refused, and told.
    if again.report.refused.is_empty() {
        let second = written(&again.manifest).expect("what was written can be written");
        assert_eq!(first, second);
    }
});
