//! A scan gives the same, or fails, whatever the split and the order in which bytes come.

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

fuzz_target!(|input: (u64, &[u8])| {
    let (seed, file) = input;
    let (in_waves, _) = reading::read(file);
    let in_disorder = reading::read_in_disorder(file, &mut Random(seed));
    match (in_waves, in_disorder) {
        (Ok(one), Ok(other)) => assert!(one == other, "not the same file"),
        (Err(_), Err(_)) => {}
        (one, other) => panic!("{:?} in waves, {:?} in disorder", one.err(), other.err()),
    }
});
