//! Round trips, filter masks, and chunks made to harm.

use bytes::Bytes;
use chunkref_filters::{Error, Filter, Pipeline};
use proptest::collection::vec;
use proptest::prelude::*;

fn filter() -> impl Strategy<Value = Filter> {
    prop_oneof![
        (0_u32..20).prop_map(|element_size| Filter::Shuffle { element_size }),
        (0_u8..=9).prop_map(|level| Filter::Deflate { level }),
        Just(Filter::Fletcher32),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_decodes(
        filters in vec(filter(), 0..5),
        plain in vec(any::<u8>(), 0..2000),
    ) {
        let pipeline = Pipeline::new(filters);
        let stored = pipeline.encode(&plain).unwrap();
        prop_assert_eq!(pipeline.decode(stored.into(), 0, plain.len()).unwrap(), plain);
    }

    #[test]
    fn masked_filters_are_skipped(
        filters in vec(filter(), 0..6),
        mask in any::<u32>(),
        plain in vec(any::<u8>(), 0..300),
    ) {
        let applied: Vec<_> = (0..filters.len())
            .filter(|bit| mask >> bit & 1 == 0)
            .map(|bit| filters[bit].clone())
            .collect();
        let stored = Pipeline::new(applied).encode(&plain).unwrap();
        let decoded = Pipeline::new(filters).decode(stored.into(), mask, plain.len());
        prop_assert_eq!(decoded.unwrap(), plain);
    }

    #[test]
    fn any_bytes_give_the_size_asked_for_or_an_error(
        filters in vec(filter(), 0..4),
        stored in vec(any::<u8>(), 0..200),
        mask in any::<u32>(),
        size in 0_usize..400,
    ) {
        if let Ok(decoded) = Pipeline::new(filters).decode(stored.into(), mask, size) {
            prop_assert_eq!(decoded.len(), size);
        }
    }

    #[test]
    fn any_bytes_behind_any_filter_give_the_size_asked_for_or_an_error(
        id in prop::sample::select(vec![
            1_u16, 2, 3, 4, 5, 6, 307, 32000, 32001, 32004, 32008, 32015, 32022, 32023, 32026,
        ]),
        parameters in vec(prop_oneof![0_u32..9, any::<u32>()], 0..8),
        stored in vec(prop_oneof![0_u8..6, any::<u8>()], 0..200),
        size in 0_usize..400,
    ) {
        let pipeline = Pipeline::new([Filter::from_hdf5(id, &parameters)]);
        if let Ok(decoded) = pipeline.decode(stored.into(), 0, size) {
            prop_assert_eq!(decoded.len(), size);
        }
    }

    #[test]
    fn another_size_is_an_error(
        filters in vec(filter(), 0..4),
        plain in vec(any::<u8>(), 0..200),
        size in 0_usize..400,
    ) {
        prop_assume!(size != plain.len());
        let pipeline = Pipeline::new(filters);
        let stored = pipeline.encode(&plain).unwrap();
        prop_assert!(pipeline.decode(stored.into(), 0, size).is_err());
    }
}

#[test]
fn a_bomb_stops_at_the_size_of_the_chunk() {
    let deflate = Pipeline::new([Filter::Deflate { level: 9 }]);
    let bomb = deflate.encode(&vec![0; 32 << 20]).unwrap();
    assert!(bomb.len() < 40_000);
    assert_eq!(
        deflate.decode(bomb.into(), 0, 1000),
        Err(Error::TooLong {
            index: 0,
            limit: 1000
        })
    );
}

#[test]
fn a_bomb_in_a_bomb_stops_at_the_first() {
    let twice = Pipeline::new([Filter::Deflate { level: 9 }, Filter::Deflate { level: 9 }]);
    let bomb = twice.encode(&vec![0; 32 << 20]).unwrap();
    let Err(Error::TooLong { index: 1, limit }) = twice.decode(bomb.into(), 0, 1000) else {
        panic!("the outer stream gives far more than 1000 bytes deflate to");
    };
    assert!(limit < 1200);
}

#[test]
fn an_enormous_size_takes_no_memory() {
    let pipeline = Pipeline::new([
        Filter::Shuffle { element_size: 4 },
        Filter::Deflate { level: 1 },
    ]);
    let stored = pipeline.encode(&[1, 2, 3, 4]).unwrap();
    assert_eq!(
        pipeline.decode(stored.into(), 0, usize::MAX),
        Err(Error::Length {
            found: 4,
            expected: usize::MAX
        })
    );
}

#[test]
fn rounding_filters_change_nothing() {
    for id in [32022, 32023] {
        let filter = Filter::from_hdf5(id, &[3, 4, 0, 0, 0]);
        assert!(filter.is_supported() && filter.is_identity());
        let pipeline = Pipeline::new([filter, Filter::Fletcher32]);
        let stored = pipeline.encode(&[1, 2, 3, 4]).unwrap();
        assert_eq!(stored.len(), 8);
        let decoded = pipeline.decode(stored.into(), 0, 4);
        assert_eq!(decoded.as_deref(), Ok(&[1, 2, 3, 4][..]));
    }
}

#[test]
fn errors_say_which_filter_and_why() {
    let pipeline = Pipeline::new([Filter::Shuffle { element_size: 4 }, Filter::Fletcher32]);
    let error = |stored: &'static [u8], size| {
        let decoded = pipeline.decode(Bytes::from_static(stored), 0, size);
        decoded.unwrap_err().to_string()
    };
    assert_eq!(
        error(&[1, 2, 3], 4),
        "filter 1 (fletcher32): 3 bytes, expected at least the 4 of the checksum"
    );
    assert_eq!(
        error(&[1, 2, 3, 4, 0, 0, 0, 0], 4),
        "filter 1 (fletcher32): checksum 0x00000000 does not match 0x05080406 over 4 bytes"
    );
    let deflate = Pipeline::new([Filter::Deflate { level: 1 }]);
    let html = deflate
        .decode(Bytes::from_static(b"<html>"), 0, 4)
        .unwrap_err();
    assert!(
        html.to_string()
            .starts_with("filter 0 (deflate): 6 stored bytes are no zlib stream: ")
    );
}

