use super::*;
use crate::link::LinkTarget;
use crate::walk::testing::{fixture, occurrences, read_every_way, read_in_waves, survive_changes};

fn walk(file: &[u8]) -> DenseLinks {
    let heap = occurrences(file, b"FRHP")[0];
    let index = occurrences(file, b"BTHD\0\x05")[0];
    DenseLinks::new(heap, index)
}

#[test]
fn gives_the_links_of_a_real_file_sorted() {
    let file = fixture("dense_links.h5");
    let links = read_every_way(&file, || walk(&file)).unwrap().read;
    assert_eq!(links.len(), 200);
    assert!(links.is_sorted_by_key(|link| link.name.clone()));
    let target = &links[199];
    assert_eq!(target.name, "target");
    assert!(matches!(target.target, LinkTarget::Hard(_)));
    for (number, link) in links[..198].iter().enumerate() {
        assert_eq!(link.name, format!("link {number:03}"));
        match number % 3 {
            0 => assert_eq!(link.target, LinkTarget::Soft(format!("/to/{number}"))),
            _ => assert_eq!(link.target, target.target),
        }
    }
    // A huge object.
    let path = format!("/{}", "x".repeat(4999));
    assert_eq!(links[198].name, "long");
    assert_eq!(links[198].target, LinkTarget::Soft(path));
}

#[test]
fn the_heap_is_read_while_the_index_is() {
    let file = fixture("dense_links.h5");
    let mut wants = Wants::new();
    walk(&file).advance(&Held::default(), &mut wants).unwrap();
    assert_eq!(wants.len(), 2);
    let (_, waves) = read_in_waves(&file, walk(&file)).unwrap();
    assert!(waves <= 6, "{waves} waves");
}

#[test]
fn a_group_without_an_index_is_empty() {
    let make = || DenseLinks::new(Address::UNDEFINED, Address::UNDEFINED);
    assert_eq!(read_every_way(&[], make).unwrap().read, []);
}

#[test]
fn an_index_of_attributes_is_malformed() {
    let file = fixture("dense_attributes.h5");
    let heap = occurrences(&file, b"FRHP")[0];
    let index = occurrences(&file, b"BTHD\0\x08")[0];
    let error = read_every_way(&file, || DenseLinks::new(heap, index)).unwrap_err();
    assert!(error.to_string().contains("record type 8, 5 expected"));
}

#[test]
fn changed_bytes_do_not_panic() {
    let file = fixture("dense_links.h5");
    survive_changes(&file, 67, || walk(&file));
}
