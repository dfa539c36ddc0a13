use super::*;
use crate::group::DenseAttributes;
use crate::message::{Message, Shared};
use crate::walk::testing::{
    Image, fixture, occurrences, read_every_way, read_in_waves, survive_changes,
};

const ATTRIBUTE: u16 = kind::ATTRIBUTE;

fn table(file: &[u8], ids: &[[u8; 8]]) -> SharedMessages {
    let mut table = SharedMessages::new(occurrences(file, b"SMTB")[0], 2);
    for &id in ids {
        table.request(ATTRIBUTE, id);
    }
    table
}

/// The heap IDs of the attributes of both groups, which are the same.
fn ids(file: &[u8]) -> Vec<[u8; 8]> {
    let indexes = occurrences(file, b"BTHD\0\x08");
    let heap = occurrences(file, b"FRHP")[0];
    let of = |index: Address| -> Vec<_> {
        let (messages, _) = read_in_waves(file, DenseAttributes::new(heap, index)).unwrap();
        messages.iter().map(id_of).collect()
    };
    assert_eq!(of(indexes[0]), of(indexes[1]));
    of(indexes[0])
}

fn id_of(message: &Message) -> [u8; 8] {
    let mut cursor = message.cursor("shared message", crate::address::Sizes::default());
    match Shared::parse(&mut cursor) {
        Ok(Shared::Heap(id)) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn gives_the_attributes_of_a_real_file() {
    let file = fixture("shared_messages.h5");
    let ids = ids(&file);
    let found = read_every_way(&file, || table(&file, &ids)).unwrap();
    assert_eq!(found.len(), 12);
    for (number, id) in ids.into_iter().enumerate() {
        let body = &found[&(ATTRIBUTE, id)];
        let name = format!("attribute {number:02}\0");
        assert!(body.windows(name.len()).any(|at| at == name.as_bytes()));
        assert_eq!(body[body.len() - 4..], (number as u32 + 7).to_le_bytes());
    }
}

#[test]
fn nothing_is_read_when_nothing_is_asked_for() {
    let table = SharedMessages::new(Address(0), 1);
    assert_eq!(read_in_waves(&[], table).unwrap().1, 0);
}

#[test]
fn what_was_asked_for_is_not_asked_for_again() {
    let file = fixture("shared_messages.h5");
    let ids = ids(&file);
    let mut held = Held::default();
    held.insert(0, file.clone().into());
    let mut table = table(&file, &ids[..1]);
    table.advance(&held, &mut Wants::new()).unwrap();
    table.request(ATTRIBUTE, ids[0]);
    assert!(table.is_done());
    table.request(ATTRIBUTE, ids[1]);
    assert!(!table.is_done());
    table.advance(&held, &mut Wants::new()).unwrap();
    assert_eq!(table.finish().unwrap().len(), 2);
}

#[test]
fn a_type_without_an_index_is_malformed() {
    let file = fixture("shared_messages.h5");
    let error = read_every_way(&file, || {
        let mut table = table(&file, &[]);
        table.request(kind::FILTER_PIPELINE, [0; 8]);
        table
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("a message of type 0x0b is shared, but no index"));
}

#[test]
fn the_table_is_checked() {
    let read = |image: &Image, indexes| {
        read_every_way(&image.0, || {
            let mut table = SharedMessages::new(Address(0), indexes);
            table.request(ATTRIBUTE, [0; 8]);
            table
        })
        .unwrap_err()
        .to_string()
    };
    let mut image = Image::default();
    image.put_checked(0, b"SMTB");
    assert!(read(&image, 9).contains("9 indexes, at most 8 expected"));
    assert!(read(&image, 0).contains("no index is for that type"));
    assert!(read(&image, 1).contains("truncated file?"));
    image.put(4, &[0]);
    assert!(read(&image, 0).contains("checksum"));
}

#[test]
fn changed_bytes_do_not_panic() {
    let file = fixture("shared_messages.h5");
    let (ids, at) = (ids(&file), occurrences(&file, b"SMTB")[0]);
    survive_changes(&file, 31, || {
        let mut table = SharedMessages::new(at, 2);
        for &id in &ids {
            table.request(ATTRIBUTE, id);
        }
        table
    });
}
