use super::*;
use crate::scan::{Progress, Scan, ScanOptions};
use crate::walk::testing::{Image, fixture, read_every_way, read_in_waves, survive_changes};

const AT: u64 = 200;

/// An entry for `address` with so many flush dependency parents.
fn entry(address: u64, parents: u16, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![1, 0, 1, 0, 0, 0, 0, 0];
    out.extend(parents.to_le_bytes());
    out.extend([0; 4]);
    out.extend(address.to_le_bytes());
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(vec![9; usize::from(parents) * 8]);
    out.extend(bytes);
    out
}

/// A file with an image, and the length of that.
fn image(flags: u8, entries: &[Vec<u8>]) -> (Image, u64) {
    let length = 22 + entries.concat().len() as u64;
    let mut block = b"MDCI\0".to_vec();
    block.push(flags);
    block.extend(length.to_le_bytes());
    block.extend((entries.len() as u32).to_le_bytes());
    block.extend(entries.concat());
    let mut image = Image::default();
    image.put_checked(AT as usize, &block);
    image.put(1000, &[0]);
    (image, length)
}

fn walk(length: u64) -> CacheImage {
    CacheImage::new(CacheImageMessage {
        address: Address(AT),
        length,
    })
}

fn read(flags: u8, entries: &[Vec<u8>]) -> Result<Vec<(u64, Bytes)>> {
    let (image, length) = image(flags, entries);
    read_every_way(&image.0, || walk(length))
}

fn message(entries: &[Vec<u8>]) -> String {
    let (image, length) = image(0, entries);
    let read = read_in_waves(&image.0, walk(length));
    read.unwrap_err().to_string()
}

#[test]
fn entries_are_read_in_order_of_their_addresses() {
    let entries = [entry(90, 0, b"second"), entry(10, 2, b"first")];
    let expected = [
        (10, Bytes::from_static(b"first")),
        (90, Bytes::from_static(b"second")),
    ];
    assert_eq!(read(0, &entries).unwrap(), expected);
    let (image, length) = image(0, &entries);
    survive_changes(&image.0[..320], 1, || walk(length));
}

#[test]
fn what_is_wrong_is_said() {
    let overlap = message(&[entry(10, 0, b"first"), entry(14, 0, b"second")]);
    assert!(overlap.contains("entry at 0xe overlaps that at 0xa of 5 bytes"));
    assert!(message(&[entry(998, 0, b"first")]).contains("not in the file"));
    assert!(message(&[entry(u64::MAX, 0, b"first")]).contains("not in the file"));
    assert!(message(&[entry(10, 0, b"")]).contains("not in the file"));
    assert!(
        read(1, &[entry(10, 0, b"first")])
            .unwrap_err()
            .is_unsupported()
    );
    let (mut image, length) = image(0, &[entry(10, 0, b"first")]);
    let error = read_every_way(&image.0, || walk(length - 1)).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
    image.0[AT as usize + 30] ^= 1;
    let error = read_every_way(&image.0, || walk(length)).unwrap_err();
    let expected = "metadata cache image block at 0xc8: checksum";
    assert!(error.to_string().starts_with(expected), "{error}");
}

/// What lies at the addresses of entries is neither asked for nor of any effect.
#[test]
fn entries_win_over_the_file() {
    // A B-tree that is only in the image.
    const TREE: u64 = 4096;
    let file = fixture("cache_image.h5");
    assert_ne!(&file[TREE as usize..][..4], b"TREE");
    let scan = |file: &[u8]| {
        let mut scan = Scan::new(ScanOptions::default());
        scan.set_file_size(file.len() as u64);
        let mut wanted = Vec::new();
        while let Progress::Wants(ranges) = scan.poll().unwrap() {
            for range in ranges {
                let bytes = &file[range.start as usize..range.end as usize];
                scan.supply(range.start, Bytes::copy_from_slice(bytes));
                wanted.push(range);
            }
        }
        (scan.into_file().unwrap(), wanted)
    };
    let (expected, wanted) = scan(&file);
    assert!(expected.objects.len() > 4);
    let mut spoilt = vec![0xAA; file.len()];
    for range in &wanted {
        let range = range.start as usize..range.end as usize;
        spoilt[range.clone()].copy_from_slice(&file[range]);
    }
    assert!(!wanted.iter().any(|range| range.contains(&TREE)));
    assert!(scan(&spoilt).0 == expected);
}
