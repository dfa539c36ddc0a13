//! Walks through the tree and through the chunks of every layout.

mod sample;

use bytes::Bytes;
use chunkref_manifest::{Codec, Group, Layout, Manifest, check_name};
use sample::{F4, array, manifest};

#[test]
fn names_that_can_be_keys() {
    for name in ["a", "0", "a.b", "...", "z", "é", "a b"] {
        assert!(check_name(name).is_ok(), "{name}");
    }
    for name in [
        "",
        ".",
        "..",
        ".zarray",
        ".zother",
        "zarr.json",
        "a/b",
        "a\\b",
        "a\0",
    ] {
        assert!(check_name(name).is_err(), "{name}");
    }
}

#[test]
fn the_tree_is_walked_in_order() {
    let manifest = manifest();
    let arrays: Vec<_> = manifest.arrays().map(|(path, _)| path).collect();
    assert_eq!(arrays, ["/filtered", "/runs", "/g/never", "/g/text"]);
    let groups: Vec<_> = manifest.groups().map(|(path, _)| path).collect();
    assert_eq!(groups, ["/", "/g"]);
    assert!(manifest.array("/g/none").is_none());
    assert!(manifest.array("/none/text").is_none());
    assert!(manifest.group("/g").is_some());
    assert_eq!(manifest.group("/"), Some(&manifest.root));
}

#[test]
fn a_deep_tree_is_walked_without_recursion() {
    let mut manifest = Manifest::default();
    for _ in 0..300 {
        let root = std::mem::take(&mut manifest.root);
        let mut group = Group::default();
        group.groups.insert("g".into(), root);
        manifest.root = group;
    }
    assert_eq!(manifest.groups().count(), 301);
    let (path, _) = manifest.groups().last().unwrap();
    assert!(manifest.group(&path).is_some());
}

#[test]
fn every_layout_gives_its_chunks() {
    let manifest = manifest();
    let count = |path: &str| {
        let array = manifest.array(path).unwrap();
        let chunks: Vec<_> = array.chunks().collect();
        for (index, chunk) in &chunks {
            assert_eq!(array.chunk(*index), Some(*chunk));
        }
        assert_eq!(array.stored_chunks(), chunks.len() as u64);
        (
            chunks.len(),
            array.is_complete(),
            array.chunk_grid().unwrap(),
        )
    };
    assert_eq!(count("/filtered"), (2, false, vec![3, 1]));
    assert_eq!(count("/runs"), (4, true, vec![4, 1]));
    assert_eq!(count("/g/text"), (1, true, vec![]));
    assert_eq!(count("/g/never"), (0, false, vec![2]));
    let empty = Layout::Inline { data: Bytes::new() };
    let empty = array(&[0, 3], F4, empty);
    assert_eq!(empty.chunk_shape().as_ref(), [1, 3]);
    assert_eq!((empty.chunk(0), empty.is_complete()), (None, true));
    assert_eq!(
        manifest.array("/g/text").unwrap().codecs(),
        [Codec::VlenUtf8]
    );
    assert_eq!(manifest.array("/runs").unwrap().chunk(4), None);
}
