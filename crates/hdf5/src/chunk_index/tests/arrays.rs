use super::drive::{SUPPLIES, Supply};
use super::image::{Image, limited, line, words};
use crate::address::Address;
use crate::chunk_index::ChunkIndex;

/// A fixed array header at 0, whose data block is at 100.
fn fixed_header(client: u8, size: u8, page_bits: u8, count: u64) -> Vec<u8> {
    let mut out = b"FAHD\0".to_vec();
    out.extend([client, size, page_bits]);
    out.extend(words(&[count, 100]));
    out
}

fn fixed_block(client: u8, owner: u64, body: &[u8]) -> Vec<u8> {
    let mut out = b"FADB\0".to_vec();
    out.push(client);
    out.extend(words(&[owner]));
    out.extend(body);
    out
}

const FIXED: ChunkIndex = ChunkIndex::FixedArray {
    address: Address(0),
};

#[test]
fn chunk_sizes_of_layout_version_5_are_as_wide_as_lengths() {
    // Chunks of 8 bytes: 2 bytes for their size up to version 4.
    for (width, size) in [(2, 14), (8, 20)] {
        let mut body = words(&[1000]);
        body.extend(&words(&[300])[..width]);
        body.extend(9_u32.to_le_bytes());
        body.extend(vec![0xFF; width + 12]);
        let mut image = Image::default();
        image.put_checked(0, &fixed_header(1, size, 10, 2));
        image.put_checked(100, &fixed_block(1, 0, &body));
        let mut grid = limited(2);
        grid.filtered = true;
        let outcome = image.source(FIXED, grid).read(Supply::Waves);
        let chunks = outcome.expect("valid").chunks;
        assert_eq!((chunks.indices, chunks.lengths), (vec![0], vec![300]));
        assert_eq!(chunks.filter_masks, [(0, 9)]);
    }
    let mut image = Image::default();
    image.put_checked(0, &fixed_header(1, 16, 10, 2));
    let mut grid = limited(2);
    grid.filtered = true;
    let message = image.message(FIXED, grid);
    assert!(
        message.contains("4 bytes for the sizes of chunks, 2 or 8 expected"),
        "{message}"
    );
}

#[test]
fn pages_are_read_where_the_bitmap_has_them() {
    // 5 pages of 2 elements, the last of 1; the first, third and fifth are written.
    let mut image = Image(vec![0; 300]);
    image.put_checked(0, &fixed_header(0, 8, 1, 9));
    image.put_checked(100, &fixed_block(0, 0, &[0b1010_1000]));
    let pages = 100 + 14 + 1 + 4;
    image.put_checked(pages, &words(&[500, 600]));
    image.put_checked(pages + 40, &words(&[u64::MAX, 700]));
    image.put_checked(pages + 80, &words(&[800]));
    for supply in SUPPLIES {
        let outcome = image.source(FIXED, limited(9)).read(supply).expect("valid");
        assert_eq!(outcome.chunks.indices, [0, 1, 5, 8]);
        assert_eq!(outcome.chunks.offsets, [500, 600, 700, 800]);
        assert_eq!(outcome.chunks.lengths, [8; 4]);
    }
    image.0[pages + 41] ^= 1;
    let message = image.message(FIXED, limited(9));
    assert!(
        message.contains("fixed array data block page at 0x9f: checksum"),
        "{message}"
    );
}

#[test]
fn malformed_fixed_arrays_are_refused() {
    let mut image = Image(vec![0; 400]);
    image.put_checked(0, &fixed_header(0, 8, 10, 2));
    image.put_checked(100, &fixed_block(0, 8, &words(&[1, 2])));
    assert!(
        image
            .message(FIXED, limited(2))
            .contains("belongs to the header at 0x8, 0x0 expected")
    );
    assert!(
        image
            .message(FIXED, limited(3))
            .contains("2 elements, 3 expected")
    );
    assert!(
        image
            .message(FIXED, line(2))
            .contains("an axis is unlimited")
    );
    let mut filtered = limited(2);
    filtered.filtered = true;
    assert!(
        image
            .message(FIXED, filtered)
            .contains("is of chunks without filters")
    );

    image.put_checked(0, &fixed_header(0, 8, 10, 1 << 50));
    let huge = limited(1 << 50);
    assert!(
        image
            .message(FIXED, huge)
            .contains("the whole file has 400")
    );

    image.put_checked(0, &fixed_header(0, 9, 10, 2));
    assert!(
        image
            .message(FIXED, limited(2))
            .contains("elements of 9 bytes, 8 expected")
    );
}

