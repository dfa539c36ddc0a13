//! Elements that are converted by the store, and bytes of variable length.

use std::sync::Arc;

use bytes::Bytes;
use chunkref_manifest::{
    ByteOrder, Change, Codec, Conversion, DataType, Layout, Part, StoredInteger, StoredOrder,
};
use chunkref_store::{ReaderProfile, StoreOptions, ZarrVersion};
use zarrs::array::{Array, ArrayBytes};

use crate::dataset::{Dataset, array};

const INT: DataType = DataType::Int {
    size: 4,
    order: ByteOrder::Little,
};
/// Three bytes.
const SMALL: DataType = DataType::Raw { length: 3 };

fn widening() -> Conversion {
    let stored = StoredInteger {
        size: 3,
        order: StoredOrder::Big,
        signed: true,
        bit_offset: 0,
        bit_precision: 24,
    };
    Conversion {
        stored_size: 3,
        size: 4,
        parts: vec![Part {
            from: 0,
            to: 0,
            change: Change::Integer {
                stored,
                size: 4,
                order: ByteOrder::Little,
            },
        }],
        reason: "integers of 3 bytes are no Zarr type".to_owned(),
    }
}

/// 5 x 7 numbers in deflated chunks of 2 x 3; the last chunk is absent, and reads as -9.
fn widened() -> Dataset {
    let mut data = Dataset::empty();
    let codecs = [Codec::Shuffle { element_size: 3 }, Codec::Zlib { level: 1 }];
    let mut wide = data.chunked(SMALL, &[5, 7], &[2, 3], &codecs, &[8], |place| {
        let value = number(place[0], place[1]);
        value.to_be_bytes()[1..].to_vec()
    });
    wide.data_type = INT;
    wide.fill_value = Some(Bytes::copy_from_slice(&(-9_i32).to_le_bytes()));
    if let Layout::Chunked { codecs, .. } = &mut wide.layout {
        codecs.insert(0, Codec::Convert(widening()));
    }
    assert_eq!(wide.beyond_zarr(), Some(widening().reason));
    data.insert("wide", wide);
    data
}

fn number(row: u64, column: u64) -> i32 {
    i32::try_from(row * 70_000 + column).unwrap() - 140_000
}

fn expected() -> Vec<i32> {
    let at = |row, column| match (row, column) {
        (4, 6) => -9,
        (row, column) => number(row, column),
    };
    (0..5)
        .flat_map(|row| (0..7).map(move |column| at(row, column)))
        .collect()
}

#[test]
fn converted_elements_are_read_by_every_reader_and_without_one() {
    for version in [ZarrVersion::V2, ZarrVersion::V3] {
        for reader in [ReaderProfile::Zarrs, ReaderProfile::ZarrPython] {
            let options = StoreOptions::new()
                .with_zarr_version(version)
                .with_reader(reader);
            let served = widened().served(options);
            let wide = Array::open(Arc::clone(&served.store), "/wide").unwrap();
            let found: Vec<i32> = wide.retrieve_array_subset(&wide.subset_all()).unwrap();
            assert_eq!(found, expected(), "{version:?} {reader:?}");
        }
    }
    let served = widened().served(StoreOptions::new());
    let whole = served.store.read_array("wide", 1 << 20).unwrap();
    let bytes: Vec<u8> = expected()
        .iter()
        .flat_map(|one| one.to_le_bytes())
        .collect();
    assert_eq!((whole.data_type, &whole.bytes[..]), (INT, &bytes[..]));
}

#[test]
fn what_can_not_be_converted_is_an_error_that_names_the_chunk() {
    let mut data = widened();
    let wide = data.manifest.root.arrays.get_mut("wide").unwrap();
    if let Layout::Chunked { codecs, .. } = &mut wide.layout {
        let mut beyond = widening();
        beyond.parts[0].from = 1;
        codecs[0] = Codec::Convert(beyond);
    }
    let served = data.served(StoreOptions::new());
    let error = served.store.read_array("wide", 1 << 20).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("wide/c/0/0") && text.contains("element 0"),
        "{text}"
    );
}

#[test]
fn zarrs_reads_bytes_of_variable_length() {
    let mut data = Dataset::empty();
    let framed = Bytes::from_static(b"\x02\0\0\0\x03\0\0\0a\0\xff\0\0\0\0");
    let layout = Layout::Inline { data: framed };
    data.insert("blobs", array(DataType::VariableBytes, &[2], layout));
    let served = data.served(StoreOptions::new());
    let blobs = Array::open(Arc::clone(&served.store), "/blobs").unwrap();
    let found: ArrayBytes = blobs.retrieve_array_subset(&blobs.subset_all()).unwrap();
    let (bytes, offsets) = found.into_variable().unwrap().into_parts();
    assert_eq!(
        (&bytes[..], &offsets[..]),
        (&b"a\0\xff"[..], &[0, 3, 3][..])
    );
}
