//! lzo: HDF5 filter 305.

#![no_main]

mod chunk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    chunk::decode(305, data);
});
