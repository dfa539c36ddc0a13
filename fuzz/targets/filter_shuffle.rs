//! Shuffle; and what it gives is shuffled to the same again.

#![no_main]

mod chunk;

use chunkref_filters::{Filter, Pipeline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(chunk) = chunk::decode(2, data)
        && let Some(decoded) = chunk.decoded
    {
        let filter = Filter::from_hdf5(2, &chunk.parameters);
        assert_eq!(Pipeline::new([filter]).encode(&decoded).as_deref(), Ok(chunk.stored));
    }
});
