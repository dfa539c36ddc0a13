use super::*;
use proptest::prelude::*;

use crate::walk::testing::{
    Image, fixture, occurrences, read_every_way, read_in_waves, survive_changes,
};

fn collection_of(size: u64, objects: &[(u16, &[u8])], free: u64) -> Vec<u8> {
    let mut out = b"GCOL\x01\0\0\0".to_vec();
    out.extend(size.to_le_bytes());
    for (index, data) in objects {
        out.extend(index.to_le_bytes());
        out.extend([1, 0, 0, 0, 0, 0]);
        out.extend((data.len() as u64).to_le_bytes());
        out.extend(*data);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    out.extend([0; 8]);
    out.extend(free.to_le_bytes());
    out
}

fn id(collection: u64, index: u32) -> HeapId {
    HeapId {
        collection: Address(collection),
        index,
    }
}

fn heap(ids: &[HeapId]) -> GlobalHeap {
    let mut heap = GlobalHeap::default();
    for &id in ids {
        heap.request(id);
    }
    heap
}

fn image() -> Image {
    let mut image = Image(vec![0; 5 * 4096]);
    let first = collection_of(4096, &[(1, b"one"), (7, b"seven seven"), (2, b"")], 3992);
    image.put(4096, &first);
    // Larger than the hint, so that it comes in two steps.
    let long = vec![9; 5000];
    image.put(8192, &collection_of(8192, &[(1, &long), (3, b"end")], 3128));
    image
}

/// Why an object can't be read; another of the file can be.
fn message(image: &Image, id: HeapId) -> String {
    let found = read_every_way(&image.0, || heap(&[id, whole()])).unwrap();
    assert!(found.get(whole()).is_some());
    assert_eq!(found.get(id), None);
    found.error(id).expect("can't be read").to_string()
}

/// An object of a collection that no test damages.
fn whole() -> HeapId {
    id(8192, 3)
}

#[test]
fn gives_what_was_asked_for_in_one_wave_of_collections() {
    let ids = [
        id(4096, 7),
        id(4096, 2),
        id(8192, 3),
        id(8192, 1),
        id(4096, 7),
    ];
    let found = read_every_way(&image().0, || heap(&ids)).unwrap();
    assert_eq!(found.iter().count(), 4);
    assert_eq!(found.get(id(4096, 7)).unwrap(), "seven seven");
    assert_eq!(found.get(id(4096, 2)).unwrap(), "");
    assert_eq!(found.get(id(8192, 3)).unwrap(), "end");
    assert_eq!(found.get(id(8192, 1)).unwrap(), &vec![9; 5000]);
    let (_, waves) = read_in_waves(&image().0, heap(&[id(4096, 7), id(4096, 1)])).unwrap();
    assert_eq!(waves, 1);
}

#[test]
fn ids_of_no_object_are_ignored() {
    let none = [id(4096, 0), id(0, 3), id(u64::MAX, 1)];
    let found = read_every_way(&[], || heap(&none)).unwrap();
    assert_eq!(found, HeapObjects::default());
}

#[test]
fn asking_again_later_reads_again() {
    let mut held = Held::default();
    held.insert(0, image().0.into());
    let mut heap = heap(&[id(4096, 1)]);
    heap.advance(&held, &mut Wants::new()).unwrap();
    assert!(heap.is_done());
    heap.request(id(4096, 7));
    assert!(!heap.is_done());
    heap.advance(&held, &mut Wants::new()).unwrap();
    assert_eq!(heap.finish().unwrap().iter().count(), 2);
}

#[test]
fn a_missing_object_is_named() {
    assert!(message(&image(), id(4096, 3)).contains("0x1000: has no object 3"));
    assert!(message(&image(), id(4096, 70_000)).contains("has no object 70000"));
}

#[test]
fn what_is_no_collection_is_named() {
    assert!(message(&image(), id(64, 3)).contains("global heap collection at 0x40"));
    assert!(message(&image(), id(1 << 40, 3)).contains("truncated file?"));
    let mut held = Held::default();
    held.insert(0, image().0.into());
    let mut heap = heap(&[id(64, 3), id(4096, 3)]);
    heap.advance(&held, &mut Wants::new()).unwrap();
    // Asked for again, neither is read again.
    heap.request(id(64, 3));
    heap.request(id(64, 4));
    heap.request(id(4096, 3));
    assert!(heap.is_done());
}

#[test]
fn sizes_are_checked() {
    let mut long = image();
    long.put(4096 + 24, &4065_u64.to_le_bytes());
    assert!(message(&long, id(4096, 7)).contains("object 1 has 4065 bytes, 4064 are left"));
    let mut endless = image();
    endless.put(4096 + 24, &u64::MAX.to_le_bytes());
    assert!(message(&endless, id(4096, 7)).contains("object 1 has"));
    let mut small = image();
    small.put(4096 + 8, &15_u64.to_le_bytes());
    assert!(message(&small, id(4096, 7)).contains("size 15, at least 16 expected"));
    let mut large = image();
    large.put(4096 + 8, &(1_u64 << 50).to_le_bytes());
    assert!(message(&large, id(4096, 7)).contains("the whole file has"));
}

#[test]
fn free_space_of_any_size_ends_the_walk() {
    for free in [0, 15, 16, u64::MAX] {
        let mut image = Image(vec![0; 8192]);
        image.put(4096, &collection_of(4096, &[(1, b"one")], free));
        let found = read_every_way(&image.0, || heap(&[id(4096, 1)])).unwrap();
        assert_eq!(found.get(id(4096, 1)).unwrap(), "one");
    }
}

#[test]
fn an_object_that_is_there_twice_is_malformed() {
    let mut image = image();
    image.put(4096, &collection_of(4096, &[(1, b"one"), (1, b"two")], 0));
    assert!(message(&image, id(4096, 1)).contains("object 1 is there twice"));
}

#[test]
fn overlapping_collections_are_malformed() {
    let mut image = Image(vec![0; 8192]);
    let mut ids = Vec::new();
    for at in (4096..4096 + 48 * 3).step_by(48) {
        image.put(at, &collection_of(4000, &[(1, b"one")], 0));
        ids.push(id(at as u64, 1));
    }
    let error = read_every_way(&image.0, || heap(&ids)).unwrap_err();
    assert!(error.to_string().contains("overlaps others"), "{error}");
}

#[test]
fn gives_the_strings_of_a_real_file() {
    let file = fixture("global_heap.h5");
    let collections = occurrences(&file, b"GCOL");
    assert_eq!(collections.len(), 1);
    let ids: Vec<_> = (1..=30).map(|index| id(collections[0].0, index)).collect();
    let found = read_every_way(&file, || heap(&ids)).unwrap();
    // libhdf5 numbers them as it sees fit.
    let strings: BTreeSet<_> = found.iter().map(|(_, bytes)| bytes.clone()).collect();
    let expected = |number| format!("string {number} {}", "*".repeat(number)).into();
    assert_eq!(strings, (0..30).map(expected).collect());
    survive_changes(&file, 13, || heap(&ids));
}

proptest! {
    #[test]
    fn random_collections_do_not_panic(
        bytes in proptest::collection::vec(any::<u8>(), 1..300),
        at in 4104_usize..4200,
    ) {
        let mut image = image();
        image.put(at, &bytes);
        let _ = read_in_waves(&image.0, heap(&[id(4096, 7), id(4096, 1)]));
    }
}
