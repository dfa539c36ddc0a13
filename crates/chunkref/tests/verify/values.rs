//! Values that are in the set are changed.

use chunkref::combine::ConcatOptions;
use chunkref::manifest::{Array, ChunkRef, ChunkTableBuilder, DataType, Layout, Value};
use chunkref::{Manifest, ScanOptions, concat, scan};

use crate::references::table;
use crate::sets::{FILES, alone, client, granule, told, verified};

/// What a file holds, all that is small inlined.
async fn inlined(name: &str) -> Manifest {
    let options = ScanOptions::default().with_inline_threshold(10_000);
    let path = granule(name);
    let scanned = scan(&client(), path.to_str().unwrap(), &options).await;
    scanned.unwrap().manifest
}

fn array_mut<'a>(manifest: &'a mut Manifest, path: &str) -> &'a mut Array {
    let mut names: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let name = names.pop().unwrap();
    let mut group = &mut manifest.root;
    for name in names {
        group = group.groups.get_mut(name).unwrap();
    }
    group.arrays.get_mut(name).unwrap()
}

fn is_inline(chunk: &ChunkRef<'_>) -> bool {
    matches!(chunk, ChunkRef::Inline(_))
}

/// The least change of a number is one of its lowest bit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_a_value_that_is_in_the_set_is_found() {
    let mut tried = 0;
    for name in FILES {
        let manifest = inlined(name).await;
        assert_eq!(told(&verified(&manifest, true).await), [""; 0], "{name}");
        for (path, array) in manifest.arrays() {
            let Layout::Inline { data } = &array.layout else {
                continue;
            };
            if array.shape.contains(&0) {
                continue;
            }
            let size = array.data_type.size().unwrap_or(1);
            // What follows on a NUL is no part of a string.
            let last = match array.data_type {
                DataType::FixedString { .. } => 0,
                _ => usize::try_from(size).unwrap() - 1,
            };
            for byte in [0, last] {
                let mut bytes = data.to_vec();
                let Some(one) = bytes.get_mut(byte) else {
                    continue;
                };
                *one ^= 1;
                let mut array = array.clone();
                array.layout = Layout::Inline { data: bytes.into() };
                tried += 1;
                let found = verified(&alone(&manifest, &path, array), true).await;
                assert!(!found.is_sound(), "{name}: {path}: byte {byte}");
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

/// Three days as one, the chunks of one variable in the set.
#[tokio::test]
async fn a_chunk_in_the_set_that_is_left_out_is_found() {
    let mut days = Vec::new();
    for day in 1..4 {
        days.push(inlined(&format!("mur_like_2020060{day}.nc")).await);
    }
    let (joined, _) = concat(days, "time", &ConcatOptions::new()).unwrap();
    assert_eq!(told(&verified(&joined, true).await), [""; 0]);
    let mut tried = 0;
    for (path, array) in joined.arrays() {
        let Some(before) = table(array) else {
            continue;
        };
        let inline = before.iter().filter(|(_, chunk)| is_inline(chunk));
        // One of each day, where they are all in the set.
        for left_out in inline.map(|(index, _)| index).step_by(7) {
            let mut after = ChunkTableBuilder::new(before.grid().to_vec());
            for (index, chunk) in before.iter().filter(|(index, _)| *index != left_out) {
                after.push_chunk(index, chunk).unwrap();
            }
            let mut changed = joined.clone();
            if let Layout::Chunked { chunks, .. } = &mut array_mut(&mut changed, &path).layout {
                *chunks = after.finish();
            }
            tried += 1;
            let found = verified(&changed, true).await;
            assert!(!found.is_sound(), "{path}: chunk {left_out}");
            let told = told(&found).concat();
            assert!(told.contains(&format!("{path}: ")), "{told}");
        }
    }
    assert!(tried > 2, "{tried}");
}

#[tokio::test]
async fn every_change_of_packing_is_found() {
    let manifest = inlined("mur_like_20200601.nc").await;
    for name in ["scale_factor", "add_offset"] {
        let mut changed = manifest.clone();
        let sst = array_mut(&mut changed, "/analysed_sst");
        let attribute = sst.attributes.get_mut(name).unwrap();
        let [Value::Float(number)] = attribute.values.as_mut_slice() else {
            panic!("{name}: {:?}", attribute.values);
        };
        *number *= 1.0 + 1e-9;
        let found = verified(&changed, true).await;
        assert_eq!(told(&found).len(), 1, "{name}");
        assert!(told(&found)[0].contains(name), "{:?}", told(&found));
    }
}
