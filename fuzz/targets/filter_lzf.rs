//! lzf: HDF5 filter 32000.

#![no_main]

mod chunk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    chunk::decode(32000, data);
});
