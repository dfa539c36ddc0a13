//! Values that manifests hold.

use bytes::Bytes;
use chunkref_combine::{ConcatOptions, concat};
use chunkref_manifest::{ChunkTableBuilder, Codec, DataType, Layout};

use crate::granule::{array, chunked, granule, inline_f64, unlike};

#[test]
fn a_fill_chunk_is_encoded_as_the_chunks_are() {
    let codecs = vec![Codec::Shuffle { element_size: 2 }, Codec::Zlib { level: 4 }];
    let mut whole = granule("a");
    let mut stored = chunked(&["time"], &[4], &[4], 0);
    if let Layout::Chunked { codecs: stored, .. } = &mut stored.layout {
        stored.clone_from(&codecs);
    }
    whole.root.arrays.insert("a".into(), stored);
    let mut empty = granule("b");
    let plain = Bytes::from_static(&[9, 1, 9, 1, 9, 1, 9, 1]);
    let layout = Layout::Absent {
        chunk_shape: vec![4],
        fill_chunk: Some(plain.clone()),
    };
    empty
        .root
        .arrays
        .insert("a".into(), array(&["time"], &[4], layout));
    let (joined, _) = concat(vec![whole, empty], "time", &ConcatOptions::new()).unwrap();
    let fill = joined.array("a").unwrap().fill_chunk().unwrap().clone();
    let pipeline = chunkref_store::pipeline(&codecs).unwrap();
    assert_eq!(pipeline.decode(fill, 0, 8).unwrap(), plain);
}

#[test]
fn inline_values_are_joined_along_any_axis() {
    let wide = |url: &str, values: &[f64]| {
        let mut manifest = granule(url);
        let mut array = inline_f64(&["y", "time"], values);
        array.shape = vec![2, values.len() as u64 / 2];
        manifest.root.arrays.insert("a".into(), array);
        manifest
    };
    let granules = vec![wide("a", &[1.0, 2.0, 5.0, 6.0]), wide("b", &[3.0, 7.0])];
    let (joined, _) = concat(granules, "time", &ConcatOptions::new()).unwrap();
    let mut expected = inline_f64(&["y", "time"], &[1.0, 2.0, 3.0, 5.0, 6.0, 7.0]);
    expected.shape = vec![2, 3];
    assert_eq!(joined.array("a"), Some(&expected));
}

#[test]
fn inline_chunks_of_any_length_are_joined_as_values() {
    let times = |url: &str, values: &[f64]| {
        let mut manifest = granule(url);
        let mut array = inline_f64(&["time"], values);
        let codecs = vec![Codec::Shuffle { element_size: 8 }, Codec::Zlib { level: 1 }];
        let mut plain: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        plain.resize(512 * 8, 0);
        let encoded = chunkref_store::pipeline(&codecs)
            .unwrap()
            .encode(&plain)
            .unwrap();
        let mut table = ChunkTableBuilder::new(vec![1]);
        table.push_inline(0, encoded.into()).unwrap();
        array.layout = Layout::Chunked {
            chunk_shape: vec![512],
            codecs,
            chunks: table.finish(),
            fill_chunk: None,
        };
        manifest.root.arrays.insert("time".into(), array);
        manifest
    };
    let granules = vec![times("a", &[1.0]), times("b", &[2.0, 3.0])];
    let (joined, report) = concat(granules, "time", &ConcatOptions::new()).unwrap();
    assert_eq!(
        joined.array("time"),
        Some(&inline_f64(&["time"], &[1.0, 2.0, 3.0]))
    );
    assert_eq!(report.ascending, Some(true));
}

#[test]
fn inline_strings_are_joined() {
    let names = |url: &str, data: &'static [u8], count| {
        let mut manifest = granule(url);
        let mut array = array(
            &["time"],
            &[count],
            Layout::Inline {
                data: Bytes::from_static(data),
            },
        );
        array.data_type = DataType::VariableString;
        manifest.root.arrays.insert("name".into(), array);
        manifest
    };
    let a = names("a", b"\x01\0\0\0\x02\0\0\0ab", 1);
    let b = names("b", b"\x02\0\0\0\x00\0\0\0\x01\0\0\0c", 2);
    let (joined, _) = concat(vec![a, b], "time", &ConcatOptions::new()).unwrap();
    let Layout::Inline { data } = &joined.array("name").unwrap().layout else {
        panic!()
    };
    assert_eq!(&data[..], b"\x03\0\0\0\x02\0\0\0ab\x00\0\0\0\x01\0\0\0c");
    let wrong = names("c", b"\x02\0\0\0", 1);
    assert_eq!(unlike(vec![wrong.clone(), wrong]).len(), 1);
}

#[test]
fn inline_chunks_are_decoded_by_the_filters_that_each_has() {
    let codecs = vec![Codec::Shuffle { element_size: 2 }, Codec::Zlib { level: 1 }];
    let plain: Vec<u8> = (1..=8).collect();
    let part = |url: &str, mask: u32, stored: &[u8]| {
        let mut manifest = granule(url);
        let mut table = ChunkTableBuilder::new(vec![1]);
        table
            .push_inline(0, Bytes::copy_from_slice(stored))
            .unwrap();
        let table = table.finish().with_filter_masks(vec![(0, mask)]).unwrap();
        let layout = Layout::Chunked {
            chunk_shape: vec![4],
            codecs: codecs.clone(),
            chunks: table,
            fill_chunk: None,
        };
        let joined = array(&["time"], &[4], layout);
        manifest.root.arrays.insert("a".into(), joined);
        manifest
    };
    // Both filters were left out of the first, zlib alone out of the second.
    let shuffled = [1, 3, 5, 7, 2, 4, 6, 8];
    let granules = vec![part("a", 3, &plain), part("b", 2, &shuffled)];
    let (joined, _) = concat(granules, "time", &ConcatOptions::new()).unwrap();
    let Layout::Inline { data } = &joined.array("a").unwrap().layout else {
        panic!("{:?}", joined.array("a"));
    };
    assert_eq!(data[..], [plain.clone(), plain].concat());
}

#[test]
fn no_number_is_below_zero_and_equal_to_it() {
    let of = |url: &str, time: f64| {
        let mut manifest = granule(url);
        let times = inline_f64(&["time"], &[time]);
        manifest.root.arrays.insert("time".into(), times);
        manifest
    };
    for (a, b) in [(0.0, -0.0), (-0.0, 0.0)] {
        let granules = vec![of("a", a), of("b", b)];
        let options = ConcatOptions::new().with_sorted(true);
        let (_, report) = concat(granules, "time", &options).unwrap();
        assert_eq!(report.ascending, Some(false));
        assert_eq!(report.granules, ["a", "b"]);
        assert_eq!(report.duplicates[0].value, "0");
        assert_eq!(report.duplicates[0].granules, ["a", "b"]);
    }
}
