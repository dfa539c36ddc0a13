//! Groups whose links are in heaps with filters: a few bytes unfold into many.

use chunkref_filters::{Filter, Pipeline};

use super::{Image, UNDEFINED, header, link, message, words};
use crate::mutate::checked::lookup3;

/// Bytes of a block, nearly all zeros: about a thousandth of that is stored.
const BLOCK: usize = 1 << 20;
/// More than any limit lets be decoded.
const GROUPS: usize = 130;

fn checked(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = lookup3(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// A fractal heap header whose root is a direct block, filtered with deflate.
fn heap(root: usize, stored: usize) -> Vec<u8> {
    let pipeline = [2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0];
    let mut bytes = b"FRHP\0\x07\0\x0C\0\0\0\x10\0\0".to_vec();
    bytes.extend(words(&[0, UNDEFINED, 0, UNDEFINED, 0, 0, 0, 1, 0, 0, 0, 0]));
    bytes.extend(4_u16.to_le_bytes());
    bytes.extend(words(&[BLOCK as u64, BLOCK as u64]));
    bytes.extend([32, 0, 1, 0]);
    bytes.extend(words(&[root as u64]));
    bytes.extend([0, 0]);
    bytes.extend(words(&[stored as u64]));
    bytes.extend([0; 4]);
    bytes.extend(pipeline);
    checked(bytes)
}

/// Bytes at the start of a block that are not zeros.
const HEAD: usize = 64;

/// The zeros of a block, as a final block of deflate.
fn zeros() -> Vec<u8> {
    let deflate = vec![Filter::from_hdf5(1, &[6])];
    let encoded = Pipeline::new(deflate).encode(&vec![0; BLOCK - HEAD]);
    let encoded = encoded.unwrap();
    encoded[2..encoded.len() - 4].to_vec()
}

/// A block as it is stored: its head as it is, then its `tail`.
fn block(owner: usize, tail: &[u8]) -> Vec<u8> {
    let mut head = b"FHDB\0".to_vec();
    head.extend(words(&[owner as u64]));
    head.extend([0; 4]);
    // The message without its prefix.
    head.extend(&link(0x1234, 96)[8..]);
    head.resize(HEAD, 0);
    let (mut one, mut two) = (1, 0);
    for &byte in &head {
        one = (one + u64::from(byte)) % 65_521;
        two = (two + one) % 65_521;
    }
    two = (two + one * (BLOCK - HEAD) as u64) % 65_521;
    let length = u16::try_from(HEAD).unwrap();
    let mut stored = vec![0x78, 0x9C, 0];
    stored.extend(length.to_le_bytes());
    stored.extend((!length).to_le_bytes());
    stored.extend(head);
    stored.extend(tail);
    stored.extend(u32::try_from(two << 16 | one).unwrap().to_be_bytes());
    stored
}

/// An index of as many links as a leaf may hold, all of the same long object.
fn index(leaf: usize, count: u16) -> (Vec<u8>, Vec<u8>) {
    let mut tree = b"BTHD\0\x05".to_vec();
    tree.extend(4096_u32.to_le_bytes());
    tree.extend([11, 0, 0, 0, 100, 40]);
    tree.extend(words(&[leaf as u64]));
    tree.extend(count.to_le_bytes());
    tree.extend(words(&[u64::from(count)]));
    let mut records = b"BTLF\0\x05".to_vec();
    for _ in 0..count {
        records.extend([0, 0, 0, 0, 0, 17, 0, 0, 0]);
        records.extend([0xFF, 0x7F]);
    }
    (checked(tree), checked(records))
}

/// Each group has a heap with a block that unfolds into a megabyte.
pub(crate) fn heaps(size: usize) -> Vec<u8> {
    let mut image = Image::new();
    let links: usize = (0..GROUPS).map(|k| link(k, 0).len()).sum();
    let root = 96 + 16 + links;
    let zeros = zeros();
    let mut groups = Vec::new();
    let mut body = Vec::new();
    for _ in 0..GROUPS {
        let at = root + body.len();
        let heap_at = at + 16 + 8 + 18;
        let heap_length = heap(0, 0).len();
        let (tree, records) = index(0, 1);
        let (tree_at, leaf_at) = (heap_at + heap_length, heap_at + heap_length + tree.len());
        let block_at = leaf_at + records.len();
        let mut info = vec![0, 0];
        info.extend(words(&[heap_at as u64, tree_at as u64]));
        let stored = block(heap_at, &zeros);
        let (tree, records) = index(leaf_at, 1);
        groups.push(at);
        body.extend(header(&message(0x02, 0, &info)));
        body.extend(heap(block_at, stored.len()));
        body.extend(tree);
        body.extend(records);
        body.extend(stored);
    }
    let links: Vec<u8> = (0..GROUPS).flat_map(|k| link(k, groups[k])).collect();
    image.push(&header(&links));
    image.push(&body);
    let end = size.max(image.0.len());
    image.0.resize(end, 0);
    image.done()
}

/// A group whose many links are all the same large object of a filtered heap.
pub(super) fn objects(size: usize) -> Vec<u8> {
    let mut image = Image::new();
    let heap_at = 96 + 16 + 8 + 18;
    let tree_at = heap_at + heap(0, 0).len();
    let leaf_at = tree_at + index(0, 0).0.len();
    let zeros = zeros();
    let (tree, records) = index(leaf_at, 370);
    let stored = block(heap_at, &zeros);
    let mut info = vec![0, 0];
    info.extend(words(&[heap_at as u64, tree_at as u64]));
    image.push(&header(&message(0x02, 0, &info)));
    image.push(&heap(leaf_at + records.len(), stored.len()));
    image.push(&tree);
    image.push(&records);
    image.push(&stored);
    image.0.resize(size, 0);
    image.done()
}
