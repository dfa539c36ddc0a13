//! A whole scan.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/hdf5/tests/decoder/mod.rs"]
mod decoder;
#[allow(dead_code, reason = "shared with tests, which use all of it")]
#[path = "../../crates/hdf5/tests/mutate/random.rs"]
mod random;
#[allow(dead_code, reason = "shared with tests, which use all of it")]
#[path = "../../crates/hdf5/tests/mutate/reading.rs"]
mod reading;
use random::Random;

fuzz_target!(|file: &[u8]| {
    let (_, effort) = reading::read(file);
    effort.check("scan", file.len());
});
