//! Chunks that libhdf5 stored through filters known by their number, decoded; and made to harm.

use bytes::Bytes;
use chunkref_filters::{Error, Filter, Pipeline};

struct Chunk {
    name: &'static str,
    pipeline: Pipeline,
    mask: u32,
    plain: Vec<u8>,
    stored: Bytes,
}

fn noise(count: usize) -> Vec<u8> {
    let mut state = 12345_u32;
    let next = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7fff_ffff;
        (state >> 16).to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// As `generate_registered.py` makes it.
fn plain(kind: &str, size: usize, count: usize) -> Vec<u8> {
    let length = size * count;
    let mut plain = Vec::with_capacity(length);
    match kind {
        "noise" => plain = noise(length),
        "ramp" => {
            for i in 0..count {
                let mut element = (i / 6 * 5).to_le_bytes().to_vec();
                element.resize(size, 1);
                plain.extend_from_slice(&element);
            }
        }
        "echo" => {
            let once = noise(9001);
            for i in 0..length / 100 + 2 {
                let (from, to) = (i % 300, i * 7 % 300 + 301);
                plain.extend_from_slice(if i % 11 == 10 { &once } else { &once[from..to] });
            }
        }
        "runs" => {
            for i in 0..length / 10 + 2 {
                plain.extend(noise(i % 5 + 1).repeat(i % 40 + 1));
            }
        }
        "zero" => plain.resize(length, 0),
        "same" => plain = noise(size).repeat(count),
        "nan" if size == 4 => plain = f32::NAN.to_le_bytes().repeat(count),
        "nan" => plain = f64::NAN.to_le_bytes().repeat(count),
        other => panic!("no data of kind {other}"),
    }
    plain.truncate(length);
    plain
}

fn chunks() -> Vec<Chunk> {
    let mut chunks = Vec::new();
    read_chunks(include_bytes!("registered.bin"), &mut chunks);
    read_chunks(include_bytes!("lzo.bin"), &mut chunks);
    chunks
}

/// Reads chunks as `generate_registered.py` writes them.
fn read_chunks(mut rest: &'static [u8], chunks: &mut Vec<Chunk>) {
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap();
        let name = str::from_utf8(&rest[..end]).unwrap();
        let [filters, mask, kind, size, count, stored] =
            name.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let filters: Vec<_> = filters
            .split(';')
            .map(|filter| {
                let (id, parameters) = filter.split_once(':').unwrap();
                let parameters: Vec<u32> = parameters
                    .split_terminator(',')
                    .map(|parameter| parameter.parse().unwrap())
                    .collect();
                Filter::from_hdf5(id.parse().unwrap(), &parameters)
            })
            .collect();
        let (stored, after) = rest[end + 1..].split_at(stored.parse().unwrap());
        chunks.push(Chunk {
            name,
            pipeline: Pipeline::new(filters),
            mask: mask.parse().unwrap(),
            plain: plain(kind, size.parse().unwrap(), count.parse().unwrap()),
            stored: Bytes::from_static(stored),
        });
        rest = after;
    }
}

#[test]
fn decode_as_libhdf5_does() {
    let mut wrong = Vec::new();
    let chunks = chunks();
    for chunk in &chunks {
        let stored = chunk.stored.clone();
        match chunk.pipeline.decode(stored, chunk.mask, chunk.plain.len()) {
            Ok(decoded) if decoded == chunk.plain => {}
            Ok(_) => wrong.push(format!("{}: other bytes", chunk.name)),
            Err(error) => wrong.push(format!("{}: {error}", chunk.name)),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        chunks.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_cut_chunk_is_an_error_or_another_length() {
    for chunk in chunks() {
        if chunk.mask != 0 {
            continue;
        }
        let length = chunk.stored.len();
        for end in (0..length.min(40)).chain((40..length).step_by(97)) {
            let decoded = chunk
                .pipeline
                .decode(chunk.stored.slice(..end), 0, chunk.plain.len());
            // What is cut off may be bytes that the format does not need.
            assert!(
                decoded.is_err() || decoded == Ok(chunk.plain.clone().into()),
                "{} cut at {end}",
                chunk.name
            );
        }
    }
}

#[test]
fn no_filter_gives_more_than_it_may() {
    for chunk in chunks() {
        let length = chunk.plain.len();
        let only = chunk.pipeline.filters().len() == 1 && chunk.mask == 0;
        for size in [0, length / 2, length - 1] {
            let decoded = chunk
                .pipeline
                .decode(chunk.stored.clone(), chunk.mask, size);
            if only {
                assert_eq!(
                    decoded,
                    Err(Error::TooLong {
                        index: 0,
                        limit: size
                    }),
                    "{}",
                    chunk.name
                );
            } else {
                assert!(decoded.is_err(), "{}", chunk.name);
            }
        }
        let decoded = chunk.pipeline.decode(chunk.stored, chunk.mask, length + 1);
        assert_eq!(
            decoded,
            Err(Error::Length {
                found: length,
                expected: length + 1
            })
        );
    }
}

/// Changes that a hostile writer would make, each again and again the same.
struct Mutator(u64);

impl Mutator {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.next(3) {
            // Headers are where the harm is.
            let range = [bytes.len(), 64, 250][self.next(3)].min(bytes.len());
            let at = self.next(range);
            match (self.next(6), bytes.len() - at) {
                (_, 0) => {}
                (0, _) => bytes[at] ^= 1 << self.next(8),
                (1, _) => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.next(5)],
                (2, 4..) => {
                    let values = [0, 1, 0x7fff_ffff, u32::MAX, 0x1000_0000, 0xffff];
                    let value = values[self.next(6)];
                    let value = if self.next(2) == 0 {
                        value.to_le_bytes()
                    } else {
                        value.to_be_bytes()
                    };
                    bytes[at..at + 4].copy_from_slice(&value);
                }
                (3, _) => bytes.truncate(at),
                (4, _) => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, 0xff),
            }
        }
    }
}

#[test]
fn changed_chunks_give_the_size_asked_for_or_an_error() {
    let mut mutator = Mutator(7);
    let (mut refused, mut all) = (0, 0);
    for chunk in chunks() {
        for _ in 0..20 {
            let mut stored = chunk.stored.to_vec();
            mutator.mutate(&mut stored);
            let sizes = [chunk.plain.len(), 1 << 20];
            let size = sizes[mutator.next(2)];
            all += 1;
            match chunk.pipeline.decode(stored.into(), chunk.mask, size) {
                Ok(decoded) => assert_eq!(decoded.len(), size),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > all / 2, "{refused} of {all}");
}
