//! Heaps with I/O filters, and those that libhdf5 writes.

use super::*;
use crate::btree::v2::Records;
use crate::walk::testing::{Image, fixture, flipped, occurrences, read_every_way, survive_changes};

const HEAP: u64 = 8;
const ROOT: usize = 1000;
/// A pipeline of filter 1, which the tests can undo.
const PIPELINE: [u8; 12] = [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0];

/// Rows of 2 blocks: 64 64, 64 64, 128 128, *256 256*, *512 512* (indirect).
fn header(id_length: u16, rows: u16, root: Option<(usize, u32)>, huge: u64) -> Vec<u8> {
    let mut out = b"FRHP\0".to_vec();
    out.extend(id_length.to_le_bytes());
    out.extend((PIPELINE.len() as u16).to_le_bytes());
    out.push(2);
    out.extend(100_u32.to_le_bytes());
    out.extend([0; 8]);
    out.extend(huge.to_le_bytes());
    out.extend([0; 10 * 8]);
    out.extend(2_u16.to_le_bytes());
    out.extend(64_u64.to_le_bytes());
    out.extend(128_u64.to_le_bytes());
    out.extend(32_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend((ROOT as u64).to_le_bytes());
    out.extend(rows.to_le_bytes());
    let (size, mask) = root.unwrap_or((0, 0));
    out.extend((size as u64).to_le_bytes());
    out.extend(mask.to_le_bytes());
    out.extend(PIPELINE);
    out
}

/// A direct block of `size` bytes that holds `data` after its header of 21 bytes, unfiltered.
fn direct(offset: u32, size: usize, data: &[u8]) -> Vec<u8> {
    let mut out = b"FHDB\0".to_vec();
    out.extend(HEAP.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0; 4]);
    out.extend(data);
    out.resize(size, 0);
    let checksum = crate::checksum::lookup3(&out);
    out[17..21].copy_from_slice(&checksum.to_le_bytes());
    out
}

/// An indirect block: direct children with stored size and mask, then the others.
fn indirect(offset: u32, direct: &[(u64, usize, u32)], others: &[u64]) -> Vec<u8> {
    let mut out = b"FHIB\0".to_vec();
    out.extend(HEAP.to_le_bytes());
    out.extend(offset.to_le_bytes());
    for &(address, size, mask) in direct {
        out.extend(address.to_le_bytes());
        out.extend((size as u64).to_le_bytes());
        out.extend(mask.to_le_bytes());
    }
    for other in others {
        out.extend(other.to_le_bytes());
    }
    out
}

fn managed(offset: u32, length: u8) -> Bytes {
    let mut id = vec![0];
    id.extend(offset.to_le_bytes());
    id.extend([length, 0]);
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
    let found = read_every_way(&image.0, || heap(ids))?;
    Ok(found.into_iter().map(|object| object.bytes).collect())
}

/// A block in each of the first three kinds of row, and one under two indirect blocks.
fn deep() -> Image {
    const NONE: (u64, usize, u32) = (u64::MAX, 0, 0);
    let first = flipped(&direct(0, 64, b"first"));
    let last = flipped(&direct(256, 128, b"in the third row"));
    let masked = direct(64, 64, b"masked");
    // The second block of row 4 (at 1024 + 512) has rows of 64, 64 and 128 bytes.
    let under = flipped(&direct(1536 + 128, 64, b"deep down"));
    let mut image = Image::default();
    image.put_checked(8, &header(7, 5, None, u64::MAX));
    let children = [
        (2000, first.len(), 0),
        (2100, masked.len(), 1),
        NONE,
        NONE,
        (2200, last.len(), 0),
        NONE,
    ];
    image.put_checked(
        ROOT,
        &indirect(0, &children, &[u64::MAX, u64::MAX, u64::MAX, 1500]),
    );
    let children = [NONE, NONE, (2400, under.len(), 0), NONE, NONE, NONE];
    image.put_checked(1500, &indirect(1536, &children, &[]));
    image.put(2000, &first);
    image.put(2100, &masked);
    image.put(2200, &last);
    image.put(2400, &under);
    image.put(2500, &[0; 100]);
    image
}

#[test]
fn filtered_blocks_are_decoded() {
    let ids = [
        managed(21, 5),
        managed(64 + 21, 6),
        managed(256 + 21, 16),
        managed(1536 + 128 + 21, 9),
    ];
    let expected = ["first", "masked", "in the third row", "deep down"];
    assert_eq!(read(&deep(), &ids).unwrap(), expected);
    survive_changes(&deep().0, 1, || heap(&ids));
}

#[test]
fn a_filtered_root_block_is_decoded() {
    for mask in [0, 1] {
        let plain = direct(0, 64, b"root");
        let stored = if mask == 0 { flipped(&plain) } else { plain };
        let mut image = Image::default();
        image.put_checked(8, &header(7, 0, Some((stored.len(), mask)), u64::MAX));
        image.put(ROOT, &stored);
        image.put(1200, &[0]);
        assert_eq!(read(&image, &[managed(21, 4)]).unwrap(), ["root"]);
        // Truth is checked after decoding.
        image.0[ROOT + 22] ^= 1;
        let error = read(&image, &[managed(21, 4)]).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
    }
}

