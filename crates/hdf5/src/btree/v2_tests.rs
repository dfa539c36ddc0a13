use bytes::Bytes;

use super::Records;
use crate::address::Address;
use crate::checksum::lookup3;
use crate::error::Result;
use crate::held::Held;
use crate::walk::Wants;

/// A file under construction; every structure ends with its checksum.
struct Image(Vec<u8>);

impl Image {
    fn put(&mut self, at: usize, body: &[u8]) {
        let end = at + body.len() + 4;
        self.0.resize(self.0.len().max(end), 0);
        self.0[at..end - 4].copy_from_slice(body);
        self.0[end - 4..end].copy_from_slice(&lookup3(body).to_le_bytes());
    }
}

const NODE_SIZE: u32 = 64;
const KIND: u8 = 5;

fn header(depth: u16, root: u64, root_records: u16, total: u64) -> Vec<u8> {
    let mut out = b"BTHD\0".to_vec();
    out.push(KIND);
    out.extend(NODE_SIZE.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend(depth.to_le_bytes());
    out.extend([100, 40]);
    out.extend(root.to_le_bytes());
    out.extend(root_records.to_le_bytes());
    out.extend(total.to_le_bytes());
    out
}

fn leaf(records: &[u32]) -> Vec<u8> {
    let mut out = b"BTLF\0".to_vec();
    out.push(KIND);
    out.extend(records.iter().flat_map(|record| record.to_le_bytes()));
    out
}

/// Children as address, records and, at depth 2 and more, the total in one byte.
fn internal(records: &[u32], children: &[(u64, u8, Option<u8>)]) -> Vec<u8> {
    let mut out = leaf(records);
    out[..4].copy_from_slice(b"BTIN");
    for (address, count, total) in children {
        out.extend(address.to_le_bytes());
        out.push(*count);
        out.extend(total);
    }
    out
}

/// Depth 2: the root holds 30, its left child 10 and 20, its right child none.
fn image() -> Image {
    let mut image = Image(vec![0; 1024]);
    image.put(0, &header(2, 100, 1, 9));
    image.put(
        100,
        &internal(&[30], &[(200, 2, Some(6)), (264, 0, Some(2))]),
    );
    image.put(
        200,
        &internal(&[10, 20], &[(328, 1, None), (392, 2, None), (456, 1, None)]),
    );
    image.put(264, &internal(&[], &[(520, 2, None)]));
    image.put(328, &leaf(&[1]));
    image.put(392, &leaf(&[11, 12]));
    image.put(456, &leaf(&[21]));
    image.put(520, &leaf(&[31, 32]));
    image
}

/// Drives to the end; gives the records and the number of waves.
fn drive(image: &Image) -> Result<(Vec<u32>, usize)> {
    let mut held = Held::default();
    held.file_size = Some(image.0.len() as u64);
    let mut walk = Records::new(Address(0));
    let mut found = Vec::new();
    let mut waves = 0;
    loop {
        let mut wants = Wants::new();
        walk.advance(&held, &mut wants, &mut |kind, mut cursor| {
            assert_eq!(kind, KIND);
            found.push(cursor.u32()?);
            assert_eq!(cursor.remaining(), 0);
            Ok(())
        })?;
        if walk.is_done() {
            assert!(wants.is_empty());
            found.sort_unstable();
            return Ok((found, waves));
        }
        assert!(!wants.is_empty(), "neither done nor wanting");
        waves += 1;
        for want in wants {
            let [start, end] = [want.start, want.end].map(|at| usize::try_from(at).unwrap());
            let bytes = &image.0[start..end];
            held.insert(want.start, Bytes::copy_from_slice(bytes));
        }
    }
}

fn message(image: &Image) -> String {
    drive(image).expect_err("is malformed").to_string()
}

#[test]
fn gives_the_records_of_all_nodes_one_wave_per_level() {
    let (found, waves) = drive(&image()).expect("valid");
    assert_eq!(found, [1, 10, 11, 12, 20, 21, 30, 31, 32]);
    assert_eq!(waves, 4);
}

#[test]
fn an_empty_tree_has_no_records() {
    let mut image = Image(Vec::new());
    image.put(0, &header(0, u64::MAX, 0, 0));
    assert_eq!(drive(&image).expect("valid").0, Vec::<u32>::new());
}

#[test]
fn a_changed_byte_is_a_checksum_error() {
    for at in [10, 106, 208, 400] {
        let mut image = image();
        image.0[at] ^= 1;
        assert!(message(&image).contains("checksum"), "byte {at}");
    }
}

#[test]
fn counts_are_checked() {
    let mut wrong_total = image();
    wrong_total.put(0, &header(2, 100, 1, 10));
    assert!(message(&wrong_total).contains("9 records at and below it, 10 expected"));

    let mut too_many = image();
    too_many.put(264, &internal(&[], &[(520, 14, None)]));
    assert!(message(&too_many).contains("14 records at and below it, 2 expected"));

    let mut overfull = Image(vec![0; 400]);
    overfull.put(0, &header(0, 100, 14, 14));
    assert!(message(&overfull).contains("holds 14 records, 13 fit at depth 0"));

    let mut leaf_total = Image(vec![0; 400]);
    leaf_total.put(0, &header(0, 100, 1, 2));
    leaf_total.put(100, &leaf(&[7]));
    assert!(message(&leaf_total).contains("holds 1 records, 2 are to be at and below it"));
}

#[test]
fn cycles_depth_and_sizes_are_bounded() {
    let mut cycle = image();
    cycle.put(264, &internal(&[], &[(456, 2, None)]));
    assert!(message(&cycle).contains("referred to twice"));

    let mut deep = image();
    deep.put(0, &header(65_535, 100, 1, 9));
    assert!(message(&deep).contains("depth 65535 exceeds the limit of 32"));

    let mut many = image();
    many.put(0, &header(2, 100, 1, 1 << 60));
    assert!(message(&many).contains("the whole file has"));

    let mut outside = image();
    outside.put(0, &header(2, 1 << 40, 1, 9));
    assert!(message(&outside).contains("the file ends at"));
}

#[test]
fn a_node_of_another_type_is_malformed() {
    let mut image = image();
    let mut other = leaf(&[1]);
    other[5] = 6;
    image.put(328, &other);
    assert!(message(&image).contains("type 6, the header has 5"));
}
