//! Chunks that would unfold far beyond what the chunk can hold: an error, and no memory for it.

use std::io::Write;

use bytes::Bytes;
use chunkref_filters::{Error, Filter, Pipeline};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What the bombs give.
const PLAIN: usize = 4 << 20;
/// What the chunk can hold.
const SIZE: usize = 1000;

fn numbers(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An LZ4 block of so many zeros: one of them, and its repeat.
fn lz4_zeros(count: usize) -> Vec<u8> {
    let mut block = vec![0x1f, 0, 1, 0];
    let mut left = count - 1 - 4 - 15 - 5; // the last five stand by themselves
    while left >= 255 {
        block.push(255);
        left -= 255;
    }
    block.push(u8::try_from(left).unwrap());
    block.extend([0x50, 0, 0, 0, 0, 0]);
    block
}

/// Szip of zeros: nine bits say that a segment of 64 blocks of 32 pixels has no others.
fn szip_zeros() -> Vec<u8> {
    let mut coded = vec![0; (PLAIN / 2048 * 9).div_ceil(8)];
    for last in (8..PLAIN / 2048 * 9).step_by(9) {
        coded[last / 8] |= 0x80 >> (last % 8);
    }
    coded
}

fn zlib_zeros() -> Vec<u8> {
    Pipeline::new([Filter::Deflate { level: 9 }])
        .encode(&vec![0; PLAIN])
        .unwrap()
}

fn be64(value: usize) -> [u8; 8] {
    u64::try_from(value).unwrap().to_be_bytes()
}

fn le32(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}

/// Number, parameters and stored bytes of a bomb for each filter that can give more than it takes.
fn bombs() -> Vec<(u16, Vec<u32>, Vec<u8>)> {
    let count = u32::try_from(PLAIN).unwrap();
    let block = lz4_zeros(PLAIN);
    let length = u32::try_from(block.len()).unwrap().to_be_bytes();
    let lz4 = numbers(&[&be64(PLAIN), &count.to_be_bytes(), &length, &block]);
    let zstd = zstd::bulk::compress(&vec![0; PLAIN], 1).unwrap();
    let mut streamed = zstd::stream::Encoder::new(Vec::new(), 1).unwrap(); // says no size
    streamed.write_all(&vec![0; PLAIN]).unwrap();
    let streamed = streamed.finish().unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(&vec![0; PLAIN]).unwrap();
    let lzf = [&[0, 0][..], &[0xe0, 255, 0].repeat(PLAIN / 264)].concat();
    // A zero, and a repeat of it whose length is 255 for each zero in it.
    let more = PLAIN - 1 - 33;
    let tail = u8::try_from((more - 1) % 255 + 1).unwrap();
    let lzo = [
        &[18, 0, 0x20][..],
        &vec![0; (more - 1) / 255],
        &[tail, 0, 0, 0x11, 0, 0],
    ]
    .concat();
    // Blosc, one block: 16 bytes of header, the start of the block, its one stream.
    let blosc = |flags: u8, stream: &[u8]| {
        let all = 24 + stream.len();
        let head = [2, 1, flags, 1];
        let sizes = [le32(PLAIN), le32(PLAIN), le32(all), le32(20)].concat();
        numbers(&[&head, &sizes, &le32(stream.len()), stream])
    };
    // Blosc2: a special value, all zeros.
    let head = [5, 1, 0x05, 1];
    let sizes = [le32(PLAIN), le32(PLAIN), le32(32)].concat();
    let zeros = numbers(&[&head, &sizes, &[0; 15], &[0x10]]);
    let mut scaled = vec![0; 20];
    scaled[..5].copy_from_slice(&[2, 0, count, 0, 1]);
    vec![
        (1, vec![6], zlib_zeros()),
        (
            4,
            vec![0, 32, 8, 4096],
            numbers(&[&le32(PLAIN), &szip_zeros()]),
        ),
        (5, vec![8, 0, count, 1, 1, 0, 1, 0], vec![0; PLAIN / 8 + 1]),
        (6, scaled, vec![0; 40]),
        (305, vec![1], lzo),
        (307, vec![9], bzip2.finish().unwrap()),
        (32000, vec![], lzf),
        (32001, vec![], blosc(1 << 5 | 0x10, &block)),
        (32001, vec![], blosc(3 << 5 | 0x10, &zlib_zeros())),
        (32001, vec![], blosc(4 << 5 | 0x10, &zstd)),
        (32004, vec![], lz4.clone()),
        (32008, vec![0, 4, 1, 0, 2], lz4),
        (32015, vec![], zstd.clone()),
        (32015, vec![], streamed),
        (32026, vec![], zeros),
    ]
}

/// The most bytes that `run` held at one time.
fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = run();
    (result, MEMORY.peak_usage() - before)
}

// One test: the memory of others would be counted, too.
#[test]
fn bombs_are_errors_that_take_no_memory() {
    for (id, parameters, stored) in bombs() {
        let pipeline = Pipeline::new([Filter::from_hdf5(id, &parameters)]);
        let stored = Bytes::from(stored);
        let given = stored.len();
        // As large as it says, it is a chunk like any other.
        let whole = pipeline.decode(stored.clone(), 0, PLAIN);
        // Three bytes of LZF give 264, of which no number is just as many.
        if id != 32000 {
            assert_eq!(whole.as_ref().map(Bytes::len), Ok(PLAIN), "filter {id}");
        }
        drop(whole);
        let (decoded, most) = peak(|| pipeline.decode(stored.clone(), 0, SIZE));
        let too_long = Error::TooLong {
            index: 0,
            limit: SIZE,
        };
        assert_eq!(decoded, Err(too_long), "filter {id}, {given} bytes");
        // The window of a Zstandard frame and the tables of bzip2 do not depend on the chunk.
        let tables = if id == 307 { 8 << 20 } else { 256 << 10 };
        assert!(
            most <= tables,
            "filter {id}: {most} bytes for {given} stored"
        );
    }
    claims_take_no_memory();
}

/// A dataset that says its chunks are enormous, and chunks of a few bytes.
fn claims_take_no_memory() {
    let enormous = 1 << 40;
    let plain = u32::MAX.to_be_bytes();
    let lz4 = numbers(&[&be64(1 << 39), &plain, &[0, 0, 0, 9], &[0; 9]]);
    let some = Pipeline::new([Filter::Deflate { level: 1 }])
        .encode(&[7; 99])
        .unwrap();
    for (id, parameters, stored) in [
        (1, vec![], some),
        (307, vec![], b"BZh9".to_vec()),
        (32000, vec![], vec![0xe0; 60]),
        (32004, vec![], lz4.clone()),
        (32008, vec![0, 4, 1, 0, 2], lz4),
        (32015, vec![], zstd::bulk::compress(&[7; 99], 1).unwrap()),
    ] {
        let pipeline = Pipeline::new([Filter::from_hdf5(id, &parameters)]);
        let (decoded, most) = peak(|| pipeline.decode(stored.into(), 0, enormous));
        assert!(decoded.is_err());
        assert!(most <= 16 << 20, "filter {id}: {most} bytes");
    }
}
