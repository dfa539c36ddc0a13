//! blosc: HDF5 filter 32001.

#![no_main]

mod chunk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    chunk::decode(32001, data);
});
