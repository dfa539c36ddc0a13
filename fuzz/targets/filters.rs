//! Decoding of chunks: first byte, the pipeline; two bytes, the mask and the decoded size.

#![no_main]

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[pipeline, mask, size], chunk)) = data.split_first_chunk() else {
        return;
    };
    let element_size = u32::from(pipeline >> 3);
    let known = [
        Filter::Shuffle { element_size },
        Filter::Deflate { level: 6 },
        Filter::Fletcher32,
    ];
    let chosen: Vec<_> = (0..3)
        .filter(|bit| pipeline & (1 << bit) != 0)
        .filter_map(|bit| known.get(bit).cloned())
        .collect();
    let decoded_size = usize::from(size) * 64;
    let decoded =
        Pipeline::new(chosen).decode(Bytes::copy_from_slice(chunk), mask.into(), decoded_size);
    if let Ok(decoded) = decoded {
        assert_eq!(decoded.len(), decoded_size);
    }
});