#[test]
fn a_filter_that_nobody_knows_is_unsupported_only_where_it_applies() {
    let mut image = deep();
    let mut head = header(7, 5, None, u64::MAX);
    let end = head.len();
    head[end - 10] = 2;
    image.put_checked(8, &head);
    let error = read(&image, &[managed(21, 5)]).unwrap_err();
    assert!(error.is_unsupported());
    assert!(error.to_string().contains("I/O filter 2"), "{error}");
    let tiny = Bytes::from_static(b"\x22abcxyz");
    assert_eq!(
        read(&image, &[tiny, managed(85, 6)]).unwrap(),
        ["abc", "masked"]
    );
}

#[test]
fn huge_objects_may_say_their_place_and_be_filtered() {
    let object = b"a huge object, flipped";
    let mut image = Image::default();
    image.put_checked(8, &header(29, 0, Some((0, 0)), u64::MAX));
    image.put(3000, &flipped(object));
    image.put(3100, object);
    let id = |address: u64, mask: u32, size: usize| {
        let mut id = vec![0x10];
        id.extend(address.to_le_bytes());
        id.extend((object.len() as u64).to_le_bytes());
        id.extend(mask.to_le_bytes());
        id.extend((size as u64).to_le_bytes());
        Bytes::from(id)
    };
    let ids = [id(3000, 0, object.len()), id(3100, 1, object.len())];
    assert_eq!(read(&image, &ids).unwrap(), [&object[..], object]);
    let error = read(&image, &[id(3100, 1, 5)]).unwrap_err().to_string();
    assert!(
        error.contains("22 bytes when decoded, 5 expected"),
        "{error}"
    );
    let error = read(&image, &[id(3000, 0, 1 << 40)])
        .unwrap_err()
        .to_string();
    assert!(error.contains("exceeds the limit"), "{error}");
}

#[test]
fn filtered_huge_objects_are_found_by_key() {
    let object = b"another huge object";
    let mut image = Image::default();
    image.put_checked(8, &header(7, 0, Some((0, 0)), 500));
    let mut tree = b"BTHD\0\x02".to_vec();
    tree.extend(512_u32.to_le_bytes());
    tree.extend(36_u16.to_le_bytes());
    tree.extend([0, 0, 100, 40]);
    tree.extend(2000_u64.to_le_bytes());
    tree.extend(1_u16.to_le_bytes());
    tree.extend(1_u64.to_le_bytes());
    image.put_checked(500, &tree);
    let mut leaf = b"BTLF\0\x02".to_vec();
    leaf.extend(3000_u64.to_le_bytes());
    leaf.extend((object.len() as u64).to_le_bytes());
    leaf.extend(0_u32.to_le_bytes());
    leaf.extend((object.len() as u64).to_le_bytes());
    leaf.extend(7_u64.to_le_bytes());
    image.put_checked(2000, &leaf);
    image.put(3000, &flipped(object));
    let id = Bytes::from_static(b"\x10\x07\0\0\0\0\0");
    assert_eq!(
        read(&image, std::slice::from_ref(&id)).unwrap(),
        [&object[..]]
    );
    survive_changes(&image.0, 1, || heap(std::slice::from_ref(&id)));
}

/// Asks a heap for all links of the group whose index is given.
fn objects_of(file: &[u8], heap: Address, index: Address) -> Vec<HeapObject> {
    #[derive(Debug)]
    struct All(Records, FractalHeap);
    impl Walk for All {
        type Output = Vec<HeapObject>;
        fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
            let heap = &mut self.1;
            self.0.advance(held, wants, &mut |_, mut record| {
                record.skip(4)?;
                heap.request(0, record.take(7)?);
                Ok(())
            })?;
            heap.advance(held, wants)
        }
        fn is_done(&self) -> bool {
            self.0.is_done() && self.1.is_done()
        }
        fn finish(self) -> Result<Self::Output> {
            self.1.finish()
        }
    }
    crate::walk::testing::read_in_waves(file, All(Records::new(index), FractalHeap::new(heap)))
        .unwrap()
        .0
}

/// Indirect blocks under an indirect block, as libhdf5 lays them out.
#[test]
fn a_deep_heap_of_libhdf5_has_its_blocks_where_they_are_looked_for() {
    let file = fixture("filtered_links_deep.h5");
    assert!(
        occurrences(&file, b"FHIB").len() > 1,
        "one indirect block only"
    );
    let file = fixture("sizes_2_4.h5");
    assert_eq!(
        occurrences(&file, b"BTHD\0\x03").len(),
        1,
        "no ids that say their place"
    );
    // The plain heap of many rows.
    let file = fixture("dense_links.h5");
    let heap = occurrences(&file, b"FRHP")[0];
    let index = occurrences(&file, b"BTHD\0\x05")[0];
    assert_eq!(objects_of(&file, heap, index).len(), 200);
}
