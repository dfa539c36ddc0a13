//! Whole arrays, whatever they are stored with.

use bytes::Bytes;
use chunkref_manifest::{ByteOrder, ChunkTableBuilder, Codec, DataType, Layout, chunk_coordinates};
use chunkref_store::{Error, StoreOptions};

use crate::dataset::{BYTE, DOUBLE_BIG, Dataset, FLOAT, SHORT, Served, array, sst};

const MIB: u64 = 1 << 20;

fn read(served: &Served, path: &str) -> Bytes {
    served.store.read_array(path, MIB).unwrap().bytes
}

fn shorts(values: &[i16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn every_layout_is_read_in_c_order_and_its_own_byte_order() {
    let served = Dataset::new().served(StoreOptions::new());
    let whole = served.store.read_array("/sst", MIB).unwrap();
    assert_eq!((&whole.shape[..], whole.data_type), (&[5, 7][..], FLOAT));
    let expected: Vec<u8> = (0..35)
        .flat_map(|cell| sst(cell / 7, cell % 7).to_le_bytes())
        .collect();
    assert_eq!(whole.bytes, expected);
    assert_eq!(read(&served, "summed")[..], [0, 3, 6, 9, 12, 15, 18]);
    assert_eq!(read(&served, "gaps"), shorts(&[0, 1, -7, -7, 4, 5, -7, -7]));
    assert_eq!(read(&served, "nothing"), shorts(&[5; 6]));
    assert_eq!(read(&served, "scalar"), shorts(&[42]));
    assert_eq!(&read(&served, "names")[..], b"ab\0xyz");
    let run = served.store.read_array("deep/er/run", MIB).unwrap();
    assert_eq!((&run.shape[..], run.data_type), (&[4, 3][..], DOUBLE_BIG));
    let expected: Vec<u8> = (0..12)
        .flat_map(|value| f64::from(value).to_be_bytes())
        .collect();
    assert_eq!(run.bytes, expected);
}

/// Chunks that are whole, cut on one or all axes, larger than the array, or one element wide.
#[test]
fn chunks_of_every_shape_land_where_they_belong() {
    let shape = [3, 4, 5];
    let lengths = [[1, 2, 3, 7], [1, 3, 4, 9], [1, 2, 5, 6]];
    let mut data = Dataset::empty();
    let mut names = Vec::new();
    for cell in 0..64 {
        let choice = chunk_coordinates(cell, &[4, 4, 4]).unwrap();
        let chunk_shape: Vec<u64> = choice
            .iter()
            .zip(lengths)
            .map(|(at, lengths)| lengths[usize::try_from(*at).unwrap()])
            .collect();
        let chunked = data.chunked(SHORT, &shape, &chunk_shape, &[], &[], |place| {
            let value = place[0] * 100 + place[1] * 10 + place[2];
            shorts(&[i16::try_from(value).unwrap()])
        });
        let name = format!("{chunk_shape:?}");
        data.insert(&name, chunked);
        names.push(name);
    }
    let served = data.served(StoreOptions::new());
    let expected: Vec<i16> = (0..3)
        .flat_map(|x| (0..4).flat_map(move |y| (0..5).map(move |z| x * 100 + y * 10 + z)))
        .collect();
    for name in names {
        assert_eq!(read(&served, &name), shorts(&expected), "{name}");
    }
}

#[test]
fn chunks_with_filter_masks_are_read_each_by_its_own() {
    let mut data = Dataset::empty();
    let zlib = [Codec::Zlib { level: 1 }];
    let mut mixed = data.chunked(SHORT, &[4], &[2], &zlib, &[1], |place| {
        shorts(&[i16::try_from(place[0]).unwrap()])
    });
    if let Layout::Chunked { chunks, .. } = &mut mixed.layout {
        let mut table = ChunkTableBuilder::new(vec![2]);
        let stored: Vec<_> = chunks.iter().collect();
        let chunkref_manifest::ChunkRef::Range {
            location,
            offset,
            length,
        } = stored[0].1
        else {
            panic!("not in the object");
        };
        table.push(0, location, offset, length).unwrap();
        // Stored without the filter.
        let plain = data.object.len() as u64;
        data.object.extend(shorts(&[2, 3]));
        table.push(1, location, plain, 4).unwrap();
        *chunks = table.finish().with_filter_masks([(1, 1)]).unwrap();
    }
    data.insert("mixed", mixed);
    let served = data.served(StoreOptions::new());
    assert_eq!(read(&served, "mixed"), shorts(&[0, 1, 2, 3]));
}

#[test]
fn many_chunks_are_read_in_bounded_batches() {
    let mut data = Dataset::empty();
    let many = data.chunked(SHORT, &[3000], &[1], &[], &[], |place| {
        shorts(&[i16::try_from(place[0]).unwrap()])
    });
    data.insert("many", many);
    let served = data.served(StoreOptions::new());
    let expected: Vec<i16> = (0..3000).collect();
    assert_eq!(read(&served, "many"), shorts(&expected));
    // Neighbours by one request, 1024 chunks at a time.
    assert_eq!(served.client.log().snapshot().waves, 3);
}

/// All threads of rayon's pool wait for what they read, so none of them can be needed for that.
#[test]
fn arrays_are_read_in_parallel_by_rayon() {
    use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

    let served = Dataset::new().served(StoreOptions::new());
    let expected = read(&served, "/sst");
    let readers = 4 * rayon::current_num_threads();
    let (done, waited) = std::sync::mpsc::channel();
    let store = std::sync::Arc::clone(&served.store);
    std::thread::spawn(move || {
        let read = |_| store.read_array("/sst", MIB).unwrap().bytes;
        let all: Vec<_> = (0..readers).into_par_iter().map(read).collect();
        let _ = done.send(all);
    });
    let all = waited.recv_timeout(std::time::Duration::from_mins(1));
    let all = all.expect("reading hangs");
    assert_eq!(all.len(), readers);
    assert!(all.iter().all(|read| *read == expected));
}

#[test]
fn the_limit_is_checked_before_anything_is_read() {
    let mut data = Dataset::new();
    let huge = Layout::Absent {
        chunk_shape: vec![1 << 40, 1 << 40],
        fill_chunk: None,
    };
    data.insert("huge", array(SHORT, &[1 << 40, 1 << 40], huge));
    let shuffle = [Codec::Shuffle { element_size: 2 }];
    let wide = data.chunked(SHORT, &[1], &[1000], &shuffle, &[], |_| shorts(&[1]));
    data.insert("wide", wide);
    let plain = data.chunked(SHORT, &[1], &[1000], &[], &[], |_| shorts(&[1]));
    data.insert("plain", plain);
    let served = data.served(StoreOptions::new());
    let limited = |path: &str, limit| match served.store.read_array(path, limit) {
        Err(Error::TooLarge { what, bytes, .. }) => (what, bytes),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(limited("sst", 139), ("an array", 140));
    assert_eq!(limited("huge", u64::MAX - 1), ("an array", u64::MAX));
    assert_eq!(limited("wide", 1999), ("a chunk", 2000));
    assert_eq!(served.server.requests(), 0);
    assert!(served.store.read_array("sst", 140).is_ok());
    assert_eq!(
        served.store.read_array("wide", 2000).unwrap().bytes,
        shorts(&[1])
    );
    // Of a chunk without filters only what is read is ever there.
    let plain = served.store.read_array("plain", 2).unwrap();
    assert_eq!(plain.bytes, shorts(&[1]));
}

#[test]
fn what_has_no_plain_bytes_is_refused() {
    let mut data = Dataset::new();
    let mut wrong = array(
        SHORT,
        &[2],
        Layout::Absent {
            chunk_shape: vec![2],
            fill_chunk: None,
        },
    );
    wrong.fill_value = Some(Bytes::from_static(&[1, 2, 3]));
    data.insert("wrong", wrong);
    let served = data.served(StoreOptions::new());
    let refused = |path: &str| served.store.read_array(path, MIB).unwrap_err().to_string();
    assert_eq!(refused("sts"), "sts: no such array");
    assert_eq!(refused("deep"), "deep: no such array");
    assert_eq!(
        refused("strings"),
        "strings: elements of variable length have no plain bytes"
    );
    assert_eq!(
        refused("wrong"),
        "wrong: a fill value of 3 bytes, expected 2"
    );
    served.server.remove("/a.h5");
    let gone = refused("/sst");
    assert!(gone.starts_with("sst/c/"), "{gone}");
}

#[test]
fn an_array_without_elements_is_empty() {
    let mut data = Dataset::empty();
    let none = Layout::Absent {
        chunk_shape: vec![1, 1 << 60],
        fill_chunk: None,
    };
    let big = DataType::UInt {
        size: 8,
        order: ByteOrder::Big,
    };
    data.insert("none", array(big, &[0, 1 << 60], none));
    let served = data.served(StoreOptions::new());
    let whole = served.store.read_array("none", 0).unwrap();
    assert_eq!((whole.shape, whole.bytes.len()), (vec![0, 1 << 60], 0));
}

/// A shape is only a claim: what no chunk holds takes memory only as far as the caller allows.
#[test]
fn what_a_set_claims_and_does_not_hold_takes_no_memory() {
    let absent = |shape: &[u64]| {
        let layout = Layout::Absent {
            chunk_shape: vec![1; shape.len()],
            fill_chunk: None,
        };
        let mut array = array(BYTE, shape, layout);
        array.fill_value = Some(Bytes::from_static(&[7]));
        array
    };
    let mut data = Dataset::empty();
    data.insert("small", absent(&[5]));
    data.insert("claimed", absent(&[1 << 31]));
    data.insert("absurd", absent(&[1 << 31, 1 << 31]));
    data.insert("beyond", absent(&[1 << 32, 1 << 31]));
    let served = data.served(StoreOptions::new());
    let unlimited = |path: &str| served.store.read_array(path, u64::MAX);
    assert_eq!(unlimited("small").unwrap().bytes, [7; 5][..]);
    for path in ["claimed", "absurd", "beyond"] {
        let error = unlimited(path).unwrap_err();
        let Error::TooLarge { what, limit, .. } = &error else {
            panic!("{error}");
        };
        assert!(
            what.contains("no chunk holds") && *limit == 1 << 30,
            "{error}"
        );
    }
    // A limit of the caller's own allows it; memory may not.
    let error = served.store.read_array("absurd", u64::MAX - 1).unwrap_err();
    assert!(
        matches!(error, Error::NoMemory { bytes, .. } if bytes == 1 << 62),
        "{error}"
    );
}