/// An extensible array header at 0, whose index block is at 200: 1 element in the index block,
/// data blocks of 1 element and more, super blocks of 2 pointers and more.
fn extensible_header(page_bits: u8) -> Vec<u8> {
    let mut out = b"EAHD\0".to_vec();
    out.extend([0, 8, 6, 1, 1, 2, page_bits]);
    out.extend(words(&[0, 0, 0, 0, 0, 0, 200]));
    out
}

fn extensible_block(signature: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = signature.to_vec();
    out.extend([0, 0]);
    out.extend(words(&[0]));
    out.extend(body);
    out
}

const EXTENSIBLE: ChunkIndex = ChunkIndex::ExtensibleArray {
    address: Address(0),
};

/// Super blocks 0 to 6, of which 0 and 1 (a data block of 1 and one of 2 elements) are direct.
fn extensible(direct: [u64; 2], super_blocks: [u64; 5]) -> Image {
    let mut image = Image(vec![0; 1000]);
    image.put_checked(0, &extensible_header(10));
    let body = words(&[[500].as_slice(), &direct, &super_blocks].concat());
    image.put_checked(200, &extensible_block(*b"EAIB", &body));
    image
}

const NONE: u64 = u64::MAX;

#[test]
fn an_extensible_array_is_read_through_all_its_blocks() {
    let mut image = extensible([NONE, 400], [600, NONE, NONE, NONE, NONE]);
    let data = |elements: &[u64]| extensible_block(*b"EADB", &[vec![0], words(elements)].concat());
    image.put_checked(400, &data(&[501, 502]));
    // Super block 2: two data blocks of 2 elements, from element 4 on.
    image.put_checked(
        600,
        &extensible_block(*b"EASB", &[vec![3], words(&[NONE, 700])].concat()),
    );
    image.put_checked(700, &data(&[503, NONE]));
    for supply in SUPPLIES {
        let outcome = image
            .source(EXTENSIBLE, line(10))
            .read(supply)
            .expect("valid");
        assert_eq!(outcome.chunks.indices, [0, 2, 3, 6]);
        assert_eq!(outcome.chunks.offsets, [500, 501, 502, 503]);
    }
    let shrunk = image.source(EXTENSIBLE, line(3)).read(Supply::Waves);
    assert_eq!(shrunk.expect("valid").chunks.indices, [0, 2]);
}

#[test]
fn malformed_extensible_arrays_are_refused() {
    let image = extensible([400, 400], [NONE; 5]);
    assert!(
        image
            .message(EXTENSIBLE, line(4))
            .contains("referred to twice")
    );
    assert!(
        image
            .message(EXTENSIBLE, limited(4))
            .contains("0 axes are unlimited")
    );

    let mut image = extensible([NONE; 2], [NONE; 5]);
    let mut header = extensible_header(10);
    header[9] = 3;
    image.put_checked(0, &header);
    assert!(
        image
            .message(EXTENSIBLE, line(4))
            .contains("at least 3 in a data block")
    );

    image.put_checked(0, &extensible_header(0));
    image.put_checked(
        200,
        &extensible_block(
            *b"EAIB",
            &words(&[0, NONE, 400, NONE, NONE, NONE, NONE, NONE]),
        ),
    );
    let message = image.message(EXTENSIBLE, line(4));
    assert!(
        message.contains("2 elements, more than a page"),
        "{message}"
    );
}
