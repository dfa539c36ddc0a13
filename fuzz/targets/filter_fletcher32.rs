//! Fletcher32; and what it gives has this checksum, or the one of old libraries.

#![no_main]

mod chunk;

use chunkref_filters::{Filter, Pipeline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(chunk) = chunk::decode(3, data) else {
        return;
    };
    let plain = &chunk.stored[..chunk.stored.len().min(chunk.size)];
    let Ok(mut stored) = Pipeline::new([Filter::Fletcher32]).encode(plain) else {
        return;
    };
    let now = stored == chunk.stored;
    let end = stored.len();
    stored.swap(end - 4, end - 3);
    stored.swap(end - 2, end - 1);
    assert_eq!(chunk.decoded.is_some(), now || stored == chunk.stored);
});
