//! Deflate; and another decoder gives the same.

#![no_main]

mod chunk;

use std::io::Read;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(chunk) = chunk::decode(1, data) else {
        return;
    };
    let mut other = Vec::new();
    let most = u64::try_from(chunk.size).unwrap_or(u64::MAX) + 1;
    let whole = flate2::read::ZlibDecoder::new(chunk.stored).take(most).read_to_end(&mut other);
    match chunk.decoded {
        Some(decoded) => assert_eq!(decoded, other),
        None => assert!(whole.is_err() || other.len() != chunk.size),
    }
});
