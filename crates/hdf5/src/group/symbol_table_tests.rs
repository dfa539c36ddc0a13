use super::*;
use proptest::prelude::*;

use crate::walk::testing::{
    Image, fixture, occurrences, read_every_way, read_in_waves, survive_changes,
};

const HEAP: u64 = 4096;

fn tree(level: u8, children: &[u64]) -> Vec<u8> {
    let mut out = b"TREE\0".to_vec();
    out.push(level);
    out.extend((children.len() as u16).to_le_bytes());
    out.extend([0xFF; 16]);
    for child in children {
        out.extend(0_u64.to_le_bytes());
        out.extend(child.to_le_bytes());
    }
    out.extend(0_u64.to_le_bytes());
    out
}

/// Entries as name, object header, cache type and link value.
fn leaf(entries: &[(u64, u64, u32, u32)]) -> Vec<u8> {
    let mut out = b"SNOD\x01\0".to_vec();
    out.extend((entries.len() as u16).to_le_bytes());
    for (name, header, cache_type, value) in entries {
        out.extend(name.to_le_bytes());
        out.extend(header.to_le_bytes());
        out.extend(cache_type.to_le_bytes());
        out.extend([0; 4]);
        out.extend(value.to_le_bytes());
        out.extend([0; 12]);
    }
    out
}

fn heap(strings: &[u8]) -> Vec<u8> {
    let mut out = b"HEAP\0\0\0\0".to_vec();
    out.extend((strings.len() as u64).to_le_bytes());
    out.extend(1_u64.to_le_bytes());
    out.extend((HEAP + 32).to_le_bytes());
    out.extend(strings);
    out
}

/// Two levels of B-tree over three leaves.
fn image() -> Image {
    let mut image = Image::default();
    image.put(0, &tree(1, &[1000, 2000]));
    image.put(1000, &tree(0, &[3000, 3200]));
    image.put(2000, &tree(0, &[3400]));
    image.put(3000, &leaf(&[(1, 70, 0, 0), (3, 71, 1, 5)]));
    image.put(3200, &leaf(&[(5, u64::MAX, 2, 9)]));
    image.put(3400, &leaf(&[(7, 72, 0, 0)]));
    image.put(4096, &heap(b"\0a\0b\0c\0d\0/x/y\0\0\0"));
    image
}

fn table() -> SymbolTable {
    SymbolTable::new(Address(0), Address(HEAP))
}

fn message(image: &Image) -> String {
    let error = read_every_way(&image.0, table).expect_err("is malformed");
    error.to_string()
}

#[test]
fn gives_links_of_all_kinds_sorted() {
    let links = read_every_way(&image().0, table).unwrap().read;
    let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    assert_eq!(links[0].target, LinkTarget::Hard(Address(70)));
    assert_eq!(links[1].target, LinkTarget::Hard(Address(71)));
    assert_eq!(links[2].target, LinkTarget::Soft("/x/y".into()));
    assert_eq!(links[3].target, LinkTarget::Hard(Address(72)));
    assert!(links.iter().all(|link| link.creation_order.is_none()));
    // The heap comes with the root; the leaves together.
    assert_eq!(read_in_waves(&image().0, table()).unwrap().1, 3);
}

#[test]
fn a_group_without_a_btree_is_empty() {
    for heap in [Address(HEAP), Address::UNDEFINED] {
        let make = || SymbolTable::new(Address::UNDEFINED, heap);
        assert_eq!(read_every_way(&[], make).unwrap().read, []);
    }
    let mut empty = image();
    empty.put(0, &tree(0, &[]));
    assert_eq!(read_every_way(&empty.0, table).unwrap().read, []);
}

#[test]
fn levels_must_fall_by_one() {
    let mut cycle = image();
    cycle.put(1000, &tree(0, &[3000]));
    cycle.put(2000, &tree(1, &[0]));
    assert!(message(&cycle).contains("level 1, 0 expected"));
    let mut own_child = image();
    own_child.put(0, &tree(1, &[0, 2000]));
    assert!(message(&own_child).contains("level 1, 0 expected"));
}

