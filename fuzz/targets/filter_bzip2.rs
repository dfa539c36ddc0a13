//! bzip2: HDF5 filter 307.

#![no_main]

mod chunk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    chunk::decode(307, data);
});
