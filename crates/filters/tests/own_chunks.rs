//! Chunks that libhdf5 stored with szip, nbit and scaleoffset, and others made to harm.

use bytes::Bytes;
use chunkref_filters::{Error, Filter, Pipeline};
use proptest::collection::vec;
use proptest::prelude::*;

const SZIP: u16 = 4;
const NBIT: u16 = 5;
const SCALEOFFSET: u16 = 6;

struct Chunk {
    id: u16,
    parameters: Vec<u32>,
    plain: Vec<u8>,
    stored: Bytes,
}

impl Chunk {
    fn pipeline(&self) -> Pipeline {
        Pipeline::new([Filter::from_hdf5(self.id, &self.parameters)])
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn chunks() -> Vec<Chunk> {
    let lines = include_str!("own_chunks.txt").lines();
    lines
        .map(|line| {
            let [id, parameters, plain, stored] =
                line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            Chunk {
                id: id.parse().unwrap(),
                parameters: parameters
                    .split(',')
                    .map(|number| number.parse().unwrap())
                    .collect(),
                plain: bytes(plain),
                stored: bytes(stored).into(),
            }
        })
        .collect()
}

#[test]
fn decode_as_libhdf5_does() {
    for chunk in chunks() {
        let decoded = chunk
            .pipeline()
            .decode(chunk.stored.clone(), 0, chunk.plain.len());
        assert_eq!(
            decoded.as_deref(),
            Ok(&chunk.plain[..]),
            "filter {} of {:?}",
            chunk.id,
            chunk.parameters
        );
    }
}

#[test]
fn the_chunks_are_of_all_three_filters() {
    let chunks = chunks();
    let count = |id| chunks.iter().filter(|chunk| chunk.id == id).count();
    assert_eq!(
        [count(SZIP), count(NBIT), count(SCALEOFFSET)],
        [63, 150, 112]
    );
}

#[test]
fn a_chunk_larger_than_expected_is_not_decoded() {
    for chunk in chunks() {
        let size = chunk.plain.len() - 1;
        assert_eq!(
            chunk.pipeline().decode(chunk.stored.clone(), 0, size),
            Err(Error::TooLong {
                index: 0,
                limit: size
            }),
            "filter {} of {:?}",
            chunk.id,
            chunk.parameters
        );
    }
}

#[test]
fn a_cut_chunk_is_an_error_or_has_lost_padding() {
    for chunk in chunks() {
        let size = chunk.plain.len();
        for end in 0..chunk.stored.len() {
            let cut = chunk.stored.slice(..end);
            if let Ok(decoded) = chunk.pipeline().decode(cut, 0, size) {
                assert_eq!(decoded, chunk.plain);
                // Szip pads the last scanline; the others write a byte more than they need.
                assert!(chunk.id == SZIP || chunk.stored.len() - end == 1);
            }
        }
    }
}

#[test]
fn parameters_cut_short_are_an_error() {
    for chunk in chunks() {
        for end in 0..chunk.parameters.len() {
            let filter = Filter::from_hdf5(chunk.id, &chunk.parameters[..end]);
            let decoded =
                Pipeline::new([filter]).decode(chunk.stored.clone(), 0, chunk.plain.len());
            assert!(matches!(decoded, Err(Error::Decode { index: 0, .. })));
        }
    }
}

#[test]
fn errors_say_which_filter_and_why() {
    let error = |id, parameters: &[u32], stored: &'static [u8]| {
        Pipeline::new([Filter::from_hdf5(id, parameters)])
            .decode(Bytes::from_static(stored), 0, 4)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(NBIT, &[8, 0, 4, 1, 1, 0, 9, 0], &[1, 2]),
        "filter 0 (5, nbit): 2 stored bytes: 9 bits from bit 0 in 1 bytes"
    );
    assert_eq!(
        error(NBIT, &[8, 0, 4, 1, 1, 0, 5, 0], &[1, 2]),
        "filter 0 (5, nbit): 2 stored bytes: 4 elements take 20 bits, more than there are"
    );
    let mut scaled = [0; 20];
    scaled[..5].copy_from_slice(&[1, 2, 1, 1, 4]);
    assert_eq!(
        error(SCALEOFFSET, &scaled, &[]),
        "filter 0 (6, scaleoffset) is not supported: binary scaling, which no version of libhdf5 \
         writes or reads"
    );
    assert_eq!(
        error(SZIP, &[32, 8, 8, 8], &[4, 0, 0, 0, 0xff]),
        "filter 0 (4, szip): 5 stored bytes: the coded samples end within a block"
    );
    assert_eq!(
        error(SZIP, &[32, 8, 40, 8], &[4, 0, 0, 0]),
        "filter 0 (4, szip): 4 stored bytes: 40 bits in a pixel, expected 1 to 24, 32 or 64"
    );
}

#[test]
fn nbit_members_that_libhdf5_loses_are_refused() {
    // Of an array of arrays and a number behind it libhdf5 stores the number with the size,
    // order, precision and offset of the innermost base type.
    let parameters = [
        22, 0, 1, 3, 5, 2, 1, 2, 2, 2, 2, 1, 1, 0, 6, 0, 3, 1, 2, 0, 15, 0,
    ];
    let pipeline = Pipeline::new([Filter::from_hdf5(NBIT, &parameters)]);
    assert!(matches!(
        pipeline.decode(Bytes::from_static(&[0; 8]), 0, 5),
        Err(Error::Unsupported { id: NBIT, .. })
    ));
}

#[test]
fn nbit_datatypes_within_one_another_without_end_are_refused() {
    let mut parameters = vec![0, 0, 1];
    parameters.extend([2, 8].repeat(30_000));
    parameters[0] = u32::try_from(parameters.len()).unwrap();
    let decoded = Pipeline::new([Filter::from_hdf5(NBIT, &parameters)]).decode(
        Bytes::from_static(&[0; 8]),
        0,
        8,
    );
    assert_eq!(
        decoded.unwrap_err().to_string(),
        "filter 0 (5, nbit): 8 stored bytes: datatypes within one another, deeper than 64"
    );
}

#[test]
fn enormous_counts_take_no_memory() {
    let most = u32::MAX;
    let mut scaled = [0; 20];
    scaled[..5].copy_from_slice(&[2, 0, most, 0, 8]);
    for (id, parameters) in [
        (NBIT, &[8, 0, most, 1, 8, 0, 1, 0][..]),
        (NBIT, &[5, 0, most, 3, most, 0][..]),
        (SCALEOFFSET, &scaled[..]),
        (SZIP, &[32, 32, 8, most][..]),
    ] {
        let stored = Bytes::from_static(&[0xff; 40]);
        let decoded = Pipeline::new([Filter::from_hdf5(id, parameters)]).decode(stored, 0, 1000);
        assert!(decoded.is_err());
    }
}

fn parameter() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..9, 0_u32..70, any::<u32>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_the_size_asked_for_or_an_error(
        id in 4_u16..7,
        parameters in vec(parameter(), 0..21),
        stored in vec(any::<u8>(), 0..100),
        size in 0_usize..400,
    ) {
        let mut parameters = parameters;
        if id == NBIT && !parameters.is_empty() {
            parameters[0] = u32::try_from(parameters.len()).unwrap();
        }
        let pipeline = Pipeline::new([Filter::from_hdf5(id, &parameters)]);
        if let Ok(decoded) = pipeline.decode(stored.into(), 0, size) {
            prop_assert_eq!(decoded.len(), size);
        }
    }

    #[test]
    fn changed_chunks_give_the_same_size_or_an_error(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        parameter in proptest::option::of((any::<prop::sample::Index>(), parameter())),
    ) {
        let mut chunks = chunks();
        let at = which.index(chunks.len());
        let mut chunk = chunks.swap_remove(at);
        let mut stored = chunk.stored.to_vec();
        for (at, value) in changes {
            let at = at.index(stored.len());
            stored[at] = value;
        }
        if let Some((at, value)) = parameter {
            let at = at.index(chunk.parameters.len());
            chunk.parameters[at] = value;
        }
        let size = chunk.plain.len();
        if let Ok(decoded) = chunk.pipeline().decode(stored.into(), 0, size) {
            prop_assert_eq!(decoded.len(), size);
        }
    }
}
