//! A source is changed after it was scanned.

use std::path::{Path, PathBuf};

use chunkref::manifest::{ChunkRef, Manifest, Pin};
use chunkref::verify::FindingKind;

use crate::sets::{granule, scanned, told, verified};

/// A copy of a granule, and a set of it.
async fn copied(name: &str) -> (tempfile::TempDir, PathBuf, Manifest) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::copy(granule(name), &path).unwrap();
    let manifest = scanned(&path).await;
    (folder, path, manifest)
}

/// The same, pinned by its size alone, or by nothing.
fn pinned(mut manifest: Manifest, with_size: bool) -> Manifest {
    let ids: Vec<_> = manifest
        .locations
        .iter()
        .map(|(id, one)| (id, one.pin.size))
        .collect();
    for (id, size) in ids {
        let size = size.filter(|_| with_size);
        let pin = Pin {
            size,
            ..Pin::default()
        };
        manifest.locations.describe(id, pin, Vec::new());
    }
    manifest
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// The middle byte of a chunk of an array.
fn middle(manifest: &Manifest, path: &str) -> usize {
    let array = manifest.array(path).unwrap();
    let range = array.chunks().find_map(|(_, chunk)| match chunk {
        ChunkRef::Range { offset, length, .. } => Some(offset + length / 2),
        _ => None,
    });
    usize::try_from(range.unwrap()).unwrap()
}

#[tokio::test]
async fn a_source_that_changed_is_named_once() {
    let (_folder, path, manifest) = copied("mur_like_20200601.nc").await;
    let at = middle(&manifest, "/analysed_sst");
    change(&path, |bytes| bytes[at] ^= 1);
    let found = verified(&manifest, true).await;
    let [finding] = found.findings.as_slice() else {
        panic!("{:?}", told(&found));
    };
    assert_eq!(finding.kind, FindingKind::Pin);
    let text = finding.to_string();
    assert!(
        text.contains("Last-Modified") && text.contains(path.to_str().unwrap()),
        "{text}"
    );
    assert!(found.skipped > 0 && found.decoded + found.skipped == found.chunks);
}

#[tokio::test]
async fn a_byte_of_a_compressed_chunk_is_found_though_the_pin_holds() {
    for (name, array) in [
        ("mur_like_20200601.nc", "/analysed_sst"),
        ("atl03_like.h5", "/gt1l/heights/h_ph"),
    ] {
        let (_folder, path, manifest) = copied(name).await;
        let manifest = pinned(manifest, true);
        let at = middle(&manifest, array);
        change(&path, |bytes| bytes[at] ^= 0xff);
        let found = verified(&manifest, false).await;
        let [finding] = found.findings.as_slice() else {
            panic!("{name}: {:?}", told(&found));
        };
        assert_eq!(finding.path.as_deref(), Some(array));
        assert_eq!(finding.kind, FindingKind::Chunk);
        assert_eq!(found.decoded + 1, found.chunks);
    }
}

#[tokio::test]
async fn a_source_that_was_cut_short_is_found() {
    for with_size in [true, false] {
        let (_folder, path, manifest) = copied("mur_like_20200601.nc").await;
        let manifest = pinned(manifest, with_size);
        change(&path, |bytes| bytes.truncate(bytes.len() * 9 / 10));
        let found = verified(&manifest, false).await;
        let kinds: Vec<_> = found.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds.contains(&FindingKind::Pin), with_size, "{kinds:?}");
        assert!(kinds.contains(&FindingKind::Bounds), "{kinds:?}");
    }
}

#[tokio::test]
async fn a_source_that_was_replaced_or_removed_is_found() {
    let (_folder, path, manifest) = copied("mur_like_20200601.nc").await;
    let unpinned = pinned(manifest.clone(), false);
    std::fs::copy(granule("mur_like_20200602.nc"), &path).unwrap();
    assert!(!verified(&unpinned, true).await.is_sound());
    assert!(!verified(&manifest, false).await.is_sound());
    std::fs::remove_file(&path).unwrap();
    let found = verified(&unpinned, true).await;
    let [finding] = found.findings.as_slice() else {
        panic!("{:?}", told(&found));
    };
    assert_eq!(finding.kind, FindingKind::Object);
    assert_eq!(found.skipped + found.decoded, found.chunks);
}