#[test]
fn shared_nodes_are_refused() {
    let mut shared = image();
    shared.put(2000, &tree(0, &[3000]));
    assert!(message(&shared).contains("referred to twice"));
}

#[test]
fn entries_are_checked() {
    let mut cache_type = image();
    cache_type.put(3400, &leaf(&[(7, 72, 3, 0)]));
    assert!(message(&cache_type).contains("0xd48: entry 0 has cache type 3"));
    let mut undefined = image();
    undefined.put(3400, &leaf(&[(7, u64::MAX, 0, 0)]));
    assert!(message(&undefined).contains("entry 0 has an undefined address"));
    let mut outside = image();
    outside.put(3400, &leaf(&[(700, 72, 0, 0)]));
    assert!(message(&outside).contains("a string was expected at byte 700"));
    let mut twice = image();
    twice.put(3400, &leaf(&[(1, 72, 0, 0)]));
    assert!(message(&twice).contains("link \"a\" is there twice"));
}

#[test]
fn counts_past_the_end_of_the_file_are_truncation() {
    let mut many = image();
    many.put(3406, &[0xFF, 0xFF]);
    assert!(message(&many).contains("truncated file?"));
    let mut many = image();
    many.put(2006, &[0xFF, 0xFF]);
    assert!(message(&many).contains("truncated file?"));
}

#[test]
fn overlapping_names_and_nodes_are_refused() {
    let mut names = image();
    let mut strings = vec![b'x'; 300];
    strings.push(0);
    names.put(4096, &heap(&strings));
    let entries: Vec<_> = (0..12).map(|at| (at, 70, 0, 0)).collect();
    names.put(3400, &leaf(&entries));
    assert!(message(&names).contains("its strings overlap"));

    // Each leaf counts the next ones as its entries.
    let mut nodes = Image(vec![0; 5000]);
    let leaves: Vec<u64> = (0..60).map(|n| 1000 + 40 * n).collect();
    nodes.put(0, &tree(0, &leaves));
    for &at in &leaves {
        nodes.put(at as usize, b"SNOD\x01\0\x3C\0");
    }
    nodes.put(4096, &heap(b"\0"));
    let read = read_in_waves(&nodes.0, table()).unwrap_err().to_string();
    assert!(read.contains("overlaps others"), "{read}");
}

#[test]
fn a_tree_of_chunks_is_not_a_group() {
    let mut chunks = image();
    chunks.put(4, &[1]);
    assert!(message(&chunks).contains("node type 1, 0 expected"));
}

#[test]
fn gives_the_links_of_a_real_file() {
    let file = fixture("symbol_table.h5");
    let roots = occurrences(&file, b"TREE\0\x01");
    assert_eq!(roots.len(), 1, "one B-tree of two levels");
    let heap = occurrences(&file, b"HEAP")[0];
    let make = || SymbolTable::new(roots[0], heap);
    let links = read_every_way(&file, make).unwrap().read;
    assert_eq!(links.len(), 150);
    let target = &links[149];
    assert_eq!(target.name, "target");
    for (number, link) in links[..149].iter().enumerate() {
        assert_eq!(link.name, format!("link {number:03}"));
        match number % 3 {
            0 => assert_eq!(link.target, LinkTarget::Soft(format!("/to/{number}"))),
            _ => assert_eq!(link.target, target.target),
        }
    }
    survive_changes(&file, 37, make);
}

proptest! {
    #[test]
    fn random_nodes_do_not_panic(
        bytes in proptest::collection::vec(any::<u8>(), 1..300),
        at in proptest::sample::select(vec![4_usize, 1004, 2004, 3004, 3404, 4104, 4128]),
    ) {
        let mut image = image();
        image.put(at, &bytes);
        let _ = read_in_waves(&image.0, table());
    }
}
