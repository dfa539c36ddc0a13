use proptest::prelude::*;

use super::*;
use crate::walk::testing::{Image, read_every_way, read_in_waves, survive_changes};

/// Rows of 2 blocks: 64 64, 64 64, 128 128, *256 256* (indirect, of two rows).
const HEAP: u64 = 8;
const ROOT: usize = 1000;

struct Options {
    id_length: u16,
    rows: u16,
    checksums: bool,
    huge: u64,
    filters: &'static [u8],
}

const OPTIONS: Options = Options {
    id_length: 7,
    rows: 4,
    checksums: true,
    huge: u64::MAX,
    filters: &[],
};

fn header(options: &Options) -> Vec<u8> {
    let mut out = b"FRHP\0".to_vec();
    out.extend(options.id_length.to_le_bytes());
    out.extend((options.filters.len() as u16).to_le_bytes());
    out.push(if options.checksums { 2 } else { 0 });
    out.extend(100_u32.to_le_bytes());
    out.extend([0; 8]);
    out.extend(options.huge.to_le_bytes());
    out.extend([0; 10 * 8]);
    out.extend(2_u16.to_le_bytes());
    out.extend(64_u64.to_le_bytes());
    out.extend(128_u64.to_le_bytes());
    out.extend(32_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend((ROOT as u64).to_le_bytes());
    out.extend(options.rows.to_le_bytes());
    if !options.filters.is_empty() {
        out.extend([0; 12]);
        out.extend(options.filters);
    }
    out
}

/// A direct block whose data are bytes that count up from the block's offset.
fn direct(offset: u32, size: usize, checksum: bool) -> Vec<u8> {
    let mut out = b"FHDB\0".to_vec();
    out.extend(HEAP.to_le_bytes());
    out.extend(offset.to_le_bytes());
    let at = out.len();
    if checksum {
        out.extend([0; 4]);
    }
    while out.len() < size {
        out.push((offset as usize + out.len()) as u8);
    }
    if checksum {
        let checksum = crate::checksum::lookup3(&out);
        out[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
    }
    out
}

fn indirect(offset: u32, children: &[u64]) -> Vec<u8> {
    let mut out = b"FHIB\0".to_vec();
    out.extend(HEAP.to_le_bytes());
    out.extend(offset.to_le_bytes());
    for child in children {
        out.extend(child.to_le_bytes());
    }
    out
}

/// Blocks at 0, 64 and 256 of the heap, and, in an indirect block, at 512 + 64.
fn image() -> Image {
    let none = u64::MAX;
    let mut image = Image::default();
    image.put_checked(8, &header(&OPTIONS));
    image.put_checked(
        ROOT,
        &indirect(0, &[2000, 2100, none, none, 2200, none, 1500, none]),
    );
    image.put_checked(1500, &indirect(512, &[none, 2400, none, none]));
    image.put(2000, &direct(0, 64, true));
    image.put(2100, &direct(64, 64, true));
    image.put(2200, &direct(256, 128, true));
    image.put(2400, &direct(512 + 64, 64, true));
    image
}

fn managed(offset: u32, length: u8) -> Bytes {
    let mut id = vec![0];
    id.extend(offset.to_le_bytes());
    id.push(length);
    id.push(0);
    id.into()
}

fn heap(ids: &[Bytes]) -> FractalHeap {
    let mut heap = FractalHeap::new(Address(HEAP));
    for (tag, id) in (0..).zip(ids) {
        heap.request(tag, id.clone());
    }
    heap
}

fn read(image: &Image, ids: &[Bytes]) -> Result<Vec<Bytes>> {
    let objects = read_every_way(&image.0, || heap(ids))?;
    assert!(
        objects
            .iter()
            .map(|object| object.tag)
            .eq(0..ids.len() as u64)
    );
    Ok(objects.into_iter().map(|object| object.bytes).collect())
}

fn message(image: &Image, id: Bytes) -> String {
    let error = read(image, &[id]).expect_err("is malformed");
    error.to_string()
}

#[test]
fn finds_managed_objects_through_nested_blocks() {
    let offsets = [21_u32, 64 + 30, 256 + 125, 512 + 64 + 40, 60];
    let ids: Vec<_> = offsets.iter().map(|&offset| managed(offset, 3)).collect();
    let found = read(&image(), &ids).unwrap();
    for (offset, bytes) in offsets.into_iter().zip(found) {
        let start = offset as u8;
        assert_eq!(
            bytes,
            vec![start, start.wrapping_add(1), start.wrapping_add(2)]
        );
    }
    // Header, root, indirect block and the others, the last direct block.
    assert_eq!(read_in_waves(&image().0, heap(&ids)).unwrap().1, 4);
}

#[test]
fn says_where_an_object_is() {
    let objects = read_every_way(&image().0, || heap(&[managed(64 + 30, 3)])).unwrap();
    assert_eq!(objects[0].at, 2100 + 30);
}

#[test]
fn blocks_that_hold_nothing_wanted_are_not_read() {
    let mut image = image();
    for at in [1500, 2000, 2200, 2400] {
        image.put(at, b"none");
    }
    assert_eq!(read(&image, &[managed(64 + 30, 1)]).unwrap(), [vec![94]]);
}

#[test]
fn the_root_may_be_a_direct_block_without_checksum() {
    let options = Options {
        rows: 0,
        checksums: false,
        ..OPTIONS
    };
    let mut image = Image::default();
    image.put_checked(8, &header(&options));
    image.put(ROOT, &direct(0, 64, false));
    assert_eq!(read(&image, &[managed(17, 2)]).unwrap(), [vec![17, 18]]);
    assert!(message(&image, managed(16, 2)).contains("is not inside of this block"));
}

#[test]
fn offsets_outside_of_blocks_are_malformed() {
    for (offset, length) in [(0, 3), (20, 1), (62, 3), (256, 1)] {
        let text = message(&image(), managed(offset, length));
        assert!(text.contains("is not inside of this block"), "{text}");
    }
    for offset in [128, 512, 768, 100_000, u32::MAX] {
        let text = message(&image(), managed(offset, 1));
        assert!(text.contains("has no block for the object"), "{text}");
    }
}

#[test]
fn blocks_must_be_what_their_parent_says() {
    let none = u64::MAX;
    // The root as its own first child, once as a direct block, once as an indirect one.
    let mut cycle = image();
    cycle.put_checked(
        ROOT,
        &indirect(
            0,
            &[ROOT as u64, none, none, none, none, none, ROOT as u64, none],
        ),
    );
    assert!(message(&cycle, managed(21, 1)).contains("\"FHDB\" expected"));
    assert!(message(&cycle, managed(600, 1)).contains("indirect block at 0x3e8"));

    let mut moved = image();
    moved.put(2100, &direct(128, 64, true));
    assert!(message(&moved, managed(94, 1)).contains("block offset 128 in the heap, 64 expected"));
    let mut other = image();
    other.put(2100 + 5, &[9]);
    assert!(message(&other, managed(94, 1)).contains("belongs to the heap at 0x9, 0x8 expected"));
    let mut changed = image();
    changed.put(2100 + 60, &[0]);
    assert!(message(&changed, managed(94, 1)).contains("direct block at 0x834: checksum"));
    let mut changed = image();
    changed.put(ROOT + 30, &[1]);
    assert!(message(&changed, managed(94, 1)).contains("indirect block at 0x3e8: checksum"));
}

#[test]
fn tiny_objects_are_in_their_ids() {
    let id = Bytes::from_static(b"\x22abcxyz");
    assert_eq!(read(&image(), &[id]).unwrap(), ["abc"]);
    let too_long = Bytes::from_static(b"\x2Fabcxyz");
    assert!(message(&image(), too_long).contains("16 more were expected"));

    let mut image = Image::default();
    let options = Options {
        id_length: 300,
        ..OPTIONS
    };
    image.put_checked(8, &header(&options));
    let mut id = b"\x21\x04".to_vec();
    id.extend((0..298_u16).map(|n| n as u8));
    let expected = id[2..2 + 0x105].to_vec();
    assert_eq!(read(&image, &[id.into()]).unwrap(), [expected]);
}

#[test]
fn huge_objects_are_found_by_address() {
    let mut image = Image::default();
    let options = Options {
        id_length: 17,
        ..OPTIONS
    };
    image.put_checked(8, &header(&options));
    image.put(3000, &[5; 700]);
    let mut id = vec![0x10];
    id.extend(3000_u64.to_le_bytes());
    id.extend(700_u64.to_le_bytes());
    assert_eq!(read(&image, &[id.into()]).unwrap(), [vec![5; 700]]);
}

/// A heap whose huge objects are found by the B-tree at 400.
fn indexed(record_type: u8, records: &[(u64, u64, u64)]) -> Image {
    let mut image = Image(vec![0; 4000]);
    let options = Options {
        huge: 400,
        ..OPTIONS
    };
    image.put_checked(8, &header(&options));
    let mut tree = b"BTHD\0".to_vec();
    tree.push(record_type);
    tree.extend(512_u32.to_le_bytes());
    tree.extend(24_u16.to_le_bytes());
    tree.extend([0, 0, 100, 40]);
    tree.extend(2000_u64.to_le_bytes());
    tree.extend((records.len() as u16).to_le_bytes());
    tree.extend((records.len() as u64).to_le_bytes());
    image.put_checked(400, &tree);
    let mut leaf = b"BTLF\0".to_vec();
    leaf.push(record_type);
    for (address, length, key) in records {
        leaf.extend(address.to_le_bytes());
        leaf.extend(length.to_le_bytes());
        leaf.extend(key.to_le_bytes());
    }
    image.put_checked(2000, &leaf);
    image.put(3000, &[5; 700]);
    image
}

#[test]
fn huge_objects_are_found_by_key() {
    let records = [(3000, 700, 1), (3100, 10, 2)];
    let id = |key: u8| Bytes::from(vec![0x10, key, 0, 0, 0, 0, 0]);
    let found = read(&indexed(1, &records), &[id(2), id(1)]).unwrap();
    assert_eq!(found, [vec![5; 10], vec![5; 700]]);
    let absent = message(&indexed(1, &records), id(3));
    assert!(absent.contains("huge object 3, which the B-tree of them lacks"));
    let twice = message(&indexed(1, &[(3000, 1, 2), (3001, 1, 2)]), id(2));
    assert!(twice.contains("huge object 2 is there twice"));
    let other_type = message(&indexed(3, &records), id(1));
    assert!(other_type.contains("record type 3, 1 expected"));
    assert!(message(&image(), id(1)).contains("the heap has no B-tree of them"));
}

#[test]
fn ids_are_checked() {
    let short = message(&image(), Bytes::from_static(b"\0"));
    assert!(short.contains("id of 1 bytes, 7 expected"));
    let version = message(&image(), Bytes::from_static(b"\x40\0\0\0\0\0\0"));
    assert!(version.contains("id of version 1 and type 0"));
    let kind = message(&image(), Bytes::from_static(b"\x30\0\0\0\0\0\0"));
    assert!(kind.contains("id of version 0 and type 3"));
}

#[test]
fn objects_that_overlap_are_malformed() {
    let ids: Vec<_> = (0..100).map(|n| managed(256 + 21 + n % 3, 100)).collect();
    let error = read_in_waves(&image().0, heap(&ids)).unwrap_err();
    assert!(error.to_string().contains("overlaps others"), "{error}");
}

#[test]
fn rows_are_bounded() {
    let mut image = image();
    let options = Options {
        rows: 27,
        ..OPTIONS
    };
    image.put_checked(8, &header(&options));
    assert!(message(&image, managed(21, 1)).contains("27 rows, at most 26 expected"));
}

#[test]
fn changed_bytes_do_not_panic() {
    let ids = [managed(21, 3), managed(256 + 125, 3), managed(616, 3)];
    survive_changes(&image().0, 1, || heap(&ids));
    let id = Bytes::from_static(b"\x10\x01\0\0\0\0\0");
    survive_changes(&indexed(1, &[(3000, 700, 1)]).0, 3, || {
        heap(std::slice::from_ref(&id))
    });
}

proptest! {
    /// Headers and blocks of any content, with checksums that hold.
    #[test]
    fn random_bytes_do_not_panic(
        seed in proptest::collection::vec(any::<u8>(), 200),
        block in proptest::collection::vec(any::<u8>(), 100),
        ids in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 7), 1..5),
        patch in 0_usize..142,
        width in 0_usize..12,
    ) {
        let mut head = header(&OPTIONS);
        let end = (patch + width).min(head.len());
        head[patch.min(end)..end].copy_from_slice(&seed[patch.min(end)..end]);
        let mut image = image();
        image.put_checked(8, &head);
        image.put_checked(2000, &block);
        let ids: Vec<_> = ids.into_iter().map(Bytes::from).collect();
        let _ = read_in_waves(&image.0, heap(&ids));
    }
}
