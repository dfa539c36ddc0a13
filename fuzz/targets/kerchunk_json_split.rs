//! Kerchunk JSON comes out the same in whatever pieces its bytes come: the first byte is the length
//! of a piece. Where it is compressed, pieces are those of the compressed bytes.

#![no_main]

use std::io::{self, Read};

use chunkref_manifest::kerchunk::{JsonOptions, read_json, read_json_from};
use libfuzzer_sys::fuzz_target;

struct Pieces<'a> {
    rest: &'a [u8],
    length: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.length.min(self.rest.len()).min(buffer.len());
        let (piece, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.rest = rest;
        Ok(length)
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((length, set)) = data.split_first() else {
        return;
    };
    let length = usize::from(*length).max(1);
    let options = JsonOptions::new().with_target("s3://bucket/target");
    let whole = read_json(set, &options);
    let pieces = read_json_from(|| Ok(Pieces { rest: set, length }), &options);
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            // NaN among the attributes is not equal to itself.
            let text = |manifest| format!("{:?}", &manifest);
            assert_eq!(text(whole.manifest.root), text(pieces.manifest.root));
            assert_eq!(whole.manifest.locations, pieces.manifest.locations);
            assert_eq!(whole.report.remarks, pieces.report.remarks);
        }
        (Err(whole), Err(pieces)) => assert_eq!(whole.to_string(), pieces.to_string()),
        (whole, pieces) => panic!("{whole:?} and {pieces:?}"),
    }
});
