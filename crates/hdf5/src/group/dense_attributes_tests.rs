use super::*;
use crate::message::Shared;
use crate::walk::testing::{fixture, occurrences, read_every_way, read_in_waves, survive_changes};

/// Makes the walk of the first attribute heap and index of a fixture.
fn walk(file: &[u8]) -> DenseAttributes {
    let heap = occurrences(file, b"FRHP")[0];
    let index = occurrences(file, b"BTHD\0\x08")[0];
    DenseAttributes::new(heap, index)
}

/// Messages as fields that compare.
#[derive(Debug)]
struct Fields(DenseAttributes);

impl Walk for Fields {
    type Output = Vec<(u16, u8, u64, Vec<u8>)>;
    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        self.0.advance(held, wants)
    }
    fn is_done(&self) -> bool {
        self.0.is_done()
    }
    fn finish(self) -> Result<Self::Output> {
        let fields = |m: Message| (m.kind, m.flags, m.at, m.body.to_vec());
        Ok(self.0.finish()?.into_iter().map(fields).collect())
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn gives_the_messages_of_a_real_file_by_creation_order() {
    let file = fixture("dense_attributes.h5");
    let messages = read_every_way(&file, || Fields(walk(&file))).unwrap();
    assert_eq!(messages.len(), 40);
    for (number, (kind, flags, at, body)) in messages.iter().enumerate() {
        assert_eq!((*kind, *flags), (kind::ATTRIBUTE, 0));
        let name = match number {
            39 => "long\0".to_owned(),
            _ => format!("attribute {number:02}\0"),
        };
        assert!(contains(body, name.as_bytes()), "{name}: {body:?}");
        assert_eq!(file[*at as usize..][..body.len()], **body);
    }
    // The huge object holds all of the long attribute.
    assert!(messages[39].3.len() > 5000);
    assert!(messages[39].3.ends_with(&[0x87]));
}

#[test]
fn the_heap_is_asked_for_with_the_index() {
    let file = fixture("dense_attributes.h5");
    let mut wants = Wants::new();
    walk(&file).advance(&Held::default(), &mut wants).unwrap();
    assert_eq!(wants.len(), 2);
    // Index header and heap header; internal node; leaves and the root of the heap; its blocks
    // and the huge objects' index; the node of that; the huge object.
    let (_, waves) = read_in_waves(&file, walk(&file)).unwrap();
    assert!(waves <= 6, "{waves} waves");
}

#[test]
fn attributes_in_the_shared_heap_are_given_as_shared() {
    let file = fixture("shared_messages.h5");
    let messages = read_every_way(&file, || Fields(walk(&file))).unwrap();
    assert_eq!(messages.len(), 12);
    for (kind, flags, at, body) in messages {
        assert_eq!(kind, kind::ATTRIBUTE);
        let message = Message {
            kind,
            flags,
            at,
            body: body.into(),
        };
        assert!(message.is_shared());
        let mut cursor = message.cursor("shared message", crate::address::Sizes::default());
        assert!(matches!(Shared::parse(&mut cursor), Ok(Shared::Heap(_))));
    }
}

#[test]
fn an_object_without_an_index_has_none() {
    let make = || Fields(DenseAttributes::new(Address::UNDEFINED, Address::UNDEFINED));
    assert_eq!(read_every_way(&[], make).unwrap(), []);
}

#[test]
fn an_index_of_links_is_malformed() {
    let file = fixture("dense_links.h5");
    let heap = occurrences(&file, b"FRHP")[0];
    let index = occurrences(&file, b"BTHD\0\x05")[0];
    let error = read_every_way(&file, || Fields(DenseAttributes::new(heap, index))).unwrap_err();
    assert!(error.to_string().contains("record type 5, 8 expected"));
}

#[test]
fn changed_bytes_do_not_panic() {
    let file = fixture("dense_attributes.h5");
    survive_changes(&file, 61, || walk(&file));
}