#[test]
fn bytes_after_a_zlib_stream_are_ignored_as_libhdf5_does() {
    let deflate = Pipeline::new([Filter::Deflate { level: 1 }]);
    let mut stored = deflate.encode(b"abc").unwrap();
    stored.extend_from_slice(&[0; 16]);
    assert_eq!(deflate.decode(stored.into(), 0, 3).unwrap(), "abc");
}

#[test]
fn nothing_is_copied_where_no_filter_was_applied() {
    let chunk = Bytes::from(vec![7; 100]);
    let at = chunk.as_ptr();
    let decoded = Pipeline::new([Filter::Deflate { level: 1 }])
        .decode(chunk, 1, 100)
        .unwrap();
    assert_eq!(decoded.as_ptr(), at);
}

#[test]
fn filters_are_known_by_their_numbers() {
    assert_eq!(Filter::from_hdf5(1, &[4]), Filter::Deflate { level: 4 });
    assert_eq!(
        Filter::from_hdf5(2, &[8]),
        Filter::Shuffle { element_size: 8 }
    );
    assert_eq!(Filter::from_hdf5(3, &[]), Filter::Fletcher32);
    for id in [1, 2, 3] {
        assert!(Filter::supported(id) && Filter::from_hdf5(id, &[1]).is_supported());
    }
    assert!(!Filter::supported(999) && !Filter::from_hdf5(999, &[]).is_supported());
    // libhdf5 refuses both.
    assert!(!Filter::from_hdf5(2, &[]).is_supported());
    assert!(!Filter::from_hdf5(2, &[0]).is_supported());
}

#[test]
fn a_filter_that_is_not_known_is_named_unless_it_was_skipped() {
    let pipeline = Pipeline::new([Filter::Fletcher32, Filter::from_hdf5(999, &[1, 2])]);
    let chunk = Bytes::from_static(&[1, 2, 3, 4]);
    assert_eq!(
        pipeline
            .decode(chunk.clone(), 0, 4)
            .unwrap_err()
            .to_string(),
        "filter 1 (999, unknown) is not supported: nothing here decodes it"
    );
    assert_eq!(pipeline.decode(chunk.clone(), 3, 4).unwrap(), chunk);
    assert_eq!(
        pipeline.encode(&chunk).unwrap_err().to_string(),
        "filter 1: can't encode 8 bytes: filter 999 (unknown) is only decoded"
    );
}
